"""Many interleavings of submissions, attempts, losses and crashes, of which nothing is lost or done twice.

A few seeds run every day, thousands with the slow tests. `SIMULATION_SEEDS=17 pytest tests/simulation -m "not slow"`
repeats one seed, `SIMULATION_SEEDS=5000-9999` explores others.
"""

import pytest

from tests.simulation.seeds import chosen_seeds, failures, few_and_many
from tests.simulation.world import (
    fair_weather,
    kills_of_parked,
    kills_of_parked_on_postgres,
    restarts,
    restarts_on_postgres,
    storm,
    storm_on_postgres,
)
from tests.support.postgres import server_folder


@pytest.mark.parametrize("seeds", few_and_many(120, 1400))
def test_in_a_storm_every_job_ends_once_in_order_and_no_slot_is_lost(seeds: range) -> None:
    assert not failures(storm, chosen_seeds(seeds))


@pytest.mark.parametrize("seeds", few_and_many(40, 300))
def test_in_fair_weather_no_able_worker_idles_while_a_job_waits(seeds: range) -> None:
    assert not failures(fair_weather, chosen_seeds(seeds))


@pytest.mark.parametrize("seeds", few_and_many(40, 300))
def test_restarts_of_the_server_alone_lose_no_attempt(seeds: range) -> None:
    assert not failures(restarts, chosen_seeds(seeds))


@pytest.mark.parametrize("seeds", few_and_many(8, 20))
def test_a_storm_on_postgres_ends_as_one_on_a_file_does(seeds: range) -> None:
    server_folder()  # one for all the processes that live through seeds

    assert not failures(storm_on_postgres, chosen_seeds(seeds))


@pytest.mark.parametrize("seeds", few_and_many(4, 10))
def test_restarts_on_postgres_lose_no_attempt(seeds: range) -> None:
    server_folder()

    assert not failures(restarts_on_postgres, chosen_seeds(seeds))


@pytest.mark.parametrize("seeds", few_and_many(40, 400))
def test_200_kills_over_parked_attempts_lose_double_and_hang_nothing(seeds: range) -> None:
    assert not failures(kills_of_parked, chosen_seeds(seeds))


@pytest.mark.parametrize("seeds", few_and_many(4, 40))
def test_kills_over_parked_attempts_on_postgres_lose_double_and_hang_nothing(seeds: range) -> None:
    server_folder()

    assert not failures(kills_of_parked_on_postgres, chosen_seeds(seeds))
