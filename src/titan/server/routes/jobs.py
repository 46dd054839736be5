"""Routes of jobs, their output, history and results; of gates; and of the queue."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import groupby, islice
from typing import Final, Literal

import msgspec
from litestar import Response
from litestar.response import Stream

from titan.insight.story import story
from titan.model.errors import StaleLease, TooLarge
from titan.model.jobs import GateOutcome, Job, JobStatus, QueuePart, ReadyPart
from titan.model.shaped import shaped
from titan.orchestrator.bus import BusClosed, Kind, Topic
from titan.orchestrator.cancel import cancel_jobs
from titan.orchestrator.gates import decide as decide_gate
from titan.orchestrator.rerun import rerun_job
from titan.orchestrator.retry import retry_job
from titan.orchestrator.submit import check_goes_on
from titan.ports.jobs_store import Reader, Transaction
from titan.rules.access import Permission
from titan.rules.jobs.wait_reason import QueueGroup, gather
from titan.rules.names import plain
from titan.server.app_state import AppState
from titan.server.http.access import ANONYMOUS
from titan.server.http.call import Call, Json
from titan.server.http.responses import BYTES
from titan.server.http.route import Routes
from titan.server.http.validation import check_text
from titan.server.lookup import Page, filtered_page, find_gate, find_job, page_of_ids, parse_ids
from titan.server.views.jobs import job_view, job_views
from titan.wire import work as wire
from titan.wire.base import OkAnswer, ScopeQuery

route = Routes()

CHUNK_BYTES: Final = 256 * 1024
FOLLOW_SECONDS: Final = 15.0  # a follower looks again after this at the latest
MOST_GROUPS: Final = 20  # of one `waits_for`
MOST_OF_EACH: Final = 20  # first jobs of a group that was not asked for by name


@route("GET /api/jobs", Permission.SEE_WORK)
def list_jobs(call: Call, reader: Reader, query: wire.JobsQuery) -> wire.JobsAnswer:
    """List jobs, newest first, or those that are asked for by id."""
    found = _asked_for(reader, call.project_id, query)
    return wire.JobsAnswer(jobs=job_views(reader, found.rows), more=found.more, next=found.next)


def _asked_for(reader: Reader, project_id: str, query: wire.JobsQuery) -> Page[Job]:
    matching = partial(_matching, reader, query)
    if query.ids is not None:
        return page_of_ids(reader.jobs_of_ids(project_id, parse_ids(query.ids)), matching)

    def read(before: str | None, limit: int) -> list[Job]:
        if query.worker is not None:
            return reader.jobs_of_worker(project_id, query.worker, before=before, limit=limit)
        status = query.status.value if query.status else None
        return reader.jobs(project_id, status=status, run_id=query.run, dag_id=query.dag, before=before, limit=limit)

    return filtered_page(read, matching, id_of=lambda job: job.id, before=query.before, limit=query.limit)


def _matching(reader: Reader, query: wire.JobsQuery, jobs: list[Job]) -> list[Job]:
    part = plain(query.q).lower() if query.q else ""
    matching = [
        job
        for job in jobs
        if query.status in (None, job.status)
        and query.run in (None, job.run_id)
        and query.dag in (None, job.dag_id)
        and part in job.name.lower()
    ]
    if query.worker is None or query.ids is None:
        return matching
    attempts = reader.attempts_of_jobs([job.id for job in matching])
    return [job for job in matching if any(a.worker_id == query.worker for a in attempts.get(job.id, ()))]


@route("GET /api/jobs/{job}", Permission.SEE_WORK)
async def show_job(call: Call, query: wire.JobQuery) -> wire.JobView:
    """Show a job with its attempts; with wait_seconds, wait until it is final."""
    app = call.app
    job = await app.store.look(partial(_find, call=call, scope=query))
    if not job.status.is_final:
        topics = [Topic(Kind.JOB, job.id)]
        with suppress(BusClosed):  # then the answer is how the job stands
            await app.bus.wait_until(topics, partial(_is_final, app, job.id), query.wait_seconds)
    return await app.store.look(lambda reader: job_view(reader, _again(reader, job.id)))


@route("POST /api/jobs/{job}/cancel", Permission.CHANGE_WORK, mutates=True)
def cancel_job(call: Call, tx: Transaction, query: ScopeQuery) -> wire.Cancelled:
    """Cancel a job and what waits for it, or stop it when it runs; with all that it submitted."""
    return cancel_jobs(tx, [_job(tx, call, query)], by=call.caller.name)


@route("GET /api/jobs/{job}/story", Permission.SEE_WORK)
async def tell_story(call: Call, query: ScopeQuery) -> wire.StoryAnswer:
    """List the events of a job as sentences, oldest first."""
    return await call.app.store.look(lambda reader: story_view(reader, _find(reader, call, query)))


@route("GET /api/jobs/{job}/log", Permission.SEE_WORK, answer=bytes, media_type="application/octet-stream")
async def read_log(call: Call, query: wire.LogQuery) -> Response[bytes] | Stream:
    """Return the output of a job's attempts, one after the other."""
    app = call.app
    job = await app.store.look(partial(_find, call=call, scope=query))
    size = sum(map(app.logs.size, await _leases(app, job.id, query.attempt)))
    headers = {"Titan-Log-Size": str(size)}
    end = None if query.limit_bytes is None else query.offset + query.limit_bytes
    if query.follow:
        return Stream(_follow(app, job.id, query, end=end), media_type=BYTES, headers=headers)
    parts = _parts(app, job.id, query.attempt, offset=query.offset, end=size if end is None else min(end, size))
    return Stream(parts, media_type=BYTES, headers=headers)


