"""Runs decisions about jobs on the store, dispatches jobs to claiming workers, and performs what is due."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

from titan.env_cipher import EnvCipher
from titan.model.attempts import Wait
from titan.model.errors import StoreError, TitanError, UnknownWorker
from titan.model.jobs import JobStatus
from titan.model.workers import Load, Worker
from titan.orchestrator import parking, timers, worker_registry
from titan.orchestrator.attempts import LEASE, NO_PREFETCH, Completed, Leased, Progress, complete, dispatch
from titan.orchestrator.bus import DUE, SLOT, STOP, WORK_ELSEWHERE, Bus, BusClosed, Topic, Watch
from titan.orchestrator.worker_registry import Orders, Standing
from titan.ports.jobs_store import Reader, Store, Transaction
from titan.ports.runtime import Clock, Ids

T = TypeVar("T")
logger = logging.getLogger(__name__)

GRACE_SECONDS: Final = 3.0  # how long a worker whose connection broke may take to come back
SILENCE_SECONDS: Final = LEASE.total_seconds()  # how long one may say nothing while it does not ask for work
MAX_SLEEP_SECONDS: Final = 3.0  # a lease granted meanwhile is looked at this late at the latest
LOOK_SECONDS: Final = 2.0  # in case a wake-up by another server of the database was missed
FORGET_EVERY: Final = timedelta(hours=1)
LATE_SECONDS: Final = 2.0  # oversleeping by more means that the server itself stood still
LOST_ANSWER_SECONDS: Final = 1.0  # how soon a worker is sent leases again whose answer may be lost


class _Claim:
    """An outstanding claim: what the worker holds, a bell, and what was leased to it meanwhile."""

    def __init__(
        self, worker_id: str, *, holding: Sequence[str], stopping: Sequence[str], parked: Sequence[str] | None
    ) -> None:
        self.worker_id = worker_id
        self.bell = asyncio.Event()
        self.fresh: list[Leased] = []
        self.should_give_back = False
        self._holding = holding
        self._stopping = stopping
        self._parked = parked

    def take(self) -> Orders:
        """Return what is new since the last call, without reading the store."""
        fresh, self.fresh = self.fresh, []
        should_give_back, self.should_give_back = self.should_give_back, False
        return Orders(
            fresh=tuple(lease for lease in fresh if lease.attempt.lease_id not in self._holding),
            should_give_back=should_give_back,
        )

    def orders(self, reader: Reader) -> Orders:
        """Return the worker's instructions."""
        return worker_registry.orders(
            reader, self.worker_id, holding=self._holding, stopping=self._stopping, parked=self._parked
        )


