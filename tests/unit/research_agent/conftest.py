"""A model that says what a test tells it to, behind the SDK's own transport."""

from collections.abc import Iterator

import pytest

from tests.support.fake_titan import FakeTitan, fake_titan
from tests.support.heard import Heard, recorded_locally
from titan_sdk import TitanClient


@pytest.fixture
def fake() -> Iterator[FakeTitan]:
    """Return a fake server; its `model_answers` are given in turn."""
    with fake_titan() as running:
        yield running


@pytest.fixture
def client(fake: FakeTitan) -> TitanClient:
    """Return a client of the fake server."""
    return TitanClient("127.0.0.1", fake.port, retry_for_seconds=0, announce=lambda _: None)


@pytest.fixture(autouse=True)
def heard() -> Iterator[Heard]:
    """Keep what the agent records of itself in memory."""
    with recorded_locally() as heard:
        yield heard
