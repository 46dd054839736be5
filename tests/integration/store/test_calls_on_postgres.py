"""Recorded calls on PostgreSQL: the tables are those of SQLite, and several servers write to one database."""

import threading
from collections.abc import Iterator

import apsw
import pytest
from msgspec.structs import replace

from tests.integration.store.test_sqlite_schema import STORE_FOLDER
from tests.support.builders import PROJECT
from tests.support.call_stores import actions_of, check, kept, record, recorded_in
from tests.support.postgres import a_database, administer
from tests.support.recorded import RUN, a_call
from tests.support.stores import StandingClock
from tests.support.waiting import wait_until
from titan.model.actions import SHARED_MARK, ActionEntry, Payload
from titan.ports.runs_store import CallCommit, CallStore
from titan.store.postgres.address import Address
from titan.store.runs.postgres_store import PostgresCallStore

SQL_FOLDER = STORE_FOLDER / "sql" / "calls"


@pytest.fixture
def address() -> Iterator[Address]:
    """Give a database in which nobody has recorded yet."""
    with a_database() as url:
        yield Address(url)


def test_both_databases_have_the_same_tables_and_columns_and_indexes(address: Address) -> None:
    sqlite = apsw.Connection(":memory:")
    sqlite.execute((SQL_FOLDER / "sqlite" / "schema.sql").read_text("utf-8"))
    tables = [str(row[0]) for row in sqlite.execute("select name from sqlite_schema where type = 'table'")]
    columns = {
        (table, row[1]) for table in tables for row in sqlite.execute(f"select * from pragma_table_xinfo('{table}')")
    }
    indexes = {
        row[0] for row in sqlite.execute("select name from sqlite_schema where type = 'index' and sql is not null")
    }
    sqlite.close()

    with address.open() as connection:
        found = connection.execute(
            "select table_name, column_name from information_schema.columns where table_schema = 'calls'"
        ).fetchall()
        named = connection.execute(
            "select relname from pg_class where relnamespace = 'calls'::regnamespace and relkind = 'i'"
            " and oid not in (select conindid from pg_constraint)"
        ).fetchall()

    assert {row for row in found if row[0] != "words"} == {each for each in columns if not each[0].startswith("words")}
    assert {row[0] for row in named} == indexes | {"words_of_entries"}


# --- several servers ---


@pytest.fixture
def two(address: Address) -> Iterator[tuple[CallStore, CallStore]]:
    """Give the stores of two servers of one database."""
    stores = PostgresCallStore(address, clock=StandingClock()), PostgresCallStore(address, clock=StandingClock())
    yield stores
    for store in stores:
        store.close()


def a_talk(id: str, *messages: str) -> ActionEntry:
    """Return a call that was given messages of a conversation."""
    return replace(a_call(id), inputs=Payload(SHARED_MARK, tuple(f'"{message}"' for message in messages)))


def test_another_server_is_notified_of_recorded_entries(two: tuple[CallStore, CallStore]) -> None:
    mine: list[CallCommit] = []
    others: list[CallCommit] = []
    two[0].listen(mine.append)
    two[1].listen(others.append)

    kept(two[0], lambda tx: recorded_in(tx, a_call()))

    wait_until(lambda: bool(others), "the other server hears of it")
    newest = two[1].read(lambda reader: reader.newest_version())
    assert others == [CallCommit(runs=frozenset(), version=newest)]
    assert [commit.runs for commit in mine] == [frozenset({(PROJECT, RUN)})]


def test_two_servers_that_record_one_run_store_one_recording(two: tuple[CallStore, CallStore]) -> None:
    def write(store: CallStore, name: str) -> None:
        for number in range(20):
            record(store, a_talk(f"{name}{number}", "the same", f"of {number}", name))

    threads = [threading.Thread(target=write, args=pair) for pair in zip(two, "ab", strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    tape = two[0].read(lambda reader: reader.tape(PROJECT, RUN, limit=1000))
    run = two[1].read(lambda reader: reader.run(PROJECT, RUN))
    assert run is not None
    assert run.tally.calls == run.entry_count == len(tape) == 40
    assert {stored.entry for stored in tape} == {
        a_talk(f"{name}{number}", "the same", f"of {number}", name) for name in "ab" for number in range(20)
    }
    assert check(two[0]).broken is None


def test_a_run_that_another_server_deleted_is_begun_anew(two: tuple[CallStore, CallStore]) -> None:
    record(two[0], a_talk("a1", "one"))
    kept(two[1], lambda tx: tx.forget_run(PROJECT, RUN))
    record(two[1], replace(a_talk("b1", "two"), run_id="R_2"))

    record(two[0], a_talk("a2", "one"))

    [stored] = two[1].read(lambda reader: reader.tape(PROJECT, RUN, limit=9))
    assert stored.entry == a_talk("a2", "one")


def test_reads_and_writes_continue_after_a_broken_connection(address: Address) -> None:
    store = PostgresCallStore(address, clock=StandingClock())
    record(store, a_call("a1"))
    store.read(lambda reader: reader.newest_version())
    database = address.open()
    name = database.info.dbname
    database.close()

    administer(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")
    record(store, a_call("a2"))

    found = actions_of(store)
    assert [action.id for action in found] == ["a1", "a2"]
    store.close()
