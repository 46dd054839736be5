"""The world of a run that is under way: what it keeps of what its agent sends, and of how it began."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tests.unit.world.a_shop import DEFINITION
from titan.evaluate.worlds import MOST_ARGUMENT_BYTES, MOST_EVENT_BYTES, LiveRun, Refused, Worlds
from titan.model.actions import ActionEntry, ActionKind, Entry, Outcome, Payload, Source
from titan.world.definition import World
from titan.world.ledger import seeded
from titan.world.simulation import Environment, State

NOW = datetime(2026, 11, 24, tzinfo=UTC)
MB = 1024 * 1024


class Nothing:
    """Records nothing, has no endpoints, and no time passes."""

    async def record(
        self,
        project_id: str,
        read: Callable[[], Iterable[Entry]],
        *,
        is_fixed: bool = False,
        waits_for_totals: bool = True,
    ) -> object:
        return list(read())

    def without_secrets(self, text: str) -> str:
        return text

    async def call(
        self, project_id: str, name: str, tool: str, args: Mapping[str, Any], *, run_id: str
    ) -> tuple[Any, str | None]:
        return None, "none"

    def now(self) -> datetime:
        return NOW


def a_run() -> tuple[Worlds, LiveRun]:
    worlds = Worlds(Nothing(), clock=Nothing(), model=None, endpoints=Nothing())
    world = msgspec.convert(DEFINITION, World)
    run, _ = worlds.open("default", "run", Environment(world), State(ledger=seeded(world.initial_state)))
    return worlds, run


def an_event(sequence: int, now: datetime) -> ActionEntry:
    return ActionEntry(
        id=f"event-{sequence}",
        run_id="run",
        source=Source.WORLD,
        kind=ActionKind.EVENT,
        name="custom",
        started_at=now,
        ended_at=now,
        outcome=Outcome.SUCCESS,
        outputs=Payload("x" * MB),
    )


def test_a_run_keeps_its_initial_world_even_if_tools_are_called_before_it_is_read() -> None:
    async def go() -> None:
        worlds, run = a_run()
        before = run.state.ledger

        await worlds.call(run, "cancel_order", {"order_id": "O1"})

        assert run.state.ledger.digest != before.digest
        assert run.initial.digest == before.digest

    asyncio.run(go())


def test_arguments_without_measure_end_in_a_refusal_since_they_are_held() -> None:
    async def go() -> None:
        worlds, run = a_run()
        args = {"order_id": "O1", "note": "x" * (MB - 100)}
        for number in range(MOST_ARGUMENT_BYTES // MB):
            await worlds.call(run, "get_order", args, key=f"k{number}")

        with pytest.raises(Refused, match="8 MB of arguments") as refused:
            await worlds.call(run, "get_order", args)

        assert (refused.value.status, refused.value.error_class) == (429, "call_limit")
        await worlds.call(run, "get_order", args, key="k0")  # a repeat costs nothing
        assert run.calls == MOST_ARGUMENT_BYTES // MB

    asyncio.run(go())


def test_events_without_measure_end_in_a_refusal() -> None:
    async def go() -> None:
        worlds, run = a_run()
        for _ in range(MOST_EVENT_BYTES // MB):
            await worlds.event(run, an_event)

        with pytest.raises(Refused, match="64 MB of events") as refused:
            await worlds.event(run, an_event)

        assert (refused.value.status, refused.value.error_class) == (429, "event_limit")
        assert run.events == MOST_EVENT_BYTES // MB

    asyncio.run(go())
