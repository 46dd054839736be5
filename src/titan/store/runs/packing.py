"""Compress the tapes of ended runs: rows as JSON lists, a few hundred at a time, with zlib.

Facts of one run repeat each other, so that together they take a fifth; alone, each would take four fifths.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

import msgspec

from titan.store.session import Row, Session, Value

PACK_BYTES: Final = 256 * 1024  # of JSON, before it is compressed: what reading one row unpacks
LEVEL: Final = 6
FACTS: Final = 3  # the place of facts in a row of `entries_to_pack`
EVERY: Final = 2**62

_Text: TypeAlias = str | None
_ENTRIES: Final = msgspec.json.Decoder(list[tuple[int, int | None, int, str, _Text, _Text, _Text, _Text, str]])
_TEXTS: Final = msgspec.json.Decoder(list[tuple[int, str]])


class Packed:
    """What a run becomes, made beside the writer: compressing takes longer than writing."""

    def __init__(self, session: Session, run_no: int, project_id: str, version: int) -> None:
        self._run_no = run_no
        self._version = version
        entries = session.all("entries_to_pack", run_no=run_no)
        texts = session.all("texts_to_pack", run_no=run_no)
        self._rows: list[tuple[Value, ...]] = [
            (project_id, run_no, kind, first, last, data)
            for kind, rows in (("entries", entries), ("texts", texts))
            for first, last, data in _packs(rows)
        ]

    def write(self, session: Session) -> None:
        """Replace the rows by the packs, unless the run has changed since."""
        if session.one("is_still_to_pack", run_no=self._run_no, version=self._version) is None:
            return
        session.insert("add_packs", self._rows)
        for query in ("drop_packed_bodies", "drop_packed_texts", "note_packed"):
            session.run(query, {"run_no": self._run_no})


def unpacked_entries(session: Session, run_no: int, rows: Sequence[Row]) -> list[Row]:
    """Return rows of `entry_columns` with what packs hold of them in its place."""
    missing = {row[0] for row in rows if row[FACTS] is None}
    found: dict[int, Row] = {}
    for number in sorted(missing):
        if number not in found:  # one pack after the other, and of each what is asked for: all of them may be much
            for (data,) in session.all("packs_of_entries", run_no=run_no, first=number, last=number):
                found.update((row[0], row) for row in entries_of_pack(data) if row[0] in missing)
    # A row knows better than its pack which action it is about: that may have become one with another since.
    return [(*row[:FACTS], *found[row[0]][FACTS:]) if row[FACTS] is None else row for row in rows]


def unpacked_texts(session: Session, run_no: int, *, first: int = 1, last: int = EVERY) -> dict[int, str]:
    """Return those texts of a run that are packed, by number: all whose packs lie between `first` and `last`."""
    packs = session.all("packs_of_texts", run_no=run_no, first=first, last=last)
    return {number: content for (data,) in packs for number, content in texts_of_pack(data)}


def entries_of_pack(data: bytes) -> list[Row]:
    """Return the rows of `entry_columns` that a pack of entries holds.

    Raises:
        zlib.error, ValueError: it holds something else.
    """
    return [(*row[:-1], bytes.fromhex(row[-1])) for row in _ENTRIES.decode(zlib.decompress(data))]


def texts_of_pack(data: bytes) -> list[tuple[int, str]]:
    """Return (number, content) of the texts that a pack of texts holds.

    Raises:
        zlib.error, ValueError: it holds something else.
    """
    return _TEXTS.decode(zlib.decompress(data))


def _packs(rows: Iterable[Row]) -> Iterator[tuple[int, int, bytes]]:
    """Yield (first number, last number, data) of packs that hold all rows, each as many as fit."""
    part: list[bytes] = []
    size = first = last = 0
    for row in rows:
        text = msgspec.json.encode(row)
        if part and size + len(text) > PACK_BYTES:
            yield first, last, _data(part)
            part, size = [], 0
        first = first if part else row[0]
        part.append(text)
        last, size = row[0], size + len(text)
    if part:
        yield first, last, _data(part)


def _data(rows: Iterable[bytes]) -> bytes:
    return zlib.compress(b"[" + b",".join(rows) + b"]", LEVEL)
