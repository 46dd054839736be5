"""Connect to a PostgreSQL database by its URL, and make or upgrade the tables of its stores."""

import logging
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from titan.model.errors import InvalidInput, NotSupported, StoreDamaged, StoreInUse, StoreUnavailable
from titan.store.postgres.session import PostgresSession
from titan.store.queries import POSTGRES, SQL_FOLDER, VERSION_NAME, Schema, load_queries, load_schema
from titan.store.rows import FRAGMENTS

OLDEST_SERVER: Final = 14  # the first with idle_session_timeout, and the oldest that is still maintained in 2026

#: Numbers of advisory locks, "titan" in ASCII and one more: nobody else is likely to take these.
TURN: Final = 0x746974616E_01  # held by the server that writes, for the length of a commit
CHARGE: Final = 0x746974616E_02  # held by the server that keeps time, while it lives
_STARTING: Final = 0x746974616E_03  # held by a server that makes or upgrades tables, or enters its shared folder

_SET_META: Final = "insert into meta values (%s, %s) on conflict (name) do update set value = excluded.value"

# A server that stands still in the middle of a commit must not hold up the others for longer.
_STANDSTILL_SECONDS: Final = 5

#: For every connection. A session that waits for its turn gives up in the end.
_SETTINGS: Final = (
    "set jit = off",
    "set bytea_output = 'hex'",  # which is how rows are read
    "set lock_timeout = '15s'",
    "set statement_timeout = '25s'",
    f"set idle_in_transaction_session_timeout = '{_STANDSTILL_SECONDS}s'",
    # What is acknowledged survives a power cut, whatever the database's own default is.
    "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'",
)

_CONNECTING: Final[dict[str, Any]] = {
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds; a connection through which nothing comes is broken after that
    "fallback_application_name": "titan",
    "client_encoding": "utf8",
}

logger = logging.getLogger(__name__)

_HINTS: Final = (
    ("password", "Put the password into ~/.pgpass or PGPASSWORD, or correct it there or in the URL."),
    ("owner of", "Start it once as the role that owns the tables, for it is upgrading them. Nothing was changed."),
    ("role ", "Create the role in PostgreSQL, or correct the user in the URL."),
    ("database ", "Create the database: createdb NAME. Titan makes its tables itself."),
    ("SSL", "Add ?sslmode=require, or what the server asks for, to the URL."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One of the stores in a database: its tables, its queries, its connections' settings."""

    schema: Schema
    queries: Mapping[str, str]
    search_path: str | None = None  #: PostgreSQL's schema of its tables; None: the connection's
    landmarks: frozenset[str]  #: tables that it has in every version
    settings: tuple[str, ...] = ()


CONTROL: Final = Kind(
    schema=load_schema(SQL_FOLDER / "postgres"),
    queries=load_queries(
        *(SQL_FOLDER / "queries", SQL_FOLDER / "postgres" / "queries", SQL_FOLDER / "postgres" / "shared"),
        fragments=FRAGMENTS,
        dialect=POSTGRES,
    ),
    landmarks=frozenset({"meta", "jobs", "journal"}),
    # Statements are planned once, and each is meant to use an index, whatever the statistics of a table that has just
    # grown say.
    settings=(
        "set plan_cache_mode = force_generic_plan",
        "set enable_seqscan = off",
        "set enable_bitmapscan = off",
        "set default_transaction_isolation = 'read committed'",
    ),
)


class Address:
    """The address of a PostgreSQL database."""

    def __init__(self, url: str) -> None:
        """Read `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; the parts left out are libpq's defaults.

        Raises:
            InvalidInput: it is no such URL.
        """
        scheme, separator, _ = url.partition("://")
        if scheme not in ("postgres", "postgresql") or not separator:
            raise _no_url(f"the scheme {scheme!a}" if separator else "no scheme")
        try:
            self._parts: dict[str, Any] = conninfo_to_dict(url)
        except psycopg.ProgrammingError as error:
            # Its words may repeat what it could not read, and that may be a password.
            raise _no_url("something that libpq cannot read") from error
        #: The URL as people and logs may see it: without password and options.
        self.shown = _shown(self._parts)
        #: What errors are about.
        self.subject = f"store {self.shown}"

    def connect(self, kind: Kind = CONTROL, *more_settings: str) -> PostgresSession:
        """Open a connection to one of the stores.

        Raises:
            StoreUnavailable: the server does not answer, or does not let this user in.
            NotSupported: it is too old.
        """
        connection = self.open()
        try:
            path = (f"set search_path = {kind.search_path}",) if kind.search_path else ()
            connection.execute("; ".join((*_SETTINGS, *path, *kind.settings, *more_settings)).encode())
            return PostgresSession(connection, kind.queries)
        except psycopg.Error as error:
            connection.close()
            raise self.unavailable(error) from error

    def open(self) -> "psycopg.Connection[Any]":
        """Open a plain psycopg connection, for what is done once.

        Raises:
            StoreUnavailable, NotSupported: as `connect`.
        """
        try:
            connection = psycopg.connect(**{**_CONNECTING, **self._parts}, autocommit=True)
        except psycopg.Error as error:
            raise self.unavailable(error) from error
        major = connection.info.server_version // 10_000
        if major < OLDEST_SERVER:
            connection.close()
            raise NotSupported(
                self.subject,
                expected=f"PostgreSQL {OLDEST_SERVER} or newer",
                found=f"PostgreSQL {major}",
                next_step="Upgrade the server, or give --store another one.",
            )
        return connection

    def unavailable(self, error: psycopg.Error) -> StoreUnavailable:
        """Return the error for a server that does not let us in."""
        lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.endswith("?")]
        said = error.diag.message_primary or (lines[-1] if lines else "no answer")
        hints = (hint for word, hint in _HINTS if word in said)
        return StoreUnavailable(
            self.subject,
            expected="a PostgreSQL server that lets this user in",
            found=said,
            next_step=next(hints, "See that PostgreSQL runs there, and that host and port of the URL are right."),
        )


def _shown(parts: dict[str, Any]) -> str:
    user = f"{parts['user']}@" if parts.get("user") else ""
    port = f":{parts['port']}" if parts.get("port") else ""
    return f"postgres://{user}{parts.get('host', '')}{port}/{parts.get('dbname', '')}"


def _no_url(found: str) -> InvalidInput:
    return InvalidInput(
        "the store's URL",
        expected="postgres://USER@HOST:PORT/DATABASE",
        found=found,
        next_step="Correct --store or TITAN_STORE; without either, the store is a file in the home.",
    )


def prepare(address: Address, *kinds: Kind, now: datetime) -> None:
    """Make the tables of stores in a database that has none, upgrade those of an older Titan: all of it or nothing.

    Of several servers that start at once the first does it, and the others find it done.

    Raises:
        StoreUnavailable: the database cannot be reached, or its tables cannot be made or upgraded.
        StoreInUse: a server works on tables that are to be upgraded.
        StoreDamaged, SchemaMismatch, NotSupported: it cannot be used, and was left as it is.
    """
    try:
        with starting_alone(address) as connection:
            _check_encoding(connection, address)
            versions = [_checked_version(connection, address, kind) for kind in kinds]
            for kind, found in zip(kinds, versions, strict=True):
                if found == 0:
                    make(connection, kind, now=now)
                elif found < kind.schema.version:
                    _upgrade(connection, address, kind, found)
    except psycopg.Error as error:
        raise address.unavailable(error) from error


def make(connection: "psycopg.Connection[Any]", kind: Kind = CONTROL, *, now: datetime) -> None:
    """Make the tables of a store, in the transaction that is open."""
    _look_at(connection, kind)
    connection.execute(kind.schema.sql.encode())
    connection.execute(_SET_META, ["home_id", secrets.token_hex(16)])
    connection.execute(_SET_META, ["created_at", now.isoformat()])
    connection.execute(_SET_META, [VERSION_NAME, str(kind.schema.version)])


def _upgrade(connection: "psycopg.Connection[Any]", address: Address, kind: Kind, found: int) -> None:
    """Upgrade the tables of a store from version `found`, in the transaction that is open.

    Raises:
        StoreInUse: a server works on them.
    """
    if connection.execute("select pg_try_advisory_xact_lock(%s)", [CHARGE]).fetchone() != (True,):
        raise StoreInUse(
            address.subject,
            expected="no server on a database that is to be upgraded",
            found=f"one of an older Titan, which has schema version {found}",
            next_step="It was left as it is. Stop all servers of this database, then start this one.",
        )
    subject, version = _subject(address, kind), kind.schema.version
    logger.warning("%s: upgrading its schema from version %d to %d", subject, found, version)
    _look_at(connection, kind)
    for step in kind.schema.steps_from(found):
        connection.execute(step.encode())
    connection.execute(_SET_META, [VERSION_NAME, str(version)])


@contextmanager
def starting_alone(address: Address) -> Iterator["psycopg.Connection[Any]"]:
    """Give a connection with a transaction for a `with` block; other servers of the database start after it."""
    with address.open() as connection, connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [_STARTING])
        yield connection


