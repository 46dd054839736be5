"""Routes of runs: list, show, cancel, end, pin, archive, delete, retry, resume."""

import asyncio
import dataclasses
import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from titan.home.identity import OWNER_KEY_FILE
from titan.ingest.agentsentinel import REPLAY_TAG, replay_session
from titan.insight.suggestions import similar_names
from titan.model.errors import Conflict, Forbidden
from titan.model.run_control import RunOutcome, RunStatus
from titan.model.runs import Run
from titan.orchestrator.cancel import cancel_run as cancel_all_of
from titan.orchestrator.cancel import end_run as note_end
from titan.orchestrator.rerun import resume_run
from titan.orchestrator.retry import retry_run
from titan.orchestrator.submit import check_goes_on
from titan.ports.jobs_store import Transaction
from titan.ports.runs_store import CallReader, CallTransaction, RunFilter
from titan.rules.access import Permission
from titan.rules.names import shown
from titan.rules.runs.lifecycle import end_by_hand
from titan.secret_files import kept_secret
from titan.server.http.call import Call
from titan.server.http.route import Routes
from titan.server.http.validation import check_text
from titan.server.lookup import find_run
from titan.server.routes.recording import record
from titan.server.routes.registry import COUNTED, find_recorded_run, run_filter
from titan.server.views.jobs import Stages, add_stages
from titan.server.views.runs import run_detail_view, run_view, run_views
from titan.wire.actions import EndRunBody
from titan.wire.base import OkAnswer
from titan.wire.runs import ElsewhereView, RegistryAnswer, RegistryQuery, RunDetailView, RunView, TrustBody
from titan.wire.work import Cancelled, Resumed, Retried

route = Routes()


@route("GET /api/v1/runs", Permission.SEE_ALL)
async def list_runs(call: Call, query: RegistryQuery) -> RegistryAnswer:
    """List runs, filtered and sorted."""
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

    answer = await call.read_runs(find)
    await with_stages(call, answer.data, stages=Stages.LISTED if query.stages else Stages.COUNTED)
    return answer


def _elsewhere(reader: CallReader, project_id: str, wanted: RunFilter) -> ElsewhereView:
    """Return hints for a filter that found nothing: matches at any time, and similar agents."""
    ever = dataclasses.replace(wanted, started_since=None)
    meant = wanted.agent_id or wanted.text or ""
    agents = reader.agents(project_id, limit=COUNTED) if meant else []
    whatever_for = dataclasses.replace(wanted, origin=None)
    return ElsewhereView(
        in_all_origins=0 if wanted.origin is None else reader.count_runs(project_id, whatever_for, up_to=COUNTED),
        in_all_time=reader.count_runs(project_id, ever, up_to=COUNTED),
        similar_agents=similar_names(meant, [agent.agent_id for agent in agents]),
    )


@route("GET /api/v1/runs/{run}", Permission.SEE_WORK)
async def show_run(call: Call) -> RunDetailView:
    """Show a run: its totals, details, and stages with their jobs."""
    view = await call.read_runs(lambda reader: run_detail_view(reader, find_recorded_run(reader, call)))
    await with_stages(call, [view], stages=Stages.WITH_JOBS)
    return view


async def with_stages(call: Call, runs: list[RunView], *, stages: Stages = Stages.COUNTED) -> None:
    """Add stage counts, or stages, to the runs that have any, in one read of the jobs store."""
    if any(run.has_stages for run in runs):
        add = partial(add_stages, project_id=call.project_id, runs=runs, stages=stages)
        await call.read(add)


@route("POST /api/v1/runs/{run}/cancel", Permission.CHANGE_WORK, mutates=True)
def cancel_run(call: Call, tx: Transaction) -> Cancelled:
    """Cancel what of a run's stages has not started, stop what runs, and end the run."""
    return cancel_all_of(tx, find_run(tx, call.project_id, call.path("run")), by=call.caller.name)


