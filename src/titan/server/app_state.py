"""State of a running server that its requests use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from titan.evaluate.dispatcher import Dispatcher
from titan.evaluate.external import ToolEndpoints
from titan.evaluate.worlds import Worlds
from titan.maintenance.disk_space import SpaceWatch
from titan.maintenance.retention import Maintenance
from titan.orchestrator.bus import Bus
from titan.orchestrator.orchestrator import Orchestrator
from titan.orchestrator.receipts import LongOnce
from titan.ports.jobs_store import Store
from titan.ports.runs_store import CallStore
from titan.ports.runtime import Blobs, Clock, Ids, LanguageModel, Logs
from titan.recorder.background import BackgroundRecording
from titan.recorder.determinism import Determinism
from titan.recorder.recorder import Recorder
from titan.recorder.run_projector import RunProjector
from titan.rules.runs.attention import Thresholds
from titan.server.executions import Executions
from titan.server.http.metrics import Metrics
from titan.server.replays import Replays
from titan.worker.local_workers import LocalWorkers


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Access settings of the server."""

    requires_token: bool = False  #: whether every request needs one, since other machines can reach the server
    hosts: frozenset[str] = frozenset()  #: host names it is reached by, besides those of the loopback interface


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerInfo:
    """Settings that the server was started with, without secrets."""

    home: str
    store_kind: Literal["sqlite", "postgresql"]
    store: str  #: a path, or a URL without its password
    urls: tuple[str, ...]  #: for people first, for SDKs last
    is_encrypted: bool
    limits: Mapping[str, int]  #: setting name → value
    notified: tuple[str, ...] = ()  #: addresses, shortened
    home_id: str = ""  #: distinguishes this home from an earlier one in the same folder


@dataclass(frozen=True, slots=True, kw_only=True)
class AppState:
    """Stores, services and settings of one server, composed by `titan.main`."""

    orchestrator: Orchestrator
    store: Store
    blobs: Blobs
    logs: Logs
    bus: Bus
    space: SpaceWatch
    maintenance: Maintenance
    metrics: Metrics
    clock: Clock
    ids: Ids
    model: LanguageModel | None  #: None when no model is configured
    model_name: str | None
    started_at: datetime
    max_file_bytes: int
    max_log_bytes: int  #: of an attempt's output; 0 is no limit
    server_info: ServerInfo
    long_once: LongOnce
    calls: CallStore
    recorder: Recorder
    run_projector: RunProjector
    determinism: Determinism
    background_recording: BackgroundRecording
    replays: Replays
    executions: Executions
    worlds: Worlds
    endpoints: ToolEndpoints
    dispatcher: Dispatcher
    thresholds: Thresholds
    local_workers: LocalWorkers | None = None  #: None: started with --no-worker
    access: Access = Access()
    sent_contents: set[tuple[str, str]] = field(default_factory=set)  #: leases, and digests that their workers sent
