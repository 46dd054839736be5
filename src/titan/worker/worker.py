"""A worker, put together: the parts that share its leases, and the order in which they start and end."""

import logging
import os
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from titan import __version__
from titan.home.identity import is_gone
from titan.wire.protocol import Registration
from titan.worker.backlog import Backlog
from titan.worker.executors.local import LocalExecutor
from titan.worker.files.archives import Archives
from titan.worker.files.file_collector import CollectLimits, FileCollector
from titan.worker.files.folders import AttemptFolders
from titan.worker.files.workspace_gc import TIDY_SECONDS, Tidying
from titan.worker.files.workspaces import node_of
from titan.worker.heartbeats import Heartbeats
from titan.worker.intake import Intake
from titan.worker.leases import Leases
from titan.worker.log_shipper import LogShipper
from titan.worker.loop import Loop
from titan.worker.machine import Machine
from titan.worker.mailbox import Inbox, LeaveAsked, SlotFreed
from titan.worker.poller import Claims
from titan.worker.reports import EndedAttempt, Reports
from titan.worker.scripts import ScriptCache
from titan.worker.server_client import Link, ServerAddress, ServerAway
from titan.worker.spool_upload import Spools
from titan.worker.supervisor import Supervisor
from titan.worker.thread_pool import Crew

logger = logging.getLogger(__name__)

WARM_SECONDS: Final = 30.0  # 0.1 s on an idle machine; one that starts up or swaps takes far longer
LAST_REPORTS_SECONDS: Final = 5.0  # how long a leaving worker waits for acknowledgements
ABSENCE_CHECKS: Final = 40  # within the limit; of 10 minutes that is every 15 s
HOME_CHECK_SECONDS: Final = 2.0  # reading a small file
UNPACKING_THREADS: Final = 4  # more of them only share the one disk
REPORT_KEPT_SECONDS: Final = 24 * 3600.0  # how long finished work waits for a server to receive its report


