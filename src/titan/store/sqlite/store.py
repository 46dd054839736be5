"""The store port on one SQLite file: a writer with a thread of its own, and a reader per calling thread."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

import apsw

from titan.ports import Clock, Commit, Reader, Transaction
from titan.store.folders import errors_translated, make_folder
from titan.store.ownership import lock
from titan.store.reader import SqlReader
from titan.store.readers import Readers
from titan.store.sqlite import opening
from titan.store.sqlite.database import SqliteDatabase
from titan.store.sqlite.session import SqliteSession, translated
from titan.store.writer import Listeners, Writer, closed

T = TypeVar("T")


class SqliteStore:
    """Implements `titan.ports.Store`; its docstrings stand there."""

    server_id = ""
    is_in_charge = True

    def __init__(self, path: Path, *, clock: Clock) -> None:
        """Open the database at `path`, or make it, readable by its owner only.

        Raises:
            StoreInUse: another server owns it.
            StoreDamaged, StoreTooNew: it cannot be used, and was left as it is.
            StoreFull, StoreUnavailable: it could not be opened or made.
        """
        self._path = path.absolute()
        self._readers = Readers(self._new_reader, f"store {self._path}")
        self._listeners = Listeners(f"store {self._path}")
        with errors_translated(f"store {self._path}"):
            make_folder(self._path.parent)
            self._lock_descriptor = lock(self._path)
            try:
                self._session, self._writer = self._open(clock)
            except BaseException:
                os.close(self._lock_descriptor)
                raise

    def _open(self, clock: Clock) -> tuple[SqliteSession, Writer]:
        try:
            opening.check(self._path)
            session = opening.open_to_write(self._path, now=clock.now())
            return session, Writer(SqliteDatabase(session, self._path), clock=clock, tell=self._listeners.tell)
        except apsw.Error as error:
            raise translated(error, self._path) from error

    def transact(self, decide: Callable[[Transaction], T]) -> Future[T]:
        return self._writer.submit(decide)

    def read(self, query: Callable[[Reader], T]) -> T:
        return self._readers.mine().read(query)

    async def look(self, query: Callable[[Reader], T]) -> T:
        return self.read(query)

    def listen(self, listener: Callable[[Commit], None]) -> None:
        self._listeners.add(listener)

    def close(self) -> None:
        self._writer.finish()
        if not self._readers.close():
            return
        self._session.connection.close()  # the last one: SQLite then folds the -wal into the file
        os.close(self._lock_descriptor)

    def _new_reader(self) -> "_ReadingThread":
        try:
            return _ReadingThread(self._path)
        except apsw.Error as error:
            raise translated(error, self._path) from error


class _ReadingThread:
    """The read-only connection of one thread; it goes when the thread does, or the store is closed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._session = SqliteSession(path, flags=apsw.SQLITE_OPEN_READONLY)
        self._reader = SqlReader(self._session)
        self._in_use = threading.RLock()  # so that closing waits for the query under way
        self._is_closed = False

    def read(self, query: Callable[[Reader], T]) -> T:
        execute = self._session.connection.execute
        with self._in_use:
            if self._is_closed:
                raise closed(f"store {self._path}")
            try:
                execute("begin")
                try:
                    return query(self._reader)
                finally:
                    execute("commit")
            except apsw.Error as error:
                raise translated(error, self._path) from error

    def close(self) -> None:
        with self._in_use:
            self._is_closed = True
            self._session.connection.close()
