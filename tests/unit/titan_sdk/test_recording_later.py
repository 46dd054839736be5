"""What is told of calls that give back a coroutine or a generator: they end with it, and it stays what it is."""

from __future__ import annotations

import asyncio
import inspect
import warnings
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator
from contextlib import aclosing, contextmanager
from functools import partial
from types import AsyncGeneratorType, CoroutineType, GeneratorType, coroutine
from typing import Any

import pytest

from tests.support.heard import Heard, recorded_locally
from tests.unit.titan_sdk.test_recording_actions import parents
from titan_sdk import action
from titan_sdk.recording.actions import current_action


@pytest.fixture
def heard() -> Iterator[Heard]:
    with recorded_locally() as heard:
        yield heard


def throw(word: str) -> None:
    raise LookupError(word)


async def double(number: int) -> int:
    await asyncio.sleep(0)
    with action("inner"):
        return 2 * number


async def fails(_number: int) -> int:
    await asyncio.sleep(0)
    raise LookupError("late")


class Doubling:
    """An object that is called as a coroutine function is."""

    async def __call__(self, number: int) -> int:
        """Return twice the number."""
        return await double(number)


def letters() -> Generator[str, str, str]:
    said = yield "a"
    said += yield "b"
    return said


async def letters_later() -> AsyncGenerator[str, str]:
    with action("inner"):
        said = yield "a"
    yield said


def ends(heard: Heard) -> dict[str, tuple[Any, Any]]:
    """Return how each action ended."""
    return {told["name"]: (told["outcome"], told.get("outputs")) for told in heard.actions()}


@pytest.mark.parametrize(
    "function",
    [Doubling(), lambda number: double(number), partial(double), partial(lambda number, by: double(number * by), by=1)],
    ids=["object", "lambda", "partial", "partial of a lambda"],
)
def test_a_call_that_gives_back_a_coroutine_ends_with_it(
    heard: Heard, function: Callable[[int], Coroutine[Any, Any, int]]
) -> None:
    called = action("double")(function)

    async def main() -> int:
        with action("around"):
            waiting = called(2)
        with action("elsewhere"):
            assert isinstance(waiting, CoroutineType)
            found: int = await waiting
            with action("after"):
                return found

    assert asyncio.run(main()) == 4
    assert ends(heard)["double"] == ("success", 4)
    assert parents(heard)["inner"] == "double"
    assert parents(heard)["after"] == "elsewhere"


def test_an_exception_of_a_returned_coroutine_is_the_calls_failure(heard: Heard) -> None:
    with pytest.raises(LookupError, match="late"):
        asyncio.run(action("call")(lambda: fails(1))())

    told = heard.action()
    assert (told["outcome"], told["failure"]["message"]) == ("error", "late")


def test_a_coroutine_that_was_given_back_is_driven_by_hand_as_the_original() -> None:
    @coroutine
    def pause() -> Generator[str, str, str]:
        try:
            return (yield "paused")
        except ValueError as error:
            return f"caught {error}"

    async def pausing() -> str:
        return await pause()

    def given() -> Any:
        return pausing()

    with recorded_locally() as heard:
        sent, thrown, closed = action("sent")(given)(), action("thrown")(given)(), action("closed")(given)()
        assert [each.send(None) for each in (sent, thrown, closed)] == ["paused"] * 3
        with pytest.raises(StopIteration) as end:
            sent.send("x")
        with pytest.raises(StopIteration) as caught:
            thrown.throw(ValueError("y"))
        closed.close()

        assert current_action() is None
        assert (end.value.value, caught.value.value) == ("x", "caught y")
        assert (sent.__name__, sent.__qualname__) == (pausing.__name__, pausing.__qualname__)
        assert {name: outcome for name, (outcome, _) in ends(heard).items()} == {
            "sent": "success",
            "thrown": "success",
            "closed": "error",
        }


def test_a_coroutine_that_nobody_awaits_warns_once_and_its_call_ends(heard: Heard) -> None:
    called = action("call")(lambda: double(1))

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        waiting = called()
        waiting.close()
        waiting = called()
        del waiting

    words = [str(each.message) for each in said]
    said.clear()  # a warning holds the coroutine that it is of
    assert words == ["coroutine 'double' was never awaited"]
    assert [told["outcome"] for told in heard.actions()] == ["success"] * 2
    assert all(told["details"]["attributes"]["closed_early"] for told in heard.actions())


