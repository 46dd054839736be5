"""Stores for tests: every implementation under its name, and a clock that stands until it is moved."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from tests.support.builders import NOON
from titan.ports import Clock, Store, Transaction
from titan.store.sqlite import SqliteStore

T = TypeVar("T")

#: Opens the store of a home, made when it is not there.
OpenStore: TypeAlias = Callable[[Path, Clock], Store]


def _open_sqlite(home: Path, clock: Clock) -> Store:
    return SqliteStore(home / "control.db", clock=clock)


#: What the contract suite runs on.
STORES: Final[Mapping[str, OpenStore]] = {"sqlite": _open_sqlite}

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
