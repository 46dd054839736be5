"""Jobs, DAGs and what the scheduler knows of runs, to rows and back."""

from typing import Final

import msgspec

from titan.model.dags import Dag, JobCounts
from titan.model.jobs import Affinity, Job, ReadyJob, queue_label, split_queue_label
from titan.model.run_control import RunControl
from titan.store.rows.columns import Columns, by_value, from_us
from titan.store.session import Parameter, Row

DAGS: Final = Columns(Dag, within={"counts": Columns(JobCounts)})
RUNS: Final = Columns(RunControl)

JOBS: Final = Columns(Job)
#: What changes of a job after its submission, and its id: the spec costs more to write than all of it.
changes_of_job: Final = JOBS.row_but("spec")

_AFFINITIES = by_value(Affinity)
_REMAINING_PARENTS: Final = JOBS.names.index("remaining_parents")


class _BlobsOfSpec(msgspec.Struct, frozen=True):
    """The fields of a spec that name blobs; whoever adds one adds it to `digests_of_spec` too."""

    script: str | None = None
    archive: str | None = None


_BLOBS_DECODER = msgspec.json.Decoder(_BlobsOfSpec)


def digests_of_spec(spec: str) -> tuple[str, ...]:
    """Return the blobs that the JSON text of a spec names; a tenth of the work of reading all of it."""
    named = _BLOBS_DECODER.decode(spec)
    return tuple(digest for digest in (named.script, named.archive) if digest)


def remaining_parents_of_row(row: Row) -> int:
    """Return what `JOBS.of(row).remaining_parents` would, without decoding the rest."""
    remaining: int = row[_REMAINING_PARENTS]
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
    """Return every column of a job; some of its spec have columns of their own."""
    spec = job.spec
    return JOBS.row(job) | {
        "name": spec.name,
        "kind": spec.kind.value,
        "requirement": queue_label(spec.requirement, spec.confined_to),
        "priority": spec.priority,
        "affinity": spec.affinity.value,
        "concurrency_key": spec.concurrency_key,
    }
