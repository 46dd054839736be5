"""Listen to the other servers of a database: pass on their commits, and take charge when no other server is.

Each store has a connection of its own that LISTENs. Each commit notifies it once; a look twice a second is the safety
net, keeps the clock, and tries to take charge of what only one server may do. A server that dies loses its connection
and with it the lock that says it is in charge; PostgreSQL cuts off one that stands still.
"""

import json
import logging
import select
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from titan.model.errors import StoreError
from titan.model.events import JournalEntry
from titan.ports.jobs_store import Commit
from titan.store.postgres.address import CHARGE
from titan.store.postgres.servers import OwnCommits, SharedClock
from titan.store.postgres.session import ConnectionLost, PostgresSession, StatementFailed
from titan.store.rows import JOURNAL

LOOK_EVERY_SECONDS: Final = 0.5  # so that a dead server's work is taken over within a second
RECONNECT_SECONDS: Final = 0.5
BATCH: Final = 1000  # entries in memory at a time

#: A listening session that has not looked for so long belongs to a server that stands still.
SETTING: Final = "set idle_session_timeout = '3s'"

logger = logging.getLogger(__name__)


class ListeningThread(ABC):
    """A connection that listens for notifications, with the thread that uses it; it connects again when it breaks."""

    def __init__(self, connect: Callable[[], PostgresSession], name: str) -> None:
        """Connect, and begin to listen.

        Raises:
            StoreError: the database cannot be reached.
        """
        self._connect = connect
        self._is_closing = False
        self._waker, self._wakened = socket.socketpair()
        self._session: PostgresSession | None = self._listening_session()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread and close the connection. May be called twice."""
        self._is_closing = True
        with suppress(OSError):
            self._waker.send(b"\0")
        self._thread.join()
        self._waker.close()
        self._wakened.close()

    # --- on the thread; `_begin` first on the caller's ---

    @abstractmethod
    def _begin(self, session: PostgresSession) -> None:
        """Listen on a new connection."""

    @abstractmethod
    def _catch_up_all(self) -> None:
        """Notify the listeners of everything: the connection was lost for a while."""

    @abstractmethod
    def _take(self, session: PostgresSession, messages: list[bytes], *, is_time: bool) -> None:
        """Handle the messages that came, if any; `is_time`: the last look was LOOK_EVERY_SECONDS ago."""

    @abstractmethod
    def _disconnected(self) -> None:
        """Note that the connection is gone."""

    def _listening_session(self) -> PostgresSession:
        session = self._connect()
        try:
            self._begin(session)
        except BaseException:
            session.close()
            raise
        return session

    def _run(self) -> None:
        while not self._is_closing:
            try:
                self._follow()
            except (ConnectionLost, StatementFailed, StoreError) as reason:
                self._disconnect(reason)
            except Exception:
                logger.exception("what other servers do could not be followed; trying again")
                self._disconnect("an error")
        if self._session is not None:
            self._session.close()

    def _follow(self) -> None:
        """Listen until the connection breaks or the store is closed."""
        if self._session is None:
            self._session = self._listening_session()
            self._catch_up_all()
        session = self._session
        look_at = time.monotonic() + LOOK_EVERY_SECONDS
        while not self._is_closing:
            select.select([session.fileno(), self._wakened.fileno()], [], [], max(look_at - time.monotonic(), 0))
            messages = session.notifications()
            is_time = time.monotonic() >= look_at
            self._take(session, messages, is_time=is_time)
            if is_time:
                look_at = time.monotonic() + LOOK_EVERY_SECONDS

    def _disconnect(self, reason: object) -> None:
        """Close what is left of the connection, and wait a moment before the next."""
        if self._session is not None:
            logger.warning("the connection to the other servers was lost: %s", reason)
            self._session.close()
            self._session = None
        self._disconnected()
        select.select([self._wakened], [], [], RECONNECT_SECONDS)


class Listening(ListeningThread):
    """Passes on the other servers' commits of jobs, and takes charge when no other server is in charge."""

    def __init__(
        self,
        connect: Callable[[], PostgresSession],
        notify: Callable[[Commit], None],
        *,
        server_id: str,
        own: OwnCommits,
        clock: SharedClock,
    ) -> None:
        self._notify = notify
        self._server_id = server_id
        self._own = own
        self._clock = clock
        self._seen = 0
        #: Whether this server does what only one may do.
        self.is_in_charge = False
        super().__init__(connect, "store-listener")

    def _begin(self, session: PostgresSession) -> None:
        session.run("listen")
        self._seen = self._newest_seq(session)
        self._try_to_take_charge(session)

    def _catch_up_all(self) -> None:
        self._notify(Commit(entries=(), keys=frozenset(), is_foreign=True, is_everything=True))

    def _take(self, session: PostgresSession, messages: list[bytes], *, is_time: bool) -> None:
        keys, is_notified = _keys_of(messages, self._server_id)
        if is_notified or is_time:
            self._catch_up(session, keys)
        if is_time:
            self._try_to_take_charge(session)

    def _disconnected(self) -> None:
        self.is_in_charge = False

    def _newest_seq(self, session: PostgresSession) -> int:
        """Return the newest seq of the journal; the database's time, which comes with it, sets the clock."""
        asked_at = self._clock.own.now()
        found = session.one("position")
        assert found is not None
        database_us, newest = found
        self._clock.compare(database_us, asked_at=asked_at)
        return int(newest)

    def _catch_up(self, session: PostgresSession, keys: frozenset[tuple[str, str]] | None) -> None:
        """Notify what other servers have committed since the last look; `keys` None: of more keys than were named."""
        newest = self._newest_seq(session)
        is_everything = keys is None or self._own.take_doubt()
        entries = self._foreign_entries(session, newest)
        if entries or keys or is_everything:
            self._notify(
                Commit(entries=tuple(entries), keys=keys or frozenset(), is_foreign=True, is_everything=is_everything)
            )

    def _foreign_entries(self, session: PostgresSession, newest: int) -> list[JournalEntry]:
        entries: list[JournalEntry] = []
        self._seen = self._own.skip(min(self._seen, newest), newest=newest)
        while self._seen < newest:
            found = session.all("journal_of_all", after_seq=self._seen, newest=newest, limit=BATCH)
            for entry in map(JOURNAL.of, found):
                if entry.seq > self._seen:  # else one of the own, which was passed on already
                    entries.append(entry)
                    self._seen = self._own.skip(entry.seq, newest=newest)
            if not found:
                self._seen = newest
        return entries

    def _try_to_take_charge(self, session: PostgresSession) -> None:
        if self.is_in_charge:
            return
        found = session.one("take_charge", lock=CHARGE)
        if found is not None and found[0]:
            self.is_in_charge = True
            logger.info("this server is in charge of leases, delays and upkeep")
            self._catch_up_all()


def _keys_of(messages: Iterable[bytes], server_id: str) -> tuple[frozenset[tuple[str, str]] | None, bool]:
    """Return the shared keys that other servers wrote (None: too many to name), and whether any sent a notice."""
    keys: set[tuple[str, str]] = set()
    is_notified, are_too_many = False, False
    for message in messages:
        notice = json.loads(message)
        if notice["server"] == server_id:
            continue
        is_notified = True
        if notice["keys"] == "*":
            are_too_many = True
        else:
            keys.update((project_id, key) for project_id, key in notice["keys"])
    return None if are_too_many else frozenset(keys), is_notified
