"""Opening a database: a new one gets its tables, an old one the newest shape, and another program's is left alone."""

import secrets
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from titan.model.errors import NotSupported, StoreDamaged, StoreTooNew
from titan.store.postgres.address import Address
from titan.store.postgres.errors import not_migrated

_MIGRATIONS_FOLDER: Final = Path(__file__).parent.parent / "sql" / "postgres" / "migrations"

#: Numbers of advisory locks, "titan" in ASCII and one more: nobody else is likely to take these.
TURN: Final = 0x746974616E_01  # held by the server that writes, for the length of a commit
CHARGE: Final = 0x746974616E_02  # held by the server that keeps time, while it lives
_MIGRATING: Final = 0x746974616E_03

_SET_META: Final = "insert into meta values (%s, %s) on conflict (name) do update set value = excluded.value"


def prepare(address: Address, *, now: datetime) -> None:
    """Bring the database to the newest version: all of it in one transaction, kept whole or not at all.

    Raises:
        StoreUnavailable: it cannot be reached, or its tables cannot be made.
        StoreDamaged, StoreTooNew, StoreRefused, NotSupported: it cannot be used, and was left as it is.
    """
    with address.open() as connection:
        try:
            with connection.transaction():
                connection.execute("select pg_advisory_xact_lock(%s)", [_MIGRATING])
                _check_encoding(connection, address)
                migrate(connection, address.subject, present=_checked_version(connection, address), now=now)
        except psycopg.Error as error:
            raise address.unavailable(error) from error


def migrate(connection: "psycopg.Connection[Any]", subject: str, *, present: int, now: datetime) -> None:
    """Run the migrations that follow version `present`."""
    for version, file in enumerate(_migrations(), start=1):
        if version <= present:
            continue
        try:
            connection.execute(file.read_text(encoding="utf-8").encode())
        except psycopg.Error as error:
            raise not_migrated(error, subject, migration=file.stem, present=present) from error
        if version == 1:
            connection.execute(_SET_META, ["home_id", secrets.token_hex(16)])
            connection.execute(_SET_META, ["created_at", now.isoformat()])
        connection.execute(_SET_META, ["schema_version", str(version)])


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


def _checked_version(connection: "psycopg.Connection[Any]", address: Address) -> int:
    found = connection.execute("select tablename from pg_tables where schemaname = current_schema()").fetchall()
    tables = {row[0] for row in found}
    version = _schema_version(connection) if tables >= {"meta", "jobs", "journal"} else 0
    if tables and version == 0:
        raise StoreDamaged(
            address.subject,
            expected="an empty database, or one that Titan wrote",
            found=f"one of another program, with the table {min(tables)}",
            next_step="It was left as it is. Make one for Titan alone: createdb NAME",
        )
    newest = len(_migrations())
    if version > newest:
        raise StoreTooNew(
            address.subject,
            expected=f"schema version {newest} or older",
            found=f"version {version}, of a newer Titan",
            next_step="Run that newer Titan, or give --store another database.",
        )
    return version


def _schema_version(connection: "psycopg.Connection[Any]") -> int:
    found = connection.execute("select value from meta where name = 'schema_version'").fetchone()
    return int(found[0]) if found else 0


def _migrations() -> list[Path]:
    """Return the migrations in order; the first brings an empty database to version 1."""
    return sorted(_MIGRATIONS_FOLDER.glob("[0-9]*.sql"))
