"""Workers: register, ask for work, show life, send output, report, leave."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from itertools import islice

from litestar import Response
from msgspec import structs

from titan.engine.attempts import Leased, Progress
from titan.engine.attendance import known_worker
from titan.engine.bus import Kind, Topic
from titan.model.attempts import Attempt, AttemptOutcome, AttemptReport
from titan.model.errors import Conflict, InvalidInput, StaleLease
from titan.model.jobs import JobStatus
from titan.model.workers import Load, Worker, WorkerState
from titan.ports import Reader
from titan.rules.access import check_offers
from titan.rules.names import check_label, check_name, shown
from titan.rules.output import is_cut, within_limit
from titan.rules.retention import may_delete_workspace
from titan.rules.workspaces import run_of_workspace, workspace_of
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.house import House
from titan.server.texts import MAX_LINE_CHARACTERS, check_moment, check_text
from titan.wire import protocol
from titan.wire.base import MAX_WAIT_SECONDS
from titan.wire.protocol import (
    MAX_WORKSPACES_ASKED,
    Assignment,
    ClaimAnswer,
    ClaimRequest,
    CompleteAnswer,
    CompleteRequest,
    HeartbeatAnswer,
    HeartbeatRequest,
    LeaveAnswer,
    LogAnswer,
    LogPartQuery,
    Registered,
    Registration,
    Report,
    WorkspacesAnswer,
    WorkspacesRequest,
)

MAX_PID = 2**31 - 1
MAX_SLOTS = 1024  # per label; more processes than that help no machine
MAX_IDLE_SECONDS = 1e9  # 30 years; more has no place in a span of time
MAX_LOG_PART_BYTES = 8 * 1024 * 1024
MAX_REPORTS_BYTES = 64 * 1024 * 1024


async def register(call: Call) -> Response[bytes]:
    """Register a worker under the id it chose; again after a restart of the server."""
    body = await call.body(Registration)
    if not 0 <= body.pid <= MAX_PID:
        raise InvalidInput(f"pid of worker {shown(body.name)}", expected=f"0 to {MAX_PID}", found=str(body.pid))
    _check_home(call.house, body)
    now, token = call.house.clock.now(), call.caller.token
    check_offers(token, body.name, body.offers)
    worker = Worker(
        id=check_name("worker", call.path("worker")),
        name=check_name("worker", body.name),
        host=check_text("host of the worker", body.host, limit_characters=MAX_LINE_CHARACTERS),
        pid=body.pid,
        offers=_checked_offers(body.offers),
        version=check_text("version of the worker", body.version, limit_characters=MAX_LINE_CHARACTERS),
        state=WorkerState.CONNECTED,
        joined_at=now,
        seen_at=now,
        token_id=None if token is None else token.id,
        confines=token is not None and token.confines,
    )
    await call.house.orchestrator.join(worker)
    return json_answer(Registered())


async def claim(call: Call) -> Response[bytes]:
    """Answer a worker that asks for work as soon as there is something to start, stop or forget."""
    worker_id = call.path("worker")
    body = await call.body(ClaimRequest)
    orchestrator = call.house.orchestrator
    wait_seconds = min(max(body.wait_seconds, 0.0), MAX_WAIT_SECONDS)
    orders = await call.while_connected(
        orchestrator.claim(
            worker_id,
            holding=body.holding,
            stopping=body.stopping,
            wait_seconds=wait_seconds,
            load=_load(body.load),
        )
    )
    if orders is None:
        orchestrator.connection_broke(worker_id)
        return json_answer(ClaimAnswer())
    return json_answer(
        ClaimAnswer(
            assignments=_assignments(call.house, orders.fresh),
            stop=list(orders.stop),
            lost=list(orders.lost),
            give_back=orders.should_give_back,
            leave=orders.should_leave,
        )
    )


async def heartbeat(call: Call) -> Response[bytes]:
    """Renew the leases a worker holds."""
    body = await call.body(HeartbeatRequest)
    orders = await call.house.orchestrator.heartbeat(call.path("worker"), body.holding, _load(body.load))
    return json_answer(HeartbeatAnswer(stop=list(orders.stop), lost=list(orders.lost)))


async def append_log(call: Call) -> Response[bytes]:
    """Append to the output of a running attempt."""
    query = call.query(LogPartQuery)
    content = await call.raw_body(MAX_LOG_PART_BYTES)
    attempt = await _live_attempt(call)
    size = _append(call.house, attempt, query.offset, content)
    if size < query.offset:
        raise Conflict(
            f"output of attempt {attempt.lease_id}",
            expected="a part that begins at or before the stored size",
            found=str(size),
            next_step="Send again from there.",
        )
    return json_answer(LogAnswer(size_bytes=size))


async def complete(call: Call) -> Response[bytes]:
    """Accept reports of ended attempts, each with the last part of its output; those with a gap before it wait."""
    body = await call.body(CompleteRequest, MAX_REPORTS_BYTES)
    worker_id = call.path("worker")
    reports = [_in_our_terms(report) for report in body.reports]  # all are checked before anything is kept

    def look(reader: Reader) -> list[Attempt | None]:
        return [reader.attempt(report.lease_id) for report in reports]

    live = [_if_live(attempt, worker_id) for attempt in await call.house.store.look(look)]
    tails = zip(body.reports, live, strict=True)
    stored = {report.lease_id: _keep_tail(call.house, attempt, report) for report, attempt in tails}
    gaps = {r.lease_id: stored[r.lease_id] for r in body.reports if stored[r.lease_id] < r.log_offset}
    whole = [report for report in reports if report.lease_id not in gaps]
    progress = Progress(reports=whole, started=body.started, returned=body.returned)
    done, granted = await call.house.orchestrator.complete(worker_id, progress, prefetch=body.prefetch)
    _count(call.house, [report for report in whole if report.lease_id in done.accepted])
    return json_answer(
        CompleteAnswer(
            accepted=list(done.accepted),
            stale=list(done.stale),
            assignments=_assignments(call.house, granted),
            gaps=gaps,
        )
    )


async def sort_out_workspaces(call: Call) -> Response[bytes]:
    """Say which of a worker's idle workspaces are old enough to be deleted."""
    body = await call.body(WorkspacesRequest)
    keep, now = call.house.cleaner.retention.workspaces, call.house.clock.now()
    worker_id = call.path("worker")

    def look(reader: Reader) -> list[str]:
        known_worker(reader, worker_id)
        pinned = call.house.calls.read(lambda calls: calls.pinned_runs())
        projects, old = reader.projects(), []
        for name, seconds in islice(body.idle_seconds.items(), MAX_WORKSPACES_ASKED):
            kind, _, owner_id = name.partition("-")
            if kind not in ("run", "dag") or not seconds < MAX_IDLE_SECONDS:
                continue
            run = run_of_workspace(name, projects)
            if run in pinned:
                continue
            dag = reader.dag(owner_id) if kind == "dag" else None
            owner = dag if run is None else reader.run_control(*run)
            if may_delete_workspace(owner, idle=timedelta(seconds=seconds), keep=keep, now=now):
                old.append(name)
        return old

    return json_answer(WorkspacesAnswer(old=await asyncio.to_thread(call.house.store.read, look)))


