"""What is recorded of where a call was made: the line that called, not the one that defined."""

from __future__ import annotations

import _thread
import asyncio
import inspect
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest

from tests.support.heard import FLUSH_SECONDS, Heard, recorded_locally
from titan_sdk import action, turn


@pytest.fixture
def heard() -> Iterator[Heard]:
    with recorded_locally() as heard:
        yield heard


@action
def double(number: int) -> int:
    return 2 * number


@action
async def double_later(number: int) -> int:
    return 2 * number


@action
def count(until: int) -> Iterator[int]:
    yield from range(until)


@action
async def count_later(until: int) -> AsyncIterator[int]:
    for number in range(until):
        yield number


@action
def tell(done: threading.Event) -> None:
    done.set()


@action
async def tell_later(done: threading.Event) -> None:
    done.set()


@action
def tell_by_items(done: threading.Event) -> Iterator[int]:
    done.set()
    yield 1


class Desk:
    @action
    def serve(self, number: int) -> int:
        return number

    @action
    @classmethod
    def open(cls) -> None: ...


def sites(heard: Heard) -> list[tuple[str, int, str]]:
    """Return the file, line and function of each call."""
    found = [told["details"]["callsite"] for told in heard.actions()]
    return [(site["file"], site["line"], site["qualname"]) for site in found]


def here() -> int:
    """Return the line that calls this."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def test_two_calls_of_one_function_are_distinguished_by_their_lines(heard: Heard) -> None:
    first, _ = here(), double(1)
    second, _ = here(), double(2)

    where = "test_two_calls_of_one_function_are_distinguished_by_their_lines"
    assert sites(heard) == [(__file__, first, where), (__file__, second, where)]
    assert first + 1 == second


def in_a_block() -> int:
    with action("rank"):
        return here() - 1


def in_a_turn() -> int:
    with turn("What?"):
        return here() - 1


def in_an_exit_stack() -> int:
    with ExitStack() as stack:
        line, _ = here(), stack.enter_context(action("rank"))
    return line


async def awaited() -> int:
    line, _ = here(), await double_later(1)
    return line


async def asynchronously_iterated() -> int:
    line, _ = here(), [number async for number in count_later(2)]
    return line


def by_c_code() -> int:
    line, _ = here(), list(map(double, [1]))
    return line


def by_a_partial() -> int:
    line, _ = here(), partial(double, 1)()
    return line


def of_a_method() -> int:
    line, _ = here(), Desk().serve(1)
    return line


def of_a_class_method() -> int:
    line, _ = here(), Desk.open()
    return line


def of_a_generator() -> int:
    line, _ = here(), list(count(2))
    return line


def of_one_that_is_recorded_twice() -> int:
    line, _ = here(), action("again")(abs)(-1)
    return line


@pytest.mark.parametrize(
    "calls",
    [
        *(in_a_block, in_a_turn, in_an_exit_stack, by_c_code, by_a_partial),
        *(of_a_method, of_a_class_method, of_a_generator, of_one_that_is_recorded_twice),
    ],
)
def test_the_line_is_the_callers_however_it_calls(calls: Callable[[], int], heard: Heard) -> None:
    line = calls()

    assert sites(heard) == [(__file__, line, calls.__name__)]


@pytest.mark.parametrize("calls", [awaited, asynchronously_iterated])
def test_the_line_is_the_callers_also_where_it_awaits(calls: Callable[[], Any], heard: Heard) -> None:
    line = asyncio.run(calls())

    [(file, told, function)] = sites(heard)
    assert (file, told) == (__file__, line)
    assert function.startswith(calls.__name__)


def in_a_thread() -> None:
    thread = threading.Thread(target=double, args=(1,))
    thread.start()
    thread.join()


def in_a_pool() -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(double, 1).result()


def in_a_task() -> None:
    async def main() -> None:
        await asyncio.create_task(double_later(1))

    asyncio.run(main())


@pytest.mark.parametrize("begins", [in_a_thread, in_a_pool, in_a_task])
def test_an_action_without_a_caller_records_where_it_is_defined(begins: Callable[[], None], heard: Heard) -> None:
    begins()

    details = heard.action()["details"]
    assert "callsite" not in details
    assert details["defined_at"]["file"] == __file__
    assert details["defined_at"]["qualname"].startswith("double")


def as_a_call(done: threading.Event) -> None:
    _thread.start_new_thread(tell, (done,))


def as_a_coroutine(done: threading.Event) -> None:
    coroutine = tell_later(done)
    assert isinstance(coroutine, Coroutine)
    _thread.start_new_thread(deque, (coroutine.__await__(),))


def as_a_generator(done: threading.Event) -> None:
    _thread.start_new_thread(deque, (tell_by_items(done),))


@pytest.mark.parametrize("begins", [as_a_call, as_a_coroutine, as_a_generator])
def test_an_action_without_a_calling_frame_runs_as_without_recording(
    begins: Callable[[threading.Event], None], heard: Heard
) -> None:
    done = threading.Event()

    begins(done)

    assert done.wait(FLUSH_SECONDS)
