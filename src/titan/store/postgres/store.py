"""The store port on a PostgreSQL database: a writer and a listener with threads of their own, a reader per thread."""

import asyncio
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

from titan.ports.jobs_store import Commit, Reader, Transaction
from titan.ports.runtime import Clock
from titan.store.postgres import opening
from titan.store.postgres.address import Address
from titan.store.postgres.clock import SharedClock
from titan.store.postgres.database import PostgresDatabase
from titan.store.postgres.errors import translated
from titan.store.postgres.listening import SETTINGS, Listening
from titan.store.postgres.own_commits import OwnCommits
from titan.store.postgres.prefetch import AheadReader
from titan.store.postgres.session import ConnectionLost, PostgresSession, StatementFailed
from titan.store.session import Listeners, Readers, closed
from titan.store.writer import Writer

T = TypeVar("T")

LOOKING_THREADS: Final = 4  # each with a connection: more would wait for the database's processors, not for its network


class PostgresStore:
    """Implements `titan.ports.jobs_store.Store`; its docstrings stand there."""

    def __init__(self, address: Address, *, clock: Clock | None = None) -> None:
        """Open the database at `address`; an empty one gets its tables. Without a `clock` its own time counts.

        Raises:
            StoreDamaged, SchemaMismatch, NotSupported: it cannot be used, and was left as it is.
            StoreUnavailable: it could not be reached.
        """
        self._address = address
        self._readers = Readers(partial(_ReadingThread, address), address.subject)
        self._looking = ThreadPoolExecutor(LOOKING_THREADS, thread_name_prefix="titan-look")
        self._listeners: Listeners[Commit] = Listeners(address.subject)
        self.server_id = secrets.token_hex(8)
        shared_clock = SharedClock()
        #: The clock of transactions.
        self.clock: Clock = shared_clock if clock is None else clock
        opening.prepare(address, now=self.clock.now())
        own = OwnCommits()
        self._listening = Listening(
            partial(address.connect, **SETTINGS),
            self._listeners.notify,
            server_id=self.server_id,
            own=own,
            clock=shared_clock,
        )
        try:
            self._database = PostgresDatabase(
                address.connect, address.subject, server_id=self.server_id, own=own, clock=shared_clock
            )
        except BaseException:
            self._listening.close()
            raise
        self._writer = Writer(self._database, clock=self.clock, notify=self._listeners.notify)

    @property
    def is_in_charge(self) -> bool:
        return self._listening.is_in_charge

    def transact(self, decide: Callable[[Transaction], T]) -> Future[T]:
        return self._writer.submit(decide)

    def read(self, query: Callable[[Reader], T]) -> T:
        return self._readers.mine().read(query)

    async def look(self, query: Callable[[Reader], T]) -> T:
        try:
            asked = asyncio.get_running_loop().run_in_executor(self._looking, self.read, query)
        except RuntimeError as error:  # its threads have ended
            raise closed(self._address.subject) from error
        return await asked

    def listen(self, listener: Callable[[Commit], None]) -> None:
        self._listeners.add(listener)

    def close(self) -> None:
        self._writer.finish()
        self._listening.close()
        self._looking.shutdown(wait=False)
        if self._readers.close():
            self._database.close()


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
