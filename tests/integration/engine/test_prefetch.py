"""Leases beyond a worker's slots: their jobs stay READY, in their place, until they begin. On every store."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.support.builders import NOON, PROJECT, a_new_dag, a_spec
from tests.support.desk import Desk, TurnedClock
from tests.support.stores import STORES
from titan.engine import attendance
from titan.engine.attempts import Progress, complete
from titan.engine.attendance import Orders
from titan.model.attempts import Attempt, AttemptOutcome, AttemptReport
from titan.model.dags import OnFailure
from titan.model.files import AttemptFile, FilePlace
from titan.model.jobs import Affinity, JobStatus
from titan.model.workers import Worker
from titan.ports import Reader
from titan.rules.waiting import reason_of, waits_for
from titan.server.metrics import Metrics
from titan.server.work_views import job_view
from titan.server.worker_views import worker_view

QUICKLY = timedelta(milliseconds=20)


@pytest.fixture(params=sorted(STORES))
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """Give a desk with the worker w1, which has one slot."""
    clock = TurnedClock()
    with STORES[request.param](tmp_path) as open_store, closing(open_store(clock)) as store:
        opened = Desk(store, clock)
        opened.join()
        yield opened


def a_prefetched_job(desk: Desk, name: str = "next") -> Attempt:
    """Have w1 run a job `now` and prefetch another; return the attempt that it prefetched."""
    desk.submit(a_new_dag(a_spec("now"), a_spec(name)))
    _now, prefetched = desk.prefetch(1)
    assert desk.job_of(prefetched).name == name
    return prefetched


def orders(desk: Desk, *holding: Attempt, worker_id: str = "w1") -> Orders:
    """Return what a worker that holds these leases is told."""
    leases = [attempt.lease_id for attempt in holding]
    return desk.store.read(lambda reader: attendance.orders(reader, worker_id, holding=leases, stopping=[]))


def worker(desk: Desk, worker_id: str = "w1") -> Worker:
    found = desk.store.read(lambda reader: reader.worker(worker_id))
    assert found is not None
    return found


def attempts(desk: Desk, name: str) -> list[Attempt]:
    job_id = desk.job(name).id
    return desk.store.read(lambda reader: reader.attempts_of_job(job_id))


def names(desk: Desk, leased: list[Attempt]) -> list[str]:
    return [desk.job_of(attempt).name for attempt in leased]


def end(
    desk: Desk, attempt: Attempt, *, began_at: datetime, outcome: AttemptOutcome = AttemptOutcome.SUCCEEDED
) -> None:
    """Report the end of an attempt with when it began, by its worker's clock."""
    report = AttemptReport(lease_id=attempt.lease_id, outcome=outcome, started_at=began_at)
    desk.perform(lambda tx: complete(tx, attempt.worker_id, Progress(reports=[report])))


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
        why = waits_for(job, reader.workers(PROJECT))
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
    assert not desk.store.read(lambda reader: attendance.can_serve(reader, ["w1", "w2"]))


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


def test_a_worker_prefetches_as_many_as_it_says_less_what_it_holds_already(desk: Desk) -> None:
    desk.submit(a_new_dag(*(a_spec(f"j{n}") for n in range(9))))

    first = names(desk, desk.prefetch(2))
    more = [names(desk, desk.prefetch(count)) for count in (2, 1, 3)]

    assert (first, more) == (["j0", "j1", "j2"], [[], [], ["j3"]])


def test_what_a_worker_did_not_offer_it_does_not_prefetch(desk: Desk) -> None:
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
        "drained": lambda tx: attendance.drain(tx, worker(desk, "w2")),
        "lost": lambda tx: attendance.lose(tx, "w2", server_id=""),
        "left": lambda tx: attendance.leave(tx, "w2"),
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
    desk.perform(lambda tx: attendance.lose(tx, "w2", server_id=""))

    _done, before = desk.advance(ended=[first], started={second: NOON}, prefetch=5)
    _done, leased = desk.advance(ended=[second], prefetch=5)

    assert (before, names(desk, leased)) == ([], ["lost", "j2", "j3"])


