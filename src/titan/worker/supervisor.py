"""Runs attempts: one thread starts them, stops them, and determines how they ended."""

import logging
import os
import selectors
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, assert_never
from urllib.parse import quote

from titan.model.attempts import AttemptOutcome
from titan.ports.execution import AttemptEnd, AttemptOrder, Executor
from titan.wire.protocol import Assignment, Report
from titan.worker.backlog import PATIENCE_SECONDS, Backlog
from titan.worker.blob_cache import BlobCache
from titan.worker.files.file_collector import REPORT_WITHIN_SECONDS, FileCollector
from titan.worker.files.folders import AttemptFiles, AttemptFolders
from titan.worker.files.script_places import PlacedScript, Script, WorkspaceSpoiled, place_script
from titan.worker.files.workspaces import Workspace, Workspaces
from titan.worker.leases import Leases
from titan.worker.logs import EndedAttempt, LogFile, LogShipper, masked_values
from titan.worker.mailbox import (
    AttemptsAssigned,
    GiveBackAsked,
    LeasesLost,
    LeaveAsked,
    Mailbox,
    Message,
    ScriptMissed,
    SlotFreed,
    StopAsked,
)
from titan.worker.reports import Reports
from titan.worker.server_client import ServerAddress
from titan.worker.spool_upload import SpoolUploader
from titan.worker.threads import Timer, Timers

logger = logging.getLogger(__name__)

UNABLE_SECONDS: Final = 2.0  # how long a slot rests after this machine could not start a job
CUT_LOGS_SECONDS: Final = 0.1  # how often outputs are cut at their limit
ABANDON_SECONDS: Final = 15.0  # after the grace; a reaper takes up to 10 s for what cannot be killed
NO_SANDBOX: Final = "TITAN_REPLAY_NO_SANDBOX"  # the worker's setting, for the jobs of replays
_EXPORTER: Final = "OTEL_EXPORTER_OTLP"
_RESOURCE: Final = "OTEL_RESOURCE_ATTRIBUTES"


