"""Runs: list, show, cancel, end, pin, archive, delete. `telemetry` shows what they called."""

import asyncio
import dataclasses
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial

from litestar import Response
from msgspec.structs import replace

from titan.engine.cancel import cancel_run as cancel_all_of
from titan.engine.cancel import end_run as note_end
from titan.ingest.sentinel_fields import REPLAY_TAG, replay_session
from titan.insight.likeness import similar_names
from titan.model.errors import Conflict
from titan.model.run_control import RunOutcome
from titan.model.run_status import RunStatus
from titan.model.runs import Run
from titan.ports import Transaction
from titan.ports_calls import CallReader, CallTransaction, RunFilter
from titan.rules.names import shown
from titan.rules.run_lifecycle import end_by_hand
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.lookup import find_run
from titan.server.recorded_views import run_detail_view, run_view, run_views
from titan.server.routes.recording import record
from titan.server.routes.registry import COUNTED, change, find_recorded, look, run_filter
from titan.server.texts import check_text
from titan.server.work_views import Stages, add_stages
from titan.wire.base import OkAnswer
from titan.wire.recording import EndRunBody
from titan.wire.runs import ElsewhereView, RegistryAnswer, RegistryQuery, RunView


async def list_runs(call: Call) -> Response[bytes]:
    """List runs under filters, sorted."""
    query = call.query(RegistryQuery)
    wanted = run_filter(call, query)

    def find(reader: CallReader) -> RegistryAnswer:
        project_id = call.project_id
        runs, cursor = reader.registry(
            project_id,
            wanted,
            sort=query.sort,
            is_ascending=query.order == "asc",
            after=query.cursor,
            limit=query.limit,
        )
        total = reader.count_runs(project_id, wanted, up_to=COUNTED + 1)
        is_search_capped = reader.is_search_capped(wanted)
        return RegistryAnswer(
            data=run_views(reader, runs),
            next_cursor=cursor,
            total=min(total, COUNTED),
            is_total_capped=total > COUNTED or is_search_capped,
            is_search_capped=is_search_capped,
            elsewhere=None if total or wanted.ids is not None else _elsewhere(reader, project_id, wanted),
        )

    answer = await look(call, find)
    await with_stages(call, answer.data, stages=Stages.LISTED if query.stages else Stages.COUNTED)
    return json_answer(answer)


def _elsewhere(reader: CallReader, project_id: str, wanted: RunFilter) -> ElsewhereView:
    """Return where a filter that found nothing would have found something."""
    ever = dataclasses.replace(wanted, started_since=None)
    meant = wanted.agent_id or wanted.text or ""
    agents = reader.agents(project_id, limit=COUNTED) if meant else []
    return ElsewhereView(
        in_all_time=reader.count_runs(project_id, ever, up_to=COUNTED),
        similar_agents=similar_names(meant, [agent.agent_id for agent in agents]),
    )


async def show_run(call: Call) -> Response[bytes]:
    """Show a run: its totals, what was reported beside its words, and its stages with their jobs."""
    view = await look(call, lambda reader: run_detail_view(reader, find_recorded(reader, call)))
    await with_stages(call, [view], stages=Stages.WITH_JOBS)
    return json_answer(view)


async def with_stages(call: Call, runs: list[RunView], *, stages: Stages = Stages.COUNTED) -> None:
    """Add to those of `runs` that have stages what these come to, from the store of jobs: one read."""
    if any(run.has_stages for run in runs):
        add = partial(add_stages, project_id=call.project_id, runs=runs, stages=stages)
        await asyncio.to_thread(call.house.store.read, add)


async def cancel_run(call: Call) -> Response[bytes]:
    """Cancel what of a run's stages has not started, stop what runs, and end the run."""
    raw = await call.raw_body()

    def act(tx: Transaction) -> object:
        return cancel_all_of(tx, find_run(tx, call.project_id, call.path("run")), by=call.caller.name)

    return json_answer(await call.house.orchestrator.decide(call.once(raw, act)))


async def end_run(call: Call) -> Response[bytes]:
    """Report how a run ended. Jobs of its stages still run to their end; what begins later opens the run again."""
    raw = await call.raw_body()
    body = call.decode(raw, EndRunBody)
    check_text("error of the run's end", body.error or "")
    run = await look(call, partial(find_recorded, call=call))
    if run.has_stages:
        await call.house.orchestrator.keep(call.once(raw, partial(_end_stages, run=run, body=body)))
    elif end := end_by_hand(run, end=body.status, reason=body.error, now=call.house.clock.now()):
        await record(call, lambda: [end])
    return await _answer(call, await look(call, partial(find_recorded, call=call)))


