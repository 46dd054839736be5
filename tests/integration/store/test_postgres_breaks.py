"""A connection that breaks loses nothing that was kept, and nothing is done twice, whenever it breaks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count

import psycopg
import pytest

from tests.support.builders import NOON, PROJECT
from tests.support.postgres import a_database
from tests.support.stores import PATIENCE_SECONDS, StandingClock, committed
from titan.model.events import JobReady, Subject
from titan.model.files import StoredValue
from titan.ports.jobs_store import Commit, Transaction
from titan.store.postgres import PostgresStore
from titan.store.postgres.address import CONTROL, Address
from titan.store.postgres.database import PostgresDatabase
from titan.store.postgres.servers import OwnCommits, SharedClock
from titan.store.postgres.session import ConnectionLost, PostgresSession
from titan.store.writer import Writer

SUBJECT = Subject(project_id=PROJECT)


@pytest.fixture
def url() -> Iterator[str]:
    """Give the URL of a database with Titan's tables."""
    with a_database() as url:
        yield url


@contextmanager
def a_store(url: str) -> Iterator[PostgresStore]:
    store = PostgresStore(Address(url), clock=StandingClock())
    try:
        yield store
    finally:
        store.close()


def add_one(tx: Transaction) -> int:
    found = tx.value(PROJECT, "count", now=NOON)
    number = 1 if found is None else int(found.value) + 1
    tx.put_value(PROJECT, "count", StoredValue(value=str(number)))
    tx.record(SUBJECT, JobReady(cause=str(number)))
    return number


def cut_all_connections(url: str) -> None:
    """End every other connection to the database, as a restart of PostgreSQL does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )


def causes(store: PostgresStore) -> list[str]:
    return [entry.cause for entry in store.read(lambda reader: reader.journal(PROJECT, limit=100))]


def test_a_transaction_whose_connection_breaks_runs_again(url: str) -> None:
    runs = count(1)

    def break_the_first_time(tx: Transaction) -> int:
        number = add_one(tx)
        if next(runs) == 1:
            cut_all_connections(url)
        return number

    with a_store(url) as store:
        answers = [committed(store, add_one), committed(store, break_the_first_time), committed(store, add_one)]

        assert answers == [1, 2, 3]
        assert causes(store) == ["1", "2", "3"]


def test_reading_continues_after_all_connections_broke(url: str) -> None:
    with a_store(url) as store:
        committed(store, add_one)
        assert causes(store) == ["1"]

        cut_all_connections(url)

        assert causes(store) == ["1"]


class CutAtCommit(PostgresSession):
    """A connection that breaks when it is told to commit for the first time: before that arrives, or after."""

    def __init__(self, connection: "psycopg.Connection[object]", *, arrives: bool) -> None:
        super().__init__(connection, CONTROL.queries)
        self._arrives = arrives

    def flush(self) -> None:
        if any(statement.name == "commit" for statement, _values in self._waiting):
            if self._arrives:
                super().flush()
            self.close()
            self.is_broken = True
            raise ConnectionLost("cut by the test")
        super().flush()


@pytest.mark.parametrize("arrives", [True, False])
def test_a_commit_whose_answer_is_lost_is_done_once(url: str, arrives: bool) -> None:
    address = Address(url)
    sessions: Iterator[Callable[[], PostgresSession]] = iter(
        [lambda: CutAtCommit(address.open(), arrives=arrives), *[address.connect] * 10]
    )
    told: list[Commit] = []
    database = PostgresDatabase(
        lambda: next(sessions)(), address.subject, server_id="here", own=OwnCommits(), clock=SharedClock()
    )
    writer = Writer(database, clock=StandingClock(), notify=told.append)

    answers = [writer.submit(add_one).result(PATIENCE_SECONDS) for _ in range(3)]

    writer.finish()
    database.close()
    with a_store(url) as store:
        assert causes(store) == ["1", "2", "3"]
    assert answers == [1, 2, 3]
    assert [entry.cause for commit in told for entry in commit.entries] == ["1", "2", "3"]


def test_a_transaction_that_fails_after_writing_does_not_undo_others(url: str) -> None:
    def refuse_late(tx: Transaction) -> None:
        add_one(tx)
        tx.journal(PROJECT, limit=1)  # brings what was written to the database
        raise KeyError("late")

    with a_store(url) as store:
        futures = [store.transact(decide) for decide in (add_one, refuse_late, add_one)]
        for future in futures:
            with suppress(KeyError):
                future.result(PATIENCE_SECONDS)

        assert [type(future.exception()) for future in futures] == [type(None), KeyError, type(None)]
        assert causes(store) == ["1", "2"]
