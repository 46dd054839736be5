"""The writer: one thread that runs decisions one after the other and commits them in groups.

While one group is being made durable the next one gathers, so 16 clients share an fsync instead of
waiting for 16. Each decision has a savepoint of its own: one that raises takes back only itself.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

import apsw

from titan.model.errors import StoreError
from titan.model.events import JournalEntry
from titan.ports import Clock, Commit, Transaction
from titan.store.reader import SqlReader
from titan.store.sqlite.session import SqliteSession, closed, translated, unavailable
from titan.store.transaction import SqlTransaction

T = TypeVar("T")

GROUP_LIMIT: Final = 256  # about 15 ms of decisions of 60 µs each; nobody waits longer for others than that

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Task:
    """A decision that was handed in, and the promise of its result."""

    decide: Callable[[Transaction], Any]
    future: Future[Any]


@dataclass(slots=True)
class _Group:
    """What the decisions of one commit came to."""

    results: list[tuple[Future[Any], Any]] = field(default_factory=list)
    refusals: list[tuple[Future[Any], BaseException]] = field(default_factory=list)
    entries: list[JournalEntry] = field(default_factory=list)
    keys: set[tuple[str, str]] = field(default_factory=set)
    has_written: bool = False


class Writer:
    """Owns the one connection that writes."""

    def __init__(self, session: SqliteSession, path: Path, *, clock: Clock) -> None:
        self._session = session
        self._connection = session.connection
        self._path = path
        self._clock = clock
        self._last_seq = SqlReader(session).last_seq()
        self._listeners: tuple[Callable[[Commit], None], ...] = ()
        self._queue: SimpleQueue[_Task | None] = SimpleQueue()
        self._door = threading.Lock()  # so that nothing enters the queue behind the None that ends it
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, decide: Callable[[Transaction], T]) -> Future[T]:
        """Hand a decision in; the future resolves after its commit."""
        future: Future[T] = Future()
        with self._door:
            if not self._is_closed:
                self._queue.put(_Task(decide, future))
                return future
        future.set_exception(closed(self._path))
        return future

    def listen(self, listener: Callable[[Commit], None]) -> None:
        """Call `listener` after each commit from now on."""
        with self._door:
            self._listeners = (*self._listeners, listener)

    def finish(self) -> None:
        """Finish what was handed in, then end the thread; refuse what comes later. May be called twice."""
        with self._door:
            if not self._is_closed:
                self._is_closed = True
                self._queue.put(None)
        self._thread.join()

    # --- on the writer's thread ---

    def _run(self) -> None:
        is_open = True
        while is_open:
            tasks, is_open = self._next_tasks()
            try:
                self._perform(tasks)
            except Exception:
                logger.exception("store %s: the writer goes on after an error", self._path)

    def _next_tasks(self) -> tuple[list[_Task], bool]:
        """Wait for a task and take what else is there; the flag tells whether more may come."""
        tasks: list[_Task] = []
        task = self._queue.get()
        try:
            while task is not None:
                tasks.append(task)
                if len(tasks) == GROUP_LIMIT:
                    return tasks, True
                task = self._queue.get_nowait()
        except Empty:
            return tasks, True
        return tasks, False

    def _perform(self, tasks: list[_Task]) -> None:
        wanted = [task for task in tasks if task.future.set_running_or_notify_cancel()]
        group = _Group()
        began_ns = time.monotonic_ns()
        try:
            self._commit(wanted, group)
        except BaseException as error:
            self._give_up(wanted, group, error)
            if not isinstance(error, apsw.Error):
                raise
            return
        self._last_seq += len(group.entries)
        if group.has_written:
            self._tell(
                Commit(
                    entries=tuple(group.entries),
                    keys=frozenset(group.keys),
                    transactions=len(wanted),
                    duration_ns=time.monotonic_ns() - began_ns,
                )
            )
        for future, result in group.results:
            future.set_result(result)
        for future, refusal in group.refusals:
            future.set_exception(refusal)

    def _commit(self, tasks: list[_Task], group: _Group) -> None:
        """Run the tasks in one database transaction; when this raises, the database kept nothing of it."""
        execute = self._connection.execute
        execute("begin immediate")
        for task in tasks:
            execute("savepoint decision")
            try:
                self._decide(task, group)
            except BaseException as error:  # whatever it is, it belongs to the task's future
                if not self._connection.in_transaction:
                    raise  # a full disk makes SQLite take back the whole transaction by itself
                execute("rollback to decision")
                group.refusals.append((task.future, self._translated(error)))
            execute("release decision")
        execute("commit")

    def _decide(self, task: _Task, group: _Group) -> None:
        changes_before = self._connection.total_changes()
        last_seq = self._last_seq + len(group.entries)
        transaction = SqlTransaction(self._session, self._clock.now(), last_seq=last_seq)
        result = task.decide(transaction)
        transaction.flush()
        group.results.append((task.future, result))
        group.entries += transaction.entries
        group.keys |= transaction.keys
        group.has_written = group.has_written or self._connection.total_changes() != changes_before

    def _give_up(self, tasks: list[_Task], group: _Group, error: BaseException) -> None:
        """Refuse all tasks of a group that could not be committed, except those that refused themselves."""
        logger.error("store %s: a group of %d transactions was not kept: %s", self._path, len(tasks), error)
        cause = self._translated(error)
        if not isinstance(cause, StoreError):
            cause = unavailable(self._path, f"{type(error).__name__}: {error}")
        refusals = dict(group.refusals)
        for task in tasks:
            task.future.set_exception(refusals.get(task.future, cause))
        if self._connection.in_transaction:
            self._connection.execute("rollback")

    def _translated(self, error: BaseException) -> BaseException:
        if not isinstance(error, apsw.Error):
            return error
        translation = translated(error, self._path, system_errno=self._connection.system_errno)
        if translation is not error:
            translation.__cause__ = error
        return translation

    def _tell(self, commit: Commit) -> None:
        for listener in self._listeners:
            try:
                listener(commit)
            except Exception:
                logger.exception("store %s: a listener failed; what it listens to is committed", self._path)
