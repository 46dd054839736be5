"""Routes for workers (register, claim, report, leave) and about workers (list, drain, resume, start)."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final, TypeVar

from titan.model.attempts import Attempt, AttemptOutcome, AttemptReport
from titan.model.errors import Conflict, InvalidInput, StaleLease
from titan.model.jobs import JobStatus
from titan.model.projects import ORGANISATION, name_of_project, organisation_of
from titan.model.shaped import shaped
from titan.model.workers import Worker, WorkerState
from titan.orchestrator.attempts import Leased, Progress
from titan.orchestrator.bus import Kind, Topic
from titan.orchestrator.worker_registry import drain, known_worker, resume
from titan.ports.jobs_store import Reader, Transaction
from titan.rules.access import Permission, check_offers
from titan.rules.names import check_label, check_name, shown
from titan.rules.retention import is_cut, may_delete_workspace, run_of_workspace, within_limit, workspace_of
from titan.server.app_state import AppState
from titan.server.http.call import Call, Json
from titan.server.http.route import Routes
from titan.server.http.validation import MAX_LINE_CHARACTERS, check_moment, check_text
from titan.server.lookup import find_worker
from titan.wire import protocol as wire
from titan.wire.base import MAX_WAIT_SECONDS

route = Routes()

V = TypeVar("V")

MAX_PID = 2**31 - 1
MAX_SLOTS = 1024  # per label
MAX_IDLE_SECONDS = 1e9  # 30 years; timedelta overflows beyond
MAX_LOG_PART_BYTES = 8 * 1024 * 1024
MAX_REPORTS_BYTES = 64 * 1024 * 1024
LAST_JOBS: Final = 10
_STANDINGS: Final[Mapping[WorkerState, wire.WorkerStanding]] = {
    WorkerState.CONNECTED: "connected",
    WorkerState.LOST: "lost",
    WorkerState.LEFT: "left",
}


@route("PUT /api/workers/{worker}", Permission.WORK)
async def register(call: Call, body: wire.Registration) -> wire.Registered:
    """Register a worker under its id; also after a restart of the server."""
    if not 0 <= body.pid <= MAX_PID:
        raise InvalidInput(f"pid of worker {shown(body.name)}", expected=f"0 to {MAX_PID}", found=str(body.pid))
    _check_home(call.app, body)
    now, token = call.app.clock.now(), call.caller.token
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
        organisation_id=call.caller.organisation_id,
        confines=token is not None and token.confines,
        parks=tuple(check_label(label) for label in body.parks),
        max_parked=body.max_parked,
    )
    await call.app.orchestrator.join(worker)
    return wire.Registered()


@route("POST /api/workers/{worker}/claim", Permission.WORK)
async def claim(call: Call, body: wire.ClaimRequest) -> wire.ClaimAnswer:
    """Wait for work: answers as soon as there is something to start, stop or drop."""
    worker_id = call.path("worker")
    orchestrator = call.app.orchestrator
    wait_seconds = min(max(body.wait_seconds, 0.0), MAX_WAIT_SECONDS)
    orders = await call.while_connected(
        orchestrator.claim(
            worker_id,
            holding=body.holding,
            stopping=body.stopping,
            parked=body.parked,
            wait_seconds=wait_seconds,
            load=body.load,
        )
    )
    if orders is None:
        orchestrator.connection_broke(worker_id)
        return wire.ClaimAnswer()
    return wire.ClaimAnswer(
        assignments=_assignments(call.app, orders.fresh),
        stop=list(orders.stop),
        lost=list(orders.lost),
        parked=None if orders.parked is None else list(orders.parked),
        give_back=orders.should_give_back,
        leave=orders.should_leave,
    )


@route("POST /api/workers/{worker}/heartbeat", Permission.WORK)
async def heartbeat(call: Call, body: wire.HeartbeatRequest) -> wire.HeartbeatAnswer:
    """Renew the leases of a worker."""
    orders = await call.app.orchestrator.heartbeat(call.path("worker"), body.holding, body.load)
    return wire.HeartbeatAnswer(stop=list(orders.stop), lost=list(orders.lost))


@route("PUT /api/workers/{worker}/log/{lease}", Permission.WORK, body=bytes)
async def append_log(call: Call, query: wire.LogPartQuery) -> wire.LogAnswer:
    """Append to the output of a running attempt."""
    content = await call.raw_body(MAX_LOG_PART_BYTES)
    attempt = await _live_attempt(call)
    size = _append(call.app, attempt, query.offset, content)
    if size < query.offset:
        raise Conflict(
            f"output of attempt {attempt.lease_id}",
            expected="a part that begins at or before the stored size",
            found=str(size),
            next_step="Send again from there.",
        )
    return wire.LogAnswer(size_bytes=size)


@route("POST /api/workers/{worker}/complete", Permission.WORK, limit_bytes=MAX_REPORTS_BYTES)
async def complete(call: Call, body: wire.CompleteRequest) -> wire.CompleteAnswer:
    """Accept reports of ended attempts, each with the last part of its output; those after a gap wait."""
    worker_id = call.path("worker")
    reports = [_in_our_terms(report, call.app) for report in body.reports]  # all are checked before anything is stored

    def look(reader: Reader) -> list[Attempt | None]:
        return [reader.attempt(report.lease_id) for report in reports]

    live = [_if_live(attempt, worker_id) for attempt in await call.app.store.look(look)]
    tails = zip(body.reports, live, strict=True)
    stored = {report.lease_id: _keep_tail(call.app, attempt, report) for report, attempt in tails}
    gaps = {r.lease_id: stored[r.lease_id] for r in body.reports if stored[r.lease_id] < r.log_offset}
    whole = [report for report in reports if report.lease_id not in gaps]
    progress = Progress(reports=whole, started=body.started, returned=body.returned)
    done, granted = await call.app.orchestrator.complete(worker_id, progress, prefetch=body.prefetch)
    _count(call.app, [report for report in whole if report.lease_id in done.accepted])
    return wire.CompleteAnswer(
        accepted=list(done.accepted), stale=list(done.stale), assignments=_assignments(call.app, granted), gaps=gaps
    )


@route("POST /api/workers/{worker}/workspaces", Permission.WORK)
async def sort_out_workspaces(call: Call, body: wire.WorkspacesRequest) -> wire.WorkspacesAnswer:
    """Return which of a worker's idle workspaces have expired."""
    keep, now = call.app.maintenance.retention.workspaces, call.app.clock.now()
    worker_id = call.path("worker")

    def look(reader: Reader) -> list[str]:
        organisation_id = known_worker(reader, worker_id).organisation_id
        pinned = call.app.calls.read(lambda calls: calls.pinned_runs())
        projects, old = reader.projects(), []
        for name, seconds in islice(body.idle_seconds.items(), wire.MAX_WORKSPACES_ASKED):
            kind, _, owner_id = name.partition("-")
            if kind not in ("run", "dag") or not seconds < MAX_IDLE_SECONDS:
                continue
            run = run_of_workspace(name, projects)
            if run in pinned:
                continue
            dag = reader.dag(owner_id) if kind == "dag" else None
            owner = dag if run is None else reader.run_control(*run)
            if owner is not None and organisation_of(owner.project_id) != organisation_id:
                continue
            if may_delete_workspace(owner, idle=timedelta(seconds=seconds), keep=keep, now=now):
                old.append(name)
        return old

    return wire.WorkspacesAnswer(old=await call.read(look))


