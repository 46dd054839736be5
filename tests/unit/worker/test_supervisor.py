"""The supervisor's decisions, on an executor that only writes down what it is asked."""

import socket
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.support.assignments import an_assignment
from titan.engine.protocol import Assignment, Report
from titan.engine.worker.backlog import Backlog
from titan.engine.worker.folders import AttemptFolders
from titan.engine.worker.inbox import (
    AttemptsAssigned,
    GiveBackAsked,
    Inbox,
    LeasesLost,
    LeaveAsked,
    News,
    ScriptMissed,
    StopAsked,
)
from titan.engine.worker.leases import Leases
from titan.engine.worker.log_file import LogFile
from titan.engine.worker.reports import EndedAttempt
from titan.engine.worker.scripts import ScriptCache
from titan.engine.worker.server_address import ServerAddress
from titan.engine.worker.supervisor import Supervisor
from titan.engine.worker.workspaces import Workspace
from titan.model.attempts import AttemptOutcome
from titan.ports_execution import AttemptEnd, AttemptOrder

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SCRIPT = b"print('hello')"


def an_end(
    lease_id: str = "lease1",
    *,
    exit_code: int | None = None,
    signal: int | None = None,
    start_error: str | None = None,
    is_lost: bool = False,
) -> AttemptEnd:
    return AttemptEnd(
        lease_id=lease_id,
        exit_code=exit_code,
        signal=signal,
        start_error=start_error,
        is_lost=is_lost,
        started_at=NOON,
        duration_ns=5,
    )


def a_leased_one(lease_id: str) -> Assignment:
    """Return an attempt that the server had a free slot for."""
    return replace(an_assignment(lease_id), label="GENERAL", job_id=f"d1.{lease_id}", ready_at=NOON)


def a_prefetched_one(lease_id: str, *, priority: int = 0, timeout_seconds: float | None = None) -> Assignment:
    """Return an attempt that begins with the next free slot."""
    waiting = replace(a_leased_one(lease_id), is_prefetched=True, priority=priority)
    return replace(waiting, timeout_seconds=timeout_seconds)


class WritingExecutor:
    """An Executor that starts nothing: an attempt ends as the test has said, or else when it is stopped."""

    def __init__(self) -> None:
        self._readable, self._waker = socket.socketpair()
        self._ended: list[AttemptEnd] = []
        self._finished: set[str] = set()
        self.planned: dict[str, AttemptEnd] = {}  #: how an attempt ends as soon as it is started
        self.refusals: dict[str, Exception] = {}  #: what starting an attempt raises
        self.started: list[AttemptOrder] = []
        self.stopped: list[tuple[str, float]] = []

    def fileno(self) -> int:
        return self._readable.fileno()

    def start(self, order: AttemptOrder) -> None:
        if order.lease_id in self.refusals:
            raise self.refusals[order.lease_id]
        self.started.append(order)
        if order.lease_id in self.planned:
            self._end(self.planned[order.lease_id])

    def stop(self, lease_id: str, *, grace_seconds: float) -> None:
        self.stopped.append((lease_id, grace_seconds))
        self._end(an_end(lease_id, signal=15))

    def finish(self, lease_id: str) -> None:
        """Have an attempt end by itself, once."""
        if lease_id not in self._finished:
            self._finished.add(lease_id)
            self._end(an_end(lease_id, exit_code=0))

    def abandon(self, lease_id: str) -> None:
        raise AssertionError(f"{lease_id} was abandoned")

    def ends(self) -> list[AttemptEnd]:
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        self._readable.close()
        self._waker.close()

    def _end(self, end: AttemptEnd) -> None:
        self._ended.append(end)
        self._waker.send(b"\0")


class WritingLogs:
    """Logs that are always sent, so every ended attempt is reported at once."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.followed: set[str] = set()
        self.on_report: Callable[[EndedAttempt], None] = lambda _ended: None  #: frees the slot, as a worker does

    def follow(self, lease_id: str, log: LogFile) -> None:
        self.followed.add(lease_id)

    def finish(self, ended: EndedAttempt) -> None:
        self.reports.append(ended.report)
        self.on_report(ended)

    def forget(self, lease_id: str) -> None:
        self.followed.discard(lease_id)


class NoFiles:
    """Folders that no job writes to, so every ended attempt is handed on at once."""

    def __init__(self, logs: WritingLogs) -> None:
        self._logs = logs
        self.running: set[str] = set()

    def begin(self, lease_id: str, *_workspaces: Workspace) -> None:
        self.running.add(lease_id)

    def finish(self, ended: EndedAttempt) -> bool:
        self.running.remove(ended.report.lease_id)
        self._logs.finish(ended)
        return True

    def drop(self, lease_id: str) -> None:
        self.running.remove(lease_id)


class WritingReports:
    """Reports that only write down what is to be said beside the ends."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.returned: list[str] = []

    def add_started(self, lease_id: str) -> None:
        self.started.append(lease_id)

    def give_back(self, lease_ids: Iterable[str]) -> None:
        self.returned += lease_ids


