"""The schema on PostgreSQL is what its migrations make, holds what SQLite's does, and answers by its indexes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import psycopg
import pytest

from tests.support.builders import NOON
from tests.support.postgres import a_database
from tests.support.sources import ROOT
from titan.store.postgres import opening
from titan.store.postgres.session import QUERIES, STATEMENTS

SQL_FOLDER = ROOT / "src" / "titan" / "store" / "sql"

#: What a database consists of, in its own words; the second column of each tells objects apart.
DESCRIPTIONS = (
    "select table_name, column_name, data_type, collation_name, is_nullable, column_default, generation_expression"
    " from information_schema.columns where table_schema = 'public'",
    "select tablename, indexname, indexdef from pg_indexes where schemaname = 'public'",
    "select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint"
    " where connamespace = 'public'::regnamespace and contype <> 'n'",
    "select 'function', proname, prosrc from pg_proc where pronamespace = 'public'::regnamespace",
    "select relname, relname, reloptions::text from pg_class where relnamespace = 'public'::regnamespace",
)


@pytest.fixture
def migrated() -> Iterator["psycopg.Connection[Any]"]:
    """Give a connection to a database that the migrations made."""
    with a_database(is_empty=True) as url, psycopg.connect(url, autocommit=True) as connection:
        opening.migrate(connection, "store", present=0, now=NOON)
        yield connection


def schema_of(connection: "psycopg.Connection[Any]") -> list[list[tuple[Any, ...]]]:
    return [sorted(connection.execute(text.encode()).fetchall(), key=str) for text in DESCRIPTIONS]


def test_the_migrations_make_the_schema(migrated: "psycopg.Connection[Any]") -> None:
    with a_database(is_empty=True) as url, psycopg.connect(url, autocommit=True) as fresh:
        fresh.execute((SQL_FOLDER / "postgres" / "schema.sql").read_text("utf-8").encode())

        assert schema_of(migrated) == schema_of(fresh)


def test_both_databases_have_the_same_tables_and_columns(migrated: "psycopg.Connection[Any]", tmp_path: Path) -> None:
    sqlite = apsw.Connection(str(tmp_path / "schema.db"))
    sqlite.execute((SQL_FOLDER / "sqlite" / "schema.sql").read_text("utf-8"))
    tables = [str(row[0]) for row in sqlite.execute("select name from sqlite_schema where type = 'table'")]
    of_sqlite = {
        (table, row[1]) for table in tables for row in sqlite.execute(f"select * from pragma_table_xinfo('{table}')")
    }
    sqlite.close()

    found = migrated.execute(
        "select table_name, column_name from information_schema.columns where table_schema = 'public'"
    )

    assert set(found) == of_sqlite


def test_both_databases_have_the_same_indexes(migrated: "psycopg.Connection[Any]", tmp_path: Path) -> None:
    sqlite = apsw.Connection(str(tmp_path / "schema.db"))
    sqlite.execute((SQL_FOLDER / "sqlite" / "schema.sql").read_text("utf-8"))
    of_sqlite = {
        row[0] for row in sqlite.execute("select name from sqlite_schema where type = 'index' and sql is not null")
    }
    sqlite.close()

    found = migrated.execute(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'i'"
        " and oid not in (select conindid from pg_constraint)"
    )

    assert {row[0] for row in found} == of_sqlite | {"members_once"}


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_every_query_is_understood(migrated: "psycopg.Connection[Any]", name: str) -> None:
    text = STATEMENTS[name].text.decode()

    if re.match(r"select|insert|update|delete|with", text):
        migrated.execute(f"prepare asked as {text}".encode())


def test_what_may_be_taken_is_one_range_of_its_own_index(migrated: "psycopg.Connection[Any]") -> None:
    migrated.execute("set enable_seqscan = off; set enable_bitmapscan = off; set plan_cache_mode = force_generic_plan")
    migrated.execute(f"prepare asked as {STATEMENTS['whole_jobs_to_take'].text.decode()}".encode())

    plan = [row[0].strip() for row in migrated.execute("explain (costs off) execute asked('*', 'GENERAL', 8)")]

    assert [step for step in plan if "Sort" in step] == []
    assert "->  Index Scan using jobs_to_take on jobs" in plan
