"""Map entries of a tape to rows and back: facts, payloads, shared texts, and the hash chain."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from titan.model.actions import DIGEST_BYTES, ActionEntry, Payload, digest_of
from titan.model.runs import Run
from titan.ports.runs_store import NewEntry, StoredEntry
from titan.store.columns import from_us, to_json
from titan.store.runs.packing import unpacked_entries, unpacked_texts
from titan.store.runs.rows import Values, entry_of_facts, facts_of
from titan.store.runs.words import apart
from titan.store.session import Row, Session
from titan_sdk.tape import chain

ROWS_AT_ONCE: Final = 32  # each has two bodies of at most 64 KiB: longer ones are blobs
TEXTS_AT_ONCE: Final = 5000
_BODIES: Final = (4, 6)  # places of the texts of inputs and outputs in `entry_columns`
_SHARED: Final = (5, 7)  # places of what they share


MAX_CHARACTERS: Final = 64 * 1024  # of one text; what lies behind is not found
_READ: Final = ("\\u", "\\\\", "\\b", "\\f")  # escapes that are not simply gaps, or seldom come
NO_LINK: Final = bytes(32).hex()


@dataclass(slots=True)
class Place:
    """Where a run stands in the store, and how far its tape has come."""

    run_no: int
    text_count: int
    link: str
    actions_version: int  #: of the newest change of its actions or of its code
    known: Run | None  #: None: it is new


# --- writing ---


def words_of_entry(entry: ActionEntry, new_in_inputs: Iterable[str], new_in_outputs: Iterable[str]) -> str:
    """Return the words an entry is found by: of the texts it shares with others, those that are new with it."""
    parts = [entry.name, *entry.tags]
    if entry.failure is not None:
        parts.append(entry.failure.message)
    for payload, new in ((entry.inputs, new_in_inputs), (entry.outputs, new_in_outputs)):
        if payload is not None:
            parts += map(words_of, (payload.text, *new))
    return "\n".join(parts)


def words_of(text: str) -> str:
    """Return a text whose words are those of a JSON text, keys too.

    The index takes whatever is no letter or digit for a gap, so JSON needs no reading, but for its escapes: `\\n` would
    put an n before the next word, and `\\u00e9` is a letter. An escaped backslash may stand before an n that is one.
    """
    if "\\" in text:
        is_plain = not any(escape in text for escape in _READ)
        text = text.replace("\\n", " ").replace("\\t", " ").replace("\\r", " ") if is_plain else _read_words(text)
    text = text[:MAX_CHARACTERS]
    return text if text.isascii() else apart(text)


def _read_words(text: str) -> str:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
    found: list[str] = []
    _gather_words(value, found)
    return " ".join(found)


def _gather_words(value: Any, found: list[str]) -> None:
    pending = [value]
    while pending:
        part = pending.pop()
        if isinstance(part, str):
            found.append(part)
        elif isinstance(part, dict):
            found.extend(part)
            pending.extend(reversed(part.values()))
        elif isinstance(part, list):
            pending.extend(reversed(part))
        elif part is not None:
            found.append(str(part))


class _Body(NamedTuple):
    """What a payload becomes."""

    text: str | None  #: its columns
    shared: str | None
    linked: tuple[bytes, ...]  #: what the chain takes of it
    new: Sequence[str]  #: the texts that the run did not keep before


_NO_BODY: Final = _Body(None, None, (), ())


class TapeRows:
    """The rows that some entries become."""

    def __init__(self, project_id: str, now_us: int, texts_of: Callable[[Place], dict[bytes, int]]) -> None:
        self._project_id = project_id
        self._now_us = now_us
        self._texts_of = texts_of
        self.entries: list[Values] = []
        self.bodies: list[Values] = []
        self.texts: list[Values] = []
        self.words: list[tuple[int, str]] = []
        self.blobs: list[Values] = []
        #: Number of an action → number of its newest entry.
        self.versions: dict[int, int] = {}

    def add(self, number: int, new: NewEntry, place: Place) -> None:
        """Add the rows of one more entry."""
        entry, facts = new.entry, facts_of(new.entry)
        given = taken = _NO_BODY
        if isinstance(entry, ActionEntry):
            assert new.action_number is not None
            given, taken = self._body(entry.inputs, place), self._body(entry.outputs, place)
            self.versions[new.action_number] = number
            self.words.append((number, words_of_entry(entry, given.new, taken.new)))
        else:
            given = self._body(entry.program, place)
        place.link = link_after(place.link, facts, given.linked, taken.linked)
        self.entries.append((number, self._project_id, place.run_no, new.action_number, self._now_us))
        self.bodies.append(
            (
                number,
                self._project_id,
                facts.decode(),
                given.text,
                given.shared,
                taken.text,
                taken.shared,
                bytes.fromhex(place.link),
            )
        )

    def _body(self, payload: Payload | None, place: Place) -> _Body:
        if payload is None:
            return _NO_BODY
        content = payload.text.encode()
        if payload.blob is not None:
            self.blobs.append((payload.blob, place.run_no, self._project_id))
            return _Body(payload.text, BLOB + payload.blob, (content,), ())
        if not payload.shared:
            return _Body(payload.text, None, (content,), ())
        known = self._texts_of(place)
        digests = payload.digests or tuple(map(digest_of, payload.shared))
        new = () if all(map(known.__contains__, digests)) else self._keep_new(payload.shared, digests, known, place)
        return _Body(payload.text, to_ranges([*map(known.__getitem__, digests)]), (content, *digests), new)

    def _keep_new(
        self, texts: Sequence[str], digests: Sequence[bytes], known: dict[bytes, int], place: Place
    ) -> Sequence[str]:
        """Number the texts that the run does not keep yet, and return them."""
        new: list[str] = []
        for text, digest in zip(texts, digests, strict=True):
            if digest not in known:
                place.text_count += 1
                known[digest] = place.text_count
                self.texts.append((self._project_id, place.run_no, place.text_count, digest, text))
                new.append(text)
        return new


#: Of all runs together; a digest takes about 150 bytes of memory here.
MAX_DIGESTS: Final = 200_000


class KnownTexts:
    """Run number → digest → number of the text. A run that was not asked for in a while is read again."""

    def __init__(self) -> None:
        self._runs: OrderedDict[int, dict[bytes, int]] = OrderedDict()
        self._count = 0

    def of_run(self, run_no: int, read: Callable[[], dict[bytes, int]]) -> dict[bytes, int]:
        """Return the run's texts, which the caller may add to; `read` finds them in the store."""
        found = self._runs.get(run_no)
        if found is None:
            found = read()
            self._runs[run_no] = found
            self._count += len(found)
        else:
            self._runs.move_to_end(run_no)
        return found

    def grew(self, count: int) -> None:
        """Note that so many texts were added to what `of_run` returned."""
        self._count += count

    def trim(self) -> None:
        """Forget the runs asked for longest ago, when there are many texts."""
        while self._count > MAX_DIGESTS and len(self._runs) > 1:
            _, texts = self._runs.popitem(last=False)
            self._count -= len(texts)

    def forget(self, run_no: int) -> None:
        """Forget a run whose texts are not as was thought."""
        self._count -= len(self._runs.pop(run_no, ()))

    def clear(self) -> None:
        """Forget all: a transaction was taken back."""
        self._runs.clear()
        self._count = 0


