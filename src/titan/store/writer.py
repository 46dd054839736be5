"""The writer thread: runs transactions one after the other and commits them in groups.

While one group is being made durable the next one gathers, so 16 clients share an fsync instead of waiting for 16.
A transaction that raises rolls back only itself.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Any, Final, Protocol, TypeVar

from titan.model.errors import StoreError
from titan.model.events import JournalEntry
from titan.ports.jobs_store import Commit, Transaction
from titan.ports.runtime import Clock
from titan.store.session import closed, unavailable
from titan.store.transaction import SqlTransaction

T = TypeVar("T")
C = TypeVar("C")

GROUP_LIMIT: Final = 256  # about 15 ms of decisions of 60 µs each; nobody waits longer for others than that

logger = logging.getLogger(__name__)


class RunAgain(Exception):
    """The group's transaction is gone and nothing of it was kept; its decisions may run again in another."""


class Database(Protocol):
    """The one connection that writes, as the writer uses it: a transaction for each group, in it a part per decision.

    An error of any method but `undo` ends the transaction; the group is given up with it, unless it is RunAgain.
    """

    @property
    def subject(self) -> str:
        """What errors are about: "store /home/ada/.titan/control.db"."""

    def begin(self) -> int:
        """Begin a transaction in which nobody else writes; return the journal's newest seq.

        Raises:
            RunAgain: see there. It gives up with another error when that has gone on for too long.
        """

    def begin_decision(self) -> None:
        """Begin a part of the transaction."""

    def transaction(self, now: datetime, *, last_seq: int) -> SqlTransaction:
        """Return what a decision reads and writes through."""

    def end_decision(self) -> None:
        """Keep the part that was begun."""

    def undo_decision(self) -> bool:
        """Take back the part that was begun; return False when the transaction is gone with it.

        Raises:
            RunAgain: only the whole transaction could be taken back.
        """

    def commit(self, commit: Commit) -> bool:
        """Make the transaction durable, notify other servers of `commit`, and return whether anything was changed."""

    def roll_back(self) -> None:
        """Take back whatever is open; never raises."""

    def translated(self, error: BaseException) -> BaseException:
        """Return what an error means in the terms of the model; foreign ones come back as they are."""


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
    has_changed: bool = False

    def commit(self) -> Commit:
        """Return what its listeners are notified of."""
        return Commit(entries=tuple(self.entries), keys=frozenset(self.keys))


class Writer:
    """Owns the thread that writes to a database."""

    def __init__(self, database: Database, *, clock: Clock, notify: Callable[[Commit], None]) -> None:
        """`notify` is called after each commit that changed something, before those who wait for it go on."""
        self._database = database
        self._clock = clock
        self._notify = notify
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
        future.set_exception(closed(self._database.subject))
        return future

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
                logger.exception("%s: the writer goes on after an error", self._database.subject)

    def _next_tasks(self) -> tuple[list[_Task], bool]:
        """Wait for a task and take what else is there; the flag says whether more may come."""
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
            while not self._is_kept(wanted, group):
                group = _Group()
        except BaseException as error:
            if not self._give_up(wanted, group, error):
                raise
            return
        if group.has_changed:
            duration_ns = time.monotonic_ns() - began_ns
            self._notify(replace(group.commit(), transactions=len(wanted), duration_ns=duration_ns))
        for future, result in group.results:
            future.set_result(result)
        for future, refusal in group.refusals:
            future.set_exception(refusal)

    def _is_kept(self, tasks: list[_Task], group: _Group) -> bool:
        """Commit the tasks; return False when they may run again. When this raises, the database kept nothing."""
        try:
            self._commit(tasks, group)
        except RunAgain as reason:
            logger.debug("%s: running %d transactions again: %s", self._database.subject, len(tasks), reason)
            self._database.roll_back()
            return False
        return True

    def _commit(self, tasks: list[_Task], group: _Group) -> None:
        """Run the tasks in one database transaction."""
        last_seq = self._database.begin()
        for task in tasks:
            self._database.begin_decision()
            try:
                self._decide(task, group, last_seq + len(group.entries))
            except RunAgain:
                raise
            except BaseException as error:  # whatever it is, it belongs to the task's future
                if not self._database.undo_decision():
                    raise
                group.refusals.append((task.future, self._translated(error)))
        group.has_changed = self._database.commit(group.commit())

    def _decide(self, task: _Task, group: _Group, last_seq: int) -> None:
        transaction = self._database.transaction(self._clock.now(), last_seq=last_seq)
        result = task.decide(transaction)
        transaction.flush()
        self._database.end_decision()
        group.results.append((task.future, result))
        group.entries += transaction.entries
        group.keys |= transaction.keys

    def _give_up(self, tasks: list[_Task], group: _Group, error: BaseException) -> bool:
        """Refuse all tasks of a group that could not be committed, except those that refused themselves.

        Returns whether the error is one of the database's.
        """
        subject = self._database.subject
        logger.error("%s: a group of %d transactions was not kept: %s", subject, len(tasks), error)
        cause = self._translated(error)
        reason = cause if isinstance(cause, StoreError) else unavailable(subject, f"{type(error).__name__}: {error}")
        refusals = dict(group.refusals)
        for task in tasks:
            task.future.set_exception(refusals.get(task.future, reason))
        self._database.roll_back()
        return isinstance(cause, StoreError)

    def _translated(self, error: BaseException) -> BaseException:
        translation = self._database.translated(error)
        if translation is not error:
            translation.__cause__ = error
        return translation
