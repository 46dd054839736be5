"""kill -9 of a server while agents submit stages: its runs are as one reads them from the journal in one go."""

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from random import Random
from threading import Event, Thread

import pytest

from tests.support.call_stores import standing_runs
from tests.support.raw_http import ask, ask_json
from tests.support.running_titan import running_titan
from tests.support.waiting import wait_until
from titan.model.runs import Run
from titan.orchestrator.bus import Bus
from titan.recorder.run_projector import RunProjector
from titan.store.runs.sqlite_store import SqliteCallStore
from titan.store.sqlite import SqliteStore
from titan.system import SystemClock
from titan_sdk import DagAccepted, TitanClient, TitanJob

KILLS = 10
RUNS = [f"AGENT_{number}" for number in range(5)]
MOST_BETWEEN = 6  # submissions between two kills; each is read from the journal within 50 ms


@contextmanager
def an_agent(port: int) -> Iterator[list[DagAccepted]]:
    """Submit stages of some runs for the length of a `with` block; what was acknowledged is in the list."""
    client, is_over, acknowledged = (
        TitanClient("127.0.0.1", port, announce=lambda _: None),
        Event(),
        list[DagAccepted](),
    )

    def submit() -> None:
        while not is_over.is_set():
            number = len(acknowledged)
            exits = "0" if number % 4 else "1"
            job = TitanJob("work", "work.py", script_content=f"raise SystemExit({exits})")
            acknowledged.append(client.submit_dag(f"stage {number}", [job], agent_run_id=RUNS[number % len(RUNS)]))
            is_over.wait(0.02)

    thread = Thread(target=submit)
    thread.start()
    try:
        yield acknowledged
    finally:
        is_over.set()
        thread.join()
    for submission in acknowledged:
        client.wait(submission, timeout=60)


def is_long(acknowledged: list[DagAccepted], enough: int) -> bool:
    return len(acknowledged) >= enough


@pytest.mark.slow
def test_ten_kills_leave_the_runs_as_the_journal_records_them(tmp_path: Path) -> None:
    chance, home = Random(1), tmp_path / "home"

    with running_titan(home) as titan:
        with an_agent(titan.sdk_port) as acknowledged:
            for _ in range(KILLS):
                enough = len(acknowledged) + chance.randint(1, MOST_BETWEEN)
                wait_until(partial(is_long, acknowledged, enough), "the agent submits more")
                titan.kill()
                titan.start_again()
        for run_id in RUNS:
            assert ask_json(titan.sdk_port, "POST", f"/api/v1/runs/{run_id}/end", {"status": "completed"}).status == 200
        assert ask(titan.sdk_port, "GET", "/api/v1/runs").status == 200  # by then the journal has been read

    followed, read_at_once = runs_of(home, tmp_path / "fresh.db")
    assert sorted(followed) == RUNS
    assert followed == read_at_once


def runs_of(home: Path, fresh: Path) -> tuple[dict[str, Run], dict[str, Run]]:
    """Return the runs that a server kept, and those of a registry that reads its journal from the beginning."""
    clock, loop = SystemClock(), asyncio.new_event_loop()
    loop.close()  # nobody waits here
    with (
        closing(SqliteStore(home / "control.db", clock=clock)) as store,
        closing(SqliteCallStore(home / "calls.db", clock=clock)) as kept,
        closing(SqliteCallStore(fresh, clock=clock)) as calls,
    ):
        run_projector = RunProjector(store, calls, bus=Bus(loop), clock=clock)
        while run_projector.catch_up():
            pass
        return standing_runs(kept), standing_runs(calls)