def job_environment(
    assignment: Assignment, server: ServerAddress, *, workspace: Path, spool: Path, inherited: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables of one attempt, besides those that it inherits: Titan's, overridden by the job's own.

    `spool` is where its SDK stores what it recorded while the server is away.
    """
    environment = {
        "TITAN_JOB_ID": assignment.job_id,
        "TITAN_JOB_NAME": assignment.job_name,
        "TITAN_DAG": assignment.dag_name,
        "TITAN_DAG_ID": assignment.dag_id,
        "TITAN_ATTEMPT": str(assignment.attempt),
        "TITAN_WORKSPACE": str(workspace),
        "TITAN_SPOOL": str(spool),
        **server.environment(),
        "TITAN_TOKEN": assignment.token,
    }
    if NO_SANDBOX in inherited:
        environment[NO_SANDBOX] = inherited[NO_SANDBOX]
    if assignment.agent_run_id is not None:
        environment["TITAN_AGENT_RUN_ID"] = assignment.agent_run_id
    return environment | assignment.env | _telemetry(assignment, server, {**inherited, **assignment.env})


def _telemetry(assignment: Assignment, server: ServerAddress, given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that have OpenTelemetry export to the server, unless the job exports elsewhere.

    The attempt's token must not reach another collector, so when any exporter variable is given, none is added.
    """
    about = {"titan.job_id": assignment.job_id, "titan.agent_run_id": assignment.agent_run_id}
    ours = [f"{name}={quote(value, safe='')}" for name, value in about.items() if value]
    variables = {_RESOURCE: ",".join([*filter(None, [given.get(_RESOURCE)]), *ours])}
    if any(name.startswith(_EXPORTER) for name in given):
        return variables
    variables |= {
        f"{_EXPORTER}_ENDPOINT": str(server),
        f"{_EXPORTER}_PROTOCOL": "http/protobuf",
        f"{_EXPORTER}_HEADERS": f"authorization=Bearer%20{quote(assignment.token, safe='')}",
    }
    if server.ca_file is not None:
        variables[f"{_EXPORTER}_CERTIFICATE"] = server.ca_file
    return variables


@dataclass(slots=True)
class _RunningAttempt:
    assignment: Assignment
    files: AttemptFiles
    log: LogFile
    ending: AttemptOutcome | None = None  #: why it is being stopped
    is_lost: bool = False  #: the server has given it up: its end is not reported
    timeout: Timer | None = None


class Supervisor:
    """Runs the attempts of one worker on the thread that calls `run`; other threads reach it through the mailbox."""

    def __init__(
        self,
        executor: Executor,
        mailbox: Mailbox,
        leases: Leases,
        *,
        blobs: BlobCache,
        folders: AttemptFolders,
        files: FileCollector,
        logs: LogShipper,
        reports: Reports,
        backlog: Backlog,
        spools: SpoolUploader,
        server: Callable[[], ServerAddress],
        grace_seconds: float,
        memory_limit_bytes: int | None = None,
    ) -> None:
        """`server` returns the address that jobs are given; `grace_seconds` lie between SIGTERM and SIGKILL."""
        self._executor = executor
        self._mailbox = mailbox
        self._leases = leases
        self._blobs = blobs
        self._folders = folders
        self._workspaces = Workspaces(folders.workspaces)
        self._files = files
        self._logs = logs
        self._reports = reports
        self._backlog = backlog
        self._spools = spools
        self._server = server
        self._grace_seconds = grace_seconds
        self._memory_limit_bytes = memory_limit_bytes
        self._timers = Timers()
        self._running: dict[str, _RunningAttempt] = {}
        #: Whether it was asked to leave: it begins nothing more.
        self.is_leaving = False
        self._is_cutting_logs = False
        self._is_watching_backlog = False

    @property
    def is_idle(self) -> bool:
        """Whether no attempt runs."""
        return not self._running

    def run(self) -> None:
        """Work until asked to leave; by then every attempt was stopped, and is reported as returned."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._mailbox, selectors.EVENT_READ)
            selector.register(self._executor, selectors.EVENT_READ)
            while self._running or not self.is_leaving:
                selector.select(self._timers.seconds_to_next(time.monotonic()))
                for end in self._executor.ends():  # before the messages: what has ended by itself cannot be stopped
                    self._settle(end)
                for message in self._mailbox.take_all():
                    self._handle(message)
                self._timers.run_due(time.monotonic())
                self._begin_what_has_a_slot()

    def repeat(self, every_seconds: float, call: Callable[[], None]) -> None:
        """Have `call` made at intervals on the supervisor's thread. Use before `run`."""

        def call_and_repeat() -> None:
            call()
            self.repeat(every_seconds, call)

        self._timers.add(time.monotonic() + every_seconds, call_and_repeat)

    def _handle(self, message: Message) -> None:
        match message:
            case AttemptsAssigned(assignments=assignments):
                self._take(assignments)
            case ScriptMissed(assignment=assignment, why=why, is_machine_at_fault=True):
                self._give_back_later(assignment, why)
            case ScriptMissed(assignment=assignment, why=why):
                self._report_unstarted(assignment, AttemptOutcome.FAILED, f"could not start: {why}")
            case StopAsked(lease_ids=lease_ids):
                self._end_all_early(lease_ids, AttemptOutcome.CANCELLED)
            case LeasesLost(lease_ids=lease_ids):
                for lease_id in lease_ids:
                    self._lose(lease_id)
            case SlotFreed():
                pass  # what waits for the slot begins at the end of this round
            case GiveBackAsked():
                self._give_back(self._backlog.withdraw_all())
            case LeaveAsked(why=why):
                self._leave(why)
            case _:
                assert_never(message)

    def _take(self, assignments: Sequence[Assignment]) -> None:
        for assignment in assignments:
            if not self._backlog.add(assignment):
                self._begin(assignment)

    def _begin_what_has_a_slot(self) -> None:
        if self.is_leaving:
            self._give_back(self._backlog.withdraw_all())
        while (assignment := self._backlog.next()) is not None:
            self._begin(assignment)
        if self._backlog and not self._is_watching_backlog:
            self._is_watching_backlog = True
            self._timers.add(time.monotonic() + PATIENCE_SECONDS / 2, self._watch_backlog)

    def _watch_backlog(self) -> None:
        self._is_watching_backlog = False
        self._give_back(self._backlog.withdraw_late())

    def _give_back(self, assignments: Sequence[Assignment]) -> None:
        """Return attempts that have not begun to the server, which may have another worker for them."""
        for assignment in assignments:
            self._folders.discard(assignment.lease_id)
        if assignments:
            self._reports.give_back(assignment.lease_id for assignment in assignments)

    def _begin(self, assignment: Assignment) -> None:
        """Start an attempt, unless it was lost or cancelled meanwhile."""
        lease_id = assignment.lease_id
        if self.is_leaving:
            self._leases.drop([lease_id])  # it goes back when the worker leaves
        if lease_id not in self._leases:
            self._backlog.end(lease_id, has_run=False)
            self._folders.discard(lease_id)
            return
        if self._leases.is_stopping(lease_id):
            self._report_unstarted(assignment, AttemptOutcome.CANCELLED, "cancelled before it started")
            return
        try:
            files = self._start(assignment)
        except OSError as cause:  # a full disk, no room for a process: another worker may do better
            self._give_back_later(assignment, str(cause))
            return
        except Exception as cause:  # another worker would do no better, and the other jobs must begin
            logger.exception("job %s cannot start", assignment.job_name, extra=_ids(assignment))
            self._report_unstarted(assignment, AttemptOutcome.FAILED, f"could not start: {cause!r}")
            return
        log = LogFile(files.log, assignment.max_log_bytes, masked_values(assignment))
        self._running[lease_id] = _RunningAttempt(assignment, files, log)
        if assignment.is_prefetched:
            self._reports.add_started(lease_id)
        logger.info("attempt %d of job %s began", assignment.attempt, assignment.job_name, extra=_ids(assignment))
        self._logs.follow(lease_id, log)
        if not self._is_cutting_logs and assignment.max_log_bytes is not None:
            self._cut_logs_later()
        if assignment.timeout_seconds is not None:
            due_at = time.monotonic() + assignment.timeout_seconds
            self._running[lease_id].timeout = self._timers.add(
                due_at, lambda: self._end_early(lease_id, AttemptOutcome.TIMED_OUT)
            )

    def _start(self, assignment: Assignment) -> AttemptFiles:
        script = self._script_of(assignment)
        files = self._folders.unpacked(assignment.lease_id) if script is None else self._folders.prepare(assignment)
        workspace = self._workspaces.find(files.workspace, is_new=files.is_new_workspace)
        if script is None:
            path = files.directory / os.path.basename(assignment.filename)
            placed = PlacedScript(path=path, appears_as=path)
        else:
            placed = self._place(script, workspace, assignment)
        order = AttemptOrder(
            lease_id=assignment.lease_id,
            script=placed.path,
            appears_as=placed.appears_as,
            args=tuple(assignment.args),
            directory=files.directory,
            log=files.log,
            environment=job_environment(
                *(assignment, self._server()),
                workspace=files.workspace,
                spool=self._spools.folder_of(assignment.lease_id),
                inherited=os.environ,
            ),
            is_cold=assignment.cold,
            memory_limit_bytes=self._memory_limit_bytes,
        )
        self._files.begin(assignment.lease_id, workspace, *filter(None, [files.archive]))
        try:
            self._executor.start(order)
        except Exception:
            self._files.drop(assignment.lease_id)
            raise
        return files

    def _script_of(self, assignment: Assignment) -> Script | None:
        """Return the job's script; None when it lies in an archive."""
        if assignment.archive is not None:
            return None
        content = self._blobs.script(assignment.script)
        if content is None:
            raise FileNotFoundError(f"script {assignment.script} is no longer in the cache")
        return Script(name=os.path.basename(assignment.filename), content=content, digest=assignment.script)

    def _place(self, script: Script, workspace: Workspace, assignment: Assignment) -> PlacedScript:
        """Put a script into its workspace, or outside of it if another job has made that impossible."""
        try:
            return place_script(script, workspace, spare=self._folders.spare_script)
        except WorkspaceSpoiled as cause:
            logger.warning(
                "job %s: %s; files that it writes beside its script are lost",
                *(assignment.job_name, cause),
                extra=_ids(assignment),
            )
        path = self._folders.write_private_script(assignment.lease_id, script.name, script.content)
        return PlacedScript(path=path, appears_as=path)

    def _end_all_early(self, lease_ids: Iterable[str], ending: AttemptOutcome) -> None:
        for lease_id in lease_ids:
            self._end_early(lease_id, ending)

    def _end_early(self, lease_id: str, ending: AttemptOutcome) -> None:
        running = self._running.get(lease_id)
        if running is not None and running.ending is None:
            running.ending = ending
            self._stop(lease_id, self._grace_seconds)
        elif (waiting := self._backlog.withdraw(lease_id)) is not None:
            self._folders.discard(lease_id)
            self._report_unstarted(waiting, ending, "cancelled before it started")

    def _lose(self, lease_id: str) -> None:
        running = self._running.get(lease_id)
        if running is not None:
            logger.warning("lease %s of job %s is lost: ending it", lease_id, running.assignment.job_name)
            running.is_lost = True
            self._logs.forget(lease_id)
            self._stop(lease_id, 0)
        elif self._backlog.withdraw(lease_id) is not None:
            self._folders.discard(lease_id)

    def _leave(self, why: str) -> None:
        logger.info("leaving: %s; ending %d running attempts", why, len(self._running))
        self.is_leaving = True
        self._end_all_early(list(self._running), AttemptOutcome.RETURNED)

    def _stop(self, lease_id: str, grace_seconds: float) -> None:
        self._executor.stop(lease_id, grace_seconds=grace_seconds)
        self._timers.add(time.monotonic() + grace_seconds + ABANDON_SECONDS, lambda: self._executor.abandon(lease_id))

    def _settle(self, end: AttemptEnd) -> None:
        running = self._running.pop(end.lease_id)
        self._spools.upload(end.lease_id)
        if running.timeout is not None:
            self._timers.cancel(running.timeout)
        if running.is_lost:
            logger.info("attempt of job %s ended: lost", running.assignment.job_name, extra=_ids(running.assignment))
            self._backlog.end(end.lease_id)
            self._files.drop(end.lease_id)
            self._folders.discard(end.lease_id)
            return
        outcome, error = _judge(running, end)
        report = Report(
            lease_id=end.lease_id,
            outcome=outcome,
            started_at=end.started_at,
            duration_ns=end.duration_ns,
            exit_code=end.exit_code if end.start_error is None else None,
            signal=end.signal,
            peak_memory_bytes=end.peak_memory_bytes,
            error=error,
        )
        if not self._files.finish(EndedAttempt(report=report, log=running.log)):
            due_at = time.monotonic() + REPORT_WITHIN_SECONDS
            self._timers.add(due_at, lambda: self._files.hurry(end.lease_id))
        logger.info(
            "attempt %d of job %s ended: %s%s",
            *(running.assignment.attempt, running.assignment.job_name, outcome, f" ({error})" if error else ""),
            extra=_ids(running.assignment),
        )

    def _cut_logs_later(self) -> None:
        self._is_cutting_logs = True
        self._timers.add(time.monotonic() + CUT_LOGS_SECONDS, self._cut_logs)

    def _cut_logs(self) -> None:
        """Cut outputs at their limits while jobs write, whether or not the server takes them."""
        self._is_cutting_logs = False
        for running in self._running.values():
            running.log.size()
        if self._running:
            self._cut_logs_later()

    def _give_back_later(self, assignment: Assignment, why: str) -> None:
        """Return an attempt that this machine cannot start, uncounted, after a pause that keeps its slot.

        Without the pause a worker with a full disk would take and return jobs as fast as it can ask.
        """
        logger.warning("job %s cannot start on this machine: %s", assignment.job_name, why)
        report = partial(
            self._report_unstarted, assignment, AttemptOutcome.RETURNED, f"could not start on this machine: {why}"
        )
        self._timers.add(time.monotonic() + UNABLE_SECONDS, report)

    def _report_unstarted(self, assignment: Assignment, outcome: AttemptOutcome, error: str) -> None:
        report = Report(
            lease_id=assignment.lease_id, outcome=outcome, started_at=datetime.now(UTC), duration_ns=0, error=error
        )
        self._logs.finish(EndedAttempt(report=report))


def _ids(assignment: Assignment) -> dict[str, str | None]:
    """Return the ids for a log line about an attempt."""
    return {
        "job_id": assignment.job_id,
        "dag_id": assignment.dag_id,
        "run_id": assignment.agent_run_id,
        "lease_id": assignment.lease_id,
    }


def _judge(running: _RunningAttempt, end: AttemptEnd) -> tuple[AttemptOutcome, str | None]:
    """Return how the attempt ended, and an explanation for people where the exit code is none."""
    if running.ending is AttemptOutcome.TIMED_OUT:
        return AttemptOutcome.TIMED_OUT, f"ran longer than its timeout of {running.assignment.timeout_seconds:g} s"
    if running.ending is not None:
        return running.ending, None
    if end.is_lost:
        return AttemptOutcome.LOST, "the process that watches over it was killed, and so was the job"
    if end.start_error is not None:
        return AttemptOutcome.FAILED, f"could not start: {end.start_error}"
    return (AttemptOutcome.SUCCEEDED if end.exit_code == 0 else AttemptOutcome.FAILED), None
