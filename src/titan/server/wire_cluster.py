"""The values of the wire about workers as people look at them."""

from datetime import datetime

from msgspec import Struct

from titan.model.workers import WorkerState


class RunningView(Struct, kw_only=True):
    """A job a worker runs now."""

    job_id: str
    name: str
    dag_id: str
    dag_name: str


class WorkerView(Struct, kw_only=True):
    """A worker."""

    worker_id: str
    name: str
    host: str
    pid: int
    version: str
    offers: dict[str, int]
    busy: dict[str, int]
    state: WorkerState
    seen_at: datetime
    running: list[RunningView]


class WorkersAnswer(Struct, kw_only=True):
    """GET /api/workers."""

    workers: list[WorkerView]
