"""A database of an older Titan gets the newest schema for calls when it is opened, and its rows what they lack."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.support.builders import PROJECT
from tests.support.call_stores import CALL_STORES, record, tamper
from tests.support.postgres import a_database
from tests.support.recorded import RUN, a_call, a_word, at
from tests.support.sources import ROOT
from tests.support.stores import StandingClock
from titan.model.actions import ActionEntry, ActionKind, Outcome, RunEnd
from titan.model.errors import StoreRefused
from titan.ports_calls import CallStore
from titan.rules.losses import LOST
from titan.store.calls.postgres_store import prepare
from titan.store.calls.sqlite_store import SqliteCallStore
from titan.store.postgres.address import Address

MIGRATIONS = ROOT / "src" / "titan" / "store" / "sql" / "calls"

A_RUN = """
insert into runs
(
    run_no, project_id, id, agent_id, status, status_source, started_at_us, last_event_at_us, heard_at_us, has_stages,
    running, success, error, blocked, rejected, replayed, cost, prevented, saved, input_tokens, output_tokens, tags,
    link, version
)
values (1, 'p', 'R_1', 'ada', 'failed', 'explicit', 1, 2, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, '[]', {link}, 1);
"""
A_NOTE = "insert into notes (id, project_id, run_no, author, at_us, content) values ('n1', 'p', 1, 'ann', 3, 'hm');"


def migrations_of(dialect: str, until: int) -> list[Path]:
    """Return the first migrations, in their order."""
    return sorted((MIGRATIONS / dialect / "migrations").glob("[0-9]*.sql"))[:until]


@contextmanager
def a_database_at(version: int) -> Iterator[Address]:
    """Give a database whose schema for calls has a version of before, with a run and a note."""
    with a_database(is_empty=True) as url:
        address = Address(url)
        with address.open() as connection, connection.transaction():
            for file in migrations_of("postgres", version):
                connection.execute(file.read_text("utf-8").encode())
            connection.execute("insert into calls.meta values ('schema_version', %s)", [str(version)])
            connection.execute(A_RUN.format(link="decode(repeat('00', 32), 'hex')").encode())
            connection.execute(A_NOTE.encode())
        yield address


def version_of(address: Address) -> str:
    with address.open() as connection:
        found = connection.execute("select value from calls.meta where name = 'schema_version'").fetchone()
    assert found is not None
    return str(found[0])


@pytest.mark.parametrize("version", range(1, len(migrations_of("postgres", 99))))
def test_a_database_of_any_version_becomes_one_of_the_newest_with_its_rows(version: int) -> None:
    newest = len(migrations_of("postgres", 99))

    with a_database_at(version) as address:
        prepare(address)

        with address.open() as connection:
            runs = connection.execute("select id, error, lost from calls.runs").fetchall()
            notes = connection.execute("select id, content, troubles from calls.notes").fetchall()
        assert version_of(address) == str(newest)
        assert (runs, notes) == ([("R_1", 1, 0)], [("n1", "hm", 0)])


def test_a_migration_that_fails_is_named_and_leaves_the_database_as_it_is() -> None:
    with a_database_at(14) as address:
        with address.open() as connection:
            connection.execute("create table calls.agent_hours (of_another text)")

        with pytest.raises(StoreRefused, match=r"0016_agent_hours.*\"agent_hours\" already exists.*version 14"):
            prepare(address)

        assert version_of(address) == "14"


# --- what runs of before lost ---

LOST_BEFORE = "0020_lost_before.sql"


def lost_of(store: CallStore) -> dict[str, int]:
    """Return of each run that needs attention what it lost."""
    found = store.read(lambda reader: reader.runs_in_need(PROJECT, since=at(0), limit=9))
    return {run.id: run.lost for run, _ in found}


def migrate_again(store: CallStore, file: str) -> None:
    """Do once more what a migration does to the rows."""
    dialect = "sqlite" if isinstance(store, SqliteCallStore) else "postgres"
    tamper(store, (MIGRATIONS / dialect / "migrations" / file).read_text("utf-8"))


@pytest.mark.parametrize("kind", sorted(CALL_STORES))
def test_runs_of_before_have_lost_what_their_events_told(tmp_path: Path, kind: str) -> None:
    def an_event(id: str, run_id: str, details: str | None) -> ActionEntry:
        event = a_call(id, run_id=run_id, kind=ActionKind.EVENT, name=LOST, outcome=Outcome.ERROR)
        return replace(event, details=details)

    clock = StandingClock()
    with CALL_STORES[kind](tmp_path) as open_store:
        store = open_store(clock)
        record(store, an_event("l1", "R_1", '{"attributes":{"count":38001}}'), a_call("a1", run_id="R_1", error="no"))
        record(store, an_event("l2", "R_1", '{"attributes":{"count":2}}'), a_call("a2", run_id="R_1", name="\0"))
        for n, details in enumerate((None, "{", '{"attributes":{"count":"5"}}', '{"attributes":{"count":2.5}}', "[]")):
            record(store, an_event(f"b{n}", f"R_2{n}", details))
        record(store, a_call("a1", run_id="R_3", error="no"))
        counted = lost_of(store)
        tamper(store, "update runs set lost = 0")

        migrate_again(store, LOST_BEFORE)
        assert counted == {"R_1": 38_003, **{f"R_2{n}": 1 for n in range(5)}, "R_3": 0}
        assert lost_of(store) == counted

        migrate_again(store, LOST_BEFORE)
        assert lost_of(store) == counted
        store.close()


def test_an_event_of_losses_whose_words_are_packed_tells_of_one(tmp_path: Path) -> None:
    clock = StandingClock()
    store = SqliteCallStore(tmp_path / "calls.db", clock=clock)
    told = a_call("l1", kind=ActionKind.EVENT, name=LOST, outcome=Outcome.ERROR)
    record(store, replace(told, details='{"attributes":{"count":5}}'), a_word(seconds=2, end=RunEnd.COMPLETED))
    assert store.pack(before=clock.now() + timedelta(days=1), limit=9) == 1
    tamper(store, "update runs set lost = 0")

    migrate_again(store, LOST_BEFORE)

    assert lost_of(store) == {RUN: 1}
    store.close()