async def leave(call: Call) -> Response[bytes]:
    """Let a worker go and take back, uncounted, what it holds."""
    return json_answer(LeaveAnswer(returned=await call.house.orchestrator.leave(call.path("worker"))))


def _count(house: House, reports: list[AttemptReport]) -> None:
    for report in reports:
        if report.duration_ns is not None:
            house.metrics.run_time.observe(report.duration_ns / 1e9)
        if report.outcome is AttemptOutcome.CANCELLED:
            house.metrics.on_cancelled_attempt()


def _assignments(house: House, granted: Sequence[Leased]) -> list[Assignment]:
    for leased in granted:
        if leased.job.ready_at is not None:
            house.metrics.queue_wait.observe((leased.attempt.leased_at - leased.job.ready_at).total_seconds())
    return [_assignment(leased, house.max_log_bytes) for leased in granted]


def _assignment(leased: Leased, max_log_bytes: int) -> Assignment:
    attempt, job, dag = leased.attempt, leased.job, leased.dag
    assert job.spec.filename is not None, f"gate {job.id} was leased"
    return Assignment(
        lease_id=attempt.lease_id,
        attempt=attempt.number,
        job_id=job.id,
        job_name=job.name,
        dag_id=dag.id,
        dag_name=dag.name,
        agent_run_id=dag.run_id,
        workspace=workspace_of(dag),
        filename=job.spec.filename,
        script=job.spec.script or "",
        archive=job.spec.archive,
        args=list(job.spec.args),
        env=dict(job.spec.env),
        timeout_seconds=job.spec.timeout_seconds,
        cold=job.spec.cold,
        token=attempt.token,
        max_log_bytes=max_log_bytes or None,
        label=attempt.label,
        is_prefetched=job.status is JobStatus.READY,
        priority=job.spec.priority,
        ready_at=job.ready_at,
    )


