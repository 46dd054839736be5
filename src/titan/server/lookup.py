"""Find what a path or query names, or raise NotFound; read filtered lists page by page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Generic, TypeVar

import msgspec

from titan.model.attempts import Attempt
from titan.model.dags import Dag
from titan.model.errors import Conflict, NotFound, UnknownArtifact, UnknownDag, UnknownJob, UnknownRun, UnknownWorker
from titan.model.files import StoredFile
from titan.model.jobs import Job, JobStatus
from titan.model.run_control import Origin, RunControl
from titan.model.workers import Worker, WorkerState
from titan.ports.jobs_store import Reader
from titan.ports.runtime import Blobs
from titan.rules.jobs.gates import gate_name
from titan.rules.names import plain, shown

OPEN_TRIES: Final = 3


def unknown(error: type[NotFound], what: str, name: str, next_step: str, *, expected: str = "") -> NotFound:
    """Return the error for an unknown name."""
    return error(
        f"{what} {shown(name)}", expected=expected or f"a known {what}", found="no such name", next_step=next_step
    )


def find_job(
    reader: Reader, project_id: str, name: str, *, dag_id: str | None, run_id: str | None, is_strict: bool = False
) -> Job:
    """Return the job with this id, or the newest of this name in the DAG, else in the run, else anywhere.

    `is_strict`, for actions that cannot be undone, looks only in the DAG if one is named.

    Raises:
        UnknownJob: there is none.
    """
    job = reader.job(name)
    if job is not None and job.project_id == project_id:
        return job
    scopes = [(dag_id, None)] * (dag_id is not None) + [(None, run_id)] * (run_id is not None) + [(None, None)]
    if is_strict and dag_id is not None:
        scopes = scopes[:1]
    for wanted in dict.fromkeys((name, plain(name))):
        for scope_dag, scope_run in scopes:
            job = reader.newest_job(project_id, wanted, dag_id=scope_dag, run_id=scope_run)
            if job is not None:
                return job
    raise unknown(UnknownJob, "job", name, "List jobs with `titan jobs` or GET /api/jobs.")


def find_gate(reader: Reader, project_id: str, name: str, *, dag_id: str | None, run_id: str | None) -> Job:
    """Return the gate with this id, of this name, behind the job of this name, or the open one of the DAG of this name.

    Of several with one name, an open one is preferred, then the newest; `dag_id` and `run_id` narrow the search.

    Raises:
        UnknownJob: there is none.
        Conflict: several of that name are open.
    """
    job = reader.job(name)
    if job is not None and job.project_id == project_id:
        return job
    for wanted in dict.fromkeys((name, gate_name(name), plain(name), gate_name(plain(name)))):
        is_open = [
            gate
            for gate in reader.open_gates_called(project_id, wanted)
            if dag_id in (None, gate.dag_id) and run_id in (None, gate.run_id)
        ]
        if len(is_open) > 1:
            raise _which_gate(reader, name, is_open)
        gate = is_open[0] if is_open else reader.newest_job(project_id, wanted, dag_id=dag_id, run_id=run_id)
        if gate is not None and gate.is_gate:
            return gate
    is_open = _open_gates_of_dag(reader, project_id, name)
    if len(is_open) > 1:
        raise _which_gate(reader, name, is_open)
    if is_open:
        return is_open[0]
    expected = "the id or name of a gate, of the job before it, or of a DAG with an open gate"
    raise unknown(UnknownJob, "gate", name, "List gates with `titan gates` or GET /api/gates.", expected=expected)


def _open_gates_of_dag(reader: Reader, project_id: str, name: str) -> list[Job]:
    try:
        dag = find_dag(reader, project_id, name)
    except UnknownDag:
        return []
    return [job for job in reader.jobs_of_dag(dag.id) if job.is_gate and job.status is JobStatus.WAITING_APPROVAL]


def _which_gate(reader: Reader, name: str, gates: list[Job]) -> Conflict:
    first = gates[:5]
    dags = reader.dag_names(list({gate.dag_id for gate in first}))
    named = [f"{gate.id} of DAG {dags[gate.dag_id]}" + (f", run {gate.run_id}" * bool(gate.run_id)) for gate in first]
    return Conflict(
        f"gate {shown(name)}",
        expected="one open gate of this name",
        found=f"{len(gates)}: {'; '.join(named)}{'; …' if len(gates) > len(first) else ''}",
        next_step="Say which: by its id, or with its DAG or its run (--dag, --run; over HTTP ?dag=ID, ?run=ID).",
    )


def origin_of(choice: str | None, *, is_named: bool) -> Origin | None:
    """Return the origin that a list is narrowed to; None: to none. `is_named`: the query names what it asks for."""
    if choice == "all" or (choice is None and is_named):
        return None
    return Origin(choice or Origin.PRODUCTION)


def find_dag(reader: Reader, project_id: str, name: str) -> Dag:
    """Return the DAG with this id, or the newest of this name.

    Raises:
        UnknownDag: there is none.
    """
    dag = reader.dag(name)
    if dag is not None and dag.project_id == project_id:
        return dag
    for wanted in dict.fromkeys((name, plain(name))):
        dag = reader.newest_dag(project_id, wanted)
        if dag is not None:
            return dag
    raise unknown(UnknownDag, "dag", name, "List them with `titan dags` or GET /api/dags.")


def find_worker(reader: Reader, name: str) -> Worker:
    """Return the worker with this id, or the connected one of this name.

    Raises:
        UnknownWorker: there is none.
        Conflict: several of that name are connected.
    """
    worker = reader.worker(name)
    if worker is not None:
        return worker
    called = [worker for worker in reader.workers() if worker.name == name]
    found = [worker for worker in called if worker.state is WorkerState.CONNECTED]
    if len(found) > 1:
        raise Conflict(
            f"worker {shown(name)}",
            expected="one connected worker of this name",
            found=f"{len(found)}: {', '.join(worker.id for worker in found[:5])}",
            next_step="Name it by its id.",
        )
    if found or called:
        return found[0] if found else max(called, key=lambda worker: worker.joined_at)
    raise unknown(UnknownWorker, "worker", name, "List them with `titan workers` or GET /api/workers.")


def find_run(reader: Reader, project_id: str, run_id: str) -> RunControl:
    """Return a run that has stages.

    Raises:
        UnknownRun: there is none, or it has no stages.
    """
    run = reader.run_control(project_id, run_id)
    if run is not None:
        return run
    next_step = "List them with `titan runs --stages` or GET /api/v1/runs?has_stages=true&window=all."
    raise unknown(UnknownRun, "run", run_id, next_step, expected="the id of a run with stages")


def attempt_of_caller(reader: Reader, token: str | None) -> Attempt | None:
    """Return the running attempt that has this token; None when the caller is no job."""
    return reader.live_attempt_by_token(token) if token else None


def run_of(reader: Reader, attempt: Attempt | None) -> str | None:
    """Return the run of the attempt's job; None when there is none."""
    job = reader.job(attempt.job_id) if attempt else None
    return job.run_id if job else None


