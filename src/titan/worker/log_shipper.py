"""Sends the output of running attempts to the server while it grows, by offset, from the files the jobs write.

A job writes to a plain file, so nothing a server, a network or this module does can block or lose its output.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from titan.wire.protocol import LOG_TAIL_MAX_BYTES
from titan.worker.log_file import LogFile
from titan.worker.reports import EndedAttempt
from titan.worker.server_client import Link

LOOK_EVERY_SECONDS: Final = 0.1  # what feels live to a reader
LINGER_SECONDS: Final = 1.0  # short jobs in a row must not wake this thread one by one
IDLE_SECONDS: Final = 3600.0
PART_BYTES: Final = LOG_TAIL_MAX_BYTES  # bounds how long one attempt's flood holds up the others' output


@dataclass(slots=True)
class _FollowedLog:
    log: LogFile
    sent_bytes: int = 0
    ended: EndedAttempt | None = None  #: set when the attempt has ended with more output than a report carries


class LogShipper:
    """Follows the logs of running attempts."""

    def __init__(self, link: Link, *, report: Callable[[EndedAttempt], None], closing: threading.Event) -> None:
        """`report` takes over an ended attempt once so much of its log is sent that the rest fits into its report."""
        self._link = link
        self._report = report
        self._closing = closing
        self._followed: dict[str, _FollowedLog] = {}
        self._active_at = 0.0
        self._changed = threading.Condition()

    def follow(self, lease_id: str, log: LogFile) -> None:
        """Begin to send an attempt's output."""
        with self._changed:
            self._followed[lease_id] = _FollowedLog(log)
            self._changed.notify_all()

    def finish(self, ended: EndedAttempt) -> None:
        """Send the rest of an ended attempt's output, but for what fits into its report, and hand it on."""
        with self._changed:
            followed = self._followed.pop(ended.report.lease_id, None)
        self.resend(ended if followed is None else replace(ended, log_sent_bytes=followed.sent_bytes))

    def resend(self, ended: EndedAttempt) -> None:
        """Send an ended attempt's output from `log_sent_bytes` on, as `finish` does."""
        if ended.log is None or ended.has_short_log:
            self._report(ended)
            return
        with self._changed:
            self._followed[ended.report.lease_id] = _FollowedLog(ended.log, ended.log_sent_bytes, ended)
            self._changed.notify_all()

    def forget(self, lease_id: str) -> None:
        """Send nothing more of an attempt that is lost."""
        with self._changed:
            self._followed.pop(lease_id, None)

    def step(self) -> None:
        """Wait until it is time to look, and send what has been written.

        Raises:
            ServerAway: see there.
        """
        if self._followed:
            self._active_at = time.monotonic()
        elif time.monotonic() - self._active_at > LINGER_SECONDS:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._followed), IDLE_SECONDS)
            return
        while self._send_one_part_each():
            if self._closing.is_set():
                return
        self._closing.wait(LOOK_EVERY_SECONDS)

    def _send_one_part_each(self) -> bool:
        """Send at most one part of each log; return whether any has more."""
        with self._changed:
            followed_now = list(self._followed.items())
        has_more = False
        for lease_id, followed in followed_now:
            has_more |= self._send_one_part(lease_id, followed)
        return has_more

    def _send_one_part(self, lease_id: str, followed: _FollowedLog) -> bool:
        part = followed.log.read(followed.sent_bytes, PART_BYTES)
        size_bytes = self._link.append_log(lease_id, followed.sent_bytes, part) if part else None
        if size_bytes is not None:
            followed.sent_bytes = size_bytes
        is_over = size_bytes is None and bool(part)  # the server wants no more; the report's answer will say so, too
        ended = followed.ended
        if ended is not None:
            ended = replace(ended, log_sent_bytes=followed.sent_bytes)
            is_over = is_over or ended.has_short_log
        if is_over:
            self.forget(lease_id)
            if ended is not None:
                self._report(ended)
        return len(part) == PART_BYTES and not is_over
