"""A supervisor on an executor that only writes down what it is asked."""

import socket
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from tests.support.assignments import a_blob_cache, an_assignment
from titan.model.attempts import AttemptOutcome
from titan.ports.execution import AttemptEnd, AttemptOrder
from titan.wire.protocol import Assignment, Report
from titan.worker.backlog import Backlog
from titan.worker.files.folders import AttemptFolders
from titan.worker.files.workspaces import Workspace
from titan.worker.leases import Leases
from titan.worker.logs import EndedAttempt, LogFile
from titan.worker.mailbox import AttemptsAssigned, LeaveAsked, Mailbox, Message
from titan.worker.server_client import ServerAddress
from titan.worker.supervisor import Supervisor

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


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

    def upload(self, lease_id: str) -> None:
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
        self.executor, self.logs, self.mailbox, self.leases = WritingExecutor(), WritingLogs(), Mailbox(), Leases()
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
        self.supervisor = Supervisor(
            *(self.executor, self.mailbox, self.leases),
            blobs=a_blob_cache(folder / "blobs"),
            folders=AttemptFolders(folder),
            files=self.files,  # type: ignore[arg-type] # of a FileCollector it has what the supervisor uses
            logs=self.logs,  # type: ignore[arg-type] # of a LogShipper it has what the supervisor uses
            reports=self.reports,  # type: ignore[arg-type] # of Reports it has what the supervisor uses
            backlog=self.backlog,
            spools=self.spools,  # type: ignore[arg-type] # of a SpoolUploader it has what the supervisor uses
            server=lambda: ServerAddress.of("http://127.0.0.1:9090"),
            grace_seconds=2.0,
        )

    @property
    def started(self) -> list[str]:
        """Return the attempts that were started, in that order."""
        return [order.lease_id for order in self.executor.started]

    def take(self, *assignments: Assignment) -> None:
        self.leases.take(assignment.lease_id for assignment in assignments)
        self.mailbox.post(AttemptsAssigned(assignments=assignments))

    def run_until(self, condition: Callable[[], bool], *messages: Message) -> None:
        """Have the supervisor handle messages, and leave once `condition` holds."""
        for each in messages:
            self.mailbox.post(each)
        self.supervisor.repeat(0.001, lambda: self._leave_if(condition))
        self.supervisor.run()

    def _leave_if(self, condition: Callable[[], bool]) -> None:
        self._waits += 1
        assert self._waits < 5_000, f"never happened; reported so far: {self.reported()}"
        if condition():
            self.mailbox.post(LeaveAsked(why="the test has seen enough"))

    def reported(self) -> dict[str, tuple[AttemptOutcome, str | None]]:
        return {report.lease_id: (report.outcome, report.error) for report in self.logs.reports}
