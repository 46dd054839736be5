"""What every store is made of, whichever its database: sessions, a reader for each thread, listeners of commits."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeAlias, TypeVar
from weakref import WeakSet

from titan.model.errors import StoreUnavailable

#: Column values in the order the query names them. Only `titan.store.rows` looks inside.
Row: TypeAlias = tuple[Any, ...]

Parameter: TypeAlias = str | int | None


class Session(Protocol):
    """Runs queries by the names they have in sql/queries/."""

    def all(self, query: str, **parameters: Parameter) -> list[Row]:
        """Return every row."""

    def one(self, query: str, **parameters: Parameter) -> Row | None:
        """Return the first row, None when there is none."""

    def run(self, query: str, parameters: Mapping[str, Parameter]) -> None:
        """Execute a statement, now or before the next question: over a network, statements travel together."""

    def run_many(self, query: str, rows: Iterable[Mapping[str, Parameter]]) -> None:
        """Execute a statement once per row of parameters, as `run` does."""

    def count(self, query: str, **parameters: Parameter) -> int:
        """Execute a statement; return how many rows it changed."""


class Closable(Protocol):
    """What one thread reads through."""

    def close(self) -> None:
        """Wait for the question under way, then release the connection; a question after that is refused."""


R = TypeVar("R", bound=Closable)
C = TypeVar("C")

logger = logging.getLogger(__name__)


class Readers(Generic[R]):
    """Finds the calling thread's reader. Nobody else keeps one, so that it goes with its thread."""

    def __init__(self, make: Callable[[], R], subject: str) -> None:
        self._make = make
        self._subject = subject
        self._local = threading.local()
        self._all: WeakSet[R] = WeakSet()
        self._lock = threading.Lock()
        self._is_closed = False

    def mine(self) -> R:
        """Return the calling thread's.

        Raises:
            StoreUnavailable: the store is closed.
        """
        reader: R | None = getattr(self._local, "reader", None)
        return self._new() if reader is None else reader

    def close(self) -> bool:
        """Close all; return False when they were closed before."""
        with self._lock:
            if self._is_closed:
                return False
            self._is_closed = True
            readers = list(self._all)
        for reader in readers:
            reader.close()
        return True

    def _new(self) -> R:
        with self._lock:
            if self._is_closed:
                raise closed(self._subject)
            reader = self._make()
            self._all.add(reader)
        self._local.reader = reader
        return reader


class Listeners(Generic[C]):
    """Those who are notified of commits."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._listeners: tuple[Callable[[C], None], ...] = ()
        self._adding = threading.Lock()

    def add(self, listener: Callable[[C], None]) -> None:
        """Call `listener` for each commit from now on."""
        with self._adding:
            self._listeners = (*self._listeners, listener)

    def notify(self, commit: C) -> None:
        """Notify all of them; one that fails does not stop the others."""
        for listener in self._listeners:
            try:
                listener(commit)
            except Exception:
                logger.exception("%s: a listener failed; what it listens to is committed", self._subject)


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


#: What a column can hold.
Value: TypeAlias = str | int | float | bytes | None


class CallSession(Protocol):
    """Runs queries by the names they have in sql/calls."""

    def all(self, query: str, **parameters: Parameter) -> list[Row]:
        """Return every row."""

    def one(self, query: str, **parameters: Parameter) -> Row | None:
        """Return the first row, None when there is none."""

    def run(self, query: str, parameters: Mapping[str, Parameter]) -> None:
        """Execute a statement."""

    def run_many(self, query: str, rows: Iterable[Mapping[str, Parameter]]) -> None:
        """Execute a statement for each of `rows`."""

    def insert(self, query: str, rows: Sequence[tuple[Value, ...]]) -> None:
        """Execute an `insert … values (?, …)` with many rows at once."""

    def ask(self, sql: str, parameters: Mapping[str, Value]) -> list[Row]:
        """Return every row of a query that was put together from named parts."""

    def text_of(self, query: str) -> str:
        """Return the SQL text of a query, or of a part of one."""

    def matching(self, text: str) -> str | None:
        """Return what an index of words is asked for what somebody typed; None when there is no word in it."""

    def words_of(self, text: str) -> str:
        """Return what goes into the index of words for a text."""

    @property
    def no_match(self) -> str:
        """What an index of words finds nothing by."""

    @property
    def merges(self) -> bool:
        """Whether a `union all` is read in its order, each part by an index that has it, as far as is asked for."""