async def _follow(app: AppState, job_id: str, query: wire.LogQuery, *, end: int | None) -> AsyncIterator[bytes]:
    """Yield output as it arrives, until `end`, or until the job, or the requested attempt, has ended."""
    offset = query.offset
    with app.bus.watch([Topic(Kind.JOB, job_id), Topic(Kind.LOG, job_id)]) as watch, suppress(BusClosed):
        while True:
            is_over = await app.store.look(partial(_writes_no_more, job_id=job_id, attempt=query.attempt))
            async for part in _parts(app, job_id, query.attempt, offset=offset, end=end):
                offset += len(part)
                yield part
            if is_over or (end is not None and offset >= end):
                return
            await watch.wait(FOLLOW_SECONDS)


async def _parts(
    app: AppState, job_id: str, attempt: int | None, *, offset: int, end: int | None
) -> AsyncIterator[bytes]:
    """Yield the stored bytes from `offset` to `end` (None: all there is) of the attempts' joined output."""
    start = 0  # offset of the attempt's output in the whole
    for lease_id in await _leases(app, job_id, attempt):
        size = app.logs.size(lease_id)
        while start <= offset < start + size and (end is None or offset < end):
            limit = CHUNK_BYTES if end is None else min(CHUNK_BYTES, end - offset)
            part = app.logs.read(lease_id, offset - start, limit)
            if not part:
                break
            offset += len(part)
            yield part
        start += size


async def _leases(app: AppState, job_id: str, attempt: int | None) -> list[str]:
    attempts = await app.store.look(lambda reader: reader.attempts_of_job(job_id))
    return [a.lease_id for a in attempts if attempt is None or a.number == attempt]


def _writes_no_more(reader: Reader, *, job_id: str, attempt: int | None) -> bool:
    if _again(reader, job_id).status.is_final:
        return True
    tried = [] if attempt is None else reader.attempts_of_job(job_id)
    return any(each.number == attempt and each.outcome is not None for each in tried)


async def _is_final(app: AppState, job_id: str) -> bool:
    return (await app.store.look(lambda reader: _again(reader, job_id))).status.is_final


def _again(reader: Reader, job_id: str) -> Job:
    job = reader.job(job_id)
    assert job is not None, f"job {job_id} vanished"
    return job


def _find(reader: Reader, call: Call, scope: ScopeQuery) -> Job:
    return find_job(reader, call.project_id, call.path("job"), dag_id=scope.dag, run_id=scope.run)


def story_view(reader: Reader, job: Job) -> wire.StoryAnswer:
    """Return a job's journal as sentences, oldest first."""
    entries = reader.journal(job.project_id, job_id=job.id, limit=100_000)
    lines = [
        shaped(wire.StoryLineView, line)
        for line in story(entries, {worker.id: worker.name for worker in reader.workers()})
    ]
    return wire.StoryAnswer(job_id=job.id, name=job.name, entries=lines)


