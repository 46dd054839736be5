"""A job: one script to run, where it stands, and what it was asked to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class JobStatus(StrEnum):
    """Where a job stands. The last three are final."""

    WAITING = "WAITING"  #: for parents, a delay, or the pause before a retry
    READY = "READY"  #: for a worker with a free slot
    RUNNING = "RUNNING"  #: one attempt holds a lease
    COMPLETED = "COMPLETED"  #: an attempt succeeded
    FAILED = "FAILED"  #: the last allowed attempt failed or was lost
    CANCELLED = "CANCELLED"  #: stopped on request, or a parent did not complete

    @property
    def is_final(self) -> bool:
        """Whether the job will never run again by itself."""
        return self in FINAL_STATUSES


FINAL_STATUSES = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})


class Affinity(StrEnum):
    """How strongly a job wants the worker that ran its first completed parent."""

    NONE = "none"  #: any worker
    SOFT = "soft"  #: that worker when it has a free slot, else any
    REQUIRED = "required"  #: that worker only; the job waits for it


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """What a client asked for; never changes after submission."""

    name: str  #: unique within its DAG
    filename: str  #: base name the script has beside its process
    script: str  #: SHA-256 of the script's content, 64 hex digits
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job of one submission, and where it stands."""

    project_id: str
    id: str  #: `<dag id>.<position, five digits>`: sorts in submission order
    dag_id: str
    run_id: str | None
    spec: JobSpec
    status: JobStatus
    submitted_at: datetime
    remaining_parents: int = 0  #: parents that are not COMPLETED yet
    ready_at: datetime | None = None  #: since when it waits for a worker
    due_at: datetime | None = None  #: when a delay or a pause before a retry ends
    started_at: datetime | None = None  #: of the first attempt
    ended_at: datetime | None = None
    reason: str | None = None  #: why it waits, failed or was cancelled, for a person
    is_cancel_requested: bool = False
    attempt_count: int = 0  #: attempts that count; one given back does not
    failed_count: int = 0  #: attempts that failed or timed out
    lost_count: int = 0  #: attempts whose worker vanished
    preferred_worker_id: str | None = None  #: ran the first parent that completed

    @property
    def name(self) -> str:
        """The name it has within its DAG."""
        return self.spec.name


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyJob:
    """What dispatch needs to know of a job that waits for a worker."""

    id: str
    requirement: str
    priority: int
    ready_at: datetime
    affinity: Affinity = Affinity.NONE
    preferred_worker_id: str | None = None
