"""How a worker begins, stops and gives back what it prefetched."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.supervisor_bench import Bench, a_leased_one, a_prefetched_one, an_end
from titan.model.attempts import AttemptOutcome
from titan.worker.mailbox import GiveBackAsked, LeasesLost, StopAsked


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.executor.close()
    bench.mailbox.close()


def test_a_prefetched_attempt_begins_when_the_slot_is_free_and_its_start_is_reported(bench: Bench) -> None:
    bench.take(a_leased_one("first"), a_prefetched_one("second"), a_prefetched_one("third"))
    seen: list[tuple[list[str], list[str]]] = []

    def finish_one_after_the_other() -> bool:
        if len(bench.started) > len(seen):
            seen.append((bench.started, list(bench.reports.started)))
            bench.executor.finish(bench.started[-1])
        return len(bench.logs.reports) == 3

    bench.run_until(finish_one_after_the_other)

    assert seen == [
        (["first"], []),
        (["first", "second"], ["second"]),
        (["first", "second", "third"], ["second", "third"]),
    ]
    assert [outcome for outcome, _ in bench.reported().values()] == [AttemptOutcome.SUCCEEDED] * 3
    assert bench.reports.returned == []


def test_a_prefetched_attempt_begins_at_once_when_a_slot_has_become_free_before_it_came(bench: Bench) -> None:
    bench.take(a_prefetched_one("only"))

    bench.run_until(lambda: bool(bench.started))

    assert (bench.started, bench.reports.started) == (["only"], ["only"])


def test_the_prefetched_attempt_of_the_highest_priority_begins_first(bench: Bench) -> None:
    bench.executor.planned = {name: an_end(name, exit_code=0) for name in ("first", "low", "high")}
    bench.take(a_leased_one("first"), a_prefetched_one("low"), a_prefetched_one("high", priority=9))

    bench.run_until(lambda: len(bench.logs.reports) == 3)

    assert bench.started == ["first", "high", "low"]


def test_a_job_that_cannot_start_frees_its_slot_for_a_waiting_one(bench: Bench) -> None:
    bench.executor.refusals["bad"] = ValueError("embedded null byte")
    bench.take(a_prefetched_one("bad"), a_prefetched_one("next"))

    bench.run_until(lambda: bool(bench.started))

    assert (bench.started, bench.reports.started) == (["next"], ["next"])
    assert bench.reported()["bad"][0] is AttemptOutcome.FAILED


def test_a_lost_attempt_frees_its_slot_for_a_waiting_one(bench: Bench) -> None:
    bench.take(a_leased_one("first"), a_prefetched_one("next"))

    bench.run_until(lambda: "next" in bench.started, LeasesLost(lease_ids=("first",)))

    assert "first" not in bench.reported()


def test_a_stop_of_a_waiting_job_is_confirmed_at_once_and_it_never_starts(bench: Bench) -> None:
    bench.take(a_leased_one("first"), a_prefetched_one("next"), a_prefetched_one("other"))

    def finish_the_first_after_that() -> bool:
        if "next" in bench.reported() and bench.started == ["first"]:
            bench.executor.finish("first")
        return bench.started == ["first", "other"]

    bench.run_until(finish_the_first_after_that, StopAsked(lease_ids=("next",)))

    assert bench.reported()["next"] == (AttemptOutcome.CANCELLED, "cancelled before it started")
    assert bench.reports.started == ["other"]


def test_a_lease_lost_while_it_waits_never_starts_and_is_not_reported(bench: Bench) -> None:
    bench.take(a_leased_one("first"), a_prefetched_one("next"), a_prefetched_one("other"))
    bench.leases.drop(["next"])

    def finish_the_first() -> bool:
        if bench.started == ["first"]:
            bench.executor.finish("first")
        return "other" in bench.started

    bench.run_until(finish_the_first, LeasesLost(lease_ids=("next",)))

    assert bench.started == ["first", "other"]
    assert "next" not in bench.reported()


def test_a_lease_lost_while_it_waits_is_not_returned(bench: Bench) -> None:
    bench.take(a_leased_one("first"), a_prefetched_one("next"), a_prefetched_one("other"))
    bench.leases.drop(["next"])

    bench.run_until(lambda: bool(bench.reports.returned), LeasesLost(lease_ids=("next",)), GiveBackAsked())

    assert bench.reports.returned == ["other"]


def test_a_waiting_lease_that_is_no_longer_held_gives_its_slot_to_the_next(bench: Bench) -> None:
    bench.take(a_prefetched_one("gone"), a_prefetched_one("next"))
    bench.leases.drop(["gone"])

    bench.run_until(lambda: bool(bench.started))

    assert (bench.started, bench.reports.started) == (["next"], ["next"])


def test_waiting_jobs_are_returned_when_the_server_asks_and_running_ones_continue(bench: Bench) -> None:
    bench.take(a_leased_one("first"), a_prefetched_one("next"), a_prefetched_one("other"))

    def finish_the_first_after_that() -> bool:
        if bench.reports.returned:
            bench.executor.finish("first")
        return "first" in bench.reported()

    bench.run_until(finish_the_first_after_that, GiveBackAsked())

    assert bench.reports.returned == ["next", "other"]
    assert bench.started == ["first"]
    assert bench.reported() == {"first": (AttemptOutcome.SUCCEEDED, None)}
    assert "next" in bench.leases, "it is held until the server has acknowledged that"


def test_jobs_that_wait_for_a_long_attempt_are_returned(bench: Bench) -> None:
    bench.take(a_leased_one("long"), a_prefetched_one("next"), a_prefetched_one("other"))

    def turn_the_clock() -> bool:
        bench.clock.seconds += 0.2 if bench.started == ["long"] else 0
        return bool(bench.reports.returned)

    bench.run_until(turn_the_clock)

    assert bench.reports.returned == ["next", "other"]
    assert bench.started == ["long"]


def test_jobs_that_arrive_later_are_watched_as_well(bench: Bench) -> None:
    bench.take(a_leased_one("long"), a_prefetched_one("next"))

    def turn_the_clock() -> bool:
        bench.clock.seconds += 1
        if bench.reports.returned == ["next"] and "later" not in bench.leases:
            bench.take(a_prefetched_one("later"))
        return "later" in bench.reports.returned

    bench.run_until(turn_the_clock)

    assert bench.started == ["long"]


def test_a_leaving_worker_starts_nothing_and_returns_waiting_jobs(bench: Bench) -> None:
    bench.take(a_leased_one("first"), a_prefetched_one("next"))

    bench.run_until(lambda: bench.started == ["first"])

    assert bench.started == ["first"]
    assert bench.reported() == {"first": (AttemptOutcome.RETURNED, None)}
    assert (bench.reports.started, bench.reports.returned) == ([], ["next"])


def test_the_timeout_of_a_prefetched_attempt_begins_with_its_start(bench: Bench) -> None:
    bench.take(a_leased_one("first"), a_prefetched_one("next", timeout_seconds=0.02))
    waits = 0

    def finish_the_first_later_than_the_timeout() -> bool:
        nonlocal waits
        waits += 1
        if waits == 60:  # each of 1 ms or more
            assert "next" not in bench.reported()
            bench.executor.finish("first")
        return "next" in bench.reported()

    bench.run_until(finish_the_first_later_than_the_timeout)

    assert bench.started == ["first", "next"]
    assert bench.reported()["next"] == (AttemptOutcome.TIMED_OUT, "ran longer than its timeout of 0.02 s")
