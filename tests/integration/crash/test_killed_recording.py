"""kill -9 of a server that records: whatever an answer acknowledged is there afterwards, and nothing is half there."""

from pathlib import Path
from random import Random

import pytest

from benchmarks.kill_load import kill_at_random, loaded
from tests.support.raw_http import ask
from tests.support.running_titan import running_titan


@pytest.mark.slow
@pytest.mark.parametrize("seed", [pytest.param(seed, id=f"seed={seed}") for seed in (1, 2)])
def test_every_call_that_was_acknowledged_outlives_the_servers_kills(seed: int, tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", offers=()) as titan:
        with loaded(titan.sdk_port, seed=seed) as load:
            kill_at_random(titan, load, Random(seed), kills=3)

        assert load.acknowledged > 0
        assert load.lost() == {}
        assert ask(titan.sdk_port, "GET", "/api/health").status == 200
