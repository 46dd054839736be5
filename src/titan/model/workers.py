"""A worker: a process that offers slots under labels and asks for work."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from titan.model.projects import ORGANISATION

Bytes = Annotated[int, Meta(ge=0, le=2**63 - 1)]  # what an integer column of every database holds


class WorkerState(StrEnum):
    """Whether a worker takes part."""

    CONNECTED = "connected"
    LOST = "lost"  #: its connection broke, and it did not come back in time
    LEFT = "left"  #: it said it ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How busy a worker's machine is, as the worker last reported."""

    average_1m: Annotated[
        float, Meta(ge=0, le=1e6, description="Processes that ran or waited to, over the last minute.")
    ]
    cores: Annotated[int, Meta(ge=1, le=1_000_000)]
    memory_used_bytes: Bytes | None = None  #: None where the system does not say
    memory_total_bytes: Bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A registered worker."""

    id: str  #: random, chosen by the worker, kept while its process lives
    name: str  #: for people
    host: str
    pid: int
    offers: Mapping[str, int]  #: label → slots
    version: str
    state: WorkerState
    joined_at: datetime
    seen_at: datetime
    server_id: str = ""  #: of the server it asked for work last, which expects its reports; "" where there is only one
    is_draining: bool = False  #: it gets no new work, finishes what it runs, then leaves
    load: Load | None = None  #: None where it does not report it
    token_id: str | None = None  #: of the token that it registered with, and shows ever since; None: without one
    organisation_id: str = ORGANISATION  #: whose jobs it takes, of whatever project
    parks: tuple[str, ...] = ("GENERAL",)  #: labels whose slot an attempt gives back while it waits
    max_parked: int = 64  #: how many of its attempts may be without a slot at a time
    confines: bool = False  #: that token is not trusted: what its jobs submit runs on workers with that token only

    @property
    def confines_to(self) -> str | None:
        """The token on whose workers alone the jobs run that are submitted from here; None: on any worker."""
        return self.token_id if self.confines else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeWorker:
    """A worker that asks for work now, and what it can take."""

    id: str
    free_slots: Mapping[str, int] = field(default_factory=dict)  #: label → slots not under a live lease
    prefetch_slots: Mapping[str, int] = field(default_factory=dict)  #: label → leases it may hold beyond its slots
    confines_to: str | None = None  #: see `Worker.confines_to`
    organisation_id: str = ORGANISATION  #: whose jobs it takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A decision: this job goes to this worker."""

    job_id: str
    worker_id: str
    is_prefetched: bool = False  #: for the worker's next free slot; it has none now
