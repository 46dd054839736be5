"""One SQLite connection that runs named queries, and the translation of SQLite's errors."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Final, TypeAlias

import apsw

from titan.model.errors import StoreDamaged, StoreFull, StoreRefused
from titan.store.calls.matching import match_of
from titan.store.folders import NO_SPACE
from titan.store.queries import load_queries
from titan.store.session import Parameter, Row
from titan.store.writer import unavailable

_SQL_FOLDER = Path(__file__).parent.parent / "sql"
QUERIES: Final = load_queries(_SQL_FOLDER / "queries", _SQL_FOLDER / "sqlite" / "queries")

# Nobody else writes, but a person who looks at the file with another tool may lock it for a moment.
BUSY_MS: Final = 5000

_STATEMENT_CACHE_SIZE: Final = 128  # more than there are queries, so each is prepared once per connection

# 76 rows of 52 columns, for apsw remembers no statement of more than 16 KB; and the words of a whole transaction, for
# FTS5 writes to its pages with each statement of several rows: with 100 rows at once words took a third longer.
_VALUES_AT_ONCE: Final = 4000

_PLACES: Final = re.compile(r"values\s*(\([?,\s]+\))")

#: What a column can hold.
Value: TypeAlias = str | int | float | bytes | None


class SqliteSession:
    """Implements `titan.store.session.Session` on one apsw connection."""

    __slots__ = ("_execute", "_queries", "connection")

    def __init__(self, path: Path, *, flags: int, queries: Mapping[str, str] = QUERIES) -> None:
        self.connection = apsw.Connection(str(path), flags=flags, statementcachesize=_STATEMENT_CACHE_SIZE)
        self.connection.set_busy_timeout(BUSY_MS)
        self._execute = self.connection.execute
        self._queries = queries

    def all(self, query: str, **parameters: Parameter) -> list[Row]:
        return self._execute(self._queries[query], parameters).fetchall()

    def one(self, query: str, **parameters: Parameter) -> Row | None:
        found = self._execute(self._queries[query], parameters).fetchall()
        return found[0] if found else None

    def run(self, query: str, parameters: Mapping[str, Parameter]) -> None:
        self._execute(self._queries[query], parameters)

    def run_many(self, query: str, rows: Iterable[Mapping[str, Parameter]]) -> None:
        self.connection.executemany(self._queries[query], rows)

    def count(self, query: str, **parameters: Parameter) -> int:
        self._execute(self._queries[query], parameters)
        return self.connection.changes()

    def ask(self, sql: str, parameters: Mapping[str, Value]) -> list[Row]:
        """Return every row of a query that was put together from named parts."""
        return self._execute(sql, parameters).fetchall()

    def insert(self, query: str, rows: Sequence[tuple[Value, ...]]) -> None:
        """Execute an `insert … values (?, …)` with many rows at once.

        A thread gives the interpreter away with each statement and waits up to half a millisecond to get it back from
        one that computes: with a statement for each row a busy server wrote 2,000 rows a second.
        """
        if not rows:
            return
        at_once = _VALUES_AT_ONCE // len(rows[0])
        for start in range(0, len(rows), at_once):
            part = rows[start : start + at_once]
            self._execute(_with_places(self._queries[query], len(part)), list(chain.from_iterable(part)))

    def text_of(self, query: str) -> str:
        """Return the SQL text of a query, or of a part of one."""
        return self._queries[query]

    def matching(self, text: str) -> str | None:
        """Return what FTS5 is asked for what somebody typed; None when there is no word in it."""
        return match_of(text)

    def words_of(self, text: str) -> str:
        """Return what FTS5 is given to index: it finds the words itself."""
        return text

    @property
    def no_match(self) -> str:
        """What FTS5 finds nothing by: an empty phrase."""
        return '""'

    @property
    def merges(self) -> bool:
        """It does: `MERGE (UNION ALL)` in its plans."""
        return True

    def pragma(self, name: str, value: str | int) -> None:
        """Set a pragma for this connection."""
        self._execute(f"pragma {name} = {value}").fetchall()


@lru_cache(maxsize=128)
def _with_places(sql: str, count: int) -> str:
    """Return an insert of one row as one of `count` rows."""
    found = _PLACES.search(sql)
    assert found is not None, sql
    return sql[: found.start(1)] + ", ".join([found[1]] * count) + sql[found.end(1) :]


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
