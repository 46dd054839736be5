"""Assembles a worker from its parts, and starts and ends them in order."""

import logging
import os
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from titan import __version__
from titan.home.identity import is_gone
from titan.wire.protocol import Registration
from titan.worker.backlog import Backlog
from titan.worker.blob_cache import BlobCache
from titan.worker.executors.local import LocalExecutor
from titan.worker.files.file_collector import CollectLimits, FileCollector
from titan.worker.files.folders import CLEANING_SECONDS, AttemptFolders, WorkspaceCleaner
from titan.worker.files.workspaces import node_of
from titan.worker.intake import Intake
from titan.worker.leases import Leases
from titan.worker.logs import EndedAttempt, LogShipper
from titan.worker.mailbox import LeaveAsked, Mailbox, SlotFreed
from titan.worker.poller import Heartbeats, Machine, Poller
from titan.worker.reports import Reports
from titan.worker.server_client import ServerAddress, ServerAway, ServerClient
from titan.worker.spool_upload import SpoolUploader
from titan.worker.supervisor import Supervisor
from titan.worker.threads import Loop, ThreadPool

logger = logging.getLogger(__name__)

WARM_SECONDS: Final = 30.0  # 0.1 s on an idle machine; one that starts up or swaps takes far longer
LAST_REPORTS_SECONDS: Final = 5.0  # how long a leaving worker waits for acknowledgements
ABSENCE_CHECKS: Final = 40  # within the limit; of 10 minutes that is every 15 s
HOME_CHECK_SECONDS: Final = 2.0  # reading a small file
PREPARING_THREADS: Final = 4  # they unpack archives: more of them only share the one disk
SENDING_THREADS: Final = 16  # of files, at once; a further attempt's report may have to wait its 10 s
REPORT_KEPT_SECONDS: Final = 24 * 3600.0  # how long reports wait for a server


