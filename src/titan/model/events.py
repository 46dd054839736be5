"""Events: what happened, in the past tense, with its cause. The journal is a list of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from titan.model.attempts import AttemptOutcome
from titan.model.projects import DEFAULT_PROJECT, ORGANISATION, project_id_of
from titan.model.tokens import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The common part: who or what brought it about."""

    cause: str  #: "submit", "worker w1", "parent d1.00000 failed", "cancel by client"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReady(Event):
    """Nothing holds the job back any more; it waits for a worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDelayed(Event):
    """The job waits until `due_at`: its delay begins, or the clock was set back and what it waits for came nearer."""

    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JobHeld(Event):
    """Only a place under its concurrency key is missing; the job waits for one."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateOpened(Event):
    """All parents are done; the gate waits for a decision until `due_at`."""

    message: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GateApproved(Event):
    """Somebody let the run go on."""

    decided_by: str
    comment: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRejected(Event):
    """Somebody stopped what waits behind the gate."""

    decided_by: str
    comment: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateExpired(Event):
    """Nobody decided in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRetried(Event):
    """Somebody asked to try a job again that had failed, or was cancelled because of one that had."""

    remaining_parents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLeased(Event):
    """A worker took the job; of a prefetched one: began it, which it may report later."""

    lease_id: str
    worker_id: str
    attempt: int
    began_at: datetime | None = None  #: when a prefetched attempt began; None: now


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSucceeded(Event):
    """An attempt ended with exit code 0."""

    lease_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailed(Event):
    """An attempt failed, timed out or was lost, and no retry is left."""

    lease_id: str
    outcome: AttemptOutcome
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequeued(Event):
    """An attempt ended without success; the job is ready for another at once."""

    lease_id: str
    outcome: AttemptOutcome
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobBackedOff(Event):
    """An attempt ended without success; the job pauses until `due_at` before another."""

    lease_id: str
    outcome: AttemptOutcome
    reason: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCancelled(Event):
    """The job will not run, or its running attempt was ended on request."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequested(Event):
    """A job whose lease a worker holds is to stop; it ends when the worker confirms."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptParked(Event):
    """The program of an attempt waits: its slot is free for other jobs."""

    lease_id: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptResumed(Event):
    """A parked attempt runs on: what its program waited for is there."""

    lease_id: str
    parked_ns: int  #: how long the attempt was parked in all


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesNoted(Event):
    """Files that an attempt of the job left or uploaded were listed, or their content came."""

    lease_id: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DagSubmitted(Event):
    """A DAG was stored."""

    name: str
    job_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DagEnded(Event):
    """The last job of a DAG became final."""

    name: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """The first stage of an agent run was submitted."""

    agent_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded(Event):
    """An agent run was ended by its orchestrator or by a cancel."""

    outcome: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReopened(Event):
    """A run that had ended goes on: with another stage, or with jobs that are tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFellSilent(Event):
    """A run's orchestrator has said nothing for two minutes, and nothing of the run is live: it counts as ended."""

    status: str  #: of the run: "completed" or "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobUnroutable(Event):
    """No connected worker has offered this READY job's label for half a minute. Recorded once, until one does."""

    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerJoined(Event):
    """A worker registered, or came back."""

    worker_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLost(Event):
    """A worker's connection broke, and it did not come back in time."""

    worker_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerDraining(Event):
    """A worker gets no new work; it finishes what it runs, then leaves."""

    worker_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerResumed(Event):
    """A worker that was draining gets work again."""

    worker_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLeft(Event):
    """A worker ended and gave back what it held."""

    worker_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCreated(Event):
    """A token was handed out."""

    token_id: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRevoked(Event):
    """A token was revoked."""

    token_id: str
    name: str


JobEvent: TypeAlias = (
    JobReady
    | JobDelayed
    | JobLeased
    | JobSucceeded
    | JobFailed
    | JobRequeued
    | JobBackedOff
    | JobCancelled
    | CancelRequested
    | JobHeld
    | GateOpened
    | GateApproved
    | GateRejected
    | GateExpired
    | JobRetried
)


#: What a journal entry's `kind` can be.
KINDS: Final = frozenset(kind.__name__ for kind in Event.__subclasses__())


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What an event is about; ids that do not apply are None."""

    project_id: str | None = None  #: None: of the organisation, as its workers are
    run_id: str | None = None
    dag_id: str | None = None
    job_id: str | None = None

    @classmethod
    def of_organisation(cls, organisation_id: str) -> "Subject":
        """Return the subject of what is of no project: of another organisation than the server's own, `default`."""
        is_own = organisation_id == ORGANISATION
        return cls(project_id=None if is_own else project_id_of(organisation_id, DEFAULT_PROJECT))


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """A stored event."""

    seq: int  #: ascending in commit order, from 1
    at: datetime
    subject: Subject
    kind: str  #: the event's class name
    cause: str
    data: str  #: the event's other fields, a JSON object
