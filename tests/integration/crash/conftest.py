"""A Titan with four slots and a witness beside it; when the test is over, nothing of it may be left."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.support.running_titan import running_titan
from tests.support.witness import Witness


@pytest.fixture
def witness(seed: int, tmp_path: Path) -> Iterator[Witness]:
    """Give the witness of a Titan that `seed` will be used on."""
    with running_titan(tmp_path / "home") as titan:
        witness = Witness(titan, tmp_path, Random(seed))
        yield witness
    witness.see_that_nothing_is_left()
