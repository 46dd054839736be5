"""Builders of server answers for tests of the command line, with defaults for every field."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

import msgspec

from titan.model.dags import StageStatus
from titan.model.jobs import JobKind, JobStatus
from titan.wire.runs import TallyView
from titan.wire.work import CountsView, DagView, JobView

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

_STAGE_OF = {
    JobStatus.COMPLETED: StageStatus.COMPLETED,
    JobStatus.FAILED: StageStatus.FAILED,
    JobStatus.CANCELLED: StageStatus.FAILED,
}


AnswerT = TypeVar("AnswerT", bound=msgspec.Struct)


def an_answer(answer_type: type[AnswerT], /, **fields: object) -> AnswerT:
    """Return an answer of which only `fields` matter: what else it requires is None."""
    required = (field.name for field in msgspec.structs.fields(answer_type) if field.required)
    return answer_type(**{**dict.fromkeys(required), **fields})


def an_answered_job(
    name: str = "train",
    status: JobStatus = JobStatus.READY,
    *,
    parents: tuple[str, ...] = (),
    reason: str | None = None,
    took: timedelta | None = None,
) -> JobView:
    """Return a job of DAG d1, submitted a minute before noon, and started half a minute later if it was."""
    is_started = status in (JobStatus.RUNNING, JobStatus.COMPLETED, JobStatus.FAILED)
    return an_answer(
        JobView,
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
        kind=JobKind.WORK,
        requirement="GENERAL",
        priority=1,
        args=(),
        duration_ns=None if took is None else took // timedelta(microseconds=1) * 1000,
    )


def an_answered_dag(
    *jobs: JobView, name: str = "pipeline", label: str | None = None, status: StageStatus | None = None
) -> DagView:
    """Return DAG d1 with `jobs`; its counts, and for a single kind of jobs its status, follow from them."""
    counted = Counter(job.status for job in jobs)
    is_final = all(job.status.is_final for job in jobs)
    kinds = list(counted)
    derived = _STAGE_OF.get(kinds[0], StageStatus.RUNNING) if len(kinds) == 1 else StageStatus.RUNNING
    return an_answer(
        DagView,
        dag_id="d1",
        name=name,
        label=label or name,
        status=status or derived,
        is_final=is_final,
        submitted_at=NOON - timedelta(minutes=1),
        started_at=NOON - timedelta(seconds=30),
        ended_at=NOON if is_final else None,
        counts=CountsView(
            total=len(jobs),
            waiting=counted[JobStatus.WAITING],
            waiting_approval=counted[JobStatus.WAITING_APPROVAL],
            ready=counted[JobStatus.READY],
            running=counted[JobStatus.RUNNING],
            completed=counted[JobStatus.COMPLETED],
            failed=counted[JobStatus.FAILED],
            cancelled=counted[JobStatus.CANCELLED],
        ),
        jobs=list(jobs),
    )


def a_tally(**figures: int | float | Decimal | None) -> TallyView:
    """Return totals, all 0 but those that are given."""
    blank = {field.name: 0 for field in msgspec.structs.fields(TallyView)}
    return an_answer(TallyView, **{**blank, "success_rate": None, **figures})
