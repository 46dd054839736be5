"""The implementations a contract runs on."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.call_stores import CALL_STORES
from tests.support.stores import STORES, StandingClock
from titan.ports.jobs_store import Store
from titan.ports.runs_store import CallStore


@pytest.fixture
def clock() -> StandingClock:
    """Return a clock that stands at noon."""
    return StandingClock()


@pytest.fixture(params=sorted(STORES))
def reopen(request: pytest.FixtureRequest, tmp_path: Path, clock: StandingClock) -> Iterator[Callable[[], Store]]:
    """Return a function that opens this test's one store, closing it first when it is open."""
    with STORES[request.param](tmp_path) as open_store, ExitStack() as opened:

        def open_again() -> Store:
            opened.close()
            store = open_store(clock)
            opened.callback(store.close)
            return store

        yield open_again


@pytest.fixture
def store(reopen: Callable[[], Store]) -> Store:
    """Return an empty store."""
    return reopen()


@pytest.fixture(params=sorted(CALL_STORES))
def reopen_calls(
    request: pytest.FixtureRequest, tmp_path: Path, clock: StandingClock
) -> Iterator[Callable[[], CallStore]]:
    """Return a function that opens this test's one store of calls, closing it first when it is open."""
    with CALL_STORES[request.param](tmp_path) as open_store, ExitStack() as opened:

        def open_again() -> CallStore:
            opened.close()
            store = open_store(clock)
            opened.callback(store.close)
            return store

        yield open_again


@pytest.fixture
def calls(reopen_calls: Callable[[], CallStore]) -> CallStore:
    """Return an empty store of calls."""
    return reopen_calls()


@pytest.fixture(scope="module", params=sorted(CALL_STORES))
def new_calls(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], CallStore]]:
    """Return a function that opens one more empty store of calls, for all tests of a module that only read it."""
    with ExitStack() as opened:

        def open_new() -> CallStore:
            open_store = opened.enter_context(CALL_STORES[request.param](tmp_path_factory.mktemp("calls")))
            store = open_store(StandingClock())
            opened.callback(store.close)
            return store

        yield open_new
