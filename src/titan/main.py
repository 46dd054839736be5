"""Composes a server from its parts and runs it: the only place that knows every part."""

import asyncio
import gc
import json
import logging
import os
import signal
import socket
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import uvloop

from titan import __version__
from titan.engine.bus import Bus
from titan.engine.chronicle import Chronicle
from titan.engine.cleaner import Cleaner
from titan.engine.free_space import SpaceWatch
from titan.engine.local_worker import LocalWorker
from titan.engine.lookout import Lookout
from titan.engine.notifier import Address, Notifier, read_addresses
from titan.engine.orchestrator import Orchestrator
from titan.llm.registry import open_model
from titan.log_lines import FORMATS, LEVELS, configure
from titan.model.errors import InvalidInput, StoreUnavailable
from titan.ports import LanguageModel
from titan.rules.notices import NoticeKind, check_texts
from titan.rules.retention import Retention
from titan.server.app import create_app
from titan.server.house import House
from titan.server.metrics import Metrics
from titan.server.serve import HttpServer, listen
from titan.settings import days, one_of, setting, whole_number
from titan.store.blobs import FolderBlobs
from titan.store.logs import FolderLogs
from titan.store.sqlite import SqliteStore
from titan.system import SystemClock, SystemIds

logger = logging.getLogger(__name__)

SWITCH_SECONDS = 0.0005  # the writer's thread and the loop hand over to each other for every commit


@dataclass(frozen=True, slots=True, kw_only=True)
class UpSettings:
    """What `titan up` was asked for."""

    home: Path
    port: int  #: for people and programs; 0 takes a free one
    sdk_port: int  #: for SDKs; 0 takes a free one
    offers: Mapping[str, int]  #: label → slots of the local worker; empty: no local worker
    host: str = "127.0.0.1"
    model: str | None = None  #: address of the language model; None: as the environment says
    log_format: str | None = None  #: "text" or "json"; None: as the environment says


def up(settings: UpSettings, *, say: Callable[[str], None] = print) -> int:
    """Run a server in the foreground until it is told to stop; return the exit code.

    SIGINT (Ctrl-C) also ends the local worker, which gives its attempts back; a second one does not
    wait for it. SIGTERM ends the server alone: running jobs go on under their worker, and the next
    server on this home picks them up.

    Raises:
        TitanError: the address, a port, the home or the model cannot be used; nothing was left running.
    """
    configure(settings.log_format or one_of("TITAN_LOG_FORMAT", FORMATS), one_of("TITAN_LOG_LEVEL", LEVELS))
    keeping = _read_keeping()
    sys.setswitchinterval(SWITCH_SECONDS)
    home = _prepared(settings.home)
    store = SqliteStore(home / "control.db", clock=SystemClock())
    listeners: list[socket.socket] = []
    try:
        for port in dict.fromkeys((settings.port, settings.sdk_port)) if settings.port else (0, settings.sdk_port):
            listeners.append(listen(settings.host, port))
        model = open_model(settings.model, os.environ, home)
        uvloop.run(_serve(settings, keeping, home, store, listeners, model, say))
    finally:
        for listener in listeners:
            listener.close()
        store.close()
    return 0