# --- reading ---


def entries_of_rows(session: Session, run_no: int, rows: Sequence[Row]) -> list[StoredEntry]:
    """Return the entries that rows of `entry_columns` are, in their order."""
    whole = unpacked_entries(session, run_no, rows)
    texts = _texts(session, run_no, {number for row in whole for number in _named(row)})
    return [_entry(row, texts) for row in whole]


def entries_within(session: Session, run_no: int, numbers: Sequence[int], limit_bytes: int) -> list[StoredEntry]:
    """Return the first of some entries, in the order asked for, until they take `limit_bytes`; one in any case."""
    texts: dict[int, str] = {}
    found: list[StoredEntry] = []
    held = 0
    for place in range(0, len(numbers), ROWS_AT_ONCE):
        part = numbers[place : place + ROWS_AT_ONCE]
        rows = unpacked_entries(session, run_no, session.all("entries_at", run_no=run_no, numbers=to_json(list(part))))
        by_number = {row[0]: row for row in rows}
        for row in (by_number[number] for number in part if number in by_number):
            new = _texts(session, run_no, set(_named(row)) - texts.keys())
            texts |= new
            found.append(_entry(row, texts))
            held += sum(len(row[body] or "") for body in _BODIES) + sum(map(len, new.values()))
            if held >= limit_bytes:
                return found
    return found


