"""What takes its time is done once, however often and how early it is asked for again."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders import PROJECT
from tests.support.desk import Desk, a_desk
from titan.model.errors import IdempotencyConflict, InvalidInput
from titan.orchestrator.receipts import LongOnce, Once

MARK = Once(project_id=PROJECT, key="k", fingerprint="start")
OTHER = Once(project_id=PROJECT, key="k", fingerprint="stop")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with a_desk(tmp_path) as desk:
        yield desk


class Work:
    """Counts how often it was begun; ends when it may."""

    def __init__(self) -> None:
        self.count = 0
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()

    async def __call__(self) -> object:
        self.count += 1
        self.begun.set()
        await self.may_end.wait()
        return {"number": self.count}


def test_a_repeat_waits_for_the_first_request_though_that_went_away(desk: Desk) -> None:
    async def play() -> None:
        long_once, work = LongOnce(desk.store), Work()
        first, second = (asyncio.ensure_future(long_once.perform(MARK, work)) for _ in range(2))
        await work.begun.wait()
        with pytest.raises(IdempotencyConflict):
            await long_once.perform(OTHER, work)

        first.cancel()
        work.may_end.set()

        assert await second == b'{"number":1}'
        assert await LongOnce(desk.store).perform(MARK, work) == b'{"number":1}'
        with pytest.raises(IdempotencyConflict):
            await long_once.perform(OTHER, work)
        assert await long_once.perform(None, work) == b'{"number":2}'

    asyncio.run(play())


def test_equal_keys_of_two_projects_are_two_requests(desk: Desk) -> None:
    async def play() -> None:
        long_once, work, elsewhere = LongOnce(desk.store), Work(), Work()
        here = asyncio.ensure_future(long_once.perform(MARK, work))
        await work.begun.wait()
        elsewhere.may_end.set()

        there = await long_once.perform(Once(project_id="another", key="k", fingerprint="stop"), elsewhere)

        work.may_end.set()
        assert (there, await here) == (b'{"number":1}', b'{"number":1}')

    asyncio.run(play())


def test_work_that_fails_leaves_its_key_free(desk: Desk) -> None:
    async def fail() -> object:
        raise InvalidInput("a worker", expected="one", found="none", next_step="Start one.")

    async def play() -> None:
        long_once, work = LongOnce(desk.store), Work()
        work.may_end.set()

        with pytest.raises(InvalidInput):
            await long_once.perform(MARK, fail)

        assert await long_once.perform(MARK, work) == b'{"number":1}'

    asyncio.run(play())
