"""Values as a store keeps them: consistent with each other, so that the schema takes them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tests.support.builders import NOON, PROJECT, a_spec
from tests.support.stores import committed
from titan.model.attempts import Attempt, AttemptOutcome
from titan.model.dags import Dag, JobCounts, OnFailure
from titan.model.events import JobReady, Subject
from titan.model.jobs import Affinity, Job, JobKind, JobStatus
from titan.model.run_control import RunControl
from titan.model.tokens import Role, Token
from titan.model.workers import Worker, WorkerState
from titan.ports.jobs_store import Store, Transaction

LEASE = timedelta(seconds=10)


def a_stored_job(
    name: str = "train",
    *,
    dag_id: str = "d1",
    position: int = 0,
    run_id: str | None = None,
    status: JobStatus = JobStatus.WAITING,
    requirement: str = "GENERAL",
    priority: int = 1,
    affinity: Affinity = Affinity.NONE,
    remaining_parents: int = 0,
    ready_at: datetime = NOON,
    due_at: datetime | None = None,
    preferred_worker_id: str | None = None,
    is_gate: bool = False,
    concurrency_key: str | None = None,
) -> Job:
    """Return a job with the moments its status asks for."""
    spec = replace(a_spec(name, requirement=requirement), priority=priority, affinity=affinity)
    spec = replace(spec, concurrency_key=concurrency_key)
    if is_gate:
        spec = replace(spec, kind=JobKind.GATE, filename=None, script=None, hitl_message="Go on?")
    return Job(
        project_id=PROJECT,
        id=f"{dag_id}.{position:05d}",
        dag_id=dag_id,
        run_id=run_id,
        spec=spec,
        status=status,
        submitted_at=NOON,
        remaining_parents=remaining_parents,
        ready_at=ready_at if status is JobStatus.READY else None,
        due_at=due_at,
        ended_at=NOON if status.is_final else None,
        preferred_worker_id=preferred_worker_id,
    )


def a_stored_dag(
    *jobs: Job,
    dag_id: str = "d1",
    name: str = "pipeline",
    run_id: str | None = None,
    made_by: str | None = None,
) -> Dag:
    """Return the DAG of `jobs`, with their counts."""
    counts = Counter(job.status.lower() for job in jobs)
    return Dag(
        project_id=PROJECT,
        id=dag_id,
        name=name,
        run_id=run_id,
        agent_id=None,
        on_failure=OnFailure.CONTINUE,
        submitted_at=NOON,
        counts=JobCounts(**counts),
        made_by=made_by,
        ended_at=NOON if all(job.status.is_final for job in jobs) else None,
    )


def a_run(run_id: str = "r1", *, started_at: datetime = NOON) -> RunControl:
    """Return a run that has just begun."""
    return RunControl(
        project_id=PROJECT,
        id=run_id,
        agent_id="researcher",
        started_at=started_at,
        last_activity_at=started_at,
    )


def a_worker(worker_id: str = "w1", *, name: str = "worker", state: WorkerState = WorkerState.CONNECTED) -> Worker:
    """Return a worker with four GENERAL slots."""
    return Worker(
        id=worker_id,
        name=name,
        host="here",
        pid=4711,
        offers={"GENERAL": 4},
        version="0.1.0",
        state=state,
        joined_at=NOON,
        seen_at=NOON,
    )


def a_token(token_id: str = "0123456789ab", *, role: Role = Role.ADMIN, age: timedelta = timedelta()) -> Token:
    """Return a token that was made `age` before noon."""
    return Token(id=token_id, name="laptop", role=role, hash="ab" * 32, created_at=NOON - age)


def an_attempt(
    lease_id: str = "lease1",
    *,
    job_id: str = "d1.00000",
    number: int = 1,
    worker_id: str = "w1",
    label: str = "GENERAL",
    leased_at: datetime = NOON,
    outcome: AttemptOutcome | None = None,
) -> Attempt:
    """Return an attempt, live unless it has an outcome; its token is `token of <lease id>`."""
    return Attempt(
        project_id=PROJECT,
        lease_id=lease_id,
        job_id=job_id,
        number=number,
        worker_id=worker_id,
        label=label,
        token=f"token of {lease_id}",
        leased_at=leased_at,
        expires_at=leased_at + LEASE,
        outcome=outcome,
        ended_at=None if outcome is None else leased_at,
    )


def store_dag(
    store: Store,
    *jobs: Job,
    dag_id: str = "d1",
    name: str = "pipeline",
    run_id: str | None = None,
    edges: Sequence[tuple[Job, Job]] = (),
) -> Dag:
    """Store a DAG of `jobs` with its (parent, child) edges and return it."""
    dag = a_stored_dag(*jobs, dag_id=dag_id, name=name, run_id=run_id)
    committed(store, lambda tx: tx.add_dag(dag, jobs, [(parent.id, child.id) for parent, child in edges]))
    return dag


def store_workers(store: Store, *workers: Worker) -> None:
    """Store workers in one transaction."""

    def decide(tx: Transaction) -> None:
        for worker in workers:
            tx.save_worker(worker)

    committed(store, decide)


def record_ready(store: Store, job: Job, *, cause: str = "submit") -> None:
    """Record that `job` became ready."""
    subject = Subject(project_id=PROJECT, run_id=job.run_id, dag_id=job.dag_id, job_id=job.id)
    committed(store, lambda tx: tx.record(subject, JobReady(cause=cause)))
