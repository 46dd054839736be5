"""Connections to an SQLite file: named queries, a reading thread's connection, checkpoints, error translation."""

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Final, TypeVar

import apsw

from titan.model.errors import StoreDamaged, StoreFull, StoreRefused
from titan.store.folders import NO_SPACE
from titan.store.queries import SQL_FOLDER, SQLITE, load_queries
from titan.store.rows import FRAGMENTS
from titan.store.runs.words import match_of
from titan.store.session import ReadingThread, Row, Value, unavailable

QUERIES: Final = load_queries(
    SQL_FOLDER / "queries", SQL_FOLDER / "sqlite" / "queries", fragments=FRAGMENTS, dialect=SQLITE
)

# Nobody else writes, but a person who looks at the file with another tool may lock it for a moment.
BUSY_MS: Final = 5000

_STATEMENT_CACHE_SIZE: Final = 128  # more than there are queries, so each is prepared once per connection

# 76 rows of 52 columns, for apsw remembers no statement of more than 16 KB; and the words of a whole transaction, for
# FTS5 writes to its pages with each statement of several rows: with 100 rows at once words took a third longer.
_VALUES_AT_ONCE: Final = 4000

_PLACES: Final = re.compile(r"values\s*(\([?,\s]+\))")

_CHECKPOINTS: Final = 2  # what is written during the first is little, and what during the second next to nothing

T = TypeVar("T")
R = TypeVar("R")

logger = logging.getLogger(__name__)


class SqliteSession:
    """Implements `titan.store.session.Session` on one apsw connection."""

    __slots__ = ("_execute", "_queries", "connection")

    def __init__(self, path: Path, *, flags: int, queries: Mapping[str, str] = QUERIES) -> None:
        self.connection = apsw.Connection(str(path), flags=flags, statementcachesize=_STATEMENT_CACHE_SIZE)
        self.connection.set_busy_timeout(BUSY_MS)
        self._execute = self.connection.execute
        self._queries = queries

    def all(self, query: str, **parameters: Value) -> list[Row]:
        return self._execute(self._queries[query], parameters).fetchall()

    def one(self, query: str, **parameters: Value) -> Row | None:
        found = self._execute(self._queries[query], parameters).fetchall()
        return found[0] if found else None

    def run(self, query: str, parameters: Mapping[str, Value]) -> None:
        self._execute(self._queries[query], parameters)

    def run_many(self, query: str, rows: Iterable[Mapping[str, Value]]) -> None:
        self.connection.executemany(self._queries[query], rows)

    def count(self, query: str, **parameters: Value) -> int:
        self._execute(self._queries[query], parameters)
        return self.connection.changes()

    def look_ahead(self, leases: Sequence[str], queries: Sequence[tuple[str, Mapping[str, Value]]]) -> None:
        return  # a query of a file costs no more when it is asked alone

    def ask(self, sql: str, parameters: Mapping[str, Value]) -> list[Row]:
        return self._execute(sql, parameters).fetchall()

    def insert(self, query: str, rows: Sequence[tuple[Value, ...]]) -> None:
        # A thread releases the interpreter with each statement and waits up to half a millisecond to get it back from
        # one that computes: with a statement for each row a busy server wrote 2,000 rows a second.
        if not rows:
            return
        at_once = _VALUES_AT_ONCE // len(rows[0])
        for start in range(0, len(rows), at_once):
            part = rows[start : start + at_once]
            self._execute(_with_places(self._queries[query], len(part)), list(chain.from_iterable(part)))

    def text_of(self, query: str) -> str:
        return self._queries[query]

    def matching(self, text: str) -> str | None:
        return match_of(text)

    def words_of(self, text: str) -> str:
        return text  # FTS5 finds the words itself

    @property
    def no_match(self) -> str:
        return '""'  # an empty phrase

    @property
    def merges(self) -> bool:
        return True  # `MERGE (UNION ALL)` in its plans

    def pragma(self, name: str, value: str | int) -> None:
        """Set a pragma for this connection."""
        self._execute(f"pragma {name} = {value}").fetchall()


