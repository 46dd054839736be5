"""Opening a home's database: one owner, no surprise, and a file that is not ours is never touched."""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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

# A check of all pages costs 2 ms per MiB here, so at most 65 ms of a start; a larger file shows its
# damage when the damaged page is first read.
_CHECKED_SIZE_BYTES: Final = 32 * 1024 * 1024

# The -wal keeps its size for the next facts; after a burst of large values it shrinks to this.
_WAL_BYTES_KEPT: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of database that Titan writes."""

    migrations: Path
    queries: Mapping[str, str]
    page_bytes: int


CONTROL: Final = Kind(migrations=_SQL_FOLDER / "sqlite" / "migrations", queries=QUERIES, page_bytes=4096)


def check(path: Path, kind: Kind = CONTROL) -> None:
    """Look at a file without changing it or leaving anything beside it. A missing or empty one is fine.

    Raises:
        StoreDamaged: it is not a database of Titan's, or pages of it cannot be read.
        StoreTooNew: a newer Titan wrote it.
    """
    wal = path.with_name(path.name + "-wal")
    has_wal = wal.exists() and wal.stat().st_size > 0
    size_bytes = path.stat().st_size if path.exists() else 0
    if size_bytes == 0 and not has_wal:
        return
    _check_header(path, size_bytes)
    try:
        with _looked_into(path, has_wal=has_wal) as connection:
            if size_bytes <= _CHECKED_SIZE_BYTES:
                _check_pages(path, connection)
            _check_version(path, connection, kind)
    except (apsw.CorruptError, apsw.NotADBError, apsw.SQLError) as error:
        raise damaged(path, f"a file that SQLite cannot read ({error})") from error


def _check_header(path: Path, size_bytes: int) -> None:
    if size_bytes < _HEADER_BYTES:
        raise damaged(path, f"a file of {size_bytes} bytes, shorter than a database's header")
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise damaged(path, "a file that does not begin as an SQLite database does")


@contextmanager
def _looked_into(path: Path, *, has_wal: bool) -> Iterator[apsw.Connection]:
    """Open a database so that nothing of it changes.

    `immutable` reads the file alone and makes no -wal or -shm. After a crash the newest facts are in
    the -wal, so then SQLite must read both; it makes a -shm for that, which goes if it was not there.
    """
    shm = path.with_name(path.name + "-shm")
    had_shm = shm.exists()
    how = "mode=ro" if has_wal else "mode=ro&immutable=1"
    connection = apsw.Connection(
        f"{path.absolute().as_uri()}?{how}", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    )
    try:
        yield connection
    finally:
        connection.close()
        if not had_shm:
            shm.unlink(missing_ok=True)


def _check_pages(path: Path, connection: apsw.Connection) -> None:
    complaints = [row[0] for row in connection.execute("pragma quick_check(1)")]
    if complaints != ["ok"]:
        raise damaged(path, f"pages that contradict each other ({complaints[0]})")


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
