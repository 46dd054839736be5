"""Open, check and make SQLite databases; a file that is not Titan's is never changed."""

import logging
import os
import re
import secrets
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import apsw

from titan.store.queries import SQL_FOLDER, VERSION_NAME, Schema, load_schema
from titan.store.sqlite.session import QUERIES, SqliteSession, damaged

_MAGIC: Final = b"SQLite format 3\x00"  # https://sqlite.org/fileformat.html#magic_header_string
_HEADER_BYTES: Final = 100

# What a start may spend on looking for damage. The tables of 400 MiB take 0.3 s from memory and 2.7 s from a cold disk;
# what was not looked at shows its damage when it is first read. A check of all of the file takes 4 s from memory, most
# of it for the index of words, and 7 s where indexes are compared with their tables, too.
CHECK_SECONDS: Final = 1.0
_STEPS: Final = 10_000  # of a check between two looks at the clock: 0.6 ms

# The -wal keeps its size for the next facts; after a burst of large values it shrinks to this.
_WAL_BYTES_KEPT: Final = 64 * 1024 * 1024

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of database that Titan writes."""

    schema: Schema
    queries: Mapping[str, str]
    page_bytes: int


CONTROL: Final = Kind(schema=load_schema(SQL_FOLDER / "sqlite"), queries=QUERIES, page_bytes=4096)


def is_made(path: Path) -> bool:
    """Return whether a database is in a file, or in the log beside it."""
    return any(file.exists() and file.stat().st_size > 0 for file in (path, _wal_of(path)))


def check(
    path: Path, kind: Kind = CONTROL, *, within_seconds: float | None = CHECK_SECONDS, is_open: bool = False
) -> int:
    """Return the schema version of a file; 0 when it is missing or empty. Nothing is changed or left beside it.

    Its tables are looked at, as far as so many seconds go; None: all of it, however long that takes. `is_open`: a
    server may have it open.

    Raises:
        StoreDamaged: it is not a database of Titan's, or pages of it cannot be read.
        SchemaMismatch: it has a schema that this Titan does not open.
    """
    if not is_made(path):
        return 0
    with _opened_to_read(path, "mode=ro") if is_open else _looked_into(path) as connection:
        version = _check_version(path, connection, kind)
        if within_seconds is None:
            _check_answer(path, connection.execute("pragma integrity_check(1)"))
        elif within_seconds:
            _check_tables(path, connection, within_seconds)
    return version


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
    """Open a database that nobody has open, so that no byte of its files changes and none is made or removed.

    `immutable` reads the file alone. After a crash the newest facts are in the -wal, and SQLite must read both: with
    the index of the -wal in its own memory (https://sqlite.org/wal.html#noshm), for which it asks for an exclusive lock
    that a reader cannot take. `unix-none` takes no locks; whoever calls this keeps servers away.

    Raises:
        StoreDamaged: SQLite cannot read it.
    """
    _check_header(path)
    wal = _wal_of(path)
    if not wal.exists() or wal.stat().st_size == 0:
        with _opened_to_read(path, "mode=ro&immutable=1") as connection:
            yield connection
        return
    with _opened_to_read(path, "mode=ro&vfs=unix-none") as connection:
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.execute("pragma locking_mode = exclusive").fetchall()
        yield connection


@contextmanager
def _opened_to_read(path: Path, how: str) -> Iterator[apsw.Connection]:
    uri = f"{path.absolute().as_uri()}?{how}"
    connection = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    try:
        yield connection
    except (apsw.CorruptError, apsw.NotADBError, apsw.SQLError, UnicodeDecodeError) as error:
        raise damaged(path, f"a file that SQLite cannot read ({error})") from error
    finally:
        connection.close()


def _check_version(path: Path, connection: apsw.Connection, kind: Kind) -> int:
    tables = {row[0] for row in connection.execute("select name from sqlite_schema where type = 'table'")}
    version = _schema_version(connection) if "meta" in tables else 0
    if tables and version == 0:
        raise damaged(path, "a database of another program")
    if tables:
        instead = "give this one another home (--home or TITAN_HOME)"
        kind.schema.check(f"store {path}", found=version, instead=instead)
    if version == kind.schema.version:
        _check_definitions(path, connection, kind)
    return version


def _check_definitions(path: Path, connection: apsw.Connection, kind: Kind) -> None:
    for name, _ in sorted(_made_by(kind.schema.sql) - _definitions(connection).items()):
        raise damaged(path, f"another definition of {name!r} than this version of the schema has, or none")


_SPACED: Final = re.compile(r" ?([(),]) ?")


def _definitions(connection: apsw.Connection) -> dict[str, str]:
    """Return how each table, index and trigger is defined; shadow tables of the text index are SQLite's own.

    `alter table` adds columns on the line of the last or before the next comma, and quotes a new name: none of this is
    another definition.
    """
    found = connection.execute("select name, sql from sqlite_schema where sql is not null and name not like 'sqlite_%'")
    plain = ((str(name), " ".join(str(sql).replace('"', "").split())) for name, sql in found)
    return {name: _SPACED.sub(r"\1", sql) for name, sql in plain}


@cache
def _made_by(sql: str) -> frozenset[tuple[str, str]]:
    """Return the definitions of a database that was just made."""
    connection = apsw.Connection(":memory:")
    try:
        connection.execute(sql)
        return frozenset(_definitions(connection).items())
    finally:
        connection.close()


def open_to_write(path: Path, *, now: datetime, kind: Kind = CONTROL) -> SqliteSession:
    """Open a database that `check` found fine; a new one is made, an older one upgraded."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    session = SqliteSession(path, flags=apsw.SQLITE_OPEN_READWRITE, queries=kind.queries)
    try:
        session.pragma("page_size", kind.page_bytes)  # of a new file; one that is there keeps its own
        session.pragma("journal_mode", "wal")
        session.pragma("synchronous", "full")  # an fsync per commit: what is acknowledged survives a power cut
        session.pragma("journal_size_limit", _WAL_BYTES_KEPT)
        if not session.connection.execute("select 1 from sqlite_schema").fetchall():
            make(session, now=now, kind=kind)
        _upgrade(session, path, kind)
        session.pragma("foreign_keys", "on")
    except BaseException:
        session.connection.close()
        raise
    return session


def make(session: SqliteSession, *, now: datetime, kind: Kind = CONTROL) -> None:
    """Make the tables of a new database, all of them or none."""
    with session.connection:
        session.connection.execute(kind.schema.sql)
        session.run("set_meta", {"name": "home_id", "value": secrets.token_hex(16)})
        session.run("set_meta", {"name": "created_at", "value": now.isoformat()})
        session.run("set_meta", {"name": VERSION_NAME, "value": str(kind.schema.version)})


def _upgrade(session: SqliteSession, path: Path, kind: Kind) -> None:
    """Upgrade a database to this Titan's schema: all in one transaction, kept whole or not at all."""
    found = _schema_version(session.connection)
    if found == kind.schema.version:
        return
    logger.warning("store %s: upgrading its schema from version %d to %d", path, found, kind.schema.version)
    inflate: Any = zlib.decompress  # for steps that read packs
    session.connection.create_scalar_function("inflate", inflate, 1)
    with session.connection:
        for step in kind.schema.steps_from(found):
            session.connection.execute(step).fetchall()
        session.run("set_meta", {"name": VERSION_NAME, "value": str(kind.schema.version)})
        _check_definitions(path, session.connection, kind)


def _schema_version(connection: apsw.Connection) -> int:
    found = connection.execute("select value from meta where name = ?", (VERSION_NAME,)).fetchall()
    return int(str(found[0][0])) if found else 0
