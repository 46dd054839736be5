"""Routes of replays and forks: start, list, show, cancel, report."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from titan.ingest.agentsentinel import REPLAY_TAG, replay_session
from titan.model.actions import RunEnd, RunEntry
from titan.model.errors import Conflict, Forbidden, InvalidInput, UnknownReplay
from titan.model.run_control import RunStatus
from titan.model.runs import Replay, ReplayLevel, ReplayState, Run
from titan.model.shaped import shaped
from titan.model.tokens import Role
from titan.ports.runs_store import CallReader, CallTransaction
from titan.replay.orders import CODE_MISSING, CODE_UNTRUSTED, ForkOrder, Order
from titan.rules.access import Permission
from titan.rules.names import shown
from titan.rules.runs.lifecycle import end_by_hand
from titan.server.executions import has_stored_program
from titan.server.http.call import Call
from titan.server.http.route import Routes
from titan.server.lookup import unknown
from titan.server.routes.recording import record, reported_in
from titan.server.routes.registry import find_recorded_run
from titan.server.views.runs import processes_of_run
from titan.wire import replays as wire
from titan.wire.actions import RecordBody

route = Routes()

MAX_REPORT_BYTES: Final = 64 * 1024 * 1024
MOST_OF_PARENT: Final = 200
_REPORTER: Final = "agentsentinel-sdk"
_STATES: Final[Mapping[str, wire.State]] = {"success": "completed", "partial": "completed", "failed": "failed"}


@route("POST /api/v1/runs/{run}/replays", Permission.REPLAY, status=202, adds=True)
async def start_replay(call: Call, body: wire.NewReplayBody) -> wire.ReplayView:
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
        run = find_recorded_run(tx, call)
        other = None if body.with_run is None else _other_run(tx, call, run, body.with_run)
        with_run = None if other is None else other.id
        replay = new_replay(call, tx, run, replay_id, ReplayLevel(body.level), with_run=with_run)
        tx.save_replay(replay)
        return replay

    replay = await call.change_runs(act)
    call.app.replays.begin(replay)
    return view_of(call, replay)


@route("POST /api/v1/runs/{run}/determinism", Permission.REPLAY, status=202, adds=True)
async def measure_determinism(call: Call, body: wire.MeasureBody) -> wire.ReplayView:
    """Execute a run's stored code several times on a worker, to measure how far the executions agree."""
    return await execute(call, runs=body.runs, finds_cause=False, no_sandbox=body.no_sandbox)


def check_sandbox(call: Call, no_sandbox: bool) -> None:
    """Check that the caller may execute code without a sandbox, if it asks for that.

    Raises:
        Forbidden: the caller is not an admin.
    """
    if no_sandbox and call.caller.role is not Role.ADMIN:
        raise Forbidden(
            call.caller.name,
            expected="the role admin, for code that is executed without a sandbox",
            found="another one",
            next_step="Leave no_sandbox out, or use a token of role admin.",
        )


async def execute(call: Call, *, runs: int, finds_cause: bool, no_sandbox: bool) -> wire.ReplayView:
    """Submit a job that executes the code of the run in the path, and store the replay."""
    check_sandbox(call, no_sandbox)
    run = await call.read_runs(partial(find_recorded_run, call=call))
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
async def report_replay(call: Call, body: wire.ReplayProgressBody) -> wire.ReplayView:
    """Report the progress, result or error of a replay's job; only that job may."""
    replay = await call.read_runs(partial(_find, call=call))
    await _check_own_job(call, replay)
    if body.step is not None:
        call.app.executions.set_step(replay.id, body.step)
    if body.exit_code is not None and replay.with_run is not None:
        await end_fork(call, replay.with_run, body.exit_code, body.error)
        if body.error is None and replay.state is ReplayState.RUNNING:
            call.app.replays.begin(replay)  # the fork is compared with its parent
    if body.report is None and body.error is None:
        return await asyncio.to_thread(view_of, call, replay)

    clean = call.app.recorder.without_secrets
    error = body.error and clean(body.error)

    def act(tx: CallTransaction) -> Replay:
        found = _find(tx, call)
        if found.state is not ReplayState.RUNNING:  # it was cancelled meanwhile
            return found
        ended = replace(found, ended_at=tx.now, state=ReplayState.FAILED, error=error)
        if body.report is not None:
            ended = _with_report(ended, body.report, clean)
        tx.save_replay(ended)
        return ended

    return await asyncio.to_thread(view_of, call, await call.change_runs(act))


