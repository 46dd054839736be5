"""What is told of generators, plain and asynchronous: from the first item to the end, they are one action."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass

import pytest

from tests.support.heard import Heard, recorded_locally
from tests.unit.titan_sdk.test_recording_actions import parents
from titan_sdk import action
from titan_sdk.recording.streams import MOST_ITEMS
from titan_sdk.tape import Cut, decode


@pytest.fixture
def heard() -> Iterator[Heard]:
    with recorded_locally() as heard:
        yield heard


def test_the_items_of_a_generator_are_its_outputs(heard: Heard) -> None:
    @action
    def count(to: int) -> Generator[int, str, str]:
        said = ""
        for number in range(to):
            said += yield number
        return said

    counting = count(3)

    assert [next(counting), counting.send("a"), counting.send("b")] == [0, 1, 2]
    with pytest.raises(StopIteration) as end:
        counting.send("c")
    assert end.value.value == "abc"
    told = heard.action()
    assert told["outputs"] == {"items": [0, 1, 2], "returned": "abc"}
    assert told["details"]["attributes"]["items"] == 3
    assert 0 <= told["details"]["attributes"]["first_item_ns"] <= told["duration_ns"]


def test_an_exception_thrown_into_a_generator_reaches_it(heard: Heard) -> None:
    @action
    def patient() -> Iterator[str]:
        try:
            yield "first"
        except ValueError as error:
            yield f"caught {error}"

    items = patient()
    next(items)

    assert items.throw(ValueError("x")) == "caught x"  # type: ignore[attr-defined]  # it is a generator
    assert list(items) == []
    assert heard.action()["outputs"] == ["first", "caught x"]


def test_a_generator_that_is_closed_early_has_succeeded_so_far(heard: Heard) -> None:
    closed: list[bool] = []

    @action
    def letters() -> Iterator[str]:
        try:
            yield from "abc"
        finally:
            closed.append(True)

    for letter in letters():
        assert letter == "a"
        break

    told = heard.action()
    assert (told["outcome"], told["outputs"], closed) == ("success", ["a"], [True])
    assert told["details"]["attributes"]["closed_early"] is True


def test_a_generator_that_raises_has_failed(heard: Heard) -> None:
    @action
    def letters() -> Iterator[str]:
        yield "a"
        raise LookupError("b")

    with pytest.raises(LookupError):
        list(letters())

    assert heard.action()["failure"]["message"] == "b"


def test_a_generator_is_the_parent_of_actions_inside_it_and_not_of_actions_on_its_items(
    heard: Heard,
) -> None:
    @action
    def pages() -> Iterator[int]:
        for number in range(2):
            with action(f"fetch {number}"):
                pass
            yield number

    for number in pages():
        with action(f"read {number}"):
            pass

    assert parents(heard) == {
        "pages": None,
        "fetch 0": "pages",
        "fetch 1": "pages",
        "read 0": None,
        "read 1": None,
    }


def test_an_asynchronous_generator_is_recorded_as_a_plain_one(heard: Heard) -> None:
    @action
    async def stream(text: str) -> AsyncIterator[str]:
        for letter in text:
            await asyncio.sleep(0)
            with action(f"make {letter}"):
                yield letter

    async def take_all() -> list[str]:
        return [letter async for letter in stream("ab")]

    async def take_one() -> None:
        async with aclosing(stream("xy")) as letters:  # type: ignore[type-var]  # it is a generator
            async for _ in letters:
                with action("use"):
                    pass
                break

    assert asyncio.run(take_all()) == ["a", "b"]
    asyncio.run(take_one())

    whole, first, second, part, made, use = heard.actions()
    assert (whole["outputs"], part["outputs"]) == (["a", "b"], ["x"])
    assert part["details"]["attributes"]["closed_early"] is True
    assert [each["parent_id"] for each in (first, second, made)] == [whole["id"], whole["id"], part["id"]]
    assert "parent_id" not in use


@pytest.mark.parametrize("is_raised", [False, True])
@pytest.mark.parametrize("is_in_task", [False, True])
@pytest.mark.parametrize("cleans_up", [False, True])
def test_an_asynchronous_generator_that_is_left_at_an_item_has_succeeded_so_far(
    heard: Heard, is_raised: bool, is_in_task: bool, cleans_up: bool
) -> None:
    @action
    async def stream() -> AsyncIterator[str]:
        for letter in "abc":
            yield letter

    @action
    async def stream_and_clean_up() -> AsyncIterator[str]:
        try:
            yield "a"
        finally:
            await asyncio.sleep(0)

    async def take_one() -> None:
        async for _ in (stream_and_clean_up if cleans_up else stream)():
            if is_raised:
                raise LookupError("the consumer's")
            break

    async def take_in_task() -> None:
        await asyncio.create_task(take_one())

    with suppress(LookupError):
        asyncio.run(take_in_task() if is_in_task else take_one())

    told = heard.action()
    assert (told["outcome"], told["outputs"]) == ("success", ["a"])
    assert told["details"]["attributes"]["closed_early"] is True


def test_an_asynchronous_generator_that_is_cancelled_at_its_work_has_failed(heard: Heard) -> None:
    @action
    async def stream() -> AsyncIterator[str]:
        yield "a"
        raise asyncio.CancelledError

    async def take_all() -> None:
        async for _ in stream():
            pass

    with suppress(asyncio.CancelledError):
        asyncio.run(take_all())

    assert heard.action()["failure"]["type"] == "CancelledError"


def test_of_many_large_items_no_more_is_held_than_recorded(heard: Heard) -> None:
    @action
    def download() -> Iterator[str]:
        for number in range(20):
            yield chr(ord("a") + number) * 2**20

    assert sum(map(len, download())) == 20 * 2**20
    told = heard.action()
    kept = decode(json.dumps(told["outputs"]))

    assert isinstance(kept, Cut)
    assert kept.items == 20
    assert isinstance(kept.head, list)
    assert [part[0] for part in kept.head] == ["a", "b", "c"]  # 4 MiB, and what Python adds to each
    assert told["details"]["attributes"]["items"] == 20


@dataclass
class Chunk:
    """One part of a model's answer, as clients give it."""

    id: str
    choices: list[dict[str, object]]


