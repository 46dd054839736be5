"""kill -9 of the worker, of the server, of both: no job is lost, and none runs before its parents are done."""

from random import Random

import pytest

from tests.support.waiting import is_running
from tests.support.witness import CHAIN, Witness, crowd, tangle

SEEDS = [
    pytest.param(seed, on, id=f"{on}-seed={seed}", marks=() if seed == 1 else pytest.mark.slow)
    for seed, on in ((1, "sqlite"), (2, "sqlite"), (3, "sqlite"), (1, "postgres"))
]


@pytest.mark.parametrize(("seed", "on"), SEEDS)
def test_a_killed_workers_jobs_run_again_elsewhere(witness: Witness, seed: int, on: str) -> None:
    chance = Random(seed)
    witness.submit("crowd", crowd("job", 6), seconds=0.8)

    for _kill in range(2):
        witness.wait_for_attempts(chance.randint(1, 4))
        witness.kill_worker()

    witness.see_that_all_is_well()


@pytest.mark.parametrize(("seed", "on"), SEEDS)
def test_a_chain_resumes_where_it_was_when_the_server_is_killed_and_restarted(
    witness: Witness, seed: int, on: str
) -> None:
    chance = Random(seed)
    chain = witness.submit("chain", CHAIN, seconds=0.5)

    for job in chance.sample(sorted(CHAIN), 2):
        if f"ended {job}" not in witness.marks():
            witness.wait_for_mark(f"{chance.choice(['began', 'ended'])} {job}")
        witness.kill_server()
        witness.titan.start_again()

    witness.see_that_all_is_well()
    jobs = witness.ask(f"/api/dags/{chain}")["jobs"]
    assert [witness.outcomes(job["job_id"]) for job in jobs] == [["succeeded"]] * 4, "the worker lived on"


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "on"), SEEDS)
def test_a_chain_continues_when_server_and_worker_are_killed_together(witness: Witness, seed: int, on: str) -> None:
    chance = Random(seed)
    witness.submit("chain", CHAIN, seconds=0.5)

    witness.wait_for_mark(f"began {chance.choice(sorted(CHAIN))}")
    witness.kill_both()
    witness.titan.start_again()

    witness.see_that_all_is_well()


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "on"), SEEDS)
def test_a_graph_survives_a_series_of_kills_of_any_kind(witness: Witness, seed: int, on: str) -> None:
    chance = Random(seed)
    witness.submit("tangle", tangle(chance, 30), seconds=1.0)

    for _kill in range(5):
        witness.wait_for_attempts(chance.randint(1, 5))
        chance.choice([witness.kill_worker, witness.kill_server, witness.kill_both])()
        if not is_running(witness.titan.pid):
            witness.titan.start_again()

    witness.see_that_all_is_well()
