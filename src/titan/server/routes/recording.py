"""Recording what agents did, as the SDK reports it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from titan.ingest.actions import entries_of
from titan.model.actions import Entry, RunEntry, Source
from titan.model.errors import InvalidInput, UnknownJob
from titan.model.projects import DEFAULT_PROJECT
from titan.model.tokens import Role
from titan.ports.jobs_store import Reader
from titan.recorder.recorder import Recorded
from titan.rules.access import Permission
from titan.server.http.authorization import check_may_report, deliver_for, is_limited
from titan.server.http.call import Call
from titan.server.http.route import Routes
from titan.wire.recording import RecordAnswer, RecordBody, RecordQuery

route = Routes()

MAX_RECORD_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RequestRun:
    """The run that a request's entries belong to, where they name none."""

    id: str
    agent_id: str | None
    project_id: str = DEFAULT_PROJECT


@route("POST /api/v1/actions", Permission.DELIVER, body=RecordBody, adds=True)
async def record_actions(call: Call, query: RecordQuery) -> RecordAnswer:
    """Record what agents did, as the SDK reports it; the answer comes when it is durable. Repeats change nothing."""
    if call.caller.role is Role.WORKER:
        await deliver_for(call, query.lease)
    raw = await call.raw_body(MAX_RECORD_BYTES)
    own = await call.app.store.look(partial(_own_run, call=call, lease_id=query.lease))
    if own is not None:
        call.be_of(own.project_id, is_fixed=True)  # also of what others deliver for a job

    def read() -> list[Entry]:
        return reported_in(call.decode(raw, RecordBody), own)

    recorded = await record(call, read)
    return RecordAnswer(stored=recorded.stored, repeated=recorded.repeated)


def reported_in(body: RecordBody, own: RequestRun | None) -> list[Entry]:
    """Return what a body of POST /api/v1/actions tells; `own` is the run of the job that tells it.

    Raises:
        InvalidInput: an entry names no run and none is known, or holds what `entries_of` refuses.
    """
    run = RequestRun(body.run_id, body.agent_id) if body.run_id else own
    if run is None and any(entry.run_id is None for entry in body.entries):
        raise InvalidInput(
            "entries without a run",
            expected="run_id in the body, or the token of a job, whose run it then is",
            found="neither",
            next_step="Send run_id; titan_sdk.run(...) does.",
        )
    entries = list(entries_of(body, run_id=run.id if run else ""))
    return _with_agent(entries, run)


async def record(call: Call, read: Callable[[], Iterable[Entry]]) -> Recorded:
    """Record what `read` returns, if the caller may tell of it; see `Recorder.record`.

    Raises:
        Forbidden: a job tells of somebody else's run; nothing was kept.
    """

    def checked() -> list[Entry]:
        entries = list(read())
        run_ids = list(dict.fromkeys(entry.run_id for entry in entries))
        call.app.store.read(partial(check_may_report, call=call, run_ids=run_ids))
        return entries

    entries = checked if is_limited(call) else read
    return await call.app.recorder.record(call.project_id, entries, is_fixed=call.is_project_fixed)


def _with_agent(entries: list[Entry], run: RequestRun | None) -> list[Entry]:
    """Return entries behind one that says whose run theirs is, where the request knows it and they do not say it."""
    if run is None or run.agent_id is None:
        return entries
    own: dict[str | None, list[Entry]] = {}
    for entry in entries:
        if entry.run_id == run.id:
            own.setdefault(entry.project, []).append(entry)
    return [*(_naming(run, project, part) for project, part in own.items() if not _names_agent(part)), *entries]


def _names_agent(entries: Iterable[Entry]) -> bool:
    return any(isinstance(entry, RunEntry) and entry.agent_id for entry in entries)


def _naming(run: RequestRun, project: str | None, entries: Iterable[Entry]) -> RunEntry:
    first = min(entry.at if isinstance(entry, RunEntry) else entry.started_at for entry in entries)
    return RunEntry(run_id=run.id, source=Source.SDK, at=first, agent_id=run.agent_id, project=project)


async def run_of_caller(call: Call) -> RequestRun | None:
    """Return the run of the job that asks; None when no job does."""
    return await call.app.store.look(partial(_own_run, call=call, lease_id=None))


def _own_run(reader: Reader, *, call: Call, lease_id: str | None) -> RequestRun | None:
    """Return the run of the attempt that asks, or that a worker asks for."""
    attempt = call.caller.attempt
    if attempt is None and lease_id is not None:
        attempt = reader.attempt(lease_id)
        if attempt is None or not call.caller.owns(attempt.project_id):
            raise UnknownJob(
                f"lease {lease_id[:60]!a}",
                expected="the lease of an attempt",
                found="none such",
                next_step="What an attempt left is posted while its job is stored.",
            )
    job = None if attempt is None else reader.job(attempt.job_id)
    if job is None:
        return None
    if job.run_id is not None:
        run = reader.run_control(job.project_id, job.run_id)
        return RequestRun(job.run_id, run.agent_id if run else None, job.project_id)
    dag = reader.dag(job.dag_id)
    return RequestRun(job.dag_id, dag.name if dag else None, job.project_id)  # an implicit run, named by its submission