def _prepared(home: Path) -> Path:
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        home.chmod(0o700)  # what jobs wrote and were told is nobody else's business
        return home.resolve()
    except OSError as error:
        raise StoreUnavailable(
            f"home {home}",
            expected="a folder that can be made and written",
            found=error.strerror or str(error),
            next_step="Choose another with --home or TITAN_HOME.",
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keeping:
    """How the house is kept, from the environment."""

    retention: Retention
    min_free_bytes: int
    addresses: tuple[Address, ...]
    texts: Mapping[NoticeKind, str]
    secret: str


def _read_keeping() -> _Keeping:
    """Return how the house is kept.

    Raises:
        InvalidInput: a setting cannot be understood.
    """
    return _Keeping(
        retention=Retention(
            runs=days("TITAN_KEEP_RUNS_DAYS"),
            dags=days("TITAN_KEEP_DAGS_DAYS"),
            logs=days("TITAN_KEEP_LOGS_DAYS"),
            workspaces=days("TITAN_KEEP_WORKSPACES_DAYS"),
            files=days("TITAN_KEEP_FILES_DAYS"),
            journal=days("TITAN_KEEP_JOURNAL_DAYS"),
        ),
        min_free_bytes=whole_number("TITAN_MIN_FREE_BYTES"),
        addresses=read_addresses(setting("TITAN_NOTIFY")),
        texts=check_texts(_read_texts(setting("TITAN_NOTIFY_TEMPLATES"))),
        secret=setting("TITAN_NOTIFY_SECRET"),
    )


def _read_texts(path: str) -> dict[str, object]:
    if not path:
        return {}
    try:
        return tomllib.loads(Path(path).expanduser().read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"setting TITAN_NOTIFY_TEMPLATES: file {path}",
            expected="a TOML file of texts",
            found=str(error),
            next_step="See docs/guide/notifications.md.",
        ) from error


async def _serve(
    settings: UpSettings,
    keeping: _Keeping,
    home: Path,
    store: SqliteStore,
    listeners: list[socket.socket],
    model: LanguageModel | None,
    say: Callable[[str], None],
) -> None:
    bus = Bus(asyncio.get_running_loop())
    store.listen(bus.publish)
    house = _compose(home, store, bus, model, keeping)
    store.listen(house.metrics.on_commit)
    store.listen(Chronicle(asyncio.get_running_loop()).on_commit)
    server = HttpServer(create_app(house))
    url, sdk_url = (_url(listener) for listener in (listeners[0], listeners[-1]))
    worker = None
    if settings.offers:
        worker = LocalWorker(home, url=sdk_url, offers=settings.offers, log_format=settings.log_format)
    await house.orchestrator.start()
    _keep_house(house, keeping, url, say)
    _announce(home, url)
    _stop_on_signals(server, house, worker)
    working = asyncio.ensure_future(worker.keep()) if worker else None
    if worker:
        house.orchestrator.background(worker.keep_log_small())
    gc.freeze()  # what start-up made lives as long as the server
    say(_greeting(settings, home, url, sdk_url, house))
    try:
        await server.run_on(listeners)
    finally:
        if working:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
        await house.orchestrator.stop()
        if model is not None:
            await model.close()
        (home / "server.json").unlink(missing_ok=True)


def _compose(home: Path, store: SqliteStore, bus: Bus, model: LanguageModel | None, keeping: _Keeping) -> House:
    clock, ids = SystemClock(), SystemIds()
    blobs, logs = FolderBlobs(home / "blobs"), FolderLogs(home / "logs")
    space = SpaceWatch(home, min_free_bytes=keeping.min_free_bytes)
    return House(
        orchestrator=Orchestrator(store, clock=clock, ids=ids, bus=bus, may_lease=lambda: not space.is_low),
        store=store,
        blobs=blobs,
        logs=logs,
        bus=bus,
        space=space,
        cleaner=Cleaner(store, blobs, logs, clock=clock, retention=keeping.retention),
        metrics=Metrics(),
        clock=clock,
        ids=ids,
        model=model,
        model_name=model.name if model else None,
        started_at=clock.now(),
        max_file_bytes=whole_number("TITAN_MAX_FILE_BYTES"),
    )


def _keep_house(house: House, keeping: _Keeping, url: str, say: Callable[[str], None]) -> None:
    """Begin what goes on beside the requests: watching the disk, cleaning, looking out, notifying."""

    def on_change(is_low: bool) -> None:
        say(house.space.told())
        if not is_low:
            house.orchestrator.lease_again()

    house.space.listen(on_change)
    house.space.look()
    house.orchestrator.background(house.space.keep())
    house.orchestrator.background(house.cleaner.keep())
    lookout = Lookout(house.store, clock=house.clock, project_id=house.project_id)
    house.orchestrator.background(lookout.keep())
    if keeping.addresses:
        notifier = Notifier(
            house.store,
            bus=house.bus,
            clock=house.clock,
            project_id=house.project_id,
            own_url=url,
            texts=keeping.texts,
            secret=keeping.secret,
        )
        house.orchestrator.background(notifier.keep(keeping.addresses))


def _stop_on_signals(server: HttpServer, house: House, worker: LocalWorker | None) -> None:
    loop = asyncio.get_running_loop()
    is_ending = False

    def close() -> None:
        house.bus.close()
        house.orchestrator.end_claims()
        server.should_exit = True

    async def close_with_worker() -> None:
        if worker is not None:
            await worker.end()
        close()

    def on_interrupt() -> None:
        nonlocal is_ending
        if is_ending:
            if worker is not None:
                worker.kill()
            server.force_exit = True
            close()
        else:
            is_ending = True
            house.orchestrator.background(close_with_worker())

    loop.add_signal_handler(signal.SIGINT, on_interrupt)
    loop.add_signal_handler(signal.SIGTERM, close)


def _announce(home: Path, url: str) -> None:
    """Leave word where this home's server is, for its worker after a restart on other ports."""
    partial = home / "server.json.partial"
    partial.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    partial.replace(home / "server.json")


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _greeting(settings: UpSettings, home: Path, url: str, sdk_url: str, house: House) -> str:
    offers = ", ".join(f"{label}:{slots}" for label, slots in settings.offers.items()) or "none on this machine"
    return "\n".join(
        (
            f"Titan {__version__} is up.",
            f"  API     {url}",
            f"  SDKs    {sdk_url}",
            f"  home    {home}",
            f"  worker  {offers}",
            f"  model   {house.model_name or 'none'}",
            "Ctrl-C stops it, and its worker.",
        )
    )
