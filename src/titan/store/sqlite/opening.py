"""Opening a home's database: one owner, no surprise, and a file that is not ours is never touched."""

import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import apsw

from titan.model.errors import StoreTooNew
from titan.store.sqlite.session import QUERIES, SqliteSession, damaged

_SQL_FOLDER: Final = Path(__file__).parent.parent / "sql"
_MAGIC: Final = b"SQLite format 3\x00"  # https://sqlite.org/fileformat.html#magic_header_string
_HEADER_BYTES: Final = 100

# What a start may spend on looking for damage. The tables of 400 MiB take 0.3 s from memory and 2.7 s from a cold disk;
# what was not looked at shows its damage when it is first read. A check of all of the file takes 4 s from memory, most
# of it for the index of words, and 7 s where indexes are compared with their tables, too.
CHECK_SECONDS: Final = 1.0
_STEPS: Final = 10_000  # of a check between two looks at the clock: 0.6 ms

# The -wal keeps its size for the next facts; after a burst of large values it shrinks to this.
_WAL_BYTES_KEPT: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of database that Titan writes."""

    migrations: Path
    queries: Mapping[str, str]
    page_bytes: int


CONTROL: Final = Kind(migrations=_SQL_FOLDER / "sqlite" / "migrations", queries=QUERIES, page_bytes=4096)


def is_made(path: Path) -> bool:
    """Return whether a database is in a file, or in the log beside it."""
    return any(file.exists() and file.stat().st_size > 0 for file in (path, _wal_of(path)))


def check(path: Path, kind: Kind = CONTROL, *, within_seconds: float | None = CHECK_SECONDS) -> None:
    """Look at a file without changing it or leaving anything beside it. A missing or empty one is fine.

    Its tables are looked at, as far as so many seconds go; None: all of it, however long that takes.

    Raises:
        StoreDamaged: it is not a database of Titan's, or pages of it cannot be read.
        StoreTooNew: a newer Titan wrote it.
    """
    if not is_made(path):
        return
    _check_header(path)
    with _looked_into(path) as connection:
        if within_seconds is None:
            _check_answer(path, connection.execute("pragma integrity_check(1)"))
        else:
            _check_tables(path, connection, within_seconds)
        _check_version(path, connection, kind)


def check_beside(path: Path) -> None:
    """Look at the tables of a database beside the server that has it open, as far as a second goes.

    Raises:
        StoreDamaged: pages of it cannot be read.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with closing(apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)) as connection:
        _check_tables(path, connection, CHECK_SECONDS)


def note(path: Path, name: str) -> str | None:
    """Return what a database that nobody has open notes under a name, None where it does not.

    Raises:
        StoreDamaged: it cannot be read.
    """
    with _looked_into(path) as connection:
        found = connection.execute("select value from meta where name = ?", (name,)).fetchall()
    return str(found[0][0]) if found else None


def _check_tables(path: Path, connection: apsw.Connection, within_seconds: float) -> None:
    until = time.monotonic() + within_seconds
    connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
    try:
        with suppress(apsw.InterruptError):
            for (table,) in connection.execute("select name from sqlite_schema where type = 'table' and rootpage > 0"):
                _check_answer(path, connection.execute("select * from pragma_quick_check(?)", (table,)))
    finally:
        connection.set_progress_handler(None)


def _check_answer(path: Path, answer: Iterable[tuple[object, ...]]) -> None:
    complaint = next(str(row[0]) for row in answer)
    if complaint != "ok":
        raise damaged(path, f"pages that contradict each other ({complaint})")


def _check_header(path: Path) -> None:
    size_bytes = path.stat().st_size if path.exists() else 0
    if size_bytes < _HEADER_BYTES:
        raise damaged(path, f"a file of {size_bytes} bytes, shorter than a database's header")
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise damaged(path, "a file that does not begin as an SQLite database does")


def _wal_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


