"""The migration that begins to count by the hour counts every run of before."""

from contextlib import closing
from pathlib import Path

import apsw

from tests.support.call_stores import record
from tests.support.recorded import a_call, a_word
from tests.support.sources import ROOT
from tests.support.stores import StandingClock
from titan.model.actions import Outcome
from titan.store.calls.sqlite_store import SqliteCallStore
from titan.store.session import Row

MIGRATION = ROOT / "src/titan/store/sql/calls/sqlite/migrations/0016_agent_hours.sql"


def hours_of(path: Path) -> list[Row]:
    with closing(apsw.Connection(str(path))) as connection:
        return connection.execute("select * from agent_hours order by agent_id, hour").fetchall()


def migrated_again(path: Path) -> list[Row]:
    """Return the hours as the migration counts them."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("drop table agent_hours")
        connection.execute(MIGRATION.read_text("utf-8"))
    return hours_of(path)


def test_the_runs_of_a_store_from_before_are_counted_by_hour(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    store = SqliteCallStore(path, clock=StandingClock())
    for run_id, agent, begins, outcome in (
        ("R_1", "ada", 0, Outcome.BLOCKED),
        ("R_2", "ada", 1, Outcome.SUCCESS),
        ("R_3", "ada", 3600, Outcome.REJECTED),
        ("R_4", "bob", 7200, Outcome.ERROR),
    ):
        record(
            store,
            a_word(run_id=run_id, seconds=begins, agent_id=agent),
            a_call(run_id=run_id, begins=begins, ends=begins, outcome=outcome),
        )
    store.close()
    counted = hours_of(path)

    assert migrated_again(path) == counted
    assert [row[3:] for row in counted] == [(1, 2), (1, 1), (0, 1)]
