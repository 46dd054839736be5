"""Opening a database: an empty one gets its tables, and one of another schema or program is left alone."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from titan.model.errors import NotSupported, StoreDamaged
from titan.store.postgres.address import Address
from titan.store.schema import VERSION_NAME, Schema, load_schema

#: Numbers of advisory locks, "titan" in ASCII and one more: nobody else is likely to take these.
TURN: Final = 0x746974616E_01  # held by the server that writes, for the length of a commit
CHARGE: Final = 0x746974616E_02  # held by the server that keeps time, while it lives
_MAKING: Final = 0x746974616E_03  # held by the server that makes tables, until it has made them

_SET_META: Final = "insert into meta values (%s, %s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """The tables of one store in a database."""

    schema: Schema
    search_path: str | None = None  #: PostgreSQL's schema that they are in; None: the one of the connection
    landmarks: frozenset[str]  #: tables that they have in every version


CONTROL: Final = Kind(
    schema=load_schema(Path(__file__).parent.parent / "sql" / "postgres"),
    landmarks=frozenset({"meta", "jobs", "journal"}),
)


def check(address: Address, *kinds: Kind) -> None:
    """Return when each of these stores has this Titan's schema or no table yet. Nothing is changed.

    Raises:
        StoreUnavailable: the database cannot be reached.
        StoreDamaged, SchemaMismatch, NotSupported: it cannot be used.
    """
    with address.open() as connection:
        try:
            for kind in kinds:
                with connection.transaction():
                    connection.execute("set transaction read only")
                    _has_tables(connection, address, kind)
        except psycopg.Error as error:
            raise address.unavailable(error) from error


def prepare(address: Address, kind: Kind = CONTROL, *, now: datetime) -> None:
    """Make the tables of a store in a database that has none: all in one transaction, kept whole or not at all.

    Of several servers that start at once the first makes them, and the others find them.

    Raises:
        StoreUnavailable: the database cannot be reached, or its tables cannot be made.
        StoreDamaged, SchemaMismatch, NotSupported: it cannot be used, and was left as it is.
    """
    with address.open() as connection:
        try:
            with connection.transaction():
                connection.execute("select pg_advisory_xact_lock(%s)", [_MAKING])
                _check_encoding(connection, address)
                if not _has_tables(connection, address, kind):
                    make(connection, kind, now=now)
        except psycopg.Error as error:
            raise address.unavailable(error) from error


def make(connection: "psycopg.Connection[Any]", kind: Kind = CONTROL, *, now: datetime) -> None:
    """Make the tables of a store, in the transaction that is open."""
    connection.execute(kind.schema.sql.encode())
    connection.execute(_SET_META, ["home_id", secrets.token_hex(16)])
    connection.execute(_SET_META, ["created_at", now.isoformat()])
    connection.execute(_SET_META, [VERSION_NAME, str(kind.schema.version)])


def shared_folder_of(address: Address, *, propose: str) -> str:
    """Return the id of the folder that all servers of this database share; the first server's is `propose`."""
    with address.open() as connection:
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


def _has_tables(connection: "psycopg.Connection[Any]", address: Address, kind: Kind) -> bool:
    """Return whether the store has its tables, of this Titan's schema, in the transaction that is open."""
    if kind.search_path is not None:
        connection.execute(f"set local search_path = {kind.search_path}".encode())
    found = connection.execute("select tablename from pg_tables where schemaname = current_schema()").fetchall()
    tables = {row[0] for row in found}
    version = _schema_version(connection) if tables >= kind.landmarks else 0
    subject = f"{address.subject}, schema {kind.search_path}" if kind.search_path else address.subject
    if tables and version == 0:
        raise StoreDamaged(
            subject,
            expected="an empty database, or one that Titan wrote",
            found=f"one of another program, with the table {min(tables)}",
            next_step="It was left as it is. Make one for Titan alone: createdb NAME",
        )
    if tables:
        kind.schema.check(subject, found=version, instead="give --store another database")
    return bool(tables)


def _schema_version(connection: "psycopg.Connection[Any]") -> int:
    found = connection.execute("select value from meta where name = %s", [VERSION_NAME]).fetchone()
    return int(found[0]) if found else 0
