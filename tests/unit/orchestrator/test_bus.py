"""Those who wait for a fact hear of it, once, and only of theirs."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.support.builders import NOON, PROJECT
from titan.model.events import JournalEntry, Subject
from titan.orchestrator.bus import DUE, JOURNAL, Bus, BusClosed, Kind, Topic, topics_of
from titan.ports.jobs_store import Commit

KEY = Topic(Kind.KEY, "k")


def a_commit(*kinds: str, key: str | None = None) -> Commit:
    subject = Subject(project_id=PROJECT, run_id="r", dag_id="d", job_id="d.0")
    entries = tuple(
        JournalEntry(seq=n, at=NOON, subject=subject, kind=kind, cause="test", data="{}")
        for n, kind in enumerate(kinds, start=1)
    )
    return Commit(entries=entries, keys=frozenset({(PROJECT, key)} if key else set()))


async def told(fact: bool) -> bool:
    return fact


def on_a_bus(test: Callable[[Bus], Awaitable[None]]) -> None:
    async def run() -> None:
        await asyncio.wait_for(test(Bus(asyncio.get_running_loop())), timeout=10)

    asyncio.run(run())


def test_a_commit_names_all_that_it_touched() -> None:
    topics = topics_of(a_commit("JobReady", key="k"))

    assert topics == {KEY, JOURNAL, Topic(Kind.JOB, "d.0"), Topic(Kind.DAG, "d"), Topic(Kind.RUN, "r")}


def test_the_beginning_of_a_delay_is_announced() -> None:
    assert DUE in topics_of(a_commit("JobDelayed"))
    assert DUE in topics_of(a_commit("JobBackedOff"))


def test_a_watch_is_notified_once_of_any_number_of_changes_before_it_waits() -> None:
    async def test(bus: Bus) -> None:
        with bus.watch([KEY]) as watch:
            bus.publish(a_commit(key="k"))
            bus.publish(a_commit(key="k"))
            heard = [await watch.wait(5), await watch.wait(0.01)]
        assert heard == [True, False]

    on_a_bus(test)


def test_a_watch_is_not_notified_of_other_topics() -> None:
    async def test(bus: Bus) -> None:
        with bus.watch([KEY]) as watch:
            bus.publish(a_commit("JobReady", key="other"))
            assert not await watch.wait(0.01)

    on_a_bus(test)


def test_a_wait_ends_when_the_fact_holds() -> None:
    async def test(bus: Bus) -> None:
        facts = iter([False, False, True])
        asyncio.get_running_loop().call_later(0.001, bus.publish, a_commit(key="k"))
        asyncio.get_running_loop().call_later(0.002, bus.publish, a_commit(key="k"))
        assert await bus.wait_until([KEY], lambda: told(next(facts)), 5)

    on_a_bus(test)


def test_a_wait_gives_up_when_its_time_is_over() -> None:
    async def test(bus: Bus) -> None:
        assert not await bus.wait_until([KEY], lambda: told(False), 0.01)

    on_a_bus(test)


def test_a_wait_on_a_bus_that_closes_raises_as_does_each_one_after() -> None:
    async def test(bus: Bus) -> None:
        asyncio.get_running_loop().call_soon(bus.close)
        for _ in range(2):
            with pytest.raises(BusClosed):
                await bus.wait_until([KEY], lambda: told(False), 5)
        with bus.watch([KEY]) as watch:
            for timeout_seconds in (5, 0):
                with pytest.raises(BusClosed):
                    await watch.wait(timeout_seconds)

    on_a_bus(test)


def test_a_true_condition_on_a_closed_bus_returns_at_once() -> None:
    async def test(bus: Bus) -> None:
        bus.close()
        assert await bus.wait_until([KEY], lambda: told(True), 5)

    on_a_bus(test)
