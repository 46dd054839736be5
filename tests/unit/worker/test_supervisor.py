"""The supervisor's decisions, on an executor that only writes down what it is asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.support.assignments import SCRIPT, an_assignment
from tests.support.supervisor_bench import Bench, an_end
from titan.model.attempts import AttemptOutcome
from titan.ports.execution import AttemptEnd
from titan.worker.mailbox import LeasesLost, LeaveAsked, ScriptMissed, StopAsked


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.executor.close()
    bench.mailbox.close()


def test_an_assigned_attempt_is_started_with_its_script_and_followed(bench: Bench) -> None:
    bench.take(an_assignment())

    bench.run_until(lambda: bool(bench.executor.started))

    (order,) = bench.executor.started
    assert order.script.read_bytes() == SCRIPT
    assert order.environment["TITAN_JOB_NAME"] == "train"
    assert bench.logs.followed == {"lease1"}


def test_an_output_is_kept_within_its_limit_while_its_job_runs_and_nobody_reads_it(bench: Bench) -> None:
    bench.take(replace(an_assignment(), max_log_bytes=1000))
    written: list[int] = []

    def write_and_look() -> bool:
        """Write too much twice, each time the log is no longer than it may be."""
        for order in bench.executor.started:
            log = order.log
            if len(written) == 2:
                return log.stat().st_size == 1001
            if not log.exists() or log.stat().st_size <= 1001:
                with log.open("ab") as job:
                    written.append(job.write(b"x" * 5000))
        return False

    bench.run_until(write_and_look)

    assert bench.executor.started[0].log.read_bytes() == b"x" * 1001


@pytest.mark.parametrize(
    ("end", "outcome", "error"),
    [
        (an_end(exit_code=0), AttemptOutcome.SUCCEEDED, None),
        (an_end(exit_code=3), AttemptOutcome.FAILED, None),
        (an_end(signal=9), AttemptOutcome.FAILED, None),
        (an_end(exit_code=126, start_error="no"), AttemptOutcome.FAILED, "could not start: no"),
        (an_end(is_lost=True), AttemptOutcome.LOST, "the process that watches over it was killed, and so was the job"),
    ],
)
def test_how_an_attempt_ended_decides_its_outcome(
    bench: Bench, end: AttemptEnd, outcome: AttemptOutcome, error: str | None
) -> None:
    bench.executor.planned["lease1"] = end
    bench.take(an_assignment())

    bench.run_until(lambda: bool(bench.logs.reports))

    assert bench.reported() == {"lease1": (outcome, error)}


def test_a_failed_start_has_no_exit_code(bench: Bench) -> None:
    bench.executor.planned["lease1"] = an_end(exit_code=126, start_error="no")
    bench.take(an_assignment())

    bench.run_until(lambda: bool(bench.logs.reports))

    assert bench.logs.reports[0].exit_code is None


def test_a_stop_that_was_asked_for_is_a_cancel(bench: Bench) -> None:
    bench.take(an_assignment("one"), an_assignment("other"))

    bench.run_until(lambda: "one" in bench.reported(), StopAsked(lease_ids=("one", "unknown")))

    assert bench.reported() == {"one": (AttemptOutcome.CANCELLED, None), "other": (AttemptOutcome.RETURNED, None)}
    assert bench.executor.stopped == [("one", 2.0), ("other", 2.0)]


def test_an_attempt_that_was_stopped_before_it_started_never_starts(bench: Bench) -> None:
    bench.take(an_assignment())
    bench.leases.stop(["lease1"])

    bench.run_until(lambda: bool(bench.logs.reports))

    assert bench.executor.started == []
    assert bench.reported() == {"lease1": (AttemptOutcome.CANCELLED, "cancelled before it started")}


def test_a_lost_attempt_is_killed_at_once_and_not_reported(bench: Bench) -> None:
    bench.take(an_assignment())

    bench.run_until(lambda: bench.supervisor.is_idle, LeasesLost(lease_ids=("lease1", "unknown")))

    assert bench.executor.stopped == [("lease1", 0)]
    assert bench.reported() == {}
    assert bench.logs.followed == set()


def test_an_attempt_that_was_lost_before_it_started_never_starts(bench: Bench) -> None:
    bench.take(an_assignment("lost"), an_assignment("kept"))
    bench.leases.drop(["lost"])

    bench.run_until(lambda: bool(bench.executor.started))

    assert [order.lease_id for order in bench.executor.started] == ["kept"]


def test_a_timeout_is_distinguished_from_a_cancel(bench: Bench) -> None:
    bench.take(an_assignment(timeout_seconds=0.001))

    bench.run_until(lambda: bool(bench.logs.reports))

    assert bench.reported() == {"lease1": (AttemptOutcome.TIMED_OUT, "ran longer than its timeout of 0.001 s")}


def test_an_attempt_that_ended_in_time_is_not_stopped_later(bench: Bench) -> None:
    bench.executor.planned["one"] = an_end("one", exit_code=0)
    bench.take(an_assignment("one", timeout_seconds=1.0), an_assignment("other", timeout_seconds=1.5))

    bench.run_until(lambda: "other" in bench.reported())

    assert bench.executor.stopped == [("other", 2.0)]
    assert bench.reported()["one"] == (AttemptOutcome.SUCCEEDED, None)


def test_a_machine_without_room_gives_the_attempt_back(bench: Bench) -> None:
    bench.executor.refusals["lease1"] = OSError(11, "Resource temporarily unavailable")
    bench.take(an_assignment())

    bench.run_until(lambda: bool(bench.logs.reports))

    outcome, error = bench.reported()["lease1"]
    assert outcome is AttemptOutcome.RETURNED
    assert error == "could not start on this machine: [Errno 11] Resource temporarily unavailable"


def test_an_attempt_that_nothing_can_start_fails_and_the_others_begin(bench: Bench) -> None:
    bench.executor.refusals["one"] = ValueError("embedded null byte")
    bench.take(an_assignment("one"), an_assignment("other"))

    bench.run_until(lambda: "one" in bench.reported() and bool(bench.executor.started))

    assert bench.reported()["one"] == (AttemptOutcome.FAILED, "could not start: ValueError('embedded null byte')")
    assert [order.lease_id for order in bench.executor.started] == ["other"]


def test_a_script_that_is_missing_fails_the_attempt(bench: Bench) -> None:
    news = ScriptMissed(assignment=an_assignment(), why="script 0000: not there")

    bench.run_until(lambda: bool(bench.logs.reports), news)

    assert bench.reported() == {"lease1": (AttemptOutcome.FAILED, "could not start: script 0000: not there")}


def test_assignments_of_a_leaving_worker_are_neither_started_nor_held(bench: Bench) -> None:
    bench.mailbox.post(LeaveAsked(why="SIGTERM"))
    bench.take(an_assignment())

    bench.supervisor.run()

    assert bench.executor.started == []
    assert bench.leases.held() == []


def test_entries_of_a_lost_attempt_are_uploaded_like_any_other(bench: Bench) -> None:
    bench.take(an_assignment("l1"), an_assignment("l2"))
    bench.executor.planned["l2"] = an_end("l2")

    bench.run_until(lambda: len(bench.spools.ended_ones) == 2, LeasesLost(lease_ids=("l1",)))

    assert sorted(bench.spools.ended_ones) == ["l1", "l2"]
    assert bench.executor.started[0].environment["TITAN_SPOOL"].endswith("/l1")