def shared_folder_of(connection: "psycopg.Connection[Any]", *, propose: str) -> str:
    """Return the id of the folder that all servers of this database share; the first server's is `propose`."""
    connection.execute("insert into meta values ('shared_folder', %s) on conflict do nothing", [propose])
    found = connection.execute("select value from meta where name = 'shared_folder'").fetchone()
    return str(found[0]) if found else propose


def _check_encoding(connection: "psycopg.Connection[Any]", address: Address) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise NotSupported(
            address.subject,
            expected="a database with encoding UTF8",
            found=str(encoding),
            next_step="Make one: createdb --encoding=UTF8 --template=template0 NAME",
        )


def _checked_version(connection: "psycopg.Connection[Any]", address: Address, kind: Kind) -> int:
    """Return the schema version of a store's tables in the transaction that is open; 0 when there are none.

    Raises:
        StoreDamaged, SchemaMismatch: it cannot be used.
    """
    _look_at(connection, kind)
    found = connection.execute("select tablename from pg_tables where schemaname = current_schema()").fetchall()
    tables = {row[0] for row in found}
    version = _schema_version(connection) if tables >= kind.landmarks else 0
    subject = _subject(address, kind)
    if tables and version == 0:
        raise StoreDamaged(
            subject,
            expected="an empty database, or one that Titan wrote",
            found=f"one of another program, with the table {min(tables)}",
            next_step="It was left as it is. Make one for Titan alone: createdb NAME",
        )
    if tables:
        kind.schema.check(subject, found=version, instead="give --store another database")
    return version


def _look_at(connection: "psycopg.Connection[Any]", kind: Kind) -> None:
    """Let names mean the tables of a store until the transaction ends."""
    connection.execute(f"set local search_path = {kind.search_path or 'default'}".encode())


def _subject(address: Address, kind: Kind) -> str:
    return f"{address.subject}, schema {kind.search_path}" if kind.search_path else address.subject


def _schema_version(connection: "psycopg.Connection[Any]") -> int:
    found = connection.execute("select value from meta where name = %s", [VERSION_NAME]).fetchone()
    return int(found[0]) if found else 0
