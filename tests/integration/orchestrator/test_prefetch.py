"""Leases beyond a worker's slots: their jobs stay READY, in their place, until they begin. On every store."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.builders import NOON, PROJECT, a_new_dag, a_spec
from tests.support.desk import Desk, TurnedClock
from tests.support.prefetching import a_prefetched_job, attempts, end, names, worker
from tests.support.stores import STORES
from titan.model.attempts import AttemptOutcome
from titan.model.jobs import Affinity, JobStatus
from titan.orchestrator import worker_registry
from titan.ports.jobs_store import Reader
from titan.rules.jobs.wait_reason import reason_of, waits_for
from titan.server.views.jobs import job_view

QUICKLY = timedelta(milliseconds=20)


@pytest.fixture(params=sorted(STORES))
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """Give a desk with the worker w1, which has one slot."""
    clock = TurnedClock()
    with STORES[request.param](tmp_path) as open_store, closing(open_store(clock)) as store:
        opened = Desk(store, clock)
        opened.join()
        yield opened


# --- before it begins ---


def test_a_prefetched_job_stays_ready_and_nothing_is_said_of_it(desk: Desk) -> None:
    a_prefetched_job(desk)

    job = desk.job("next")
    assert (job.status, job.attempt_count, job.started_at) == (JobStatus.READY, 0, None)
    assert (desk.dag().counts.ready, desk.dag().counts.running) == (1, 1)
    assert desk.events("next") == ["DagSubmitted", "JobReady"]


def test_a_dag_of_which_jobs_are_prefetched_has_not_started(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("now")))
    desk.submit(a_new_dag(a_spec("next")))
    desk.prefetch(1)

    assert [desk.dag(dag_id).started_at for dag_id in ("d001", "d002")] == [NOON, None]


def test_the_queue_and_why_a_job_waits_are_the_same_with_it_prefetched(desk: Desk) -> None:
    def look(reader: Reader) -> tuple[object, ...]:
        job = reader.newest_job(PROJECT, "next")
        assert job is not None
        why = waits_for(job, reader.workers())
        return reader.queue_parts(PROJECT), why, reason_of(job, why), job_view(reader, job).status

    desk.submit(a_new_dag(a_spec("now"), a_spec("next")))
    desk.dispatch()
    before = desk.store.read(look)

    desk.prefetch(1)

    assert len(attempts(desk, "next")) == 1
    assert desk.store.read(look) == before


def test_a_prefetched_job_is_not_leased_to_another_worker(desk: Desk) -> None:
    a_prefetched_job(desk)
    desk.join("w2")

    assert desk.dispatch("w2") == []
    assert not desk.store.read(lambda reader: worker_registry.can_serve(reader, ["w1", "w2"]))


def test_a_prefetched_job_holds_its_place_under_its_concurrency_key(desk: Desk) -> None:
    keyed = [replace(a_spec(name), concurrency_key="db") for name in ("one", "other")]
    desk.submit(a_new_dag(a_spec("now"), *keyed))

    _now, one = desk.prefetch(5)
    while_prefetched = desk.statuses()
    desk.advance(returned=[one])
    given_back = desk.statuses()
    desk.cancel("one")

    assert while_prefetched == given_back == {"now": "RUNNING", "one": "READY", "other": "WAITING"}
    assert desk.statuses() == {"now": "RUNNING", "one": "CANCELLED", "other": "READY"}


def test_a_worker_prefetches_the_number_it_asks_for_less_those_it_holds(desk: Desk) -> None:
    desk.submit(a_new_dag(*(a_spec(f"j{n}") for n in range(9))))

    first = names(desk, desk.prefetch(2))
    more = [names(desk, desk.prefetch(count)) for count in (2, 1, 3)]

    assert (first, more) == (["j0", "j1", "j2"], [[], [], ["j3"]])


def test_a_worker_does_not_prefetch_jobs_of_labels_it_does_not_offer(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("train", requirement="GPU")))
    desk.join("w2", GPU=1)
    desk.submit(a_new_dag(a_spec("more", requirement="GPU")))

    assert names(desk, desk.prefetch(9, asking=["w2"])) == ["train"]


def test_nothing_is_prefetched_while_another_worker_has_a_free_slot(desk: Desk) -> None:
    desk.join("w2", GENERAL=2)
    desk.submit(a_new_dag(*(a_spec(f"j{n}") for n in range(4))))

    alone = desk.prefetch(5)
    together = desk.prefetch(5, asking=["w2"])

    assert [(each.worker_id, desk.job_of(each).name) for each in alone] == [("w1", "j0"), ("w1", "j1")]
    assert [(each.worker_id, desk.job_of(each).name) for each in together] == [("w2", "j2"), ("w2", "j3")]


@pytest.mark.parametrize("how", ["drained", "lost", "left"])
def test_the_free_slots_of_a_worker_that_gets_nothing_are_kept_for_nobody(desk: Desk, how: str) -> None:
    desk.join("w2", GENERAL=9)
    acts = {
        "drained": lambda tx: worker_registry.drain(tx, worker(desk, "w2")),
        "lost": lambda tx: worker_registry.lose(tx, "w2", server_id=""),
        "left": lambda tx: worker_registry.leave(tx, "w2"),
    }
    desk.perform(acts[how])
    desk.submit(a_new_dag(a_spec("now"), a_spec("next")))

    assert names(desk, desk.prefetch(1)) == ["now", "next"]


def test_a_job_that_was_lost_before_gets_the_next_free_slot_of_a_worker_that_always_prefetches(desk: Desk) -> None:
    desk.submit(a_new_dag(replace(a_spec("lost"), priority=9)))
    desk.join("w2")
    desk.dispatch("w2")
    desk.submit(a_new_dag(*(a_spec(f"j{n}") for n in range(4))))
    first, second = desk.prefetch(1)
    desk.perform(lambda tx: worker_registry.lose(tx, "w2", server_id=""))

    _done, before = desk.advance(ended=[first], started={second: NOON}, prefetch=5)
    _done, leased = desk.advance(ended=[second], prefetch=5)

    assert (before, names(desk, leased)) == ([], ["lost", "j2", "j3"])


def test_a_job_that_prefers_another_worker_is_not_overtaken_by_prefetched_jobs(desk: Desk) -> None:
    desk.join("w2")
    soft = replace(a_spec("soft", parents=("parent",)), affinity=Affinity.SOFT)
    desk.submit(a_new_dag(a_spec("parent"), soft))
    (parent,) = desk.dispatch("w2")
    desk.submit(a_new_dag(*(replace(a_spec(f"busy{n}"), priority=9) for n in range(2))))
    desk.report(parent)
    (running, _other) = desk.dispatch("w1", "w2")
    desk.submit(a_new_dag(a_spec("later")))

    while_busy = desk.prefetch(5)
    _done, leased = desk.advance(ended=[running], prefetch=5)

    assert (while_busy, names(desk, leased)) == ([], ["soft", "later"])


# --- it begins ---


def test_a_prefetched_job_runs_from_when_it_really_began(desk: Desk) -> None:
    prefetched = a_prefetched_job(desk)
    desk.clock.turn(1)
    began_at = desk.clock.time - QUICKLY

    desk.advance(started={prefetched: began_at})

    job = desk.job("next")
    entries = desk.store.read(lambda reader: reader.journal(PROJECT, job_id=job.id, limit=9))
    assert (job.status, job.attempt_count, job.started_at) == (JobStatus.RUNNING, 1, began_at)
    assert [attempt.started_at for attempt in attempts(desk, "next")] == [began_at]
    assert [entry.kind for entry in entries] == ["DagSubmitted", "JobReady", "JobLeased"]
    assert entries[-1].at == desk.clock.time
    assert json.loads(entries[-1].data) == {
        "lease_id": prefetched.lease_id,
        "worker_id": "w1",
        "attempt": 1,
        "began_at": began_at.isoformat().replace("+00:00", "Z"),
    }


@pytest.mark.parametrize(("clock_is_off_by", "expected"), [(-60, 0.0), (60, 1.0)])
def test_a_worker_whose_clock_is_wrong_began_between_the_lease_and_now(
    desk: Desk, clock_is_off_by: float, expected: float
) -> None:
    prefetched = a_prefetched_job(desk)
    desk.clock.turn(1)

    desk.advance(started={prefetched: desk.clock.time + timedelta(seconds=clock_is_off_by)})

    assert desk.job("next").started_at == NOON + timedelta(seconds=expected)


@pytest.mark.parametrize(("clock_is_off_by", "expected"), [(-60, 0.0), (60, 1.0)])
def test_an_attempt_whose_start_comes_with_its_end_lies_between_its_lease_and_now(
    desk: Desk, clock_is_off_by: float, expected: float
) -> None:
    prefetched = a_prefetched_job(desk)
    desk.clock.turn(1)

    end(desk, prefetched, began_at=desk.clock.time + timedelta(seconds=clock_is_off_by))

    [attempt] = attempts(desk, "next")
    assert (attempt.started_at, attempt.ended_at) == (NOON + timedelta(seconds=expected), desk.clock.time)


def test_a_job_whose_start_and_end_are_reported_together_has_begun_and_ended(desk: Desk) -> None:
    prefetched = a_prefetched_job(desk)
    desk.clock.turn(1)

    end(desk, prefetched, began_at=desk.clock.time - QUICKLY)

    job = desk.job("next")
    assert (job.status, job.attempt_count, job.started_at) == (JobStatus.COMPLETED, 1, desk.clock.time - QUICKLY)
    assert desk.events("next") == ["DagSubmitted", "JobReady", "JobLeased", "JobSucceeded"]


def test_a_start_that_comes_twice_or_late_or_from_another_worker_changes_nothing(desk: Desk) -> None:
    prefetched = a_prefetched_job(desk)
    desk.join("w2")

    desk.advance(worker_id="w2", started={prefetched: NOON})
    of_another = desk.job("next").status
    desk.advance(started={prefetched: NOON})
    began = desk.job("next")
    desk.clock.turn(1)
    desk.advance(started={prefetched: desk.clock.time})
    twice = desk.job("next")
    desk.report(prefetched)
    ended = desk.job("next")
    desk.advance(started={prefetched: desk.clock.time})

    assert (of_another, began.status, twice) == (JobStatus.READY, JobStatus.RUNNING, began)
    assert desk.job("next") == ended


def test_a_dag_started_with_its_first_job_in_any_order_of_reports(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("before")))
    desk.submit(a_new_dag(a_spec("one"), a_spec("other"), a_spec("third")))
    _before, one, other, third = desk.prefetch(3)
    desk.clock.turn(1)

    desk.advance(ended=[other], started={one: NOON + QUICKLY})
    together = desk.dag("d002").started_at
    desk.advance(started={third: NOON})

    assert (together, desk.dag("d002").started_at) == (NOON + QUICKLY, NOON)


def test_a_job_that_began_before_its_start_is_reported_may_use_its_token(desk: Desk) -> None:
    prefetched = a_prefetched_job(desk)

    submitted = desk.submit(a_new_dag(a_spec("helper")), token=prefetched.token)

    assert desk.dag(submitted.dag_id).made_by == prefetched.job_id


def test_a_result_of_an_earlier_attempt_is_removed_and_one_set_before_the_reported_start_is_kept(
    desk: Desk,
) -> None:
    desk.submit(a_new_dag(a_spec("now"), replace(a_spec("flaky", retries=1), priority=2)))
    (flaky,) = desk.dispatch()
    desk.perform(lambda tx: tx.put_result(flaky.job_id, PROJECT, '"of the first"'))
    desk.report(flaky, AttemptOutcome.FAILED, exit_code=1)
    desk.submit(a_new_dag(replace(a_spec("first"), priority=9)))
    _first, again = desk.prefetch(1)
    result = desk.store.read(lambda reader: reader.result(flaky.job_id))

    desk.perform(lambda tx: tx.put_result(flaky.job_id, PROJECT, '"of the second"'))
    desk.advance(started={again: NOON})

    assert (again.job_id, again.number, result) == (flaky.job_id, 2, None)
    assert desk.store.read(lambda reader: reader.result(flaky.job_id)) == '"of the second"'