class EmptySpools:
    """Where no job leaves anything."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ended_ones: list[str] = []

    def folder_of(self, lease_id: str) -> Path:
        return self._folder / lease_id

    def ended(self, lease_id: str) -> None:
        self.ended_ones.append(lease_id)


class Clock:
    """Tells seconds, and stands still until it is turned."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Bench:
    """A supervisor with its surroundings, and one slot, whose attempts took 1 ms so far by the backlog's own clock."""

    def __init__(self, folder: Path) -> None:
        self.executor, self.logs, self.inbox, self.leases = WritingExecutor(), WritingLogs(), Inbox(), Leases()
        self.files = NoFiles(self.logs)
        self.spools = EmptySpools(folder)
        self.reports = WritingReports()
        self.clock = Clock()
        self.backlog = Backlog({"GENERAL": 1}, clock=self.clock)
        self.backlog.add(a_prefetched_one("example"))
        self.backlog.next()
        self.clock.seconds += 0.001
        self.backlog.end("example")
        self.logs.on_report = lambda ended: self.backlog.end(ended.report.lease_id, has_run=ended.log is not None)
        self._waits = 0
        scripts = ScriptCache(folder / "scripts")
        scripts.add(an_assignment().script, SCRIPT)
        self.supervisor = Supervisor(
            *(self.executor, self.inbox, self.leases),
            scripts=scripts,
            folders=AttemptFolders(folder),
            files=self.files,  # type: ignore[arg-type] # of a FileCollector it has what the supervisor uses
            logs=self.logs,  # type: ignore[arg-type] # of a LogShipper it has what the supervisor uses
            reports=self.reports,  # type: ignore[arg-type] # of Reports it has what the supervisor uses
            backlog=self.backlog,
            spools=self.spools,  # type: ignore[arg-type] # of Spools it has what the supervisor uses
            server=lambda: ServerAddress.of("http://127.0.0.1:9090"),
            grace_seconds=2.0,
        )

    @property
    def started(self) -> list[str]:
        """Return the attempts that were started, in that order."""
        return [order.lease_id for order in self.executor.started]

    def take(self, *assignments: Assignment) -> None:
        self.leases.take(assignment.lease_id for assignment in assignments)
        self.inbox.post(AttemptsAssigned(assignments=assignments))

    def run_until(self, condition: Callable[[], bool], *news: News) -> None:
        """Have the supervisor hear the news, and leave once `condition` holds."""
        for each in news:
            self.inbox.post(each)
        self.supervisor.repeat(0.001, lambda: self._leave_if(condition))
        self.supervisor.run()

    def _leave_if(self, condition: Callable[[], bool]) -> None:
        self._waits += 1
        assert self._waits < 5_000, f"never happened; reported so far: {self.reported()}"
        if condition():
            self.inbox.post(LeaveAsked(why="the test has seen enough"))

    def reported(self) -> dict[str, tuple[AttemptOutcome, str | None]]:
        return {report.lease_id: (report.outcome, report.error) for report in self.logs.reports}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.executor.close()
    bench.inbox.close()


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


def test_a_timeout_is_told_apart_from_a_cancel(bench: Bench) -> None:
    bench.take(an_assignment(timeout_seconds=0.001))

    bench.run_until(lambda: bool(bench.logs.reports))

    assert bench.reported() == {"lease1": (AttemptOutcome.TIMED_OUT, "ran longer than its timeout of 0.001 s")}


def test_an_attempt_that_ended_in_time_is_not_stopped_later(bench: Bench) -> None:
    bench.executor.planned["one"] = an_end("one", exit_code=0)
    bench.take(an_assignment("one", timeout_seconds=0.01), an_assignment("other", timeout_seconds=0.05))

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


