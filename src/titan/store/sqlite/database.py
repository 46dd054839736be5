"""The connection that writes to a home's database: a group is a transaction, a decision a savepoint in it."""

from datetime import datetime
from pathlib import Path

import apsw

from titan.ports.jobs_store import Commit
from titan.store.reader import SqlReader
from titan.store.sqlite.session import SqliteSession, translated
from titan.store.transaction import SqlTransaction


class SqliteDatabase:
    """Implements `titan.store.writer.Database` on the file that this process owns."""

    def __init__(self, session: SqliteSession, path: Path) -> None:
        self._session = session
        self.subject = f"store {path}"
        self._connection = session.connection
        self._execute = session.connection.execute
        self._path = path
        self._last_seq = SqlReader(session).last_seq()
        self._changes_before = 0
        self._has_changed = False

    def begin(self) -> int:
        self._has_changed = False
        self._execute("begin immediate")
        return self._last_seq

    def begin_decision(self) -> None:
        self._execute("savepoint decision")
        self._changes_before = self._connection.total_changes()

    def transaction(self, now: datetime, *, last_seq: int) -> SqlTransaction:
        return SqlTransaction(self._session, now, last_seq=last_seq)

    def end_decision(self) -> None:
        self._execute("release decision")
        self._has_changed |= self._connection.total_changes() != self._changes_before

    def undo_decision(self) -> bool:
        if not self._connection.in_transaction:
            return False  # a full disk makes SQLite take back the whole transaction by itself
        self._execute("rollback to decision")
        self._execute("release decision")
        return True

    def commit(self, commit: Commit) -> bool:
        self._execute("commit")
        self._last_seq += len(commit.entries)
        return self._has_changed

    def roll_back(self) -> None:
        if self._connection.in_transaction:
            self._execute("rollback")

    def translated(self, error: BaseException) -> BaseException:
        if not isinstance(error, apsw.Error):
            return error
        return translated(error, self._path, system_errno=self._connection.system_errno)
