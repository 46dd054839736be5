"""Polls the server for work, and renews the leases of what runs; both tell the server how busy the machine is."""

import os
import threading
import time
from pathlib import Path
from typing import Final

from titan.model.workers import Load
from titan.wire.protocol import ClaimRequest
from titan.worker.backlog import Backlog
from titan.worker.intake import Intake
from titan.worker.leases import Leases
from titan.worker.mailbox import GiveBackAsked, LeasesLost, LeaveAsked, Mailbox, SlotFreed, StopAsked
from titan.worker.server_client import ServerClient

LEAVING_SECONDS: Final = 1.0  # until the supervisor has ended it; then `leave` would be sent again
REPEATED_PAUSE_SECONDS: Final = 0.05  # after an answer without news; doubles with each further one
MAX_REPEATED_PAUSE_SECONDS: Final = 2.0
QUICK_ANSWER_SECONDS: Final = 1.0  # a server that has no news answers after half a minute
FRESH_SECONDS: Final = 3.0  # a claim for every job asks for the load; the system's own average moves every 5 s
_MEMORY: Final = Path("/proc/meminfo")


class Poller:
    """Keeps one claim outstanding at all times: it also brings what to stop, so it is sent without free slots too."""

    def __init__(
        self,
        server: ServerClient,
        leases: Leases,
        mailbox: Mailbox,
        intake: Intake,
        backlog: Backlog,
        *,
        machine: "Machine",
        closing: threading.Event,
    ) -> None:
        self._server = server
        self._leases = leases
        self._mailbox = mailbox
        self._intake = intake
        self._backlog = backlog
        self._machine = machine
        self._closing = closing
        self._repeated_pause_seconds = REPEATED_PAUSE_SECONDS

    def step(self) -> None:
        """Claim once, wait for the answer, and pass it on.

        Raises:
            ServerAway: see there.
        """
        holding, stopping = self._leases.begin_claim(), self._leases.stopping()
        request = ClaimRequest(
            holding=holding, stopping=stopping, parked=list(self._backlog.parked), load=self._machine.load()
        )
        asked_at = time.monotonic()
        answer = self._server.claim(request)
        if self._closing.is_set():
            return  # the server gets back what came now when the worker leaves
        if answer.leave and not self._leases.held():
            self._mailbox.post(LeaveAsked(why="drained"))
            self._closing.wait(LEAVING_SECONDS)
            return
        has_news = pass_on(self._leases, self._mailbox, stop=answer.stop, lost=answer.lost)
        if answer.parked is not None:
            has_news |= self._backlog.park(answer.parked)
            self._mailbox.post(SlotFreed())
        if answer.give_back:
            self._mailbox.post(GiveBackAsked())
        self._intake.take(answer.assignments)
        # A lease that this claim did not name may be held by now: the answer to a report brought it.
        has_news |= any(assignment.lease_id not in holding for assignment in answer.assignments)
        if has_news or time.monotonic() - asked_at > QUICK_ANSWER_SECONDS:
            self._repeated_pause_seconds = REPEATED_PAUSE_SECONDS
        elif answer.give_back:  # repeated until it is back
            self._closing.wait(REPEATED_PAUSE_SECONDS)
        else:  # the two disagree, or something else than Titan answers: they must not spin
            self._closing.wait(self._repeated_pause_seconds)
            self._repeated_pause_seconds = min(2 * self._repeated_pause_seconds, MAX_REPEATED_PAUSE_SECONDS)


class Heartbeats:
    """Sends a heartbeat every few seconds while leases are held.

    On a thread of its own, so that no slow log or claim can let a lease run out.
    """

    def __init__(
        self,
        server: ServerClient,
        leases: Leases,
        mailbox: Mailbox,
        *,
        machine: "Machine",
        closing: threading.Event,
    ) -> None:
        self._server = server
        self._leases = leases
        self._mailbox = mailbox
        self._machine = machine
        self._closing = closing

    def step(self) -> None:
        """Wait for the next beat, and send it if leases are held.

        A worker that was stopped (SIGSTOP) for longer than its leases lasted learns from the answer which are lost.

        Raises:
            ServerAway: see there.
        """
        seconds = self._server.heartbeat_seconds
        if not self._leases.wait_for_some(seconds) or self._closing.wait(seconds):
            return
        held = self._leases.held()
        if held:
            answer = self._server.heartbeat(held, self._machine.load())
            pass_on(self._leases, self._mailbox, stop=answer.stop, lost=answer.lost)


def pass_on(leases: Leases, mailbox: Mailbox, *, stop: list[str], lost: list[str]) -> bool:
    """Post which held leases are to stop or lost; return whether any of it was new."""
    to_stop, to_lose = leases.stop(stop), leases.drop(lost)
    if to_stop:
        mailbox.post(StopAsked(lease_ids=tuple(to_stop)))
    if to_lose:
        mailbox.post(LeasesLost(lease_ids=tuple(to_lose)))
    return bool(to_stop or to_lose)


class Machine:
    """Reads the machine's load, every 3 s at most. Used from several threads; the last reading wins."""

    def __init__(self, memory: Path = _MEMORY) -> None:
        self._memory = memory
        self._read_at = float("-inf")
        self._load: Load | None = None

    def load(self) -> Load | None:
        """Return how busy the machine is; None where the system does not tell."""
        now = time.monotonic()
        if now - self._read_at >= FRESH_SECONDS:
            self._read_at = now
            self._load = self._read()
        return self._load

    def _read(self) -> Load | None:
        try:
            average = os.getloadavg()[0]
        except OSError:
            return None
        used, total = self._memory_bytes()
        return Load(
            average_1m=round(average, 2),
            cores=os.cpu_count() or 1,
            memory_used_bytes=used,
            memory_total_bytes=total,
        )

    def _memory_bytes(self) -> tuple[int | None, int | None]:
        """Return used and total memory, from proc(5); None on other systems than Linux."""
        try:
            lines = dict(line.split(":", 1) for line in self._memory.read_text("ascii").splitlines())
            total, available = (int(lines[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
        except (OSError, ValueError, LookupError):
            return None, None
        return total - available, total
