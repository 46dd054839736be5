"""Asks for work: one claim is outstanding at all times, with no free slot too, for it also brings what to stop."""

import threading
import time
from typing import Final

from titan.engine.protocol import Assignment, ClaimRequest
from titan.engine.worker.archives import Archives
from titan.engine.worker.inbox import AttemptsAssigned, Inbox, LeasesLost, LeaveAsked, ScriptMissed, StopAsked
from titan.engine.worker.leases import Leases
from titan.engine.worker.link import Link, ServerAway
from titan.engine.worker.loop import QUICK_PAUSE_SECONDS
from titan.engine.worker.machine import Machine
from titan.engine.worker.scripts import ScriptCache, matches
from titan_sdk.errors import TitanError

LEAVING_SECONDS: Final = 1.0  # until the supervisor has had it end; then it would be told once more
REPEATED_PAUSE_SECONDS: Final = 0.05  # after an answer without news; doubles with each further one
MAX_REPEATED_PAUSE_SECONDS: Final = 2.0
QUICK_ANSWER_SECONDS: Final = 1.0  # a server that has nothing to say answers after half a minute


class ScriptCorrupted(TitanError):
    """The server sent another content than the one it was asked for."""


class Claims:
    """Turns the answers of claims into news for the supervisor."""

    def __init__(
        self,
        link: Link,
        leases: Leases,
        inbox: Inbox,
        scripts: ScriptCache,
        *,
        archives: Archives,
        machine: Machine,
        closing: threading.Event,
    ) -> None:
        self._link = link
        self._leases = leases
        self._inbox = inbox
        self._scripts = scripts
        self._archives = archives
        self._machine = machine
        self._closing = closing
        self._repeated_pause_seconds = REPEATED_PAUSE_SECONDS

    def step(self) -> None:
        """Ask once, wait for the answer, and pass it on.

        Raises:
            ServerAway: see there.
        """
        request = ClaimRequest(holding=self._leases.held(), stopping=self._leases.stopping(), load=self._machine.load())
        asked_at = time.monotonic()
        answer = self._link.claim(request)
        if self._closing.is_set():
            return  # what came now goes back with the rest when the worker leaves
        if answer.leave and not self._leases.held():
            self._inbox.post(LeaveAsked(why="drained"))
            self._closing.wait(LEAVING_SECONDS)
            return
        is_news = tell(self._leases, self._inbox, stop=answer.stop, lost=answer.lost)
        fresh = set(self._leases.take(assignment.lease_id for assignment in answer.assignments))
        self._pass_on([assignment for assignment in answer.assignments if assignment.lease_id in fresh])
        if is_news or fresh or time.monotonic() - asked_at > QUICK_ANSWER_SECONDS:
            self._repeated_pause_seconds = REPEATED_PAUSE_SECONDS
        else:  # the two disagree, or something else than Titan answers: they must not spin
            self._closing.wait(self._repeated_pause_seconds)
            self._repeated_pause_seconds = min(2 * self._repeated_pause_seconds, MAX_REPEATED_PAUSE_SECONDS)

    def _pass_on(self, assignments: list[Assignment]) -> None:
        """Post what can start at once, then fetch what the others lack.

        What could not be posted is no longer held when this raises, so the next claim brings it again.
        """
        unposted = {assignment.lease_id: assignment for assignment in assignments}
        try:
            for assignment in assignments:
                if assignment.archive is not None:
                    self._archives.prepare(assignment)
                    del unposted[assignment.lease_id]
            ready = tuple(one for one in unposted.values() if self._scripts.find(one.script) is not None)
            if ready:
                self._inbox.post(AttemptsAssigned(assignments=ready))
            for assignment in ready:
                del unposted[assignment.lease_id]
            for assignment in list(unposted.values()):
                self._fetch_script_of(assignment)
                del unposted[assignment.lease_id]
        except BaseException:
            self._leases.drop(unposted)
            raise

    def _fetch_script_of(self, assignment: Assignment) -> None:
        while assignment.lease_id in self._leases and not self._closing.is_set():
            try:
                self._fetch(assignment.script)
            except ServerAway:
                self._closing.wait(QUICK_PAUSE_SECONDS)
                continue
            except TitanError as cause:
                self._inbox.post(ScriptMissed(assignment=assignment, why=f"script {assignment.script}: {cause}"))
                return
            except OSError as cause:  # a full disk here: another worker may do better
                self._inbox.post(ScriptMissed(assignment=assignment, why=str(cause), is_here_at_fault=True))
                return
            self._inbox.post(AttemptsAssigned(assignments=(assignment,)))
            return
        self._leases.drop([assignment.lease_id])  # the worker ends, and gives it back

    def _fetch(self, digest: str) -> None:
        """Bring a script into the cache.

        Raises:
            ServerAway: see there.
            TitanError: the server has no such script, or sent another content.
            OSError: it cannot be kept on this machine.
        """
        if self._scripts.find(digest) is not None:
            return
        content = self._link.fetch_script(digest)
        if not matches(digest, content):
            raise ScriptCorrupted(
                subject="the server's answer",
                expected="content with that SHA-256",
                found=f"{len(content)} bytes with another",
                next_step="Submit the job again.",
            )
        self._scripts.add(digest, content)


def tell(leases: Leases, inbox: Inbox, *, stop: list[str], lost: list[str]) -> bool:
    """Pass on what an answer says of held leases; return whether any of it was news."""
    to_stop, to_lose = leases.stop(stop), leases.drop(lost)
    if to_stop:
        inbox.post(StopAsked(lease_ids=tuple(to_stop)))
    if to_lose:
        inbox.post(LeasesLost(lease_ids=tuple(to_lose)))
    return bool(to_stop or to_lose)
