"""A reader for each thread that asks: made at its first question, closed when the thread goes or the store closes."""

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar
from weakref import WeakSet

from titan.store.writer import closed


class Closable(Protocol):
    """What one thread reads through."""

    def close(self) -> None:
        """Wait for the question under way, then let go of the connection; a question after that is refused."""


R = TypeVar("R", bound=Closable)


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
