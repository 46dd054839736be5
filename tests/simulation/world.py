"""A world: one home, some workers and people; in a storm everything breaks that can, and then all must end well."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from operator import methodcaller
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.simulation.audit import Audit
from tests.simulation.client import Client
from tests.simulation.faults import BUSY, CALM, STORM, WAITING
from tests.simulation.server import Home, PostgresHome, Server, SqliteHome
from tests.simulation.worker import SimulatedWorker
from tests.support.builders import NOON, PROJECT
from tests.support.postgres import a_database
from tests.support.virtual_time import run_virtually
from titan.model.attempts import Attempt
from titan.model.jobs import Affinity, Job, JobStatus
from titan.model.workers import WorkerState
from titan.orchestrator.attempts import candidates, free_workers
from titan.ports.jobs_store import Reader

STORM_SECONDS: Final = (6.0, 6.0, 6.0, 10.0, 25.0)  # many short storms find more than few long ones
BUSY_SECONDS: Final = 0.3
ENDLESS_SECONDS: Final = 25.0  # what has not ended by itself by then is cancelled
PATIENCE_SECONDS: Final = 120.0  # ... and then has this long to end
OVERDUE_SECONDS: Final = 4.0  # the server looks every 3 s
SILENCE_SECONDS: Final = 60.0  # within this a worker that is gone is noticed, whatever the server saw of it
OFFERS: Final[tuple[Mapping[str, int], ...]] = (
    {"GENERAL": 2},
    {"GENERAL": 1, "GPU": 1},
    {"GENERAL": 4},
    {"GPU": 2},
)
KILLS: Final = 5  # in each life of parked attempts
EVERYTHING: Final = {"GENERAL": 4, "GPU": 2, "NOBODYS": 2}


def storm(seed: int, folder: Path) -> None:
    """Live through the storm of `seed`, and the calm after it, on a file in `folder`.

    Raises:
        AssertionError: something was lost, ran in the wrong order, twice at once, or never ended.
    """
    run_virtually(_storm(seed, SqliteHome(folder)))


def fair_weather(seed: int, folder: Path) -> None:
    """Live through the same life without any fault.

    Raises:
        AssertionError: as in a storm, or a job waited for half a second although a worker could take it.
    """
    run_virtually(_fair_weather(seed, SqliteHome(folder)))


def restarts(seed: int, folder: Path) -> None:
    """Live through a life in which nothing fails but the server, which is killed and started again and again.

    Raises:
        AssertionError: as in a storm, or an attempt was lost although its worker lived.
    """
    run_virtually(_restarts(seed, SqliteHome(folder)))


def kills_of_parked(seed: int, folder: Path) -> None:
    """Live through a life in which all wait, and servers and workers are killed while some of them are parked.

    Raises:
        AssertionError: as in a storm.
    """
    run_virtually(_kills_of_parked(seed, SqliteHome(folder)))


def kills_of_parked_on_postgres(seed: int, _folder: Path) -> None:
    """Live through kills over parked attempts on a database.

    Raises:
        AssertionError: as in a storm.
    """
    with a_database() as url:
        run_virtually(_kills_of_parked(seed, PostgresHome(url)))


def storm_on_postgres(seed: int, _folder: Path) -> None:
    """Live through the storm of `seed` on a database.

    Raises:
        AssertionError: as in a storm.
    """
    with a_database() as url:
        run_virtually(_storm(seed, PostgresHome(url)))


def restarts_on_postgres(seed: int, _folder: Path) -> None:
    """Live through restarts of the server on a database.

    Raises:
        AssertionError: as with restarts.
    """
    with a_database() as url:
        run_virtually(_restarts(seed, PostgresHome(url)))


async def _storm(seed: int, home: Home) -> None:
    world = World(home, Random(seed))
    try:
        await world.begin([world.draw_offers(), world.draw_offers()])
        world.let_people_work(world.seconds)
        await world.let_it_storm()
        await world.calm_down()
        await world.wait_until_all_has_ended(prompt_seconds=5)
        await asyncio.sleep(SILENCE_SECONDS)
        world.judge()
    finally:
        await world.end()


async def _fair_weather(seed: int, home: Home) -> None:
    world = World(home, Random(seed))
    try:
        await world.begin([EVERYTHING])  # nobody else whose requests would wake it by chance
        world.server.faults = BUSY
        world.let_people_work(BUSY_SECONDS)
        await world.wait_until_all_has_ended(prompt_seconds=0.5)
        world.judge()
    finally:
        await world.end()


async def _restarts(seed: int, home: Home) -> None:
    world = World(home, Random(seed))
    try:
        await world.begin([world.draw_offers(), EVERYTHING])
        world.let_people_work(world.seconds)
        await world.let_the_server_die()
        await world.calm_down()
        await world.wait_until_all_has_ended(prompt_seconds=5)
        world.judge()
        assert "lost" not in world.audit.outcomes, "an attempt was lost, and its worker lives"
    finally:
        await world.end()


async def _kills_of_parked(seed: int, home: Home) -> None:
    world = World(home, Random(seed))
    try:
        await world.begin([{"GENERAL": 1}, {"GENERAL": 2}])
        world.server.faults = WAITING
        for _kill in range(KILLS):
            await world.kill_while_some_are_parked()
        await world.calm_down()
        await world.wait_until_all_has_ended(prompt_seconds=5)
        await asyncio.sleep(SILENCE_SECONDS)
        world.judge()
    finally:
        await world.end()


class World:
    """Everything there is."""

    def __init__(self, home: Home, chance: Random) -> None:
        self.audit = Audit()
        self.server = Server(home, chance, self.audit)
        self.client = Client(self.server, chance)
        self.workers: list[SimulatedWorker] = []
        self.seconds = chance.choice(STORM_SECONDS)
        self._chance = chance
        self._errands: set[asyncio.Task[Any]] = set()
        self._idle_since: dict[str, float] = {}
        asyncio.get_running_loop().set_exception_handler(self._note_failure)

    async def begin(self, offers: list[Mapping[str, int]]) -> None:
        """Start the server and a worker for each of `offers`."""
        await self.server.start()
        for offered in offers:
            self.hire(offered)

    def let_people_work(self, seconds: float) -> None:
        """Have DAGs and runs submitted, and some of it cancelled, within `seconds`."""
        for _dag in range(self._chance.randint(1, 3)):
            self._errand(self._at_some_time(seconds / 2, self.client.submit_one))
        for number in range(self._chance.randint(0, 1)):
            self._errand(self._at_some_time(seconds / 2, partial(self.client.run_agent, f"RUN_{number}")))
        for _cancel in range(self._chance.randint(0, 2)):
            self._errand(self._at_some_time(seconds, self.client.cancel_something))
        for _decision in range(self._chance.randint(0, 4)):
            self._errand(self._at_some_time(seconds, self.client.decide_something))
        for _retry in range(self._chance.randint(0, 2)):
            self._errand(self._at_some_time(seconds, self.client.retry_something))

    async def let_it_storm(self) -> None:
        """Let everything break that can, for a while."""
        self.server.faults = STORM
        await self._endure({self._trouble: 3, self._mend: 4})

    async def let_the_server_die(self) -> None:
        """Kill the server from time to time, and leave it dead for up to half a minute."""
        await self._endure({self.server.crash: 6, self._mend: 6})

    async def kill_while_some_are_parked(self) -> None:
        """Kill the server, a worker or both at a moment at which attempts are parked, and start others."""

        def parked(reader: Reader) -> list[str]:
            return [each.worker_id for each in reader.waiting_attempts() if each.parked_at is not None]

        for _dag in range(4):
            await self.client.submit_one()
        await asyncio.sleep(
            self._chance.random() * 4
        )  # so that more wait than may be parked, and wake beside each other
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while not (found := self.server.read(parked)):
            assert asyncio.get_running_loop().time() < deadline, "nothing was ever parked"
            if self._chance.random() < 0.1:
                await self.client.submit_one()
            await asyncio.sleep(0.2)
        kind = self._chance.choice(["server", "worker", "both"])
        if kind != "server":
            chosen = self._chance.choice(found)
            next(worker for worker in self.workers if worker.id == chosen).die()
            self.hire({"GENERAL": self._chance.randint(1, 2)})
        if kind != "worker":
            await self.server.crash()
            await asyncio.sleep(self._chance.random() * 3)
            await self._mend()
            self.server.wait_until_in_charge()

    async def calm_down(self) -> None:
        """Let nothing break any more, mend what is broken, and hire a worker that can do everything."""
        self.server.faults = CALM
        await asyncio.sleep(STORM.travel_seconds * 2)  # what the storm still has on the way
        await self._mend()
        for worker in self.workers:
            worker.resume()
        self.hire(EVERYTHING)

    async def wait_until_all_has_ended(self, *, prompt_seconds: float) -> None:
        """Wait until every request is answered and every job final, and see that all is done in time.

        Who waits for a dead worker is cancelled, and after 25 s all that runs or asks: some attempts never end, and
        many gates in a row take their time.
        No job may wait longer than `prompt_seconds` while a worker could take it.
        """
        began = asyncio.get_running_loop().time()
        while self._errands or self.audit.live_jobs():
            assert not self.server.failures, self.server.failures
            left = {job_id: book.status.value for job_id, book in self.audit.live_jobs().items()}
            waited_seconds = asyncio.get_running_loop().time() - began
            assert waited_seconds < PATIENCE_SECONDS, f"never ended: {left}, {self._errands}"
            await asyncio.sleep(prompt_seconds / 2)
            await self._cancel_what_never_ends(running=waited_seconds > ENDLESS_SECONDS)
            self._see_that_nobody_idles(prompt_seconds)
            self._see_that_no_lease_is_overdue()

    def judge(self) -> None:
        """Say what must hold when all is over."""
        server = self.server
        self.audit.check_all(server.read)
        assert not server.failures, server.failures
        alive = {worker.id for worker in self.workers if worker.is_alive}
        for worker in server.read(lambda reader: reader.workers()):
            busy = server.read(methodcaller("busy_slots", worker.id))
            assert busy == {}, f"slots leaked: {worker.id} {busy}"
            assert (worker.state is WorkerState.CONNECTED) == (worker.id in alive), worker
        stored = [dag.name for dag in server.read(lambda reader: reader.dags(PROJECT, limit=1000))]
        assert len(set(stored)) == len(stored), "a submission was stored twice"
        assert set(self.client.submitted) <= set(stored), "an acknowledged submission is gone"
        assert not self.client.refused & set(stored), "a refused submission was stored"

    def draw_offers(self) -> Mapping[str, int]:
        """Return what some worker may offer."""
        return self._chance.choice(OFFERS)

    def hire(self, offers: Mapping[str, int]) -> None:
        """Start another worker."""
        worker = SimulatedWorker(f"w{len(self.workers)}", offers, self.server, self._chance, self.client.work)
        self.workers.append(worker)
        worker.start()

    async def end(self) -> None:
        """Take the world down."""
        for worker in self.workers:
            worker.die()
        for errand in list(self._errands):
            errand.cancel()
        await self.server.stop()

    async def _endure(self, causes: Mapping[Callable[[], Awaitable[None]], float]) -> None:
        """Let each of `causes` act every so many seconds, more or less, while people work."""
        until = asyncio.get_running_loop().time() + self.seconds
        await asyncio.gather(*(self._every(seconds, act, until=until) for act, seconds in causes.items()))

    async def _trouble(self) -> None:
        """Let one bad thing happen to the server or a worker."""
        worker = self._chance.choice(self.workers)
        match self._chance.randrange(8):
            case 0:
                await self.server.crash()
            case 1:
                worker.die()
            case 2 if worker.is_alive:
                self._errand(worker.leave())
            case 3 | 4 if worker.is_alive:
                worker.pause()
            case 5 | 6:
                worker.resume()
            case _:
                self.hire(self.draw_offers())

    async def _mend(self) -> None:
        """Start the server again when it is down."""
        if not self.server.is_up:
            await self.server.start()

    async def _cancel_what_never_ends(self, *, running: bool) -> None:
        """Cancel, as who submitted them would, the jobs bound to a worker that is gone, and those `running`."""
        serving = {worker.id: worker.offers for worker in self.workers if worker.is_alive}
        for job_id, book in self.audit.live_jobs().items():
            job: Job = self.server.read(methodcaller("job", job_id))
            wanted = job.preferred_worker_id if book.spec.affinity is Affinity.REQUIRED else None
            is_orphan = wanted is not None and book.spec.requirement not in serving.get(wanted, ())
            is_endless = running and job.status in (JobStatus.RUNNING, JobStatus.WAITING_APPROVAL)
            if is_orphan or is_endless:
                await self.client.cancel(job_id)

    def _see_that_nobody_idles(self, prompt_seconds: float) -> None:
        now = asyncio.get_running_loop().time()
        takeable = self.server.read(self._takeable_jobs)
        self._idle_since = {job_id: self._idle_since.get(job_id, now) for job_id in takeable}
        overlooked = [job_id for job_id, since in self._idle_since.items() if now - since > prompt_seconds]
        assert not overlooked, f"ready, and an able worker idles: {overlooked}"

    def _see_that_no_lease_is_overdue(self) -> None:
        before = NOON + timedelta(seconds=asyncio.get_running_loop().time() - OVERDUE_SECONDS)
        overdue: list[Attempt] = self.server.read(methodcaller("expired_attempts", before))
        assert not overdue, f"leases that ran out and were not written off: {overdue}"

    def _takeable_jobs(self, reader: Reader) -> list[str]:
        """Return the ready jobs that a living worker has a free slot for."""
        free = free_workers(reader, [worker.id for worker in self.workers if worker.is_alive])
        return [job.id for job in candidates(reader, free)]

    def _note_failure(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Keep what a task of the server died of, which nobody waits for."""
        self.server.failures.append(context.get("exception") or RuntimeError(context["message"]))

    async def _every(self, seconds: float, act: Callable[[], Awaitable[None]], *, until: float) -> None:
        while asyncio.get_running_loop().time() < until:
            await asyncio.sleep(self._chance.expovariate(1 / seconds))
            await act()

    async def _at_some_time(self, within_seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        await asyncio.sleep(self._chance.uniform(0, within_seconds))
        await act()

    def _errand(self, work: Any) -> "asyncio.Task[None]":
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
        task.add_done_callback(self.server.note_failure)
        return task
