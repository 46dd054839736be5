"""A Titan with four slots and a witness beside it; when the test is over, nothing of it may be left."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from tests.support.postgres import a_database
from tests.support.running_titan import running_titan
from tests.support.witness import Witness


@pytest.fixture
def on() -> str:
    """Return what the store is kept in, where a test does not say so."""
    return "sqlite"


@pytest.fixture
def witness(seed: int, on: str, tmp_path: Path) -> Iterator[Witness]:
    """Give the witness of a Titan that `seed` will be used on."""
    with ExitStack() as stack:
        url = stack.enter_context(a_database()) if on == "postgres" else None
        titan = stack.enter_context(running_titan(tmp_path / "home", store=url))
        witness = Witness(titan, tmp_path, Random(seed))
        yield witness
    witness.see_that_nothing_is_left()
