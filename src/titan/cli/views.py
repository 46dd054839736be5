"""How DAGs and jobs look: rows of tables and the lines above them. Pure but for showing."""

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from titan.cli.formats import NOTHING, count, duration, moment, size, with_local_times
from titan.cli.screen import Cell, Column, Status, say, show_table
from titan.model.jobs import JobKind, JobStatus
from titan.wire.work import AttemptView, CountsView, DagView, JobView

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


def dag_row(dag: DagView, *, at: datetime) -> list[Cell]:
    """Return the cells of DAG_COLUMNS."""
    return [
        dag.name,
        Status(dag.status),
        f"{dag.counts.completed:,}/{dag.counts.total:,}",
        moment(dag.submitted_at, now=at),
        duration(dag_length(dag, at=at)),
        dag.agent_run_id or NOTHING,
        dag.dag_id,
    ]


def job_row(job: JobView, *, at: datetime) -> list[Cell]:
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


def show_dag(dag: DagView, *, at: datetime) -> None:
    """Write a DAG: what it is, how it stands, and its jobs."""
    say("DAG ", dag.name, "  ", Status(dag.status), "  ", summary(dag.counts))
    say(" · ".join(_facts(dag, at=at)))
    show_jobs_of_dag(jobs_of(dag), at=at)


def show_outcome(dag: DagView, *, at: datetime) -> None:
    """Write how a DAG ended: every job of a small one, of a large one those that did not complete."""
    took = duration(dag_length(dag, at=at))
    say(
        "DAG ",
        dag.name,
        "  ",
        Status(dag.status),
        "  ",
        summary(dag.counts),
        f" in {took}" if dag.started_at else "",
    )
    jobs = jobs_of(dag)
    if len(jobs) > _EVERY_JOB:
        jobs = [job for job in jobs if job.status is not JobStatus.COMPLETED]
    if jobs:
        show_jobs_of_dag(jobs, at=at)


def show_jobs_of_dag(jobs: Sequence[JobView], *, at: datetime) -> None:
    """Write the table of jobs, the first 200 of them."""
    say("")
    show_table(_JOB_OF_DAG_COLUMNS, [_job_of_dag_row(job, at=at) for job in jobs[:_SHOWN_JOBS]])
    if len(jobs) > _SHOWN_JOBS:
        say(f"… and {count(len(jobs) - _SHOWN_JOBS, 'more job')}: --json lists all of them.")


def show_job(job: JobView, *, at: datetime) -> None:
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
    if attempts := attempts_of(job):
        say("")
        show_table(_ATTEMPT_COLUMNS, [_attempt_row(attempt, at=at) for attempt in attempts])


def summary(counts: CountsView) -> str:
    """Return how many jobs stand where: `3 of 5 jobs completed, 1 failed, 1 cancelled`."""
    return ", ".join([f"{counts.completed:,} of {count(counts.total, 'job')} completed", *not_completed(counts)])


def not_completed(counts: CountsView) -> list[str]:
    """Return how many jobs stand elsewhere than at COMPLETED: `["1 failed", "2 running"]`."""
    others = (
        (counts.failed, "failed"),
        (counts.cancelled, "cancelled"),
        (counts.running, "running"),
        (counts.waiting_approval, "waiting for approval"),
        (counts.waiting + counts.ready, "waiting"),
    )
    return [f"{number:,} {word}" for number, word in others if number]


def dag_length(dag: DagView, *, at: datetime) -> timedelta | None:
    """Return how long a DAG took from its first start, until `at` while it is not final."""
    return None if dag.started_at is None else (dag.ended_at or at) - dag.started_at


def length_of(duration_ns: int | None) -> timedelta | None:
    """Return nanoseconds of the wire as a length of time, None for None."""
    return None if duration_ns is None else timedelta(microseconds=duration_ns / 1000)


def jobs_of(dag: DagView) -> list[JobView]:
    """Return the jobs of a DAG that was asked for by itself; of one of a list there are none."""
    return dag.jobs or []


def attempts_of(job: JobView) -> list[AttemptView]:
    """Return the attempts of a job that was asked for by itself; of one of a list there are none."""
    return job.attempts or []


def final_of(counts: CountsView) -> int:
    """Return how many jobs will not run again."""
    return counts.completed + counts.failed + counts.cancelled


def shortened(names: Sequence[str]) -> str:
    """Return up to three names, and how many more there are."""
    if not names:
        return NOTHING
    listed = ", ".join(names[:_NAMED])
    rest = len(names) - _NAMED
    return f"{listed} and {rest:,} more" if rest > 0 else listed


def reason_of(job: JobView, *, at: datetime) -> str:
    """Return why a job is where it is, with moments by the local clock; empty where there is nothing to say."""
    return with_local_times(job.reason or "", now=at)


def time_of(job: JobView, *, at: datetime) -> timedelta | None:
    """Return how long the job's last attempt took, for a running job how long it has run."""
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


def _job_of_dag_row(job: JobView, *, at: datetime) -> list[Cell]:
    return [
        job.name,
        Status(job.status),
        duration(time_of(job, at=at)),
        shortened(job.parents),
        job.worker or NOTHING,
        reason_of(job, at=at) or NOTHING,
    ]


def _attempt_row(attempt: AttemptView, *, at: datetime) -> list[Cell]:
    is_live = attempt.outcome is None
    began = attempt.started_at or attempt.leased_at
    return [
        str(attempt.attempt),
        Status("RUNNING") if is_live else Status(str(attempt.outcome)),
        _exit_of(attempt),
        duration(at - began if is_live else length_of(attempt.duration_ns)),
        size(attempt.peak_memory_bytes),
        attempt.worker or NOTHING,
        moment(attempt.started_at, now=at),
        attempt.error or NOTHING,
    ]


def _exit_of(attempt: AttemptView) -> str:
    if attempt.signal is not None:
        return f"signal {attempt.signal}"
    return NOTHING if attempt.exit_code is None else str(attempt.exit_code)
