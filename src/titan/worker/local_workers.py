"""Runs worker processes beside the server: the one of `titan up`, and those that people start later."""

import asyncio
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from titan import __version__
from titan.home.identity import host_name
from titan.model.errors import Conflict, LimitExceeded, StoreError
from titan.model.workers import WorkerState
from titan.ports.jobs_store import Reader, Store
from titan.worker.adoption import FURTHER_FOLDER, LOG, local_folder, read_surviving_worker

logger = logging.getLogger(__name__)

RESTART_SECONDS: Final = 0.5  # before a worker that died is started again; doubles while it dies young
MAX_RESTART_SECONDS: Final = 30.0
YOUNG_SECONDS: Final = 10.0  # a worker that lived longer was able to start
LOG_BYTES: Final = 32 * 1024 * 1024  # a worker logs 200 bytes for each attempt
TRIM_SECONDS: Final = 600.0
END_SECONDS: Final = 3.0  # for the worker to end its jobs, which get 2 s, and to return them
KILLED_SECONDS: Final = 0.5  # for a worker that was killed to be gone
MAX_WORKERS: Final = 16  # each keeps warm interpreters: some 100 MB
START_WITHIN_SECONDS: Final = 30.0  # takes 1 s on an idle machine
LOOK_SECONDS: Final = 0.05


class LocalWorker:
    """Keeps one worker process alive for a home. It outlives a server that is killed, and the next one adopts it."""

    def __init__(
        self,
        home: Path,
        *,
        url: str,
        offers: Mapping[str, int],
        was_drained: Callable[[int], Awaitable[bool]],
        name: str | None = None,
        log_format: str | None = None,
    ) -> None:
        """`name` None: the worker of `titan up`. `was_drained` is asked about processes that were found, or ended."""
        self._home = home
        self._name = name
        self.folder = local_folder(home, name)
        self.log = self.folder / LOG
        self._url = url
        self._was_drained = was_drained
        self._offers = dict(offers)
        self._log_format = log_format
        self._pid: int | None = None  #: of the process that runs now
        self._child: subprocess.Popen[bytes] | None = None
        self._is_wanted = True
        self._ended = asyncio.Event()
        self._ended.set()

    async def keep(self) -> None:
        """Adopt or start the worker, and start another whenever it ends, until `end` is called or it was drained."""
        loop = asyncio.get_running_loop()
        pause = RESTART_SECONDS
        while self._is_wanted:
            started = loop.time()
            self._ended.clear()
            try:
                pid = await self._run_once()
                if pid is not None and await self._was_drained(pid):
                    logger.info("worker process %d was drained and has ended; no other is started", pid)
                    return
            except (OSError, StoreError):
                logger.exception("the worker of this home could not be started or watched")
            finally:
                self._ended.set()
            if self._is_wanted:
                lived_long = loop.time() - started > YOUNG_SECONDS
                pause = RESTART_SECONDS if lived_long else min(pause * 2, MAX_RESTART_SECONDS)
                logger.warning("no worker runs; another starts in %.1f s (why: %s)", pause, self.log)
                await asyncio.sleep(pause)

    async def end(self) -> None:
        """Have the worker end its jobs, return them and exit; after 3 s it is killed."""
        self._is_wanted = False
        self._signal(signal.SIGTERM)
        if not await self.has_ended(within_seconds=END_SECONDS):
            logger.warning("the worker of this home did not end in %g s, and is killed", END_SECONDS)
            self.kill()
            await self.has_ended(within_seconds=KILLED_SECONDS)

    async def has_ended(self, *, within_seconds: float) -> bool:
        """Wait until no worker runs; return False when one still does after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                await self._ended.wait()
        return self._ended.is_set()

    def kill(self) -> None:
        """Kill the worker, if it runs; its warm processes end with it."""
        self._is_wanted = False
        self._signal(signal.SIGKILL)

    async def _run_once(self) -> int | None:
        """Adopt or start a worker, and return its process id when it has ended.

        None of one that was replaced, or was draining already when this server found it: another one is to follow.
        """
        survivor = read_surviving_worker(self.folder)
        if survivor is None:
            self._child = self._start()
            pid = self._child.pid
            await self._watch(pid)
            return pid
        is_followed = await self._was_drained(survivor.pid)
        if dict(survivor.offers) == self._offers and survivor.version == __version__:
            logger.info("adopted worker process %d", survivor.pid)
        else:
            logger.info("worker process %d is another version or offers something else: replacing it", survivor.pid)
            _send(survivor.pid, signal.SIGTERM)
            is_followed = True
        await self._watch(survivor.pid)
        return None if is_followed else survivor.pid

    async def _watch(self, pid: int) -> None:
        """Return when the process has ended, whether it is a child of ours or was adopted."""
        self._pid = pid
        if not self._is_wanted:  # the server began to end before it had found this one, or started it
            self._signal(signal.SIGTERM)
        try:
            await _wait_for_end(pid)
            if self._child is not None:
                self._child.wait()
        finally:
            self._pid = self._child = None

    def _signal(self, number: signal.Signals) -> None:
        if self._pid is not None:
            _send(self._pid, number)

    def _start(self) -> subprocess.Popen[bytes]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        command = [sys.executable, "-m", "titan.worker", "--join", self._url, "--local", "--home", str(self._home)]
        for option, value in (("--name", self._name), ("--log-format", self._log_format)):
            command += [option, value] if value else []
        for label, slots in self._offers.items():
            command += ["--offer", f"{label}:{slots}"]
        with open(self.log, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={name: value for name, value in os.environ.items() if name != "TITAN_STORE"},  # may hold a password
            )


def trim(log: Path, *, limit_bytes: int = LOG_BYTES) -> bool:
    """Move the content of a log larger than `limit_bytes` to `<name>.1`; its writer, which only appends, goes on.

    What is written in the moment between is lost.
    """
    if not log.exists() or log.stat().st_size <= limit_bytes:
        return False
    shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    os.truncate(log, 0)
    return True


async def _wait_for_end(pid: int) -> None:
    """Return when no process has this id; on Linux at that moment, elsewhere within 0.2 s."""
    if not hasattr(os, "pidfd_open"):
        while _send(pid, 0):  # noqa: ASYNC110  # a foreign process sends no event
            await asyncio.sleep(0.2)
        return
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _send(pid: int, number: int) -> bool:
    """Send a signal; return whether the process exists."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A worker that was started and is connected."""

    worker_id: str
    name: str


