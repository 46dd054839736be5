"""Workers as people see and manage them; `protocol` is what workers themselves use."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from titan.model.attempts import AttemptOutcome
from titan.wire.base import Request

WorkerStanding: TypeAlias = Literal["connected", "draining", "lost", "left"]


class WorkersQuery(Request):
    """GET /api/workers."""

    state: (
        Annotated[
            str,
            Meta(
                pattern="^(connected|draining|lost|left)(,(connected|draining|lost|left))*$",
                description="One state or several, comma separated.",
            ),
        ]
        | None
    ) = None


class LocalWorkerBody(Request):
    """POST /api/workers/local."""

    offers: Annotated[
        dict[str, Annotated[int, Meta(ge=1, le=1024)]], Meta(min_length=1, max_length=100, description="Label → slots.")
    ]
    name: Annotated[str, Meta(description="For people; null: made of the host's name.")] | None = None


class LocalWorkerAnswer(Struct, kw_only=True):
    """POST /api/workers/local."""

    worker_id: str
    name: str


class RunningView(Struct, kw_only=True):
    """A job a worker runs now."""

    job_id: str
    name: str
    dag_id: str
    dag_name: str
    project: str
    started_at: Annotated[datetime, Meta(description="When this worker took it.")]


class LastJobView(Struct, kw_only=True):
    """An attempt of a worker that has ended."""

    job_id: str
    name: str
    dag_id: str
    dag_name: str
    project: str
    attempt: int
    outcome: AttemptOutcome
    duration_ns: int | None
    ended_at: datetime


class LoadView(Struct, kw_only=True):
    """How busy a worker's machine is."""

    average_1m: Annotated[float, Meta(description="Processes that ran or waited to, over the last minute.")]
    cores: int
    memory_used_bytes: int | None
    memory_total_bytes: int | None


class WorkerView(Struct, kw_only=True):
    """A worker."""

    worker_id: str
    name: str
    host: str
    pid: int
    version: str
    offers: dict[str, int]
    busy: dict[str, int]
    state: WorkerStanding
    is_local: Annotated[bool, Meta(description="A process that this server keeps beside it.")]
    joined_at: datetime
    seen_at: datetime
    running: list[RunningView]
    last_jobs: Annotated[list[LastJobView], Meta(description="The last ten that ended, the latest first.")]
    load: Annotated[LoadView | None, Meta(description="Null where the worker does not tell.")]


class WorkersAnswer(Struct, kw_only=True):
    """GET /api/workers."""

    workers: list[WorkerView]
