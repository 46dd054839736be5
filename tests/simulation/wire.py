"""The way between a client or worker and the server: messages are late, overtake each other, vanish, come twice."""

import asyncio
from collections.abc import Awaitable, Sequence
from random import Random
from typing import TypeVar

from tests.simulation.server import Act, Server, ServerGone
from titan.orchestrator.orchestrator import Orchestrator
from titan.orchestrator.worker_registry import Orders

T = TypeVar("T")

CLAIM_WAIT_SECONDS = 25.0


class WireCut(Exception):
    """No answer came; whether the request arrived is unknown."""


class Wire:
    """One sender's connection to the server."""

    def __init__(self, server: Server, chance: Random) -> None:
        self._server = server
        self._chance = chance

    async def ask(self, act: Act[T]) -> T:
        """Have the server `act`, and return its answer.

        Raises:
            WireCut: it is not known whether it acted.
            TitanError: what the server refused with.
        """
        await self._travel()
        if self._happens(self._server.faults.doubled):
            asyncio.get_running_loop().create_task(self._again(act))
        answer = await self._answered(self._server.perform(act))
        await self._travel()
        return answer

    async def claim(
        self, worker_id: str, *, holding: Sequence[str], stopping: Sequence[str], parked: Sequence[str]
    ) -> Orders:
        """Ask for work, and return what the server says.

        Raises:
            WireCut: the connection broke.
            UnknownWorker: the worker never registered here.
        """

        def act(orchestrator: Orchestrator) -> Awaitable[Orders]:
            return orchestrator.claim(
                worker_id, holding=holding, stopping=stopping, parked=parked, wait_seconds=CLAIM_WAIT_SECONDS
            )

        await self._travel()
        if self._happens(self._server.faults.doubled):
            asyncio.get_running_loop().create_task(self._again(act))
        call = self._server.perform(act)
        try:
            async with asyncio.timeout(self._cut_after_seconds()):
                answer = await self._answered(asyncio.shield(call))
        except (asyncio.CancelledError, TimeoutError) as broken:
            self._break(call, worker_id)
            if isinstance(broken, TimeoutError):
                raise WireCut from None
            raise
        await self._travel()
        return answer

    def _break(self, call: "asyncio.Task[T]", worker_id: str) -> None:
        """End an outstanding claim as the server does when it sees that its caller is gone; perhaps it does not."""
        if call.done() or self._happens(self._server.faults.cut_unnoticed):
            return
        call.cancel()
        call.add_done_callback(lambda _call: self._server.connection_broke(worker_id))

    def _cut_after_seconds(self) -> float | None:
        return self._chance.uniform(0, CLAIM_WAIT_SECONDS) if self._happens(self._server.faults.cut) else None

    async def _travel(self) -> None:
        await asyncio.sleep(self._chance.random() ** 3 * self._server.faults.travel_seconds)
        if self._happens(self._server.faults.lost / 2):
            await asyncio.sleep(self._server.faults.travel_seconds)
            raise WireCut

    async def _answered(self, answer: Awaitable[T]) -> T:
        try:
            return await answer
        except ServerGone:
            raise WireCut from None

    async def _again(self, act: Act[T]) -> None:
        """Deliver a request a second time; nobody hears the answer."""
        await asyncio.sleep(self._chance.random() * 2 * self._server.faults.travel_seconds)
        self._server.perform(act)

    def _happens(self, chance: float) -> bool:
        return self._chance.random() < chance
