"""The workers beside the server: the one that `titan up` was asked for, and those that people start later."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from titan.engine.host import host_name
from titan.engine.local_worker import TRIM_SECONDS, LocalWorker
from titan.engine.worker.survival import FURTHER_FOLDER, read_surviving_worker
from titan.model.errors import Conflict, LimitExceeded
from titan.model.workers import WorkerState
from titan.ports import Reader, Store

logger = logging.getLogger(__name__)

MOST: Final = 16  # each keeps warm interpreters: some 100 MB
HERE_WITHIN_SECONDS: Final = 30.0  # takes 1 s on an idle machine
LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A worker that was started and is here."""

    worker_id: str
    name: str


class LocalWorkers:
    """Keeps worker processes alive for a home, each in a folder of its own; on the event loop alone."""

    def __init__(self, home: Path, *, store: Store, url: str, log_format: str | None = None) -> None:
        self._home = home
        self._store = store
        self._url = url
        self._log_format = log_format
        self._kept: dict[str | None, LocalWorker] = {}  #: by name; None: the one that `titan up` was asked for
        self._tasks: dict[str | None, asyncio.Task[None]] = {}

    def start(self, offers: Mapping[str, int]) -> None:
        """Keep the worker of `titan up`, and those further ones of this home that outlived their server."""
        self._keep(None, offers)
        for folder in sorted((self._home / FURTHER_FOLDER).glob("*")):
            survivor = read_surviving_worker(folder)
            if survivor is not None:
                self._keep(folder.name, survivor.offers)

    async def add(self, offers: Mapping[str, int], *, name: str | None = None) -> Started:
        """Start a further worker, and return when it is here; without a name it takes the host's with a number.

        Raises:
            Conflict: one of this name runs already; or it did not come, and was ended.
            LimitExceeded: there are 16 already.
        """
        name = name or self._free_name()
        if name in self._kept:
            raise Conflict(
                f"worker {name!a} beside this server",
                expected="a name that no other one has",
                found="one that runs",
                next_step="Choose another name, or drain that one first.",
            )
        if len(self._kept) >= MOST:
            raise LimitExceeded(
                "workers beside this server",
                expected=f"at most {MOST}",
                found=str(len(self._kept)),
                next_step="Drain one, or start one with more slots.",
            )
        worker = self._keep(name, offers)
        try:
            async with asyncio.timeout(HERE_WITHIN_SECONDS):
                return Started(worker_id=await self._until_here(worker.folder), name=name)
        except TimeoutError:
            await worker.end()
            raise Conflict(
                f"worker {name!a} beside this server",
                expected=f"that it is here within {HERE_WITHIN_SECONDS:g} s",
                found="that it did not come, and was ended",
                next_step=f"Its log says why: {worker.log}",
            ) from None

    def worker_ids(self) -> frozenset[str]:
        """Return the ids of those that run now."""
        survivors = (read_surviving_worker(worker.folder) for worker in self._kept.values())
        return frozenset(survivor.worker_id for survivor in survivors if survivor is not None)

    async def keep_logs_small(self) -> None:
        """Look after the workers' logs now and then, for as long as the server lives."""
        while True:
            for worker in list(self._kept.values()):
                worker.trim_log()
            await asyncio.sleep(TRIM_SECONDS)

    async def end(self) -> None:
        """Have all end their jobs, give them back and exit; those that have not after 15 s are killed."""
        await asyncio.gather(*(worker.end() for worker in self._kept.values()))

    def kill(self) -> None:
        """Kill those that run."""
        for worker in self._kept.values():
            worker.kill()

    async def close(self) -> None:
        """Look after them no more; they go on."""
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
        task = asyncio.get_running_loop().create_task(worker.keep())
        self._tasks[name] = task
        task.add_done_callback(lambda task: self._is_done(name, task))
        return worker

    def _is_done(self, name: str | None, task: asyncio.Task[None]) -> None:
        del self._kept[name], self._tasks[name]
        if not task.cancelled() and task.exception() is not None:
            logger.error("a worker of this home is looked after no more", exc_info=task.exception())

    def _free_name(self) -> str:
        names = (f"{host_name()}-{number}" for number in range(2, MOST + 3))
        return next(name for name in names if name not in self._kept)

    async def _until_here(self, folder: Path) -> str:
        """Return the id of the worker in this folder once the server knows it."""
        while True:  # it is another process, which rings no bell here
            survivor = read_surviving_worker(folder)
            if survivor is not None and await self._is_connected(survivor.worker_id):
                return survivor.worker_id
            await asyncio.sleep(LOOK_SECONDS)

    async def _is_connected(self, worker_id: str) -> bool:
        worker = await self._store.look(lambda reader: reader.worker(worker_id))
        return worker is not None and worker.state is WorkerState.CONNECTED

    async def _was_drained(self, pid: int) -> bool:
        """Return whether the worker that this process was had been asked to drain."""

        def look(reader: Reader) -> bool:
            here = [w for w in reader.workers() if w.pid == pid and w.host == host_name()]
            return bool(here) and max(here, key=lambda worker: worker.joined_at).is_draining

        return await self._store.look(look)
