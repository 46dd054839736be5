"""A database is opened when it is Titan's or empty, and whoever cannot open it learns why, without its password."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.support.builders import PROJECT
from tests.support.postgres import a_database, server_folder, url_of
from tests.support.stores import StandingClock, committed
from titan.model.errors import InvalidInput, StoreDamaged, StoreUnavailable, TitanError
from titan.model.files import StoredValue
from titan.store.postgres import PostgresStore
from titan.store.postgres.address import Address


@pytest.fixture
def empty() -> Iterator[str]:
    """Give the URL of a database without any table."""
    with a_database(is_empty=True) as url:
        yield url


def execute(url: str, command: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(command.encode())


def open_store(url: str) -> PostgresStore:
    return PostgresStore(Address(url), clock=StandingClock())


def with_password(url: str) -> str:
    return url.replace("postgres://titan@", "postgres://titan:s3cret@")


def test_an_empty_database_becomes_a_store(empty: str) -> None:
    store = open_store(empty)

    committed(store, lambda tx: tx.put_value(PROJECT, "key", StoredValue(value="x")))

    assert len(store.read(lambda reader: reader.home_id())) == 32
    store.close()


@pytest.mark.parametrize(
    ("url", "error", "hint"),
    [
        ("mysql://titan@here/db", InvalidInput, "found the scheme 'mysql'"),
        ("titan", InvalidInput, "found no scheme"),
        ("postgres://titan:s3cret@here/db?colour=blue", InvalidInput, "something that libpq cannot read"),
        ("postgres://titan:s3cret@127.0.0.1:1/db", StoreUnavailable, "See that PostgreSQL runs there"),
    ],
)
def test_a_wrong_url_is_refused_without_its_password(url: str, error: type[TitanError], hint: str) -> None:
    with pytest.raises(error) as raised:
        open_store(url)

    assert hint in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_a_database_that_does_not_exist_is_to_be_created() -> None:
    with pytest.raises(StoreUnavailable, match="Create the database: createdb NAME"):
        open_store(with_password(url_of("nowhere")))


def test_a_role_that_does_not_exist_is_named() -> None:
    with pytest.raises(StoreUnavailable, match=r'role "stranger" does not exist.*Create the role'):
        open_store(url_of("postgres").replace("titan@", "stranger@"))


def test_a_store_is_shown_without_its_password() -> None:
    assert Address(with_password(url_of("db"))).shown == f"postgres://titan@{server_folder()}/db"
    assert Address("postgresql://ada:s3cret@db.example:5433/titan").shown == "postgres://ada@db.example:5433/titan"


def test_a_database_of_another_program_is_left_alone(empty: str) -> None:
    execute(empty, "create table songs (title text)")

    with pytest.raises(StoreDamaged, match="of another program, with the table songs"):
        open_store(empty)

    with psycopg.connect(empty) as connection:
        found = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
    assert found == [("songs",)]


def test_of_servers_that_open_an_empty_database_at_once_one_makes_the_tables_and_all_find_them(empty: str) -> None:
    with ThreadPoolExecutor(4) as servers:
        stores = list(servers.map(open_store, [empty] * 4))

    assert len({store.read(lambda reader: reader.home_id()) for store in stores}) == 1
    for store in stores:
        store.close()


def test_tables_that_vanish_under_an_open_store_are_noticed(empty: str) -> None:
    store = open_store(empty)
    execute(empty, "drop table stored_values")

    with pytest.raises(StoreDamaged, match="restore a copy"):
        committed(store, lambda tx: tx.put_value(PROJECT, "key", StoredValue(value="x")))

    store.close()
