"""Totals of runs, computed in the background: who waits for which run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, cast

import pytest

from titan.ports.runs_store import CallStore
from titan.recorder.run_totals import RESTS, RunTotalsKeeper

LARGE, SMALL = ("default", "large"), ("default", "small")
LARGE_SECONDS = 4.0
PATIENCE = 10.0


class SlowStore:
    """A store in which one run takes long to read, and can be held up; nothing is found or written."""

    def __init__(self) -> None:
        self.time = 0.0
        self.read_runs: list[str] = []
        self.may_read_large = threading.Event()
        self.may_read_large.set()

    def read(self, ask: Any) -> None:
        run_id = ask.keywords["run_id"]
        if run_id == "large":
            assert self.may_read_large.wait(PATIENCE)
            self.time += LARGE_SECONDS
        self.read_runs.append(run_id)

    def transact(self, decide: Callable[..., None], *, is_durable: bool = True) -> Future[None]:
        raise AssertionError("nothing was computed")


@pytest.fixture
def store() -> SlowStore:
    return SlowStore()


@pytest.fixture
def keeper(store: SlowStore) -> Iterator[RunTotalsKeeper]:
    keeper = RunTotalsKeeper(cast(CallStore, store), now=lambda: store.time, used=lambda: store.time)
    yield keeper
    store.may_read_large.set()
    keeper.close()


def test_a_small_run_does_not_wait_for_a_large_one_that_is_asked_for_with_it(
    keeper: RunTotalsKeeper, store: SlowStore
) -> None:
    keeper.ask([LARGE, SMALL]).result(PATIENCE)
    store.time += 2 * RESTS * LARGE_SECONDS  # two runs grow at the same time
    store.may_read_large.clear()

    both = keeper.ask([LARGE, SMALL])
    small = keeper.ask([SMALL])

    small.result(PATIENCE)
    assert not both.done()
    store.may_read_large.set()
    both.result(PATIENCE)
    assert store.read_runs[-1] == "large"


def test_a_run_that_was_computed_just_now_is_not_waited_for(keeper: RunTotalsKeeper, store: SlowStore) -> None:
    keeper.ask([LARGE]).result(PATIENCE)

    assert keeper.ask([LARGE]).done()
    assert store.read_runs == ["large"]


def test_a_closed_keeper_promises_nothing(keeper: RunTotalsKeeper) -> None:
    keeper.close()

    assert keeper.ask([SMALL]).done()
