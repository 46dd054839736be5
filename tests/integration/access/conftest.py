"""One server for all tests of this folder: on loopback, and every request needs a token."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.running_titan import RunningTitan, running_titan
from tests.support.token_holder import Holder


@pytest.fixture(scope="package")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    """A server that the tests share; it has no worker, but tests claim jobs whose leases end later."""
    home = tmp_path_factory.mktemp("access") / "home"
    with running_titan(home, offers=(), options=("--require-token",)) as running:
        yield running


@pytest.fixture(scope="package")
def admin(titan: RunningTitan) -> Holder:
    """Whoever works on the server's own machine and home."""
    return Holder(titan.sdk_port, titan.home_token)


@pytest.fixture
def nobody(titan: RunningTitan) -> Holder:
    """Somebody without a token."""
    return Holder(titan.sdk_port, None)


@pytest.fixture(scope="package")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holder]:
    """Whoever works on a server where only the test itself changes something: nobody claims jobs, so no lease ends."""
    home = tmp_path_factory.mktemp("quiet") / "home"
    with running_titan(home, offers=(), options=("--require-token",)) as running:
        yield Holder(running.sdk_port, running.home_token)
