"""Reports what becomes of attempts until the server has acknowledged it; what is ready goes out in one request.

The answer brings what to run next, so a worker that is busy has no need to ask.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import msgspec

from titan.wire.protocol import LOG_TAIL_MAX_BYTES, CompleteRequest, Report
from titan.worker.intake import Intake
from titan.worker.log_file import LogFile
from titan.worker.server_client import Link

MAX_REPORTS: Final = 64  # in one request; with the longest log parts 22 MB of JSON
STARTED_WITHIN_SECONDS: Final = 0.05  # a start waits so long for an end that it can be reported with


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedAttempt:
    """An attempt whose processes are gone, and whose report is not acknowledged yet."""

    report: Report  #: without the last part of the log
    log: LogFile | None = None  #: absent when it never started
    log_sent_bytes: int = 0  #: how much of the log the server has

    @property
    def has_short_log(self) -> bool:
        """Whether what is left of the log fits into the report."""
        return self.log is None or self.log.size() - self.log_sent_bytes <= LOG_TAIL_MAX_BYTES


class Reports:
    """What the server does not know yet: ended attempts, begun ones that were prefetched, and those given back."""

    def __init__(
        self,
        link: Link,
        intake: Intake,
        *,
        prefetch: Callable[[], Mapping[str, int] | None],
        acknowledge: Callable[[str], None],
        resend: Callable[[EndedAttempt], None],
    ) -> None:
        """`intake` takes what an answer assigns; `prefetch` says how much is wanted beyond free slots, None: nothing.

        `acknowledge` is called with each lease whose end the server has received, and `resend` with each attempt
        whose output it lost a part of.
        """
        self._link = link
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
            self._started.pop(ended.report.lease_id, None)  # its end says so, too
            self._waiting[ended.report.lease_id] = ended
            self._changed.notify_all()

    def add_started(self, lease_id: str) -> None:
        """Have it reported that an attempt that was prefetched begins now."""
        with self._changed:
            self._started[lease_id] = datetime.now(UTC)
            self._changed.notify_all()

    def give_back(self, lease_ids: Iterable[str]) -> None:
        """Have attempts given back that were prefetched and have not begun."""
        with self._changed:
            self._returned.update(dict.fromkeys(lease_ids))
            self._changed.notify_all()

    def step(self) -> None:
        """Wait for something to report, and report it; what the server does not acknowledge stays for the next step.

        Raises:
            ServerAway: see there.
        """
        batch, started, returned = self._next()
        if not (batch or started or returned):
            return
        request = CompleteRequest(
            reports=[_with_log(ended) for ended in batch],
            started=started,
            returned=returned,
            prefetch=None if (limits := self._prefetch()) is None else dict(limits),
        )
        answer = self._link.complete(request)
        settled = {ended.report.lease_id: ended for ended in batch}
        with self._changed:
            for lease_id in (*answer.accepted, *answer.stale, *answer.gaps):
                self._waiting.pop(lease_id, None)
                self._returned.pop(lease_id, None)
            for lease_id in started:
                self._started.pop(lease_id, None)
        for lease_id in (*answer.accepted, *answer.stale):
            self._acknowledge(lease_id)
        for lease_id, size_bytes in answer.gaps.items():
            self._resend(replace(settled[lease_id], log_sent_bytes=size_bytes))
        self._intake.take(answer.assignments)

    def close(self) -> None:
        """Let a waiting step return."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _next(self) -> tuple[list[EndedAttempt], dict[str, datetime], list[str]]:
        with self._changed:
            self._changed.wait_for(lambda: self._started or self._is_due())
            self._changed.wait_for(self._is_due, STARTED_WITHIN_SECONDS)
            return list(self._waiting.values())[:MAX_REPORTS], dict(self._started), list(self._returned)

    def _is_due(self) -> bool:
        return bool(self._waiting or self._returned or self._is_closed)


def _with_log(ended: EndedAttempt) -> Report:
    if ended.log is None:
        return ended.report
    tail = ended.log.read(ended.log_sent_bytes, LOG_TAIL_MAX_BYTES)
    return msgspec.structs.replace(ended.report, log_offset=ended.log_sent_bytes, log_tail=tail)
