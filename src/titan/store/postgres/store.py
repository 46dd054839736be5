"""The store port on a PostgreSQL database: a writer and a listener with threads of their own, a reader per thread."""

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TypeVar
from weakref import WeakSet

from titan.ports import Clock, Commit, Reader, Transaction
from titan.store.postgres import opening
from titan.store.postgres.address import Address
from titan.store.postgres.ahead import AheadReader
from titan.store.postgres.clock import SharedClock
from titan.store.postgres.database import PostgresDatabase
from titan.store.postgres.errors import translated
from titan.store.postgres.listening import SETTINGS, Listening
from titan.store.postgres.session import ConnectionLost, PostgresSession, StatementFailed
from titan.store.postgres.turns import OwnCommits
from titan.store.writer import Listeners, Writer, closed

T = TypeVar("T")


class PostgresStore:
    """Implements `titan.ports.Store`; its docstrings stand there."""

    def __init__(self, address: Address, *, clock: Clock | None = None) -> None:
        """Open the database at `address`; an empty one gets its tables. Without a `clock` its own time counts.

        Raises:
            StoreDamaged, StoreTooNew, NotSupported: it cannot be used, and was left as it is.
            StoreUnavailable: it could not be reached.
        """
        self._address = address
        self._is_closed = False
        self._local = threading.local()
        self._readers: WeakSet[_ReadingThread] = WeakSet()
        self._readers_lock = threading.Lock()
        self._listeners = Listeners(address.subject)
        self.server_id = secrets.token_hex(8)
        shared_clock = SharedClock()
        #: What tells the time of transactions.
        self.clock: Clock = shared_clock if clock is None else clock
        opening.prepare(address, now=self.clock.now())
        own = OwnCommits()
        self._listening = Listening(
            partial(address.connect, **SETTINGS),
            self._listeners.tell,
            server_id=self.server_id,
            own=own,
            clock=shared_clock,
        )
        try:
            self._database = PostgresDatabase(address.connect, address.subject, server_id=self.server_id, own=own)
        except BaseException:
            self._listening.close()
            raise
        self._writer = Writer(self._database, clock=self.clock, tell=self._listeners.tell)

    @property
    def is_in_charge(self) -> bool:
        return self._listening.is_in_charge

    def transact(self, decide: Callable[[Transaction], T]) -> Future[T]:
        return self._writer.submit(decide)

    def read(self, query: Callable[[Reader], T]) -> T:
        reader: _ReadingThread | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._new_reader()
        return reader.read(query)

    def listen(self, listener: Callable[[Commit], None]) -> None:
        self._listeners.add(listener)

    def close(self) -> None:
        self._writer.finish()
        with self._readers_lock:
            if self._is_closed:
                return
            self._is_closed = True
            readers = list(self._readers)
        self._listening.close()
        for reader in readers:
            reader.close()
        self._database.close()

    def _new_reader(self) -> "_ReadingThread":
        with self._readers_lock:
            if self._is_closed:
                raise closed(self._address.subject)
            reader = _ReadingThread(self._address)
            self._readers.add(reader)
        self._local.reader = reader
        return reader


class _ReadingThread:
    """The connection that one thread reads through; it goes when the thread does, or the store is closed."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._session: PostgresSession | None = None
        self._in_use = threading.RLock()  # so that closing waits for the query under way
        self._is_closed = False

    def read(self, query: Callable[[Reader], T]) -> T:
        with self._in_use:
            if self._is_closed:
                raise closed(self._address.subject)
            is_fresh = self._session is None
            try:
                try:
                    return self._read(query)
                except ConnectionLost:
                    if is_fresh:
                        raise
                    return self._read(query)  # PostgreSQL was started again since the last query
            except (ConnectionLost, StatementFailed) as error:
                raise translated(error, self._address.subject) from error

    def _read(self, query: Callable[[Reader], T]) -> T:
        """Run `query` on one snapshot. Only what it asks is waited for: begin goes with it, commit behind it."""
        if self._session is None:
            self._session = self._address.connect()
        session = self._session
        try:
            session.run("begin_reading")
            try:
                return query(AheadReader(session))
            finally:
                if session.waiting_count:  # it asked nothing
                    session.drop_waiting()
                elif not session.is_broken:
                    session.run("commit")
                    session.send()
        except ConnectionLost:
            self._session = None
            session.close()
            raise

    def close(self) -> None:
        with self._in_use:
            self._is_closed = True
            if self._session is not None:
                self._session.close()
                self._session = None

    def __del__(self) -> None:
        self.close()