async def _check_own_job(call: Call, replay: Replay) -> None:
    """Check that the caller is the job that executes a replay.

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


async def _store_report(call: Call, body: wire.NewReplayBody) -> wire.ReplayView:
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
        begun = new_replay(call, tx, find_recorded_run(tx, call), replay_id, ReplayLevel.RE_EXECUTE)
        replay = _with_report(replace(begun, ended_at=tx.now), report, call.app.recorder.without_secrets)
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
    """Return a new replay, started by the caller."""
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


def _with_report(replay: Replay, report: wire.ReplayReport, clean: Callable[[str], str]) -> Replay:
    """Return the replay, completed with a report."""
    result = wire.ReplayResult(comparison=report.comparison, re_execution=report.re_execution)
    return replace(
        replay,
        state=ReplayState.COMPLETED,
        metrics=msgspec.json.encode(report.metrics).decode(),
        result=clean(msgspec.json.encode(result).decode()),
    )


def _other_run(reader: CallReader, call: Call, run: Run, run_id: str) -> Run:
    """Return the run to compare with, after checking that both have ended.

    Raises:
        UnknownRun: there is none.
        Conflict: one of them is still running.
    """
    call.fix_path("run", run_id)
    other = find_recorded_run(reader, call)
    for one in (run, other):
        check_ended(one)
    return other


def check_ended(run: Run) -> None:
    """Check that a run has ended.

    Raises:
        Conflict: it is still running.
    """
    if run.status in (RunStatus.PENDING, RunStatus.RUNNING):
        raise Conflict(
            f"run {shown(run.id)}",
            expected="a run that has ended",
            found=f"run_incomplete: it is {run.status.value}",
            next_step="Wait for its end; a comparison with what is still to come would say that it is missing.",
        )


@route("GET /api/v1/runs/{run}/replays", Permission.SEE_ALL)
def list_replays(call: Call, reader: CallReader, query: wire.ReplaysQuery) -> wire.ReplaysAnswer:
    """List the replays of a run, the newest first; those too that agentsentinel-sdk reported."""
    run = find_recorded_run(reader, call)
    stored = reader.replays_of_run(run.project_id, run.id, limit=query.limit)
    if run.parent_run_id is not None:  # the parent's list has its comparison
        of_parent = reader.replays_of_run(run.project_id, run.parent_run_id, limit=MOST_OF_PARENT)
        stored = [*stored, *(replay for replay in of_parent if replay.with_run == run.id)]
    found = [*(view_of(call, replay) for replay in stored), *_reported(reader, call, run)]
    found.sort(key=lambda view: view.created_at, reverse=True)
    return wire.ReplaysAnswer(data=found[: query.limit], execution_reason=_why_not_executed(call, reader, run))


def _why_not_executed(call: Call, reader: CallReader, run: Run) -> str | None:
    if run.status in (RunStatus.PENDING, RunStatus.RUNNING):
        return "run_incomplete"
    if run.is_untrusted:
        return CODE_UNTRUSTED
    processes = processes_of_run(reader, run)
    return None if has_stored_program(processes) or call.app.executions.has_stages(run) else CODE_MISSING


@route("GET /api/v1/runs/{run}/replays/{replay}", Permission.SEE_ALL)
async def show_replay(call: Call, query: wire.ReplayQuery) -> wire.ReplayDetailView:
    """Show a replay with its result; `wait_seconds` waits for its end."""
    await call.app.replays.wait(call.path("replay"), seconds=query.wait_seconds)
    replay = await call.read_runs(partial(_find, call=call))
    if replay.dag_id is not None and query.wait_seconds:
        await call.app.executions.wait(replay, seconds=query.wait_seconds)
        replay = await call.read_runs(partial(_find, call=call))
    return await asyncio.to_thread(detail_view_of, call, replay)


@route("POST /api/v1/runs/{run}/replays/{replay}/cancel", Permission.REPLAY)
async def cancel_replay(call: Call) -> wire.ReplayView:
    """Cancel a replay; one that has ended is not changed."""
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
    """End a fork's run with the result of its program, if it has not ended itself."""
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
        UnknownRun: there is no such run.
        UnknownReplay: the run has no such replay.
    """
    run, replay_id = find_recorded_run(reader, call), call.path("replay")
    replay = reader.replay(run.project_id, replay_id)
    if replay is None or run.id not in (replay.run_id, replay.with_run):
        raise unknown(UnknownReplay, "replay", replay_id, "List them with GET /api/v1/runs/{run}/replays.")
    return replay


def view_of(call: Call, stored: Replay) -> wire.ReplayView:
    """Return the view of a replay's current state."""
    app, replay = call.app, _current(call, stored)
    return shaped(
        wire.ReplayView,
        replay,
        level=replay.level.value,
        state=replay.state.value,
        progress=app.replays.progress(replay.id),
        step=app.executions.step(replay),
        metrics=None if replay.metrics is None else msgspec.json.decode(replay.metrics, type=wire.ReplayMetrics),
    )


def detail_view_of(call: Call, stored: Replay) -> wire.ReplayDetailView:
    """Return the view of a replay's current state, with its result."""
    replay = _current(call, stored)
    result = None if replay.result is None else msgspec.json.decode(replay.result, type=wire.ReplayResult)
    return shaped(wire.ReplayDetailView, view_of(call, replay), result=result)


