"""kill -9 of a worker that holds prefetched leases, and of its server: no job is lost, none runs twice at once."""

import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import wait_until
from tests.support.witness import Witness, a_submission

SIZE = 300  #: jobs of 20 ms beside each other: 1.5 s on four slots, and some 8 are prefetched
SEEDS = [pytest.param(1, on, id=on) for on in ("sqlite", "postgres")]

#: Appends a line when it begins and when it ends. Its lock goes with its process, however that ends.
SCRIPT = """
import fcntl, os, sys, time

def mark(word):
    file = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{word} {os.environ['TITAN_JOB_NAME']}\\n".encode())
    os.close(file)

lock = os.open(f"{sys.argv[1]}.{os.environ['TITAN_JOB_NAME']}", os.O_WRONLY | os.O_CREAT)
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    mark("twice")
mark("began")
time.sleep(0.02)
mark("ended")
"""


class Crowd:
    """Many short jobs, of which workers prefetch some."""

    def __init__(self, witness: Witness, folder: Path) -> None:
        self.witness = witness
        self._marks = folder / "crowd"
        jobs = [{"id": f"job{number:03}", "args": [str(self._marks)], "max_lost": 9} for number in range(SIZE)]
        self._dag_id = witness.post("/api/dags", a_submission("crowd", jobs, SCRIPT))["dag_id"]
        self._killed: set[str] = set()

    def jobs(self) -> list[dict[str, Any]]:
        """Return the jobs with their attempts."""
        found: list[dict[str, Any]] = self.witness.ask(f"/api/dags/{self._dag_id}", attempts="true")["jobs"]
        return found

    def wait_for_a_worker_that_prefetches(self) -> str:
        """Return the id of a worker that lives and holds leases whose jobs have not begun, as far as is known."""
        found: list[str] = []

        def is_there() -> bool:
            live = [
                attempt["worker_id"]
                for job in self.jobs()
                for attempt in job["attempts"]
                if job["status"] == "READY" and attempt["outcome"] is None
            ]
            found[:] = [worker_id for worker_id, n in Counter(live).items() if n > 2 and worker_id not in self._killed]
            return bool(found)

        wait_until(is_there, "a worker prefetches", seconds=60)
        return found[0]

    def kill_a_worker_that_prefetches(self) -> None:
        worker_id = self.wait_for_a_worker_that_prefetches()
        self.witness.remember_processes()
        (pid,) = (w["pid"] for w in self.witness.ask("/api/workers")["workers"] if w["worker_id"] == worker_id)
        os.kill(pid, signal.SIGKILL)
        self._killed.add(worker_id)

    def see_that_all_is_well(self) -> None:
        """Wait for the end, and see that each job has run to its end once, and never beside itself."""
        self.witness.wait_for_status(self._dag_id, "COMPLETED")
        for job in self.jobs():
            outcomes = Counter(attempt["outcome"] for attempt in job["attempts"])
            assert outcomes["succeeded"] == 1, f"{job['name']}: {outcomes}"
            assert set(outcomes) <= {"succeeded", "lost", "returned"}, f"{job['name']}: {outcomes}"
        assert self.marked("twice").total() == 0
        self.witness.see_that_all_is_well()

    def lost(self) -> Counter[str]:
        """Return job → how many of its attempts were lost."""
        found = ((job["name"], attempt["outcome"]) for job in self.jobs() for attempt in job["attempts"])
        return Counter(name for name, outcome in found if outcome == "lost")

    def marked(self, word: str) -> Counter[str]:
        """Return job → how often it wrote this."""
        marks = (line.split() for line in self._marks.read_text().splitlines())
        return Counter(name for said, name in marks if said == word)


@pytest.mark.parametrize(("seed", "on"), SEEDS)
def test_jobs_prefetched_by_killed_workers_run_elsewhere_and_are_lost_at_most_once_without_a_start(
    witness: Witness, tmp_path: Path, seed: int, on: str
) -> None:
    crowd = Crowd(witness, tmp_path)

    for _kill in range(3):
        crowd.kill_a_worker_that_prefetches()

    crowd.see_that_all_is_well()
    lost, began = crowd.lost(), crowd.marked("began")
    without_having_begun = {name: lost[name] - (began[name] - 1) for name in began}
    assert max(without_having_begun.values()) == 1, f"lost more often: {without_having_begun}"


@pytest.mark.parametrize(("seed", "on"), SEEDS)
def test_a_worker_runs_its_prefetched_jobs_after_the_server_is_killed_and_restarted(
    witness: Witness, tmp_path: Path, seed: int, on: str
) -> None:
    crowd = Crowd(witness, tmp_path)

    for _kill in range(2):
        crowd.wait_for_a_worker_that_prefetches()
        witness.kill_server()
        witness.titan.start_again()

    crowd.see_that_all_is_well()
    assert crowd.lost() == Counter(), "the worker lived on"
    assert set(crowd.marked("began").values()) == {1}