def find_file(reader: Reader, project_id: str, name: str) -> StoredFile:
    """Return the newest file of this base name.

    Raises:
        UnknownArtifact: there is none.
    """
    file = reader.file(project_id, name)
    if file is None:
        raise unknown_artifact("file", name)
    return file


def blob_path(blobs: Blobs, digest: str) -> Path:
    """Return the file with the content of this SHA-256.

    Raises:
        UnknownArtifact: it is not stored.
    """
    path = blobs.path(digest)
    if path is None:
        raise unknown_artifact("content", digest)
    return path


def keep_blob(blobs: Blobs, digest: str) -> None:
    """Protect content that is about to be referenced from collection.

    Raises:
        UnknownArtifact: it is not stored.
    """
    if not blobs.touch(digest):
        raise unknown_artifact("content", digest)


def open_blob(blobs: Blobs, digest: str) -> BinaryIO:
    """Return the content of this SHA-256 as an open file, which stays readable if it is collected.

    Raises:
        UnknownArtifact: it is not stored.
    """
    for _ in range(OPEN_TRIES):
        try:
            return blob_path(blobs, digest).open("rb")
        except FileNotFoundError:
            continue  # collected just now: `path` restores it if it was touched
    raise unknown_artifact("content", digest)


def unknown_artifact(what: str, name: str) -> NotFound:
    """Return the error for a file or content that is not there, or not within reach."""
    next_step = "Upload it with upload_file(path), or publish it with publish_artifact(key, path)."
    return unknown(UnknownArtifact, what, name, next_step, expected="a file that was uploaded or published")


T = TypeVar("T")

_IDS: Final = msgspec.json.Decoder(list[str])

MOST_LOOKED_AT: Final = 20_000  # rows read for one answer, about half a second; `next` continues from there
PAGE: Final = 1000  # rows read at once while few of them match


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """A page of a list."""

    rows: list[T]
    more: bool  #: whether there may be further rows
    next: str | None  #: the id after which they begin


def filtered_page(
    read: Callable[[str | None, int], list[T]],
    matching: Callable[[list[T]], list[T]],
    *,
    id_of: Callable[[T], str],
    before: str | None,
    limit: int,
) -> Page[T]:
    """Return up to `limit` matching rows, after reading at most some 20,000.

    `read` returns rows after an id, in order; `fitting` filters them.
    """
    found: list[T] = []
    looked_at, size = 0, limit + 1  # one more, to know whether there is more
    while True:
        rows = read(before, size)
        found += matching(rows)
        if len(found) > limit:
            return Page(rows=found[:limit], more=True, next=id_of(found[limit - 1]))
        if len(rows) < size:
            return Page(rows=found, more=False, next=None)
        before = id_of(rows[-1])
        looked_at += len(rows)
        if looked_at >= MOST_LOOKED_AT:
            return Page(rows=found, more=True, next=before)
        size = PAGE


def parse_ids(ids: str) -> list[str]:
    """Return distinct ids from a comma-separated list, or from a JSON list if an id holds a comma."""
    if ids.startswith("["):
        try:
            return list(dict.fromkeys(_IDS.decode(ids)))
        except msgspec.DecodeError:
            pass  # an id that begins with a bracket
    return list(dict.fromkeys(ids.split(",")))


def page_of_ids(rows: Sequence[T], matching: Callable[[list[T]], list[T]]) -> Page[T]:
    """Return the matching ones of rows that were asked for by id."""
    return Page(rows=matching(list(rows)), more=False, next=None)
