"""The job store in a PostgreSQL database: a writer thread, a listener thread, and a reader per calling thread."""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

from titan.ports.jobs_store import Commit, Reader, Transaction
from titan.ports.runtime import Clock
from titan.store.postgres.address import CONTROL, Address, prepare
from titan.store.postgres.database import PostgresDatabase
from titan.store.postgres.listening import SETTING, Listening
from titan.store.postgres.servers import OwnCommits, SharedClock
from titan.store.postgres.session import PostgresReadingThread
from titan.store.reader import SqlReader
from titan.store.session import Listeners, Readers, closed
from titan.store.writer import Writer

T = TypeVar("T")

LOOKING_THREADS: Final = 4  # each with a connection: more would wait for the database's processors, not for its network


class PostgresStore:
    """Implements `titan.ports.jobs_store.Store`; its docstrings are there."""

    def __init__(self, address: Address, *, clock: Clock | None = None) -> None:
        """Open the database at `address`; an empty one gets its tables. Without a `clock` its own time counts.

        Raises:
            StoreDamaged, SchemaMismatch, NotSupported: it cannot be used, and was left as it is.
            StoreUnavailable: it could not be reached.
        """
        self._address = address
        self._readers = Readers(
            lambda: PostgresReadingThread[Reader](address.connect, SqlReader, address.subject), address.subject
        )
        self._looking = ThreadPoolExecutor(LOOKING_THREADS, thread_name_prefix="titan-look")
        self._listeners: Listeners[Commit] = Listeners(address.subject)
        self.server_id = secrets.token_hex(8)
        shared_clock = SharedClock()
        #: The clock of transactions.
        self.clock: Clock = shared_clock if clock is None else clock
        prepare(address, CONTROL, now=self.clock.now())
        own = OwnCommits()
        self._listening = Listening(
            partial(address.connect, CONTROL, SETTING),
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