def test_a_job_that_would_rather_wait_for_another_worker_is_not_overtaken_by_what_is_prefetched(desk: Desk) -> None:
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


def test_a_job_whose_start_and_end_are_heard_of_together_has_begun_and_ended(desk: Desk) -> None:
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


def test_a_dag_started_with_the_first_of_its_jobs_whichever_is_heard_of_first(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("before")))
    desk.submit(a_new_dag(a_spec("one"), a_spec("other"), a_spec("third")))
    _before, one, other, third = desk.prefetch(3)
    desk.clock.turn(1)

    desk.advance(ended=[other], started={one: NOON + QUICKLY})
    desk.advance(started={third: NOON})

    assert desk.dag("d002").started_at == NOON


def test_a_job_that_began_before_the_server_heard_of_it_may_use_its_token(desk: Desk) -> None:
    prefetched = a_prefetched_job(desk)

    submitted = desk.submit(a_new_dag(a_spec("helper")), token=prefetched.token)

    assert desk.dag(submitted.dag_id).made_by == prefetched.job_id


def test_what_an_earlier_attempt_said_is_gone_and_what_this_one_says_before_its_start_is_heard_of_is_not(
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


# --- it is given back ---


def test_what_is_given_back_has_its_old_place_in_the_queue_and_leaves_no_trace(desk: Desk) -> None:
    prefetched = a_prefetched_job(desk)
    before = desk.job("next")
    desk.clock.turn(5)
    desk.submit(a_new_dag(a_spec("younger")))
    desk.join("w2", GENERAL=2)

    done, _leased = desk.advance(returned=[prefetched])

    assert done.accepted == (prefetched.lease_id,)
    assert (desk.job("next"), attempts(desk, "next")) == (before, [])
    assert desk.events("next") == ["DagSubmitted", "JobReady"]
    assert names(desk, desk.dispatch("w2")) == ["next", "younger"]


def test_a_late_word_of_a_lease_that_was_given_back_is_stale(desk: Desk) -> None:
    prefetched = a_prefetched_job(desk)
    desk.advance(returned=[prefetched])
    desk.join("w2")
    (again,) = desk.dispatch("w2")

    done, _leased = desk.advance(ended=[prefetched], started={prefetched: NOON}, returned=[prefetched])

    assert (done.accepted, set(done.stale)) == ((), {prefetched.lease_id})
    assert (desk.job_of(again).name, desk.job("next").status) == ("next", JobStatus.RUNNING)
    assert desk.report(again)


def test_another_worker_gives_back_nothing_of_it(desk: Desk) -> None:
    prefetched = a_prefetched_job(desk)
    desk.join("w2")

    done, _leased = desk.advance(worker_id="w2", returned=[prefetched])

    assert done.stale == (prefetched.lease_id,)
    assert len(attempts(desk, "next")) == 1


def test_a_lease_that_its_worker_could_not_begin_goes_back_although_a_slot_was_free(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("train")))
    (leased,) = desk.dispatch()

    done, _leased = desk.advance(returned=[leased])

    job = desk.job("train")
    assert done.accepted == (leased.lease_id,)
    assert (job.status, job.attempt_count, job.lost_count) == (JobStatus.RUNNING, 1, 0)
    assert [attempt.outcome for attempt in attempts(desk, "train")] == [AttemptOutcome.RETURNED, None]


def test_a_draining_worker_is_asked_for_what_it_prefetched_and_prefetches_nothing_more(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("now"), a_spec("next"), a_spec("third")))
    now, prefetched = desk.prefetch(1)
    before = orders(desk, now, prefetched)

    desk.perform(lambda tx: attendance.drain(tx, worker(desk)))
    asked = orders(desk, now, prefetched)
    _done, leased = desk.advance(returned=[prefetched], prefetch=5)
    left = orders(desk, now)

    assert (before, asked, leased, left) == (Orders(), Orders(should_give_back=True), [], Orders())
    desk.report(now)
    assert orders(desk) == Orders(should_leave=True)