def test_a_call_that_gives_back_a_generator_ends_with_it(heard: Heard) -> None:
    @action
    def streaming() -> Generator[str, str, str]:
        return letters()

    stream = streaming()

    assert type(stream) is GeneratorType
    assert [next(stream), stream.send("x")] == ["a", "b"]
    with pytest.raises(StopIteration) as end:
        stream.send("y")
    assert end.value.value == "xy"
    assert heard.action()["outputs"] == {"items": ["a", "b"], "returned": "xy"}


def test_a_generator_that_was_given_back_serves_a_context_manager(heard: Heard) -> None:
    seen: list[str] = []

    def opened() -> Iterator[str]:
        try:
            yield "open"
        except LookupError as error:
            seen.append(str(error))

    with contextmanager(action("opened")(lambda: opened()))() as word:
        throw(word)

    assert seen == ["open"]
    assert ends(heard) == {"opened": ("success", ["open"])}


@pytest.mark.parametrize("is_awaited", [False, True])
def test_a_call_that_gives_back_an_asynchronous_generator_ends_with_it(heard: Heard, is_awaited: bool) -> None:
    async def streaming_later() -> AsyncGenerator[str, str]:
        return letters_later()

    async def main() -> list[str]:
        streaming = action("streaming")(streaming_later if is_awaited else lambda: letters_later())
        stream: Any = await streaming() if is_awaited else streaming()  # type: ignore[misc]  # one of the two it is
        assert type(stream) is AsyncGeneratorType
        async with aclosing(stream):
            return [await anext(stream), await stream.asend("x")]

    assert asyncio.run(main()) == ["a", "x"]
    assert ends(heard)["streaming"] == ("success", ["a", "x"])
    assert parents(heard)["inner"] == "streaming"


def test_a_stream_ends_its_call_also_where_a_coroutine_that_was_given_back_gave_it(heard: Heard) -> None:
    async def created() -> Iterator[str]:
        return (letter for letter in "ab")

    async def main() -> list[str]:
        return list(await action("create")(lambda: created())())

    assert asyncio.run(main()) == ["a", "b"]
    assert ends(heard) == {"create": ("success", ["a", "b"])}


@pytest.mark.parametrize("stream", [letters, letters_later])
def test_a_stream_that_nobody_takes_ends_its_call_as_it_is_thrown_away(
    heard: Heard, stream: Callable[[], object]
) -> None:
    action("streaming")(lambda: stream())()

    told = heard.action()
    assert (told["outcome"], told["details"]["attributes"]["closed_early"]) == ("success", True)


def test_shared_or_begun_iterators_are_returned_unchanged(heard: Heard) -> None:
    held, begun = letters(), letters()
    next(begun)
    awaitable = coroutine(letters)

    def first_taken() -> Generator[str, str, str]:
        stream = letters()
        next(stream)
        return stream

    for given in (held, begun):
        assert action("call")(lambda given=given: given)() is given
    for _ in action("call")(lambda: held)():
        break
    assert held.send("goes on") == "b"
    assert action("call")(first_taken)().send("x") == "b"
    assert inspect.isawaitable(action("call")(lambda: awaitable())())
    assert {told["outcome"] for told in heard.actions()} == {"success"}


def test_a_task_is_given_back_as_it_is(heard: Heard) -> None:
    async def main() -> int:
        task = action("call")(lambda: asyncio.ensure_future(double(3)))()
        assert isinstance(task, asyncio.Task)
        return await task

    assert asyncio.run(main()) == 6
    assert ends(heard)["call"][0] == "success"


def test_a_recording_replacement_has_the_type_of_the_original(heard: Heard) -> None:
    found = {type(action("call")(lambda make=make: make())()) for make in (letters, letters_later)}
    coroutine = action("call")(lambda: double(1))()
    coroutine.close()

    assert {*found, type(coroutine)} == {GeneratorType, AsyncGeneratorType, CoroutineType}
    assert {told["outcome"] for told in heard.actions()} == {"success"}
