"""Work that goes on when the request it belongs to has ended."""

import asyncio
import logging
from functools import partial

import pytest

from tests.support.virtual_time import run_virtually
from titan.model.errors import StoreFull, StoreUnavailable
from titan.recorder.background import EACH_BYTES, LAST_SECONDS, MOST_BYTES, BackgroundRecording


async def fill() -> None:
    raise StoreFull("store", expected="room", found="none", next_step="Make room.")


class AwayStore:
    """A store that answers no more until a moment of the loop's time."""

    def __init__(self, *, until: float) -> None:
        self._until = until
        self.tried_at: list[float] = []
        self.kept_at: list[float] = []

    async def keep(self) -> None:
        now = asyncio.get_running_loop().time()
        self.tried_at.append(now)
        if now < self._until:
            raise StoreUnavailable("store", expected="an answer", found="none", next_step="Repeat it.")
        self.kept_at.append(now)


async def succeed() -> None:
    await asyncio.sleep(0)


def test_begun_work_is_finished() -> None:
    done: list[int] = []

    async def note(number: int) -> None:
        await asyncio.sleep(0)
        done.append(number)
        if number == 0:
            afterwards.begin(partial(note, 2), size_bytes=1)

    async def begin_two() -> None:
        afterwards.begin(partial(note, 0), size_bytes=1)
        afterwards.begin(partial(note, 1), size_bytes=1)
        await afterwards.finish()

    afterwards = BackgroundRecording(on_lost=lambda: None)
    asyncio.run(begin_two())

    assert sorted(done) == [0, 1, 2]


def test_a_full_store_is_counted_each_time_and_logged_once_until_it_works_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lost: list[str] = []

    async def work() -> None:
        for each in (fill, fill, succeed, fill):
            afterwards.begin(each, size_bytes=1)
            await afterwards.finish()

    afterwards = BackgroundRecording(on_lost=lambda: lost.append("one"))
    with caplog.at_level(logging.WARNING):
        asyncio.run(work())

    assert len(lost) == 3
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "calls of the model endpoint are not recorded"
    ] * 2


def test_a_mistake_of_ours_is_counted_and_logged_whole(caplog: pytest.LogCaptureFixture) -> None:
    lost: list[str] = []

    async def fail() -> None:
        raise RuntimeError("a mistake")

    async def work() -> None:
        afterwards.begin(fail, size_bytes=1)
        await afterwards.finish()

    afterwards = BackgroundRecording(on_lost=lambda: lost.append("one"))
    asyncio.run(work())

    assert (len(lost), caplog.records[0].exc_info is None) == (1, False)


def test_work_too_large_for_the_memory_limit_is_not_begun_and_there_is_room_again_later() -> None:
    lost: list[str] = []

    async def work() -> None:
        afterwards.begin(succeed, size_bytes=MOST_BYTES + 1)
        afterwards.begin(succeed, size_bytes=1)
        await afterwards.finish()
        afterwards.begin(succeed, size_bytes=1)
        afterwards.begin(succeed, size_bytes=MOST_BYTES - 2 * EACH_BYTES - 1)
        await afterwards.finish()

    afterwards = BackgroundRecording(on_lost=lambda: lost.append("one"))
    asyncio.run(work())

    assert lost == ["one"]


def test_work_refused_by_an_unavailable_store_is_retried_with_growing_pauses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lost: list[str] = []
    store = AwayStore(until=60)

    async def work() -> None:
        for _ in range(3):
            afterwards.begin(store.keep, size_bytes=1)
        await asyncio.sleep(100)
        assert len(store.kept_at) == 3
        await afterwards.finish()

    afterwards = BackgroundRecording(on_lost=lambda: lost.append("one"))
    with caplog.at_level(logging.WARNING):
        run_virtually(work())

    assert sorted(set(store.tried_at)) == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 30.5, 45.5, 60.5]
    assert lost == []
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "calls of the model endpoint are recorded later"
    ]


def test_a_server_that_stops_tries_at_once_and_until_its_time_is_over() -> None:
    lost: list[str] = []
    store = AwayStore(until=100.75)

    async def work() -> None:
        afterwards.begin(store.keep, size_bytes=1)
        await asyncio.sleep(100)
        await afterwards.finish()

    afterwards = BackgroundRecording(on_lost=lambda: lost.append("one"))
    run_virtually(work())

    assert (store.kept_at, lost) == ([100.75], [])


def test_work_refused_until_the_server_ends_is_lost_counted_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lost: list[str] = []
    store = AwayStore(until=10_000)

    async def work() -> float:
        for _ in range(3):
            afterwards.begin(store.keep, size_bytes=1)
        await asyncio.sleep(100)
        await afterwards.finish()
        return asyncio.get_running_loop().time()

    afterwards = BackgroundRecording(on_lost=lambda: lost.append("one"))
    with caplog.at_level(logging.WARNING):
        ended_at = run_virtually(work())

    assert (len(lost), store.kept_at, ended_at) == (3, [], 100 + LAST_SECONDS)
    assert caplog.messages[1].startswith("calls of the model endpoint are not recorded: store: expected an answer")
    assert caplog.messages[2] == "3 calls of the model endpoint are lost"
