"""Asks for work: one claim is outstanding at all times, with no free slot too, for it also brings what to stop."""

import threading
import time
from typing import Final

from titan.wire.protocol import ClaimRequest
from titan.worker.intake import Intake
from titan.worker.leases import Leases
from titan.worker.machine import Machine
from titan.worker.mailbox import GiveBackAsked, Inbox, LeasesLost, LeaveAsked, StopAsked
from titan.worker.server_client import Link

LEAVING_SECONDS: Final = 1.0  # until the supervisor has had it end; then it would be sent again
REPEATED_PAUSE_SECONDS: Final = 0.05  # after an answer without news; doubles with each further one
MAX_REPEATED_PAUSE_SECONDS: Final = 2.0
QUICK_ANSWER_SECONDS: Final = 1.0  # a server that has nothing to say answers after half a minute


class Claims:
    """Turns the answers of claims into news for the supervisor."""

    def __init__(
        self,
        link: Link,
        leases: Leases,
        inbox: Inbox,
        intake: Intake,
        *,
        machine: Machine,
        closing: threading.Event,
    ) -> None:
        self._link = link
        self._leases = leases
        self._inbox = inbox
        self._intake = intake
        self._machine = machine
        self._closing = closing
        self._repeated_pause_seconds = REPEATED_PAUSE_SECONDS

    def step(self) -> None:
        """Ask once, wait for the answer, and pass it on.

        Raises:
            ServerAway: see there.
        """
        holding, stopping = self._leases.begin_claim(), self._leases.stopping()
        request = ClaimRequest(holding=holding, stopping=stopping, load=self._machine.load())
        asked_at = time.monotonic()
        answer = self._link.claim(request)
        if self._closing.is_set():
            return  # what came now goes back with the rest when the worker leaves
        if answer.leave and not self._leases.held():
            self._inbox.post(LeaveAsked(why="drained"))
            self._closing.wait(LEAVING_SECONDS)
            return
        is_news = tell(self._leases, self._inbox, stop=answer.stop, lost=answer.lost)
        if answer.give_back:
            self._inbox.post(GiveBackAsked())
        self._intake.take(answer.assignments)
        # What this claim did not name is no disagreement where it is held by now: the answer to a report brought it.
        is_news |= any(assignment.lease_id not in holding for assignment in answer.assignments)
        if is_news or time.monotonic() - asked_at > QUICK_ANSWER_SECONDS:
            self._repeated_pause_seconds = REPEATED_PAUSE_SECONDS
        elif answer.give_back:  # asked for until it is back
            self._closing.wait(REPEATED_PAUSE_SECONDS)
        else:  # the two disagree, or something else than Titan answers: they must not spin
            self._closing.wait(self._repeated_pause_seconds)
            self._repeated_pause_seconds = min(2 * self._repeated_pause_seconds, MAX_REPEATED_PAUSE_SECONDS)


def tell(leases: Leases, inbox: Inbox, *, stop: list[str], lost: list[str]) -> bool:
    """Pass on what an answer says of held leases; return whether any of it was news."""
    to_stop, to_lose = leases.stop(stop), leases.drop(lost)
    if to_stop:
        inbox.post(StopAsked(lease_ids=tuple(to_stop)))
    if to_lose:
        inbox.post(LeasesLost(lease_ids=tuple(to_lose)))
    return bool(to_stop or to_lose)