@route("POST /api/jobs/{job}/retry", Permission.CHANGE_WORK, mutates=True, adds=True)
def retry_a_job(call: Call, tx: Transaction, query: ScopeQuery) -> wire.Retried:
    """Try a job again that failed or was cancelled, and what was cancelled because of it."""
    check_goes_on(tx, call.submitter)
    return retry_job(tx, _job(tx, call, query))


@route("POST /api/jobs/{job}/rerun", Permission.CHANGE_WORK, status=201, mutates=True, adds=True)
def rerun_a_job(call: Call, tx: Transaction, query: ScopeQuery) -> wire.Submitted:
    """Run a job once more with its inputs, as a DAG of its own."""
    return rerun_job(tx, _job(tx, call, query), call.submitter, dag_id=call.app.ids.dag_id())


def _job(reader: Reader, call: Call, scope: ScopeQuery) -> Job:
    return find_job(reader, call.project_id, call.path("job"), dag_id=scope.dag, run_id=scope.run, is_strict=True)


@route("PUT /api/result", Permission.SET_RESULT, mutates=True)
async def set_result(call: Call, body: wire.ResultBody) -> Json[OkAnswer]:
    """Set the result of the job whose token the request has."""
    value = bytes(body.value)
    if len(value) > wire.MAX_RESULT_BYTES:
        raise TooLarge(
            "result",
            expected=f"at most {wire.MAX_RESULT_BYTES} bytes of JSON",
            found=f"{len(value)} bytes",
            next_step="Publish it as an artifact: publish_artifact(key, filename), and set the key as the result.",
        )

    def act(tx: Transaction) -> OkAnswer:
        token = call.token()
        attempt = tx.live_attempt_by_token(token) if token else None
        if attempt is None:
            raise StaleLease(
                "the job that sets a result",
                expected="the token of a running attempt",
                found="one of an attempt that is over, or unknown" if token else "no token",
                next_step="Call set_result inside of a job.",
            )
        tx.put_result(attempt.job_id, attempt.project_id, value.decode())
        return OkAnswer()

    return await call.keep(act)


@route("GET /api/jobs/{job}/result", Permission.SEE_WORK)
async def get_result(call: Call, query: ScopeQuery) -> wire.ResultAnswer:
    """Return the result of a job; `is_set` distinguishes null from no result."""

    def look(reader: Reader) -> wire.ResultAnswer:
        job = find_job(reader, call.project_id, call.path("job"), dag_id=query.dag, run_id=query.run)
        value = reader.result(job.id)
        return wire.ResultAnswer(job_id=job.id, is_set=value is not None, value=msgspec.Raw((value or "null").encode()))

    return await call.app.store.look(look)


@route("GET /api/queue", Permission.SEE_ALL)
def show_queue(call: Call, reader: Reader, query: wire.QueueQuery) -> wire.QueueAnswer:
    """Show what jobs wait for: how many of each kind, and the first of them."""
    project_id = call.project_id
    parts = reader.queue_parts(project_id)
    groups = gather(parts, reader.workers() if parts else [])
    asked = [group for group in groups if query.group in (None, group.name)]
    shown = _most_of_each_kind(asked)
    limit = query.limit if query.group is not None else min(query.limit, MOST_OF_EACH)
    return wire.QueueAnswer(
        total=sum(part.count for part in parts),
        ready=_ready_by_label(parts),
        groups=_group_views(reader, project_id, shown, limit=limit),
        more=len(shown) < len(asked),
    )


def _ready_by_label(parts: Sequence[QueuePart]) -> dict[str, int]:
    ready = Counter[str]()
    for part in parts:
        if isinstance(part, ReadyPart):
            ready[part.requirement] += part.count
    return dict(ready)


def _most_of_each_kind(groups: Sequence[QueueGroup]) -> list[QueueGroup]:
    """Return the largest groups of each kind; `groups` are sorted by kind and size."""
    kinds = groupby(groups, key=lambda group: group.waits_for)
    return [group for _, alike in kinds for group in islice(alike, MOST_GROUPS)]