def test_what_is_assigned_to_a_leaving_worker_is_neither_started_nor_held(bench: Bench) -> None:
    bench.inbox.post(LeaveAsked(why="SIGTERM"))
    bench.take(an_assignment())

    bench.supervisor.run()

    assert bench.executor.started == []
    assert bench.leases.held() == []


def test_what_a_lost_attempt_recorded_is_looked_after_as_that_of_any_other(bench: Bench) -> None:
    bench.take(an_assignment("l1"), an_assignment("l2"))
    bench.executor.planned["l2"] = an_end("l2")

    bench.run_until(lambda: len(bench.spools.ended_ones) == 2, LeasesLost(lease_ids=("l1",)))

    assert sorted(bench.spools.ended_ones) == ["l1", "l2"]
    assert bench.executor.started[0].environment["TITAN_SPOOL"].endswith("/l1")


# --- prefetched attempts ---


def test_a_prefetched_attempt_begins_when_the_slot_is_free_and_the_server_is_told_of_that(bench: Bench) -> None:
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


def test_what_cannot_start_leaves_its_slot_to_what_waits(bench: Bench) -> None:
    bench.executor.refusals["bad"] = ValueError("embedded null byte")
    bench.take(a_prefetched_one("bad"), a_prefetched_one("next"))

    bench.run_until(lambda: bool(bench.started))

    assert (bench.started, bench.reports.started) == (["next"], ["next"])
    assert bench.reported()["bad"][0] is AttemptOutcome.FAILED


def test_a_lost_attempt_leaves_its_slot_to_what_waits(bench: Bench) -> None:
    bench.take(a_leased_one("first"), a_prefetched_one("next"))

    bench.run_until(lambda: "next" in bench.started, LeasesLost(lease_ids=("first",)))

    assert "first" not in bench.reported()


def test_a_stop_of_what_waits_is_confirmed_at_once_and_it_never_starts(bench: Bench) -> None:
    bench.take(a_leased_one("first"), a_prefetched_one("next"), a_prefetched_one("other"))

    def finish_the_first_after_that() -> bool:
        if "next" in bench.reported() and bench.started == ["first"]:
            bench.executor.finish("first")
        return bench.started == ["first", "other"]

    bench.run_until(finish_the_first_after_that, StopAsked(lease_ids=("next",)))

    assert bench.reported()["next"] == (AttemptOutcome.CANCELLED, "cancelled before it started")
    assert bench.reports.started == ["other"]


def test_what_was_lost_while_it_waited_never_starts_and_is_not_reported(bench: Bench) -> None:
    bench.take(a_leased_one("first"), a_prefetched_one("next"), a_prefetched_one("other"))
    bench.leases.drop(["next"])

    def finish_the_first() -> bool:
        if bench.started == ["first"]:
            bench.executor.finish("first")
        return "other" in bench.started

    bench.run_until(finish_the_first, LeasesLost(lease_ids=("next",)))

    assert bench.started == ["first", "other"]
    assert "next" not in bench.reported()


def test_what_is_held_no_longer_when_its_turn_comes_leaves_the_slot_to_the_next(bench: Bench) -> None:
    bench.take(a_prefetched_one("gone"), a_prefetched_one("next"))
    bench.leases.drop(["gone"])

    bench.run_until(lambda: bool(bench.started))

    assert (bench.started, bench.reports.started) == (["next"], ["next"])


def test_what_waits_is_given_back_when_the_server_asks_and_what_runs_goes_on(bench: Bench) -> None:
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


def test_what_waits_for_an_attempt_that_takes_long_is_given_back(bench: Bench) -> None:
    bench.take(a_leased_one("long"), a_prefetched_one("next"), a_prefetched_one("other"))

    def turn_the_clock() -> bool:
        bench.clock.seconds += 0.2 if bench.started == ["long"] else 0
        return bool(bench.reports.returned)

    bench.run_until(turn_the_clock)

    assert bench.reports.returned == ["next", "other"]
    assert bench.started == ["long"]


def test_what_comes_later_is_watched_as_well(bench: Bench) -> None:
    bench.take(a_leased_one("long"), a_prefetched_one("next"))

    def turn_the_clock() -> bool:
        bench.clock.seconds += 1
        if bench.reports.returned == ["next"] and "later" not in bench.leases:
            bench.take(a_prefetched_one("later"))
        return "later" in bench.reports.returned

    bench.run_until(turn_the_clock)

    assert bench.started == ["long"]


def test_a_leaving_worker_starts_nothing_and_gives_back_what_waits(bench: Bench) -> None:
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
