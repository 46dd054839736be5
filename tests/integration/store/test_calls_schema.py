"""Every table of recorded calls carries its project, and every query and list finds its way by an index."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from operator import attrgetter
from pathlib import Path

import apsw
import pytest

from tests.integration.store.test_sqlite_schema import SCANS_OF_FINDINGS, STORE_FOLDER
from tests.support.builders import NOON, PROJECT
from titan.model.run_control import Origin, RunStatus
from titan.ports.runs_store import CallFilter, CallReader, RunFilter
from titan.store.runs.reader import SqlCallReader
from titan.store.runs.sqlite_store import CALLS, QUERIES
from titan.store.session import Row, Value
from titan.store.sqlite import opening
from titan.store.sqlite.session import SqliteSession

CALLS_FOLDER = STORE_FOLDER / "runs"
SQL_FOLDER = STORE_FOLDER / "sql" / "calls"

#: What lists are put together from; `lists.py` asks for them by names in tables of its own.
PARTS = {
    block.group(1)
    for block in re.finditer(
        r"^-- name: (\w+)", (SQL_FOLDER / "queries" / "lists.sql").read_text("utf-8"), re.MULTILINE
    )
}

#: What a list does for a condition that it has, besides finding rows in order.
ALLOWED = (
    *SCANS_OF_FINDINGS,
    "SCAN runs USING INDEX runs_pinned",
    "SCAN runs USING COVERING INDEX runs_pinned",
    "SCAN runs USING INDEX runs_to_total",  # it holds those alone that are due
    "SCAN runs USING INDEX runs_to_score",
    "SCAN agent_runs USING INDEX agent_runs_unfinished",
    "SCAN bounds",
    "SCAN above",
    "SCAN calls",
    "SCAN wanted",
    "SCAN place",
    "SCAN hit",
    "SCAN json_each",
    "SCAN CONSTANT ROW",
)

#: They may be long, and are found in their order.
NEVER_SORTED = {
    *(
        "agents",
        "entries_of_action",
        "entries_of_run",
        "reported_after",
        "old_runs",
        "runs_changed",
        "runs_in_need",
        "runs_in_need_or_acknowledged",
        "runs_to_pack",
    ),
    "never_ended",
    "runs_left_open",
    "silent_runs",
}


SERVERS = STORE_FOLDER / "sql" / "postgres" / "shared" / "servers.sql"


@pytest.fixture
def new(tmp_path: Path) -> Iterator[SqliteSession]:
    """Give a session on a new database."""
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    session = SqliteSession(tmp_path / "new.db", flags=flags, queries=QUERIES)
    opening.make(session, now=NOON, kind=CALLS)
    yield session
    session.connection.close()


def test_every_table_carries_its_project(new: SqliteSession) -> None:
    tables = [row[1] for row in new.connection.execute("pragma table_list") if row[0] == "main"]

    without = [
        table
        for table in tables
        if "project_id" not in [row[1] for row in new.connection.execute(f"pragma table_info({table})")]
    ]

    words = {table for table in without if table.startswith("words")}  # they belong to entries, which carry it
    assert sorted(set(without) - words) == ["meta", "sqlite_schema"]


def test_every_query_is_asked_for_and_every_name_asked_for_is_a_query() -> None:
    asking = re.compile(
        r"(?:_all\(|_one\(|_entries\(|_actions\(|_(?:find|first)\(\s*[A-Z_]+,|\.(?:all|one|run|run_many|insert|count)\()\s*\"(\w+)\""
    )
    sources = {path.name: path.read_text(encoding="utf-8") for path in CALLS_FOLDER.glob("*.py")}

    asked_for = {name for text in sources.values() for name in asking.findall(text)}
    of_lists = sources["lists.py"]
    asked_for |= {name for name in re.findall(r"""["'](\w+)["']""", of_lists) if name in PARTS}
    asked_for |= {
        name for text in sources.values() for name in re.findall(r'^    "(\w+)",$', text, re.MULTILINE)
    } & set(QUERIES)
    asked_for |= {name for text in sources.values() for name in re.findall(r'"(actions_\w+)"', text)} & set(QUERIES)
    asked_for |= set(re.findall(r'"(\w+)"', sources["packing.py"] + sources["transaction.py"])) & set(QUERIES)

    of_servers = set(re.findall(r"^-- name: (\w+)$", SERVERS.read_text("utf-8"), re.MULTILINE))
    assert (asked_for - of_servers) | {"set_meta"} == set(QUERIES)


@pytest.mark.parametrize("name", sorted(QUERIES.keys() - PARTS))
def test_no_query_reads_a_whole_table(new: SqliteSession, name: str) -> None:
    sql = QUERIES[name]
    places = sql.count("?")
    parameters = [None] * places if places else dict.fromkeys(re.findall(r":([a-z_]+)", sql))

    plan = [str(row[3]) for row in new.connection.execute(f"explain query plan {sql}", parameters)]

    scans = [
        step for step in plan if step.startswith("SCAN ") and "VIRTUAL" not in step and not step.startswith(ALLOWED)
    ]
    assert scans == []
    if name in NEVER_SORTED:
        assert [step for step in plan if "TEMP B-TREE" in step] == []


# --- lists ---

RUN_FILTERS = [
    RunFilter(),
    RunFilter(statuses=frozenset({RunStatus.FAILED})),
    RunFilter(agent_id="ada"),
    RunFilter(agent_id="ada", statuses=frozenset({RunStatus.FAILED})),
    RunFilter(min_cost=Decimal(1)),
    RunFilter(started_since=NOON - timedelta(days=1)),
    RunFilter(session_id="s"),
    RunFilter(parent_run_id="R_1"),
    RunFilter(tag="nightly"),
]
CALL_FILTERS = [
    CallFilter(),
    CallFilter(name="look_up"),
    CallFilter(outcomes=frozenset({"error"}), since=NOON, until=NOON),
    CallFilter(outcomes=frozenset({"running"})),
    CallFilter(outcomes=frozenset({"error", "blocked"})),
    CallFilter(outcomes=frozenset({"error", "running"})),
    CallFilter(outcomes=frozenset({"error", "success"})),
    CallFilter(kinds=frozenset({"model", "tool"})),
    CallFilter(outcomes=frozenset({"error", "blocked"}), kinds=frozenset({"model", "tool"}), agent_id="ada"),
    CallFilter(agent_id="ada"),
    CallFilter(since=NOON),
    CallFilter(min_cost=Decimal(1)),
]
RUN_FILTERS += [replace(wanted, origin=Origin.PRODUCTION) for wanted in RUN_FILTERS]
CALL_FILTERS += [replace(wanted, origin=Origin.PRODUCTION) for wanted in CALL_FILTERS]


class Explaining(SqliteSession):
    """A session that notes how each list is found."""

    plans: list[list[str]]

    def ask(self, sql: str, parameters: Mapping[str, Value]) -> list[Row]:
        """Note the plan, and find nothing."""
        self.plans.append([str(row[3]) for row in self.connection.execute(f"explain query plan {sql}", parameters)])
        return [(0,)] if "count(*)" in sql else []


@pytest.fixture
def reader(tmp_path: Path, new: SqliteSession) -> CallReader:
    """Return a reader that explains."""
    session = Explaining(tmp_path / "new.db", flags=apsw.SQLITE_OPEN_READONLY, queries=QUERIES)
    session.plans = []
    return SqlCallReader(session)


def plan_of(reader: CallReader, place: int = 0) -> list[str]:
    """Return how the first was found of what was asked since, or the one at another place."""
    session = attrgetter("_session")(reader)
    assert isinstance(session, Explaining)
    plan: list[str] = session.plans[place]
    session.plans = []
    return plan


@pytest.mark.parametrize("wanted", RUN_FILTERS)
def test_the_registry_is_never_sorted_and_never_scanned(reader: CallReader, wanted: RunFilter) -> None:
    reader.registry(PROJECT, wanted, sort="started", is_ascending=False, after=None, limit=50)
    assert plan_of(reader)[0].startswith("SEARCH runs USING INDEX")

    for sort in ("cost", "duration"):
        reader.registry(PROJECT, RunFilter(), sort=sort, is_ascending=False, after=None, limit=50)
        [step] = plan_of(reader)
        assert step.startswith(f"SEARCH runs USING INDEX runs_by_{sort}")

    reader.count_runs(PROJECT, wanted, up_to=100)
    assert "SCAN runs" not in " ".join(plan_of(reader))


@pytest.mark.parametrize("wanted", [CallFilter(), CallFilter(name="hard_block", agent_id="ada", since=NOON)])
def test_interventions_are_found_by_their_own_index(reader: CallReader, wanted: CallFilter) -> None:
    reader.interventions(PROJECT, wanted, skip=0, limit=50)
    plan = plan_of(reader)
    assert plan[0].startswith("SEARCH actions USING INDEX interventions")
    assert "TEMP B-TREE" not in " ".join(plan)


@pytest.mark.parametrize("wanted", CALL_FILTERS)
def test_the_ledger_is_never_sorted_and_never_scanned(reader: CallReader, wanted: CallFilter) -> None:
    reader.ledger(PROJECT, wanted, sort="time", is_ascending=False, skip=0, limit=50, up_to=10_000)
    plan = plan_of(reader)
    # What is scanned as a virtual table are the few words that were asked for.
    scans = [step for step in plan if step.startswith("SCAN") and "VIRTUAL" not in step]
    assert [*scans, *(step for step in plan if "TEMP B-TREE" in step)] == []
    searches = [step for step in plan if step.startswith("SEARCH actions ")]
    assert all(step.startswith("SEARCH actions USING INDEX calls_by_") for step in searches)
    if wanted.outcomes and "success" not in wanted.outcomes:  # most calls are successes, and the index leaves them out
        assert len(searches) == len(wanted.outcomes)
        assert all("calls_by_outcome" in step for step in searches)

    for sort, index in (("cost", "calls_that_cost_much"), ("duration", "calls_that_took_long")):
        reader.ledger(PROJECT, CallFilter(), sort=sort, is_ascending=False, skip=0, limit=50, up_to=10_000)
        plan = plan_of(reader)
        assert plan[0].startswith(f"SEARCH actions USING INDEX {index}")
        assert "TEMP B-TREE" not in " ".join(plan)


@pytest.mark.parametrize("wanted", CALL_FILTERS)
def test_the_ledger_is_counted_without_a_scan(reader: CallReader, wanted: CallFilter) -> None:
    reader.ledger(PROJECT, wanted, sort="time", is_ascending=False, skip=0, limit=50, up_to=100)
    assert "SCAN actions" not in " ".join(plan_of(reader, -1))