def _keep_tail(house: House, attempt: Attempt | None, report: Report) -> int:
    """Append the last part of an output before its attempt ends, so that a final job's log is whole.

    Returns the size stored; below `log_offset` the server lacks something before that part.
    """
    if attempt is None:
        return report.log_offset  # stale: nothing is kept, and nothing is missed
    return _append(house, attempt, report.log_offset, report.log_tail)


def _append(house: House, attempt: Attempt, offset: int, content: bytes) -> int:
    """Append to an output; return how much of it need not be sent again: all of one that is over its limit."""
    limit_bytes = house.max_log_bytes
    stored = within_limit(content, offset=offset, limit_bytes=limit_bytes)
    size = house.logs.append(attempt.lease_id, offset, stored)
    if content:
        house.bus.ring(Topic(Kind.LOG, attempt.job_id))
    return max(size, offset + len(content)) if is_cut(size, limit_bytes=limit_bytes) else size


async def _live_attempt(call: Call) -> Attempt:
    lease_id = call.path("lease")
    attempt = await call.house.store.look(lambda reader: reader.attempt(lease_id))
    live = _if_live(attempt, call.path("worker"))
    if live is not None:
        return live
    raise StaleLease(
        f"lease {shown(lease_id)}",
        expected="a live lease of this worker",
        found="one that is over" if attempt else "none such",
        next_step="End the attempt and forget it.",
    )


def _if_live(attempt: Attempt | None, worker_id: str) -> Attempt | None:
    """Return the attempt if it is one of this worker's that goes on."""
    is_live = attempt is not None and attempt.outcome is None and attempt.worker_id == worker_id
    return attempt if is_live else None


def _in_our_terms(report: Report) -> AttemptReport:
    check_text(f"error of attempt {shown(report.lease_id)}", report.error or "")
    check_moment(f"started_at of attempt {shown(report.lease_id)}", report.started_at)
    return AttemptReport(
        lease_id=report.lease_id,
        outcome=report.outcome,
        exit_code=report.exit_code,
        signal=report.signal,
        started_at=report.started_at,
        duration_ns=report.duration_ns,
        peak_memory_bytes=report.peak_memory_bytes,
        error=report.error,
    )


def _load(told: protocol.Load | None) -> Load | None:
    return None if told is None else Load(**structs.asdict(told))


def _check_home(house: House, body: Registration) -> None:
    """Return unless the worker belongs to another home: one that was deleted, and made anew in the same place.

    Raises:
        Conflict: it does.
    """
    if body.home_id not in (None, house.runs_with.home_id):
        raise Conflict(
            f"worker {shown(body.name)}",
            expected="a worker of this server's home",
            found="one of another home",
            next_step="A local worker ends with its home; `titan worker --join` works for any server.",
        )


def _checked_offers(offers: dict[str, int]) -> dict[str, int]:
    for label, slots in offers.items():
        check_label(label)
        if not 0 <= slots <= MAX_SLOTS:
            raise InvalidInput(
                f"offer '{label}'",
                expected=f"0 to {MAX_SLOTS} slots",
                found=str(slots),
                next_step="Offer as many jobs as the machine can run at once: GENERAL:4.",
            )
    return offers
