"""The run store in a PostgreSQL database, which several servers may share.

Its tables have a schema of their own beside the job store's. Servers take turns by one advisory lock that is held for
the length of a transaction: so versions become visible in their order, as in the journal, and what a decision has read
stays true until it is written.
"""

import logging
import secrets
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

from titan.model.errors import StoreError
from titan.ports.runs_store import CallCommit, CallReader, CallTransaction
from titan.ports.runtime import Clock
from titan.store.postgres.address import Address, Kind, prepare
from titan.store.postgres.listening import ListeningThread
from titan.store.postgres.session import (
    ConnectionLost,
    PostgresReadingThread,
    PostgresSession,
    StatementFailed,
    translated,
)
from titan.store.queries import POSTGRES, SQL_FOLDER, load_queries, load_schema
from titan.store.runs.reader import SqlCallReader
from titan.store.runs.rows import FRAGMENTS
from titan.store.runs.tapes import KnownTexts
from titan.store.runs.transaction import SqlCallTransaction
from titan.store.session import Listeners, Readers, closed

T = TypeVar("T")

CALLS: Final = Kind(
    schema=load_schema(SQL_FOLDER / "calls" / "postgres"),
    queries=load_queries(
        SQL_FOLDER / "calls" / "queries",
        SQL_FOLDER / "calls" / "postgres" / "queries",
        SQL_FOLDER / "postgres" / "shared",
        fragments=FRAGMENTS,
        dialect=POSTGRES,
    ),
    search_path="calls",
    landmarks=frozenset({"meta", "runs"}),
)
TURN: Final = 0x746974616E_11  #: number of an advisory lock, beside those of the job store
CHANNEL: Final = "titan_calls"

logger = logging.getLogger(__name__)


class PostgresCallStore:
    """Implements `titan.ports.runs_store.CallStore`; its docstrings are there."""

    def __init__(self, address: Address, *, clock: Clock) -> None:
        """Open the database at `address`, with the tables for calls made where there are none.

        Raises:
            StoreDamaged, SchemaMismatch: it cannot be used, and was left as it is.
            StoreUnavailable, NotSupported: it could not be reached, or is too old.
        """
        self._subject = address.subject
        self._clock = clock
        self._address = address
        self._connect = partial(address.connect, CALLS)
        self._server_id = secrets.token_hex(8)
        self._listeners: Listeners[CallCommit] = Listeners(address.subject)
        self._readers = Readers(
            lambda: PostgresReadingThread[CallReader](self._connect, SqlCallReader, self._subject), address.subject
        )
        self._session: PostgresSession | None = None
        prepare(address, CALLS, now=clock.now())
        self._listening = _CallListening(self._connect, self._listeners.notify, self._server_id)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="calls-writer")

    def transact(self, decide: Callable[[CallTransaction], T], *, is_durable: bool = True) -> Future[T]:
        try:
            return self._writer.submit(self._transact, decide, is_durable)
        except RuntimeError:
            refused: Future[T] = Future()
            refused.set_exception(closed(self._subject))
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
        self._writer.shutdown(wait=True)
        self._listening.close()
        if self._readers.close() and self._session is not None:
            self._session.close()

    # --- on the writer's thread ---

    def _transact(self, decide: Callable[[CallTransaction], T], is_durable: bool) -> T:
        try:
            session, transaction = self._begin(is_durable)
            result = decide(transaction)
            if transaction.touched:
                session.run("notify", {"channel": CHANNEL, "message": self._server_id})
            session.run("commit")
            session.flush()
        except BaseException as error:
            self._roll_back()
            cause = translated(error, self._subject)
            if cause is error:
                raise
            if isinstance(cause, StoreError):
                logger.error("%s: a transaction was not kept: %s", self._subject, error)
            raise cause from error
        if transaction.touched:
            self._listeners.notify(CallCommit(runs=frozenset(transaction.touched), version=transaction.version))
        return result

    def _begin(self, is_durable: bool) -> tuple[PostgresSession, SqlCallTransaction]:
        if self._session is not None:
            try:
                return self._begin_on(self._session, is_durable)
            except ConnectionLost:  # PostgreSQL was restarted since the last transaction
                self._session.close()
        self._session = self._connect()
        return self._begin_on(self._session, is_durable)

    def _begin_on(self, session: PostgresSession, is_durable: bool) -> tuple[PostgresSession, SqlCallTransaction]:
        session.run("begin")
        if not is_durable:
            session.run("relax")
        session.run("take_turn", {"lock": TURN})
        # Other servers write texts too: what was known of a run before is not.
        return session, SqlCallTransaction(session, self._clock.now(), KnownTexts())

    def _roll_back(self) -> None:
        session = self._session
        if session is None:
            return
        session.drop_waiting()
        try:
            if session.is_in_transaction and not session.is_broken:
                session.run("roll_back")
                session.flush()
        except (ConnectionLost, StatementFailed):
            session.is_broken = True
        if session.is_broken:
            session.close()
            self._session = None


class _CallListening(ListeningThread):
    """Notifies the listeners of commits of other servers."""

    def __init__(
        self, connect: Callable[[], PostgresSession], notify: Callable[[CallCommit], None], server_id: str
    ) -> None:
        self._notify = notify
        self._server_id = server_id.encode()
        super().__init__(connect, "calls-listener")

    def _begin(self, session: PostgresSession) -> None:
        session.run("listen_to_calls")
        session.flush()

    def _catch_up_all(self) -> None:
        assert self._session is not None, "only called after a connection was made"
        self._notify(CallCommit(runs=frozenset(), version=self._session.all("newest_version")[0][0]))

    def _take(self, session: PostgresSession, messages: list[bytes], *, is_time: bool) -> None:
        if any(message != self._server_id for message in messages):
            self._catch_up_all()

    def _disconnected(self) -> None:
        pass
