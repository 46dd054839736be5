"""One SQLite connection that runs named queries, and the translation of SQLite's errors."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import apsw

from titan.model.errors import StoreDamaged, StoreFull, StoreRefused
from titan.store.folders import NO_SPACE
from titan.store.queries import load_queries
from titan.store.session import Parameter, Row
from titan.store.writer import unavailable

_SQL_FOLDER = Path(__file__).parent.parent / "sql"
QUERIES: Final = load_queries(_SQL_FOLDER / "queries", _SQL_FOLDER / "sqlite" / "queries")

# Nobody else writes, but a person who looks at the file with another tool may lock it for a moment.
_BUSY_MS: Final = 5000

_STATEMENT_CACHE_SIZE: Final = 128  # more than there are queries, so each is prepared once per connection


class SqliteSession:
    """Implements `titan.store.session.Session` on one apsw connection."""

    __slots__ = ("_execute", "connection")

    def __init__(self, path: Path, *, flags: int) -> None:
        self.connection = apsw.Connection(str(path), flags=flags, statementcachesize=_STATEMENT_CACHE_SIZE)
        self.connection.set_busy_timeout(_BUSY_MS)
        self._execute = self.connection.execute

    def all(self, query: str, **parameters: Parameter) -> list[Row]:
        return self._execute(QUERIES[query], parameters).fetchall()

    def one(self, query: str, **parameters: Parameter) -> Row | None:
        found = self._execute(QUERIES[query], parameters).fetchall()
        return found[0] if found else None

    def run(self, query: str, parameters: Mapping[str, Parameter]) -> None:
        self._execute(QUERIES[query], parameters)

    def run_many(self, query: str, rows: Iterable[Mapping[str, Parameter]]) -> None:
        self.connection.executemany(QUERIES[query], rows)

    def count(self, query: str, **parameters: Parameter) -> int:
        self._execute(QUERIES[query], parameters)
        return self.connection.changes()

    def pragma(self, name: str, value: str | int) -> None:
        """Set a pragma for this connection."""
        self._execute(f"pragma {name} = {value}").fetchall()


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
        next_step="The file was left as it is: put a copy in its place, or move it away to begin anew.",
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
