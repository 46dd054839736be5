"""How PostgreSQL finds what the lists of recorded calls show: by an index, however many there are."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.support.builders import NOON, PROJECT
from tests.support.call_stores import record
from tests.support.postgres import a_database
from tests.support.recorded import a_call, a_word
from tests.support.stores import StandingClock
from titan.model.actions import ActionKind
from titan.model.run_control import Origin, RunStatus
from titan.ports.runs_store import CallFilter, CallReader, RunFilter
from titan.store.postgres.address import Address
from titan.store.postgres.session import PostgresSession
from titan.store.runs.postgres_store import CALLS, PostgresCallStore
from titan.store.runs.reader import SqlCallReader
from titan.store.session import Row, Value

RUNS, ACTIONS = 2_000, 20_000

#: More rows like the first, one each second: of ten agents, one in twenty failed.
MORE_RUNS = """
jsonb_build_object(
    'run_no', run.run_no + n, 'id', 'R' || n, 'agent_id', 'agent' || n % 10, 'session_id', 's' || n % 500,
    'parent_run_id', 'R' || n % 500,
    'status', case when n % 20 = 0 then 'failed' else 'completed' end, 'started_at_us', run.started_at_us + n * 1000000,
    'ended_at_us', run.started_at_us + n * 1000000 + n % 977, 'cost', n % 1013 * 1000000000, 'version', run.version + n
)
"""
MORE_ACTIONS = """
jsonb_build_object(
    'number', action.number + n, 'id', 'a' || n, 'run_no', action.run_no + n % 2000, 'agent_id', 'agent' || n % 10,
    'name', 'tool' || n % 30, 'started_at_us', action.started_at_us + n * 100000, 'duration_ns', n % 977 * 100000000,
    'cost', n % 1013 * 100000000, 'outcome', case when n % 20 = 0 then 'error' else 'success' end,
    'version', action.version + n
)
"""


class Explaining(PostgresSession):
    """A session that notes how each list is found."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        super().__init__(connection, CALLS.queries)
        self.plans: list[str] = []

    def ask(self, sql: str, parameters: Mapping[str, Value]) -> list[Row]:
        """Note the plan, and find nothing."""
        self.plans.append("\n".join(str(row[0]) for row in super().ask(f"explain (costs off) {sql}", parameters)))
        return [(0,)] if "count(*)" in sql else []


@pytest.fixture(scope="module")
def session() -> Iterator[Explaining]:
    """A session of a database with many calls."""
    with a_database() as url:
        store = PostgresCallStore(Address(url), clock=StandingClock())
        record(store, a_word(agent_id="ada"), a_call("a0", kind=ActionKind.TOOL, cost="0.001"))
        store.close()
        with Address(url).open() as connection:
            multiply(connection, "runs", "run", MORE_RUNS, RUNS)
            multiply(connection, "actions", "action", MORE_ACTIONS, ACTIONS)
            connection.execute("analyze")
            connection.execute("set search_path to calls")
            [row] = connection.execute("select (select count(*) from runs), (select count(*) from actions)")
            assert row == (RUNS, ACTIONS)
            yield Explaining(connection)


@pytest.fixture
def reader(session: Explaining) -> CallReader:
    session.plans.clear()
    return SqlCallReader(session)


def multiply(connection: "psycopg.Connection[Any]", table: str, row: str, changes: str, count: int) -> None:
    """Add rows like the first one of a table, whichever columns it has."""
    found = connection.execute(
        "select column_name from information_schema.columns"
        " where table_schema = 'calls' and table_name = %s and is_generated = 'NEVER'",
        [table],
    )
    columns = ", ".join(str(name) for (name,) in found)
    connection.execute(
        f"insert into calls.{table} ({columns}) select {columns} from ("
        f"select (jsonb_populate_record({row}, {changes})).* from calls.{table} as {row},"
        f" generate_series(1, {count - 1}::bigint) as n) as many".encode()
    )


