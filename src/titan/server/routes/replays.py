"""Replays of runs: start, list, show, cancel. `titan.server.replays` computes them."""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from titan.ingest.agentsentinel.fields import REPLAY_TAG, replay_session
from titan.model.actions import RunEnd, RunEntry
from titan.model.errors import Conflict, Forbidden, InvalidInput, UnknownReplay
from titan.model.run_control import RunStatus
from titan.model.runs import Replay, ReplayLevel, ReplayState, Run
from titan.model.shaped import shaped
from titan.model.tokens import Role
from titan.ports.runs_store import CallReader, CallTransaction
from titan.replay.orders import Order
from titan.replay.stored import CODE_MISSING
from titan.rules.access import Permission
from titan.rules.names import shown
from titan.rules.runs.lifecycle import end_by_hand
from titan.server.executions import has_stored_program
from titan.server.http.call import Call
from titan.server.http.route import Routes
from titan.server.routes.registry import find_recorded
from titan.server.views.runs import processes_of_run
from titan.wire.replays import (
    MeasureBody,
    NewReplayBody,
    ReplayDetailView,
    ReplayMetrics,
    ReplayProgressBody,
    ReplayQuery,
    ReplayReport,
    ReplayResult,
    ReplaysAnswer,
    ReplaysQuery,
    ReplayView,
    State,
)

route = Routes()

MAX_REPORT_BYTES: Final = 64 * 1024 * 1024
MOST_OF_PARENT: Final = 200
_REPORTER: Final = "agentsentinel-sdk"
_STATES: Final[Mapping[str, State]] = {"success": "completed", "partial": "completed", "failed": "failed"}


@route("POST /api/v1/runs/{run}/replays", Permission.REPLAY, status=202, adds=True)
async def start_replay(call: Call, body: NewReplayBody) -> ReplayView:
    """Start a replay: check the recording, compare it with another run, or execute the run's stored code on a worker.

    With a report, store what a client found that executed the program.
    """
    if body.report is not None:
        return await _store_report(call, body)
    if body.level == "re_execute":
        return await execute(call, runs=body.runs, finds_cause=True, no_sandbox=body.no_sandbox)
    if (body.with_run is None) is (body.level == "compare"):
        raise InvalidInput(
            "replay",
            expected="with_run beside level=compare, and with no other level",
            found=f"level={body.level} {'without' if body.with_run is None else 'with'} with_run",
            next_step='For example {"level": "compare", "with_run": "RUN"}.',
        )
    if not call.app.replays.has_room:
        raise Conflict(
            "replay",
            expected="few replays that wait",
            found="as many as may wait",
            next_step="Wait until one has ended, or cancel one.",
        )
    replay_id = call.app.ids.secret()

    def act(tx: CallTransaction) -> Replay:
        run = find_recorded(tx, call)
        other = None if body.with_run is None else _other_run(tx, call, run, body.with_run)
        with_run = None if other is None else other.id
        replay = new_replay(call, tx, run, replay_id, ReplayLevel(body.level), with_run=with_run)
        tx.save_replay(replay)
        return replay

    replay = await call.change_runs(act)
    call.app.replays.begin(replay)
    return view_of(call, replay)


@route("POST /api/v1/runs/{run}/determinism", Permission.REPLAY, status=202, adds=True)
async def measure_determinism(call: Call, body: MeasureBody) -> ReplayView:
    """Have a worker execute a run's stored code several times, to measure how far the executions agree."""
    return await execute(call, runs=body.runs, finds_cause=False, no_sandbox=body.no_sandbox)


def check_sandbox(call: Call, no_sandbox: bool) -> None:
    """Return when the caller may have code executed as it asks.

    Raises:
        Forbidden: without a sandbox, and the caller is no admin.
    """
    if no_sandbox and call.caller.role is not Role.ADMIN:
        raise Forbidden(
            call.caller.name,
            expected="the role admin, for code that is executed without a sandbox",
            found="another one",
            next_step="Leave no_sandbox out, or use a token of role admin.",
        )