class NoWarmInterpreter(Exception):
    """The process that jobs are forked from did not start; its own output says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPlan:
    """The configuration of a worker."""

    name: str  #: for people
    host: str
    offers: Mapping[str, int]  #: slots by requirement
    folder: Path  #: for its scripts, attempts and workspaces; no other worker uses it
    collect: CollectLimits  #: of the files that jobs leave
    find_server: Callable[[], ServerAddress]  #: called again whenever the server does not answer, or refuses the token
    find_job_server: Callable[[], ServerAddress] | None = None  #: called for each job; None: where the worker found it
    has_other_servers: bool = False  #: then a slow answer is not awaited
    grace_seconds: float = 2.0  #: between SIGTERM and SIGKILL, for jobs that are to end
    parks: Sequence[str] = ("GENERAL",)  #: labels whose slot an attempt gives back while it waits
    max_parked: int = 64  #: how many attempts may be without a slot at a time
    memory_limit_bytes: int | None = None  #: of address space, for each process of a job
    clean_every_seconds: float = CLEANING_SECONDS  #: between deletions of old workspaces
    absence_limit_seconds: float | None = None  #: it ends after so long without a server and without a job; None: never
    home: Path | None = None  #: of a local worker, which ends with it
    home_id: str | None = None  #: distinguishes it from a later one in the same place


class Worker:
    """The parts of one worker process. Call `start`, `work`, `leave` and `close`, in this order, on one thread."""

    def __init__(self, plan: WorkerPlan, mailbox: Mailbox) -> None:
        self._plan = plan
        self._mailbox = mailbox
        self.worker_id = secrets.token_hex(8)
        self._leases = leases = Leases()
        self._asking_ends = asking_ends = threading.Event()
        self._reporting_ends = reporting_ends = threading.Event()
        self._executor = LocalExecutor(spare_reapers=sum(plan.offers.values()))
        preparing = ThreadPool("preparing", closing=asking_ends, limit=PREPARING_THREADS)
        sending = ThreadPool("sending", closing=reporting_ends, limit=SENDING_THREADS)
        registration = Registration(
            name=plan.name,
            host=plan.host,
            pid=os.getpid(),
            offers=dict(plan.offers),
            version=__version__,
            home_id=plan.home_id,
            parks=tuple(plan.parks),
            max_parked=plan.max_parked,
        )
        self._server = server = ServerClient(
            *(self.worker_id, registration, plan.find_server), has_other_servers=plan.has_other_servers
        )
        self._folders = folders = AttemptFolders(plan.folder, later=preparing.add)
        blobs = BlobCache(server, plan.folder / "blobs")
        logs = LogShipper(server, report=self._report, closing=reporting_ends)
        self._files = FileCollector(
            *(server, plan.folder / "collecting", plan.collect),
            node=node_of(plan.folder),
            pool=sending,
            report=logs.finish,
            forget=self._discard,
        )
        self._backlog = Backlog(plan.offers)
        self._intake = Intake(leases, mailbox, blobs, folders, pool=preparing, closing=asking_ends)
        self._reports = Reports(
            *(server, self._intake),
            prefetch=lambda: None if self._supervisor.is_leaving else self._backlog.prefetch_limits(),
            acknowledge=self._acknowledge,
            resend=logs.resend,
        )
        machine = Machine()
        poller = Poller(server, leases, mailbox, self._intake, self._backlog, machine=machine, closing=asking_ends)
        heartbeats = Heartbeats(server, leases, mailbox, machine=machine, closing=asking_ends)
        cleaner = WorkspaceCleaner(server, folders, closing=asking_ends, every_seconds=plan.clean_every_seconds)
        self._spools = SpoolUploader(server, plan.folder / "spools", pool=sending)
        self._supervisor = Supervisor(
            *(self._executor, mailbox, leases),
            blobs=blobs,
            folders=folders,
            files=self._files,
            logs=logs,
            reports=self._reports,
            backlog=self._backlog,
            spools=self._spools,
            server=plan.find_job_server or (lambda: server.server),
            grace_seconds=plan.grace_seconds,
            memory_limit_bytes=plan.memory_limit_bytes,
        )
        self._loops = (
            Loop("claims", poller.step, asking_ends),
            Loop("heartbeats", heartbeats.step, asking_ends),
            Loop("logs", logs.step, reporting_ends),
            Loop("reports", self._reports.step, reporting_ends),
            Loop("cleaning", cleaner.step, asking_ends),
        )

    def start(self) -> None:
        """Wait for the warm interpreter, register, and begin to ask for work. A server that is away may come later.

        Raises:
            NoWarmInterpreter: it did not start within 30 s.
            TitanError: the server refuses this worker.
        """
        if not self._executor.wait_until_warm(WARM_SECONDS):
            raise NoWarmInterpreter(f"no warm interpreter after {WARM_SECONDS:g} s")
        try:
            self._server.register()
        except ServerAway as reason:
            logger.info("waiting for the server: %s", reason)
        for loop in self._loops:
            loop.start()
        self._spools.start()
        limit = self._plan.absence_limit_seconds
        if limit is not None:
            self._supervisor.repeat(limit / ABSENCE_CHECKS, self._end_if_forsaken)
        home, home_id = self._plan.home, self._plan.home_id
        if home is not None and home_id is not None:
            self._supervisor.repeat(HOME_CHECK_SECONDS, lambda: self._end_with_home(home, home_id))

    def work(self) -> None:
        """Run attempts until a message asks to leave; by then none runs."""
        self._supervisor.run()

    def leave(self) -> None:
        """Send the last reports, and return everything else. Does not wait for a server that is away."""
        self._asking_ends.set()
        self._leases.drop(self._intake.unprepared())  # `leave` returns them
        patience = LAST_REPORTS_SECONDS if self._server.away_seconds == 0 else 0.0
        self._leases.wait_for_none(patience)
        self._reporting_ends.set()
        self._reports.close()
        try:
            self._server.leave()
        except ServerAway as reason:
            logger.info("left without a word to the server: %s", reason)

    def close(self) -> None:
        """End whatever still runs and release the descriptors."""
        self._executor.close()
        self._mailbox.close()

    def _report(self, ended: EndedAttempt) -> None:
        """Report an attempt. Its slot is free only now, so that the server never sees more attempts than slots."""
        self._reports.add(ended)
        self._backlog.end(ended.report.lease_id, has_run=ended.log is not None)
        if self._backlog:
            self._mailbox.post(SlotFreed())

    def _acknowledge(self, lease_id: str) -> None:
        self._leases.drop([lease_id])
        self._discard(lease_id)

    def _discard(self, lease_id: str) -> None:
        """Release an attempt's folders once its report is acknowledged and its files are collected."""
        if lease_id not in self._leases and not self._files.is_collecting(lease_id):
            self._folders.discard(lease_id)

    def _end_with_home(self, home: Path, home_id: str) -> None:
        if is_gone(home, home_id):
            self._mailbox.post(LeaveAsked(why=f"its home {home} is gone"))

    def _end_if_forsaken(self) -> None:
        limit = self._plan.absence_limit_seconds
        away_seconds = self._server.away_seconds
        if limit is None or away_seconds < limit:
            return
        if not self._leases.held() or (self._supervisor.is_idle and away_seconds > REPORT_KEPT_SECONDS):
            self._mailbox.post(LeaveAsked(why=f"no server has answered for {away_seconds:.0f} s"))
