"""How DAGs and jobs look: rows of tables and the lines above them. Pure but for showing."""

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from titan.cli.answers import Attempt, Counts, Dag, Job
from titan.cli.formats import NOTHING, count, duration, moment, size, with_local_times
from titan.cli.screen import Cell, Column, Status, say, show_table
from titan.model.jobs import JobKind, JobStatus

_NAMED = 3  # of a fan-in of a thousand, the first three say enough
_SHOWN_JOBS = 200  # of a DAG; more scroll away, and --json has them all
_EVERY_JOB = 20  # a summary of up to so many jobs lists each of them, a longer one those that did not complete

DAG_COLUMNS = (
    Column("DAG", folds=True),
    Column("STATUS"),
    Column("DONE", "right"),
    Column("SUBMITTED", least_columns=50),
    Column("TOOK", "right", least_columns=60),
    Column("RUN", folds=True, least_columns=100),
    Column("ID", least_columns=140),
)
JOB_COLUMNS = (
    Column("JOB", folds=True),
    Column("STATUS"),
    Column("DAG", folds=True),
    Column("SUBMITTED", least_columns=60),
    Column("TOOK", "right", least_columns=70),
    Column("WORKER", folds=True, least_columns=110),
    Column("WHY", folds=True),
)
_ATTEMPT_COLUMNS = (
    Column("ATTEMPT", "right"),
    Column("OUTCOME"),
    Column("EXIT", "right"),
    Column("TOOK", "right"),
    Column("MEMORY", "right", least_columns=60),
    Column("WORKER", folds=True),
    Column("STARTED", least_columns=90),
    Column("ERROR", folds=True),
)
_JOB_OF_DAG_COLUMNS = (
    Column("JOB", folds=True),
    Column("STATUS"),
    Column("TOOK", "right", least_columns=60),
    Column("AFTER", folds=True, least_columns=50),
    Column("WORKER", folds=True, least_columns=100),
    Column("WHY", folds=True),
)


def now() -> datetime:
    """Return the present moment, which ages are counted from."""
    return datetime.now(UTC)


def dag_row(dag: Dag, *, at: datetime) -> list[Cell]:
    """Return the cells of DAG_COLUMNS."""
    return [
        dag.name,
        Status(dag.status),
        f"{dag.counts.completed:,}/{dag.counts.total:,}",
        moment(dag.submitted_at, now=at),
        duration(dag.length(at)),
        dag.agent_run_id or NOTHING,
        dag.dag_id,
    ]


def job_row(job: Job, *, at: datetime) -> list[Cell]:
    """Return the cells of JOB_COLUMNS."""
    return [
        job.name,
        Status(job.status),
        job.dag_name,
        moment(job.submitted_at, now=at),
        duration(time_of(job, at=at)),
        job.worker or NOTHING,
        reason_of(job, at=at) or NOTHING,
    ]


def show_dag(dag: Dag, *, at: datetime) -> None:
    """Write a DAG: what it is, how it stands, and its jobs."""
    say("DAG ", dag.name, "  ", Status(dag.status), "  ", summary(dag.counts))
    say(" · ".join(_facts(dag, at=at)))
    show_jobs_of_dag(dag.jobs, at=at)


def show_outcome(dag: Dag, *, at: datetime) -> None:
    """Write how a DAG ended: every job of a small one, of a large one those that did not complete."""
    took = duration(dag.length(at))
    say(
        "DAG ",
        dag.name,
        "  ",
        Status(dag.status),
        "  ",
        summary(dag.counts),
        f" in {took}" if dag.started_at else "",
    )
    jobs = dag.jobs
    if len(jobs) > _EVERY_JOB:
        jobs = tuple(job for job in jobs if job.status is not JobStatus.COMPLETED)
    if jobs:
        show_jobs_of_dag(jobs, at=at)


def show_jobs_of_dag(jobs: Sequence[Job], *, at: datetime) -> None:
    """Write the table of jobs, the first 200 of them."""
    say("")
    show_table(_JOB_OF_DAG_COLUMNS, [_job_of_dag_row(job, at=at) for job in jobs[:_SHOWN_JOBS]])
    if len(jobs) > _SHOWN_JOBS:
        say(f"… and {count(len(jobs) - _SHOWN_JOBS, 'more job')}: --json lists all of them.")


def show_job(job: Job, *, at: datetime) -> None:
    """Write a job: where it stands and why, what it was asked to do, and its attempts."""
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
    if job.attempts:
        say("")
        show_table(_ATTEMPT_COLUMNS, [_attempt_row(attempt, at=at) for attempt in job.attempts])


def summary(counts: Counts) -> str:
    """Return how many jobs stand where: `3 of 5 jobs completed, 1 failed, 1 cancelled`."""
    return ", ".join([f"{counts.completed:,} of {count(counts.total, 'job')} completed", *not_completed(counts)])


def not_completed(counts: Counts) -> list[str]:
    """Return how many jobs stand elsewhere than at COMPLETED: `["1 failed", "2 running"]`."""
    others = (
        (counts.failed, "failed"),
        (counts.cancelled, "cancelled"),
        (counts.running, "running"),
        (counts.waiting_approval, "waiting for approval"),
        (counts.waiting + counts.ready, "waiting"),
    )
    return [f"{number:,} {word}" for number, word in others if number]


def shortened(names: Sequence[str]) -> str:
    """Return up to three names, and how many more there are."""
    if not names:
        return NOTHING
    listed = ", ".join(names[:_NAMED])
    rest = len(names) - _NAMED
    return f"{listed} and {rest:,} more" if rest > 0 else listed


def reason_of(job: Job, *, at: datetime) -> str:
    """Return why a job is where it is, with moments by the local clock; empty where there is nothing to say."""
    return with_local_times(job.reason or "", now=at)


def time_of(job: Job, *, at: datetime) -> timedelta | None:
    """Return how long the job's last attempt took, for a running job how long it has run."""
    if job.status is JobStatus.RUNNING and job.started_at is not None:
        return at - job.started_at
    return job.length


def _facts(dag: Dag, *, at: datetime) -> list[str]:
    facts = [f"id {dag.dag_id}"]
    if dag.agent_run_id:
        facts.append(f"run {dag.agent_run_id}")
    if dag.made_by:
        facts.append(f"made by job {dag.made_by}")
    facts.append(f"submitted {moment(dag.submitted_at, now=at)}")
    if dag.started_at is not None:
        facts.append(f"took {duration(dag.length(at))}" if dag.is_final else f"runs for {duration(dag.length(at))}")
    return facts


def _job_of_dag_row(job: Job, *, at: datetime) -> list[Cell]:
    return [
        job.name,
        Status(job.status),
        duration(time_of(job, at=at)),
        shortened(job.parents),
        job.worker or NOTHING,
        reason_of(job, at=at) or NOTHING,
    ]


def _attempt_row(attempt: Attempt, *, at: datetime) -> list[Cell]:
    is_live = attempt.outcome is None
    began = attempt.started_at or attempt.leased_at
    return [
        str(attempt.attempt),
        Status("RUNNING") if is_live else Status(str(attempt.outcome)),
        _exit_of(attempt),
        duration(at - began if is_live else attempt.length),
        size(attempt.peak_memory_bytes),
        attempt.worker or NOTHING,
        moment(attempt.started_at, now=at),
        attempt.error or NOTHING,
    ]


def _exit_of(attempt: Attempt) -> str:
    if attempt.signal is not None:
        return f"signal {attempt.signal}"
    return NOTHING if attempt.exit_code is None else str(attempt.exit_code)
