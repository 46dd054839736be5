"""Builders of the server's answers as the command line holds them: a test states only what matters to it."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from titan.cli.answers import Counts, Dag, Job
from titan.cli.recorded_answers import Tally
from titan.model.dags import StageStatus
from titan.model.jobs import JobStatus

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

_STAGE_OF = {
    JobStatus.COMPLETED: StageStatus.COMPLETED,
    JobStatus.FAILED: StageStatus.FAILED,
    JobStatus.CANCELLED: StageStatus.FAILED,
}


def an_answered_job(
    name: str = "train",
    status: JobStatus = JobStatus.READY,
    *,
    parents: tuple[str, ...] = (),
    reason: str | None = None,
    took: timedelta | None = None,
) -> Job:
    """Return a job of DAG d1, submitted a minute before noon, and started half a minute later if it was."""
    is_started = status in (JobStatus.RUNNING, JobStatus.COMPLETED, JobStatus.FAILED)
    return Job(
        job_id=f"d1.{name}",
        name=name,
        dag_id="d1",
        dag_name="pipeline",
        status=status,
        submitted_at=NOON - timedelta(minutes=1),
        started_at=NOON - timedelta(seconds=30) if is_started else None,
        ended_at=NOON if status.is_final else None,
        reason=reason,
        parents=parents,
        duration_ns=None if took is None else took // timedelta(microseconds=1) * 1000,
    )


def an_answered_dag(*jobs: Job, name: str = "pipeline", status: StageStatus | None = None) -> Dag:
    """Return DAG d1 with `jobs`; its counts, and for a single kind of jobs its status, follow from them."""
    counted = Counter(job.status for job in jobs)
    is_final = all(job.status.is_final for job in jobs)
    kinds = list(counted)
    derived = _STAGE_OF.get(kinds[0], StageStatus.RUNNING) if len(kinds) == 1 else StageStatus.RUNNING
    return Dag(
        dag_id="d1",
        name=name,
        status=status or derived,
        is_final=is_final,
        submitted_at=NOON - timedelta(minutes=1),
        started_at=NOON - timedelta(seconds=30),
        ended_at=NOON if is_final else None,
        counts=Counts(
            total=len(jobs),
            waiting=counted[JobStatus.WAITING],
            ready=counted[JobStatus.READY],
            running=counted[JobStatus.RUNNING],
            completed=counted[JobStatus.COMPLETED],
            failed=counted[JobStatus.FAILED],
            cancelled=counted[JobStatus.CANCELLED],
        ),
        jobs=jobs,
    )


def a_tally(**figures: int | float | Decimal | None) -> Tally:
    """Return totals, all 0 but those that are given."""
    names = ("calls", "running", "success", "error", "blocked", "rejected", "replayed", "unpriced", "estimated")
    counts = dict.fromkeys((*names, "input_tokens", "output_tokens"), 0)
    costs = dict.fromkeys(("cost_usd", "attempted_cost_usd", "saved_cost_usd"), Decimal(0))
    return Tally(**{**counts, **costs, "success_rate": None, **figures})  # type: ignore[arg-type]