@lru_cache(maxsize=128)
def _with_places(sql: str, count: int) -> str:
    """Return an insert of one row as one of `count` rows."""
    found = _PLACES.search(sql)
    assert found is not None, sql
    return sql[: found.start(1)] + ", ".join([found[1]] * count) + sql[found.end(1) :]


class SqliteReadingThread(ReadingThread[R]):
    """Reads through a connection of its own."""

    def __init__(self, path: Path, session: SqliteSession, reader: R) -> None:
        super().__init__(f"store {path}")
        self._path = path
        self._session = session
        self._reader = reader

    def _read(self, query: Callable[[R], T]) -> T:
        execute = self._session.connection.execute
        try:
            execute("begin")
            try:
                return query(self._reader)
            finally:
                execute("commit")
        except apsw.Error as error:
            raise translated(error, self._path) from error

    def _close(self) -> None:
        self._session.connection.close()


class Checkpoints:
    """Brings the pages of a database's log into its file beside the one connection that writes.

    SQLite does it in the commit that makes the log long enough, and whoever waits for that commit waits until the file
    is synced, too. Here a thread does it while the writer goes on. What is written meanwhile is left to the writer, for
    the log begins anew only when all of it is in the file: https://sqlite.org/wal.html#checkpointing
    """

    def __init__(self, writer: apsw.Connection, path: Path, *, pages: int) -> None:
        """Do in SQLite's place what follows a commit that makes the log `pages` long, or longer."""
        self._path = path
        self._pages = pages
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        self._under_way: Future[None] | None = None
        writer.set_wal_hook(self._committed)

    def close(self) -> None:
        """Finish what is under way; to be called when the writer commits no more. May be called twice."""
        self._thread.shutdown(wait=True)

    def _committed(self, writer: apsw.Connection, _database: str, pages: int) -> int:
        """Called by SQLite on the writer's thread, after each commit."""
        if pages >= self._pages:
            if self._under_way is None:
                self._under_way = self._thread.submit(self._bring_in_most)
            elif self._under_way.done():
                self._under_way = None
                _bring_in(writer)
        return apsw.SQLITE_OK

    # --- on the thread ---

    def _bring_in_most(self) -> None:
        try:
            with closing(apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READWRITE)) as connection:
                for _ in range(_CHECKPOINTS):
                    _bring_in(connection)
        except apsw.Error as error:
            logger.warning("%s: its log could not be opened beside its writer: %s", self._path, error)


def _bring_in(connection: apsw.Connection) -> None:
    """Write what no reader holds back. What cannot be written stays in the log, which the next commit tries again."""
    try:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    except apsw.Error as error:
        logger.info("a log of changes stays as long as it is for now: %s", error)


def translated(error: apsw.Error, path: Path, *, system_errno: int = 0) -> Exception:
    """Return the error of the model that says what an SQLite error means; others come back as they are."""
    if isinstance(error, apsw.FullError) or (isinstance(error, apsw.IOError) and system_errno in NO_SPACE):
        return StoreFull(
            f"store {path}",
            expected="room on its disk",
            found=f"none ({error})",
            next_step="Free some space, then repeat the request: nothing of it was kept.",
        )
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError)):
        return damaged(path, str(error))
    if isinstance(error, apsw.ConstraintError):
        return StoreRefused(
            f"store {path}",
            expected="facts that obey its schema",
            found=str(error),
            next_step="This is a programming error; nothing of the transaction was kept.",
        )
    if isinstance(error, _UNAVAILABLE):
        return unavailable(f"store {path}", f"{type(error).__name__}: {error}")
    return error


def damaged(path: Path, found: str) -> StoreDamaged:
    """Return the error for a file that is no readable store."""
    return StoreDamaged(
        f"store {path}",
        expected="a database that Titan wrote",
        found=found,
        next_step="The file was left as it is. Restore a backup with titan restore, or put a copy in its place. "
        f"To begin anew without it, move it away, then: touch {path}.new",
    )


_UNAVAILABLE = (
    apsw.IOError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.CantOpenError,
    apsw.ReadOnlyError,
    apsw.ProtocolError,
    apsw.NoMemError,
    apsw.PermissionsError,
    apsw.ConnectionClosedError,
)
