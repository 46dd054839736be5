"""Composes a server from its parts and runs it: the only place that knows every part."""

import asyncio
import gc
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import uvloop

from titan import __version__
from titan.engine.bus import Bus
from titan.engine.local_worker import LocalWorker
from titan.engine.orchestrator import Orchestrator
from titan.keeping import Kept, open_kept
from titan.llm.registry import open_model
from titan.model.errors import StoreUnavailable
from titan.ports import LanguageModel
from titan.server.app import create_app
from titan.server.house import House
from titan.server.serve import HttpServer, listen
from titan.settings import whole_number
from titan.system import SystemIds

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
    store: str | None = None  #: URL of a PostgreSQL database; None: a file in the home
    shared: Path | None = None  #: folder of blobs and logs; None: the home


def up(settings: UpSettings, *, say: Callable[[str], None] = print) -> int:
    """Run a server in the foreground until it is told to stop; return the exit code.

    SIGINT (Ctrl-C) also ends the local worker, which gives its attempts back; a second one does not
    wait for it. SIGTERM ends the server alone: running jobs go on under their worker, and the next
    server on this home picks them up.

    Raises:
        TitanError: the address, a port, the home or the model cannot be used; nothing was left running.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    for chatty in ("httpx", "httpx2", "uvicorn.error"):  # a line per model call, and start and end told a second time
        logging.getLogger(chatty).setLevel(logging.WARNING)
    sys.setswitchinterval(SWITCH_SECONDS)
    home = _prepared(settings.home)
    kept = open_kept(home, store=settings.store, shared=settings.shared)
    listeners: list[socket.socket] = []
    try:
        for port in dict.fromkeys((settings.port, settings.sdk_port)) if settings.port else (0, settings.sdk_port):
            listeners.append(listen(settings.host, port))
        model = open_model(settings.model, os.environ, home)
        uvloop.run(_serve(settings, home, kept, listeners, model, say))
    finally:
        for listener in listeners:
            listener.close()
        kept.close()
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


async def _serve(
    settings: UpSettings,
    home: Path,
    kept: Kept,
    listeners: list[socket.socket],
    model: LanguageModel | None,
    say: Callable[[str], None],
) -> None:
    bus = Bus(asyncio.get_running_loop())
    kept.store.listen(bus.publish)
    house = _compose(kept, bus, model)
    server = HttpServer(create_app(house))
    url, sdk_url = (_url(listener) for listener in (listeners[0], listeners[-1]))
    worker = LocalWorker(home, url=sdk_url, offers=settings.offers) if settings.offers else None
    await house.orchestrator.start()
    _announce(home, url)
    _stop_on_signals(server, house, worker)
    keeping = asyncio.ensure_future(worker.keep()) if worker else None
    gc.freeze()  # what start-up made lives as long as the server
    say(_greeting(settings, home, kept.shown, url, sdk_url, house))
    try:
        await server.run_on(listeners)
    finally:
        if keeping:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        await house.orchestrator.stop()
        if model is not None:
            await model.close()
        (home / "server.json").unlink(missing_ok=True)


def _compose(kept: Kept, bus: Bus, model: LanguageModel | None) -> House:
    ids = SystemIds()
    return House(
        orchestrator=Orchestrator(kept.store, clock=kept.clock, ids=ids, bus=bus),
        store=kept.store,
        blobs=kept.blobs,
        logs=kept.logs,
        bus=bus,
        clock=kept.clock,
        ids=ids,
        model=model,
        model_name=model.name if model else None,
        started_at=kept.clock.now(),
        max_file_bytes=whole_number("TITAN_MAX_FILE_BYTES"),
    )


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


def _greeting(settings: UpSettings, home: Path, store: str, url: str, sdk_url: str, house: House) -> str:
    offers = ", ".join(f"{label}:{slots}" for label, slots in settings.offers.items()) or "none on this machine"
    return "\n".join(
        (
            f"Titan {__version__} is up.",
            f"  API     {url}",
            f"  SDKs    {sdk_url}",
            f"  home    {home}",
            f"  store   {store}",
            f"  worker  {offers}",
            f"  model   {house.model_name or 'none'}",
            "Ctrl-C stops it, and its worker.",
        )
    )
