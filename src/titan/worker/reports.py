"""Reports the ends and starts of attempts until the server has acknowledged them; one request carries all that waits.

The answer brings the next assignments, so a busy worker does not have to claim.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import msgspec

from titan.wire.protocol import LOG_TAIL_MAX_BYTES, CompleteRequest, Report
from titan.worker.intake import Intake
from titan.worker.logs import EndedAttempt
from titan.worker.server_client import ServerClient

MAX_REPORTS: Final = 64  # in one request; with the longest log parts 22 MB of JSON
STARTED_WITHIN_SECONDS: Final = 0.05  # a start waits so long for an end that it can be reported with


class Reports:
    """The reports that the server has not acknowledged: ended attempts, prefetched ones that began or were returned."""

    def __init__(
        self,
        server: ServerClient,
        intake: Intake,
        *,
        prefetch: Callable[[], Mapping[str, int] | None],
        acknowledge: Callable[[str], None],
        resend: Callable[[EndedAttempt], None],
    ) -> None:
        """`prefetch` returns how many leases are wanted beyond free slots; None when the answer is to bring nothing.

        `acknowledge` is called with each lease whose end the server has received, and `resend` with each attempt
        whose output it lost a part of.
        """
        self._server = server
        self._intake = intake
        self._prefetch = prefetch
        self._acknowledge = acknowledge
        self._resend = resend
        self._waiting: dict[str, EndedAttempt] = {}
        self._started: dict[str, datetime] = {}
        self._returned: dict[str, None] = {}
        self._changed = threading.Condition()
        self._is_closed = False

    def add(self, ended: EndedAttempt) -> None:
        """Have an ended attempt, with a short log, reported."""
        with self._changed:
            self._started.pop(ended.report.lease_id, None)  # its end implies the start
            self._waiting[ended.report.lease_id] = ended
            self._changed.notify_all()

    def add_started(self, lease_id: str) -> None:
        """Have it reported that a prefetched attempt begins now."""
        with self._changed:
            self._started[lease_id] = datetime.now(UTC)
            self._changed.notify_all()

    def give_back(self, lease_ids: Iterable[str]) -> None:
        """Have prefetched attempts returned that have not begun."""
        with self._changed:
            self._returned.update(dict.fromkeys(lease_ids))
            self._changed.notify_all()

    def step(self) -> None:
        """Wait for something to report, and report it; what is not acknowledged stays for the next step.

        Raises:
            ServerAway: see there.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._started or self._is_due())
            self._changed.wait_for(self._is_due, STARTED_WITHIN_SECONDS)
            batch = dict(list(self._waiting.items())[:MAX_REPORTS])
            started, returned = dict(self._started), list(self._returned)
        if not (batch or started or returned):
            return
        limits = self._prefetch()
        request = CompleteRequest(
            reports=[_with_log(ended) for ended in batch.values()],
            started=started,
            returned=returned,
            prefetch=None if limits is None else dict(limits),
        )
        answer = self._server.complete(request)
        with self._changed:
            for lease_id in (*answer.accepted, *answer.stale, *answer.gaps):
                self._waiting.pop(lease_id, None)
                self._returned.pop(lease_id, None)
            for lease_id in started:
                self._started.pop(lease_id, None)
        for lease_id in (*answer.accepted, *answer.stale):
            self._acknowledge(lease_id)
        for lease_id, size_bytes in answer.gaps.items():
            self._resend(replace(batch[lease_id], log_sent_bytes=size_bytes))
        self._intake.take(answer.assignments)

    def close(self) -> None:
        """Let a waiting step return."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _is_due(self) -> bool:
        return bool(self._waiting or self._returned or self._is_closed)


def _with_log(ended: EndedAttempt) -> Report:
    if ended.log is None:
        return ended.report
    tail = ended.log.read(ended.log_sent_bytes, LOG_TAIL_MAX_BYTES, is_whole=True)
    return msgspec.structs.replace(ended.report, log_offset=ended.log_sent_bytes, log_tail=tail)
