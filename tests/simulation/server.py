"""A server that can be killed at any moment: the real orchestrator on the real store, in virtual time."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any, Protocol, TypeVar

from tests.simulation.audit import Audit
from tests.simulation.faults import CALM, Faults
from tests.simulation.slow_store import SlowStore
from tests.support.builders import NOON
from tests.support.virtual_time import LoopClock
from tests.support.waiting import wait_until
from titan.model.errors import IdempotencyConflict, StoreFull, StoreRefused, TitanError
from titan.orchestrator.bus import Bus
from titan.orchestrator.orchestrator import Orchestrator
from titan.ports.jobs_store import Commit, Reader, Store
from titan.ports.runtime import Clock
from titan.store.postgres import PostgresStore
from titan.store.postgres.address import Address
from titan.store.sqlite import SqliteStore

T = TypeVar("T")
Act = Callable[[Orchestrator], Awaitable[T]]


class ServerGone(Exception):
    """The server died before it answered, or is not there."""


#: What may end a request without being a mistake of Titan.
EXPECTED = (TitanError, ServerGone)
MISTAKES = (StoreRefused, IdempotencyConflict)


class SeededIds:
    """Ids that are the same in every run of a seed; implements the Ids port."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._count = 0

    def dag_id(self) -> str:
        """Return d00001, d00002, …"""
        self._count += 1
        return f"d{self._count:05}"

    def secret(self) -> str:
        """Return 32 hex digits."""
        return f"{self._chance.getrandbits(128):032x}"


class Home(Protocol):
    """Where the facts are when there is no server."""

    def open(self, clock: Clock) -> Store:
        """Open the store."""

    def crash(self) -> None:
        """Keep only what a process that is killed now leaves."""


class SqliteHome:
    """A file, of which a crash leaves a copy as it lies there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "0.db"
        self._crash_count = 0

    def open(self, clock: Clock) -> Store:
        """Open the file."""
        return SqliteStore(self._path, clock=clock)

    def crash(self) -> None:
        """Go on with a copy."""
        self._crash_count += 1
        self._path = _copied(self._path, self._folder / f"{self._crash_count}.db")


class PostgresHome:
    """A database, which takes back by itself what a dead client has not committed."""

    def __init__(self, url: str) -> None:
        self._address = Address(url)

    def open(self, clock: Clock) -> Store:
        """Open the database."""
        return PostgresStore(self._address, clock=clock)

    def crash(self) -> None:
        """Leave it as it is."""


class Server:
    """One home, and the server process on it while it lives."""

    def __init__(self, home: Home, chance: Random, audit: Audit) -> None:
        self.ids = SeededIds(chance)
        self.faults: Faults = CALM
        self.crash_count = 0
        #: Errors that nobody may make.
        self.failures: list[BaseException] = []
        self._home = home
        self._chance = chance
        self.audit = audit
        self._loop = asyncio.get_running_loop()
        self._calls: set[asyncio.Task[Any]] = set()
        self._store: SlowStore | None = None
        self._orchestrator: Orchestrator | None = None

    @property
    def is_up(self) -> bool:
        """Whether requests are served now."""
        return self._orchestrator is not None

    async def start(self) -> None:
        """Start on what the last server left."""
        clock = LoopClock(self._loop, start=NOON)
        store = self._home.open(clock)
        self._store = SlowStore(store, self._chance, is_full=self._is_full, committed=self._committed)
        bus = Bus(self._loop)
        self._store.listen(bus.publish)
        orchestrator = Orchestrator(self._store, clock=clock, ids=self.ids, bus=bus)
        while True:
            try:
                await orchestrator.start()
                break
            except StoreFull:
                await asyncio.sleep(1)
        self._orchestrator = orchestrator

    def wait_until_in_charge(self) -> None:
        """Wait, in real time, until the database has noticed that the last server is gone."""
        store = self._store
        assert store is not None
        wait_until(lambda: store.is_in_charge, "the server is in charge")

    async def crash(self) -> None:
        """Die as by kill -9: no call is answered, and only what the files hold now remains."""
        if self._orchestrator is None or self._store is None:
            return
        orchestrator, self._orchestrator = self._orchestrator, None
        store, self._store = self._store, None
        await store.halt()
        self.crash_count += 1
        self._home.crash()
        for call in list(self._calls):
            call.cancel()
        store.close()
        await orchestrator.stop()

    async def stop(self) -> None:
        """End in an orderly way."""
        if self._orchestrator is not None and self._store is not None:
            await self._orchestrator.stop()
            await self._store.halt()
            self._store.close()
            self._orchestrator = self._store = None

    def perform(self, act: Act[T]) -> "asyncio.Task[T]":
        """Begin to serve a request, whoever waits for it; it ends with ServerGone when the server dies."""
        task = self._loop.create_task(self._served(act))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        task.add_done_callback(self.note_failure)
        return task

    def connection_broke(self, worker_id: str) -> None:
        """Tell the server, if there is one, that the connection of an outstanding claim is gone."""
        if self._orchestrator is not None:
            self._orchestrator.connection_broke(worker_id)

    def read(self, query: Callable[[Reader], T]) -> T:
        """Ask the store, while there is a server."""
        if self._store is None:
            raise ServerGone
        return self._store.read(query)

    def note_failure(self, task: "asyncio.Task[Any]") -> None:
        """Keep the error of a task that must not have any."""
        error = None if task.cancelled() else task.exception()
        if error is not None and (isinstance(error, MISTAKES) or not isinstance(error, EXPECTED)):
            self.failures.append(error)

    async def _served(self, act: Act[T]) -> T:
        orchestrator = self._orchestrator
        if orchestrator is None:
            raise ServerGone
        try:
            return await act(orchestrator)
        except asyncio.CancelledError:
            if self._orchestrator is orchestrator:
                raise  # the caller went away
            raise ServerGone from None

    def _is_full(self) -> bool:
        """Decide whether the next transaction finds a full disk."""
        return self._chance.random() < self.faults.store_full

    def _committed(self, commit: Commit) -> None:
        """Audit what was committed, and perhaps die of it."""
        try:
            self.audit.check(self.read, commit)
        except AssertionError as error:
            self.failures.append(error)
        if self._chance.random() < self.faults.crash_at_commit:
            self._loop.create_task(self.crash())


def _copied(path: Path, copy: Path) -> Path:
    """Copy a database and its log as they lie there: what a process killed now would leave."""
    shutil.copyfile(path, copy)
    log = path.with_name(path.name + "-wal")
    if log.exists():
        shutil.copyfile(log, copy.with_name(copy.name + "-wal"))
    return copy
