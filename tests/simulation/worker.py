"""A worker as the protocol wants it, that can be killed, stopped past its leases, and be stubborn."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from operator import methodcaller
from random import Random
from typing import Any

from tests.simulation.server import Server
from tests.simulation.wire import Wire, WireCut
from tests.support.builders import NOON, PROJECT
from titan.engine.attempts import Completed
from titan.engine.attendance import Orders
from titan.engine.orchestrator import Orchestrator
from titan.model.attempts import Attempt, AttemptOutcome, AttemptReport
from titan.model.errors import StoreError, UnknownWorker
from titan.model.workers import Worker, WorkerState

HEARTBEAT_SECONDS = 3.0

#: What a job does while it runs, given its attempt.
Script = Callable[[Attempt], Awaitable[None]]


@dataclass(slots=True)
class _Held:
    """An attempt that the worker has, until its report is acknowledged."""

    attempt: Attempt
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    is_over: bool = False  #: the server said that the lease is no longer live


class SimulatedWorker:
    """A worker process and the attempts it runs."""

    def __init__(
        self, worker_id: str, offers: Mapping[str, int], server: Server, chance: Random, script: Script
    ) -> None:
        self.id = worker_id
        self.offers = offers
        self.is_alive = True
        self._server = server
        self._wire = Wire(server, chance)
        self._chance = chance
        self._script = script
        self._held: dict[str, _Held] = {}
        self._ended: set[str] = set()  #: leases it is done with; an answer that comes late may name them again
        self._awake = asyncio.Event()
        self._awake.set()
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self) -> None:
        """Begin to live."""
        self._spawn(self._ask_for_work())
        self._spawn(self._beat())

    def pause(self) -> None:
        """Stop as by SIGSTOP; the attempts' own processes go on."""
        self._awake.clear()

    def resume(self) -> None:
        """Go on as by SIGCONT."""
        self._awake.set()

    def die(self) -> None:
        """End as by kill -9, with all attempts."""
        self.is_alive = False
        for task in list(self._tasks):
            task.cancel()

    async def leave(self) -> None:
        """End all attempts without a report, give them back and go; an answer is not waited for long."""
        self.die()
        for _try in range(3):
            try:
                await self._wire.ask(lambda orchestrator: orchestrator.leave(self.id))
            except (WireCut, StoreError, UnknownWorker):
                continue
            return

    async def _ask_for_work(self) -> None:
        is_known = False
        while True:
            await self._awake.wait()
            try:
                if not is_known:
                    await self._wire.ask(self._join)
                    is_known = True
                stopping = tuple(lease for lease, held in self._held.items() if held.stop.is_set())
                orders = await self._wire.claim(self.id, holding=tuple(self._held), stopping=stopping)
            except UnknownWorker:
                is_known = False
                continue
            except (WireCut, StoreError):
                await asyncio.sleep(self._chance.uniform(0.1, 2))
                continue
            await self._awake.wait()
            self._obey(orders)
            for leased in orders.fresh:
                self._take(leased.attempt)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await self._awake.wait()
            if not self._held:
                continue
            try:
                orders = await self._wire.ask(methodcaller("heartbeat", self.id, tuple(self._held)))
            except (WireCut, StoreError, UnknownWorker):
                continue
            await self._awake.wait()
            self._obey(orders)

    async def _join(self, orchestrator: Orchestrator) -> None:
        now = NOON  # the store keeps the time of its own transaction where it matters
        await orchestrator.join(
            Worker(
                project_id=PROJECT,
                id=self.id,
                name=self.id,
                host="box",
                pid=1,
                offers=self.offers,
                version="0.1.0",
                state=WorkerState.CONNECTED,
                joined_at=now,
                seen_at=now,
            )
        )

    async def _report(self, orchestrator: Orchestrator, report: AttemptReport) -> Completed:
        """Report at the server's side, where it is known what was accepted even if the answer gets lost."""
        done = await orchestrator.complete(self.id, [report])
        self._server.audit.accept(done.accepted)
        return done

    def _obey(self, orders: Orders) -> None:
        for lease_id in orders.stop:
            if lease_id in self._held:
                self._held[lease_id].stop.set()
        for lease_id in orders.lost:
            held = self._held.pop(lease_id, None)
            if held is not None:
                self._ended.add(lease_id)
                if self._chance.random() >= self._server.faults.stubborn:
                    held.is_over = True
                    held.stop.set()

    def _take(self, attempt: Attempt) -> None:
        if attempt.lease_id not in self._held and attempt.lease_id not in self._ended:
            held = self._held[attempt.lease_id] = _Held(attempt)
            self._spawn(self._run(held))

    async def _run(self, held: _Held) -> None:
        """Run one attempt to its end, and report it until the server has answered."""
        lease_id = held.attempt.lease_id
        work = self._spawn(self._script(held.attempt))
        try:
            async with asyncio.timeout(self._lasting_seconds()):
                await held.stop.wait()
        except TimeoutError:
            outcome = self._outcome()
        else:
            outcome = AttemptOutcome.CANCELLED
            await asyncio.sleep(self._chance.random())
        work.cancel()
        report = AttemptReport(lease_id=lease_id, outcome=outcome, duration_ns=1, started_at=held.attempt.leased_at)
        while not held.is_over:
            await self._awake.wait()
            try:
                done = await self._wire.ask(lambda orchestrator: self._report(orchestrator, report))
            except (WireCut, StoreError):
                await asyncio.sleep(self._chance.uniform(0.1, 2))
                continue
            assert lease_id in done.accepted or lease_id in done.stale
            break
        self._held.pop(lease_id, None)
        self._ended.add(lease_id)

    def _lasting_seconds(self) -> float | None:
        """Draw how long an attempt lasts; None: until it is stopped."""
        if self._chance.random() < self._server.faults.endless:
            return None
        return self._chance.random() ** 2 * self._server.faults.attempt_seconds

    def _outcome(self) -> AttemptOutcome:
        if self._chance.random() >= self._server.faults.failing:
            return AttemptOutcome.SUCCEEDED
        return self._chance.choice([AttemptOutcome.FAILED, AttemptOutcome.TIMED_OUT])

    def _spawn(self, work: Any) -> "asyncio.Task[None]":
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(self._server.note_failure)
        return task
