"""Runs the tests of the recorder on each store of recorded runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.call_stores import CALL_STORES
from tests.support.stores import StandingClock
from titan.ports.runs_store import CallStore


@pytest.fixture(params=sorted(CALL_STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CallStore]:
    """Return an empty store of calls."""
    with CALL_STORES[request.param](tmp_path) as opened:
        opened_store = opened(StandingClock())
        yield opened_store
        opened_store.close()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[CallStore]:
    """Return an empty store of calls in a file, for what does not depend on the database."""
    with CALL_STORES["sqlite"](tmp_path) as opened:
        opened_store = opened(StandingClock())
        yield opened_store
        opened_store.close()