async def execute(call: Call, *, runs: int, finds_cause: bool, no_sandbox: bool) -> ReplayView:
    """Have a worker execute the code of the run that the path names, and store that as a replay."""
    check_sandbox(call, no_sandbox)
    run = await call.read_runs(partial(find_recorded, call=call))
    check_ended(run)
    replay_id = call.app.ids.secret()
    order = Order(
        path=path_of(run, replay_id), run_id=run.id, runs=runs, finds_cause=finds_cause, no_sandbox=no_sandbox
    )
    dag_id = await call.app.executions.begin(run, order, name=f"replay-{replay_id[:8]}")

    def act(tx: CallTransaction) -> Replay:
        replay = new_replay(call, tx, run, replay_id, ReplayLevel.RE_EXECUTE, dag_id=dag_id)
        tx.save_replay(replay)
        return replay

    return await asyncio.to_thread(view_of, call, await call.change_runs(act))


@route("POST /api/v1/runs/{run}/replays/{replay}/report", Permission.RECORD, limit_bytes=MAX_REPORT_BYTES)
async def report_replay(call: Call, body: ReplayProgressBody) -> ReplayView:
    """Report what the job of a replay does now, what it found, or why it found nothing; that job alone may."""
    replay = await call.read_runs(partial(_find, call=call))
    await _check_own_job(call, replay)
    if body.step is not None:
        call.app.executions.note_step(replay.id, body.step)
    if body.exit_code is not None and replay.with_run is not None:
        await end_fork(call, replay.with_run, body.exit_code, body.error)
        if body.error is None and replay.state is ReplayState.RUNNING:
            call.app.replays.begin(replay)  # the fork is compared with its parent
    if body.report is None and body.error is None:
        return await asyncio.to_thread(view_of, call, replay)

    def act(tx: CallTransaction) -> Replay:
        found = _find(tx, call)
        if found.state is not ReplayState.RUNNING:  # it was cancelled meanwhile
            return found
        ended = replace(found, ended_at=tx.now, state=ReplayState.FAILED, error=body.error)
        if body.report is not None:
            ended = _with_report(ended, body.report)
        tx.save_replay(ended)
        return ended

    return await asyncio.to_thread(view_of, call, await call.change_runs(act))


async def _check_own_job(call: Call, replay: Replay) -> None:
    """Return when the caller is the job that executes a replay.

    Raises:
        Forbidden: it is not.
    """
    attempt = call.caller.attempt
    job = None if attempt is None else await call.app.store.look(lambda reader: reader.job(attempt.job_id))
    if job is None or job.dag_id != replay.dag_id:
        raise Forbidden(
            call.caller.name,
            expected=f"the job that executes replay {shown(replay.id)}",
            found="somebody else",
            next_step='Start one with POST /api/v1/runs/{run}/replays {"level": "re_execute"}.',
        )


async def _store_report(call: Call, body: NewReplayBody) -> ReplayView:
    report = body.report
    if report is None or body.level != "re_execute" or body.with_run is not None:
        raise InvalidInput(
            "replay",
            expected="report beside level=re_execute, and neither with another level nor with_run",
            found=f"level={body.level} {'without' if report is None else 'with'} report",
            next_step="titan replay RUN -- python agent.py executes a program again and reports what it finds.",
        )
    replay_id = call.app.ids.secret()

    def act(tx: CallTransaction) -> Replay:
        begun = new_replay(call, tx, find_recorded(tx, call), replay_id, ReplayLevel.RE_EXECUTE)
        replay = _with_report(replace(begun, ended_at=tx.now), report)
        tx.save_replay(replay)
        return replay

    return view_of(call, await call.change_runs(act))


def new_replay(
    call: Call,
    tx: CallTransaction,
    run: Run,
    replay_id: str,
    level: ReplayLevel,
    *,
    with_run: str | None = None,
    dag_id: str | None = None,
) -> Replay:
    """Return a replay of a run that begins now, which the caller asked for."""
    return Replay(
        id=replay_id,
        project_id=run.project_id,
        run_id=run.id,
        level=level,
        with_run=with_run,
        state=ReplayState.RUNNING,
        author=call.caller.name,
        created_at=tx.now,
        dag_id=dag_id,
    )