def _end_stages(tx: Transaction, run: Run, body: EndRunBody) -> object:
    """Report that no more stages will come; nothing where retention deleted those there were."""
    if tx.run_control(run.project_id, run.id) is not None:
        note_end(tx, run.project_id, run.id, RunOutcome(body.status.value), reason=body.error or "")
    return OkAnswer()


async def pin_run(call: Call) -> Response[bytes]:
    """Keep a run, with all that was recorded of it and all that its jobs left, until it is unpinned."""
    return await _answer(call, await change(call, partial(_pinned, call=call, is_pinned=True)))


async def unpin_run(call: Call) -> Response[bytes]:
    """Let retention delete a pinned run when it is old."""
    return await _answer(call, await change(call, partial(_pinned, call=call, is_pinned=False)))


def _pinned(tx: CallTransaction, call: Call, *, is_pinned: bool) -> Run:
    run = find_recorded(tx, call)
    return _with_pin(tx, run, at=(run.pinned_at or tx.now) if is_pinned else None)


def _with_pin(tx: CallTransaction, run: Run, *, at: datetime | None) -> Run:
    if at == run.pinned_at:
        return run
    pinned = replace(run, pinned_at=at)
    tx.save_run(pinned)
    return pinned


async def pin_imported(call: Call, pins: Mapping[str, datetime]) -> None:
    """Pin runs that were pinned elsewhere: run id → since when; one that is pinned here already stays as it is."""

    def act(tx: CallTransaction) -> None:
        for run_id, at in pins.items():
            run = tx.run(call.project_id, run_id)
            if run is not None and run.pinned_at is None:
                _with_pin(tx, run, at=at)

    if pins:
        await change(call, act)


async def restore_run(call: Call) -> Response[bytes]:
    """Bring an archived run back into the lists and the search."""

    def act(tx: CallTransaction) -> Run:
        run = find_recorded(tx, call)
        if run.archived_at is not None:
            tx.restore_run(run)
        return replace(run, archived_at=None)

    return await _answer(call, await change(call, act))


async def archive_run(call: Call) -> Response[bytes]:
    """Take a run that has ended out of the lists and the search, until it is restored."""

    def act(tx: CallTransaction) -> Run:
        run = _ended(find_recorded(tx, call))
        if run.archived_at is None:
            tx.archive_run(run)
        return replace(run, archived_at=run.archived_at or tx.now)

    return await _answer(call, await change(call, act))


async def _answer(call: Call, run: Run) -> Response[bytes]:
    view = run_view(run)
    await with_stages(call, [view])
    return json_answer(view)


def _ended(run: Run) -> Run:
    """Return a run that has ended.

    Raises:
        Conflict: it goes on.
    """
    if run.status not in (RunStatus.PENDING, RunStatus.RUNNING):
        return run
    how = (
        "cancel it with POST /api/v1/runs/{run}/cancel (titan runs cancel RUN)"
        if run.has_stages
        else "say it with POST /api/v1/runs/{run}/end (titan runs end RUN)"
    )
    raise Conflict(
        f"run {shown(run.id)}",
        expected="a run that has ended",
        found=f"one that is {run.status.value}",
        next_step=f"Wait for its end, or {how}; what it still tells would make it anew.",
    )


def _unpinned(run: Run) -> Run:
    """Return a run that nobody wants kept.

    Raises:
        Conflict: it is pinned.
    """
    if run.pinned_at is None:
        return run
    raise Conflict(
        f"run {shown(run.id)}",
        expected="a run that is not pinned",
        found="one that is pinned, to be kept",
        next_step="Unpin it with POST /api/v1/runs/{run}/unpin (titan runs unpin RUN), then delete it.",
    )


async def delete_run(call: Call) -> Response[bytes]:
    """Delete a run with its stages and every byte that was recorded of it, replays too."""
    run = await look(call, lambda reader: _unpinned(_ended(find_recorded(reader, call))))
    if run.has_stages:
        await call.house.cleaner.forget_stages(run)

    def act(tx: CallTransaction) -> set[str]:
        left: set[str] = set()
        found = find_recorded(tx, call)
        names = dict.fromkeys((call.path("run"), found.id))
        for run in [found, *(replay for name in names for replay in _replays(tx, call, name))]:
            _unpinned(_ended(run))
            left |= tx.blobs_of_run(run.project_id, run.id)
            tx.forget_run(run.project_id, run.id)
        return left

    await call.house.cleaner.discard(await change(call, act))
    return json_answer(OkAnswer())


def _replays(tx: CallTransaction, call: Call, run_id: str) -> Iterator[Run]:
    """Yield what agentsentinel-sdk told of replays of a run: its content once more."""
    while True:
        run_id = replay_session(run_id)
        run = tx.run(call.project_id, call.house.recorder.known_as(run_id))
        if run is None or REPLAY_TAG not in run.tags:
            return
        yield run
