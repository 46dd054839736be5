"""Whether a failed call was made good is found out in one go over its run, however many failed in it."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain, count
from pathlib import Path
from typing import Any, Final

import apsw
import pytest

from tests.support.call_stores import record
from tests.support.postgres import a_database
from tests.support.recorded import a_call
from tests.support.stores import StandingClock
from titan.ports_calls import CallStore
from titan.store.calls.postgres_session import PostgresCallSession
from titan.store.calls.postgres_store import PostgresCallStore
from titan.store.calls.queries import QUERIES
from titan.store.calls.sqlite_store import SqliteCallStore
from titan.store.postgres.address import Address

QUERY: Final = "has_unrecovered_error"
STEPS_AT_ONCE: Final = 100  # of SQLite's virtual machine, as they are counted
FEW, FACTOR = 250, 4


def record_failures(store: CallStore, failures: int) -> None:
    """Record calls that failed, each with one of its name that succeeded before, and all made good at the end."""
    names = [f"tool{number % 10}" for number in range(failures)]
    early = (a_call(f"e{n}", name=name, begins=n) for n, name in enumerate(names))
    failed = (a_call(f"f{n}", name=name, begins=failures + n, error="no") for n, name in enumerate(names))
    late = (a_call(f"l{n}", name=f"tool{n}", begins=2 * failures) for n in range(10))
    record(store, *chain(early, failed, late))


def steps_on_sqlite(folder: Path, failures: int) -> int:
    """Return how many steps SQLite takes to answer."""
    path, steps = folder / f"{failures}.db", count()
    store = SqliteCallStore(path, clock=StandingClock())
    record_failures(store, failures)
    store.close()
    connection = apsw.Connection(str(path))
    connection.set_progress_handler(lambda: next(steps) < 0, STEPS_AT_ONCE)
    assert connection.execute(QUERIES[QUERY], {"run_no": 1}).fetchall() == []
    connection.close()
    return next(steps) * STEPS_AT_ONCE


def rows_on_postgres(folder: Path, failures: int) -> int:
    """Return how many rows PostgreSQL looks at to answer."""
    with a_database() as url:
        store = PostgresCallStore(Address(url), clock=StandingClock())
        record_failures(store, failures)
        store.close()
        with Address(url).open() as connection:
            connection.execute("set search_path to calls")
            session = PostgresCallSession(connection)
            explain = f"explain (analyze, timing off, format json) {session.text_of(QUERY)}"
            [[[told]]] = session.ask(explain, {"run_no": 1})
    assert told["Plan"]["Actual Rows"] == 0
    return sum(rows_of(told["Plan"]))


def rows_of(node: Mapping[str, Any]) -> Iterator[int]:
    """Yield how many rows each step of a plan gave or threw away, all its rounds together."""
    rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Join Filter", 0)
    yield int(rows * node["Actual Loops"])
    for below in node.get("Plans", ()):
        yield from rows_of(below)


@pytest.mark.parametrize("effort", [steps_on_sqlite, rows_on_postgres])
def test_four_times_as_many_failed_calls_take_no_more_than_about_four_times_the_effort(
    tmp_path: Path, effort: Callable[[Path, int], int]
) -> None:
    few, many = (effort(tmp_path, failures) for failures in (FEW, FACTOR * FEW))

    assert 0 < many < 1.5 * FACTOR * few, (few, many)
