"""Composes a server from its parts and runs it: the only place that knows every part."""

import asyncio
import gc
import json
import logging
import os
import secrets
import select
import shlex
import shutil
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final

import uvloop

from titan import __version__
from titan.env_cipher import EnvCipher, open_cipher
from titan.evaluate.dispatcher import Dispatcher
from titan.evaluate.external import ToolEndpoints
from titan.evaluate.worlds import Worlds
from titan.home import socket as home_socket
from titan.home.identity import OWNER_KEY_FILE, read_home_token, write_home_id
from titan.home.token_files import keep_home_tokens, other_tokens
from titan.llm.registry import open_model
from titan.log_lines import FORMATS, LEVELS, configure, flush, log_to, takes_lines
from titan.maintenance.disk_space import SpaceWatch
from titan.maintenance.notifications import Notifier, log_events
from titan.maintenance.retention import Maintenance
from titan.maintenance.settings import MaintenanceSettings, Privacy, read_maintenance_settings, read_privacy
from titan.maintenance.stall_monitor import StallMonitor
from titan.model.errors import InvalidInput, StoreUnavailable, TitanError
from titan.model.workers import Worker
from titan.orchestrator.bus import Bus
from titan.orchestrator.orchestrator import Orchestrator
from titan.orchestrator.receipts import LongOnce
from titan.orchestrator.worker_registry import drain, known_worker, leave
from titan.ports.jobs_store import Commit, Store, Transaction
from titan.ports.runs_store import CallStore, CallTransaction
from titan.ports.runtime import LanguageModel
from titan.recorder.background import BackgroundRecording
from titan.recorder.determinism import Determinism
from titan.recorder.preprocess import COLLECTED_AFTER, PreparingProcess, make_preparer
from titan.recorder.recorder import Recorder, live_submissions
from titan.recorder.run_projector import RunProjector
from titan.secret_files import kept_secret
from titan.server.app_state import Access, AppState, ServerInfo
from titan.server.executions import AgentJobs, Executions
from titan.server.http.app import create_app
from titan.server.http.metrics import Metrics
from titan.server.http.serve import Servers, is_local, listen, tls_context, url_of
from titan.server.replays import Replays
from titan.server.spool_import import SpoolImport
from titan.settings import home_folder, one_of, setting, shared_folder, whole_number
from titan.storage import Durable, open_durable
from titan.system import SystemClock, SystemIds
from titan.worker.local_workers import LocalWorkers

logger = logging.getLogger(__name__)

LOG: Final = "server.log"  #: in the home
END_SECONDS: Final = 4.5  # for the whole server, once jobs had their time: 3 s of it are its workers'
FLUSH_SECONDS: Final = 0.3  # for the last lines of the log; nobody has to read them
SIGNALLED, DRAINED = b"s", b"d"
FINGERPRINT_KEY = "fingerprint_key"  # the note that holds it; made with the store
SWITCH_SECONDS = 0.0005  # the writer's thread and the loop hand over to each other for every commit


@dataclass(frozen=True, slots=True, kw_only=True)
class UpSettings:
    """What `titan up` was asked for."""

    home: Path
    port: int  #: for people and programs; 0 takes a free one
    sdk_port: int  #: for SDKs; 0 takes a free one
    offers: Mapping[str, int]  #: label → slots of the local worker; empty: no local worker
    host: str = "127.0.0.1"
    requires_token: bool = False  #: also where only this machine can reach it
    hosts: frozenset[str] = frozenset()  #: names it is asked under, besides its addresses
    tls_certificate: Path | None = None  #: None: nothing is encrypted
    tls_key: Path | None = None  #: None: in the certificate's file
    model: str | None = None  #: address of the language model; None: as the environment says
    store: str | None = None  #: URL of a PostgreSQL database; None: a file in the home
    shared: Path | None = None  #: folder of blobs and logs; None: the home
    log_format: str | None = None  #: "text" or "json"; None: as the environment says