class LocalWorkers:
    """The worker processes of a home, each in a folder of its own. Used on the event loop alone."""

    def __init__(self, home: Path, *, store: Store, url: str, log_format: str | None = None) -> None:
        self._home = home
        self._store = store
        self._url = url
        self._log_format = log_format
        self._kept: dict[str | None, LocalWorker] = {}  #: by name; None: the one of `titan up`
        self._tasks: dict[str | None, asyncio.Task[None]] = {}
        self._is_ending = False

    def start(self, offers: Mapping[str, int]) -> None:
        """Run the worker of `titan up`, and adopt further ones of this home that outlived their server."""
        self._keep(None, offers)
        for folder in sorted((self._home / FURTHER_FOLDER).glob("*")):
            survivor = read_surviving_worker(folder)
            if survivor is not None:
                self._keep(folder.name, survivor.offers)

    async def add(self, offers: Mapping[str, int], *, name: str | None = None) -> Started:
        """Start a further worker, and return when it is connected; its default name is the host's with a number.

        Raises:
            Conflict: one of this name runs already; or it did not connect, and was ended.
            LimitExceeded: there are 16 already.
        """
        name = name or next(each for n in range(2, MAX_WORKERS + 3) if (each := f"{host_name()}-{n}") not in self._kept)
        if name in self._kept:
            raise Conflict(
                f"worker {name!a} beside this server",
                expected="a name that no other one has",
                found="one that runs",
                next_step="Choose another name, or drain that one first.",
            )
        if self._is_ending:
            raise Conflict("workers beside this server", expected="a server that goes on", found="one that is ending")
        if len(self._kept) >= MAX_WORKERS:
            raise LimitExceeded(
                "workers beside this server",
                expected=f"at most {MAX_WORKERS}",
                found=str(len(self._kept)),
                next_step="Drain one, or start one with more slots.",
            )
        worker = self._keep(name, offers)
        try:
            async with asyncio.timeout(START_WITHIN_SECONDS):
                while (worker_id := await self._connected_id(worker.folder)) is None:  # noqa: ASYNC110  # as above
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            await worker.end()
            raise Conflict(
                f"worker {name!a} beside this server",
                expected=f"that it is here within {START_WITHIN_SECONDS:g} s",
                found="that it did not come, and was ended",
                next_step=f"Its log says why: {worker.log}",
            ) from None
        return Started(worker_id=worker_id, name=name)

    def worker_ids(self) -> frozenset[str]:
        """Return the ids of those that run now."""
        survivors = (read_surviving_worker(worker.folder) for worker in list(self._kept.values()))
        return frozenset(survivor.worker_id for survivor in survivors if survivor is not None)

    async def keep_logs_small(self) -> None:
        """Trim the workers' logs from time to time, for as long as the server lives."""
        while True:
            for worker in list(self._kept.values()):
                try:
                    trim(worker.log)
                except OSError:
                    logger.exception("the log %s cannot be trimmed", worker.log)
            await asyncio.sleep(TRIM_SECONDS)

    async def end(self) -> None:
        """Have all end their jobs, return them and exit; those that have not after 3 s are killed."""
        self._is_ending = True
        await asyncio.gather(*(worker.end() for worker in self._kept.values()))

    async def have_ended(self, *, within_seconds: float) -> None:
        """Wait until none runs, at most so many seconds."""
        await asyncio.gather(*(each.has_ended(within_seconds=within_seconds) for each in self._kept.values()))

    def kill(self) -> None:
        """Kill those that run. May be called on any thread."""
        for worker in list(self._kept.values()):
            worker.kill()

    async def close(self) -> None:
        """Stop watching them."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _keep(self, name: str | None, offers: Mapping[str, int]) -> LocalWorker:
        worker = LocalWorker(
            self._home,
            name=name,
            url=self._url,
            offers=offers,
            was_drained=self._was_drained,
            log_format=self._log_format,
        )
        self._kept[name] = worker
        task = self._tasks[name] = asyncio.get_running_loop().create_task(worker.keep())
        task.add_done_callback(lambda task: self._is_done(name, task))
        return worker

    def _is_done(self, name: str | None, task: asyncio.Task[None]) -> None:
        del self._kept[name], self._tasks[name]
        if not task.cancelled() and task.exception() is not None:
            logger.error("a worker of this home is no longer watched", exc_info=task.exception())

    async def _connected_id(self, folder: Path) -> str | None:
        """Return the id of the worker in this folder; None until it is connected."""
        survivor = read_surviving_worker(folder)
        if survivor is None:
            return None
        worker = await self._store.look(lambda reader: reader.worker(survivor.worker_id))
        return worker.id if worker is not None and worker.state is WorkerState.CONNECTED else None

    async def _was_drained(self, pid: int) -> bool:
        """Return whether the worker with this process id was asked to drain."""

        def look(reader: Reader) -> bool:
            here = [w for w in reader.workers() if w.pid == pid and w.host == host_name()]
            return bool(here) and max(here, key=lambda worker: worker.joined_at).is_draining

        return await self._store.look(look)