def _named(row: Row) -> list[int]:
    """Return the numbers of the shared texts that a row names."""
    return [number for place in _SHARED for number in from_ranges(row[place] or "")]


def _texts(session: Session, run_no: int, wanted: set[int]) -> dict[int, str]:
    """Return these shared texts of a run, by number, with those that stand beside them in a pack."""
    numbers = sorted(wanted)
    texts: dict[int, str] = {}
    for start in range(0, len(numbers), TEXTS_AT_ONCE):
        part = numbers[start : start + TEXTS_AT_ONCE]
        texts.update(session.all("texts_of_run", run_no=run_no, numbers=to_json(part)))
    for number in numbers:
        if number not in texts:
            texts |= unpacked_texts(session, run_no, first=number, last=number)
    return texts


def _entry(row: Row, texts: dict[int, str]) -> StoredEntry:
    return StoredEntry(
        number=row[0],
        action_number=row[1],
        entry=entry_of_facts(
            row[3],
            is_about_run=row[1] is None,
            inputs=_payload(row[4], row[5], texts),
            outputs=_payload(row[6], row[7], texts),
        ),
        received_at=from_us(row[2]),
        link=row[8].hex(),
    )


def _payload(text: str | None, shared: str | None, texts: dict[int, str]) -> Payload | None:
    if text is None:
        return None
    if shared is None:
        return Payload(text)
    if shared.startswith(BLOB):
        return Payload(text, blob=shared.removeprefix(BLOB))
    return Payload(text, tuple(_found(texts, from_ranges(shared))))


def _found(texts: dict[int, str], numbers: Iterable[int]) -> Iterable[str]:
    return (texts[number] for number in numbers)


# --- links and ranges ---

_DIGEST: Final = b"%d:" % DIGEST_BYTES


def link_after(previous: str, facts: bytes, inputs: Sequence[bytes], outputs: Sequence[bytes]) -> str:
    """Return the link that follows `previous`; a body is its text and the digests of its shared texts, or nothing.

    Each part goes with its length, so that no other parts look the same when they stand together.
    """
    return chain(previous, b"%d:%b" % (len(facts), facts) + _sized(inputs) + _sized(outputs))


def _sized(body: Sequence[bytes]) -> bytes:
    """Return how many parts a body has, its text, and its digests, which are all of one length."""
    count = b"%d" % len(body)
    sized = b"%d:%b" % (len(count), count)
    if body:
        sized += b"%d:%b" % (len(body[0]), body[0])
    return sized + _DIGEST + _DIGEST.join(body[1:]) if len(body) > 1 else sized


BLOB: Final = "blob:"  #: stands before a digest where there are no numbers: the whole text is a blob


def to_ranges(numbers: Sequence[int]) -> str:
    """Return "1-3,7" for 1, 2, 3, 7. The order is kept, repeats too."""
    if len(numbers) > 1 and numbers == [*range(numbers[0], numbers[0] + len(numbers))]:
        return f"{numbers[0]}-{numbers[-1]}"
    parts: list[str] = []
    first = last = -1
    for number in numbers:
        if number == last + 1 and parts:
            last = number
            parts[-1] = f"{first}-{last}"
        else:
            first = last = number
            parts.append(str(number))
    return ",".join(parts)


def from_ranges(text: str) -> list[int]:
    """Return the numbers that `to_ranges` was given; none for a blob."""
    numbers: list[int] = []
    for part in text.split(",") if text and not text.startswith(BLOB) else ():
        first, _, last = part.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return numbers
