"""Two servers on one database: kill -9 of either loses no job and repeats none that its worker still runs."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from tests.support.postgres import a_database
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.running_worker import running_worker
from tests.support.witness import CHAIN, Witness, crowd, tangle

SEEDS = [pytest.param(1, id="seed=1"), pytest.param(2, id="seed=2", marks=pytest.mark.slow)]


class Pair:
    """Two servers without workers of their own; the first is in charge until it dies. The witness asks the second."""

    def __init__(
        self, first: RunningTitan, second: RunningTitan, folder: Path, stack: ExitStack, chance: Random
    ) -> None:
        self.first, self.second = first, second
        self.chance = chance
        self.witness = Witness(second, folder, chance)
        self._folder = folder
        self._stack = stack

    def hire(self, name: str) -> int:
        """Start a worker that asks the first server, and the second when that is away; return its process id."""
        urls = ",".join(f"http://127.0.0.1:{titan.sdk_port}" for titan in (self.first, self.second))
        return self._stack.enter_context(running_worker(urls, self._folder / name))


@pytest.fixture
def pair(seed: int, tmp_path: Path) -> Iterator[Pair]:
    """Give two servers that `seed` will be used on; what they leave is checked when they have stopped."""
    with ExitStack() as stack:
        url = stack.enter_context(a_database())
        first, second = (
            stack.enter_context(running_titan(tmp_path / name, offers=(), store=url, shared=tmp_path / "shared"))
            for name in ("first", "second")
        )
        pair = Pair(first, second, tmp_path, stack, Random(seed))
        yield pair
    pair.witness.see_that_nothing_is_left()


@pytest.mark.parametrize("seed", SEEDS)
def test_attempts_continue_when_the_server_of_their_worker_is_killed(pair: Pair, seed: int) -> None:
    pair.hire("worker")
    chain = pair.witness.submit("chain", CHAIN, seconds=0.5)

    pair.witness.wait_for_mark(f"{pair.chance.choice(['began', 'ended'])} {pair.chance.choice('ABC')}")
    pair.first.kill()

    pair.witness.see_that_all_is_well()
    jobs = pair.witness.ask(f"/api/dags/{chain}")["jobs"]
    assert [pair.witness.outcomes(job["job_id"]) for job in jobs] == [["succeeded"]] * 4, "the worker lived on"


@pytest.mark.parametrize("seed", SEEDS)
def test_the_remaining_server_reclaims_the_jobs_of_a_dead_worker(pair: Pair, seed: int) -> None:
    dying = pair.hire("dying")
    pair.witness.submit("crowd", crowd("job", 4), seconds=1.0)
    pair.witness.wait_for_attempts(2)

    pair.first.kill()
    os.kill(dying, signal.SIGKILL)
    pair.hire("other")

    pair.witness.see_that_all_is_well()


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_a_graph_survives_a_series_of_kills_of_both_servers(pair: Pair, seed: int) -> None:
    for name in ("one", "two"):
        pair.hire(name)
    pair.witness.submit("tangle", tangle(pair.chance, 30), seconds=1.0)

    for _kill in range(4):
        pair.witness.wait_for_attempts(pair.chance.randint(1, 5))
        victim = pair.chance.choice([pair.first, pair.second])
        victim.kill()
        if victim is pair.first:  # the witness has nobody else to ask than the second
            pair.witness.wait_for_attempts(2)
        victim.start_again()

    pair.witness.see_that_all_is_well()
