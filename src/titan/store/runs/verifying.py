"""Verify a run's tape: compute each link of its hash chain again from the stored rows.

It decodes nothing, so that any change of a row is reported as a break and never raised.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from titan.model.actions import digest_of
from titan.ports.runs_store import TapeBlob, TapeBreak, TapeCheck
from titan.store.runs.packing import FACTS, entries_of_pack, texts_of_pack
from titan.store.runs.tapes import BLOB, from_ranges, link_after
from titan.store.session import Row, Session
from titan_sdk.tape import CHAIN_START, chain

ROWS_AT_ONCE: Final = 200  # each of up to 64 KiB and what it shares
TEXTS_AT_ONCE: Final = 1000
_LINK: Final = 8
_BODIES: Final = ((4, 5), (6, 7))  # text and what it shares, of inputs and of outputs
_UNREADABLE: Final = (zlib.error, ValueError)  # of a pack

GONE: Final = "its content is gone"
CHANGED: Final = "it is not what was recorded"
CUT: Final = "entries at its end are gone"


def check_tapes(session: Session, tapes: Sequence[int]) -> TapeCheck:
    """Return how far a run's tapes can be trusted, one behind the other; a break is the first there is."""
    entries, link = 0, ""
    blobs: dict[str, TapeBlob] = {}
    for tape_no in tapes:
        check = _Walk(session, tape_no).checked()
        link = chain(link, bytes.fromhex(check.link)) if link else check.link
        for blob in check.blobs:
            blobs.setdefault(blob.digest, replace(blob, place=blob.place + entries))
        if check.broken is not None:
            broken = replace(check.broken, place=check.broken.place + entries)
            return TapeCheck(entries=entries + check.entries, link=link, broken=broken, blobs=tuple(blobs.values()))
        entries += check.entries
    return TapeCheck(entries=entries, link=link, broken=None, blobs=tuple(blobs.values()))


class _Walk:
    """One way along a tape, from its first entry to its last."""

    def __init__(self, session: Session, run_no: int) -> None:
        self._session = session
        self._run_no = run_no
        row = session.one("end_of_tape", run_no=run_no)
        assert row is not None
        self._count, texts, self._end = int(row[0]), int(row[1]), bytes(row[2])
        self._digests = dict(self._digests_of_texts(texts))
        self._blobs: dict[str, TapeBlob] = {}

    def checked(self) -> TapeCheck:
        link, place = CHAIN_START, 0
        for place, row in enumerate(self._rows(), start=1):
            found, link = self._link(link, row)
            if found is not None:
                return self._result(link, TapeBreak(place=place, action_id=None, found=found), row[1])
            self._note_blobs(place, row)
        if bytes.fromhex(link) != self._end:
            return self._result(link, TapeBreak(place=place + 1, action_id=None, found=CUT), None)
        return self._result(link, None, None)

    def _result(self, link: str, broken: TapeBreak | None, action_number: int | None) -> TapeCheck:
        if broken is not None and action_number is not None:
            named = self._session.one("place_of_action", number=action_number)
            broken = replace(broken, action_id=None if named is None else named[1])
        return TapeCheck(entries=self._count, link=link, broken=broken, blobs=tuple(self._blobs.values()))

    def _link(self, previous: str, row: Row) -> tuple[str | None, str]:
        """Return what is wrong with an entry, None when nothing is, and the link up to which all is well."""
        if row[FACTS] is None:
            return GONE, previous
        try:
            given, taken = (self._body(row[text], row[shared]) for text, shared in _BODIES)
        except KeyError:
            return GONE, previous
        except ValueError:
            return CHANGED, previous
        link = link_after(previous, row[FACTS].encode(), given, taken)
        return (None, link) if bytes.fromhex(link) == row[_LINK] else (CHANGED, previous)

    def _body(self, text: str | None, shared: str | None) -> tuple[bytes, ...]:
        """Return what the chain takes of a body.

        Raises:
            KeyError: a text that it shares is gone.
            ValueError: what it shares, or the blob it is in, is not what its text says.
        """
        if text is None:
            return ()
        if shared is not None and shared.startswith(BLOB):
            if shared.removeprefix(BLOB) not in text:
                raise ValueError(shared)
            return (text.encode(),)
        return (text.encode(), *(self._digests[number] for number in from_ranges(shared or "")))

    def _note_blobs(self, place: int, row: Row) -> None:
        for _, shared in _BODIES:
            if row[shared] is not None and row[shared].startswith(BLOB):
                digest = row[shared].removeprefix(BLOB)
                named = self._session.one("place_of_action", number=row[1]) if digest not in self._blobs else None
                self._blobs.setdefault(
                    digest, TapeBlob(digest=digest, place=place, action_id=None if named is None else named[1])
                )

    def _rows(self) -> Iterator[Row]:
        """Yield the rows of `entry_columns`, those in packs too; without facts where those cannot be found."""
        after = 0
        while rows := self._session.all("entries_of_run", run_no=self._run_no, after=after, limit=ROWS_AT_ONCE):
            packed = self._packed([row[0] for row in rows if row[FACTS] is None])
            yield from (packed.get(row[0], row) if row[FACTS] is None else row for row in rows)
            after = rows[-1][0]

    def _packed(self, numbers: list[int]) -> Mapping[int, Row]:
        found: dict[int, Row] = {}
        if not numbers:
            return found
        for (data,) in self._session.all("packs_of_entries", run_no=self._run_no, first=numbers[0], last=numbers[-1]):
            with suppress(*_UNREADABLE):
                found.update((row[0], row) for row in entries_of_pack(data))
        return found

    def _digests_of_texts(self, count: int) -> Iterator[tuple[int, bytes]]:
        """Yield (number, digest) of the texts that the run's bodies share, each computed from its content."""
        for first in range(1, count + 1, TEXTS_AT_ONCE):
            last = first + TEXTS_AT_ONCE - 1
            for number, content in self._session.all("texts_between", run_no=self._run_no, first=first, last=last):
                yield number, digest_of(content)
        for (data,) in self._session.all("packs_of_texts", run_no=self._run_no, first=1, last=count):
            with suppress(*_UNREADABLE):
                yield from ((number, digest_of(content)) for number, content in texts_of_pack(data))
