"""Jobs: their specs, status, gates and affinity, and what they wait for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias

from titan.model.projects import ORGANISATION

# --- What jobs wait for, and the parts of a queue that wait alike ---


class WaitsFor(StrEnum):
    """What a job waits for; listed in this order: what needs somebody first, what ends without anybody last."""

    UNROUTABLE = "unroutable"  #: a worker that offers its label; none is connected
    WORKER_AWAY = (
        "worker_away"  #: the worker that it is bound to: it is not connected, or does not offer its label any more
    )
    DRAINING = "draining"  #: a worker that takes new jobs: each that offers its label drains
    WORKER_DRAINING = "worker_draining"  #: the worker that it is bound to: it drains
    APPROVAL = "approval"  #: somebody's decision
    SLOTS = "slots"  #: a free slot under its label
    WORKER_BUSY = "worker_busy"  #: a free slot of the worker that it is bound to, whatever others have free
    CONCURRENCY = "concurrency"  #: a place under its concurrency key
    RETRY = "retry"  #: the end of the pause after an attempt that failed or was lost
    TIME = "time"  #: the end of the delay that it was submitted with
    PARENTS = "parents"  #: jobs before it


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyPart:
    """The READY jobs that the same workers may take; which of these are there, decides what the jobs wait for."""

    requirement: str
    bound_to: str | None  #: the id of the one worker that may take them; None is any
    count: int
    since: datetime  #: when the first of them became ready
    confined_to: str | None = None  #: id of the token whose workers alone may take them
    organisation_id: str = ORGANISATION  #: whose workers alone may take them


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPart:
    """The jobs that wait for the same and are not READY."""

    waits_for: WaitsFor
    concurrency_key: str | None = None  #: of those that wait for a place under one
    count: int
    since: datetime  #: when the first of them was submitted; of gates, when it opened


QueuePart: TypeAlias = ReadyPart | HeldPart


class JobKind(StrEnum):
    """What a job asks for."""

    WORK = "work"  #: a worker that runs its script
    GATE = "gate"  #: a person's decision; it has no script and takes no slot


class JobStatus(StrEnum):
    """The status of a job. The last three are final, and left only by a retry that somebody asked for."""

    WAITING = "WAITING"  #: for parents, a delay, the pause before a retry, or a place under its concurrency key
    WAITING_APPROVAL = "WAITING_APPROVAL"  #: a gate that is open: for somebody's decision
    READY = "READY"  #: for a worker with a free slot; a worker may hold a lease already, to start it next
    RUNNING = "RUNNING"  #: one attempt holds a lease
    COMPLETED = "COMPLETED"  #: an attempt succeeded, or the gate was approved
    FAILED = "FAILED"  #: the last allowed attempt failed or was lost, or the gate was rejected or ran out
    CANCELLED = "CANCELLED"  #: stopped on request, or a parent did not complete

    @property
    def is_final(self) -> bool:
        """Whether the job will never run again by itself."""
        return self in FINAL_STATUSES


FINAL_STATUSES = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})

#: What takes a place under a concurrency key.
ACTIVE_STATUSES = frozenset({JobStatus.READY, JobStatus.RUNNING})

MAX_WAIT_SECONDS = 172_800.0  # two days, the original's default


class GateOutcome(StrEnum):
    """How a gate was decided."""

    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"  #: nobody decided in time


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The decision on a gate; its time is the job's `ended_at`."""

    outcome: GateOutcome
    decided_by: str | None = None  #: None when it expired
    comment: str | None = None


LEAST_MASKED: Final = 8  # characters of a secret in `env`; a shorter one may stand anywhere in a log by chance
#: The reason of a job whose `env` the server cannot decrypt.
NO_KEY: Final = "waits for a server with the key that its env= is encrypted with: set TITAN_SECRET_KEY as before"
#: In the environment of a fork's job: the run whose code it executes; the server reads it, so it is not encrypted.
FORK_OF: Final = "_TITAN_FORK_OF"