def in_dicts(number: int, text: str) -> object:
    return {"id": f"chatcmpl-{number}", "choices": [{"index": 0, "delta": {"content": text}}]}


def in_objects(number: int, text: str) -> object:
    return Chunk(f"chatcmpl-{number}", [{"index": 0, "delta": {"content": text}}])


def as_an_error(number: int, text: str) -> object:
    return ValueError(number, {"said": (text,)})


@pytest.mark.parametrize("chunk", [in_dicts, in_objects, as_an_error])
def test_nested_content_of_items_counts_to_the_limit_too(heard: Heard, chunk: Callable[[int, str], object]) -> None:
    @action
    def download() -> Iterator[object]:
        for number in range(20):
            yield chunk(number, chr(ord("a") + number) * 2**20)

    tracemalloc.start()
    items = download()
    for _ in range(20):
        next(items)
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    items.close()  # type: ignore[attr-defined]  # it is a generator

    assert held_bytes < 6 * 2**20  # three of 1 MiB, and the one that is in hand
    kept = decode(json.dumps(heard.action()["outputs"]))
    assert isinstance(kept, Cut)
    assert isinstance(kept.head, list)
    assert 0 < len(kept.head) <= 3


def test_a_long_answer_in_small_chunks_is_kept_whole(heard: Heard) -> None:
    @action
    def answer() -> Iterator[object]:
        for number in range(MOST_ITEMS):
            yield in_dicts(number, "word")

    assert len(list(answer())) == MOST_ITEMS
    assert len(heard.action()["outputs"]) == MOST_ITEMS
