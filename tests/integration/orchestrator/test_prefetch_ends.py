"""What was prefetched is given back, stopped or lost."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.builders import NOON, PROJECT, a_new_dag, a_spec
from tests.support.desk import Desk, TurnedClock
from tests.support.prefetching import a_prefetched_job, attempts, names, orders, worker
from tests.support.stores import STORES
from titan.model.attempts import AttemptOutcome
from titan.model.dags import OnFailure
from titan.model.files import AttemptFile, FilePlace
from titan.model.jobs import JobStatus
from titan.orchestrator import worker_registry
from titan.orchestrator.worker_registry import Orders
from titan.ports.jobs_store import Reader
from titan.server.http.metrics import Metrics
from titan.server.routes.workers import worker_view

QUICKLY = timedelta(milliseconds=20)


@pytest.fixture(params=sorted(STORES))
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """Give a desk with the worker w1, which has one slot."""
    clock = TurnedClock()
    with STORES[request.param](tmp_path) as open_store, closing(open_store(clock)) as store:
        opened = Desk(store, clock)
        opened.join()
        yield opened


# --- it is given back ---


def test_a_returned_job_has_its_old_place_in_the_queue_and_no_attempt(desk: Desk) -> None:
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


def test_a_lease_that_its_worker_could_not_begin_is_returned_although_a_slot_was_free(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("train")))
    (leased,) = desk.dispatch()

    done, _leased = desk.advance(returned=[leased])

    job = desk.job("train")
    assert done.accepted == (leased.lease_id,)
    assert (job.status, job.attempt_count, job.lost_count) == (JobStatus.RUNNING, 1, 0)
    assert [attempt.outcome for attempt in attempts(desk, "train")] == [AttemptOutcome.RETURNED, None]


def test_a_draining_worker_returns_its_prefetched_jobs_and_prefetches_no_more(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("now"), a_spec("next"), a_spec("third")))
    now, prefetched = desk.prefetch(1)
    before = orders(desk, now, prefetched)

    desk.perform(lambda tx: worker_registry.drain(tx, worker(desk)))
    asked = orders(desk, now, prefetched)
    _done, leased = desk.advance(returned=[prefetched], prefetch=5)
    left = orders(desk, now)

    assert (before, asked, leased, left) == (Orders(), Orders(should_give_back=True), [], Orders())
    desk.report(now)
    assert orders(desk) == Orders(should_leave=True)


def test_a_leaving_worker_returns_jobs_it_has_not_begun_as_if_never_leased(desk: Desk) -> None:
    prefetched = a_prefetched_job(desk)
    before = desk.job("next")
    desk.clock.turn(5)

    returned = desk.perform(lambda tx: worker_registry.leave(tx, "w1"))

    assert prefetched.lease_id in returned
    assert (desk.job("next"), attempts(desk, "next")) == (before, [])
    assert (desk.job("now").status, desk.job("now").attempt_count) == (JobStatus.READY, 0)
    assert [attempt.outcome for attempt in attempts(desk, "now")] == [AttemptOutcome.RETURNED]


def test_a_result_set_before_the_reported_start_is_removed_when_the_job_is_returned(desk: Desk) -> None:
    prefetched = a_prefetched_job(desk)
    desk.perform(lambda tx: tx.put_result(prefetched.job_id, PROJECT, '"of nobody"'))

    desk.perform(lambda tx: worker_registry.leave(tx, "w1"))

    assert desk.store.read(lambda reader: reader.result(prefetched.job_id)) is None


def test_a_leaving_worker_returns_a_job_that_left_files_before_its_reported_start(desk: Desk) -> None:
    prefetched = a_prefetched_job(desk)
    file = AttemptFile(
        place=FilePlace.WORKSPACE, path="out.txt", size_bytes=1, modified_at=NOON, reason="too large", node="n1"
    )
    desk.perform(lambda tx: tx.note_files(prefetched, [file]))

    desk.perform(lambda tx: worker_registry.leave(tx, "w1"))

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
            desk.perform(lambda tx: worker_registry.leave(tx, "w1"))
        case _:
            desk.perform(lambda tx: worker_registry.lose(tx, "w1", server_id=""))

    assert (desk.job("next").status, desk.job("next").reason) == (JobStatus.CANCELLED, "cancelled on request")
    assert (desk.job("child").status, desk.job("child").reason) == (JobStatus.CANCELLED, "parent 'next' cancelled")


@pytest.mark.parametrize("is_given_back", [True, False])
def test_a_dag_that_stops_on_failure_stops_its_prefetched_jobs_and_says_why(desk: Desk, is_given_back: bool) -> None:
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


def test_a_job_prefetched_by_a_lost_worker_counts_as_lost_and_is_not_prefetched_again(desk: Desk) -> None:
    a_prefetched_job(desk)
    desk.join("w2")

    desk.perform(lambda tx: worker_registry.lose(tx, "w1", server_id=""))
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

    desk.perform(lambda tx: worker_registry.touch(tx, "w1", [prefetched.lease_id]))
    desk.clock.turn(6)
    desk.keep_time()

    assert (desk.job("now").lost_count, desk.job("next").lost_count) == (1, 0)


def test_a_worker_that_lost_the_answer_gets_its_prefetched_jobs_again(desk: Desk) -> None:
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
        view = worker_view(reader, found, owns=lambda _: True)
        metrics = Metrics()
        metrics.look(reader)
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
