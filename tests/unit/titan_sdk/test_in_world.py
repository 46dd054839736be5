"""Calls of tools in a world, with a world that answers from a table."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import titan_sdk
from tests.support.heard import Heard
from titan_sdk.agents import RunProxy
from titan_sdk.errors import InvalidInput, ToolFailed, ToolTimeout
from titan_sdk.recording import process
from titan_sdk.replaying.in_world import InWorld


class World(RunProxy):
    """Answers calls, and keeps what was asked."""

    def __init__(self, **answers: Any) -> None:
        super().__init__("http://127.0.0.1:1", "token")
        self.answers = answers
        self.asked: list[dict[str, Any]] = []

    def tools(self) -> list[dict[str, Any]]:
        """Return the tools of the table, and one that is the program's own."""
        return [{"name": name} for name in (*self.answers, "own")]

    def begin(self, call: Any) -> dict[str, Any]:
        """Return what the table says."""
        self.asked.append(call)
        name = call["tool"]
        return {"answer": "go_on"} if name == "own" else {"answer": "take", "response": self.answers[name]}


@dataclass
class Item:
    """An argument that is no JSON."""

    sku: str


@pytest.fixture
def world() -> Iterator[World]:
    found = World(
        buy={"ok": True},
        pages=["a", "b"],
        later=[1],
        refused={"error": {"code": "no_stock", "message": "None left."}},
        slow={"error": {"code": "timeout", "message": "It did not answer."}},
    )
    before = process.answers()
    process.answer_from_now_on(InWorld(found))
    try:
        with process.recording_to(Heard().recorder):
            yield found
    finally:
        process.answer_from_now_on(before)


def never(*_args: object, **_more: object) -> Any:
    raise AssertionError("the function ran")


def test_arguments_go_by_name_as_json_and_the_answer_is_the_call_s(world: World) -> None:
    class Shop:
        @titan_sdk.action(kind="tool")
        def buy(self, item: Item, count: int = 1, **options: str) -> Any:
            never()

    assert Shop().buy(Item("s1"), note="fast") == {"ok": True}
    assert world.asked[0]["arguments"] == {"item": {"sku": "s1"}, "note": "fast"}
    assert len(world.asked[0]["id"]) == 32


def test_errors_are_raised_with_the_answer(world: World) -> None:
    refused = titan_sdk.action("refused", kind="tool")(never)
    slow = titan_sdk.action("slow", kind="tool")(never)

    with pytest.raises(ToolFailed, match="None left") as failed:
        refused()
    with pytest.raises(TimeoutError, match="did not answer") as late:
        slow()

    assert failed.value.response == world.answers["refused"]
    assert isinstance(late.value, ToolTimeout)


def test_generators_and_coroutines_are_answered_too(world: World) -> None:
    @titan_sdk.action(kind="tool")
    def pages() -> Iterator[str]:
        yield never()

    @titan_sdk.action(kind="tool")
    async def later() -> Any:
        never()

    assert list(pages()) == ["a", "b"]
    assert asyncio.run(later()) == [1]


def test_functions_that_are_no_tools_of_the_world_run(world: World) -> None:
    own = titan_sdk.action("own", kind="tool")(lambda: "mine")
    other = titan_sdk.action("other", kind="tool")(lambda: "other")
    step = titan_sdk.action("buy")(lambda: "a step of this name")

    assert (own(), other(), step()) == ("mine", "other", "a step of this name")
    assert [call["tool"] for call in world.asked] == ["own"]


def test_a_redacted_tool_call_does_not_leave_the_process(world: World) -> None:
    buy = titan_sdk.action("buy", kind="tool", redact=titan_sdk.Redact(inputs=True))(never)

    with pytest.raises(InvalidInput, match="redact"):
        buy()
    assert world.asked == []
