"""Every table carries its project or its organisation, and every query finds its way through an index."""

import re
from pathlib import Path

import apsw
import pytest

from tests.support.builders import NOON
from tests.support.sources import ROOT
from titan.store.postgres.address import CONTROL as POSTGRES
from titan.store.postgres.session import _OF_LEASE
from titan.store.sqlite import opening
from titan.store.sqlite.session import QUERIES, SqliteSession

STORE_FOLDER = ROOT / "src" / "titan" / "store"

#: Lists of all workers and tokens are asked for by people; a home has a handful. A starting server renews whatever
#: lease is live.
SCANS_ALLOWED = {"workers", "tokens", "organisations", "projects_with_tokens", "renew_all_leases"}

#: Not tables: what the query itself has found so far (`found` is what queries call it).
SCANS_OF_FINDINGS = ("SCAN (subquery", "SCAN found")


@pytest.fixture
def new(tmp_path: Path) -> SqliteSession:
    """Return a session on a new database."""
    session = SqliteSession(tmp_path / "new.db", flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
    opening.make(session, now=NOON)
    return session


def test_every_table_carries_its_project_or_its_organisation(new: SqliteSession) -> None:
    tables = [row[1] for row in new.connection.execute("pragma table_list") if row[0] == "main"]

    without = [
        table
        for table in tables
        if not {"project_id", "organisation_id"}
        & {row[1] for row in new.connection.execute(f"pragma table_info({table})")}
    ]

    assert sorted(without) == ["meta", "organisations", "sign_ins", "sqlite_schema"]  # a sign-in is its token's


@pytest.mark.parametrize("name", sorted(QUERIES.keys() - SCANS_ALLOWED))
def test_no_query_reads_a_whole_table(new: SqliteSession, name: str) -> None:
    plan = plan_of(new, name)

    scans = [step for step in plan if step.startswith("SCAN ") and "VIRTUAL" not in step]
    scans = [step for step in scans if not step.startswith(SCANS_OF_FINDINGS)]
    assert scans == []


@pytest.mark.parametrize(
    "name",
    [
        "jobs_to_take",
        "due_jobs",
        "jobs_due_after",
        "newest_jobs",
        "newest_dags",
        "stages",
        "journal",
        "forgettable_runs",
    ],
)
def test_a_list_that_may_be_long_is_never_sorted(new: SqliteSession, name: str) -> None:
    plan = plan_of(new, name)

    assert [step for step in plan if "TEMP B-TREE" in step] == []


def test_jobs_to_take_are_one_range_of_an_index_on_sqlite(new: SqliteSession) -> None:
    assert plan_of(new, "jobs_to_take") == [
        "SEARCH jobs USING INDEX jobs_to_take (lane=? AND requirement=?)",
        "CORRELATED SCALAR SUBQUERY 1",
        "SEARCH attempts USING INDEX attempts_one_live_per_job (job_id=?)",
    ]


def plan_of(session: SqliteSession, name: str) -> list[str]:
    parameters = dict.fromkeys(re.findall(r":([a-z_]+)", QUERIES[name]))
    found = session.connection.execute(f"explain query plan {QUERIES[name]}", parameters)
    return [str(row[3]) for row in found]


def test_every_query_is_asked_for_and_every_name_asked_for_is_a_query() -> None:
    sources = [path for path in STORE_FOLDER.rglob("*.py") if "runs" not in path.parts]
    asking = re.compile(
        r"(?:_all\(|_one\(|_(?:find|first)\(\s*[A-Z_]+,|\b(?:all|one|run|run_many|count)\()\s*\"(\w+)\""
    )

    asked_for = {name for path in sources for name in asking.findall(path.read_text(encoding="utf-8"))}
    asked_for |= {
        name
        for path in sources
        for name in re.findall(r'^    "(forget_\w+|clear_\w+)",$', path.read_text("utf-8"), re.M)
    }
    asked_for |= {"newest_gates", "newest_open_gates", *_OF_LEASE}

    # The last two are the run store's.
    assert asked_for == (QUERIES.keys() | POSTGRES.queries.keys()) - {"listen_to_calls", "relax"}
