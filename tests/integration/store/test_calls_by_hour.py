"""A store of calls from before hours were counted is opened with every run of it counted."""

from contextlib import closing
from pathlib import Path

import apsw

from tests.support.call_stores import record
from tests.support.recorded import a_call, a_word
from tests.support.stores import StandingClock
from titan.model.actions import Outcome
from titan.store.calls.sqlite_store import SqliteCallStore
from titan.store.session import Row

BEFORE = 15  # the migration after it counts


def hours_of(path: Path) -> list[Row]:
    with closing(apsw.Connection(str(path))) as connection:
        return connection.execute("select * from agent_hours order by agent_id, hour").fetchall()


def as_before(path: Path) -> None:
    """Make a database what the server before wrote."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("drop table agent_hours")
        connection.execute("update meta set value = ? where name = 'schema_version'", (str(BEFORE),))


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
    as_before(path)

    SqliteCallStore(path, clock=StandingClock()).close()

    assert hours_of(path) == counted
    assert [row[3:] for row in counted] == [(1, 2), (1, 1), (0, 1)]
