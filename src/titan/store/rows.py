"""Map the job store's values to rows and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from titan.model.attempts import Attempt
from titan.model.dags import Dag, JobCounts
from titan.model.events import Event, JournalEntry, Subject
from titan.model.files import AttemptFile, LeftFile, Receipt, StoredFile, StoredValue
from titan.model.jobs import Affinity, Job, ReadyJob, queue_label, split_queue_label
from titan.model.projects import organisation_of
from titan.model.run_control import RunControl
from titan.model.tokens import Organisation, SignIn, Token
from titan.model.workers import Worker
from titan.store.columns import IS_WITHIN, Columns, by_value, from_us, to_json
from titan.store.session import Row, Value

DAGS: Final = Columns(Dag, within={"counts": Columns(JobCounts)})
RUNS: Final = Columns(RunControl)
JOBS: Final = Columns(Job)
#: The columns of a job without its spec, which never changes and costs more to write than all the others.
changes_of_job: Final = JOBS.row_but("spec")
ATTEMPTS: Final = Columns(Attempt)
WORKERS: Final = Columns(Worker)
ORGANISATIONS: Final = Columns(Organisation)
TOKENS: Final = Columns(Token)
SIGN_INS: Final = Columns(SignIn)
JOURNAL: Final = Columns(JournalEntry, within={"subject": Columns(Subject)})
ATTEMPT_FILES: Final = Columns(AttemptFile)
LEFT_FILES: Final = Columns(LeftFile, within={"file": ATTEMPT_FILES}, called={"attempt": "number", "job_name": "name"})
VALUES: Final = Columns(StoredValue)
FILES: Final = Columns(StoredFile)
RECEIPTS: Final = Columns(Receipt)

#: The fragments of the queries in sql/.
FRAGMENTS: Final[Mapping[str, str]] = (
    DAGS.fragments("dag")
    | RUNS.fragments("run")
    | JOBS.fragments("job")
    | ATTEMPTS.fragments("attempt")
    | WORKERS.fragments("worker")
    | ORGANISATIONS.fragments("organisation")
    | TOKENS.fragments("token")
    | SIGN_INS.fragments("sign_in")
    | JOURNAL.fragments("entry")
    | ATTEMPT_FILES.fragments("attempt_file")
    | LEFT_FILES.fragments("left_file")
    | VALUES.fragments("value")
    | FILES.fragments("file")
    | RECEIPTS.fragments("receipt")
    | IS_WITHIN
)

_AFFINITIES = by_value(Affinity)


class _BlobsOfSpec(msgspec.Struct, frozen=True):
    """The fields of a spec that name blobs; whoever adds one adds it to `digests_of_spec` too."""

    script: str | None = None
    archive: str | None = None


_BLOBS_DECODER = msgspec.json.Decoder(_BlobsOfSpec)


def digests_of_spec(spec: str) -> tuple[str, ...]:
    """Return the blobs that the JSON text of a spec names; a tenth of the work of reading all of it."""
    named = _BLOBS_DECODER.decode(spec)
    return tuple(digest for digest in (named.script, named.archive) if digest)


def ready_job_from_row(row: Row) -> ReadyJob:
    """Return what the query `jobs_to_take` selects."""
    requirement, confined_to, organisation_id = split_queue_label(row[1])
    return ReadyJob(
        id=row[0],
        requirement=requirement,
        priority=row[2],
        ready_at=from_us(row[3]),
        affinity=_AFFINITIES[row[4]],
        preferred_worker_id=row[5],
        confined_to=confined_to,
        organisation_id=organisation_id,
        must_not_be_lost=bool(row[6]),
    )


def row_of_job(job: Job) -> dict[str, Value]:
    """Return every column of a job; some of its spec have columns of their own."""
    spec = job.spec
    return JOBS.row(job) | {
        "name": spec.name,
        "kind": spec.kind.value,
        "requirement": queue_label(spec.requirement, spec.confined_to, organisation_of(job.project_id)),
        "priority": spec.priority,
        "affinity": spec.affinity.value,
        "concurrency_key": spec.concurrency_key,
    }


def entry_of_event(seq: int, at: datetime, subject: Subject, event: Event) -> JournalEntry:
    """Return the journal entry that records `event`."""
    kind = type(event)
    data = {name: getattr(event, name) for name in kind.__dataclass_fields__ if name != "cause"}
    return JournalEntry(seq=seq, at=at, subject=subject, kind=kind.__name__, cause=event.cause, data=to_json(data))
