"""A worker as the protocol wants it, that can be killed, stopped past its leases, and be stubborn."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import methodcaller
from random import Random
from typing import Any

from msgspec.structs import replace

from tests.simulation.server import Server
from tests.simulation.wire import Wire, WireCut
from tests.support.assignments import an_assignment
from tests.support.builders import NOON
from titan.model.attempts import Attempt, AttemptOutcome, AttemptReport
from titan.model.errors import StoreError, UnknownWorker
from titan.model.jobs import JobStatus
from titan.model.workers import Worker, WorkerState
from titan.orchestrator.attempts import Completed, Leased, Progress
from titan.orchestrator.orchestrator import Orchestrator
from titan.orchestrator.worker_registry import Orders
from titan.wire.protocol import Assignment
from titan.worker.backlog import PATIENCE_SECONDS, Backlog

HEARTBEAT_SECONDS = 3.0
MAX_PARKED = 2  #: so few that the limit is reached

#: What a job does while it runs, given its attempt.
Script = Callable[[Attempt], Awaitable[None]]


@dataclass(slots=True)
class _Held:
    """An attempt that the worker has, until its report is acknowledged."""

    leased: Leased
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    is_begun: bool = False
    is_start_told: bool = False  #: the server knows that it runs
    is_over: bool = False  #: the server said that the lease is no longer live

    @property
    def is_prefetched(self) -> bool:
        """Whether its job was READY when it came."""
        return self.leased.job.status is JobStatus.READY


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
        self._backlog = Backlog(offers, clock=asyncio.get_running_loop().time)
        self._held: dict[str, _Held] = {}
        self._ended: set[str] = set()  #: leases it is done with; an answer that comes late may name them again
        self._awake = asyncio.Event()
        self._awake.set()
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self) -> None:
        """Begin to live."""
        self._spawn(self._ask_for_work())
        self._spawn(self._beat())
        self._spawn(self._return_what_waits_for_long())

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
                parked = tuple(self._backlog.parked)
                orders = await self._wire.claim(self.id, holding=tuple(self._held), stopping=stopping, parked=parked)
            except UnknownWorker:
                is_known = False
                continue
            except (WireCut, StoreError):
                await asyncio.sleep(self._chance.uniform(0.1, 2))
                continue
            await self._awake.wait()
            self._obey(orders)
            self._take(orders.fresh)
            if orders.should_give_back:
                self._spawn(self._give_back(self._backlog.withdraw_all()))

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
                id=self.id,
                name=self.id,
                host="box",
                pid=1,
                offers=self.offers,
                version="0.1.0",
                state=WorkerState.CONNECTED,
                joined_at=now,
                seen_at=now,
                max_parked=MAX_PARKED,
            )
        )

    async def _tell(
        self, orchestrator: Orchestrator, reports: Sequence[AttemptReport], returned: Sequence[str] = ()
    ) -> tuple[Completed, list[Leased]]:
        """Report at the server's side, where it is known what was accepted even if the answer gets lost."""
        progress = Progress(reports=reports, started=self._untold_starts(), returned=returned)
        done, granted = await orchestrator.complete(self.id, progress, prefetch=self._draw_prefetch())
        self._server.audit.accept(done.accepted)
        return done, granted

    async def _say(self, reports: Sequence[AttemptReport], returned: Sequence[str] = ()) -> Completed:
        """Report until the server has answered, and take what the answer brings."""
        while True:
            await self._awake.wait()
            told = list(self._untold_starts())
            try:
                done, granted = await self._wire.ask(lambda orchestrator: self._tell(orchestrator, reports, returned))
            except (WireCut, StoreError):
                await asyncio.sleep(self._chance.uniform(0.1, 2))
                continue
            await self._awake.wait()
            for lease_id in told:
                if lease_id in self._held:
                    self._held[lease_id].is_start_told = True
            self._take(granted)
            return done

    async def _give_back(self, waiting: Sequence[Assignment]) -> None:
        """Return attempts that have not begun; from now on nothing is to be begun or said of them."""
        lease_ids = [assignment.lease_id for assignment in waiting if assignment.lease_id in self._held]
        if lease_ids:
            await self._say([], lease_ids)
        for lease_id in lease_ids:
            self._held.pop(lease_id, None)
            self._ended.add(lease_id)

    async def _return_what_waits_for_long(self) -> None:
        while True:
            await asyncio.sleep(PATIENCE_SECONDS)
            await self._awake.wait()
            await self._give_back(self._backlog.withdraw_late())
            if self._untold_starts():
                await self._say([])

    def _untold_starts(self) -> dict[str, datetime]:
        now = NOON + timedelta(seconds=asyncio.get_running_loop().time())
        return {
            lease_id: now
            for lease_id, held in self._held.items()
            if held.is_begun and held.is_prefetched and not held.is_start_told
        }

    def _draw_prefetch(self) -> Mapping[str, int] | None:
        """Return what the worker would wish for, more than is wise, or that it wants nothing."""
        if self._chance.random() < 0.1:
            return None
        if self._chance.random() < 0.5:
            return self._backlog.prefetch_limits()
        return dict.fromkeys(self.offers, self._chance.randint(0, 5))

    def _obey(self, orders: Orders) -> None:
        if orders.parked is not None:
            self._backlog.park(orders.parked)
        for lease_id in orders.stop:
            if lease_id in self._held:
                self._held[lease_id].stop.set()
                if (waiting := self._backlog.withdraw(lease_id)) is not None:
                    self._begin(waiting)  # only to say that it is cancelled
        for lease_id in orders.lost:
            held = self._held.pop(lease_id, None)
            self._backlog.withdraw(lease_id)
            if held is not None:
                self._ended.add(lease_id)
                if self._chance.random() >= self._server.faults.stubborn:
                    held.is_over = True
                    held.stop.set()

    def _take(self, fresh: Iterable[Leased]) -> None:
        for leased in fresh:
            attempt = leased.attempt
            if attempt.lease_id not in self._held and attempt.lease_id not in self._ended:
                self._held[attempt.lease_id] = _Held(leased)
                if not self._backlog.add(assignment := _assignment(leased)):
                    self._begin(assignment)
        self._begin_what_has_a_slot()

    def _begin_what_has_a_slot(self) -> None:
        while (assignment := self._backlog.next()) is not None:
            self._begin(assignment)

    def _begin(self, assignment: Assignment) -> None:
        held = self._held[assignment.lease_id]
        held.is_begun = True
        self._spawn(self._run(held))

    async def _run(self, held: _Held) -> None:
        """Run one attempt to its end, and report it until the server has answered."""
        attempt = held.leased.attempt
        work = self._spawn(self._script(attempt))
        try:
            async with asyncio.timeout(self._lasting_seconds()):
                await held.stop.wait()
        except TimeoutError:
            outcome = self._outcome()
        else:
            outcome = AttemptOutcome.CANCELLED
            await asyncio.sleep(self._chance.random())
        work.cancel()
        self._backlog.end(attempt.lease_id)
        self._begin_what_has_a_slot()
        report = AttemptReport(lease_id=attempt.lease_id, outcome=outcome, duration_ns=1, started_at=attempt.leased_at)
        if not held.is_over:
            done = await self._say([report])
            assert attempt.lease_id in done.accepted or attempt.lease_id in done.stale
        self._held.pop(attempt.lease_id, None)
        self._ended.add(attempt.lease_id)

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


def _assignment(leased: Leased) -> Assignment:
    """Return what the backlog wants to know of an attempt."""
    attempt, job = leased.attempt, leased.job
    return replace(
        an_assignment(attempt.lease_id),
        job_id=job.id,
        label=attempt.label,
        is_prefetched=job.status is JobStatus.READY,
        priority=job.spec.priority,
        ready_at=job.ready_at,
    )
