"""Reports ended attempts until the server has acknowledged each; what is ready goes out in one request."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from titan.engine.protocol import LOG_TAIL_MAX_BYTES, Report
from titan.engine.worker.link import Link
from titan.engine.worker.log_file import LogFile

MAX_REPORTS: Final = 64  # in one request; with the longest log parts 22 MB of JSON


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
    """The ended attempts that wait for their report, or for its acknowledgement."""

    def __init__(
        self, link: Link, *, acknowledge: Callable[[str], None], resend: Callable[[EndedAttempt], None]
    ) -> None:
        """`acknowledge` is called with each lease that the server has heard the end of, and `resend` with each attempt
        whose output it lost a part of."""
        self._link = link
        self._acknowledge = acknowledge
        self._resend = resend
        self._waiting: dict[str, EndedAttempt] = {}
        self._changed = threading.Condition()
        self._is_closed = False

    def add(self, ended: EndedAttempt) -> None:
        """Have an ended attempt, with a short log, reported."""
        with self._changed:
            self._waiting[ended.report.lease_id] = ended
            self._changed.notify_all()

    def step(self) -> None:
        """Wait for ended attempts and report them; what the server does not acknowledge stays for the next step.

        Raises:
            ServerAway: see there.
        """
        batch = self._next_batch()
        if not batch:
            return
        answer = self._link.complete([_with_log(ended) for ended in batch])
        settled = {ended.report.lease_id: ended for ended in batch}
        with self._changed:
            for lease_id in (*answer.accepted, *answer.stale, *answer.gaps):
                self._waiting.pop(lease_id, None)
        for lease_id in (*answer.accepted, *answer.stale):
            self._acknowledge(lease_id)
        for lease_id, size_bytes in answer.gaps.items():
            self._resend(replace(settled[lease_id], log_sent_bytes=size_bytes))

    def close(self) -> None:
        """Let a waiting step return."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _next_batch(self) -> list[EndedAttempt]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            return list(self._waiting.values())[:MAX_REPORTS]


def _with_log(ended: EndedAttempt) -> Report:
    if ended.log is None:
        return ended.report
    tail = ended.log.read(ended.log_sent_bytes, LOG_TAIL_MAX_BYTES)
    return msgspec.structs.replace(ended.report, log_offset=ended.log_sent_bytes, log_tail=tail)