def test_what_a_leaving_worker_has_not_begun_goes_back_as_if_it_had_never_been_leased(desk: Desk) -> None:
    prefetched = a_prefetched_job(desk)
    before = desk.job("next")
    desk.clock.turn(5)

    returned = desk.perform(lambda tx: attendance.leave(tx, "w1"))

    assert prefetched.lease_id in returned
    assert (desk.job("next"), attempts(desk, "next")) == (before, [])
    assert (desk.job("now").status, desk.job("now").attempt_count) == (JobStatus.READY, 0)
    assert [attempt.outcome for attempt in attempts(desk, "now")] == [AttemptOutcome.RETURNED]


def test_a_leaving_worker_gives_back_what_has_left_files_before_its_start_was_heard_of(desk: Desk) -> None:
    prefetched = a_prefetched_job(desk)
    file = AttemptFile(
        place=FilePlace.WORKSPACE, path="out.txt", size_bytes=1, modified_at=NOON, reason="too large", node="n1"
    )
    desk.perform(lambda tx: tx.note_files(prefetched, [file]))

    desk.perform(lambda tx: attendance.leave(tx, "w1"))

    assert desk.job("next").status is JobStatus.READY


# --- it is stopped ---


def test_a_prefetched_job_that_is_cancelled_ends_when_its_worker_confirms(desk: Desk) -> None:
    prefetched = a_prefetched_job(desk)

    answer = desk.cancel("next")
    during = desk.job("next")
    told = orders(desk, prefetched).stop
    desk.report(prefetched, AttemptOutcome.CANCELLED)

    job = desk.job("next")
    assert (answer.cancelled, answer.stopping) == ((), ("next",))
    assert (during.status, during.is_cancel_requested) == (JobStatus.READY, True)
    assert told == (prefetched.lease_id,)
    assert (job.status, job.reason) == (JobStatus.CANCELLED, "cancelled on request")


def test_a_prefetched_job_that_a_cancel_comes_too_late_for_has_completed(desk: Desk) -> None:
    prefetched = a_prefetched_job(desk)
    desk.cancel("next")

    desk.advance(started={prefetched: NOON})
    desk.report(prefetched)

    assert (desk.job("next").status, desk.job("next").reason) == (JobStatus.COMPLETED, None)


@pytest.mark.parametrize("how", ["given back", "left", "lost"])
def test_a_prefetched_job_that_is_cancelled_and_does_not_begin_ends_with_all_that_waits_for_it(
    desk: Desk, how: str
) -> None:
    desk.submit(a_new_dag(a_spec("now"), a_spec("next"), a_spec("child", parents=("next",))))
    _now, prefetched = desk.prefetch(1)
    desk.cancel("next")

    match how:
        case "given back":
            desk.advance(returned=[prefetched])
        case "left":
            desk.perform(lambda tx: attendance.leave(tx, "w1"))
        case _:
            desk.perform(lambda tx: attendance.lose(tx, "w1", server_id=""))

    assert (desk.job("next").status, desk.job("next").reason) == (JobStatus.CANCELLED, "cancelled on request")
    assert (desk.job("child").status, desk.job("child").reason) == (JobStatus.CANCELLED, "parent 'next' cancelled")