def test_runs_in_need_are_found_without_those_that_were_acknowledged(session: Explaining) -> None:
    asked: dict[str, Value] = {"project_id": PROJECT, "agent_id": None, "origin": None, "since_us": 0}
    asked |= {"limit": 9, "skip": 0}

    session.ask(session.text_of("runs_in_need"), asked)

    assert "using runs_unseen on runs" in session.plans[-1]
    session.plans.clear()


#: The lists that issue 5 names, and what else may be asked for.
REGISTRY = {
    "newest": RunFilter(),
    "status": RunFilter(statuses=frozenset({RunStatus.FAILED})),
    "agent": RunFilter(agent_id="agent3"),
    "agent and status": RunFilter(agent_id="agent3", statuses=frozenset({RunStatus.FAILED})),
    "min cost": RunFilter(min_cost=Decimal("0.9")),
    "24 h": RunFilter(started_since=NOON + timedelta(seconds=RUNS - 60)),
    "session": RunFilter(session_id="s7"),
    "forks": RunFilter(parent_run_id="R7"),
}
LEDGER = {
    "newest": CallFilter(),
    "action": CallFilter(name="tool7"),
    "outcome and date": CallFilter(outcomes=frozenset({"error"}), since=NOON + timedelta(minutes=12)),
    "outcomes": CallFilter(outcomes=frozenset({"error", "blocked"})),
    "outcomes and running": CallFilter(outcomes=frozenset({"error", "running"})),
    "outcomes of most": CallFilter(outcomes=frozenset({"error", "success"})),
    "kinds": CallFilter(kinds=frozenset({"model", "tool"})),
    "outcomes and kinds": CallFilter(outcomes=frozenset({"error", "blocked"}), kinds=frozenset({"model", "tool"})),
    "agent": CallFilter(agent_id="agent3"),
    "date": CallFilter(since=NOON + timedelta(minutes=32)),
    "min cost": CallFilter(min_cost=Decimal("0.09")),
}
REGISTRY |= {f"{name}, production": replace(wanted, origin=Origin.PRODUCTION) for name, wanted in REGISTRY.items()}
LEDGER |= {f"{name}, production": replace(wanted, origin=Origin.PRODUCTION) for name, wanted in LEDGER.items()}


def check(session: Explaining) -> None:
    """Check the first question: where its answer is not enough, a second one has to look at more."""
    assert "Seq Scan" not in session.plans[0], session.plans[0]


@pytest.mark.parametrize("name", REGISTRY)
def test_the_registry_is_found_by_an_index(session: Explaining, reader: CallReader, name: str) -> None:
    reader.registry(PROJECT, REGISTRY[name], sort="started", is_ascending=False, after=None, limit=50)

    check(session)


@pytest.mark.parametrize("sort", ["cost", "duration"])
def test_the_registry_is_sorted_by_an_index(session: Explaining, reader: CallReader, sort: str) -> None:
    reader.registry(PROJECT, RunFilter(), sort=sort, is_ascending=False, after=None, limit=50)

    check(session)
    assert "Sort" not in session.plans[0]


@pytest.mark.parametrize("name", LEDGER)
def test_the_ledger_is_found_by_an_index(session: Explaining, reader: CallReader, name: str) -> None:
    reader.ledger(PROJECT, LEDGER[name], sort="time", is_ascending=False, skip=0, limit=50, up_to=10_000)

    check(session)


@pytest.mark.parametrize("sort", ["cost", "duration"])
def test_the_ledger_is_sorted_by_an_index(session: Explaining, reader: CallReader, sort: str) -> None:
    reader.ledger(PROJECT, CallFilter(), sort=sort, is_ascending=False, skip=0, limit=50, up_to=10_000)

    check(session)
    assert "Sort" not in session.plans[0].replace("Incremental Sort", "")


@pytest.mark.parametrize("name", ["action", "outcome and date", "outcomes", "outcomes and kinds"])
def test_few_calls_of_many_are_counted_by_an_index(session: Explaining, reader: CallReader, name: str) -> None:
    reader.ledger(PROJECT, LEDGER[name], sort="time", is_ascending=False, skip=0, limit=50, up_to=10_000)

    assert "Seq Scan" not in session.plans[-1], session.plans[-1]
