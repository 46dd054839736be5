"""Builders of model values: a test states only what matters to it."""

from collections.abc import Mapping
from datetime import UTC, datetime

from titan.model.attempts import AttemptOutcome, AttemptReport
from titan.model.dags import Dag, JobCounts, NewDag, OnFailure
from titan.model.jobs import Affinity, Job, JobKind, JobSpec, JobStatus, ReadyJob
from titan.model.run_control import Orchestrator
from titan.model.workers import FreeWorker

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROJECT = "default"
SCRIPT = "0" * 64  #: stands for the digest of some script


def a_spec(
    name: str = "train",
    *,
    parents: tuple[str, ...] = (),
    requirement: str = "GENERAL",
    retries: int = 0,
    backoff_seconds: float = 0.0,
    max_lost: int = 3,
) -> JobSpec:
    """Return what a client asks for; `dataclasses.replace` sets the rest."""
    return JobSpec(
        name=name,
        filename="script.py",
        script=SCRIPT,
        parents=parents,
        requirement=requirement,
        retries=retries,
        backoff_seconds=backoff_seconds,
        max_lost=max_lost,
    )


def a_gate(
    name: str = "ok",
    *,
    parents: tuple[str, ...] = (),
    message: str = "Go on?",
    max_wait_seconds: float = 60.0,
) -> JobSpec:
    """Return a standalone gate."""
    return JobSpec(
        name=name,
        kind=JobKind.GATE,
        filename=None,
        script=None,
        parents=parents,
        hitl_message=message,
        max_wait_seconds=max_wait_seconds,
    )


def a_new_dag(
    *jobs: JobSpec,
    name: str = "pipeline",
    agent_run_id: str | None = None,
    on_failure: OnFailure = OnFailure.CONTINUE,
    idempotency_key: str | None = None,
    occurrence: int = 0,
    is_resumed: bool = False,
    orchestrator: Orchestrator | None = None,
) -> NewDag:
    """Return a submission of `jobs`."""
    return NewDag(
        name=name,
        jobs=jobs,
        agent_run_id=agent_run_id,
        on_failure=on_failure,
        idempotency_key=idempotency_key,
        occurrence=occurrence,
        is_resumed=is_resumed,
        orchestrator=orchestrator,
    )


def a_job(
    name: str = "train",
    *,
    status: JobStatus = JobStatus.WAITING,
    spec: JobSpec | None = None,
    failed_count: int = 0,
    lost_count: int = 0,
    is_cancel_requested: bool = False,
) -> Job:
    """Return a stored job whose id is `d1.<name>`."""
    return Job(
        project_id=PROJECT,
        id=f"d1.{name}",
        dag_id="d1",
        run_id=None,
        spec=spec or a_spec(name),
        status=status,
        submitted_at=NOON,
        failed_count=failed_count,
        lost_count=lost_count,
        is_cancel_requested=is_cancel_requested,
    )


def a_ready_job(
    job_id: str = "job",
    *,
    requirement: str = "GENERAL",
    priority: int = 1,
    ready_at: datetime = NOON,
    affinity: Affinity = Affinity.NONE,
    preferred_worker_id: str | None = None,
    confined_to: str | None = None,
    must_not_be_lost: bool = False,
    organisation_id: str = "local",
) -> ReadyJob:
    """Return a job that waits for a worker, as dispatch sees it."""
    return ReadyJob(
        id=job_id,
        requirement=requirement,
        priority=priority,
        ready_at=ready_at,
        affinity=affinity,
        preferred_worker_id=preferred_worker_id,
        confined_to=confined_to,
        must_not_be_lost=must_not_be_lost,
        organisation_id=organisation_id,
    )


def a_free_worker(
    worker_id: str = "w1",
    slots: Mapping[str, int] | None = None,
    *,
    room: Mapping[str, int] | None = None,
    confines_to: str | None = None,
    organisation_id: str = "local",
) -> FreeWorker:
    """Return a worker that asks for work; without `slots` it has one GENERAL slot, without `room` none beyond."""
    free_slots = {"GENERAL": 1} if slots is None else slots
    return FreeWorker(
        id=worker_id,
        free_slots=free_slots,
        prefetch_slots=room or {},
        confines_to=confines_to,
        organisation_id=organisation_id,
    )


def a_dag(
    *,
    counts: JobCounts | None = None,
    started_at: datetime | None = None,
    ended_at: datetime | None = None,
) -> Dag:
    """Return a stored DAG; without `counts` it has one waiting job."""
    return Dag(
        project_id=PROJECT,
        id="d1",
        name="pipeline",
        run_id=None,
        agent_id=None,
        on_failure=OnFailure.CONTINUE,
        submitted_at=NOON,
        counts=counts or JobCounts(waiting=1),
        started_at=started_at,
        ended_at=ended_at,
    )


def a_report(
    outcome: AttemptOutcome = AttemptOutcome.SUCCEEDED,
    *,
    exit_code: int | None = None,
    signal: int | None = None,
    error: str | None = None,
) -> AttemptReport:
    """Return what a worker says of an attempt that has ended."""
    return AttemptReport(lease_id="lease", outcome=outcome, exit_code=exit_code, signal=signal, error=error)
