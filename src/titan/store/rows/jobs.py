"""Jobs to rows and back."""

import msgspec

from titan.model.jobs import Affinity, Decision, Job, JobSpec, JobStatus, ReadyJob, queue_label, split_queue_label
from titan.store.rows.columns import by_value, from_us, from_us_or_none, to_json, to_us, to_us_or_none
from titan.store.session import Parameter, Row

_STATUSES = by_value(JobStatus)
_AFFINITIES = by_value(Affinity)
_SPEC_DECODER = msgspec.json.Decoder(JobSpec)
_DECISION_DECODER = msgspec.json.Decoder(Decision)


class _BlobsOfSpec(msgspec.Struct, frozen=True):
    """The fields of a spec that name blobs; whoever adds one adds it to `digests_of_spec` too."""

    script: str | None = None
    archive: str | None = None


_BLOBS_DECODER = msgspec.json.Decoder(_BlobsOfSpec)


def job_from_row(row: Row) -> Job:
    """Return the job of `job_columns`."""
    return Job(
        project_id=row[0],
        id=row[1],
        dag_id=row[2],
        run_id=row[3],
        spec=_SPEC_DECODER.decode(row[4]),
        status=_STATUSES[row[5]],
        submitted_at=from_us(row[6]),
        remaining_parents=row[7],
        ready_at=from_us_or_none(row[8]),
        due_at=from_us_or_none(row[9]),
        started_at=from_us_or_none(row[10]),
        ended_at=from_us_or_none(row[11]),
        reason=row[12],
        is_cancel_requested=bool(row[13]),
        attempt_count=row[14],
        failed_count=row[15],
        lost_count=row[16],
        preferred_worker_id=row[17],
        decision=None if row[18] is None else _DECISION_DECODER.decode(row[18]),
    )


def digests_of_spec(spec: str) -> tuple[str, ...]:
    """Return the blobs that the JSON text of a spec names; a tenth of the work of reading all of it."""
    named = _BLOBS_DECODER.decode(spec)
    return tuple(digest for digest in (named.script, named.archive) if digest)


def remaining_parents_of_row(row: Row) -> int:
    """Return what `job_from_row(row).remaining_parents` would, without decoding the rest."""
    remaining: int = row[7]
    return remaining


def ready_job_from_row(row: Row) -> ReadyJob:
    """Return what the query `jobs_to_take` selects."""
    requirement, confined_to = split_queue_label(row[1])
    return ReadyJob(
        id=row[0],
        requirement=requirement,
        priority=row[2],
        ready_at=from_us(row[3]),
        affinity=_AFFINITIES[row[4]],
        preferred_worker_id=row[5],
        confined_to=confined_to,
        must_not_be_lost=bool(row[6]),
    )


def ready_job_of(job: Job) -> ReadyJob:
    """Return what dispatch has to know of a READY job."""
    assert job.ready_at is not None, f"job {job.id} is READY since nobody knows when"
    return ReadyJob(
        id=job.id,
        requirement=job.spec.requirement,
        priority=job.spec.priority,
        ready_at=job.ready_at,
        affinity=job.spec.affinity,
        preferred_worker_id=job.preferred_worker_id,
        confined_to=job.spec.confined_to,
        must_not_be_lost=job.lost_count > 0 or job.spec.max_lost == 0,
    )


def row_of_job(job: Job) -> dict[str, Parameter]:
    """Return every column of a job."""
    spec = job.spec
    row = changes_of_job(job)
    row.update(
        project_id=job.project_id,
        dag_id=job.dag_id,
        run_id=job.run_id,
        spec=to_json(spec),
        submitted_at_us=to_us(job.submitted_at),
        name=spec.name,
        kind=spec.kind.value,
        requirement=queue_label(spec.requirement, spec.confined_to),
        priority=spec.priority,
        affinity=spec.affinity.value,
        concurrency_key=spec.concurrency_key,
    )
    return row


def changes_of_job(job: Job) -> dict[str, Parameter]:
    """Return the columns of a job that change after its submission, and its id."""
    return {
        "id": job.id,
        "status": job.status.value,
        "remaining_parents": job.remaining_parents,
        "ready_at_us": to_us_or_none(job.ready_at),
        "due_at_us": to_us_or_none(job.due_at),
        "started_at_us": to_us_or_none(job.started_at),
        "ended_at_us": to_us_or_none(job.ended_at),
        "reason": job.reason,
        "is_cancel_requested": int(job.is_cancel_requested),
        "attempt_count": job.attempt_count,
        "failed_count": job.failed_count,
        "lost_count": job.lost_count,
        "preferred_worker_id": job.preferred_worker_id,
        "decision": None if job.decision is None else to_json(job.decision),
    }
