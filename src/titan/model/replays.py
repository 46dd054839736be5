"""Replays of runs, as they are stored: rows under their run, never runs of their own."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class ReplayLevel(StrEnum):
    """What a replay did."""

    SELF_CHECK = "self_check"  #: it looked at the recording: can the run be replayed, and if not, why
    COMPARE = "compare"  #: it compared two recorded runs
    RE_EXECUTE = "re_execute"  #: the program ran again with its calls answered from the recording


class ReplayState(StrEnum):
    """The state of a replay."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Replay(Struct, frozen=True, kw_only=True):
    """A replay of a run."""

    id: str
    project_id: str
    run_id: str
    level: ReplayLevel
    with_run: str | None = None  #: what it was compared with
    state: ReplayState
    author: str  #: who started it
    created_at: datetime
    ended_at: datetime | None = None
    dag_id: str | None = None  #: of the job that executes it on a worker; None: the server computes it, or a client did
    error: str | None = None  #: why it failed
    metrics: str | None = None  #: a JSON object: `titan.wire.replays.ReplayMetrics`
    result: str | None = None  #: a JSON object: `ReplayResult` there; None in lists