@pytest.mark.parametrize("is_given_back", [True, False])
def test_a_dag_that_stops_on_failure_stops_what_is_prefetched_of_it_and_says_why(
    desk: Desk, is_given_back: bool
) -> None:
    desk.submit(a_new_dag(a_spec("bad"), a_spec("next"), a_spec("third"), on_failure=OnFailure.STOP))
    bad, prefetched = desk.prefetch(1)

    desk.report(bad, AttemptOutcome.FAILED, exit_code=1)
    during = desk.statuses()
    told = orders(desk, prefetched).stop
    if is_given_back:
        desk.advance(returned=[prefetched])
    else:
        desk.report(prefetched, AttemptOutcome.CANCELLED)

    assert during == {"bad": "FAILED", "next": "READY", "third": "CANCELLED"}
    assert told == (prefetched.lease_id,)
    assert desk.statuses() == {"bad": "FAILED", "next": "CANCELLED", "third": "CANCELLED"}
    assert desk.job("next").reason == "job 'bad' failed, and the DAG stops on failure"
    assert desk.dag().is_final


# --- its worker is gone ---


def test_what_a_lost_worker_had_prefetched_counts_as_lost_and_is_not_prefetched_again(desk: Desk) -> None:
    a_prefetched_job(desk)
    desk.join("w2")

    desk.perform(lambda tx: attendance.lose(tx, "w1", server_id=""))
    job = desk.job("next")
    leased = desk.prefetch(5, worker_id="w2")

    assert (job.status, job.lost_count, job.attempt_count) == (JobStatus.READY, 1, 1)
    assert desk.events("next") == ["DagSubmitted", "JobReady", "JobLeased", "JobRequeued"]
    assert names(desk, leased) == ["now"]


def test_a_prefetched_lease_that_runs_out_is_lost_and_its_late_report_changes_nothing(desk: Desk) -> None:
    prefetched = a_prefetched_job(desk)
    desk.clock.turn(11)

    desk.keep_time()
    lost = desk.job("next")
    is_accepted = desk.report(prefetched)

    assert (lost.status, lost.lost_count, is_accepted) == (JobStatus.READY, 1, False)
    assert desk.job("next") == lost
    assert orders(desk, prefetched).lost == (prefetched.lease_id,)


def test_a_prefetched_lease_is_renewed_with_the_others(desk: Desk) -> None:
    prefetched = a_prefetched_job(desk)
    desk.clock.turn(6)

    desk.perform(lambda tx: attendance.touch(tx, "w1", [prefetched.lease_id]))
    desk.clock.turn(6)
    desk.keep_time()

    assert (desk.job("now").lost_count, desk.job("next").lost_count) == (1, 0)


def test_a_worker_that_lost_the_answer_is_told_of_what_it_prefetched_again(desk: Desk) -> None:
    prefetched = a_prefetched_job(desk)

    fresh = orders(desk).fresh

    assert [(each.attempt.lease_id, each.job.status) for each in fresh][1:] == [(prefetched.lease_id, JobStatus.READY)]


# --- what people see ---


def test_no_view_of_a_worker_shows_more_jobs_than_it_has_slots(desk: Desk) -> None:
    desk.submit(a_new_dag(*(a_spec(f"j{n}") for n in range(4))))
    first, second, *_rest = desk.prefetch(3)

    def look(reader: Reader) -> tuple[dict[str, int], list[str], str]:
        found = reader.worker("w1")
        assert found is not None
        view = worker_view(reader, found)
        metrics = Metrics()
        metrics.look(reader, PROJECT)
        figures = metrics.text(free_bytes=1).decode().splitlines()
        busy = next(line for line in figures if line.startswith("titan_slots_busy{"))
        return dict(view.busy), [running.job_id for running in view.running], busy.split()[-1]

    while_waiting = desk.store.read(look)
    desk.advance(ended=[first], started={second: NOON})

    assert while_waiting == ({"GENERAL": 1}, [first.job_id], "1.0")
    assert desk.store.read(look) == ({"GENERAL": 1}, [second.job_id], "1.0")


def test_a_worker_that_reports_an_end_gets_the_next_job_in_the_same_exchange(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("a"), a_spec("b", parents=("a",))))
    (first,) = desk.dispatch()

    done, leased = desk.advance(ended=[first])

    assert (done.accepted, names(desk, leased)) == ((first.lease_id,), ["b"])
    assert desk.job("b").status is JobStatus.RUNNING
