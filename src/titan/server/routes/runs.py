"""Agent runs: list, look at, cancel, end."""

import asyncio
from datetime import datetime

from litestar import Response

from titan.engine.cancel import cancel_run as cancel_all_of
from titan.engine.cancel import end_run as note_end
from titan.model.runs import Run, RunOutcome, RunStatus
from titan.ports import Reader, Transaction
from titan.rules.rollup import possible_run_statuses, run_status
from titan.server import wire, wire_work
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.lists import Found, all_of, given, look_through
from titan.server.lookup import find_run
from titan.server.texts import check_text
from titan.server.work_views import run_view, run_views


async def list_runs(call: Call) -> Response[bytes]:
    """List agent runs, newest first, or those that are asked for by id."""
    query = call.query(wire_work.RunsQuery)
    now = call.house.clock.now()

    def look(reader: Reader) -> wire_work.RunsAnswer:
        found = _asked_for(reader, call.house.project_id, query, now)
        runs = run_views(reader, found.rows, now=now, with_stages=query.stages)
        return wire_work.RunsAnswer(runs=runs, more=found.more, next=found.next)

    return json_answer(await asyncio.to_thread(call.house.store.read, look))


def _asked_for(reader: Reader, project_id: str, query: wire_work.RunsQuery, now: datetime) -> Found[Run]:
    part = query.q.lower() if query.q else ""
    statuses = frozenset(map(RunStatus, query.status.split(","))) if query.status else None

    def fitting(runs: list[Run]) -> list[Run]:
        named = [run for run in runs if part in run.id.lower() or part in run.agent_id.lower()]
        if statuses is None:
            return named
        likely = [run for run in named if statuses & possible_run_statuses(run, now=now)]
        last_stages = reader.last_stages(project_id, [run.id for run in likely])
        return [run for run in likely if run_status(run, last_stages.get(run.id), now=now) in statuses]

    def read(before: str | None, limit: int) -> list[Run]:
        return reader.runs(project_id, before=before, limit=limit)

    if query.ids is not None:
        return all_of(reader.runs_of_ids(project_id, given(query.ids)), fitting)
    if query.before is not None:
        find_run(reader, project_id, query.before)  # without it nobody knows where the list goes on
    return look_through(read, fitting, id_of=lambda run: run.id, before=query.before, limit=query.limit)


async def show_run(call: Call) -> Response[bytes]:
    """Show a run with its stages in submission order, and their jobs."""
    now = call.house.clock.now()

    def look(reader: Reader) -> wire_work.RunView:
        return run_view(reader, _find(reader, call), now=now, with_stages=True)

    return json_answer(await asyncio.to_thread(call.house.store.read, look))


async def cancel_run(call: Call) -> Response[bytes]:
    """Cancel what of a run has not started, stop what runs, and end the run."""
    raw = await call.raw_body()

    def act(tx: Transaction) -> object:
        return cancel_all_of(tx, _find(tx, call))

    return json_answer(await call.house.orchestrator.decide(call.once(raw, act)))


async def end_run(call: Call) -> Response[bytes]:
    """Note that the run's orchestrator is done with it."""
    raw = await call.raw_body()
    body = call.decode(raw, wire.EndRunBody)
    check_text("reason of the run's end", body.reason)

    def act(tx: Transaction) -> object:
        run = _find(tx, call)
        ended = note_end(tx, run.project_id, run.id, RunOutcome(body.outcome), reason=body.reason)
        return run_view(tx, ended, now=tx.now)

    return json_answer(await call.house.orchestrator.keep(call.once(raw, act)))


def _find(reader: Reader, call: Call) -> Run:
    return find_run(reader, call.house.project_id, call.path("run"))