def up(settings: UpSettings, *, say: Callable[[str], None] = print) -> int:
    """Run a server in the foreground until it is stopped; return the exit code.

    SIGTERM and SIGINT (Ctrl-C) end it and its workers, which give their attempts back, uncounted; a second one ends
    everything at once. Where it is killed (SIGKILL), its workers go on, and the next server on this home adopts them.

    Raises:
        TitanError: the address, a port, the home or the model cannot be used; nothing was left running.
    """
    configure(settings.log_format or one_of("TITAN_LOG_FORMAT", FORMATS), one_of("TITAN_LOG_LEVEL", LEVELS))
    upkeep, drain_seconds = read_maintenance_settings(), whole_number("TITAN_DRAIN_SECONDS")
    sys.setswitchinterval(SWITCH_SECONDS)
    tls = _tls(settings)
    home = _prepared(settings.home)
    log_to(home / LOG)
    durable = open_durable(home, store=settings.store, shared=settings.shared)
    with ExitStack() as opened:
        opened.callback(durable.close)
        write_home_id(home, durable.store.read(lambda reader: reader.home_id()))
        kept_secret(home / OWNER_KEY_FILE)
        access = _access(settings, durable, home)
        listeners = Listeners.open(settings, home, opened, tls)
        model = open_model(settings.model, os.environ, home)
        uvloop.run(_serve(settings, upkeep, home, durable, access, listeners, model, say, drain_seconds))
    flush(FLUSH_SECONDS)
    return 0


@contextmanager
def offline_store(home: Path) -> Iterator[Store]:
    """Open the store of a home on which no server runs.

    Raises:
        StoreInUse: a server runs on it, or starts just now.
        StoreError: the home or the store cannot be used.
    """
    durable = open_durable(_prepared(home), store=setting("TITAN_STORE") or None, shared=shared_folder())
    try:
        yield durable.store
    finally:
        durable.close()


def _prepared(home: Path) -> Path:
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        home.chmod(0o700)  # outputs and arguments of jobs are readable by the owner only
        return home.resolve()
    except OSError as error:
        raise StoreUnavailable(
            f"home {home}",
            expected="a folder that can be made and written",
            found=error.strerror or str(error),
            next_step="Choose another with --home or TITAN_HOME.",
        ) from error


def _tls(settings: UpSettings) -> ssl.SSLContext | None:
    if settings.tls_certificate is not None:
        return tls_context(settings.tls_certificate, settings.tls_key)
    if settings.tls_key is not None:
        raise InvalidInput(
            f"--tls-key {settings.tls_key}",
            expected="the certificate it belongs to",
            found="none",
            next_step="Add --tls-cert FILE.",
        )
    return None


