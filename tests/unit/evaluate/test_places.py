"""The places of an agent field: as many run side by side as its cap says, also when that changes."""

from __future__ import annotations

import asyncio

from titan.evaluate.dispatcher import Places


async def step() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class Runs:
    """Runs that take a place each, and keep it until they are let go."""

    def __init__(self, count: int) -> None:
        self.places = Places()
        self.busy: set[int] = set()
        self.go = [asyncio.Event() for _ in range(count)]
        self.tasks = [asyncio.create_task(self._run(number)) for number in range(count)]

    async def _run(self, number: int) -> None:
        async with self.places:
            self.busy.add(number)
            await self.go[number].wait()
            self.busy.remove(number)


def test_there_are_as_many_as_the_cap_says_in_the_order_of_asking() -> None:
    async def go() -> None:
        runs = Runs(6)
        await step()
        assert runs.busy == {0}
        runs.places.set_most(3)
        await step()
        assert runs.busy == {0, 1, 2}
        runs.places.set_most(1)
        runs.go[0].set()
        runs.go[1].set()
        await step()
        assert runs.busy == {2}
        runs.places.set_most(2)
        await step()
        assert runs.busy == {2, 3}
        for event in runs.go:
            event.set()
        await asyncio.gather(*runs.tasks)
        assert runs.busy == set()

    asyncio.run(go())


def test_who_is_cancelled_while_waiting_takes_no_place_from_others() -> None:
    async def go() -> None:
        runs = Runs(4)
        await step()
        runs.go[0].set()
        runs.tasks[1].cancel()
        await step()
        assert runs.busy == {2}
        runs.tasks[2].cancel()
        await step()
        assert runs.busy == {2, 3}  # that of the cancelled one is named still: it did not end by itself
        runs.go[3].set()
        await asyncio.gather(*runs.tasks, return_exceptions=True)

    asyncio.run(go())
