"""A worker beside the server: adopted when it survived, started again when it dies, unless it was drained."""

import asyncio
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from titan import __version__
from titan.engine.worker.survival import local_folder, read_surviving_worker
from titan.model.errors import StoreError

logger = logging.getLogger(__name__)

LOG: Final = "worker.log"  #: in the worker's folder
RESTART_SECONDS: Final = 0.5  # before a worker that died is started again; doubles while it dies young
MAX_RESTART_SECONDS: Final = 30.0
YOUNG_SECONDS: Final = 10.0  # a worker that lived longer was able to start
LOG_BYTES: Final = 32 * 1024 * 1024  # a worker has 200 bytes to say about each attempt
TRIM_SECONDS: Final = 600.0
END_SECONDS: Final = 15.0  # for the worker to end its jobs and give them back


class LocalWorker:
    """Keeps one worker process alive for a home; the server's own death does not end it."""

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
        """`name` None: the one of `titan up`. `was_drained` is asked of a process that is found, or has ended."""
        self._home = home
        self._name = name
        self.folder = local_folder(home, name)
        self.log = self.folder / LOG
        self._url = url
        self._was_drained = was_drained
        self._offers = dict(offers)
        self._more = ["--log-format", log_format] if log_format else []
        self._pid: int | None = None  #: of the process that runs now; None between two
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
            try:
                pid = await self._run_once()
                if pid is not None and await self._was_drained(pid):
                    logger.info("worker process %d was drained and has ended; no other is started", pid)
                    return
            except (OSError, StoreError):
                logger.exception("the worker of this home could not be started, or looked after")
            if self._is_wanted:
                pause = (
                    RESTART_SECONDS if loop.time() - started > YOUNG_SECONDS else min(pause * 2, MAX_RESTART_SECONDS)
                )
                logger.warning("no worker runs; another starts in %.1f s (why: %s)", pause, self.log)
                await asyncio.sleep(pause)

    def trim_log(self) -> None:
        """Keep the worker's log from growing without end."""
        try:
            trim(self.log)
        except OSError:
            logger.exception("the log of this home's worker cannot be made smaller")

    async def end(self) -> None:
        """Have the worker end its jobs, give them back and exit; after 15 s it is killed."""
        self._is_wanted = False
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(END_SECONDS):
                await self._ended.wait()
        except TimeoutError:
            self.kill()

    def kill(self) -> None:
        """Kill the worker, if it runs; its warm processes end with it."""
        self._is_wanted = False
        self._signal(signal.SIGKILL)

    async def _run_once(self) -> int | None:
        """Adopt or start a worker, and return its process id when it has ended.

        None of one that was replaced, or was draining already when this server found it: this server was asked for one.
        """
        survivor = read_surviving_worker(self.folder)
        if survivor is None:
            self._child = self._start()
            pid = self._child.pid
            await self._watch(pid)
            return pid
        is_to_be_followed = await self._was_drained(survivor.pid)
        if dict(survivor.offers) == self._offers and survivor.version == __version__:
            logger.info("adopted worker process %d", survivor.pid)
        else:
            logger.info("worker process %d is another version or offers something else: replacing it", survivor.pid)
            _send(survivor.pid, signal.SIGTERM)
            is_to_be_followed = True
        await self._watch(survivor.pid)
        return None if is_to_be_followed else survivor.pid

    async def _watch(self, pid: int) -> None:
        """Return when the process is gone, whether it is a child of ours or was adopted."""
        self._pid = pid
        self._ended.clear()
        try:
            await _gone(pid)
            if self._child is not None:
                self._child.wait()
        finally:
            self._pid = self._child = None
            self._ended.set()

    def _signal(self, number: signal.Signals) -> None:
        if self._pid is not None:
            _send(self._pid, number)

    def _start(self) -> subprocess.Popen[bytes]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        offers = [word for label, slots in self._offers.items() for word in ("--offer", f"{label}:{slots}")]
        command = [sys.executable, "-m", "titan.engine.worker", "--join", self._url, "--local"]
        named = [] if self._name is None else ["--name", self._name]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*command, "--home", str(self._home), *named, *offers, *self._more],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={name: value for name, value in os.environ.items() if name != "TITAN_STORE"},  # may hold a password
            )


def trim(log: Path, *, limit_bytes: int = LOG_BYTES) -> bool:
    """Move what a log larger than `limit_bytes` holds to `<name>.1`; its writer, which only appends, notices nothing.

    What is written in the moment between is lost.
    """
    if not log.exists() or log.stat().st_size <= limit_bytes:
        return False
    shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    os.truncate(log, 0)
    return True


async def _gone(pid: int) -> None:
    """Return when no process has this id; on Linux at that moment, elsewhere within 0.2 s."""
    if not hasattr(os, "pidfd_open"):
        while _send(pid, 0):  # noqa: ASYNC110  # a foreign process rings no event
            await asyncio.sleep(0.2)
        return
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    loop.add_reader(descriptor, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _send(pid: int, number: int) -> bool:
    """Send a signal; return whether there was a process to get it."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
