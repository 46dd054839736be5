"""The machine's clock, or the database's, is set by an hour: no retry waits longer, no living worker loses a lease."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests.simulation.server import SeededIds
from tests.simulation.slow_store import SlowStore
from tests.support.builders import NOON, PROJECT, a_gate, a_new_dag, a_spec
from tests.support.desk import a_desk
from tests.support.stores import STORES, OpenStore
from tests.support.virtual_time import LoopClock, run_virtually
from titan.model.attempts import Attempt, AttemptOutcome, AttemptReport
from titan.model.dags import NewDag
from titan.model.errors import StoreError
from titan.model.jobs import Job, JobStatus
from titan.model.workers import Worker, WorkerState
from titan.orchestrator import timers
from titan.orchestrator.attempts import Progress
from titan.orchestrator.bus import Bus
from titan.orchestrator.orchestrator import Orchestrator
from titan.orchestrator.submit import Submitter, submit
from titan.ports.runtime import Clock
from titan.system import SystemClock

HOUR = 3600.0
STEPS = [HOUR, -HOUR]
PAUSE_SECONDS = 20.0
FLAKY = a_spec("flaky", retries=1, backoff_seconds=PAUSE_SECONDS)
STEADY = a_spec("steady")
WITHIN_SECONDS = 14.0  # of its worker's silence a lease has run out, and was looked at


class Machine:
    """What a test's servers run on: time passes with the loop, and the test sets the clock."""

    def __init__(self, store: OpenStore) -> None:
        self.open_store = store
        self.set_seconds = 0.0  #: how far the clock was set
        self.slept_seconds = 0.0  #: how long the machine was suspended
        self.is_in_charge = True
        self.is_store_away = False

    def system_clock(self) -> SystemClock:
        """Return the clock of a server that starts now."""
        loop = asyncio.get_running_loop()
        noon_ns = int(NOON.timestamp()) * 10**9

        def steady_ns() -> int:
            return int((loop.time() + self.slept_seconds) * 1e9)

        return SystemClock(wall_ns=lambda: noon_ns + steady_ns() + int(self.set_seconds * 1e9), steady_ns=steady_ns)

    def database_clock(self) -> "DatabaseClock":
        """Return the clock of a server whose database is on this machine."""
        return DatabaseClock(self)


