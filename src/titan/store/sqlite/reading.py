"""The read-only connection of one thread: made at its first question, gone with the thread or the store."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import apsw

from titan.store.sqlite.session import SqliteSession, translated
from titan.store.writer import closed

T = TypeVar("T")
R = TypeVar("R")


class ReadingThread(Generic[R]):
    """Asks a reader of type `R`, each question in a snapshot of its own."""

    def __init__(self, path: Path, session: SqliteSession, reader: R) -> None:
        self._path = path
        self._session = session
        self._reader = reader
        self._in_use = threading.RLock()  # so that closing waits for the query under way
        self._is_closed = False

    def read(self, query: Callable[[R], T]) -> T:
        """Return what `query` finds.

        Raises:
            StoreError: the store is closed, or cannot be read.
        """
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

    def ask(self, query: Callable[[SqliteSession], T]) -> T:
        """As `read`, for what the store itself asks in words of its own."""
        return self.read(lambda _reader: query(self._session))

    def close(self) -> None:
        """Wait for the question under way, then let go of the connection; a question after that is refused."""
        with self._in_use:
            self._is_closed = True
            self._session.connection.close()
