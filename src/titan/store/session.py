"""The parts that all stores share: the session protocol, reading threads, commit listeners."""

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeAlias, TypeVar
from weakref import WeakSet

from titan.model.errors import StoreUnavailable

#: Column values in the order the query names them.
Row: TypeAlias = tuple[Any, ...]


#: What a column can hold.
Value: TypeAlias = str | int | float | bytes | None


class Session(Protocol):
    """A database connection that runs queries by their names in sql/."""

    def all(self, query: str, **parameters: Value) -> list[Row]:
        """Return every row."""

    def one(self, query: str, **parameters: Value) -> Row | None:
        """Return the first row, None when there is none."""

    def run(self, query: str, parameters: Mapping[str, Value]) -> None:
        """Execute a statement, now or before the next query: over a network, statements travel together."""

    def run_many(self, query: str, rows: Iterable[Mapping[str, Value]]) -> None:
        """Execute a statement once per row of parameters, as `run` does."""

    def insert(self, query: str, rows: Sequence[tuple[Value, ...]]) -> None:
        """Execute an `insert … values (?, …)` with many rows at once."""

    def count(self, query: str, **parameters: Value) -> int:
        """Execute a statement; return how many rows it changed."""

    def look_ahead(self, leases: Sequence[str], queries: Sequence[tuple[str, Mapping[str, Value]]]) -> None:
        """Fetch what decisions about leases, and these queries, will ask, in one trip where there is a network."""

    def ask(self, sql: str, parameters: Mapping[str, Value]) -> list[Row]:
        """Return every row of a query that was composed from named parts."""

    def text_of(self, query: str) -> str:
        """Return the SQL text of a query, or of a part of one."""

    def matching(self, text: str) -> str | None:
        """Return the full-text query for what a user typed; None when it contains no word."""

    def words_of(self, text: str) -> str:
        """Return what the full-text index stores for a text."""

    @property
    def no_match(self) -> str:
        """A full-text query that matches nothing."""

    @property
    def merges(self) -> bool:
        """Whether the database merges the sorted parts of a `union all`, reading each by index up to the limit."""


R = TypeVar("R")
T = TypeVar("T")
C = TypeVar("C")

logger = logging.getLogger(__name__)


class ReadingThread(ABC, Generic[R]):
    """The connection of one reading thread. It asks a reader of type `R`, each query on a snapshot of its own."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._in_use = threading.RLock()  # so that closing waits for the query in progress
        self._is_closed = False

    def read(self, query: Callable[[R], T]) -> T:
        """Return what `query` finds.

        Raises:
            StoreError: the store is closed, or cannot be read.
        """
        with self._in_use:
            if self._is_closed:
                raise closed(self._subject)
            return self._read(query)

    def close(self) -> None:
        """Wait for the query in progress, then close the connection; later queries are refused."""
        with self._in_use:
            self._is_closed = True
            self._close()

    @abstractmethod
    def _read(self, query: Callable[[R], T]) -> T: ...

    @abstractmethod
    def _close(self) -> None: ...


class Readers(Generic[R]):
    """One reading thread's connection per thread, opened on first use and closed when its thread ends."""

    def __init__(self, make: Callable[[], ReadingThread[R]], subject: str) -> None:
        self._make = make
        self._subject = subject
        self._local = threading.local()
        self._all: WeakSet[ReadingThread[R]] = WeakSet()
        self._lock = threading.Lock()
        self._is_closed = False

    def mine(self) -> ReadingThread[R]:
        """Return the calling thread's.

        Raises:
            StoreUnavailable: the store is closed.
        """
        reader: ReadingThread[R] | None = getattr(self._local, "reader", None)
        return self._new() if reader is None else reader

    def close(self) -> bool:
        """Close all readers; return False when they were closed before."""
        with self._lock:
            if self._is_closed:
                return False
            self._is_closed = True
            readers = list(self._all)
        for reader in readers:
            reader.close()
        return True

    def _new(self) -> ReadingThread[R]:
        with self._lock:
            if self._is_closed:
                raise closed(self._subject)
            reader = self._make()
            self._all.add(reader)
        self._local.reader = reader
        return reader


class Listeners(Generic[C]):
    """Commit listeners."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._listeners: tuple[Callable[[C], None], ...] = ()
        self._adding = threading.Lock()

    def add(self, listener: Callable[[C], None]) -> None:
        """Call `listener` for each commit from now on."""
        with self._adding:
            self._listeners = (*self._listeners, listener)

    def notify(self, commit: C) -> None:
        """Call every listener; one that raises does not stop the others."""
        for listener in self._listeners:
            try:
                listener(commit)
            except Exception:
                logger.exception("%s: a listener failed; the commit is stored", self._subject)


def unavailable(subject: str, found: str) -> StoreUnavailable:
    """Return the error for a store that does not answer now."""
    return StoreUnavailable(
        subject,
        expected="an answer",
        found=found,
        next_step="Nothing was kept; repeat the request, and look at the disk if this goes on.",
    )


def closed(subject: str) -> StoreUnavailable:
    """Return the error for a store that was closed."""
    return StoreUnavailable(subject, expected="an open store", found="a closed one")
