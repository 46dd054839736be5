"""One server with a worker for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.running_titan import RunningTitan, running_titan


@pytest.fixture(scope="package")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    """A server that the tests share; each has workflows of its own."""
    with running_titan(tmp_path_factory.mktemp("evaluate") / "home") as running:
        yield running


@pytest.fixture
def port(titan: RunningTitan) -> int:
    """Where the shared server listens."""
    return titan.sdk_port
