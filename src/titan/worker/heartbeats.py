"""Renews the leases while any is held, beside everything else, so that no slow log or claim can let one run out."""

import threading

from titan.worker.leases import Leases
from titan.worker.machine import Machine
from titan.worker.mailbox import Inbox
from titan.worker.poller import tell
from titan.worker.server_client import Link


class Heartbeats:
    """Sends a heartbeat every few seconds while leases are held, and none otherwise."""

    def __init__(self, link: Link, leases: Leases, inbox: Inbox, *, machine: Machine, closing: threading.Event) -> None:
        self._link = link
        self._leases = leases
        self._inbox = inbox
        self._machine = machine
        self._closing = closing

    def step(self) -> None:
        """Wait for the next beat, and send it if it is needed.

        A worker that was stopped (SIGSTOP) past its leases comes here first when it wakes: what it holds may be lost,
        and the answer says so.

        Raises:
            ServerAway: see there.
        """
        seconds = self._link.heartbeat_seconds
        if not self._leases.wait_for_some(seconds) or self._closing.wait(seconds):
            return
        held = self._leases.held()
        if held:
            answer = self._link.heartbeat(held, self._machine.load())
            tell(self._leases, self._inbox, stop=answer.stop, lost=answer.lost)
