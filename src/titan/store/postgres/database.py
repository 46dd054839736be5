"""The writer's connection to a PostgreSQL database that several servers share.

Decisions are written for transactions that run one after the other; so the servers of a database take turns, by one
advisory lock that is held for one group. With it the journal's order is the order of commits, and two parents that
finish at once on two servers cannot both miss their child.

A connection may break at any moment. Before the commit was sent, nothing was kept and the group runs again. After
that, PostgreSQL is asked what became of the transaction: it knows by the transaction's id.
"""

import json
import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from titan.model.errors import StoreUnavailable
from titan.ports.jobs_store import Commit
from titan.store.postgres.address import TURN
from titan.store.postgres.servers import OwnCommits, SharedClock
from titan.store.postgres.session import CONFLICTS, ConnectionLost, PostgresSession, StatementFailed, translated
from titan.store.session import unavailable
from titan.store.transaction import SqlTransaction
from titan.store.writer import RunAgain

PATIENCE_SECONDS: Final = 5.0  # for PostgreSQL to come back, a restart of it included, before requests are refused
_PAUSE_SECONDS: Final = 0.1
_MESSAGE_LIMIT_BYTES: Final = 7900  # PostgreSQL's is 8000

logger = logging.getLogger(__name__)


class PostgresDatabase:
    """Implements `titan.store.writer.Database`.

    A group first runs without savepoints. When a decision of it must be taken back and some of it was sent already, the
    group runs again with a savepoint for each; most decisions that refuse have written nothing by then.
    """

    def __init__(
        self,
        connect: Callable[[], PostgresSession],
        subject: str,
        *,
        server_id: str,
        own: OwnCommits,
        clock: SharedClock,
    ) -> None:
        self.subject = subject
        self._connect = connect
        self._server_id = server_id
        self._own = own
        self._clock = clock
        self._session: PostgresSession | None = connect()
        self._broken_since: float | None = None
        self._is_careful = False
        self._exchanges_before = 0
        self._waiting_before = 0
        self._transaction_id = ""
        self._last_seq = 0

    @property
    def _open_session(self) -> PostgresSession:
        assert self._session is not None, "only used between begin and commit"
        return self._session

    def begin(self) -> int:
        session = self._session or self._reconnect()
        session.changed_count = 0
        asked_at = self._clock.own.now()
        try:
            session.run("begin")
            session.run("take_turn", {"lock": TURN})
            found = session.one("our_turn")
        except ConnectionLost as reason:
            raise self._lost(reason) from reason
        assert found is not None
        self._broken_since = None
        self._transaction_id, self._last_seq, database_us = found
        self._clock.compare(database_us, asked_at=asked_at)  # so that no server writes by a time that is over
        return self._last_seq

    def begin_decision(self) -> None:
        session = self._open_session
        self._waiting_before = session.waiting_count
        self._exchanges_before = session.exchange_count
        if self._is_careful:
            session.run("savepoint")

    def transaction(self, now: datetime, *, last_seq: int) -> SqlTransaction:
        return SqlTransaction(self._open_session, now, last_seq=last_seq)

    def end_decision(self) -> None:
        if self._is_careful:
            self._open_session.run("release")
            self._open_session.flush()

    def undo_decision(self) -> bool:
        session = self._open_session
        if session.is_broken:
            raise self._lost("it broke under a decision")
        if session.exchange_count == self._exchanges_before:
            session.drop_waiting(self._waiting_before)
            return True
        session.drop_waiting()
        try:
            return self._undo_what_was_sent(session)
        except ConnectionLost as reason:
            raise self._lost(reason) from reason
        except StatementFailed as error:
            raise RunAgain(str(error)) from error

    def _undo_what_was_sent(self, session: PostgresSession) -> bool:
        if not self._is_careful:
            self._is_careful = True
            raise RunAgain("a decision refused after it had written")
        session.run("undo")
        session.run("release")
        session.flush()
        return True

    def commit(self, commit: Commit) -> bool:
        session = self._open_session
        if commit.entries or commit.keys:
            session.run("notify", {"channel": "titan", "message": self._message(commit)})
        session.run("commit")
        last_seq = self._last_seq + len(commit.entries)
        self._own.add(self._last_seq, last_seq)  # before they can be read
        try:
            session.flush()
        except (ConnectionLost, StatementFailed) as error:
            self._own.remove(self._last_seq, last_seq)
            self._consider(error)
            self._own.add(self._last_seq, last_seq)
            return True
        self._is_careful = False
        return session.changed_count > 0

    def _consider(self, error: ConnectionLost | StatementFailed) -> None:
        """Return when the commit that failed with `error` was kept nevertheless.

        Raises:
            RunAgain: it was not, and may be repeated.
        """
        if isinstance(error, ConnectionLost):
            lost = self._lost(error)
            if self._was_committed():
                return
            raise lost
        if error.state in CONFLICTS or not self._is_careful:
            self._is_careful = True  # to find out whose statement it is
            raise RunAgain(str(error))
        raise error

    def _was_committed(self) -> bool:
        """Ask what became of the transaction; its connection is gone, so it has ended once it is our turn again."""
        while True:
            session = self._session or self._reconnect(is_outcome_known=False)
            try:
                session.run("begin")
                session.run("take_turn", {"lock": TURN})
                found = session.one("outcome_of", xid=self._transaction_id)
                session.run("roll_back")
                session.flush()
            except ConnectionLost as reason:
                self._lost(reason)
                continue
            except StatementFailed as reason:  # the transaction that is asked about may itself hold the turn
                self._lost(reason)
                raise self._unknown(unavailable(self.subject, str(reason))) from reason
            outcome = None if found is None else found[0]
            logger.info("%s: the commit whose answer was lost is %s", self.subject, outcome)
            return bool(outcome == "committed")

    def roll_back(self) -> None:
        session = self._session
        if session is None:
            return
        session.drop_waiting()
        try:
            if session.is_in_transaction:
                session.run("roll_back")
                session.flush()
        except (ConnectionLost, StatementFailed) as reason:
            self._lost(reason)

    def translated(self, error: BaseException) -> BaseException:
        return translated(error, self.subject)

    def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _message(self, commit: Commit) -> str:
        """Return what the other servers are notified of: who committed, and which shared keys were written."""
        keys = sorted(commit.keys)
        message = json.dumps({"server": self._server_id, "keys": keys})
        if len(message) <= _MESSAGE_LIMIT_BYTES:
            return message
        return json.dumps({"server": self._server_id, "keys": "*"})

    def _lost(self, reason: object) -> RunAgain:
        """Let go of a connection that is of no use any more."""
        logger.warning("%s: the connection was lost (%s)", self.subject, reason)
        self.close()
        self._broken_since = self._broken_since or time.monotonic()
        return RunAgain(str(reason))

    def _reconnect(self, *, is_outcome_known: bool = True) -> PostgresSession:
        """Connect again, trying for a while since the connection broke.

        Raises:
            StoreUnavailable: it went on for too long.
        """
        while True:
            try:
                self._session = self._connect()
                return self._session
            except StoreUnavailable as error:
                self._broken_since = self._broken_since or time.monotonic()
                if time.monotonic() - self._broken_since > PATIENCE_SECONDS:
                    raise error if is_outcome_known else self._unknown(error) from error
            time.sleep(_PAUSE_SECONDS)

    def _unknown(self, error: StoreUnavailable) -> StoreUnavailable:
        """Return the error for a commit of which nobody knows yet whether it was kept."""
        answer = unavailable(self.subject, error.found)
        return StoreUnavailable(
            self.subject,
            expected=answer.expected,
            found=f"{error.found}, while it committed: whether it was kept is not known yet",
            next_step="Repeat the request with the same idempotency key: what was kept is not done twice.",
        )
