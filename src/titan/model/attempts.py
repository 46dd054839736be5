"""An attempt: one try at a job by one worker, under a lease."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AttemptOutcome(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"  #: exit code 0
    FAILED = "failed"  #: another exit code, a signal, or it could not start
    TIMED_OUT = "timed_out"  #: killed after its job's timeout_seconds
    CANCELLED = "cancelled"  #: killed on request
    LOST = "lost"  #: its worker vanished, or its lease ran out
    RETURNED = "returned"  #: given back by a worker that ends; does not count


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try; it is live, and its lease the fence, while `outcome` is None."""

    project_id: str
    lease_id: str  #: random; every message about the attempt carries it
    job_id: str
    number: int  #: 1 for the job's first; for people, never a fence
    worker_id: str
    label: str  #: the offer whose slot it occupies
    token: str  #: identifies the attempt's own requests
    leased_at: datetime
    expires_at: datetime  #: when the lease runs out unless renewed
    started_at: datetime | None = None  #: when the process started, by the worker's clock within the server's
    ended_at: datetime | None = None
    outcome: AttemptOutcome | None = None
    exit_code: int | None = None
    signal: int | None = None  #: number of the signal that ended the process
    duration_ns: int | None = None
    peak_memory_bytes: int | None = None
    error: str | None = None  #: why it could not start or was lost
    is_stop_requested: bool = False  #: a cancel waits for the worker's confirmation
    ready_at: datetime | None = None  #: since when the job waited for it; None: leased before that was kept


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptReport:
    """What a worker says of an attempt that has ended."""

    lease_id: str
    outcome: AttemptOutcome
    exit_code: int | None = None
    signal: int | None = None
    started_at: datetime | None = None
    duration_ns: int | None = None
    peak_memory_bytes: int | None = None
    error: str | None = None
