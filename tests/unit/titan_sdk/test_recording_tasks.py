"""The path of a task or thread is the same in every execution."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from titan_sdk.recording.tasks import LONGEST, task_path


def all_of(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(main())


def test_the_main_thread_has_no_path() -> None:
    assert task_path() == ""


@pytest.mark.parametrize("time", ["first", "again"])
def test_tasks_are_numbered_in_order_of_creation_below_their_parent(time: str) -> None:
    async def leaf(naps: int) -> str:
        await asyncio.sleep(naps / 1000)
        return task_path()

    async def branch(naps: int) -> list[str]:
        own = task_path()
        return [own, *await asyncio.gather(leaf(naps), leaf(0))]

    async def main() -> Any:
        return [task_path(), await asyncio.gather(branch(5), branch(1))]

    assert all_of(main) == ["1", [["1.1", "1.1.1", "1.1.2"], ["1.2", "1.2.1", "1.2.2"]]]


def test_tasks_that_were_made_before_the_first_action_are_numbered_in_their_order() -> None:
    async def late(naps: int) -> str:
        await asyncio.sleep(naps / 1000)
        return task_path()

    async def main() -> Any:
        return await asyncio.gather(late(4), late(2), late(0))

    assert all_of(main) == ["2", "3", "4"]


def test_a_thread_in_a_copy_of_a_tasks_context_is_below_the_task() -> None:
    async def main() -> str:
        task_path()
        return await asyncio.to_thread(task_path)

    assert all_of(main) == "1/asyncio"


def test_the_threads_of_a_pool_are_one_place() -> None:
    with ThreadPoolExecutor(3, thread_name_prefix="searchers") as pool:
        found = set(pool.map(lambda _: task_path(), range(20)))

    assert found == {"/searchers"}


def test_a_loop_in_a_thread_has_the_threads_path() -> None:
    found: list[str] = []

    async def main() -> None:
        found.append(task_path())
        found.append(await asyncio.create_task(inner()))

    async def inner() -> str:
        return task_path()

    thread = threading.Thread(target=lambda: asyncio.run(main()), name="background")
    thread.start()
    thread.join()

    assert found == ["/background/1", "/background/1.1"]


def test_tasks_that_make_one_another_have_paths_of_bounded_length() -> None:
    async def chain(left: int) -> list[str]:
        own = task_path()
        return [own, *(await asyncio.create_task(chain(left - 1)) if left else [])]

    first, second = (all_of(lambda: chain(100)) for _ in range(2))

    assert first == second
    assert len(set(first)) == 101
    assert max(map(len, first)) <= LONGEST


def test_a_task_factory_of_the_programs_own_goes_on_making_tasks() -> None:
    made: list[str] = []

    def factory(loop: Any, coroutine: Any, **options: Any) -> Any:
        made.append(coroutine.__name__)
        return asyncio.Task(coroutine, loop=loop, **options)

    async def inner() -> str:
        return task_path()

    async def main() -> str:
        asyncio.get_running_loop().set_task_factory(factory)
        task_path()
        return await asyncio.create_task(inner())

    assert all_of(main) == "1.1"
    assert made[0] == "inner"
