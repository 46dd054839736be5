"""Takes in what the server assigns: each attempt once, and not before its script is here."""

import threading
from collections.abc import Sequence
from functools import partial

from titan.wire.protocol import Assignment
from titan.worker.files.archives import Archives
from titan.worker.leases import Leases
from titan.worker.mailbox import AttemptsAssigned, Inbox, ScriptMissed
from titan.worker.scripts import ScriptCache, matches
from titan.worker.server_client import Link
from titan.worker.thread_pool import Crew
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
        crew: Crew,
        closing: threading.Event,
    ) -> None:
        self._link = link
        self._leases = leases
        self._inbox = inbox
        self._scripts = scripts
        self._archives = archives
        self._crew = crew
        self._unprepared: set[str] = set()
        self._fetching = threading.Lock()  # what several attempts lack is fetched once
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

    def unprepared(self) -> list[str]:
        """Return the leases of attempts whose scripts are not here yet."""
        return list(self._unprepared)

    def _pass_on(self, assignments: list[Assignment]) -> None:
        """Post what can start at once, and have fetched what the others lack.

        What could not be passed on is no longer held when this raises, so the next claim brings it again.
        """
        ready = {assignment.lease_id: assignment for assignment in assignments}
        try:
            for assignment in assignments:
                if assignment.archive is not None:
                    self._archives.prepare(assignment)
                elif self._scripts.find(assignment.script) is None:
                    self._unprepared.add(assignment.lease_id)
                    self._crew.add(partial(self._fetch_script_of, assignment))
                else:
                    continue
                del ready[assignment.lease_id]
            if ready:
                self._inbox.post(AttemptsAssigned(assignments=tuple(ready.values())))
        except BaseException:
            self._leases.drop(ready)
            raise

    def _fetch_script_of(self, assignment: Assignment) -> None:
        """Fetch the script of an attempt.

        Raises:
            ServerAway: see there; may be repeated.
        """
        if assignment.lease_id not in self._leases:
            return
        try:
            with self._fetching:
                self._fetch(assignment.script)
            self._unprepared.discard(assignment.lease_id)
        except TitanError as cause:
            self._inbox.post(ScriptMissed(assignment=assignment, why=f"script {assignment.script}: {cause}"))
        except OSError as cause:  # a full disk here: another worker may do better
            self._inbox.post(ScriptMissed(assignment=assignment, why=str(cause), is_here_at_fault=True))
        else:
            self._inbox.post(AttemptsAssigned(assignments=(assignment,)))

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
