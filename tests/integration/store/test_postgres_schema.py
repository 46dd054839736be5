"""The schema on PostgreSQL holds what SQLite's does, and answers by its indexes."""

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
from titan.store.postgres.address import CONTROL, make
from titan.store.postgres.session import statement_of

SQL_FOLDER = ROOT / "src" / "titan" / "store" / "sql"


@pytest.fixture
def new() -> Iterator["psycopg.Connection[Any]"]:
    """Give a connection to a new database."""
    with a_database(is_empty=True) as url, psycopg.connect(url, autocommit=True) as connection:
        make(connection, now=NOON)
        yield connection


def test_both_databases_have_the_same_tables_and_columns(new: "psycopg.Connection[Any]", tmp_path: Path) -> None:
    sqlite = apsw.Connection(str(tmp_path / "schema.db"))
    sqlite.execute((SQL_FOLDER / "sqlite" / "schema.sql").read_text("utf-8"))
    tables = [str(row[0]) for row in sqlite.execute("select name from sqlite_schema where type = 'table'")]
    of_sqlite = {
        (table, row[1]) for table in tables for row in sqlite.execute(f"select * from pragma_table_xinfo('{table}')")
    }
    sqlite.close()

    found = new.execute("select table_name, column_name from information_schema.columns where table_schema = 'public'")

    assert set(found) == of_sqlite


def test_both_databases_have_the_same_indexes(new: "psycopg.Connection[Any]", tmp_path: Path) -> None:
    sqlite = apsw.Connection(str(tmp_path / "schema.db"))
    sqlite.execute((SQL_FOLDER / "sqlite" / "schema.sql").read_text("utf-8"))
    of_sqlite = {
        row[0] for row in sqlite.execute("select name from sqlite_schema where type = 'index' and sql is not null")
    }
    sqlite.close()

    found = new.execute(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'i'"
        " and oid not in (select conindid from pg_constraint)"
    )

    assert {row[0] for row in found} == of_sqlite | {"members_once"}


@pytest.mark.parametrize("name", sorted(CONTROL.queries))
def test_every_query_is_understood(new: "psycopg.Connection[Any]", name: str) -> None:
    text = statement_of(CONTROL.queries[name]).text.decode()

    if re.match(r"select|insert|update|delete|with", text):
        new.execute(f"prepare asked as {text}".encode())


def test_jobs_to_take_are_one_range_of_an_index_on_postgres(new: "psycopg.Connection[Any]") -> None:
    new.execute("set enable_seqscan = off; set enable_bitmapscan = off; set plan_cache_mode = force_generic_plan")
    new.execute(f"prepare asked as {statement_of(CONTROL.queries['jobs_to_take']).text.decode()}".encode())

    plan = [row[0].strip() for row in new.execute("explain (costs off) execute asked('*', 'GENERAL', 8)")]

    assert [step for step in plan if "Sort" in step] == []
    assert "->  Index Scan using jobs_to_take on jobs" in plan