class DatabaseClock:
    """Shows the machine's clock as it is set now."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._clock = LoopClock(asyncio.get_running_loop(), start=NOON)

    def now(self) -> datetime:
        """Return the time as it was set."""
        return self._clock.now() + timedelta(seconds=self._machine.set_seconds)


class ChargedStore(SlowStore):
    """Is in charge when the test says so."""

    machine: Machine

    @property
    def is_in_charge(self) -> bool:
        """Ask the machine."""
        return self.machine.is_in_charge


class Titan:
    """A server, and a worker that tells it every 3 s which leases it holds."""

    def __init__(self, machine: Machine, clock: Clock) -> None:
        store = ChargedStore(
            machine.open_store(clock), Random(1), is_full=lambda: machine.is_store_away, committed=lambda _commit: None
        )
        store.machine = machine
        bus = Bus(asyncio.get_running_loop())
        store.listen(bus.publish)
        self.store = store
        self.clock = clock
        self.orchestrator = Orchestrator(store, clock=clock, ids=SeededIds(Random(2)), bus=bus)
        self.holding: list[str] = []
        self._worker: asyncio.Task[None] | None = None

    async def hire(self) -> None:
        """Have the worker register, and begin to tell what it holds."""
        now = self.clock.now()
        worker = Worker(
            id="w1",
            name="w1",
            host="here",
            pid=1,
            offers={"GENERAL": 2},
            version="1",
            state=WorkerState.CONNECTED,
            joined_at=now,
            seen_at=now,
        )
        await self.orchestrator.join(worker)
        self.employ()

    def employ(self) -> None:
        """Have the worker tell every 3 s what it holds."""
        self._worker = asyncio.get_running_loop().create_task(self._beat())

    async def _beat(self) -> None:
        while True:
            with suppress(StoreError):
                await self.orchestrator.heartbeat("w1", self.holding)
            await asyncio.sleep(3)

    async def idle(self) -> None:
        """Have the worker ask for work instead, each time for as long as it may."""
        await self._end_work()
        self._worker = asyncio.get_running_loop().create_task(self._ask())

    async def _ask(self) -> None:
        while True:
            await self.orchestrator.claim("w1", holding=(), stopping=(), wait_seconds=30)

    async def run(self, *names: str) -> dict[str, Attempt]:
        """Ask for work until jobs of these names are leased; return their attempts by name."""
        found: dict[str, Attempt] = {}
        while found.keys() != set(names):
            orders = await self.orchestrator.claim("w1", holding=self.holding, stopping=(), wait_seconds=1)
            found |= {leased.job.name: leased.attempt for leased in orders.fresh}
            self.holding += [leased.attempt.lease_id for leased in orders.fresh]
        return found

    async def fail(self, attempt: Attempt) -> None:
        """Report that an attempt failed."""
        self.holding.remove(attempt.lease_id)
        report = AttemptReport(lease_id=attempt.lease_id, outcome=AttemptOutcome.FAILED, exit_code=1)
        await self.orchestrator.complete("w1", Progress(reports=[report]))

    async def submit(self, new: NewDag) -> None:
        """Store a DAG."""
        await self.orchestrator.decide(lambda tx: submit(tx, new, Submitter(project_id=PROJECT), dag_id="d1"))

    def job(self, name: str) -> Job:
        """Return the newest job of a name."""
        job = self.store.read(lambda reader: reader.newest_job(PROJECT, name))
        assert job is not None
        return job

    def outcome(self, attempt: Attempt) -> AttemptOutcome | None:
        """Return how an attempt ended; None while its lease is live."""
        found = self.store.read(lambda reader: reader.attempt(attempt.lease_id))
        assert found is not None
        return found.outcome

    def worker_state(self) -> WorkerState:
        """Return what the worker counts as."""
        worker = self.store.read(lambda reader: reader.worker("w1"))
        assert worker is not None
        return worker.state

    async def seconds_until(self, holds: Callable[[], bool]) -> float:
        """Return how long it took until something holds, two minutes at most."""
        for tenths in range(1200):
            if holds():
                return tenths / 10
            await asyncio.sleep(0.1)
        return 120.0

    async def end(self) -> None:
        """End both, as if they were killed."""
        await self._end_work()
        await self.orchestrator.stop()
        await self.store.halt()
        self.store.close()

    async def _end_work(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            with suppress(asyncio.CancelledError):
                await self._worker


@asynccontextmanager
async def a_titan(machine: Machine, clock: Clock) -> AsyncIterator[Titan]:
    """Start a server."""
    titan = Titan(machine, clock)
    try:
        await titan.orchestrator.start()
        yield titan
    finally:
        await titan.end()


def played(folder: Path, kind: str, play: Callable[[Machine], Awaitable[None]]) -> None:
    """Run a test in virtual time on a store of a kind."""

    async def main() -> None:
        with STORES[kind](folder) as open_store:
            await play(Machine(open_store))

    run_virtually(main())


@pytest.mark.parametrize("step", STEPS)
def test_a_retry_waits_as_long_as_it_should_when_the_machines_clock_is_set(tmp_path: Path, step: float) -> None:
    async def play(machine: Machine) -> None:
        async with a_titan(machine, machine.system_clock()) as titan:
            await titan.hire()
            await titan.submit(a_new_dag(FLAKY))
            await titan.fail((await titan.run("flaky"))["flaky"])

            machine.set_seconds = step
            waited = await titan.seconds_until(lambda: titan.job("flaky").status is JobStatus.READY)

        assert PAUSE_SECONDS - 1 < waited < PAUSE_SECONDS + 1

    played(tmp_path, "sqlite", play)


def system(machine: Machine) -> Clock:
    """Give a server on a file its clock."""
    return machine.system_clock()


def database(machine: Machine) -> Clock:
    """Give a server on a database its clock."""
    return machine.database_clock()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("kind", "clock_of"), [("sqlite", system), ("postgres", database)])
def test_a_set_clock_loses_no_lease_of_a_living_worker_and_keeps_none_of_a_dead_one(
    tmp_path: Path, kind: str, clock_of: Callable[[Machine], Clock], step: float
) -> None:
    async def play(machine: Machine) -> None:
        async with a_titan(machine, clock_of(machine)) as titan:
            await titan.hire()
            await titan.submit(a_new_dag(STEADY))
            attempt = (await titan.run("steady"))["steady"]
            await asyncio.sleep(10)

            machine.set_seconds = step
            await asyncio.sleep(60)
            while_it_lives = titan.outcome(attempt), titan.worker_state()
            titan.holding.clear()  # as of a worker that has lost it and does not know of it any more
            lost_after = await titan.seconds_until(lambda: titan.outcome(attempt) is AttemptOutcome.LOST)

        assert while_it_lives == (None, WorkerState.CONNECTED)
        assert lost_after < WITHIN_SECONDS

    played(tmp_path, kind, play)


@pytest.mark.parametrize("is_asleep", [False, True])
def test_an_idle_worker_outlives_a_step_of_the_databases_clock_and_a_suspended_machine(
    tmp_path: Path, is_asleep: bool
) -> None:
    async def play(machine: Machine) -> None:
        clock = machine.system_clock() if is_asleep else machine.database_clock()
        async with a_titan(machine, clock) as titan:
            await titan.hire()
            await titan.idle()
            await asyncio.sleep(10)

            if is_asleep:
                machine.slept_seconds = HOUR
            else:
                machine.set_seconds = HOUR
            states = {await state_after(titan, 0.5) for _look in range(100)}

        assert states == {WorkerState.CONNECTED}

    async def state_after(titan: Titan, seconds: float) -> WorkerState:
        await asyncio.sleep(seconds)
        return titan.worker_state()

    played(tmp_path, "postgres", play)


def test_a_suspended_machine_costs_no_lease(tmp_path: Path) -> None:
    async def play(machine: Machine) -> None:
        async with a_titan(machine, machine.system_clock()) as titan:
            await titan.hire()
            await titan.submit(a_new_dag(STEADY))
            attempt = (await titan.run("steady"))["steady"]
            await asyncio.sleep(10)

            machine.slept_seconds = HOUR
            await asyncio.sleep(30)
            outcome = titan.outcome(attempt)

        assert outcome is None

    played(tmp_path, "sqlite", play)


def test_a_retry_waits_no_longer_when_the_databases_clock_is_set_back(tmp_path: Path) -> None:
    async def play(machine: Machine) -> None:
        async with a_titan(machine, machine.database_clock()) as titan:
            await titan.hire()
            await titan.submit(a_new_dag(FLAKY))
            await titan.fail((await titan.run("flaky"))["flaky"])

            machine.set_seconds = -HOUR
            waited = await titan.seconds_until(lambda: titan.job("flaky").status is JobStatus.READY)

        assert PAUSE_SECONDS - 1 < waited < PAUSE_SECONDS + 4  # it sees that within 3 s

    played(tmp_path, "postgres", play)


@pytest.mark.parametrize("step", STEPS)
def test_a_server_that_takes_charge_by_another_clock_loses_nothing(tmp_path: Path, step: float) -> None:
    async def play(machine: Machine) -> None:
        async with a_titan(machine, machine.database_clock()) as titan:
            await titan.hire()
            await titan.submit(a_new_dag(FLAKY, STEADY))
            attempts = await titan.run("flaky", "steady")
            await titan.fail(attempts["flaky"])
            machine.is_in_charge = False
            await asyncio.sleep(10)

            machine.set_seconds = step
            await asyncio.sleep(4)  # nobody keeps time
            machine.is_in_charge = True
            waited = await titan.seconds_until(lambda: titan.job("flaky").status is JobStatus.READY)
            outcome = titan.outcome(attempts["steady"])

        assert outcome is None
        assert waited < PAUSE_SECONDS + 4

    played(tmp_path, "postgres", play)


def test_a_database_that_was_away_for_longer_than_a_lease_costs_no_attempt(tmp_path: Path) -> None:
    async def play(machine: Machine) -> None:
        async with a_titan(machine, machine.database_clock()) as titan:
            await titan.hire()
            await titan.submit(a_new_dag(STEADY))
            attempt = (await titan.run("steady"))["steady"]

            machine.is_store_away, machine.is_in_charge = True, False
            await asyncio.sleep(20)
            machine.is_store_away, machine.is_in_charge = False, True
            await asyncio.sleep(20)
            outcome = titan.outcome(attempt)

        assert outcome is None

    played(tmp_path, "postgres", play)


@pytest.mark.parametrize("kind", sorted(STORES))
def test_a_server_that_starts_after_the_clock_was_set_back_waits_no_longer_than_before(
    tmp_path: Path, kind: str
) -> None:
    async def play(machine: Machine) -> None:
        machine.set_seconds = HOUR
        async with a_titan(machine, machine.system_clock()) as titan:
            await titan.hire()
            await titan.submit(a_new_dag(FLAKY, STEADY, a_spec("forgotten")))
            attempts = await titan.run("flaky", "steady")
            await titan.fail(attempts["flaky"])
            attempts |= await titan.run("forgotten")

        machine.set_seconds = 0
        async with a_titan(machine, machine.system_clock()) as titan:
            titan.holding = [attempts["steady"].lease_id]
            titan.employ()
            waited = await titan.seconds_until(lambda: titan.job("flaky").status is JobStatus.READY)
            outcomes = {name: titan.outcome(attempts[name]) for name in ("steady", "forgotten")}
            state = titan.worker_state()

        assert waited < PAUSE_SECONDS + 1
        assert outcomes == {"steady": None, "forgotten": AttemptOutcome.LOST}
        assert state is WorkerState.CONNECTED

    played(tmp_path, kind, play)


def test_a_lease_that_lived_when_the_server_looked_is_not_written_off(tmp_path: Path) -> None:
    with a_desk(tmp_path) as desk:
        desk.join()
        desk.submit(a_new_dag(STEADY))
        desk.dispatch()
        looked_at = desk.clock.time
        desk.clock.turn(HOUR)  # the machine sleeps, or its database's clock is set

        desk.perform(partial(timers.keep_time, now=looked_at, is_late=False))

        assert desk.job("steady").status is JobStatus.RUNNING


def test_delays_gates_and_pauses_become_no_longer_than_they_were_however_many_there_are(tmp_path: Path) -> None:
    delayed = [replace(a_spec(f"j{number}"), delay_ms=30_000) for number in range(timers.DUE_BATCH)]
    with a_desk(tmp_path) as desk:
        desk.submit(a_new_dag(*delayed, a_gate("ok", max_wait_seconds=60), a_spec("ready")))
        desk.clock.turn(-HOUR)

        after = desk.perform(timers.shorten_waits)
        while after is not None:
            after = desk.perform(partial(timers.shorten_waits, after=after))

        due = {desk.job(name).due_at for name in ("j0", f"j{timers.DUE_BATCH - 1}")}
        gate = desk.job("ok")
        events = desk.events("ok")

    assert due == {desk.clock.time + timedelta(seconds=30)}
    assert (gate.status, gate.due_at) == (JobStatus.WAITING_APPROVAL, desk.clock.time + timedelta(seconds=60))
    assert events == ["DagSubmitted", "GateOpened", "JobDelayed"]


def test_a_wait_that_is_not_too_long_stays_as_it_is(tmp_path: Path) -> None:
    with a_desk(tmp_path) as desk:
        desk.submit(a_new_dag(replace(a_spec("later"), delay_ms=30_000)))
        desk.clock.turn(10)

        desk.perform(timers.shorten_waits)

        due_at, events = desk.job("later").due_at, desk.events("later")

    assert due_at == NOON + timedelta(seconds=30)
    assert events == ["DagSubmitted", "JobDelayed"]