def _with_report(replay: Replay, report: ReplayReport) -> Replay:
    """Return a replay that has completed with what an execution found."""
    result = ReplayResult(comparison=report.comparison, re_execution=report.re_execution)
    return replace(
        replay,
        state=ReplayState.COMPLETED,
        metrics=msgspec.json.encode(report.metrics).decode(),
        result=msgspec.json.encode(result).decode(),
    )


def _other_run(reader: CallReader, call: Call, run: Run, run_id: str) -> Run:
    """Return the run to compare with; both have ended.

    Raises:
        UnknownRun: nothing is known of it.
        Conflict: one of them goes on.
    """
    call.fix_path("run", run_id)
    other = find_recorded(reader, call)
    for one in (run, other):
        check_ended(one)
    return other


def check_ended(run: Run) -> None:
    """Return when a run has ended.

    Raises:
        Conflict: it goes on.
    """
    if run.status in (RunStatus.PENDING, RunStatus.RUNNING):
        raise Conflict(
            f"run {shown(run.id)}",
            expected="a run that has ended",
            found=f"run_incomplete: it is {run.status.value}",
            next_step="Wait for its end; a comparison with what is still to come would say that it is missing.",
        )


@route("GET /api/v1/runs/{run}/replays", Permission.SEE_ALL)
def list_replays(call: Call, reader: CallReader, query: ReplaysQuery) -> ReplaysAnswer:
    """List the replays of a run, the newest first; those too that agentsentinel-sdk reported."""
    run = find_recorded(reader, call)
    stored = reader.replays_of_run(run.project_id, run.id, limit=query.limit)
    if run.parent_run_id is not None:  # its comparison with its parent stands under that
        of_parent = reader.replays_of_run(run.project_id, run.parent_run_id, limit=MOST_OF_PARENT)
        stored = [*stored, *(replay for replay in of_parent if replay.with_run == run.id)]
    found = [*(view_of(call, replay) for replay in stored), *_reported(reader, call, run)]
    found.sort(key=lambda view: view.created_at, reverse=True)
    return ReplaysAnswer(data=found[: query.limit], execution_reason=_why_not_executed(call, reader, run))


def _why_not_executed(call: Call, reader: CallReader, run: Run) -> str | None:
    if run.status in (RunStatus.PENDING, RunStatus.RUNNING):
        return "run_incomplete"
    processes = processes_of_run(reader, run)
    return None if has_stored_program(processes) or call.app.executions.has_stages(run) else CODE_MISSING


@route("GET /api/v1/runs/{run}/replays/{replay}", Permission.SEE_ALL)
async def show_replay(call: Call, query: ReplayQuery) -> ReplayDetailView:
    """Show a replay with what it found; `wait_seconds` waits for its end."""
    await call.app.replays.wait(call.path("replay"), seconds=query.wait_seconds)
    replay = await call.read_runs(partial(_find, call=call))
    if replay.dag_id is not None and query.wait_seconds:
        await call.app.executions.wait(replay, seconds=query.wait_seconds)
        replay = await call.read_runs(partial(_find, call=call))
    return await asyncio.to_thread(detail_view_of, call, replay)


@route("POST /api/v1/runs/{run}/replays/{replay}/cancel", Permission.REPLAY)
async def cancel_replay(call: Call) -> ReplayView:
    """Cancel a replay; one that has ended stays as it is."""
    replay = await call.read_runs(partial(_find, call=call))
    call.app.replays.cancel(replay.id)
    if replay.dag_id is not None and replay.state is ReplayState.RUNNING:
        replay = await call.change_runs(partial(_cancelled, call=call))
        await call.app.executions.cancel(replay.dag_id or "", by=call.caller.name)
    return await asyncio.to_thread(view_of, call, replay)


def _cancelled(tx: CallTransaction, *, call: Call) -> Replay:
    replay = _find(tx, call)
    if replay.state is ReplayState.RUNNING:
        replay = replace(replay, state=ReplayState.CANCELLED, ended_at=tx.now)
        tx.save_replay(replay)
    return replay