@route("POST /api/workers/{worker}/leave", Permission.WORK)
async def leave(call: Call) -> wire.LeaveAnswer:
    """Sign a worker off, and take back its attempts, uncounted."""
    return wire.LeaveAnswer(returned=await call.app.orchestrator.leave(call.path("worker")))


def _count(app: AppState, reports: list[AttemptReport]) -> None:
    for report in reports:
        if report.duration_ns is not None:
            app.metrics.run_time.observe(report.duration_ns / 1e9)
        if report.outcome is AttemptOutcome.CANCELLED:
            app.metrics.on_cancelled_attempt()


def _assignments(app: AppState, granted: Sequence[Leased]) -> list[wire.Assignment]:
    for leased in granted:
        if leased.job.ready_at is not None:
            app.metrics.queue_wait.observe((leased.attempt.leased_at - leased.job.ready_at).total_seconds())
    return [_assignment(leased, app) for leased in granted]


def _assignment(leased: Leased, app: AppState) -> wire.Assignment:
    attempt, job, dag, cipher = leased.attempt, leased.job, leased.dag, app.orchestrator.cipher
    env = dict(job.spec.env) if cipher is None else cipher.decrypted(job.spec.env, job.project_id)
    assert job.spec.filename is not None, f"gate {job.id} was leased"
    return shaped(
        wire.Assignment,
        job.spec,
        lease_id=attempt.lease_id,
        attempt=attempt.number,
        job_id=job.id,
        job_name=job.name,
        dag_id=dag.id,
        dag_name=dag.name,
        agent_run_id=dag.run_id,
        workspace=workspace_of(dag),
        script=job.spec.script or "",
        args=list(job.spec.args),
        env=env,
        masked=app.recorder.secret_names(env),
        token=attempt.token,
        max_log_bytes=app.max_log_bytes or None,
        label=attempt.label,
        is_prefetched=job.status is JobStatus.READY,
        ready_at=job.ready_at,
    )


