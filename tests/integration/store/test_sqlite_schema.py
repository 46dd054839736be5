"""The schema is what its migrations make, and every query finds its way through an index."""

import re
from pathlib import Path

import apsw
import pytest

from tests.support.builders import NOON
from tests.support.sources import ROOT
from titan.store.postgres.session import QUERIES as POSTGRES_QUERIES
from titan.store.sqlite import opening
from titan.store.sqlite.session import QUERIES, SqliteSession

STORE_FOLDER = ROOT / "src" / "titan" / "store"
SCHEMA_FILE = STORE_FOLDER / "sql" / "sqlite" / "schema.sql"

#: A list of all workers is asked for by people; a home has a handful.
SCANS_ALLOWED = {"workers"}

#: Not tables: what the query itself has found so far (`found` is what queries call it).
SCANS_OF_FINDINGS = ("SCAN (subquery", "SCAN found")


def schema_of(connection: apsw.Connection) -> list[tuple[object, ...]]:
    """Return what the database consists of, without comments and layout."""
    found = connection.execute("select type, name, tbl_name, sql from sqlite_schema order by type, name")
    return [(*row[:3], plain(str(row[3]))) for row in found]


def plain(sql: str) -> str:
    """Return SQL without comments and layout; a renamed table's name comes in quotes, an added column after a blank."""
    return re.sub(r" ?([,()]) ?", r"\1", " ".join(re.sub(r"--.*", "", sql).replace('"', "").split()))


@pytest.fixture
def migrated(tmp_path: Path) -> SqliteSession:
    """Return a session on a database that the migrations made."""
    session = SqliteSession(tmp_path / "migrated.db", flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
    opening.migrate(session, now=NOON)
    return session


def test_the_migrations_make_the_schema(migrated: SqliteSession) -> None:
    fresh = apsw.Connection(":memory:")

    fresh.execute(SCHEMA_FILE.read_text(encoding="utf-8"))

    assert schema_of(migrated.connection) == schema_of(fresh)


def test_every_table_carries_its_project(migrated: SqliteSession) -> None:
    tables = [row[1] for row in migrated.connection.execute("pragma table_list") if row[0] == "main"]

    without = [
        table
        for table in tables
        if "project_id" not in [row[1] for row in migrated.connection.execute(f"pragma table_info({table})")]
    ]

    assert sorted(without) == ["meta", "sqlite_schema"]


@pytest.mark.parametrize("name", sorted(QUERIES.keys() - SCANS_ALLOWED))
def test_no_query_reads_a_whole_table(migrated: SqliteSession, name: str) -> None:
    plan = plan_of(migrated, name)

    scans = [step for step in plan if step.startswith("SCAN ") and "VIRTUAL" not in step]
    scans = [step for step in scans if not step.startswith(SCANS_OF_FINDINGS)]
    assert scans == []


@pytest.mark.parametrize(
    "name", ["jobs_to_take", "due_jobs", "newest_jobs", "newest_dags", "stages", "journal", "newest_runs"]
)
def test_a_list_that_may_be_long_is_never_sorted(migrated: SqliteSession, name: str) -> None:
    plan = plan_of(migrated, name)

    assert [step for step in plan if "TEMP B-TREE" in step] == []


def test_what_may_be_taken_is_one_range_of_its_own_index(migrated: SqliteSession) -> None:
    assert plan_of(migrated, "jobs_to_take") == ["SEARCH jobs USING INDEX jobs_to_take (lane=? AND requirement=?)"]


def plan_of(session: SqliteSession, name: str) -> list[str]:
    parameters = dict.fromkeys(re.findall(r":([a-z_]+)", QUERIES[name]))
    found = session.connection.execute(f"explain query plan {QUERIES[name]}", parameters)
    return [str(row[3]) for row in found]


def test_every_query_is_asked_for_and_every_name_asked_for_is_a_query() -> None:
    sources = [path for path in STORE_FOLDER.rglob("*.py") if "rows" not in path.parts]
    asking = re.compile(r"(?:_all|_one|\.(?:all|one|run|run_many|count))\(\s*\"(\w+)\"")

    asked_for = {name for path in sources for name in asking.findall(path.read_text(encoding="utf-8"))}
    together = (STORE_FOLDER / "postgres" / "ahead.py").read_text(encoding="utf-8")
    asked_for |= set(re.findall(r'"(\w+)"', together)) & POSTGRES_QUERIES.keys()

    assert asked_for == QUERIES.keys() | POSTGRES_QUERIES.keys()
