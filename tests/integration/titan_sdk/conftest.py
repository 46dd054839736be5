"""One running Titan for the tests of what its clients can do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.running_titan import RunningTitan, running_titan
from titan_sdk import TitanClient


@pytest.fixture(scope="session")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    with running_titan(tmp_path_factory.mktemp("titan") / "home") as running:
        yield running


@pytest.fixture
def client(titan: RunningTitan) -> Iterator[TitanClient]:
    with TitanClient("127.0.0.1", titan.sdk_port, announce=lambda _: None) as connected:
        yield connected
