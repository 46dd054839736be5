"""kill -9 of servers and workers while jobs are parked: no job is lost, stuck, or run beside itself."""

import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import wait_until
from tests.support.witness import Witness, a_submission

AGENTS = 6  #: on four slots
ROUNDS = 8  #: of waiting, in each agent
KILLS = ("server", "worker", "both", "server", "worker")
ON = [pytest.param(1, on, id=on) for on in ("sqlite", "postgres")]

#: Waits for one child after the other. Its lock goes with its process, however that ends.
AGENT = f"""
import fcntl, os, sys
from titan_sdk import TitanClient, TitanJob

lock = os.open(f"{{sys.argv[1]}}.{{os.environ['TITAN_JOB_NAME']}}", os.O_WRONLY | os.O_CREAT)
fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
client = TitanClient()
for _round in range({ROUNDS}):
    child = TitanJob("child", "child.py", script_content="import time; time.sleep(0.3)", max_lost=9)
    assert client.wait(client.submit_dag("children", [child])) == "COMPLETED"
"""


class Agents:
    """Jobs that spend their lives waiting for others."""

    def __init__(self, witness: Witness, folder: Path) -> None:
        self.witness = witness
        jobs = [{"id": f"agent{n}", "args": [str(folder / "lock")], "max_lost": 9} for n in range(AGENTS)]
        self.dag_id = witness.post("/api/dags", a_submission("agents", jobs, AGENT))["dag_id"]

    def jobs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.witness.ask(f"/api/dags/{self.dag_id}", attempts="true")["jobs"]
        return found

    def wait_until_some_are_parked(self) -> str:
        """Return the id of the worker of attempts that are parked now."""
        found: list[str] = []

        def are() -> bool:
            live = [each for job in self.jobs() for each in job["attempts"] if each["parked_at"]]
            found[:] = [each["worker_id"] for each in live]
            return len(found) > 1

        wait_until(are, "two agents are parked", seconds=120)
        return found[0]

    def kill(self, kind: str) -> None:
        worker_id = self.wait_until_some_are_parked()
        self.witness.remember_processes()
        (pid,) = (w["pid"] for w in self.witness.ask("/api/workers")["workers"] if w["worker_id"] == worker_id)
        if kind != "server":
            os.kill(pid, signal.SIGKILL)
        if kind != "worker":
            self.witness.kill_server()
            self.witness.titan.start_again()


@pytest.mark.parametrize(("seed", "on"), ON)
def test_agents_that_were_parked_when_server_worker_or_both_were_killed_end(
    witness: Witness, tmp_path: Path, seed: int, on: str
) -> None:
    agents = Agents(witness, tmp_path)

    for kind in KILLS:
        agents.kill(kind)

    witness.wait_for_status(agents.dag_id, "COMPLETED")
    for job in agents.jobs():
        outcomes = Counter(attempt["outcome"] for attempt in job["attempts"])
        assert outcomes["succeeded"] == 1, f"{job['name']}: {outcomes}"
        assert set(outcomes) <= {"succeeded", "lost", "returned"}, f"{job['name']}: {outcomes}"
    witness.see_that_all_is_well()


@pytest.mark.parametrize(("seed", "on"), ON)
def test_a_wait_goes_on_through_kills_of_the_server_without_a_lost_attempt(
    witness: Witness, tmp_path: Path, seed: int, on: str
) -> None:
    agents = Agents(witness, tmp_path)

    for _kill in range(3):
        agents.kill("server")

    witness.wait_for_status(agents.dag_id, "COMPLETED")
    assert [[attempt["outcome"] for attempt in job["attempts"]] for job in agents.jobs()] == [["succeeded"]] * AGENTS
    assert all(job["parked_ns"] > 0 for job in agents.jobs())
    witness.see_that_all_is_well()
