"""What a request may use: the parts of one running server, and what is true for all of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from titan.engine.afterwards import Afterwards
from titan.engine.bus import Bus
from titan.engine.cleaner import Cleaner
from titan.engine.determinism import Determinism
from titan.engine.free_space import SpaceWatch
from titan.engine.local_workers import LocalWorkers
from titan.engine.orchestrator import Orchestrator
from titan.engine.receipts import LongOnce
from titan.engine.recorder import Recorder
from titan.engine.registrar import Registrar
from titan.ports import Blobs, Clock, Ids, LanguageModel, Logs, Store
from titan.ports_calls import CallStore
from titan.rules.intercepts import Thresholds
from titan.server.metrics import Metrics
from titan.server.replays import Replays


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may reach this server, as it was started."""

    requires_token: bool = False  #: with every request: others than this machine can reach it
    hosts: frozenset[str] = frozenset()  #: names that it is asked under, besides the loopback's


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsWith:
    """What this server was started with, as people may know it: nothing secret."""

    home: str
    store_kind: Literal["sqlite", "postgresql"]
    store: str  #: a path, or a URL without its password
    urls: tuple[str, ...]  #: for people first, for SDKs last
    is_encrypted: bool
    limits: Mapping[str, int]  #: by the name of their setting
    notified: tuple[str, ...] = ()  #: addresses, shortened
    home_id: str = ""  #: tells the home from an earlier one in the same folder


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The parts, composed by `titan.main`."""

    orchestrator: Orchestrator
    store: Store
    blobs: Blobs
    logs: Logs
    bus: Bus
    space: SpaceWatch
    cleaner: Cleaner
    metrics: Metrics
    clock: Clock
    ids: Ids
    model: LanguageModel | None  #: None when no model is configured
    model_name: str | None
    started_at: datetime
    max_file_bytes: int
    max_log_bytes: int  #: of an attempt's output; 0 is no limit
    runs_with: RunsWith
    long_once: LongOnce
    calls: CallStore
    recorder: Recorder
    registrar: Registrar
    determinism: Determinism
    afterwards: Afterwards
    replays: Replays
    thresholds: Thresholds
    local_workers: LocalWorkers | None = None  #: None: it was started to run no jobs on this machine
    access: Access = Access()
