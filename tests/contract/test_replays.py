"""Replays computed beside the requests: one at a time, cancelled, interrupted, outlived by no run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import TypeVar, cast

import pytest
from msgspec.structs import replace

from tests.support.builders import PROJECT
from tests.support.call_stores import kept, record
from tests.support.recorded import RUN, a_call, a_word, at
from tests.support.stores import StandingClock
from tests.support.waiting import wait_until
from titan.model.actions import Payload
from titan.model.runs import Replay, ReplayLevel, ReplayState
from titan.ports.runs_store import CallReader, CallStore, CallTransaction
from titan.server.http.call import Call
from titan.server.replays import INTERRUPTED, MOST_WAITING, Replays
from titan.server.routes.replays import detail_view_of
from titan.store.blobs import FolderBlobs

T = TypeVar("T")


class HeldStore:
    """A store of calls that answers no question until it is let go."""

    def __init__(self, calls: CallStore) -> None:
        self._calls = calls
        self.gate = Event()

    def read(self, query: Callable[[CallReader], T]) -> T:
        assert self.gate.wait(30)
        return self._calls.read(query)

    def transact(self, decide: Callable[[CallTransaction], T]) -> object:
        return self._calls.transact(decide)


@pytest.fixture
def held(calls: CallStore) -> HeldStore:
    record(calls, a_word(), replace(a_call(), inputs=Payload("1"), outputs=Payload("2")))
    return HeldStore(calls)


@pytest.fixture
def replays(held: HeldStore, tmp_path: Path) -> Iterator[Replays]:
    replays = Replays(cast("CallStore", held), FolderBlobs(tmp_path / "blobs"), clock=StandingClock())
    yield replays
    held.gate.set()
    replays.close()


def started(calls: CallStore, replays: Replays, id: str = "p1") -> Replay:
    replay = Replay(
        id=id,
        project_id=PROJECT,
        run_id=RUN,
        level=ReplayLevel.SELF_CHECK,
        state=ReplayState.RUNNING,
        author="ada",
        created_at=at(0),
    )
    kept(calls, lambda tx: tx.save_replay(replay))
    replays.begin(replay)
    return replay


def stored(calls: CallStore, id: str = "p1") -> Replay | None:
    return calls.read(lambda reader: reader.replay(PROJECT, id))


def test_a_replay_runs_until_its_result_is_stored(calls: CallStore, held: HeldStore, replays: Replays) -> None:
    replay = started(calls, replays)
    waiting = replays.current(replay)
    held.gate.set()
    asyncio.run(replays.wait("p1", seconds=30))

    ended = stored(calls)

    assert waiting.state is ReplayState.RUNNING
    assert ended is not None
    assert (ended.state, ended.ended_at, ended.error) == (ReplayState.COMPLETED, StandingClock().now(), None)
    assert '"replayable":1' in (ended.metrics or "")


def test_a_replay_read_just_before_its_end_is_shown_with_its_result(
    calls: CallStore, held: HeldStore, replays: Replays
) -> None:
    read_before = started(calls, replays)
    held.gate.set()
    wait_until(lambda: replays.current(read_before).state is ReplayState.COMPLETED, "it has ended")
    wait_until(lambda: not replays.is_computed_here("p1"), "and its thread is done with it")
    state = SimpleNamespace(replays=replays, executions=SimpleNamespace(step=lambda _: None))

    shown = detail_view_of(cast("Call", SimpleNamespace(app=state)), read_before)

    assert (read_before.result, shown.state) == (None, "completed")
    assert shown.result is not None
    assert shown.result.self_check is not None


def test_a_cancelled_replay_finds_nothing(calls: CallStore, held: HeldStore, replays: Replays) -> None:
    started(calls, replays)
    replays.cancel("p1")
    replays.cancel("unknown")
    held.gate.set()
    asyncio.run(replays.wait("p1", seconds=30))

    ended = stored(calls)

    assert ended is not None
    assert (ended.state, ended.result) == (ReplayState.CANCELLED, None)


def test_a_replay_is_ended_by_a_server_that_stops(calls: CallStore, held: HeldStore, replays: Replays) -> None:
    started(calls, replays)
    begun = started(calls, replays, "p2")
    held.gate.set()
    replays.close()

    ended = [replays.current(stored(calls, id) or begun) for id in ("p1", "p2")]

    assert {one.state for one in ended} <= {ReplayState.COMPLETED, ReplayState.FAILED}
    assert {one.error for one in ended if one.state is ReplayState.FAILED} <= {INTERRUPTED}


def test_a_replay_that_no_process_computes_any_more_has_failed(calls: CallStore, replays: Replays) -> None:
    replay = replace(started(calls, replays), id="of an earlier process")

    found = replays.current(replay)

    assert (found.state, found.error) == (ReplayState.FAILED, INTERRUPTED)
    assert replays.progress(replay.id) is None


def test_the_replay_of_a_run_that_is_deleted_meanwhile_is_not_kept(
    calls: CallStore, held: HeldStore, replays: Replays
) -> None:
    started(calls, replays)
    kept(calls, lambda tx: tx.forget_run(PROJECT, RUN))
    held.gate.set()
    replays.close()

    assert stored(calls) is None


def test_no_more_may_wait_than_there_is_room_for(calls: CallStore, replays: Replays) -> None:
    has_room = [bool(started(calls, replays, f"p{number}")) and replays.has_room for number in range(MOST_WAITING)]

    assert has_room == [*[True] * (MOST_WAITING - 1), False]
