"""The tape of a run, verified: each link computed anew, and the content of each blob beside it."""

import hashlib
from pathlib import Path

from titan.model.runs import Run
from titan.ports import Blobs
from titan.ports_calls import CallReader, CallStore, TapeBlob, TapeCheck
from titan.wire.runs import BrokenEntry


def is_intact(calls: CallStore, blobs: Blobs, run: Run) -> bool:
    """Return whether a run's tape, with its blobs, is what was recorded; it reads all of them."""

    def check(reader: CallReader) -> TapeCheck | None:
        return reader.check_tape(run.project_id, run.id)

    found = calls.read(check)
    return found is None or (found.broken is None and broken_blob(blobs, found) is None)


def broken_blob(blobs: Blobs, check: TapeCheck) -> BrokenEntry | None:
    """Return the first entry whose blob is not what it was; all that are looked at come before a broken entry."""
    for blob in check.blobs:
        found = _found(blobs, blob)
        if found is not None:
            return BrokenEntry(entry=blob.place, action_id=blob.action_id, found=found)
    return None


def _found(blobs: Blobs, blob: TapeBlob) -> str | None:
    """Return what is wrong with a blob; None when nothing is."""
    path = blobs.path(blob.digest)
    if path is None:
        return f"its content, blob {blob.digest}, is gone"
    return None if _digest_of(path) == blob.digest else f"its content, blob {blob.digest}, is not what was recorded"


def _digest_of(path: Path) -> str | None:
    try:
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError:  # deleted meanwhile, or the disk cannot read it
        return None
