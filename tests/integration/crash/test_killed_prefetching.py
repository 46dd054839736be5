"""kill -9 of a worker that holds prefetched leases, and of its server: no job is lost, none runs twice at once."""

from collections import Counter
from typing import Any

import pytest

from tests.support.waiting import wait_until
from tests.support.witness import LOCKED_SCRIPT, Graph, Witness

SIZE = 200  #: jobs of a few milliseconds, each beside the others
GRAPH: Graph = {f"job{number:03}": [] for number in range(SIZE)}
SEEDS = [pytest.param(1, on, id=on) for on in ("sqlite", "postgres")]


class Crowd:
    """Many short jobs, of which a worker prefetches some."""

    def __init__(self, witness: Witness) -> None:
        self.witness = witness
        self.dag_id = witness.submit("crowd", GRAPH, seconds=0.01, script=LOCKED_SCRIPT)

    def jobs(self) -> list[dict[str, Any]]:
        """Return the jobs with their attempts."""
        found: list[dict[str, Any]] = self.witness.ask(f"/api/dags/{self.dag_id}", attempts="true")["jobs"]
        return found

    def prefetched(self) -> list[str]:
        """Return the jobs that a worker holds and has not said that it began."""
        return [
            job["name"]
            for job in self.jobs()
            if job["status"] == "READY" and any(attempt["outcome"] is None for attempt in job["attempts"])
        ]

    def wait_until_some_are_prefetched(self) -> None:
        wait_until(lambda: len(self.prefetched()) >= 3, "the worker prefetches", seconds=60)

    def lost(self) -> Counter[str]:
        """Return job → how many of its attempts were lost."""
        return Counter({job["name"]: outcomes_of(job)["lost"] for job in self.jobs()})

    def begun(self) -> Counter[str]:
        """Return job → how often it really began."""
        return Counter(mark.split()[1] for mark in self.witness.marks() if mark.startswith("began"))

    def see_that_all_is_well(self) -> None:
        """Wait for the end, and see that each job has run to its end, and never beside itself."""
        self.witness.see_that_all_is_well()
        assert self.witness.twice() == []


def outcomes_of(job: dict[str, Any]) -> Counter[str]:
    return Counter(attempt["outcome"] for attempt in job["attempts"])


@pytest.fixture
def crowd(witness: Witness) -> Crowd:
    return Crowd(witness)


@pytest.mark.parametrize(("seed", "on"), SEEDS)
def test_what_a_killed_worker_had_prefetched_runs_elsewhere_and_is_lost_once_more_than_it_ran_at_most(
    crowd: Crowd, seed: int, on: str
) -> None:
    for _kill in range(3):
        crowd.wait_until_some_are_prefetched()
        crowd.witness.kill_worker()

    crowd.see_that_all_is_well()
    lost, begun = crowd.lost(), crowd.begun()
    beyond = {name: lost[name] - (begun[name] - 1) for name in GRAPH}
    assert max(beyond.values()) == 1, f"lost more often than it was running, or held without: {beyond}"
    assert lost.total() >= 3


@pytest.mark.parametrize(("seed", "on"), SEEDS)
def test_a_worker_goes_on_with_what_it_prefetched_when_the_server_is_killed_and_started_again(
    crowd: Crowd, seed: int, on: str
) -> None:
    for _kill in range(2):
        crowd.wait_until_some_are_prefetched()
        crowd.witness.kill_server()
        crowd.witness.titan.start_again()

    crowd.see_that_all_is_well()
    assert (crowd.lost().total(), crowd.begun()) == (0, Counter(GRAPH.keys())), "the worker lived on"
