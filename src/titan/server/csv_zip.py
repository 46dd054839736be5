"""Runs as a zip of two CSV files and what they hold, written as it is read: runs.csv, actions.csv, manifest.json.

A run is read once, so that both files tell of the same moment. Its actions, which are most of it, go out as they come;
the runs' rows wait in a temporary file, a few hundred bytes each, for a zip holds one file behind the other.
"""

import hashlib
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import IO, Final

import msgspec

from titan.insight.export import ExportedRun
from titan.insight.export_csv import ACTIONS_HEADER, RUNS_HEADER, RunRow, csv_header, csv_tables

SPOOL_BYTES: Final = 4 * 1024 * 1024  # of runs' rows that are held; more are kept on the disk
COPIED_BYTES: Final = 64 * 1024


def csv_zip(
    runs: Iterable[ExportedRun], *, exported_at: datetime, filters: Mapping[str, str], home: str
) -> Iterator[bytes]:
    """Yield the pieces of the zip, some of them empty; `home` is the folder in which a long table of runs waits."""
    sink = _Sink()
    told = {"runs.csv": _Told(), "actions.csv": _Told()}
    notes = 0
    with (
        tempfile.SpooledTemporaryFile(SPOOL_BYTES, dir=home) as spool,
        zipfile.ZipFile(sink, "w") as archive,
    ):
        told["runs.csv"].write(spool, csv_header(RUNS_HEADER))
        with _opened(archive, "actions.csv", exported_at) as actions:
            told["actions.csv"].write(actions, csv_header(ACTIONS_HEADER))
            for one in csv_tables(runs):
                if isinstance(one, RunRow):
                    told["runs.csv"].write(spool, one.row)
                    notes += one.notes
                else:
                    told["actions.csv"].write(actions, one.row)
                yield sink.taken()
        spool.seek(0)
        with _opened(archive, "runs.csv", exported_at) as table:
            while piece := spool.read(COPIED_BYTES):
                table.write(piece)
                yield sink.taken()
        counts = {"runs": told["runs.csv"].rows, "actions": told["actions.csv"].rows, "notes": notes}
        files = {name: one.view() for name, one in told.items()}
        manifest = {"exported_at": exported_at, "filters": dict(filters), "counts": counts, "files": files}
        with _opened(archive, "manifest.json", exported_at) as member:
            member.write(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    yield sink.taken()


def _opened(archive: zipfile.ZipFile, name: str, at: datetime) -> IO[bytes]:
    """Begin a file of a zip that nobody can go back in: its size, which may be past 4 GB, stands behind it."""
    entry = zipfile.ZipInfo(name, date_time=(at.year, at.month, at.day, at.hour, at.minute, at.second))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return archive.open(entry, "w", force_zip64=True)


class _Told:
    """What a file holds, counted row by row."""

    def __init__(self) -> None:
        self.rows = -1  # its header is none
        self._size_bytes = 0
        self._digest = hashlib.sha256()

    def write(self, file: IO[bytes], row: bytes) -> None:
        """Write a row, and count it."""
        file.write(row)
        self.rows += 1
        self._size_bytes += len(row)
        self._digest.update(row)

    def view(self) -> dict[str, int | str]:
        """Return what a manifest says of the file."""
        return {"rows": self.rows, "size_bytes": self._size_bytes, "sha256": self._digest.hexdigest()}


class _Sink:
    """What a zip is written to: it gives away what it was given, and cannot be gone back in."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        """Keep a piece until it is taken."""
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Do nothing: whoever sends the pieces takes them."""

    def close(self) -> None:
        """Do nothing: the last pieces are taken after the zip is whole."""

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken
