"""Entries of a tape from their rows, packed or not, with the texts they share; no more at once than so many bytes."""

from collections.abc import Iterable, Sequence
from typing import Final

from titan.model.actions import Payload
from titan.ports_calls import StoredEntry
from titan.store.calls.packing import unpacked_entries, unpacked_texts
from titan.store.calls.ranges import BLOB, from_ranges
from titan.store.calls.rows import entry_of_facts
from titan.store.calls.session import CallSession
from titan.store.rows.columns import from_us, to_json
from titan.store.session import Row

ROWS_AT_ONCE: Final = 32  # each has two bodies of at most 64 KiB: longer ones are blobs
TEXTS_AT_ONCE: Final = 5000
_BODIES: Final = (4, 6)  # places of the texts of inputs and outputs in `entry_columns`
_SHARED: Final = (5, 7)  # places of what they share


def entries_of_rows(session: CallSession, run_no: int, rows: Sequence[Row]) -> list[StoredEntry]:
    """Return the entries that rows of `entry_columns` are, in their order."""
    whole = unpacked_entries(session, run_no, rows)
    texts = _texts(session, run_no, {number for row in whole for number in _named(row)})
    return [_entry(row, texts) for row in whole]


def entries_within(session: CallSession, run_no: int, numbers: Sequence[int], limit_bytes: int) -> list[StoredEntry]:
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


def _texts(session: CallSession, run_no: int, wanted: set[int]) -> dict[int, str]:
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
        heard_at=from_us(row[2]),
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
