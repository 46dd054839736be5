"""One server without a worker for all tests of this folder; what they submit waits for nobody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.raw_http import ask
from tests.support.running_titan import RunningTitan, Two, running_titan, two_titans


@pytest.fixture(scope="package")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    """A server that the tests share: they look at what they themselves changed."""
    with running_titan(tmp_path_factory.mktemp("http") / "home", offers=()) as running:
        yield running


@pytest.fixture(scope="package")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """Two servers besides, for exports and imports: the runs of each test have names of their own."""
    with two_titans(tmp_path_factory.mktemp("two")) as running:
        yield running


@pytest.fixture
def port(titan: RunningTitan) -> int:
    """Where the shared server listens."""
    return titan.sdk_port


@pytest.fixture(autouse=True)
def no_worker_stays(port: int) -> Iterator[None]:
    """Let a test's workers go with it: written off 10 s later, they would change what another test looks at."""
    yield
    for worker in ask(port, "GET", "/api/workers").value["workers"]:
        if worker["state"] == "connected":
            ask(port, "POST", f"/api/workers/{worker['worker_id']}/leave")