def _current(call: Call, stored: Replay) -> Replay:
    """Return a replay's current state: it may have ended since its row was read."""
    if stored.dag_id is None or call.app.replays.is_computed_here(stored.id):
        return call.app.replays.current(stored)
    return call.app.executions.current(stored)


def _reported(reader: CallReader, call: Call, run: Run) -> list[wire.ReplayView]:
    """Return the replays that agentsentinel-sdk reported, which are stored as a run."""
    session = reader.run(run.project_id, call.app.recorder.known_as(replay_session(run.id)))
    if session is None or REPLAY_TAG not in session.tags:
        return []
    entries = (stored.entry for stored in reader.entries_about_run(run.project_id, session.id, limit=200))
    return [
        _reported_view(run, session, entry.at, result)
        for entry in entries
        if isinstance(entry, RunEntry) and (result := json.loads(entry.details or "{}").get("replay")) is not None
    ]


def _reported_view(run: Run, session: Run, at: datetime, result: dict[str, Any]) -> wire.ReplayView:
    return wire.ReplayView(
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
        metrics=wire.ReplayMetrics(
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


@route("POST /api/v1/runs/{run}/forks", Permission.REPLAY, status=202, adds=True)
async def start_fork(call: Call, body: wire.NewForkBody) -> wire.ForkView:
    """Fork a run: a worker executes its stored code with one action edited, and compares the fork with its parent."""
    _check_fork(body)
    check_sandbox(call, body.no_sandbox)
    run, at = await call.read_runs(partial(_edited_run, call=call, at=body.at))
    check_ended(run)
    replay_id = call.app.ids.secret()
    fork_id = f"{run.agent_id or 'fork'}_{call.app.ids.secret()[:6]}"
    fork = ForkOrder(
        run_id=fork_id,
        at=at,
        outputs=None if isinstance(body.output, msgspec.UnsetType) else bytes(body.output).decode(),
        inputs=None if isinstance(body.input, msgspec.UnsetType) else bytes(body.input).decode(),
        live=body.live,
        max_usd=str(body.max_usd or 0),
        max_calls=body.max_calls or 0,
    )
    server = call.app.server_info
    order = Order(
        path=path_of(run, replay_id),
        run_id=run.id,
        no_sandbox=body.no_sandbox,
        fork=fork,
        home=server.home,
        home_id=server.home_id,
    )
    dag_id = await call.app.executions.begin(run, order, name=f"fork-{replay_id[:8]}")
    entry = {"type": "run", "run_id": fork_id, "at_ns": time.time_ns(), "agent_id": run.agent_id, "name": run.name}
    recorded = {"entries": [entry | {"parent_run_id": run.id, "forked_at_action_id": at}]}
    await record(call, lambda: reported_in(msgspec.convert(recorded, RecordBody), None))

    def act(tx: CallTransaction) -> None:
        tx.save_replay(new_replay(call, tx, run, replay_id, ReplayLevel.COMPARE, with_run=fork_id, dag_id=dag_id))

    await call.change_runs(act)
    return wire.ForkView(run_id=fork_id, parent_run_id=run.id, forked_at_action_id=at, replay_id=replay_id)


def _check_fork(body: wire.NewForkBody) -> None:
    has_output = not isinstance(body.output, msgspec.UnsetType)
    has_input = not isinstance(body.input, msgspec.UnsetType)
    if has_output is has_input:
        raise InvalidInput(
            "fork",
            expected="output or input, which the edited action gets",
            found="both" if has_output else "neither",
            next_step='For example {"at": "decide", "output": "DEEPEN"}.',
        )
    if (body.live or has_input) and (body.max_usd is None or body.max_calls is None):
        raise InvalidInput(
            "fork",
            expected="max_usd and max_calls, since calls run live",
            found="one or both are missing",
            next_step="Say how much live calls may cost together, and how many may run.",
        )
    if body.max_usd is not None and (not body.max_usd.is_finite() or body.max_usd < 0):
        raise InvalidInput("fork: max_usd", expected="US dollars", found=str(body.max_usd), next_step="Correct it.")


def _edited_run(reader: CallReader, *, call: Call, at: str) -> tuple[Run, str]:
    """Return the run that the path names and the id of the action to edit."""
    run = find_recorded_run(reader, call)
    own = [action for action in reader.actions_of_run(run.project_id, run.id) if "sdk" in action.sources]
    found = [one.id for one in own if one.id == at] or [one.id for one in own if one.name == at]
    if not found:
        raise InvalidInput(
            f"action {shown(at)} of run {shown(run.id)}",
            expected="the id or the name of an action that its program recorded with titan_sdk",
            found="none",
            next_step="GET /api/v1/runs/{run}/skeleton lists them.",
        )
    return run, found[0]
