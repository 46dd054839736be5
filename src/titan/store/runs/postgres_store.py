"""The store of recorded calls in a PostgreSQL database, which several servers may share.

Its tables have a schema of their own beside the control store's. Servers take turns by one advisory lock that is held
for the length of a transaction: so versions become visible in their order, as in the journal, and what a decision has
read stays true until it is written.
"""

import logging
import secrets
import select
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, TypeVar

import psycopg

from titan.model.errors import StoreError
from titan.ports.runs_store import CallCommit, CallReader, CallTransaction
from titan.ports.runtime import Clock
from titan.store.postgres import opening
from titan.store.postgres.address import Address
from titan.store.postgres.errors import translated
from titan.store.postgres.session import ConnectionLost, StatementFailed
from titan.store.runs.postgres_session import PostgresCallSession
from titan.store.runs.queries import SQL_FOLDER
from titan.store.runs.reader import SqlCallReader
from titan.store.runs.tapes import KnownTexts
from titan.store.runs.transaction import SqlCallTransaction
from titan.store.schema import load_schema
from titan.store.session import Listeners, Readers, closed

T = TypeVar("T")

CALLS: Final = opening.Kind(
    schema=load_schema(SQL_FOLDER / "postgres"), search_path="calls", landmarks=frozenset({"meta", "runs"})
)
TURN: Final = 0x746974616E_11  #: number of an advisory lock, beside those of the control store
CHANNEL: Final = "titan_calls"
LOOK_EVERY_SECONDS: Final = 0.5  # notifications come at once; a connection that broke shows within this
_SETTINGS: Final = (
    "set search_path = calls; set jit = off; set lock_timeout = '15s'; set statement_timeout = '25s';"
    " set idle_in_transaction_session_timeout = '5s';"
    " select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'"
)

logger = logging.getLogger(__name__)


