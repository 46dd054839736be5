"""What jobs wait for, and the parts of a queue that wait alike."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias


class WaitsFor(StrEnum):
    """What a job waits for; in this order they are told: what needs somebody first, what goes by itself last."""

    UNROUTABLE = "unroutable"  #: a worker that offers its label; none is connected
    WORKER_AWAY = "worker_away"  #: the worker that it is bound to: it is not connected, or offers its label no more
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


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPart:
    """The jobs that wait for the same and are not READY."""

    waits_for: WaitsFor
    concurrency_key: str | None = None  #: of those that wait for a place under one
    count: int
    since: datetime  #: when the first of them was submitted; of gates, when it opened


QueuePart: TypeAlias = ReadyPart | HeldPart
