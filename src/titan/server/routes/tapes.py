"""The tape of a run, verified: each link computed anew, and the content of each blob beside it."""

import asyncio
import hashlib
from pathlib import Path

from litestar import Response

from titan.ports import Blobs
from titan.ports_calls import CallReader, TapeBlob, TapeCheck
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.routes.registry import find_recorded, look
from titan.wire.runs import BrokenEntry, ChainAnswer


async def verify_tape(call: Call) -> Response[bytes]:
    """Verify a run's tape, packed or not, with its blobs; it reads all of them."""

    def find(reader: CallReader) -> tuple[str, TapeCheck]:
        run = find_recorded(reader, call)
        check = reader.check_tape(run.project_id, run.id)
        assert check is not None  # of a run that the same snapshot holds
        return run.id, check

    run_id, check = await look(call, find)
    broken = await asyncio.to_thread(_broken_blob, call.house.blobs, check)
    if broken is not None:
        await look(call, lambda reader: find_recorded(reader, call))  # unless it was deleted meanwhile
    broken = broken or _broken_entry(check)
    answer = ChainAnswer(run_id=run_id, verified=broken is None, entries=check.entries, link=check.link, broken=broken)
    return json_answer(answer)


def _broken_entry(check: TapeCheck) -> BrokenEntry | None:
    if check.broken is None:
        return None
    return BrokenEntry(entry=check.broken.place, action_id=check.broken.action_id, found=check.broken.found)


def _broken_blob(blobs: Blobs, check: TapeCheck) -> BrokenEntry | None:
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
