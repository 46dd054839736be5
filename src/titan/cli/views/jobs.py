"""Tables and lines that show DAGs and jobs."""

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from titan.cli.terminal import Column, Columns, Status, say, show_table
from titan.cli.views.formats import NOTHING, count, duration, moment, size, with_local_times
from titan.model.jobs import JobKind, JobStatus
from titan.wire.work import AttemptView, CountsView, DagView, JobView

_NAMED = 3  # of a fan-in of a thousand, the first three say enough
_SHOWN_JOBS = 200  # of a DAG; more scroll away, and --json has them all
_EVERY_JOB = 20  # a summary of up to so many jobs lists each of them, a longer one those that did not complete

DAG_COLUMNS: Columns[DagView] = (
    Column("DAG", lambda dag, _: dag.name, folds=True),
    Column("STATUS", lambda dag, _: Status(dag.status)),
    Column("DONE", lambda dag, _: f"{dag.counts.completed:,}/{dag.counts.total:,}", is_right=True),
    Column("SUBMITTED", lambda dag, at: moment(dag.submitted_at, now=at), least_columns=50),
    Column("TOOK", lambda dag, at: duration(dag_length(dag, at=at)), is_right=True, least_columns=60),
    Column("RUN", lambda dag, _: dag.agent_run_id, folds=True, least_columns=100),
    Column("ID", lambda dag, _: dag.dag_id, least_columns=140),
)
_JOB: Column[JobView] = Column("JOB", lambda job, _: job.name, folds=True)
_STATUS: Column[JobView] = Column("STATUS", lambda job, _: Status(job.status))
_TOOK: Column[JobView] = Column("TOOK", lambda job, at: duration(time_of(job, at=at)), is_right=True, least_columns=60)
_WORKER: Column[JobView] = Column("WORKER", lambda job, _: job.worker, folds=True, least_columns=100)
_WHY: Column[JobView] = Column("WHY", lambda job, at: reason_of(job, at=at), folds=True)
JOB_COLUMNS: Columns[JobView] = (
    *(_JOB, _STATUS),
    Column("DAG", lambda job, _: job.dag_name, folds=True),
    Column("SUBMITTED", lambda job, at: moment(job.submitted_at, now=at), least_columns=60),
    *(_TOOK, _WORKER, _WHY),
)
_JOB_OF_DAG_COLUMNS: Columns[JobView] = (
    *(_JOB, _STATUS, _TOOK),
    Column("AFTER", lambda job, _: shortened(job.parents), folds=True, least_columns=50),
    *(_WORKER, _WHY),
)
_ATTEMPT_COLUMNS: Columns[AttemptView] = (
    Column("ATTEMPT", lambda attempt, _: str(attempt.attempt), is_right=True),
    Column("OUTCOME", lambda attempt, _: Status(attempt.outcome or "RUNNING")),
    Column("EXIT", lambda attempt, _: _exit_of(attempt), is_right=True),
    Column("TOOK", lambda attempt, at: duration(_length_of_attempt(attempt, at=at)), is_right=True),
    Column("PARKED", lambda attempt, at: duration(_parked(attempt, at=at)), is_right=True, least_columns=80),
    Column("MEMORY", lambda attempt, _: size(attempt.peak_memory_bytes), is_right=True, least_columns=60),
    Column("WORKER", lambda attempt, _: attempt.worker, folds=True),
    Column("STARTED", lambda attempt, at: moment(attempt.started_at, now=at), least_columns=90),
    Column("ERROR", lambda attempt, _: attempt.error, folds=True),
)


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def show_dag(dag: DagView, *, at: datetime) -> None:
    """Write a DAG: its status, its facts and its jobs."""
    say("DAG ", dag.name, "  ", Status(dag.status), "  ", summary(dag.counts))
    say(" · ".join(_facts(dag, at=at)))
    _show_jobs_of(jobs_of(dag), at=at)


def show_outcome(dag: DagView, *, at: datetime) -> None:
    """Write a DAG's outcome with its jobs; of a large DAG only those that did not complete."""
    took = duration(dag_length(dag, at=at))
    say("DAG ", dag.name, "  ", Status(dag.status), "  ", summary(dag.counts), f" in {took}" if dag.started_at else "")
    jobs = jobs_of(dag)
    if len(jobs) > _EVERY_JOB:
        jobs = [job for job in jobs if job.status is not JobStatus.COMPLETED]
    if jobs:
        _show_jobs_of(jobs, at=at)


