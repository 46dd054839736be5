"""Two servers on one database write in turns, hear of each other's commits, and one of them is in charge."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.support.builders import NOON, PROJECT
from tests.support.postgres import a_database
from tests.support.stores import PATIENCE_SECONDS, StandingClock, committed
from tests.support.waiting import wait_until
from titan.model.events import JobReady, Subject
from titan.model.files import StoredValue
from titan.ports.jobs_store import Commit, Transaction
from titan.store.postgres import PostgresStore
from titan.store.postgres.address import Address
from titan.store.postgres.database import PostgresDatabase
from titan.store.postgres.servers import OwnCommits, SharedClock
from titan.store.writer import Writer

SUBJECT = Subject(project_id=PROJECT)


@pytest.fixture
def url() -> Iterator[str]:
    """Give the URL of a database with Titan's tables."""
    with a_database() as url:
        yield url


@pytest.fixture
def stores(url: str) -> Iterator[list[PostgresStore]]:
    """Give two servers' stores, the first of which is in charge."""
    with ExitStack() as opened:
        stores = []
        for _server in range(2):
            store = PostgresStore(Address(url), clock=StandingClock())
            opened.callback(store.close)
            stores.append(store)
        yield stores


def commits_received_by(store: PostgresStore) -> list[Commit]:
    heard: list[Commit] = []
    store.listen(heard.append)
    return heard


def record(store: PostgresStore, cause: str, *, key: str | None = None) -> None:
    def decide(tx: Transaction) -> None:
        tx.record(SUBJECT, JobReady(cause=cause))
        if key is not None:
            tx.put_value(PROJECT, key, StoredValue(value=cause))

    committed(store, decide)


def causes(commits: list[Commit]) -> list[str]:
    return [entry.cause for commit in commits for entry in commit.entries]


def count_up(tx: Transaction) -> None:
    found = tx.value(PROJECT, "count", now=NOON)
    number = 1 if found is None else int(found.value) + 1
    tx.put_value(PROJECT, "count", StoredValue(value=str(number)))
    tx.record(SUBJECT, JobReady(cause=str(number)))


def test_transactions_of_two_servers_run_one_after_the_other(stores: list[PostgresStore]) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda turn: [committed(stores[turn % 2], count_up) for _ in range(25)], range(8)))

    entries = stores[0].read(lambda reader: reader.journal(PROJECT, limit=1000))
    assert [(entry.seq, entry.cause) for entry in entries] == [(number, str(number)) for number in range(1, 201)]


def test_each_server_receives_every_commit_once_and_knows_its_origin(stores: list[PostgresStore]) -> None:
    heard = [commits_received_by(store) for store in stores]

    for turn in range(40):
        record(stores[turn % 2], str(turn), key=f"key{turn}")

    for commits in heard:
        wait_until(lambda commits=commits: len(causes(commits)) == 40, "all is told")  # type: ignore[misc]
        assert sorted(causes(commits), key=int) == [str(turn) for turn in range(40)]
    for server, commits in enumerate(heard):
        foreign = [cause for commit in commits if commit.is_foreign for cause in causes([commit])]
        assert foreign == [str(turn) for turn in range(40) if turn % 2 != server]
        wait_until(lambda commits=commits: len({key for c in commits for key in c.keys}) == 40, "all keys")  # type: ignore[misc]


def test_more_keys_than_a_message_holds_are_announced_as_everything(stores: list[PostgresStore]) -> None:
    heard = commits_received_by(stores[1])

    def put_many(tx: Transaction) -> None:
        for number in range(200):
            tx.put_value(PROJECT, f"{number:0>100}", StoredValue(value="x"))

    committed(stores[0], put_many)

    wait_until(lambda: any(commit.is_everything for commit in heard), "everything may have changed")


def test_a_disconnected_listener_learns_that_everything_may_have_changed(url: str, stores: list[PostgresStore]) -> None:
    heard = commits_received_by(stores[1])

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
    wait_until(lambda: any(commit.is_everything for commit in heard), "everything may have changed")
    record(stores[0], "later")

    wait_until(lambda: "later" in causes(heard), "the connection is back")


def test_one_server_is_in_charge_and_when_it_ends_the_other_is(stores: list[PostgresStore]) -> None:
    heard = commits_received_by(stores[1])
    in_charge = [store.is_in_charge for store in stores]

    stores[0].close()

    wait_until(lambda: stores[1].is_in_charge, "the other takes over", seconds=10)
    assert in_charge == [True, False]
    wait_until(lambda: any(commit.is_everything for commit in heard), "its listeners are told")


def test_a_transaction_follows_the_databases_clock_and_not_the_servers(url: str) -> None:
    address, clock = Address(url), SharedClock(StandingClock())
    database = PostgresDatabase(address.connect, address.subject, server_id="here", own=OwnCommits(), clock=clock)
    writer = Writer(database, clock=clock, notify=lambda _commit: None)

    now = writer.submit(lambda tx: tx.now).result(PATIENCE_SECONDS)

    writer.finish()
    database.close()
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=PATIENCE_SECONDS)
