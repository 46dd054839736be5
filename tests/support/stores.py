"""Stores for tests: every implementation under its name, and a clock that stands until it is moved."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import apsw

from tests.support.builders import NOON
from tests.support.postgres import a_database
from titan.ports.jobs_store import Store, Transaction
from titan.ports.runtime import Clock
from titan.store.postgres import PostgresStore
from titan.store.postgres.address import Address
from titan.store.sqlite import SqliteStore

T = TypeVar("T")

#: Opens one and the same store each time it is called.
OpenStore: TypeAlias = Callable[[Clock], Store]


@contextmanager
def _sqlite(home: Path) -> Iterator[OpenStore]:
    yield lambda clock: SqliteStore(home / "control.db", clock=clock)


@contextmanager
def _postgres(_home: Path) -> Iterator[OpenStore]:
    with a_database() as url:
        yield lambda clock: PostgresStore(Address(url), clock=clock)


#: What the contract suite runs on: name → how a store, empty at first, is there for a while.
STORES: Final[Mapping[str, Callable[[Path], AbstractContextManager[OpenStore]]]] = {
    "sqlite": _sqlite,
    "postgres": _postgres,
}

PATIENCE_SECONDS: Final = 30.0  # for what takes milliseconds, on a machine that does ten other things


class StandingClock:
    """A clock that shows noon until somebody moves it."""

    def __init__(self) -> None:
        self.moment = NOON

    def now(self) -> datetime:
        return self.moment

    def advance(self, duration: timedelta) -> None:
        """Move it forward."""
        self.moment += duration


def committed(store: Store, decide: Callable[[Transaction], T]) -> T:
    """Return the result of a transaction once it is durable."""
    return store.transact(decide).result(timeout=PATIENCE_SECONDS)


def tamper_with_jobs(store: Store, sql: str) -> None:
    """Change rows behind the store's back."""
    if isinstance(store, SqliteStore):
        with closing(apsw.Connection(str(vars(store)["_path"]))) as connection:
            connection.execute(sql)
    else:
        with vars(store)["_address"].open() as connection:
            connection.execute(sql)