def _keep_tail(app: AppState, attempt: Attempt | None, report: wire.Report) -> int:
    """Append the last part of an output before its attempt ends, so that a final job's log is complete.

    Returns the stored size; if it is below `log_offset`, an earlier part is missing.
    """
    if attempt is None:
        return report.log_offset  # stale: nothing is stored, and nothing is missing
    return _append(app, attempt, report.log_offset, report.log_tail)


def _append(app: AppState, attempt: Attempt, offset: int, content: bytes) -> int:
    """Append to an output; return the size that need not be sent again, which includes parts beyond the limit."""
    limit_bytes = app.max_log_bytes
    stored = within_limit(content, offset=offset, limit_bytes=limit_bytes)
    size = app.logs.append(attempt.lease_id, offset, stored)
    if content:
        app.bus.ring(Topic(Kind.LOG, attempt.job_id))
    return max(size, offset + len(content)) if is_cut(size, limit_bytes=limit_bytes) else size


async def _live_attempt(call: Call) -> Attempt:
    lease_id = call.path("lease")
    attempt = await call.app.store.look(lambda reader: reader.attempt(lease_id))
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
    """Return the attempt if it is a running one of this worker."""
    is_live = attempt is not None and attempt.outcome is None and attempt.worker_id == worker_id
    return attempt if is_live else None


def _in_our_terms(report: wire.Report, app: AppState) -> AttemptReport:
    check_text(f"error of attempt {shown(report.lease_id)}", report.error or "")
    check_moment(f"started_at of attempt {shown(report.lease_id)}", report.started_at)
    error = report.error and app.recorder.without_secrets(report.error)
    return shaped(AttemptReport, report, error=error)