def _group_views(
    reader: Reader, project_id: str, groups: Sequence[QueueGroup], *, limit: int
) -> list[wire.QueueGroupView]:
    first = [reader.first_of_parts(project_id, group.parts, limit=limit) for group in groups]
    views = iter(job_views(reader, [job for jobs in first for job in jobs]))
    return [
        shaped(wire.QueueGroupView, group, jobs=[next(views) for _ in jobs])
        for group, jobs in zip(groups, first, strict=True)
    ]


@route("GET /api/gates", Permission.SEE_WORK)
def list_gates(call: Call, reader: Reader, query: wire.GatesQuery) -> wire.GatesAnswer:
    """List gates, newest first: those that are open, or all."""
    gates = reader.gates(call.project_id, is_open=query.status == "open", run_id=query.run, limit=query.limit)
    return wire.GatesAnswer(gates=gate_views(reader, gates))


@route("GET /api/gates/{gate}", Permission.SEE_WORK)
async def show_gate(call: Call, query: ScopeQuery) -> wire.GateView:
    """Show a gate, by its id, its name, or the name of the job before it."""
    return await call.app.store.look(lambda reader: gate_view(reader, _find_gate(reader, call, query)))


@route("POST /api/gates/{gate}/approve", Permission.DECIDE, mutates=True)
def approve_gate(call: Call, tx: Transaction, query: ScopeQuery, body: wire.DecideBody) -> wire.GateView:
    """Approve an open gate: what waits behind it starts."""
    return _decide(call, tx, query, body, GateOutcome.APPROVED)


@route("POST /api/gates/{gate}/reject", Permission.DECIDE, mutates=True)
def reject_gate(call: Call, tx: Transaction, query: ScopeQuery, body: wire.DecideBody) -> wire.GateView:
    """Reject an open gate: what waits behind it is cancelled."""
    return _decide(call, tx, query, body, GateOutcome.REJECTED)


def _decide(
    call: Call, tx: Transaction, scope: ScopeQuery, body: wire.DecideBody, outcome: GateOutcome
) -> wire.GateView:
    clean = call.app.recorder.without_secrets
    comment = clean(check_text("comment of the decision", body.comment)) or None
    claimed = clean(check_text("field by of the decision", body.by or "", limit_characters=200))
    by = _decider(call, claimed)
    return gate_view(tx, decide_gate(tx, _find_gate(tx, call, scope), outcome, by=by, comment=comment))


def _decider(call: Call, claimed: str) -> str:
    """Return who decides: the name that the caller claims, with its token if there is one."""
    shown = call.caller.name
    if not claimed or call.caller is ANONYMOUS:
        return claimed or shown
    return f"{claimed}, with {shown}"


def _find_gate(reader: Reader, call: Call, scope: ScopeQuery) -> Job:
    return find_gate(reader, call.project_id, call.path("gate"), dag_id=scope.dag, run_id=scope.run)


def gate_view(reader: Reader, gate: Job) -> wire.GateView:
    """Return one gate."""
    return gate_views(reader, [gate])[0]


def gate_views(reader: Reader, gates: Sequence[Job]) -> list[wire.GateView]:
    """Return the views of gates."""
    names = reader.dag_names(list({gate.dag_id for gate in gates}))
    return [_gate_view(gate, dag_name=names[gate.dag_id]) for gate in gates]


#: State of a gate without a decision; any other status means that it was cancelled.
_UNDECIDED: Final[Mapping[JobStatus, Literal["waiting", "open"]]] = {
    JobStatus.WAITING: "waiting",
    JobStatus.WAITING_APPROVAL: "open",
}


def _gate_view(gate: Job, *, dag_name: str) -> wire.GateView:
    decision = gate.decision
    is_open = gate.status is JobStatus.WAITING_APPROVAL
    return wire.GateView(
        gate_id=gate.id,
        name=gate.name,
        dag_id=gate.dag_id,
        dag_name=dag_name,
        agent_run_id=gate.run_id,
        message=gate.spec.hitl_message or "",
        state=decision.outcome.value if decision else _UNDECIDED.get(gate.status, "cancelled"),
        parents=gate.spec.parents,
        opened_at=gate.ready_at,
        expires_at=gate.due_at if is_open else None,
        decided_at=gate.ended_at if decision else None,
        decided_by=decision.decided_by if decision else None,
        comment=decision.comment if decision else None,
    )