class Affinity(StrEnum):
    """How strongly a job wants the worker that ran its first completed parent."""

    NONE = "none"  #: any worker
    SOFT = "soft"  #: that worker when it has a free slot, else any
    REQUIRED = "required"  #: that worker only; the job waits for it


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """What a client asked for; never changes after submission."""

    name: str  #: unique within its DAG
    filename: str | None  #: base name of the script, or its path in the archive; None for a gate
    script: str | None  #: SHA-256 of the script's content, 64 hex digits; None for a gate, and with an archive
    archive: str | None = None  #: SHA-256 of the zip that the script lies in, as it was at submission
    kind: JobKind = JobKind.WORK
    args: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()  #: names in this DAG, or of jobs of the same agent run
    priority: int = 1  #: higher first
    delay_ms: int = 0  #: counted from the moment all parents are done
    affinity: Affinity = Affinity.NONE
    requirement: str = "GENERAL"  #: the label a worker must offer
    retries: int = 0  #: how often a failed attempt is repeated
    backoff_seconds: float = 0.0  #: wait before the first retry; doubles each time
    timeout_seconds: float | None = None  #: of one attempt, its whole process tree; None is no limit
    max_lost: int = 3  #: how often an attempt whose worker vanished is repeated
    env: Mapping[str, str] = field(default_factory=dict)
    cold: bool = False  #: run in a fresh interpreter instead of a fork of the warm one
    hitl_message: str | None = None  #: what a gate asks; of a job with work, what the gate behind it asks
    max_wait_seconds: float = MAX_WAIT_SECONDS  #: how long the gate stays open
    concurrency_key: str | None = None  #: jobs with one key share their places
    concurrency_limit: int = 1  #: this job becomes ready while fewer than so many with its key are ready or running
    confined_to: str | None = None  #: id of the token whose workers alone may run it; set for what their jobs submit


def queue_label(requirement: str, confined_to: str | None, organisation_id: str = ORGANISATION) -> str:
    """Return the label of the queue in which a job waits: `GPU`, or `GPU@<token id>` for one that is confined.

    Jobs of another organisation than the server's own have queues of their own: `GPU@@acme`, `GPU@<token id>@acme`.
    """
    if organisation_id != ORGANISATION:
        return f"{requirement}@{confined_to or ''}@{organisation_id}"
    return requirement if confined_to is None else f"{requirement}@{confined_to}"


def split_queue_label(label: str) -> tuple[str, str | None, str]:
    """Return requirement, token and organisation of a queue's label; none of them contains an @."""
    requirement, _, rest = label.partition("@")
    confined_to, _, organisation_id = rest.partition("@")
    return requirement, confined_to or None, organisation_id or ORGANISATION


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job and its state."""

    project_id: str
    id: str  #: `<dag id>.<position, five digits>`: sorts in submission order
    dag_id: str
    run_id: str | None
    spec: JobSpec
    status: JobStatus
    submitted_at: datetime
    remaining_parents: int = 0  #: parents that are not COMPLETED yet
    ready_at: datetime | None = None  #: since when it waits for a worker; of a gate, when it opened
    due_at: datetime | None = None  #: when a delay or a pause before a retry ends, or an open gate expires
    started_at: datetime | None = None  #: of the first attempt
    ended_at: datetime | None = None
    reason: str | None = None  #: why it waits, failed or was cancelled, for a person
    is_cancel_requested: bool = False
    attempt_count: int = 0  #: attempts that count; one given back does not
    failed_count: int = 0  #: attempts that failed or timed out
    lost_count: int = 0  #: attempts whose worker vanished
    preferred_worker_id: str | None = None  #: ran the first parent that completed
    decision: Decision | None = None  #: of a gate that was decided

    @property
    def is_gate(self) -> bool:
        """Whether a person decides it."""
        return self.spec.kind is JobKind.GATE

    @property
    def name(self) -> str:
        """The name it has within its DAG."""
        return self.spec.name


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyJob:
    """The facts of a READY job that dispatch needs."""

    id: str
    requirement: str
    priority: int
    ready_at: datetime
    affinity: Affinity = Affinity.NONE
    preferred_worker_id: str | None = None
    confined_to: str | None = None
    organisation_id: str = ORGANISATION
    must_not_be_lost: bool = False  #: an attempt was lost with its worker before, or none may be