def _show_jobs_of(jobs: Sequence[JobView], *, at: datetime) -> None:
    """Write the table of jobs, the first 200 of them."""
    say("")
    show_table(_JOB_OF_DAG_COLUMNS, jobs[:_SHOWN_JOBS], at=at)
    if len(jobs) > _SHOWN_JOBS:
        say(f"… and {count(len(jobs) - _SHOWN_JOBS, 'more job')}: --json lists all of them.")


def show_job(job: JobView, *, at: datetime) -> None:
    """Write a job: its status and reason, its command and its attempts."""
    say("Job ", job.name, "  ", Status(job.status), f"  {reason_of(job, at=at)}" if job.reason else "")
    run = f" · run {job.agent_run_id}" if job.agent_run_id else ""
    say(f"id {job.job_id} · DAG {job.dag_name}{run} · submitted {moment(job.submitted_at, now=at)}")
    if job.kind is JobKind.GATE:
        say(f"a gate that asks: {job.hitl_message}")
    else:
        command = shlex.join([job.filename or "", *job.args])
        say(f"runs {command} · requires {job.requirement} · priority {job.priority}")
    if job.parents:
        say(f"after {', '.join(job.parents)}")
    if job.cancel_requested and not job.status.is_final:
        say("A cancel was asked for; its worker is ending it.")
    if attempts := job.attempts:
        say("")
        show_table(_ATTEMPT_COLUMNS, attempts, at=at)


def summary(counts: CountsView) -> str:
    """Return the number of jobs by status: `3 of 5 jobs completed, 1 failed, 1 cancelled`."""
    return ", ".join([f"{counts.completed:,} of {count(counts.total, 'job')} completed", *not_completed(counts)])


def not_completed(counts: CountsView) -> list[str]:
    """Return the numbers of jobs that did not complete, by status: `["1 failed", "2 running"]`."""
    others = (
        (counts.failed, "failed"),
        (counts.cancelled, "cancelled"),
        (counts.running, "running"),
        (counts.waiting_approval, "waiting for approval"),
        (counts.waiting + counts.ready, "waiting"),
    )
    return [f"{number:,} {word}" for number, word in others if number]


def dag_length(dag: DagView, *, at: datetime) -> timedelta | None:
    """Return a DAG's duration from its first start, until `at` while it is not final."""
    return None if dag.started_at is None else (dag.ended_at or at) - dag.started_at


def length_of(duration_ns: int | None) -> timedelta | None:
    """Return nanoseconds as a timedelta, None for None."""
    return None if duration_ns is None else timedelta(microseconds=duration_ns / 1000)


def jobs_of(dag: DagView) -> list[JobView]:
    """Return a DAG's jobs; none for a DAG of a list, which comes without."""
    return dag.jobs or []


def attempts_of(job: JobView) -> list[AttemptView]:
    """Return a job's attempts; none for a job of a list, which comes without."""
    return job.attempts or []


def final_of(counts: CountsView) -> int:
    """Return the number of jobs that have ended for good."""
    return counts.completed + counts.failed + counts.cancelled


def shortened(names: Sequence[str], most: int = _NAMED) -> str:
    """Return the first names, by default three, and the number of the others."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest:,} more" if rest > 0 else "") or NOTHING


def reason_of(job: JobView, *, at: datetime) -> str:
    """Return the reason of a job's status, with local times; empty if there is none."""
    return with_local_times(job.reason or "", now=at)


def time_of(job: JobView, *, at: datetime) -> timedelta | None:
    """Return the duration of the job's last attempt, until `at` while it runs."""
    if job.status is JobStatus.RUNNING and job.started_at is not None:
        return at - job.started_at
    return length_of(job.duration_ns)


def _facts(dag: DagView, *, at: datetime) -> list[str]:
    facts = [f"id {dag.dag_id}"]
    if dag.agent_run_id:
        facts.append(f"run {dag.agent_run_id}")
    if dag.made_by:
        facts.append(f"made by job {dag.made_by}")
    facts.append(f"submitted {moment(dag.submitted_at, now=at)}")
    if dag.started_at is not None:
        facts.append(f"{'took' if dag.is_final else 'runs for'} {duration(dag_length(dag, at=at))}")
    return facts


def _length_of_attempt(attempt: AttemptView, *, at: datetime) -> timedelta | None:
    if attempt.outcome is None:
        return at - (attempt.started_at or attempt.leased_at)
    return length_of(attempt.duration_ns)


def _parked(attempt: AttemptView, *, at: datetime) -> timedelta | None:
    before = length_of(attempt.parked_ns or None)
    return before if attempt.parked_at is None else (before or timedelta()) + (at - attempt.parked_at)


def _exit_of(attempt: AttemptView) -> str | None:
    if attempt.signal is not None:
        return f"signal {attempt.signal}"
    return None if attempt.exit_code is None else str(attempt.exit_code)