def _access(settings: UpSettings, durable: Durable, home: Path) -> Access:
    """Return who may reach the server; one that others can reach has a token that they could show."""
    store, now = durable.store, durable.clock.now()
    needs_token = settings.requires_token or not is_local(settings.host)
    if not is_local(settings.host) and not store.read(lambda reader: other_tokens(reader, home, now=now)):
        raise InvalidInput(
            f"address {settings.host!a}",
            expected="a token in the store, for others can reach this address",
            found="none that is good",
            next_step=f"Make one first: titan tokens create NAME --home {home}",
        )
    if needs_token or read_home_token(home) is not None:
        keep_home_tokens(store, home, ids=SystemIds(), now=now)
    return Access(requires_token=needs_token, hosts=settings.hosts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """The sockets of a server."""

    public: tuple[socket.socket, ...]  #: for people, and for SDKs
    tls: ssl.SSLContext | None
    inner: socket.socket | None  #: see Servers
    home: socket.socket | None  #: for the workers of this home, where there are any
    bridge: socket.socket  #: for programs in sandboxes

    @classmethod
    def open(cls, settings: UpSettings, home: Path, opened: ExitStack, tls: ssl.SSLContext | None) -> "Listeners":
        """Listen on all of them; `opened` closes them."""
        ports = dict.fromkeys((settings.port, settings.sdk_port)) if settings.port else (0, settings.sdk_port)
        public = tuple(opened.enter_context(listen(settings.host, port)) for port in ports)
        inner = None if tls is None else opened.enter_context(_listen_inside(home))
        urls = [url_of(listener, is_encrypted=tls is not None) for listener in public]
        _announce(home, urls, job_url=urls[-1] if inner is None else url_of(inner))
        opened.callback((home / "server.json").unlink, missing_ok=True)
        # After that: a worker that is answered there finds in the file where its jobs reach this server.
        listener = opened.enter_context(_listen_in_home(home, home_socket.FILE)) if settings.offers else None
        bridge = opened.enter_context(_listen_in_home(home, home_socket.BRIDGE))
        return cls(public=public, tls=tls, inner=inner, home=listener, bridge=bridge)

    def urls(self) -> list[str]:
        """Return where this machine reaches the public ones: for people first, for SDKs last."""
        return [url_of(listener, is_encrypted=self.tls is not None) for listener in self.public]

    def own_url(self) -> str:
        """Return where the jobs of this home's workers reach it."""
        return url_of(self.inner or self.public[-1])


@contextmanager
def _listen_in_home(home: Path, file: str) -> Iterator[socket.socket]:
    try:
        listener = home_socket.listen_in(home, file)
    except OSError as error:
        raise StoreUnavailable(
            f"socket {home / file}",
            expected="a folder in which a socket can be made",
            found=error.strerror or str(error),
            next_step="Choose a home on a local disk, with --home or TITAN_HOME.",
        ) from error
    with listener:
        yield listener
        (home / file).unlink(missing_ok=True)


def _listen_inside(home: Path) -> socket.socket:
    """Listen on loopback at the port of last time, if it is free: jobs that outlived a restart know that one."""
    memory = home / "inner-port"
    try:
        listener = listen("127.0.0.1", int(memory.read_text("ascii")))
    except (OSError, ValueError, InvalidInput):
        listener = listen("127.0.0.1", 0)
    memory.write_text(str(listener.getsockname()[1]), "ascii")
    return listener


async def _serve(
    settings: UpSettings,
    upkeep: MaintenanceSettings,
    home: Path,
    durable: Durable,
    access: Access,
    listeners: Listeners,
    model: LanguageModel | None,
    say: Callable[[str], None],
    drain_seconds: int,
) -> None:
    bus = Bus(asyncio.get_running_loop())
    durable.store.listen(bus.publish)
    workers = _local_workers(settings, home, durable, listeners)
    server_info = _server_info(settings, home, durable, listeners, upkeep)
    durable.calls.listen(bus.publish_calls)
    cipher = open_cipher(setting("TITAN_SECRET_KEY"), home)
    state = _compose(durable, bus, model, access, upkeep, server_info, workers, read_privacy(), cipher)
    durable.store.listen(_of_this_server(state.metrics.on_commit))
    durable.store.listen(_of_this_server(partial(log_events, asyncio.get_running_loop())))
    app = create_app(state)
    servers = Servers(app, listeners.public, listeners.tls, listeners.inner, listeners.home, listeners.bridge)
    await state.orchestrator.start()
    if state.store.is_in_charge:
        await state.dispatcher.start()
    _start_maintenance(state, upkeep, listeners.urls()[0])
    Ending(servers, state, drain_seconds).begin_on_signals()
    if workers:
        workers.start(settings.offers)
        state.orchestrator.background(workers.keep_logs_small())
    gc.freeze()  # what start-up made lives as long as the server
    gc.set_threshold(COLLECTED_AFTER)
    if takes_lines(sys.stdout):
        say(_greeting(settings, home, durable.shown, listeners, state))
    try:
        await servers.run()
    finally:
        if workers:
            await workers.close()
        await state.dispatcher.close()
        await state.endpoints.close()
        await state.orchestrator.stop()
        await state.background_recording.finish()
        await asyncio.to_thread(state.replays.close)
        await asyncio.to_thread(state.recorder.close)
        if model is not None:
            await model.close()


def _of_this_server(listener: Callable[[Commit], None]) -> Callable[[Commit], None]:
    """Return a listener that leaves out what other servers commit: it is theirs to log and count."""
    return lambda commit: None if commit.is_foreign else listener(commit)


def _local_workers(settings: UpSettings, home: Path, durable: Durable, listeners: Listeners) -> LocalWorkers | None:
    if not settings.offers:
        return None
    return LocalWorkers(home, store=durable.store, url=listeners.own_url(), log_format=settings.log_format)


def _server_info(
    settings: UpSettings, home: Path, durable: Durable, listeners: Listeners, upkeep: MaintenanceSettings
) -> ServerInfo:
    return ServerInfo(
        home=str(home),
        store_kind="postgresql" if settings.store else "sqlite",
        store=durable.shown,
        urls=tuple(listeners.urls()),
        is_encrypted=listeners.tls is not None,
        limits={
            "TITAN_MAX_FILE_BYTES": whole_number("TITAN_MAX_FILE_BYTES"),
            "TITAN_MAX_LOG_BYTES": whole_number("TITAN_MAX_LOG_BYTES"),
            "TITAN_MIN_FREE_BYTES": upkeep.min_free_bytes,
        },
        notified=tuple(address.shown for address in upkeep.addresses),
        home_id=durable.store.read(lambda reader: reader.home_id()),
    )


def _compose(
    durable: Durable,
    bus: Bus,
    model: LanguageModel | None,
    access: Access,
    upkeep: MaintenanceSettings,
    server_info: ServerInfo,
    workers: LocalWorkers | None,
    privacy: Privacy,
    cipher: EnvCipher,
) -> AppState:
    store, clock, ids = durable.store, durable.clock, SystemIds()
    metrics = Metrics()
    prepare = partial(make_preparer, privacy, _fingerprint_key(durable.calls))
    live, apart = partial(live_submissions, store), PreparingProcess(prepare)
    maintenance = Maintenance(
        store, durable.calls, durable.blobs, durable.logs, clock=clock, retention=upkeep.retention
    )
    recorder = Recorder(durable.calls, durable.blobs, preparer=prepare(), apart=apart, live=live, clock=clock)
    space = SpaceWatch(durable.folder, min_free_bytes=upkeep.min_free_bytes)
    orchestrator = Orchestrator(store, clock=clock, ids=ids, bus=bus, may_lease=lambda: not space.is_low, cipher=cipher)
    endpoints = ToolEndpoints(durable.calls)
    worlds = Worlds(recorder, clock=clock, model=model, endpoints=endpoints, prices=recorder.prices)
    jobs = AgentJobs(orchestrator, store, durable.blobs, bus, ids)
    public_url = setting("TITAN_PUBLIC_URL").rstrip("/") or server_info.urls[0]
    dispatcher = Dispatcher(durable.calls, recorder, worlds, jobs, clock=clock, ids=ids, url=public_url)
    return AppState(
        orchestrator=orchestrator,
        store=store,
        blobs=durable.blobs,
        logs=durable.logs,
        bus=bus,
        space=space,
        maintenance=maintenance,
        metrics=metrics,
        clock=clock,
        ids=ids,
        model=model,
        model_name=model.name if model else None,
        started_at=durable.clock.now(),
        max_file_bytes=server_info.limits["TITAN_MAX_FILE_BYTES"],
        max_log_bytes=server_info.limits["TITAN_MAX_LOG_BYTES"],
        server_info=server_info,
        access=access,
        thresholds=upkeep.thresholds,
        long_once=LongOnce(store),
        calls=durable.calls,
        recorder=recorder,
        run_projector=RunProjector(store, durable.calls, bus=bus, clock=clock, capture=recorder.capture),
        determinism=Determinism(durable.calls, store, durable.blobs),
        background_recording=BackgroundRecording(on_lost=metrics.unrecorded.inc),
        replays=Replays(durable.calls, durable.blobs, clock=clock),
        executions=Executions(
            *(orchestrator, store, durable.calls, durable.blobs),
            bus=bus,
            ids=ids,
            model_name=model.name if model else None,
        ),
        worlds=worlds,
        endpoints=endpoints,
        dispatcher=dispatcher,
        local_workers=workers,
    )


def _fingerprint_key(calls: CallStore) -> bytes:
    """Return the store's key, so that equal secrets are known as equal across restarts; make it the first time."""

    def key_of(tx: CallTransaction) -> str:
        found = tx.note(FINGERPRINT_KEY)
        if found is None:
            found = secrets.token_hex(32)
            tx.put_note(FINGERPRINT_KEY, found)
        return found

    return bytes.fromhex(calls.transact(key_of).result())


def _start_maintenance(state: AppState, upkeep: MaintenanceSettings, url: str) -> None:
    """Begin what goes on beside the requests: watching the disk, cleaning, looking out, notifying."""

    def on_change(is_low: bool) -> None:
        if not is_low:
            state.orchestrator.lease_again()

    state.space.listen(on_change)
    state.space.look()
    state.orchestrator.background(state.space.keep())
    if isinstance(state.clock, SystemClock):  # else the database's clock counts
        state.orchestrator.background(state.clock.keep())
    state.orchestrator.background(state.maintenance.keep())
    state.orchestrator.background(state.recorder.keep())
    state.orchestrator.background(state.determinism.keep())
    state.orchestrator.background(SpoolImport(state).keep())
    state.orchestrator.background(state.run_projector.keep())
    stall_monitor = StallMonitor(state.store, clock=state.clock)
    state.orchestrator.background(stall_monitor.keep())
    if upkeep.addresses:
        notifier = Notifier(
            state.store,
            bus=state.bus,
            clock=state.clock,
            own_url=url,
            texts=upkeep.texts,
            secret=upkeep.secret,
        )
        state.orchestrator.background(notifier.keep(upkeep.addresses))


class Ending:
    """Ends a server at SIGTERM or SIGINT: first its jobs, then its requests, then its process."""

    def __init__(self, servers: Servers, state: AppState, drain_seconds: int) -> None:
        """Jobs that run may go on for `drain_seconds`."""
        self._servers = servers
        self._state = state
        self._drain_seconds = drain_seconds
        self._loop = asyncio.get_running_loop()
        self._is_signalled = False
        self._reading, self._writing = os.pipe()  # written by a signal's handler, which may take no lock

    def begin_on_signals(self) -> None:
        """Begin to end at the first signal."""
        threading.Thread(target=self._end_process, name="ending", daemon=True).start()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        os.write(self._writing, SIGNALLED)
        if not self._is_signalled and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(lambda: self._state.orchestrator.background(self._end()))
        self._is_signalled = True

    async def _end(self) -> None:
        orchestrator, workers = self._state.orchestrator, self._state.local_workers
        orchestrator.is_ending = True
        ids = frozenset[str]() if workers is None else workers.worker_ids()
        try:
            if workers is not None and self._drain_seconds:
                await self._drain(workers, ids)
            await self._state.dispatcher.settle(within_seconds=min(self._drain_seconds, 1))
            os.write(self._writing, DRAINED)
            if workers is not None:
                await workers.end()
            for worker_id in ids:  # one that was killed could not say so
                with suppress(TitanError):
                    await orchestrator.leave(worker_id)
        finally:
            self._state.bus.close()
            orchestrator.end_claims()
            self._servers.stop()

    async def _drain(self, workers: LocalWorkers, ids: frozenset[str]) -> None:
        def drained(tx: Transaction, worker_id: str) -> tuple[Worker, None]:
            return drain(tx, known_worker(tx, worker_id)), None

        logger.info("ending: running jobs may go on for %d s; a second signal ends them", self._drain_seconds)
        for worker_id in ids:
            with suppress(TitanError):  # it has left
                await self._state.orchestrator.change_worker(partial(drained, worker_id=worker_id))
        await workers.have_ended(within_seconds=self._drain_seconds)

    def _end_process(self) -> None:
        """End the process at a second signal, or when its time is over, whatever its other threads do."""
        os.read(self._reading, 1)
        ends_at = time.monotonic() + self._drain_seconds + END_SECONDS
        while (left := ends_at - time.monotonic()) > 0 and select.select([self._reading], [], [], left)[0]:
            if os.read(self._reading, 1) == SIGNALLED:
                break
            ends_at = min(ends_at, time.monotonic() + END_SECONDS)
        else:
            busy = ", ".join(thread.name for thread in threading.enumerate())
            logger.warning("the server did not end in %g s, and is ended; its threads: %s", END_SECONDS, busy)
        if (workers := self._state.local_workers) is not None:
            ids = workers.worker_ids()
            workers.kill()
            for worker_id in ids:
                with suppress(Exception):  # the store may be what is stuck
                    self._state.store.transact(partial(leave, worker_id=worker_id)).result(FLUSH_SECONDS)
        flush(FLUSH_SECONDS)
        os._exit(0)


def _announce(home: Path, urls: Sequence[str], *, job_url: str) -> None:
    """Write where this home's server is, for its command line and for the jobs of its workers."""
    partial = home / "server.json.partial"
    url = urls[0] if job_url in urls else job_url  # where the ports speak TLS: a certificate names no loopback address
    addresses = list(dict.fromkeys([url, *urls]))
    partial.write_text(json.dumps({"url": url, "urls": addresses, "job_url": job_url, "pid": os.getpid()}))
    partial.replace(home / "server.json")


def _greeting(settings: UpSettings, home: Path, store: str, listeners: Listeners, state: AppState) -> str:
    offers = ", ".join(f"{label}:{slots}" for label, slots in settings.offers.items()) or "none on this machine"
    urls = listeners.urls()
    return "\n".join(
        (
            f"Titan {__version__} is up.",
            f"  console {urls[0]}",
            f"  SDKs    {urls[-1]}",
            f"  access  {_access_in_words(settings, state.access, is_encrypted=listeners.tls is not None)}",
            f"  home    {home}",
            f"  store   {store}",
            f"  log     {home / LOG}",
            f"  worker  {offers}",
            f"  model   {state.model_name or 'none'}",
            f"In a second terminal: {_in_a_second_terminal(home)}",
            "Ctrl-C stops it, and its worker." if settings.offers else "Ctrl-C stops it.",
        )
    )


def _in_a_second_terminal(home: Path) -> str:
    """Return a command that finds this server by its home, which has to be named unless it is ~/.titan."""
    named = "" if home == home_folder({}).resolve() else f"export TITAN_HOME={shlex.quote(str(home))}; "
    program = "titan" if shutil.which("titan") else shlex.quote(str(Path(sys.executable).with_name("titan")))
    return f"{named}{program} jobs"


def _access_in_words(settings: UpSettings, access: Access, *, is_encrypted: bool) -> str:
    if not access.requires_token:
        return "this machine only, without tokens"
    if is_local(settings.host):
        return "this machine and proxies on it, every request with a token"
    plain = "" if is_encrypted else "; NOT ENCRYPTED: use --tls-cert, or a proxy in front"
    return f"whoever reaches {settings.host}, every request with a token{plain}"
