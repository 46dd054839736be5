"""Attempts whose programs wait: who gives its slot back, and who gets one when its wait is over. On every store."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.builders import PROJECT, a_new_dag, a_spec
from tests.support.desk import Desk, TurnedClock
from tests.support.prefetching import attempts, names, orders, worker
from tests.support.stores import STORES
from titan.model.attempts import Attempt, AttemptOutcome, Wait
from titan.model.errors import Deadlock
from titan.model.jobs import JobStatus
from titan.orchestrator import worker_registry
from titan.orchestrator.parking import park, wake
from titan.orchestrator.worker_registry import Orders
from titan.ports.jobs_store import Reader
from titan.server.routes.workers import worker_view
from titan.server.views.jobs import job_view
from titan.wire.work import JobView

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


def test_one_that_is_parked_stays_so_in_its_next_poll_whatever_became_of_the_limit(desk: Desk) -> None:
    desk.join()
    agent = a_running(desk, "agent")
    before = waits(desk, agent)
    desk.perform(lambda tx: tx.save_worker(replace(worker(desk), max_parked=0)))

    assert waits(desk, agent) == before
    assert desk.events("agent").count("AttemptParked") == 1


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


# --- waits that could never end ---


def waits_for(desk: Desk, attempt: Attempt, target: str, *, how: str = "parks", dag: bool = False) -> None:
    """Have an attempt wait for the newest job of a name, or for its DAG."""
    job = desk.job(target)
    wait = Wait(what=f"DAG '{target}'", dag_id=job.dag_id) if dag else Wait(what=f"job '{target}'", job_id=job.id)
    desk.perform(lambda tx: park(tx, attempt.lease_id, wait, waits=how))


def refusal(desk: Desk, attempt: Attempt, target: str, *, how: str = "parks", dag: bool = False) -> str:
    """Return what is found when a wait is refused, of which nothing is stored."""
    with pytest.raises(Deadlock) as refused:
        waits_for(desk, attempt, target, how=how, dag=dag)
    assert now(desk, attempt).wait is None
    return refused.value.found


@pytest.mark.parametrize("dag", [False, True])
def test_a_wait_for_itself_or_what_comes_behind_it_is_refused(desk: Desk, dag: bool) -> None:
    desk.join()
    desk.submit(a_new_dag(a_spec("agent"), a_spec("child", parents=("agent",)), a_spec("last", parents=("child",))))
    [agent] = desk.dispatch()

    assert "a cycle: 'agent' waits for" in refusal(desk, agent, "last", dag=dag)
    assert "ends after 'agent'" in refusal(desk, agent, "agent", dag=dag)


def test_a_wait_that_closes_a_cycle_of_waits_is_refused_by_the_names_of_all(desk: Desk) -> None:
    desk.join(GENERAL=3)
    first, second, third = (a_running(desk, name) for name in ("first", "second", "third"))
    waits_for(desk, first, "second")
    waits_for(desk, second, "third", how="threads", dag=True)

    found = refusal(desk, third, "first")

    assert found == (
        "a cycle: 'third' waits for job 'first', which ends after 'first'; that waits for job 'second', which ends"
        " after 'second'; that waits for DAG 'third', which ends after 'third'"
    )


@pytest.mark.parametrize("dag", [False, True])
def test_a_wait_for_a_job_that_needs_the_waiters_own_concurrency_key_is_refused(desk: Desk, dag: bool) -> None:
    desk.join(GENERAL=3)
    for name in ("agent", "child"):
        desk.submit(a_new_dag(replace(a_spec(name), concurrency_key="db"), name=name))
    [agent] = desk.dispatch()

    expected = "job 'child', which needs the only place under key 'db', which 'agent' holds"
    assert refusal(desk, agent, "child", dag=dag) == expected


def test_one_whose_key_has_another_place_is_not(desk: Desk) -> None:
    desk.join(GENERAL=3)
    for name in ("agent", "child"):
        desk.submit(a_new_dag(replace(a_spec(name), concurrency_key="db", concurrency_limit=2), name=name))
    agent, _child = desk.dispatch()

    waits_for(desk, agent, "child")

    assert now(desk, agent).parked_at is not None


def test_a_wait_for_a_job_that_needs_the_slot_that_the_waiter_keeps_is_refused(desk: Desk) -> None:
    desk.join(GPU=1)
    agent = a_running(desk, "agent", "GPU")
    desk.submit(a_new_dag(a_spec("child", requirement="GPU"), name="child"))

    assert refusal(desk, agent, "child") == "job 'child', which needs the only GPU slot, which 'agent' holds"
    desk.join("w2", GPU=1)
    waits_for(desk, agent, "child")
    assert now(desk, agent).wait is not None


# --- what people are told ---


def shown(desk: Desk, name: str) -> JobView:
    def look(reader: Reader) -> JobView:
        job = reader.newest_job(PROJECT, name)
        assert job is not None
        return job_view(reader, job)

    return desk.store.read(look)


def test_a_job_that_waits_says_for_what_and_what_becomes_of_its_slot(desk: Desk) -> None:
    desk.join(GENERAL=3, GPU=1)
    agent, thread, on_gpu = a_running(desk, "agent"), a_running(desk, "thread"), a_running(desk, "on gpu", "GPU")
    ready(desk, "child")
    waits_for(desk, agent, "child")
    waits_for(desk, thread, "child", how="threads")
    waits_for(desk, on_gpu, "child", dag=True)

    assert [shown(desk, name).reason for name in ("agent", "thread", "on gpu")] == [
        "waits for job 'child'; its slot is free meanwhile",
        "waits for job 'child'; it keeps its slot: its program waits in a thread, or has other threads",
        "waits for DAG 'child'; it keeps its slot: its worker does not give back slots of GPU (TITAN_PARK_LABELS)",
    ]
    assert shown(desk, "agent").parked_at == desk.clock.time


def test_a_woken_one_that_has_no_slot_yet_says_so(desk: Desk) -> None:
    desk.join()
    agent = a_running(desk, "agent")
    waits(desk, agent)
    a_running(desk, "other")
    goes_on(desk, agent)

    assert shown(desk, "agent").reason == "waited for key 'go', and goes on as soon as it has a slot"


def test_a_ready_job_names_the_waiters_that_hold_all_slots_of_its_label(desk: Desk) -> None:
    desk.join(GPU=2)
    agents = [a_running(desk, name, "GPU") for name in ("a", "b")]
    for name in ("x", "y"):
        desk.submit(a_new_dag(a_spec(name, requirement="GPU"), name=name))
    before = shown(desk, "x").reason
    for agent, target in zip(agents, ("x", "y"), strict=True):
        waits_for(desk, agent, target)

    assert before == "all GPU slots are busy"
    assert shown(desk, "x").reason == (
        "all GPU slots are busy, held by jobs that wait themselves: 'a' for job 'x', 'b' for job 'y'"
    )


def test_a_held_job_names_the_waiters_that_hold_all_places_under_its_key(desk: Desk) -> None:
    desk.join(GENERAL=4)
    for name in ("a", "b", "x"):
        desk.submit(a_new_dag(replace(a_spec(name), concurrency_key="db", concurrency_limit=2), name=name))
    for agent in desk.dispatch():
        waits_for(desk, agent, "x")

    reason = shown(desk, "x").reason

    assert reason is not None
    assert reason.endswith("under key 'db', held by jobs that wait themselves: 'a' for job 'x', 'b' for job 'x'")


def test_workers_show_the_parked_beside_the_busy(desk: Desk) -> None:
    desk.join(GENERAL=2)
    agent, _other = a_running(desk, "agent"), a_running(desk, "other")
    waits(desk, agent)

    busy = worker(desk)
    view = desk.store.read(lambda reader: worker_view(reader, busy, owns=lambda _project: True))

    assert (view.busy, view.parked) == ({"GENERAL": 1}, {"GENERAL": 1})
    assert [(job.name, job.parked_at is None) for job in view.running] == [("agent", False), ("other", True)]
