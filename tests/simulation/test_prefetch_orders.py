"""What workers that prefetched are told, and when: the real orchestrator and store, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest

from tests.simulation.audit import Audit
from tests.simulation.server import Server, SqliteHome
from tests.support.builders import NOON, PROJECT, a_gate, a_new_dag, a_spec
from tests.support.virtual_time import run_virtually
from titan.model.attempts import AttemptOutcome, AttemptReport
from titan.model.dags import NewDag, OnFailure
from titan.model.jobs import GateOutcome, Job, JobSpec, JobStatus
from titan.model.workers import Worker, WorkerState
from titan.orchestrator import worker_registry
from titan.orchestrator.attempts import Completed, Leased, Progress
from titan.orchestrator.cancel import cancel_jobs
from titan.orchestrator.gates import decide
from titan.orchestrator.orchestrator import Orchestrator
from titan.orchestrator.submit import Submitter, submit
from titan.orchestrator.worker_registry import Orders
from titan.ports.jobs_store import Transaction

T = TypeVar("T")

AT_ONCE = 0.1  #: seconds; a message and a commit or two
NEVER = Orders()


class Hall:
    """A server, and workers that say what the test has them say."""

    def __init__(self, folder: Path) -> None:
        self.server = Server(SqliteHome(folder), Random(1), Audit())

    async def ask(self, act: Callable[[Orchestrator], Awaitable[T]]) -> T:
        return await self.server.perform(act)

    async def submit(self, new: NewDag) -> None:
        decision = partial(submit, new=new, submitter=Submitter(project_id=PROJECT), dag_id=self.server.ids.dag_id())
        await self.ask(lambda orchestrator: orchestrator.decide(decision))

    async def join(self, worker_id: str, **offers: int) -> None:
        worker = Worker(
            id=worker_id,
            name=worker_id,
            host="box",
            pid=1,
            offers=offers or {"GENERAL": 1},
            version="1",
            state=WorkerState.CONNECTED,
            joined_at=NOON,
            seen_at=NOON,
        )
        await self.ask(lambda orchestrator: orchestrator.join(worker))

    def claim(self, worker_id: str, *holding: Leased, seconds: float = 25) -> "asyncio.Task[Orders]":
        """Begin to ask for work."""
        leases = [each.attempt.lease_id for each in holding]
        return self.server.perform(
            lambda orchestrator: orchestrator.claim(worker_id, holding=leases, stopping=[], wait_seconds=seconds)
        )

    async def complete(
        self,
        worker_id: str,
        *ended: Leased,
        outcome: AttemptOutcome = AttemptOutcome.SUCCEEDED,
        returned: Sequence[Leased] = (),
        started: Sequence[Leased] = (),
        prefetch: Mapping[str, int] | None = None,
    ) -> tuple[Completed, list[Leased]]:
        progress = Progress(
            reports=[AttemptReport(lease_id=each.attempt.lease_id, outcome=outcome) for each in ended],
            started={each.attempt.lease_id: NOON for each in started},
            returned=[each.attempt.lease_id for each in returned],
        )
        return await self.ask(lambda orchestrator: orchestrator.complete(worker_id, progress, prefetch=prefetch))

    async def prefetch(self, worker_id: str, count: int, *, label: str = "GENERAL") -> list[Leased]:
        """Have a worker say nothing but how much it could take."""
        return (await self.complete(worker_id, prefetch={label: count}))[1]

    def job(self, name: str) -> Job:
        job: Job | None = self.server.read(lambda reader: reader.newest_job(PROJECT, name))
        assert job is not None, name
        return job


def in_a_hall(folder: Path, test: Callable[[Hall], Coroutine[Any, Any, None]]) -> None:
    """Have `test` happen, and see that the auditor has nothing to say of it."""

    async def happen() -> None:
        hall = Hall(folder)
        await hall.server.start()
        try:
            await test(hall)
        finally:
            await hall.server.stop()
        assert not hall.server.failures, hall.server.failures

    run_virtually(happen())


async def soon(claim: "asyncio.Task[Orders]", *, seconds: float = AT_ONCE) -> Orders:
    """Return what an outstanding claim is answered with within `seconds`; nothing when it is not."""
    done, _pending = await asyncio.wait({claim}, timeout=seconds)
    return claim.result() if done else NEVER


def names(leased: Sequence[Leased]) -> list[str]:
    return [each.job.name for each in leased]


def jobs(*names: str, **changes: object) -> NewDag:
    return a_new_dag(*(replace(a_spec(name), **changes) for name in names))  # type: ignore[arg-type] # fields of JobSpec


# --- what a report's answer brings ---


def test_a_report_brings_the_next_job_and_the_outstanding_claim_goes_on_waiting(tmp_path: Path) -> None:
    async def happen(hall: Hall) -> None:
        await hall.join("w1")
        await hall.submit(jobs("one", "two"))
        (one,) = (await hall.claim("w1")).fresh
        claim = hall.claim("w1", one)
        await asyncio.sleep(AT_ONCE)

        done, leased = await hall.complete("w1", one, prefetch={})

        assert (done.accepted, names(leased)) == ((one.attempt.lease_id,), ["two"])
        assert leased[0].job.status is JobStatus.RUNNING
        assert await soon(claim) == NEVER

    in_a_hall(tmp_path, happen)


def test_a_report_that_wants_nothing_in_its_answer_leaves_the_job_to_the_claim(tmp_path: Path) -> None:
    async def happen(hall: Hall) -> None:
        await hall.join("w1")
        await hall.submit(jobs("one", "two"))
        (one,) = (await hall.claim("w1")).fresh
        claim = hall.claim("w1", one)
        await asyncio.sleep(AT_ONCE)

        _done, leased = await hall.complete("w1", one, prefetch=None)

        assert leased == []
        assert names((await soon(claim)).fresh) == ["two"]

    in_a_hall(tmp_path, happen)


def test_a_worker_that_waits_gets_what_another_could_only_prefetch(tmp_path: Path) -> None:
    async def happen(hall: Hall) -> None:
        await hall.join("w1")
        await hall.join("w2")
        await hall.submit(jobs("one"))
        (one,) = (await hall.claim("w1")).fresh
        claim = hall.claim("w2")
        await asyncio.sleep(AT_ONCE)
        await hall.submit(a_new_dag(a_spec("two"), a_spec("three")))

        prefetched = await hall.prefetch("w1", 5)

        assert names((await soon(claim)).fresh) == ["two"]
        assert [(each.job.name, each.job.status) for each in prefetched] == [("three", JobStatus.READY)]
        assert hall.job("one").id == one.job.id

    in_a_hall(tmp_path, happen)


def test_leases_that_a_lost_answer_brought_come_again_with_the_claim_within_seconds(tmp_path: Path) -> None:
    async def happen(hall: Hall) -> None:
        await hall.join("w1")
        await hall.submit(jobs("one", "two", "three"))
        (one,) = (await hall.claim("w1")).fresh
        claim = hall.claim("w1", one)
        await asyncio.sleep(AT_ONCE)

        await hall.complete("w1", one, prefetch={"GENERAL": 1})  # nobody reads the answer

        assert await soon(claim) == NEVER
        assert sorted(names((await soon(claim, seconds=1.2)).fresh)) == ["three", "two"]

    in_a_hall(tmp_path, happen)


# --- a higher priority ---


async def a_worker_with_a_backlog(hall: Hall, **offers: int) -> tuple[list[Leased], "asyncio.Task[Orders]"]:
    """Have w1 run one job and prefetch two of priority 1; return the leases, and its outstanding claim."""
    await hall.join("w1", **offers)
    await hall.submit(jobs("one", "two", "three"))
    (one,) = (await hall.claim("w1")).fresh
    held = [one, *await hall.prefetch("w1", 2)]
    assert names(held) == ["one", "two", "three"]
    claim = hall.claim("w1", *held)
    await asyncio.sleep(AT_ONCE)
    return held, claim


def test_what_is_prefetched_is_wanted_back_for_a_job_of_higher_priority_which_goes_first(tmp_path: Path) -> None:
    async def happen(hall: Hall) -> None:
        (one, two, three), claim = await a_worker_with_a_backlog(hall)

        await hall.submit(jobs("urgent", priority=9))
        asked = await soon(claim)
        _done, leased = await hall.complete("w1", returned=[two, three], prefetch={"GENERAL": 2})

        assert asked == Orders(should_give_back=True)
        assert names(leased) == ["urgent", "two"]
        assert hall.job("one").id == one.job.id

    in_a_hall(tmp_path, happen)


def test_one_job_of_lower_priority_is_enough_to_want_all_of_them_back(tmp_path: Path) -> None:
    async def happen(hall: Hall) -> None:
        await hall.join("w1")
        await hall.submit(jobs("one", "low"))
        await hall.submit(jobs("high", priority=9))
        (high,) = (await hall.claim("w1")).fresh
        await hall.submit(jobs("higher", priority=9))
        held = [high, *await hall.prefetch("w1", 3)]
        assert sorted(names(held)) == ["high", "higher", "low", "one"]
        claim = hall.claim("w1", *held)
        await asyncio.sleep(AT_ONCE)

        await hall.submit(jobs("between", priority=5))

        assert (await soon(claim)).should_give_back

    in_a_hall(tmp_path, happen)


def test_it_is_asked_for_once(tmp_path: Path) -> None:
    async def happen(hall: Hall) -> None:
        held, claim = await a_worker_with_a_backlog(hall)
        await hall.submit(jobs("urgent", priority=9))
        assert (await soon(claim)).should_give_back

        again = hall.claim("w1", *held)
        await hall.submit(jobs("more", priority=9))

        assert await soon(again) == NEVER

    in_a_hall(tmp_path, happen)


@pytest.mark.parametrize(
    "changes",
    [{"priority": 1}, {"priority": 9, "requirement": "NOBODYS"}, {"priority": 9, "requirement": "GPU"}],
    ids=["of the same priority", "of a label it has not", "of another label, whose slot is taken"],
)
def test_it_is_not_wanted_back_for_a_job_that_could_not_take_its_place(
    tmp_path: Path, changes: Mapping[str, object]
) -> None:
    async def happen(hall: Hall) -> None:
        await hall.join("w1", GENERAL=1, GPU=1)
        await hall.submit(jobs("long", requirement="GPU"))
        await hall.submit(jobs("one", "two"))
        held = [*(await hall.claim("w1")).fresh]
        held += await hall.prefetch("w1", 1)
        assert sorted(names(held)) == ["long", "one", "two"]
        claim = hall.claim("w1", *held)
        await asyncio.sleep(AT_ONCE)

        await hall.submit(jobs("other", **changes))

        assert await soon(claim) == NEVER

    in_a_hall(tmp_path, happen)


@pytest.mark.parametrize("how", ["began", "ended", "given back"])
def test_what_has_begun_or_ended_is_wanted_back_for_nobody(tmp_path: Path, how: str) -> None:
    async def happen(hall: Hall) -> None:
        (one, two, three), claim = await a_worker_with_a_backlog(hall)
        match how:
            case "began":
                await hall.complete("w1", one, started=[two, three])
            case "ended":
                await hall.complete("w1", one, two, three)
            case _:
                await hall.complete("w1", returned=[two, three])

        await hall.submit(jobs("urgent", priority=9))

        assert not (await soon(claim)).should_give_back

    in_a_hall(tmp_path, happen)


# --- a stop ---


def test_who_prefetched_a_job_is_told_at_once_that_it_is_cancelled(tmp_path: Path) -> None:
    async def happen(hall: Hall) -> None:
        (_one, two, _three), claim = await a_worker_with_a_backlog(hall)

        await hall.ask(
            lambda orchestrator: orchestrator.decide(lambda tx: cancel_jobs(tx, [hall.job("two")], by="a client"))
        )

        assert await soon(claim) == Orders(stop=(two.attempt.lease_id,))

    in_a_hall(tmp_path, happen)


def test_who_prefetched_is_told_at_once_that_its_worker_drains(tmp_path: Path) -> None:
    async def happen(hall: Hall) -> None:
        _held, claim = await a_worker_with_a_backlog(hall)

        def drain(tx: Transaction) -> tuple[Worker, None]:
            worker = tx.worker("w1")
            assert worker is not None
            return worker_registry.drain(tx, worker), None

        await hall.ask(lambda orchestrator: orchestrator.change_worker(drain))

        assert await soon(claim) == Orders(should_give_back=True)

    in_a_hall(tmp_path, happen)


@pytest.mark.parametrize("how", ["an attempt fails", "a worker vanishes", "a gate is rejected", "a gate runs out"])
def test_who_prefetched_of_a_dag_that_stops_on_failure_is_told_at_once(tmp_path: Path, how: str) -> None:
    async def happen(hall: Hall) -> None:
        first: JobSpec = replace(a_spec("bad", max_lost=0), requirement="GPU")
        if "gate" in how:
            first = a_gate("bad", max_wait_seconds=5)
        await hall.join("w1")
        await hall.join("w2", GPU=1)
        await hall.submit(a_new_dag(first, a_spec("one"), a_spec("two"), on_failure=OnFailure.STOP))
        (one,) = (await hall.claim("w1")).fresh
        bad = () if "gate" in how else (await hall.claim("w2")).fresh
        (two,) = await hall.prefetch("w1", 1)
        claim = hall.claim("w1", one, two)
        await asyncio.sleep(AT_ONCE)

        match how:
            case "an attempt fails":
                await hall.complete("w2", *bad, outcome=AttemptOutcome.FAILED)
            case "a worker vanishes":
                await hall.ask(_break_off)
                await asyncio.sleep(3.1)
            case "a gate is rejected":
                await hall.ask(lambda orchestrator: orchestrator.decide(partial(reject, gate=hall.job("bad"))))
            case _:
                await asyncio.sleep(5)

        assert await soon(claim) == Orders(stop=(two.attempt.lease_id,))
        assert hall.job("two").reason == "job 'bad' failed, and the DAG stops on failure"

    in_a_hall(tmp_path, happen)


async def _break_off(orchestrator: Orchestrator) -> None:
    orchestrator.connection_broke("w2")


def reject(tx: Transaction, gate: Job) -> Job:
    return decide(tx, gate, GateOutcome.REJECTED, by="ada", comment=None)
