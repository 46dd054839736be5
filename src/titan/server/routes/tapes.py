"""Verify the tape of a run."""

import asyncio

from litestar import Response

from titan.ports_calls import CallReader, TapeCheck
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.routes.registry import find_recorded, look
from titan.server.tape_check import broken_blob
from titan.wire.runs import BrokenEntry, ChainAnswer


async def verify_tape(call: Call) -> Response[bytes]:
    """Verify a run's tape, packed or not, with its blobs; it reads all of them."""

    def find(reader: CallReader) -> tuple[str, TapeCheck]:
        run = find_recorded(reader, call)
        check = reader.check_tape(run.project_id, run.id)
        assert check is not None  # of a run that the same snapshot holds
        return run.id, check

    run_id, check = await look(call, find)
    broken = await asyncio.to_thread(broken_blob, call.house.blobs, check)
    if broken is not None:
        await look(call, lambda reader: find_recorded(reader, call))  # unless it was deleted meanwhile
    broken = broken or _broken_entry(check)
    answer = ChainAnswer(run_id=run_id, verified=broken is None, entries=check.entries, link=check.link, broken=broken)
    return json_answer(answer)


def _broken_entry(check: TapeCheck) -> BrokenEntry | None:
    if check.broken is None:
        return None
    return BrokenEntry(entry=check.broken.place, action_id=check.broken.action_id, found=check.broken.found)
