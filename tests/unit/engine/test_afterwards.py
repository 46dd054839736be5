"""Work that goes on when the request it belongs to has ended."""

import asyncio
import logging

import pytest

from titan.engine.afterwards import MOST_BYTES, Afterwards
from titan.model.errors import StoreFull


async def fill() -> None:
    raise StoreFull("store", expected="room", found="none", next_step="Make room.")


async def succeed() -> None:
    await asyncio.sleep(0)


def test_what_was_begun_is_finished() -> None:
    done: list[int] = []

    async def note(number: int) -> None:
        await asyncio.sleep(0)
        done.append(number)
        if number == 0:
            afterwards.begin(note(2), size_bytes=1)

    async def begin_two() -> None:
        afterwards.begin(note(0), size_bytes=1)
        afterwards.begin(note(1), size_bytes=1)
        await afterwards.finish()

    afterwards = Afterwards(on_lost=lambda: None)
    asyncio.run(begin_two())

    assert sorted(done) == [0, 1, 2]


def test_a_full_store_is_counted_each_time_and_logged_once_until_it_works_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lost: list[str] = []

    async def work() -> None:
        for each in (fill, fill, succeed, fill):
            afterwards.begin(each(), size_bytes=1)
            await afterwards.finish()

    afterwards = Afterwards(on_lost=lambda: lost.append("one"))
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
        afterwards.begin(fail(), size_bytes=1)
        await afterwards.finish()

    afterwards = Afterwards(on_lost=lambda: lost.append("one"))
    asyncio.run(work())

    assert (len(lost), caplog.records[0].exc_info is None) == (1, False)


def test_what_memory_is_too_small_for_is_not_begun_and_there_is_room_again_later() -> None:
    lost: list[str] = []

    async def work() -> None:
        afterwards.begin(succeed(), size_bytes=MOST_BYTES + 1)
        afterwards.begin(succeed(), size_bytes=1)
        await afterwards.finish()
        afterwards.begin(succeed(), size_bytes=1)
        afterwards.begin(succeed(), size_bytes=MOST_BYTES - 1)
        await afterwards.finish()

    afterwards = Afterwards(on_lost=lambda: lost.append("one"))
    asyncio.run(work())

    assert lost == ["one"]
