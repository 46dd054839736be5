"""Takes in what the server assigns: each attempt once, and not before its script is here."""

import threading
from collections.abc import Sequence

from titan.engine.protocol import Assignment
from titan.engine.worker.archives import Archives
from titan.engine.worker.inbox import AttemptsAssigned, Inbox, ScriptMissed
from titan.engine.worker.leases import Leases
from titan.engine.worker.link import Link, ServerAway
from titan.engine.worker.loop import QUICK_PAUSE_SECONDS
from titan.engine.worker.scripts import ScriptCache, matches
from titan_sdk.errors import TitanError


class ScriptCorrupted(TitanError):
    """The server sent another content than the one it was asked for."""


class Intake:
    """Turns assignments into news for the supervisor. Used from each thread that the server answers."""

    def __init__(
        self,
        link: Link,
        leases: Leases,
        inbox: Inbox,
        scripts: ScriptCache,
        *,
        archives: Archives,
        closing: threading.Event,
    ) -> None:
        self._link = link
        self._leases = leases
        self._inbox = inbox
        self._scripts = scripts
        self._archives = archives
        self._closing = closing

    def take(self, assignments: Sequence[Assignment]) -> bool:
        """Hold the leases of these attempts and pass them on; return whether any was news.

        A worker that ends takes nothing more: it goes back with the rest when it leaves.
        """
        if self._closing.is_set() or not assignments:
            return False
        fresh = set(self._leases.take(assignment.lease_id for assignment in assignments))
        self._pass_on([assignment for assignment in assignments if assignment.lease_id in fresh])
        return bool(fresh)

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