class PostgresCallStore:
    """Implements `titan.ports.runs_store.CallStore`; its docstrings stand there."""

    def __init__(self, address: Address, *, clock: Clock) -> None:
        """Open the database at `address`, with the tables for calls made where there are none.

        Raises:
            StoreDamaged, SchemaMismatch: it cannot be used, and was left as it is.
            StoreUnavailable, NotSupported: it could not be reached, or is too old.
        """
        self._address = address
        self._clock = clock
        self._server_id = secrets.token_hex(8)
        self._listeners: Listeners[CallCommit] = Listeners(address.subject)
        self._readers = Readers(self._new_reader, address.subject)
        self._connection: psycopg.Connection[Any] | None = None
        opening.prepare(address, CALLS, now=clock.now())
        self._listening = self._connect()
        self._listening.execute(f"listen {CHANNEL}".encode())
        self._is_closing = False
        self._waker, self._wakened = socket.socketpair()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="calls-writer")
        self._listener = threading.Thread(target=self._listen, name="calls-listener", daemon=True)
        self._listener.start()

    def transact(self, decide: Callable[[CallTransaction], T], *, is_durable: bool = True) -> Future[T]:
        try:
            return self._writer.submit(self._transact, decide, is_durable)
        except RuntimeError:
            refused: Future[T] = Future()
            refused.set_exception(closed(self._address.subject))
            return refused

    def read(self, query: Callable[[CallReader], T]) -> T:
        return self._readers.mine().read(query)

    def pack(self, *, before: datetime, limit: int) -> int:
        return 0  # PostgreSQL compresses long texts by itself

    def scrub(self) -> Future[bool]:
        clean: Future[bool] = Future()
        clean.set_result(True)  # PostgreSQL takes what was deleted off the disk by itself (autovacuum)
        return clean

    def listen(self, listener: Callable[[CallCommit], None]) -> None:
        self._listeners.add(listener)

    def close(self) -> None:
        self._is_closing = True
        self._writer.shutdown(wait=True)
        with suppress(OSError):  # closed twice
            self._waker.send(b"\0")
        self._listener.join()
        self._waker.close()
        self._wakened.close()
        if self._readers.close() and self._connection is not None:
            self._connection.close()

    # --- on the writer's thread ---

    def _transact(self, decide: Callable[[CallTransaction], T], is_durable: bool) -> T:
        connection = self._connection = _alive(self._connection, self._connect)
        try:
            with connection.transaction():
                if not is_durable:
                    connection.execute(b"set local synchronous_commit = off")
                connection.execute(b"select pg_advisory_xact_lock(%s)", [TURN])
                # Other servers write texts too: what was known of a run before is not.
                session = PostgresCallSession(connection)
                transaction = SqlCallTransaction(session, self._clock.now(), KnownTexts())
                result = decide(transaction)
                if transaction.touched:
                    connection.execute(b"select pg_notify(%s, %s)", [CHANNEL, self._server_id])
        except psycopg.Error as error:
            raise self._logged(error) from error
        if transaction.touched:
            self._listeners.notify(CallCommit(runs=frozenset(transaction.touched), version=transaction.version))
        return result

    def _logged(self, error: psycopg.Error) -> BaseException:
        translated = _translated(error, self._address.subject)
        if isinstance(translated, StoreError):
            logger.error("%s: a transaction was not kept: %s", self._address.subject, error)
        return translated

    # --- on the listener's thread ---

    def _listen(self) -> None:
        """Notify the commits of other servers, until the store is closed."""
        while not self._is_closing:
            try:
                if self._listening.closed:
                    self._listening = self._connect()
                    self._listening.execute(f"listen {CHANNEL}".encode())
                    self._notify_foreign()
                received = list(self._listening.notifies(timeout=0))
                if any(one.payload != self._server_id for one in received):
                    self._notify_foreign()
                if not received:
                    select.select([self._listening.fileno(), self._wakened.fileno()], [], [], LOOK_EVERY_SECONDS)
            except (psycopg.Error, StoreError) as error:
                logger.warning("the connection to the other servers was lost: %s", error)
                self._listening.close()
                select.select([self._wakened], [], [], LOOK_EVERY_SECONDS)
        self._listening.close()

    def _notify_foreign(self) -> None:
        row = PostgresCallSession(self._listening).one("newest_version")
        self._listeners.notify(CallCommit(runs=frozenset(), version=row[0] if row else 0))

    # --- connections ---

    def _connect(self) -> "psycopg.Connection[Any]":
        connection = self._address.open()
        try:
            connection.execute(_SETTINGS.encode())
        except psycopg.Error as error:
            connection.close()
            raise self._address.unavailable(error) from error
        return connection

    def _new_reader(self) -> "_ReadingThread":
        return _ReadingThread(self._connect, self._address.subject)


class _ReadingThread:
    """The connection that one thread reads through; each question has a snapshot of its own."""

    def __init__(self, connect: Callable[[], "psycopg.Connection[Any]"], subject: str) -> None:
        self._connect = connect
        self._subject = subject
        self._connection: psycopg.Connection[Any] | None = None
        self._in_use = threading.RLock()  # so that closing waits for the query under way
        self._is_closed = False

    def read(self, query: Callable[[CallReader], T]) -> T:
        """Return what `query` finds."""
        with self._in_use:
            if self._is_closed:
                raise closed(self._subject)
            connection = self._connection = _alive(self._connection, self._connect)
            try:
                with connection.transaction():
                    connection.execute(b"set transaction isolation level repeatable read, read only")
                    return query(SqlCallReader(PostgresCallSession(connection)))
            except psycopg.Error as error:
                raise _translated(error, self._subject) from error

    def close(self) -> None:
        with self._in_use:
            self._is_closed = True
            if self._connection is not None:
                self._connection.close()

    def __del__(self) -> None:
        with suppress(Exception):
            self.close()


def _alive(
    connection: "psycopg.Connection[Any] | None", connect: "Callable[[], psycopg.Connection[Any]]"
) -> "psycopg.Connection[Any]":
    """Return a connection that answers: this one, or a new one where PostgreSQL was started again since."""
    if connection is not None and not connection.closed:
        try:
            connection.execute(b"")  # one trip: what was broken since it was used last shows
            return connection
        except psycopg.OperationalError:
            connection.close()
    return connect()


def _translated(error: psycopg.Error, subject: str) -> BaseException:
    lines = str(error).splitlines() or ["no answer"]
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        return translated(ConnectionLost(lines[0]), subject)
    return translated(StatementFailed(error.sqlstate or "22000", lines[0]), subject)
