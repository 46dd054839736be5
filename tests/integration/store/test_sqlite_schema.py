"""The schema is what its migrations make, and every query finds its way through an index."""

import re
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from tests.support.builders import NOON
from tests.support.sources import ROOT
from titan.store.postgres.session import QUERIES as POSTGRES_QUERIES
from titan.store.sqlite import SqliteStore, opening
from titan.store.sqlite.session import QUERIES, SqliteSession
from titan.system import SystemClock

STORE_FOLDER = ROOT / "src" / "titan" / "store"
SCHEMA_FILE = STORE_FOLDER / "sql" / "sqlite" / "schema.sql"

#: A list of all workers is asked for by people; a home has a handful. A starting server renews whatever lease is live.
SCANS_ALLOWED = {"workers", "renew_all_leases"}

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
    "name",
    ["jobs_to_take", "due_jobs", "jobs_due_after", "newest_jobs", "newest_dags", "stages", "journal", "newest_runs"],
)
def test_a_list_that_may_be_long_is_never_sorted(migrated: SqliteSession, name: str) -> None:
    plan = plan_of(migrated, name)

    assert [step for step in plan if "TEMP B-TREE" in step] == []


def test_what_may_be_taken_is_one_range_of_its_own_index(migrated: SqliteSession) -> None:
    assert plan_of(migrated, "jobs_to_take") == [
        "SEARCH jobs USING INDEX jobs_to_take (lane=? AND requirement=?)",
        "CORRELATED SCALAR SUBQUERY 1",
        "SEARCH attempts USING INDEX attempts_one_live_per_job (job_id=?)",
    ]


def plan_of(session: SqliteSession, name: str) -> list[str]:
    parameters = dict.fromkeys(re.findall(r":([a-z_]+)", QUERIES[name]))
    found = session.connection.execute(f"explain query plan {QUERIES[name]}", parameters)
    return [str(row[3]) for row in found]


def test_every_query_is_asked_for_and_every_name_asked_for_is_a_query() -> None:
    sources = [path for path in STORE_FOLDER.rglob("*.py") if not {"rows", "calls"} & set(path.parts)]
    asking = re.compile(r"(?:_all|_one|\.(?:all|one|run|run_many|count))\(\s*\"(\w+)\"")

    asked_for = {name for path in sources for name in asking.findall(path.read_text(encoding="utf-8"))}
    together = (STORE_FOLDER / "postgres" / "ahead.py").read_text(encoding="utf-8")
    asked_for |= set(re.findall(r'"(\w+)"', together)) & POSTGRES_QUERIES.keys()

    assert asked_for == QUERIES.keys() | POSTGRES_QUERIES.keys()


def test_a_home_of_the_first_version_keeps_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "control.db"
    first = apsw.Connection(str(path))
    first.execute((STORE_FOLDER / "sql/sqlite/migrations/0001_initial.sql").read_text("utf-8"))
    first.execute("""
        insert into meta values ('home_id', 'h'), ('schema_version', '1');
        insert into runs values ('default', 'R_1', 'R', 1, 2, 1, 2, 1, null, null, null);
        insert into workers values ('w1', 'default', 'w', 'here', 1, '{"GENERAL":1}', '0', 'connected', 1, 2);
        insert into dags values ('d1', 'default', 'n', 'R_1', null, 'continue', 1, 1, 0, 0, 1, 0, 0, null, 0, 1, null);
        insert into jobs values
            ('d1.00000', 'default', 'd1', 'R_1', 'a', 'GENERAL', 1, 'none', 'COMPLETED', 1, 0, 1, null, 1, 2, null, 0,
                1, 0, 0, null, '{"name":"a","filename":"a.py","script":"0"}'),
            ('d1.00001', 'default', 'd1', 'R_1', 'b', 'GENERAL', 1, 'none', 'WAITING', 1, 0, null, 9, null, null, null,
                0, 0, 0, 0, 'w1', '{"name":"b","filename":"b.py","script":"0","parents":["a"]}');
        insert into edges values ('d1.00000', 'd1.00001', 'default');
        insert into attempts values ('l1', 'default', 'd1.00000', 1, 1, 'w1', 'GENERAL', 't', 1, 2, 1, 2, 'succeeded',
            0, null, 5, null, null, 0);
        insert into stored_values values ('default', 'key', 'value', null, 1);
    """)
    first.close()

    with closing(SqliteStore(path, clock=SystemClock())) as store:
        jobs = store.read(lambda reader: reader.jobs_of_dag("d1"))
        children = store.read(lambda reader: reader.children("d1.00000"))
        value = store.read(lambda reader: reader.value("default", "key", now=NOON))
        attempts = store.read(lambda reader: reader.attempts_of_job("d1.00000"))
        store.transact(lambda tx: tx.put_result("d1.00000", "default", "1")).result()

    assert [(job.name, job.status.value, job.is_gate) for job in jobs] == [
        ("a", "COMPLETED", False),
        ("b", "WAITING", False),
    ]
    assert [child.id for child in children] == ["d1.00001"]
    assert (value and value.value, [attempt.lease_id for attempt in attempts]) == ("value", ["l1"])
