"""A database of an older Titan gets the newest schema for calls when it is opened, with the rows that are in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.postgres import a_database
from tests.support.sources import ROOT
from titan.model.errors import StoreRefused
from titan.store.calls.postgres_store import prepare
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
