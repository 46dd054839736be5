"""What needs attention is found without a look at all that failed, for each or in runs that need none any more."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from typing import Any, Final

import apsw
import pytest

from tests.support.builders import PROJECT
from tests.support.call_stores import kept, record
from tests.support.postgres import a_database
from tests.support.recorded import a_call, at
from tests.support.stores import StandingClock
from titan.model.runs import Note
from titan.ports.runs_store import CallStore, CallTransaction
from titan.store.postgres.address import Address
from titan.store.runs.postgres_store import CALLS, PostgresCallStore
from titan.store.runs.sqlite_store import QUERIES, SqliteCallStore

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
    path = folder / f"{failures}.db"
    store = SqliteCallStore(path, clock=StandingClock())
    record_failures(store, failures)
    store.close()
    return steps_of(path, QUERIES[QUERY], {"run_no": 1})


def steps_of(path: Path, sql: str, asked: Mapping[str, Any]) -> int:
    """Return how many steps SQLite takes to find that there is nothing."""
    steps, connection = count(), apsw.Connection(str(path))
    connection.set_progress_handler(lambda: next(steps) < 0, STEPS_AT_ONCE)
    assert connection.execute(sql, asked).fetchall() == []
    connection.close()
    return next(steps) * STEPS_AT_ONCE


def rows_on_postgres(folder: Path, failures: int) -> int:
    """Return how many rows PostgreSQL looks at to answer."""
    with a_database() as url:
        store = PostgresCallStore(Address(url), clock=StandingClock())
        record_failures(store, failures)
        store.close()
        session = Address(url).connect(CALLS)
        [[text]] = session.ask(f"explain (analyze, timing off, format json) {session.text_of(QUERY)}", {"run_no": 1})
        session.close()
    [told] = json.loads(text)
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


def steps_past_acknowledged_runs(path: Path, runs: int) -> int:
    """Return how many steps it takes to find no run in need, of so many that failed and were acknowledged."""
    store = SqliteCallStore(path, clock=StandingClock())

    def acknowledge(tx: CallTransaction) -> None:
        for n in range(runs):
            note = Note(id=f"n{n}", project_id=PROJECT, run_id=f"R_{n}", action_id=None, author="ann", at=at(2))
            tx.save_note(replace(note, acknowledges=True, troubles=1))

    record(store, *(a_call(run_id=f"R_{n}", error="no") for n in range(runs)))
    kept(store, acknowledge)
    store.close()
    asked = {"project_id": PROJECT, "agent_id": None, "origin": "production", "since_us": 0, "limit": 9, "skip": 0}
    return steps_of(path, QUERIES["runs_in_need"], asked)


def test_runs_that_were_acknowledged_are_not_looked_at(tmp_path: Path) -> None:
    few, many = (steps_past_acknowledged_runs(tmp_path / f"{runs}.db", runs) for runs in (10, 500))

    assert many == few