class NoWarmInterpreter(Exception):
    """The process that jobs are forked from did not start; its own output says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPlan:
    """What a worker is to be."""

    name: str  #: for people
    host: str
    offers: Mapping[str, int]  #: slots by requirement
    folder: Path  #: for its scripts, attempts and workspaces; no other worker uses it
    collect: CollectLimits  #: of the files that jobs leave
    find_server: Callable[[], ServerAddress]  #: asked again whenever the server does not answer, or refuses the token
    find_job_server: Callable[[], ServerAddress] | None = None  #: asked for each job; None: where the worker found it
    has_other_servers: bool = False  #: so that one that is slow to answer is not waited for
    grace_seconds: float = 2.0  #: between SIGTERM and SIGKILL, for jobs that are to end
    memory_limit_bytes: int | None = None  #: of address space, for each process of a job
    tidy_every_seconds: float = TIDY_SECONDS
    absence_limit_seconds: float | None = None  #: ends after so long without a server and without a job; None: never
    home: Path | None = None  #: of a local worker, which ends with it
    home_id: str | None = None  #: distinguishes it from a later one in the same place


class Worker:
    """One worker process's parts. `start`, `work`, `leave` and `close`, in this order, on one thread."""

    def __init__(self, plan: WorkerPlan, inbox: Inbox) -> None:
        self._plan = plan
        self._inbox = inbox
        self.worker_id = secrets.token_hex(8)
        self._leases = Leases()
        self._asking_ends = threading.Event()
        self._reporting_ends = threading.Event()
        self._executor = LocalExecutor(spare_keepers=sum(plan.offers.values()))
        crew = Crew("preparing", closing=self._asking_ends, limit=UNPACKING_THREADS)
        self._folders = AttemptFolders(plan.folder, later=crew.add)
        registration, find = _registration(plan), plan.find_server
        self._link = Link(self.worker_id, registration, find, has_other_servers=plan.has_other_servers)
        scripts = ScriptCache(plan.folder / "scripts")
        logs = LogShipper(self._link, report=self._report, closing=self._reporting_ends)
        files = FileCollector(
            *(self._link, plan.folder / "collecting", plan.collect),
            node=node_of(plan.folder),
            report=logs.finish,
            forget=self._folders.release,
            closing=self._reporting_ends,
        )
        archives = Archives(
            *(self._link, plan.folder / "archives"), folders=self._folders, inbox=inbox, leases=self._leases, crew=crew
        )
        self._intake = Intake(
            *(self._link, self._leases, inbox, scripts), archives=archives, crew=crew, closing=self._asking_ends
        )
        self._backlog = Backlog(plan.offers)
        self._reports = Reports(
            *(self._link, self._intake),
            prefetch=lambda: None if self._supervisor.is_leaving else self._backlog.prefetch_limits(),
            acknowledge=self._acknowledge,
            resend=logs.resend,
        )
        machine = Machine()
        claims = Claims(*(self._link, self._leases, inbox, self._intake), machine=machine, closing=self._asking_ends)
        heartbeats = Heartbeats(self._link, self._leases, inbox, machine=machine, closing=self._asking_ends)
        tidying = Tidying(self._link, self._folders, closing=self._asking_ends, every_seconds=plan.tidy_every_seconds)
        self._spools = Spools(self._link, plan.folder / "spools")
        self._supervisor = Supervisor(
            *(self._executor, inbox, self._leases),
            scripts=scripts,
            folders=self._folders,
            files=files,
            logs=logs,
            reports=self._reports,
            backlog=self._backlog,
            spools=self._spools,
            server=plan.find_job_server or (lambda: self._link.server),
            grace_seconds=plan.grace_seconds,
            memory_limit_bytes=plan.memory_limit_bytes,
        )
        self._loops = (
            Loop("claims", claims.step, self._asking_ends),
            Loop("heartbeats", heartbeats.step, self._asking_ends),
            Loop("logs", logs.step, self._reporting_ends),
            Loop("reports", self._reports.step, self._reporting_ends),
            Loop("spools", self._spools.step, self._reporting_ends),
            Loop("tidying", tidying.step, self._asking_ends),
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
            self._link.register()
        except ServerAway as reason:
            logger.info("waiting for the server: %s", reason)
        for loop in self._loops:
            loop.start()
        limit = self._plan.absence_limit_seconds
        if limit is not None:
            self._supervisor.repeat(limit / ABSENCE_CHECKS, self._end_if_forsaken)
        home, home_id = self._plan.home, self._plan.home_id
        if home is not None and home_id is not None:
            self._supervisor.repeat(HOME_CHECK_SECONDS, lambda: self._end_with_home(home, home_id))

    def work(self) -> None:
        """Run attempts until the inbox is asked to leave; then none runs any more."""
        self._supervisor.run()

    def leave(self) -> None:
        """Deliver the last reports, and give everything else back. Does not insist on a server that is away."""
        self._asking_ends.set()
        self._leases.drop(self._intake.unprepared())  # they go back with the worker
        patience = LAST_REPORTS_SECONDS if self._link.away_seconds == 0 else 0.0
        self._leases.wait_for_none(patience)
        self._reporting_ends.set()
        self._reports.close()
        self._spools.close()
        try:
            self._link.leave()
        except ServerAway as reason:
            logger.info("left without a word to the server: %s", reason)

    def close(self) -> None:
        """End whatever still runs and release the descriptors."""
        self._executor.close()
        self._inbox.close()

    def _report(self, ended: EndedAttempt) -> None:
        """Report an attempt; only now its slot is free, so that the server never sees more attempts than slots."""
        self._reports.add(ended)
        self._backlog.end(ended.report.lease_id, has_run=ended.log is not None)
        if self._backlog:
            self._inbox.post(SlotFreed())

    def _acknowledge(self, lease_id: str) -> None:
        self._leases.drop([lease_id])
        self._folders.discard(lease_id)

    def _end_with_home(self, home: Path, home_id: str) -> None:
        if is_gone(home, home_id):
            self._inbox.post(LeaveAsked(why=f"its home {home} is gone"))

    def _end_if_forsaken(self) -> None:
        limit = self._plan.absence_limit_seconds
        away_seconds = self._link.away_seconds
        if limit is None or away_seconds < limit:
            return
        if not self._leases.held() or (self._supervisor.is_idle and away_seconds > REPORT_KEPT_SECONDS):
            self._inbox.post(LeaveAsked(why=f"no server has answered for {away_seconds:.0f} s"))


def _registration(plan: WorkerPlan) -> Registration:
    return Registration(
        name=plan.name,
        host=plan.host,
        pid=os.getpid(),
        offers=dict(plan.offers),
        version=__version__,
        home_id=plan.home_id,
    )