@route("POST /api/v1/runs/{run}/end", Permission.CHANGE_WORK, mutates=True)
async def end_run(call: Call, body: EndRunBody) -> RunView:
    """Report how a run ended. Jobs of its stages still run to their end; later actions open the run again."""
    body.error = call.app.recorder.without_secrets(check_text("error of the run's end", body.error or "")) or None
    run = await call.read_runs(partial(find_recorded_run, call=call))
    if run.has_stages:
        await call.keep(partial(_end_stages, run=run, body=body))
    elif end := end_by_hand(run, end=body.status, reason=body.error, now=call.app.clock.now()):
        await record(call, lambda: [end])
    return await _answer(call, await call.read_runs(partial(find_recorded_run, call=call)))


def _end_stages(tx: Transaction, run: Run, body: EndRunBody) -> object:
    """End the run in the jobs store, unless retention has deleted its stages."""
    if tx.run_control(run.project_id, run.id) is not None:
        note_end(tx, run.project_id, run.id, RunOutcome(body.status.value), reason=body.error or "")
    return OkAnswer()


@route("POST /api/v1/runs/{run}/pin", Permission.CHANGE_WORK)
async def pin_run(call: Call) -> RunView:
    """Exempt a run with its stages, files and recording from retention."""
    return await _answer(call, await call.change_runs(partial(_pinned, call=call, is_pinned=True)))


@route("POST /api/v1/runs/{run}/unpin", Permission.CHANGE_WORK)
async def unpin_run(call: Call) -> RunView:
    """Make a pinned run subject to retention again."""
    return await _answer(call, await call.change_runs(partial(_pinned, call=call, is_pinned=False)))


@route("POST /api/v1/runs/{run}/trust", Permission.CURATE)
async def trust_run(call: Call, body: TrustBody) -> RunView:
    """Allow workers to execute the code of an imported run, or forbid it again, for somebody who can read the home."""
    await call.read_runs(partial(find_recorded_run, call=call))
    home = Path(call.app.server_info.home)
    if not secrets.compare_digest(
        (await asyncio.to_thread(kept_secret, home / OWNER_KEY_FILE)).encode(), body.key.encode()
    ):
        raise Forbidden(
            call.caller.name,
            expected=f"the content of {home / OWNER_KEY_FILE}, which shows that its owner asks",
            found="another key",
            next_step=f"Where the server runs: TITAN_HOME={home} titan runs trust {call.path('run')}",
        )

    def act(tx: CallTransaction) -> Run:
        run = find_recorded_run(tx, call)
        trusted = replace(run, trusted_at=(run.trusted_at or tx.now) if body.is_trusted else None)
        tx.save_run(trusted)
        return trusted

    return await _answer(call, await call.change_runs(act))


def _pinned(tx: CallTransaction, call: Call, *, is_pinned: bool) -> Run:
    run = find_recorded_run(tx, call)
    return _with_pin(tx, run, at=(run.pinned_at or tx.now) if is_pinned else None)


def _with_pin(tx: CallTransaction, run: Run, *, at: datetime | None) -> Run:
    if at == run.pinned_at:
        return run
    pinned = replace(run, pinned_at=at)
    tx.save_run(pinned)
    return pinned


async def pin_imported(call: Call, pins: Mapping[str, datetime]) -> None:
    """Pin imported runs (run id → since when) that are not pinned here."""

    def act(tx: CallTransaction) -> None:
        for run_id, at in pins.items():
            run = tx.run(call.project_id, run_id)
            if run is not None and run.pinned_at is None:
                _with_pin(tx, run, at=at)

    if pins:
        await call.change_runs(act)


@route("POST /api/v1/runs/{run}/restore", Permission.CURATE)
async def restore_run(call: Call) -> RunView:
    """Show an archived run in lists and search again."""

    def act(tx: CallTransaction) -> Run:
        run = find_recorded_run(tx, call)
        if run.archived_at is not None:
            tx.restore_run(run)
        return replace(run, archived_at=None)

    return await _answer(call, await call.change_runs(act))


