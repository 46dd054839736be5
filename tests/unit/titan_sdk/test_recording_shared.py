"""One `action(…)` object for many blocks: each block ends its own action, whatever runs at the same time."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, suppress
from typing import Any

import pytest

from tests.support.heard import FLUSH_SECONDS, Heard, recorded_locally
from titan_sdk import action, turn
from titan_sdk.recording.actions import ActiveAction


@pytest.fixture
def heard() -> Iterator[Heard]:
    with recorded_locally() as heard:
        yield heard


def outcomes(heard: Heard) -> dict[Any, tuple[str, str | None]]:
    """Return how each action ended, and the message of what ended it, by its only input."""
    return {
        each["inputs"]["args"][0]: (each["outcome"], each.get("failure", {}).get("message")) for each in heard.actions()
    }


@pytest.mark.parametrize("shared", [action("step"), turn(name="step")], ids=["action", "turn"])
@pytest.mark.parametrize("is_stacked", [False, True], ids=["with", "exit stack"])
def test_blocks_of_tasks_that_run_at_once_end_their_own_actions(heard: Heard, shared: Any, is_stacked: bool) -> None:
    first_failed = asyncio.Event()

    async def fail_first(number: int) -> None:
        manager: Any = AsyncExitStack() if is_stacked else shared
        async with manager as entered:
            act = await entered.enter_async_context(shared) if is_stacked else entered
            act.set_input(number)
            await asyncio.sleep(0)  # so that all have begun
            if number == 0:
                first_failed.set()
                raise ValueError("task 0")
            await first_failed.wait()

    async def main() -> None:
        await asyncio.gather(*(fail_first(number) for number in range(3)), return_exceptions=True)

    asyncio.run(main())

    assert outcomes(heard) == {0: ("error", "task 0"), 1: ("success", None), 2: ("success", None)}


def test_blocks_of_threads_that_run_at_once_end_their_own_actions(heard: Heard) -> None:
    shared, both_began, first_failed = action("step"), threading.Barrier(2), threading.Event()

    def fail_first(number: int) -> None:
        with suppress(ValueError), shared as act:
            act.set_input(number)
            both_began.wait(30)
            if number == 0:
                raise ValueError("thread 0")
            first_failed.wait(30)
        first_failed.set()

    threads = [threading.Thread(target=fail_first, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outcomes(heard) == {0: ("error", "thread 0"), 1: ("success", None)}


def test_a_block_of_a_generator_outlives_the_one_that_its_items_are_used_in(heard: Heard) -> None:
    shared = action("step")

    def items() -> Iterator[int]:
        with suppress(LookupError), shared as act:
            act.set_input("generator")
            yield 1
            raise LookupError("generator")

    with shared as act:
        act.set_input("user")
        going = items()
        next(going)
    assert list(going) == []

    assert outcomes(heard) == {"user": ("success", None), "generator": ("error", "generator")}


def test_blocks_within_each_other_end_from_the_inside_out(heard: Heard) -> None:
    shared = action("step")

    with ExitStack() as stack:
        for number in range(2):
            stack.enter_context(shared).set_input(number)
        with shared as outer, suppress(ValueError), shared as inner:
            outer.set_input(2)
            inner.set_input(3)
            raise ValueError("inner")

    assert outcomes(heard) == {
        0: ("success", None),
        1: ("success", None),
        2: ("success", None),
        3: ("error", "inner"),
    }


def test_a_block_that_ends_in_another_context_than_it_began_in_is_the_last_that_began(heard: Heard) -> None:
    shared = action("step")
    thread = threading.Thread(target=lambda: shared.__enter__().set_input(0))
    thread.start()
    thread.join()

    shared.__exit__(None, None, None)

    assert outcomes(heard) == {0: ("success", None)}


def test_of_tasks_that_begin_one_another_each_is_let_go_of(heard: Heard) -> None:
    async def poll() -> None:
        done = asyncio.Event()
        loop = asyncio.get_running_loop()
        tasks = []

        @action
        async def look(number: int) -> str:
            if number == 20:
                done.set()
            else:
                loop.call_soon(lambda: tasks.append(loop.create_task(look(number + 1))))
            return "seen"

        tasks.append(loop.create_task(look(0)))
        await done.wait()
        await asyncio.gather(*tasks)

    asyncio.run(poll())
    told = heard.actions()

    assert [one.get("parent_id") for one in told] == [None, *(one["id"] for one in told[:-1])]
    gc.collect()
    assert [each for each in gc.get_objects() if type(each) is ActiveAction and each.config.name == "look"] == []


def test_of_tasks_that_begin_one_another_while_they_are_under_way_those_that_ended_are_let_go_of(heard: Heard) -> None:
    async def climb() -> int:
        done = asyncio.get_running_loop().create_future()
        tasks = []

        @action
        async def step(number: int) -> None:
            if number == 50:
                assert heard.recorder.flush(FLUSH_SECONDS)  # until then it holds what it has to tell
                acts = [each for each in gc.get_objects() if type(each) is ActiveAction and each.config.name == "step"]
                done.set_result(len(acts))
            else:
                tasks.append(asyncio.create_task(step(number + 1)))
                await asyncio.sleep(0)

        tasks.append(asyncio.create_task(step(0)))
        held: int = await done
        await asyncio.gather(*tasks)
        return held

    held = asyncio.run(climb())
    told = heard.actions()

    assert [one.get("parent_id") for one in told] == [None, *(one["id"] for one in told[:-1])]
    assert held < 10
