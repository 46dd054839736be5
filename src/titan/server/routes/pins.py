"""Pins: a run is kept with all it left and all that was recorded of it, by whichever of its two names it is pinned."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from litestar import Response
from msgspec import structs

from titan.model.recorded import RecordedRun
from titan.ports import Transaction
from titan.ports_calls import CallTransaction
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.lookup import find_run
from titan.server.recorded_views import run_view as recorded_view
from titan.server.routes.registry import change, find_recorded, look
from titan.server.work_views import run_view


async def pin_run(call: Call) -> Response[bytes]:
    """Keep a run, and all it left, until it is unpinned."""
    return await _pin_run(call, is_pinned=True)


async def unpin_run(call: Call) -> Response[bytes]:
    """Let a pinned run go again when it is old."""
    return await _pin_run(call, is_pinned=False)


async def pin_recorded_run(call: Call) -> Response[bytes]:
    """Keep a recorded run, however old it gets, until it is unpinned."""
    return await _pin_recorded(call, is_pinned=True)


async def unpin_recorded_run(call: Call) -> Response[bytes]:
    """Let a pinned recorded run go again when it is old."""
    return await _pin_recorded(call, is_pinned=False)


async def pin_imported(call: Call, pins: Mapping[str, datetime]) -> None:
    """Keep runs that were pinned elsewhere: run id → since when; one that is pinned here already stays as it is."""
    for run_id, at in pins.items():
        await call.house.orchestrator.keep(partial(_set_pin, call=call, run_id=run_id, at=at))
        await change(call, partial(_set_recorded_pin, call=call, run_id=run_id, at=at))


async def _pin_run(call: Call, *, is_pinned: bool) -> Response[bytes]:
    raw = await call.raw_body()

    def act(tx: Transaction) -> object:
        find_run(tx, call.house.project_id, call.path("run"))
        _set_pin(tx, call=call, run_id=call.path("run"), at=tx.now if is_pinned else None)
        return run_view(tx, find_run(tx, call.house.project_id, call.path("run")), now=tx.now)

    answer = await call.house.orchestrator.keep(call.once(raw, act))
    await change(call, partial(_pin_now, call=call, is_pinned=is_pinned))
    return json_answer(answer)


async def _pin_recorded(call: Call, *, is_pinned: bool) -> Response[bytes]:
    await look(call, lambda reader: find_recorded(reader, call))

    def submitted(tx: Transaction) -> None:
        _set_pin(tx, call=call, run_id=call.path("run"), at=tx.now if is_pinned else None)

    # First: the registry follows what it finds here, and would bring back a pin that is still there.
    await call.house.orchestrator.keep(submitted)

    def act(tx: CallTransaction) -> RecordedRun:
        _pin_now(tx, call=call, is_pinned=is_pinned)
        return find_recorded(tx, call)

    return json_answer(recorded_view(await change(call, act)))


def _pin_now(tx: CallTransaction, *, call: Call, is_pinned: bool) -> None:
    _set_recorded_pin(tx, call=call, run_id=call.path("run"), at=tx.now if is_pinned else None)


def _set_pin(tx: Transaction, *, call: Call, run_id: str, at: datetime | None) -> None:
    """Pin or unpin the run that submitted stages, if there is one."""
    run = tx.run(call.house.project_id, run_id)
    if run is not None and (run.pinned_at is None) != (at is None):
        tx.save_run(replace(run, pinned_at=at))


def _set_recorded_pin(tx: CallTransaction, *, call: Call, run_id: str, at: datetime | None) -> None:
    """Pin or unpin what was recorded of the run, if anything was."""
    run = tx.recorded_run(call.house.project_id, run_id)
    if run is not None and (run.pinned_at is None) != (at is None):
        tx.save_run(structs.replace(run, pinned_at=at))