def _check_home(app: AppState, body: wire.Registration) -> None:
    """Check that the worker does not belong to an earlier home in the same folder.

    Raises:
        Conflict: it does.
    """
    if body.home_id not in (None, app.server_info.home_id):
        raise Conflict(
            f"worker {shown(body.name)}",
            expected="a worker of this server's home",
            found="one of another home",
            next_step="A local worker ends with its home; `titan workers join` works for any server.",
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


@route("GET /api/workers", Permission.SEE_CLUSTER)
def list_workers(call: Call, reader: Reader, query: wire.WorkersQuery) -> wire.WorkersAnswer:
    """List workers, connected ones first."""
    states = query.state.split(",") if query.state else None
    local_ids, owns = _local_ids(call), call.caller.owns
    of = call.caller.organisation_id
    known = [each for each in reader.workers() if of in (ORGANISATION, each.organisation_id)]
    workers = [each for each in known if states is None or displayed_state(each) in states]
    views = [worker_view(reader, worker, owns=owns, local_ids=local_ids) for worker in workers]
    return wire.WorkersAnswer(workers=views)


@route("POST /api/workers/{worker}/drain", Permission.OPERATE, mutates=True)
async def drain_worker(call: Call) -> Json[wire.WorkerView]:
    """Drain a worker: it gets no new jobs, finishes its jobs, then leaves."""
    return await _change(call, drain)


@route("POST /api/workers/{worker}/resume", Permission.OPERATE, mutates=True)
async def resume_worker(call: Call) -> Json[wire.WorkerView]:
    """Give a draining worker new jobs again."""
    return await _change(call, resume)


@route("POST /api/workers/local", Permission.OPERATE, status=201, mutates=True)
async def start_local(call: Call, body: wire.LocalWorkerBody) -> Json[wire.LocalWorkerAnswer]:
    """Start a worker on the server's machine, and answer when it is connected."""
    for label in body.offers:
        check_label(label)
    name = None if body.name is None else check_name("worker", body.name)
    local = call.app.local_workers
    if local is None:
        raise Conflict(
            "a worker beside this server",
            expected="a server that may run workers on its machine",
            found="one that was started with --no-worker",
            next_step="Start it without --no-worker, or start a worker where it is to run: titan workers join URL.",
        )

    async def start() -> wire.LocalWorkerAnswer:
        started = await local.add(body.offers, name=name)
        return wire.LocalWorkerAnswer(worker_id=started.worker_id, name=started.name)

    return Json(await call.app.long_once.perform(call.mark(), start))


async def _change(call: Call, act: Callable[[Transaction, Worker], Worker]) -> Json[wire.WorkerView]:
    local_ids = _local_ids(call)
    name = call.path("worker")

    def view(tx: Transaction) -> object:
        return worker_view(tx, act(tx, find_worker(tx, name)), owns=call.caller.owns, local_ids=local_ids)

    once = call.once(view)

    def decide(tx: Transaction) -> tuple[Worker, bytes]:
        answer = once(tx)
        return find_worker(tx, name), answer

    return Json(await call.app.orchestrator.change_worker(decide))


def _local_ids(call: Call) -> frozenset[str]:
    local = call.app.local_workers
    return frozenset() if local is None else local.worker_ids()


def displayed_state(worker: Worker) -> wire.WorkerStanding:
    """Return the displayed state of a worker, which distinguishes draining from connected."""
    is_draining = worker.is_draining and worker.state is WorkerState.CONNECTED
    return "draining" if is_draining else _STANDINGS[worker.state]


def worker_view(
    reader: Reader, worker: Worker, *, owns: Callable[[str], bool], local_ids: AbstractSet[str] = frozenset()
) -> wire.WorkerView:
    """Return a worker with its busy slots, running and last jobs of the projects that `owns` accepts."""
    live = reader.live_attempts_of_worker(worker.id)
    ended = reader.last_attempts_of_worker(worker.id, limit=LAST_JOBS)
    of_project: dict[str, list[str]] = {}
    for attempt in (*live, *ended):
        if owns(attempt.project_id):
            of_project.setdefault(attempt.project_id, []).append(attempt.job_id)
    jobs = {job.id: job for project_id, ids in of_project.items() for job in reader.jobs_of_ids(project_id, ids)}
    running = [a for a in live if a.job_id in jobs and jobs[a.job_id].status is JobStatus.RUNNING]
    names = reader.dag_names(list({job.dag_id for job in jobs.values()}))

    def view(shape: type[V], attempt: Attempt, /, **given: Any) -> V:
        job = jobs[attempt.job_id]
        return shaped(
            shape,
            attempt,
            name=job.name,
            dag_id=job.dag_id,
            dag_name=names[job.dag_id],
            project=name_of_project(job.project_id),
            **given,
        )

    last = sorted((one for one in ended if one.job_id in jobs and one.ended_at), key=_end, reverse=True)
    return shaped(
        wire.WorkerView,
        worker,
        worker_id=worker.id,
        offers=dict(worker.offers),
        busy=Counter(attempt.label for attempt in running if attempt.parked_at is None),
        parked=Counter(attempt.label for attempt in running if attempt.parked_at is not None),
        state=displayed_state(worker),
        is_local=worker.id in local_ids,
        running=[view(wire.RunningView, one, started_at=one.started_at or one.leased_at) for one in running],
        last_jobs=[view(wire.LastJobView, one, attempt=one.number) for one in last],
    )


def _end(attempt: Attempt) -> datetime:
    assert attempt.ended_at is not None
    return attempt.ended_at
