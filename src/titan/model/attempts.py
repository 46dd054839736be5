"""An attempt: one try at a job by one worker, under a lease."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

_MICROSECOND: Final = timedelta(microseconds=1)


class AttemptOutcome(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"  #: exit code 0
    FAILED = "failed"  #: another exit code, a signal, or it could not start
    TIMED_OUT = "timed_out"  #: killed after its job's timeout_seconds
    CANCELLED = "cancelled"  #: killed on request
    LOST = "lost"  #: its worker vanished, or its lease ran out
    RETURNED = "returned"  #: given back by a worker that ends; does not count


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What the program of an attempt waits for in a call of the SDK."""

    what: str  #: for people: "job 'train'"
    job_id: str | None = None  #: of the job whose end it waits for
    dag_id: str | None = None  #: of the DAG whose end it waits for
    kept: str | None = None  #: why it keeps its slot meanwhile, for people; None: it gave it back


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
    wait: Wait | None = None  #: what its program waits for; None: it does not, or for less than 100 ms
    parked_at: datetime | None = None  #: since when it is parked: its slot is free for others while it waits
    woken_at: datetime | None = (
        None  #: since when what it waited for is there; it counts as running, and has no slot yet
    )
    parked_ns: int = 0  #: how long it was parked before

    def parked_ns_by(self, now: datetime) -> int:
        """Return how long it was parked in all until `now`."""
        parked = timedelta() if self.parked_at is None else max(now - self.parked_at, timedelta())
        return self.parked_ns + parked // _MICROSECOND * 1000


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