def path_of(run: Run, replay_id: str) -> str:
    """Return the path of a replay."""
    return f"/api/v1/runs/{quote(run.id, safe='')}/replays/{replay_id}"


async def end_fork(call: Call, run_id: str, exit_code: int, error: str | None) -> None:
    """End a fork's run as its program ended, where it did not do so itself."""
    fork = await call.read_runs(lambda reader: reader.run(call.project_id, run_id))
    if fork is None or fork.status not in (RunStatus.PENDING, RunStatus.RUNNING) or fork.has_stages:
        return
    end = RunEnd.FAILED if exit_code else RunEnd.COMPLETED
    reason = error or (f"exit code {exit_code}" if exit_code else None)
    if (entry := end_by_hand(fork, end=end, reason=reason, now=call.app.clock.now())) is not None:
        await call.app.recorder.record(call.project_id, lambda: [entry], is_fixed=True)


def _find(reader: CallReader, call: Call) -> Replay:
    """Return the replay that the path names.

    Raises:
        UnknownRun: nothing is known of the run.
        UnknownReplay: the run has no such replay.
    """
    run, replay_id = find_recorded(reader, call), call.path("replay")
    replay = reader.replay(run.project_id, replay_id)
    if replay is None or run.id not in (replay.run_id, replay.with_run):
        raise UnknownReplay(
            f"replay {shown(replay_id)}",
            expected=f"a replay of run {shown(run.id)}",
            found="none such",
            next_step="List them with GET /api/v1/runs/{run}/replays.",
        )
    return replay


def view_of(call: Call, stored: Replay) -> ReplayView:
    """Return a replay as it stands."""
    app, replay = call.app, _as_it_stands(call, stored)
    return shaped(
        ReplayView,
        replay,
        level=replay.level.value,
        state=replay.state.value,
        progress=app.replays.progress(replay.id),
        step=app.executions.step(replay),
        metrics=None if replay.metrics is None else msgspec.json.decode(replay.metrics, type=ReplayMetrics),
    )


def detail_view_of(call: Call, stored: Replay) -> ReplayDetailView:
    """Return a replay as it stands, with what it found."""
    replay = _as_it_stands(call, stored)
    result = None if replay.result is None else msgspec.json.decode(replay.result, type=ReplayResult)
    return shaped(ReplayDetailView, view_of(call, replay), result=result)


def _as_it_stands(call: Call, stored: Replay) -> Replay:
    """Return a replay as it is by now: it may have ended since its row was read."""
    if stored.dag_id is None or call.app.replays.is_computed_here(stored.id):
        return call.app.replays.as_it_stands(stored)
    return call.app.executions.as_it_stands(stored)


def _reported(reader: CallReader, call: Call, run: Run) -> list[ReplayView]:
    """Return the replays whose results agentsentinel-sdk posted: they stand in a run of their own."""
    session = reader.run(run.project_id, call.app.recorder.known_as(replay_session(run.id)))
    if session is None or REPLAY_TAG not in session.tags:
        return []
    entries = (stored.entry for stored in reader.entries_about_run(run.project_id, session.id, limit=200))
    return [
        _reported_view(run, session, entry.at, result)
        for entry in entries
        if isinstance(entry, RunEntry) and (result := json.loads(entry.details or "{}").get("replay")) is not None
    ]


def _reported_view(run: Run, session: Run, at: datetime, result: dict[str, Any]) -> ReplayView:
    return ReplayView(
        id=f"{session.id}@{at.isoformat()}",
        run_id=run.id,
        level="reported",
        with_run=session.id,
        state=_STATES.get(result.get("status", ""), "completed"),
        progress=None,
        step=None,
        dag_id=None,
        author=_REPORTER,
        created_at=at,
        ended_at=at,
        error=None,
        metrics=ReplayMetrics(
            calls=result.get("actions_total", 0),
            divergences=result.get("divergences_detected"),
            savings_usd=_usd(result.get("cost_savings")),
        ),
    )


def _usd(value: object) -> Decimal | None:
    try:
        return None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None
