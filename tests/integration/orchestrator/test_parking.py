"""Attempts whose programs wait: who gives its slot back, and who gets one when its wait is over. On every store."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.builders import a_new_dag, a_spec
from tests.support.desk import Desk, TurnedClock
from tests.support.prefetching import attempts, names, orders, worker
from tests.support.stores import STORES
from titan.model.attempts import Attempt, AttemptOutcome, Wait
from titan.model.jobs import JobStatus
from titan.orchestrator import worker_registry
from titan.orchestrator.parking import park, wake
from titan.orchestrator.worker_registry import Orders
from titan.ports.jobs_store import Reader

OVER = 0.05  # seconds after which a woken attempt runs over


@pytest.fixture(params=sorted(STORES))
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """Give a desk without a worker."""
    clock = TurnedClock()
    with STORES[request.param](tmp_path) as open_store, closing(open_store(clock)) as store:
        yield Desk(store, clock)


def a_running(desk: Desk, name: str, label: str = "GENERAL") -> Attempt:
    """Submit a job that w1 has a slot for, and return its attempt."""
    desk.submit(a_new_dag(a_spec(name, requirement=label), name=name))
    [attempt] = desk.dispatch()
    return attempt


def waits(desk: Desk, attempt: Attempt, how: str = "parks") -> Attempt:
    """Have an attempt wait; return it as it is then."""
    desk.perform(lambda tx: park(tx, attempt.lease_id, Wait(what="key 'go'"), waits=how))
    return now(desk, attempt)


def goes_on(desk: Desk, attempt: Attempt) -> bool:
    return desk.perform(lambda tx: wake(tx, attempt.lease_id))[0]


def now(desk: Desk, attempt: Attempt) -> Attempt:
    found = desk.store.read(lambda reader: reader.attempt(attempt.lease_id))
    assert found is not None
    return found


def ready(desk: Desk, *jobs: str) -> None:
    for name in jobs:
        desk.submit(a_new_dag(a_spec(name), name=name))


# --- who gives its slot back ---


def test_a_waiting_attempt_gives_its_slot_to_a_ready_job_and_stays_running(desk: Desk) -> None:
    desk.join()
    agent = a_running(desk, "agent")
    ready(desk, "next")

    waiting = waits(desk, agent)

    assert (waiting.wait, waiting.parked_at) == (Wait(what="key 'go'"), desk.clock.time)
    assert names(desk, desk.dispatch()) == ["next"]
    assert desk.job("agent").status is JobStatus.RUNNING
    assert desk.events("agent")[-1] == "AttemptParked"


@pytest.mark.parametrize("how", ["threads", "asyncio", "child", "asked", "of a newer SDK"])
def test_one_that_waits_otherwise_keeps_its_slot_and_says_why(desk: Desk, how: str) -> None:
    desk.join()
    agent = a_running(desk, "agent")
    ready(desk, "next")

    waiting = waits(desk, agent, how)

    assert (waiting.parked_at, desk.dispatch()) == (None, [])
    assert waiting.wait is not None
    assert waiting.wait.kept


def test_a_slot_of_another_label_is_kept_unless_its_worker_says_otherwise(desk: Desk) -> None:
    desk.join(GPU=2)
    on_gpu = a_running(desk, "on gpu", "GPU")

    kept = waits(desk, on_gpu)
    desk.perform(lambda tx: tx.save_worker(replace(worker(desk), parks=("GPU",))))
    given_back = waits(desk, on_gpu)

    assert kept.wait is not None
    assert kept.wait.kept == "its worker does not give back slots of GPU (TITAN_PARK_LABELS)"
    assert given_back.parked_at is not None


def test_beyond_the_most_that_a_worker_may_park_a_wait_keeps_its_slot(desk: Desk) -> None:
    desk.join(GENERAL=2)
    desk.perform(lambda tx: tx.save_worker(replace(worker(desk), max_parked=1)))
    first, second = a_running(desk, "first"), a_running(desk, "second")

    waits(desk, first)
    beyond = waits(desk, second)
    goes_on(desk, first)
    after = waits(desk, second)

    assert beyond.parked_at is None
    assert beyond.wait is not None
    assert beyond.wait.kept == "its worker has 1 parked jobs, as many as it may (TITAN_MAX_PARKED)"
    assert after.parked_at is not None


def test_a_prefetched_one_that_waits_has_begun(desk: Desk) -> None:
    desk.join()
    desk.submit(a_new_dag(a_spec("now"), a_spec("next")))
    _now, prefetched = desk.prefetch(1)

    waits(desk, prefetched)

    assert desk.job("next").status is JobStatus.RUNNING


def test_one_that_is_over_or_is_to_stop_is_not_parked(desk: Desk) -> None:
    desk.join(GENERAL=2)
    over, stopped = a_running(desk, "over"), a_running(desk, "stopped")
    desk.report(over)
    desk.cancel("stopped")

    assert [waits(desk, each).parked_at for each in (over, stopped)] == [None, None]


# --- who goes on ---


def test_a_woken_attempt_goes_before_every_ready_job(desk: Desk) -> None:
    desk.join()
    agent = a_running(desk, "agent")
    waits(desk, agent)
    other = a_running(desk, "other")
    desk.submit(a_new_dag(replace(a_spec("urgent"), priority=9), name="urgent"))

    at_first = goes_on(desk, agent)
    desk.report(other)

    assert (at_first, desk.dispatch(), goes_on(desk, agent)) == (False, [], True)
    assert desk.dispatch() == []
    assert desk.events("agent")[-1] == "AttemptResumed"


def test_it_runs_over_where_no_slot_becomes_free_in_time_and_those_beyond_one_for_each_slot_wait(desk: Desk) -> None:
    desk.join()
    agents = []
    for number in range(3):
        agents.append(a_running(desk, f"agent{number}"))
        waits(desk, agents[-1])
    other = a_running(desk, "other")

    at_first = [goes_on(desk, agent) for agent in agents]
    desk.clock.turn(OVER)
    then = [goes_on(desk, agent) for agent in agents]
    desk.report(other)
    later = [goes_on(desk, agent) for agent in agents]

    assert at_first == [False] * 3
    assert then == [True, False, False], "one over for the one slot"
    assert later == [True, True, False]
    assert desk.dispatch() == []


def test_prefetched_jobs_that_have_not_begun_take_no_slot_of_one_that_wakes(desk: Desk) -> None:
    desk.join()
    agent = a_running(desk, "agent")
    waits(desk, agent)
    other = a_running(desk, "other")
    ready(desk, "next")
    [prefetched] = desk.prefetch(1)

    desk.report(other)

    assert desk.job_of(prefetched).status is JobStatus.READY
    assert goes_on(desk, agent)


def test_the_time_that_it_was_parked_adds_up_until_it_ends(desk: Desk) -> None:
    desk.join()
    agent = a_running(desk, "agent")
    for _wait in range(2):
        waits(desk, agent)
        desk.clock.turn(3)
        assert goes_on(desk, agent)
    waits(desk, agent)
    desk.clock.turn(1)
    desk.report(agent)

    [ended] = attempts(desk, "agent")
    assert (ended.parked_ns, ended.wait, ended.parked_at) == (7_000_000_000, None, None)


def test_a_wait_that_kept_its_slot_ends_without_a_word(desk: Desk) -> None:
    desk.join()
    agent = a_running(desk, "agent")
    waits(desk, agent, "threads")

    assert goes_on(desk, agent)
    assert (now(desk, agent).wait, desk.events("agent")[-1]) == (None, "JobLeased")


# --- what happens to it meanwhile ---


def test_a_parked_job_that_is_cancelled_is_stopped_by_its_worker(desk: Desk) -> None:
    desk.join()
    agent = a_running(desk, "agent")
    waits(desk, agent)
    desk.cancel("agent")

    assert orders(desk, agent).stop == (agent.lease_id,)
    assert goes_on(desk, agent), "it may end in its own way"
    desk.report(agent, AttemptOutcome.CANCELLED)
    assert desk.job("agent").status is JobStatus.CANCELLED


def test_a_parked_job_whose_worker_is_lost_runs_again_and_its_late_wake_changes_nothing(desk: Desk) -> None:
    desk.join()
    agent = a_running(desk, "agent")
    waits(desk, agent)
    desk.perform(lambda tx: worker_registry.lose(tx, "w1", server_id=""))
    desk.join("w2")

    [again] = desk.dispatch("w2")

    assert goes_on(desk, agent)
    assert (desk.job_of(again).name, again.parked_at, again.wait) == ("agent", None, None)


def test_its_worker_is_told_what_is_parked_until_it_knows(desk: Desk) -> None:
    def told(*knows: str) -> tuple[str, ...] | None:
        def ask(reader: Reader) -> Orders:
            return worker_registry.orders(reader, "w1", holding=[agent.lease_id], stopping=[], parked=knows)

        return desk.store.read(ask).parked

    desk.join()
    agent = a_running(desk, "agent")
    before = told()
    waits(desk, agent)
    parked = told(), told(agent.lease_id)
    goes_on(desk, agent)

    assert (before, parked) == (None, ((agent.lease_id,), None))
    assert (told(agent.lease_id), told()) == ((), None)