@contextmanager
def _looked_into(path: Path) -> Iterator[apsw.Connection]:
    """Open a database so that nothing of it changes.

    `immutable` reads the file alone and makes no -wal or -shm. After a crash the newest facts are in
    the -wal, so then SQLite must read both; it makes a -shm for that, which goes if it was not there.

    Raises:
        StoreDamaged: SQLite cannot read it.
    """
    shm = path.with_name(path.name + "-shm")
    had_shm, wal = shm.exists(), _wal_of(path)
    how = "mode=ro" if wal.exists() and wal.stat().st_size > 0 else "mode=ro&immutable=1"
    connection = apsw.Connection(
        f"{path.absolute().as_uri()}?{how}", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    )
    try:
        yield connection
    except (apsw.CorruptError, apsw.NotADBError, apsw.SQLError, UnicodeDecodeError) as error:
        raise damaged(path, f"a file that SQLite cannot read ({error})") from error
    finally:
        connection.close()
        if not had_shm:
            shm.unlink(missing_ok=True)


def _check_version(path: Path, connection: apsw.Connection, kind: Kind) -> None:
    tables = {row[0] for row in connection.execute("select name from sqlite_schema where type = 'table'")}
    version = _schema_version(connection) if "meta" in tables else 0
    if tables and version == 0:
        raise damaged(path, "a database of another program")
    newest = len(_migrations(kind))
    if version > newest:
        raise StoreTooNew(
            f"store {path}",
            expected=f"schema version {newest} or older",
            found=f"version {version}, of a newer Titan",
            next_step="Run that newer Titan, or give this one another home.",
        )


def open_to_write(path: Path, *, now: datetime, kind: Kind = CONTROL) -> SqliteSession:
    """Open a database that `check` found fine, made and brought to the newest version where necessary."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    session = SqliteSession(path, flags=apsw.SQLITE_OPEN_READWRITE, queries=kind.queries)
    try:
        session.pragma("page_size", kind.page_bytes)  # of a new file; one that is there keeps its own
        session.pragma("journal_mode", "wal")
        session.pragma("synchronous", "full")  # an fsync per commit: what is acknowledged survives a power cut
        session.pragma("journal_size_limit", _WAL_BYTES_KEPT)
        migrate(session, now=now, kind=kind)
        session.pragma("foreign_keys", "on")
    except BaseException:
        session.connection.close()
        raise
    return session


def migrate(session: SqliteSession, *, now: datetime, kind: Kind = CONTROL) -> None:
    """Bring the schema to the newest version: each migration is one transaction, kept whole or not at all.

    Foreign keys are not enforced on the way, so that a table can be written anew, but hold at the end of each.
    """
    connection = session.connection
    is_new = not connection.execute("select 1 from sqlite_schema").fetchall()
    present = 0 if is_new else _schema_version(connection)
    for version, file in enumerate(_migrations(kind), start=1):
        if version <= present:
            continue
        with connection:
            connection.execute(file.read_text(encoding="utf-8"))
            _check_foreign_keys(connection, file)
            if version == 1:
                session.run("set_meta", {"name": "home_id", "value": secrets.token_hex(16)})
                session.run("set_meta", {"name": "created_at", "value": now.isoformat()})
            session.run("set_meta", {"name": "schema_version", "value": str(version)})


def _check_foreign_keys(connection: apsw.Connection, file: Path) -> None:
    broken = connection.execute("pragma foreign_key_check").fetchall()
    if broken:
        raise apsw.ConstraintError(
            f"{file.name} leaves {len(broken)} rows of {broken[0][0]} without what they refer to"
        )


def _migrations(kind: Kind) -> list[Path]:
    """Return the migrations in order; the first brings a new file to version 1."""
    return sorted(kind.migrations.glob("[0-9]*.sql"))


def _schema_version(connection: apsw.Connection) -> int:
    found = connection.execute("select value from meta where name = 'schema_version'").fetchall()
    return int(str(found[0][0])) if found else 0