class Orchestrator:
    """Commits decisions and dispatches jobs. One per server; every method runs on its event loop."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        ids: Ids,
        bus: Bus,
        may_lease: Callable[[], bool] = lambda: True,
        cipher: EnvCipher | None = None,
    ) -> None:
        """`may_lease` is called before each dispatch: while it returns false, no attempt is leased.

        `cipher` encrypts the values of `env`; a job that it cannot decrypt is not leased.
        """
        self.store = store
        self.cipher = cipher
        self._may_lease = may_lease
        self.bus = bus
        self._clock = clock
        self._ids = ids
        #: worker id → its outstanding claim
        self._asking: dict[str, _Claim] = {}
        #: worker id → when to mark it lost, unless it sends something before; none while it asks for work
        self._missing: dict[str, asyncio.TimerHandle] = {}
        #: workers that were asked here to drain: notified at once when they have; others when they claim again
        self._draining: set[str] = set()
        #: worker id → lease → label and priority, of what it prefetched and has not reported as begun
        self._prefetched: dict[str, dict[str, tuple[str, int]]] = {}
        #: workers that will be sent the leases again that they do not report as held
        self._unconfirmed: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._forget_at = clock.now()
        self._has_neighbours = bool(store.server_id)
        #: Whether leases are to be renewed instead of written off, see `_sleep_and_do_what_is_due`.
        self._is_late = not store.is_in_charge
        self._ahead_seconds = 0.0
        #: Whether the server is ending: no attempt is leased any more.
        self.is_ending = False

    async def start(self) -> None:
        """Take over from an earlier server, and start the loops; a server that is in charge already stays so."""
        self._ahead_seconds = self._seconds_ahead()
        if self.store.is_in_charge:
            await self.decide(timers.renew_all)
            await self._shorten_waits()
        for worker_id in await self.store.look(partial(worker_registry.workers_of, server_id=self.store.server_id)):
            self._expect(worker_id)
        self.background(self._repeat(self._sleep_and_do_what_is_due, DUE))
        self.background(self._repeat(self._answer_claims_with_stops, STOP))
        if self._has_neighbours:
            self.background(self._repeat(self._serve_what_others_free, WORK_ELSEWHERE))

    def end_claims(self) -> None:
        """Answer the outstanding claims with nothing: the server is about to stop."""
        claims = list(self._asking.values())
        self._asking.clear()
        for claim in claims:
            claim.bell.set()

    async def stop(self) -> None:
        """End the loops; running attempts go on under their workers."""
        self.end_claims()
        for handle in self._missing.values():
            handle.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def decide(self, decision: Callable[[Transaction], T]) -> T:
        """Commit `decision`, and in the same transaction lease ready jobs to the workers that claim.

        When the caller is cancelled, the rest is still done: others wait for what was committed.
        """
        answer, _granted = await self._see_through(self._decide(decision))
        return answer

    async def _see_through(self, deciding: Coroutine[Any, Any, T]) -> T:
        task = asyncio.get_running_loop().create_task(deciding)
        self._tasks.add(task)
        task.add_done_callback(self._is_decided)
        return await asyncio.shield(task)

    def _is_decided(self, task: asyncio.Task[Any]) -> None:
        """Forget a decision; log its error when it is a fault: its caller may be gone."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, TitanError):
            logger.error("a decision failed", exc_info=error)

    async def _decide(
        self, decision: Callable[[Transaction], T], prefetch: Mapping[str, Mapping[str, int]] = NO_PREFETCH
    ) -> tuple[T, list[Leased]]:
        """Commit, and dispatch; return the decision's answer, and what was leased to the workers of `prefetch`."""
        asking: frozenset[str] = frozenset()
        lowest = {worker_id: _lowest_by_label(held.values()) for worker_id, held in self._prefetched.items()}

        def decide_and_dispatch(tx: Transaction) -> tuple[T, list[Leased], list[str]]:
            nonlocal asking
            answer = decision(tx)
            asking = frozenset(
                self._asking
            )  # read last, so that claims that arrived meanwhile are served in this commit
            if self.is_ending or not self._may_lease():
                return answer, [], []
            granted = dispatch(tx, asking | prefetch.keys(), self._ids.secret, prefetch=prefetch, cipher=self.cipher)
            return answer, granted, worker_registry.outranked(tx, lowest)

        answer, granted, outranked = await asyncio.wrap_future(self.store.transact(decide_and_dispatch))
        for worker_id in outranked:
            if (claim := self._asking.get(worker_id)) is not None:
                self._prefetched.pop(worker_id, None)  # it is reported once
                claim.should_give_back = True
                claim.bell.set()
        wished = [lease for lease in granted if lease.attempt.worker_id in prefetch]
        for lease in granted:
            claim = self._asking.get(lease.attempt.worker_id)
            if claim is not None and lease.attempt.worker_id not in prefetch:
                claim.fresh.append(lease)
                claim.bell.set()
        if not self._asking.keys() <= asking:
            # Claims that came meanwhile may have read the store before the commit, and were not served by it.
            self.background(self._patiently(_nothing))
        return answer, wished

    def lease_again(self) -> None:
        """Dispatch jobs, after `may_lease` has returned false for a while."""
        self.background(self._patiently(_nothing))

    async def keep(self, decision: Callable[[Transaction], T]) -> T:
        """Commit a `decision` that can make no job ready and free no slot."""
        return await asyncio.wrap_future(self.store.transact(decision))

    async def join(self, worker: Worker) -> None:
        """Register a worker."""
        self._expect(worker.id)
        await self.decide(partial(worker_registry.join, worker=replace(worker, server_id=self.store.server_id)))

    async def claim(
        self,
        worker_id: str,
        *,
        holding: Sequence[str],
        stopping: Sequence[str],
        wait_seconds: float,
        parked: Sequence[str] | None = None,
        load: Load | None = None,
    ) -> Orders:
        """Return what the worker is to start, stop or drop, as soon as there is anything.

        A worker has one outstanding claim; a newer one ends the older with nothing to do.

        Raises:
            UnknownWorker: it never registered here.
        """
        if self.bus.is_closed:
            wait_seconds = 0.0  # the server is about to stop
        deadline = asyncio.get_running_loop().time() + wait_seconds
        claim = _Claim(worker_id, holding=holding, stopping=stopping, parked=parked)
        self._end_claim(worker_id)
        self._asking[worker_id] = claim  # before the store is read: what is committed later rings
        self._cancel_timer(worker_id)
        here = self.store.server_id

        def look(reader: Reader) -> tuple[Standing, Orders]:
            standing = worker_registry.standing(reader, worker_id, now=self._clock.now(), server_id=here)
            return standing, claim.orders(reader)

        try:
            standing, found = await self.store.look(look)
            if standing.is_draining:
                self._draining.add(worker_id)  # an earlier or another server was asked to drain it
            if standing.is_due_for_touch:
                touch = partial(worker_registry.touch, worker_id=worker_id, holding=holding, server_id=here, load=load)
                await self.keep(touch)
            if standing.has_work:
                await self.decide(_nothing)
            is_changed = standing.is_due_for_touch or standing.has_work
            return await self._orders(claim, deadline, None if is_changed else found)
        finally:
            if self._asking.get(worker_id) is claim:
                del self._asking[worker_id]
                self._expect(worker_id)

    async def _orders(self, claim: _Claim, deadline: float, found: Orders | None) -> Orders:
        """Wait for instructions for the worker; `found` is what was read, None when the store is to be read."""
        while True:
            if granted := claim.take():
                return granted
            if found is None:
                claim.bell.clear()
                found = await self.store.look(claim.orders)
            left = deadline - asyncio.get_running_loop().time()
            if found or left <= 0 or self._asking.get(claim.worker_id) is not claim:
                return found
            found = None
            try:
                async with asyncio.timeout(min(left, LOOK_SECONDS) if self._has_neighbours else left):
                    await claim.bell.wait()
            except TimeoutError:
                continue  # read once more, for what another server did

    async def heartbeat(self, worker_id: str, holding: Sequence[str], load: Load | None = None) -> Orders:
        """Renew the leases a worker holds; return those to stop and those that are over.

        Raises:
            UnknownWorker: it never registered here.
        """
        self._expect(worker_id)
        await self.keep(partial(worker_registry.touch, worker_id=worker_id, holding=holding, load=load))
        return await self.store.look(partial(worker_registry.orders, worker_id=worker_id, holding=holding, stopping=()))

    async def complete(
        self, worker_id: str, progress: Progress, *, prefetch: Mapping[str, int] | None = None
    ) -> tuple[Completed, list[Leased]]:
        """Apply a worker's report; return with the result what is leased to the worker next.

        `prefetch` has label → how many leases it may hold beyond its slots; None wants nothing in this answer.
        """
        self._expect(worker_id)
        self._forget_prefetched(worker_id, progress)
        decision = partial(complete, worker_id=worker_id, progress=progress)
        wanted = NO_PREFETCH if prefetch is None else {worker_id: prefetch}
        done, granted = await self._see_through(self._decide(decision, wanted))
        if worker_id in self._draining:
            self._ring(worker_id)  # that was perhaps the last it ran
        self._note_prefetched(worker_id, granted)
        return done, granted

    def _forget_prefetched(self, worker_id: str, progress: Progress) -> None:
        held = self._prefetched.pop(worker_id, {})
        for lease_id in (*(report.lease_id for report in progress.reports), *progress.started, *progress.returned):
            held.pop(lease_id, None)
        if held:
            self._prefetched[worker_id] = held

    def _note_prefetched(self, worker_id: str, granted: Sequence[Leased]) -> None:
        prefetched = {
            lease.attempt.lease_id: (lease.attempt.label, lease.job.spec.priority)
            for lease in granted
            if lease.job.status is JobStatus.READY
        }
        if prefetched:
            self._prefetched.setdefault(worker_id, {}).update(prefetched)
        if granted and worker_id not in self._unconfirmed:
            self._unconfirmed.add(worker_id)
            asyncio.get_running_loop().call_later(LOST_ANSWER_SECONDS, self._confirm, worker_id)

    def _confirm(self, worker_id: str) -> None:
        """Compare what a worker holds with its leases: the answer that brought some may have been lost."""
        self._unconfirmed.discard(worker_id)
        self._ring(worker_id)

    async def park(self, lease_id: str, wait: Wait, *, waits: str) -> None:
        """Note that the program of an attempt waits, and park the attempt where it may be; see `parking.park`."""
        self._ring_if(await self.decide(partial(parking.park, lease_id=lease_id, wait=wait, waits=waits)))

    async def resume(self, lease_id: str, wait_seconds: float) -> bool:
        """End the wait of an attempt; return whether it has a slot again, or runs over, within so many seconds."""
        deadline, pause = asyncio.get_running_loop().time() + wait_seconds, parking.OVER_SECONDS
        with self.bus.watch([SLOT]) as watch, suppress(BusClosed):
            while True:
                may_go_on, worker_id = await self.decide(partial(parking.wake, lease_id=lease_id))
                self._ring_if(worker_id)
                left = deadline - asyncio.get_running_loop().time()
                if may_go_on or left <= 0:
                    return may_go_on
                if not await watch.wait(min(pause, left)):
                    pause = min(2 * pause, LOOK_SECONDS)
        return False

    def _ring_if(self, worker_id: str | None) -> None:
        if worker_id is not None:
            self._ring(worker_id)

    async def change_worker(self, decision: Callable[[Transaction], tuple[Worker, T]]) -> T:
        """Commit a `decision` that has a worker drain or resume, and answer its claim if there are instructions."""
        worker, answer = await self.decide(decision)
        (self._draining.add if worker.is_draining else self._draining.discard)(worker.id)
        self._ring(worker.id)
        return answer

    async def leave(self, worker_id: str) -> list[str]:
        """End a worker, returning what it holds to the queue; return these leases.

        Raises:
            UnknownWorker: it never registered here.
        """
        self._expect(worker_id)  # in case its leaving cannot be stored
        self._draining.discard(worker_id)
        self._prefetched.pop(worker_id, None)
        return await self.decide(partial(worker_registry.leave, worker_id=worker_id))

    def connection_broke(self, worker_id: str) -> None:
        """Begin the grace period of a worker whose claim was disconnected."""
        self._expect(worker_id, within_seconds=GRACE_SECONDS)

    def _expect(self, worker_id: str, *, within_seconds: float = SILENCE_SECONDS) -> None:
        """Mark the worker lost unless it sends something in time. A worker with an outstanding claim is not lost."""
        self._cancel_timer(worker_id)
        if worker_id not in self._asking:
            loop = asyncio.get_running_loop()
            self._missing[worker_id] = loop.call_later(within_seconds, self._give_up, worker_id)

    def _cancel_timer(self, worker_id: str) -> None:
        handle = self._missing.pop(worker_id, None)
        if handle is not None:
            handle.cancel()

    def _give_up(self, worker_id: str) -> None:
        self._missing.pop(worker_id, None)
        self.background(self._lose(worker_id))

    async def _lose(self, worker_id: str) -> None:
        self._prefetched.pop(worker_id, None)
        try:
            await self.decide(partial(worker_registry.lose, worker_id=worker_id, server_id=self.store.server_id))
        except UnknownWorker:
            return  # it never registered
        except StoreError:
            logger.exception("worker %s vanished, which could not be stored; trying again", worker_id)
            self._expect(worker_id, within_seconds=GRACE_SECONDS)
            return
        self._end_claim(worker_id)  # it came back while it was written off: its next claim brings what was lost

    def _end_claim(self, worker_id: str) -> None:
        """Answer a worker's outstanding claim, if there is one, with its current instructions."""
        claim = self._asking.pop(worker_id, None)
        if claim is not None:
            claim.bell.set()

    def _ring(self, worker_id: str) -> None:
        claim = self._asking.get(worker_id)
        if claim is not None:
            claim.bell.set()

    async def _repeat(self, step: Callable[[Watch], Awaitable[None]], topic: Topic) -> None:
        """Repeat a step for as long as the server lives, also after errors; the step itself waits for `topic`."""
        with self.bus.watch([topic]) as watch:
            while True:
                try:
                    await step(watch)
                except BusClosed:
                    return
                except Exception:
                    logger.exception("a step of the orchestrator failed and is repeated in a second")
                    await asyncio.sleep(1)

    async def _sleep_and_do_what_is_due(self, watch: Watch) -> None:
        """Sleep until something is due, and perform it.

        Leases are renewed first when this server took charge just now, stood still, its machine slept, or the
        (database's) clock was set: the workers could not renew them, or did by another time.
        """
        before = self._clock.now()
        seconds = _seconds_until(await self._next_wakeup() if self.store.is_in_charge else None, before)
        await watch.wait(seconds)
        if not self.store.is_in_charge:
            self._is_late = True
            return
        now, ahead = self._clock.now(), self._seconds_ahead()
        has_overslept = (now - before).total_seconds() > seconds + LATE_SECONDS
        self._is_late |= has_overslept or abs(ahead - self._ahead_seconds) > LATE_SECONDS
        self._ahead_seconds = ahead
        if self._is_late or _is_due(await self._next_wakeup(), now):
            for worker_id in await self.decide(partial(timers.keep_time, now=now, is_late=self._is_late)):
                self._end_claim(worker_id)  # so that it claims anew when it wakes
        if self._is_late:
            await self._shorten_waits()
            self._is_late = False
        if self._has_neighbours:
            silent = await self.store.look(partial(worker_registry.silent_workers, now=now))
            if silent:
                await self.decide(partial(worker_registry.lose_silent, now=now))
        if now >= self._forget_at:
            while await self.decide(timers.forget_old) == timers.FORGET_BATCH:
                continue
            self._forget_at = now + FORGET_EVERY

    async def _shorten_waits(self) -> None:
        after = await self.decide(timers.shorten_waits)
        while after is not None:
            after = await self.decide(partial(timers.shorten_waits, after=after))

    def _seconds_ahead(self) -> float:
        """Return by how much the clock is ahead of the loop's, which is never set and stops with the machine."""
        return self._clock.now().timestamp() - asyncio.get_running_loop().time()

    async def _serve_what_others_free(self, watch: Watch) -> None:
        """Lease jobs that another server of the database has made ready to the workers that claim here."""
        await watch.wait(LOOK_SECONDS)
        if not self._asking:
            return
        can_serve = await self.store.look(partial(worker_registry.can_serve, asking=tuple(self._asking)))
        if can_serve or self._prefetched:
            await self.decide(_nothing)

    async def _answer_claims_with_stops(self, watch: Watch) -> None:
        """Answer claims when attempts are to stop, whichever server and decision wants it."""
        if await watch.wait(LOOK_SECONDS):
            for worker_id in self._asking:
                self._ring(worker_id)

    async def _next_wakeup(self) -> datetime | None:
        return await self.store.look(lambda reader: reader.next_wakeup())

    async def _patiently(self, decision: Callable[[Transaction], T]) -> T | None:
        """Commit a decision in the background; when the store refuses, log that and return None a second later."""
        try:
            return await self.decide(decision)
        except StoreError:
            logger.exception("a decision in the background could not be stored")
            await asyncio.sleep(1)
            return None

    def background(self, work: Coroutine[object, object, object]) -> None:
        """Run `work` in the background until the server ends; an error is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._is_done)

    def _is_done(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("work in the background failed", exc_info=task.exception())


def _nothing(_tx: Transaction) -> None:
    """Decide nothing, for the sake of the dispatch that goes with every decision."""


def _lowest_by_label(prefetched: Iterable[tuple[str, int]]) -> dict[str, int]:
    lowest: dict[str, int] = {}
    for label, priority in prefetched:
        lowest[label] = min(priority, lowest.get(label, priority))
    return lowest


def _is_due(wakeup: datetime | None, now: datetime) -> bool:
    return wakeup is not None and wakeup <= now


def _seconds_until(wakeup: datetime | None, now: datetime) -> float:
    if wakeup is None:
        return MAX_SLEEP_SECONDS
    return min(max((wakeup - now).total_seconds(), 0.001), MAX_SLEEP_SECONDS)