@route("POST /api/v1/runs/{run}/archive", Permission.CURATE)
async def archive_run(call: Call) -> RunView:
    """Hide a run that has ended from lists and search, until it is restored."""

    def act(tx: CallTransaction) -> Run:
        run = _ended(find_recorded_run(tx, call))
        if run.archived_at is None:
            tx.archive_run(run)
        return replace(run, archived_at=run.archived_at or tx.now)

    return await _answer(call, await call.change_runs(act))


async def _answer(call: Call, run: Run) -> RunView:
    view = run_view(run)
    await with_stages(call, [view])
    return view


def _ended(run: Run) -> Run:
    """Check that a run has ended, and return it.

    Raises:
        Conflict: it is still running.
    """
    if run.status not in (RunStatus.PENDING, RunStatus.RUNNING):
        return run
    how = (
        "cancel it with POST /api/v1/runs/{run}/cancel (titan cancel --run RUN)"
        if run.has_stages
        else "say it with POST /api/v1/runs/{run}/end (titan runs edit RUN --end failed)"
    )
    raise Conflict(
        f"run {shown(run.id)}",
        expected="a run that has ended",
        found=f"one that is {run.status.value}",
        next_step=f"Wait for its end, or {how}; what it still reports would create it again.",
    )


def _unpinned(run: Run) -> Run:
    """Check that a run is not pinned, and return it.

    Raises:
        Conflict: it is pinned.
    """
    if run.pinned_at is None:
        return run
    raise Conflict(
        f"run {shown(run.id)}",
        expected="a run that is not pinned",
        found="a pinned one",
        next_step="Unpin it with POST /api/v1/runs/{run}/unpin (titan runs edit RUN --no-pin), then delete it.",
    )


@route("DELETE /api/v1/runs/{run}", Permission.CURATE)
async def delete_run(call: Call) -> OkAnswer:
    """Delete a run with its stages, its recording and its replays."""
    run = await call.read_runs(lambda reader: _unpinned(_ended(find_recorded_run(reader, call))))
    if run.has_stages:
        await call.app.maintenance.forget_stages(run)

    def act(tx: CallTransaction) -> set[str]:
        left: set[str] = set()
        found = find_recorded_run(tx, call)
        names = dict.fromkeys((call.path("run"), found.id))
        for run in [found, *(replay for name in names for replay in _replays(tx, call, name))]:
            _unpinned(_ended(run))
            left |= tx.blobs_of_run(run.project_id, run.id)
            tx.forget_run(run.project_id, run.id)
        return left

    await call.app.maintenance.discard(await call.change_runs(act))
    return OkAnswer()


def _replays(tx: CallTransaction, call: Call, run_id: str) -> Iterator[Run]:
    """Yield the runs in which agentsentinel-sdk reported replays of a run, which repeat its content."""
    while True:
        run_id = replay_session(run_id)
        run = tx.run(call.project_id, call.app.recorder.known_as(run_id))
        if run is None or REPLAY_TAG not in run.tags:
            return
        yield run


@route("POST /api/v1/runs/{run}/retry", Permission.CHANGE_WORK, mutates=True, adds=True)
def retry_a_run(call: Call, tx: Transaction) -> Retried:
    """Try again every job of a run that failed or was cancelled; of stages with one name, only the last."""
    check_goes_on(tx, call.submitter)
    return retry_run(tx, find_run(tx, call.project_id, call.path("run")))


@route("POST /api/v1/runs/{run}/resume", Permission.CHANGE_WORK, mutates=True, adds=True)
def resume_a_run(call: Call, tx: Transaction) -> Resumed:
    """Reopen a run, and retry the job that submitted its stages, or name the program to start again."""
    check_goes_on(tx, call.submitter)
    return resume_run(tx, find_run(tx, call.project_id, call.path("run")))
