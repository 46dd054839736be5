"""The real store behind a writer that takes virtual time: decisions queue, are committed, and only then answered."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Generic, TypeVar

from titan.model.errors import StoreFull
from titan.ports.jobs_store import Commit, Reader, Store, Transaction

T = TypeVar("T")

LATENCY_SECONDS: Final = 0.005  # of a commit at most, as on a disk that is waited for


@dataclass(slots=True)
class _Task:
    """A decision that waits for the writer."""

    decide: Callable[[Transaction], Any]
    future: Future[Any]


class SlowStore:
    """Implements the Store port in virtual time. Between a decision and its answer anything may happen."""

    def __init__(
        self,
        store: Store,
        chance: Random,
        *,
        is_full: Callable[[], bool],
        committed: Callable[[Commit], None],
    ) -> None:
        """`is_full` is asked before each transaction, `committed` is told of each commit before its caller is."""
        self._store = store
        self._chance = chance
        self._is_full = is_full
        self._committed = committed
        self._queue: deque[_Task] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._is_halted = False
        self._commits: list[Commit] = []
        store.listen(self._note)

    @property
    def server_id(self) -> str:
        """Pass on whose store it is."""
        return self._store.server_id

    @property
    def is_in_charge(self) -> bool:
        """Pass on whether it is in charge."""
        return self._store.is_in_charge

    def transact(self, decide: Callable[[Transaction], T]) -> Future[T]:
        """Hand a decision in."""
        future: Future[T] = Future()
        self._queue.append(_Task(decide, future))
        if not self._is_halted and (self._writer is None or self._writer.done()):
            self._writer = asyncio.get_running_loop().create_task(self._write())
        return future

    def read(self, query: Callable[[Reader], T]) -> T:
        """Ask the store."""
        return self._store.read(query)

    async def look(self, query: Callable[[Reader], T]) -> T:
        """Ask the store, a little later: as over a network."""
        if self.server_id:
            await self._take_a_while()
        return self._store.read(query)

    def listen(self, listener: Callable[[Commit], None]) -> None:
        """Pass the listener on."""
        self._store.listen(listener)

    async def halt(self) -> None:
        """Stop where it is, as a killed process does: what is not committed never will be."""
        self._is_halted = True
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)

    def close(self) -> None:
        """Release the files, after `halt`."""
        self._store.close()

    async def _write(self) -> None:
        while self._queue:
            await self._take_a_while()
            task = self._queue.popleft()
            if not task.future.set_running_or_notify_cancel():
                continue
            if self._is_full():
                task.future.set_exception(StoreFull("store", expected="room", found="none"))
                continue
            done = await self._commit(task.decide)
            await self._take_a_while()
            error = done.exception()
            if error is None:
                task.future.set_result(done.result())
            else:
                task.future.set_exception(error)

    async def _commit(self, decide: Callable[[Transaction], T]) -> Future[T]:
        """Have the real writer decide, and commit a while later; until then readers see what was before."""
        held = _Held(decide)
        done = self._store.transact(held.decide)
        try:
            while not (held.is_decided.wait(0.1) or done.done()):  # a real failure decides nothing
                continue
            await self._take_a_while()
        except asyncio.CancelledError:
            held.is_cut_off = True
            raise
        finally:
            held.may_commit.set()
            done.exception()
        for commit in self._commits:
            self._committed(commit)
        self._commits.clear()
        return done

    def _note(self, commit: Commit) -> None:
        if not commit.is_foreign:
            self._commits.append(commit)

    async def _take_a_while(self) -> None:
        await asyncio.sleep(self._chance.random() ** 2 * LATENCY_SECONDS / 3)


class _Held(Generic[T]):
    """A decision whose transaction stays open on the writer's thread until it may commit."""

    def __init__(self, decide: Callable[[Transaction], T]) -> None:
        self._decide = decide
        self.is_decided = threading.Event()
        self.may_commit = threading.Event()
        self.is_cut_off = False

    def decide(self, tx: Transaction) -> T:
        """Decide, then wait."""
        try:
            return self._decide(tx)
        finally:
            self.is_decided.set()
            self.may_commit.wait(600)
            if self.is_cut_off:
                raise CutOff


class CutOff(Exception):
    """The process died before the commit."""
