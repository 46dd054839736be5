"""Stores of recorded calls for tests: every implementation under its name, and recording as the recorder does it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import apsw

from tests.support.builders import PROJECT
from tests.support.postgres import a_database
from tests.support.stores import PATIENCE_SECONDS
from titan.model.actions import Entry
from titan.ports import Clock
from titan.ports_calls import CallStore, CallTransaction
from titan.rules.recording import Settled, settle
from titan.store.calls.postgres_store import PostgresCallStore
from titan.store.calls.sqlite_store import SqliteCallStore
from titan.store.postgres.address import Address

T = TypeVar("T")

#: Opens one and the same store each time it is called.
OpenCallStore: TypeAlias = Callable[[Clock], CallStore]


@contextmanager
def _sqlite(home: Path) -> Iterator[OpenCallStore]:
    yield lambda clock: SqliteCallStore(home / "calls.db", clock=clock)


@contextmanager
def _postgres(_home: Path) -> Iterator[OpenCallStore]:
    with a_database() as url:
        yield lambda clock: PostgresCallStore(Address(url), clock=clock)


#: What the contract suite runs on: name → how a store, empty at first, is there for a while.
CALL_STORES: Final[Mapping[str, Callable[[Path], AbstractContextManager[OpenCallStore]]]] = {
    "sqlite": _sqlite,
    "postgres": _postgres,
}


def kept(store: CallStore, decide: Callable[[CallTransaction], T]) -> T:
    """Return the result of a transaction once it is durable."""
    return store.transact(decide).result(timeout=PATIENCE_SECONDS)


def record(store: CallStore, *entries: Entry, project_id: str = PROJECT) -> Settled:
    """Record entries in one transaction."""
    return kept(store, lambda tx: recorded_in(tx, *entries, project_id=project_id))


def recorded_in(tx: CallTransaction, *entries: Entry, project_id: str = PROJECT) -> Settled:
    """Record entries in a transaction that goes on."""
    settled = settle(entries, tx.known(project_id, entries), project_id=project_id, now=tx.now)
    tx.keep(project_id, runs=settled.runs, actions=settled.actions, entries=settled.kept)
    return settled


def tamper(store: CallStore, sql: str, **functions: Callable[..., bytes]) -> None:
    """Change rows behind the store's back; `functions` can be called in the SQL, where the store is a file."""
    if isinstance(store, SqliteCallStore):
        with closing(apsw.Connection(str(vars(store)["_path"]))) as connection:
            connection.set_busy_timeout(round(PATIENCE_SECONDS * 1000))  # the store may be scrubbing what was deleted
            for name, function in functions.items():
                connection.create_scalar_function(name, function)
            connection.execute(sql).fetchall()
    else:
        with vars(store)["_address"].open() as connection:
            connection.execute("set search_path = calls")
            connection.execute(sql)
