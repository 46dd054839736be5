"""Sends the output of running attempts to the server while it grows, by offset, from the files that jobs write to.

A job writes to a plain file, so nothing that a server, a network or this module does can block it or lose its output.
"""

import os
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from titan.model.jobs import LEAST_MASKED
from titan.wire.protocol import LOG_TAIL_MAX_BYTES, Assignment, Report
from titan.worker.server_client import ServerClient

READ_EVERY_SECONDS: Final = 0.1  # feels live to a reader
LINGER_SECONDS: Final = 1.0  # short jobs in a row must not wake this thread one by one
IDLE_SECONDS: Final = 3600.0
PART_BYTES: Final = LOG_TAIL_MAX_BYTES  # bounds how long one attempt's flood delays the others' output


@dataclass(frozen=True, slots=True)
class LogFile:
    """The file with an attempt's output. With a limit, it is cut one byte behind it, which shows that it was longer.

    A job can remove it, lock it, or put a pipe, a link or a folder in its place: no readable file counts as empty.
    """

    path: Path
    limit_bytes: int | None = None
    masked: tuple[bytes, ...] = ()  #: each byte of these reads `*`, so that offsets stay those of the file

    def size(self) -> int:
        """Return the size in bytes; 0 when there is no readable file. Cuts a file that is over the limit."""
        try:
            status = os.lstat(self.path)
        except OSError:
            return 0
        return self._cut(status.st_size) if stat.S_ISREG(status.st_mode) and os.access(self.path, os.R_OK) else 0

    def read(self, offset: int, most_bytes: int, *, is_whole: bool = False) -> bytes:
        """Return up to `most_bytes` from `offset`; empty at the end, and when there is no readable file.

        Until the file is whole, the beginning of a masked value at its end is left for the next reading.
        """
        try:  # without blocking on a pipe in its place
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        except OSError:
            return b""
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return b""
            end = self._cut(status.st_size)
            count = max(0, min(most_bytes, end - offset))
            if not self.masked or not count:
                return os.pread(descriptor, count, offset)
            reach = max(map(len, self.masked)) - 1  # a value may begin before this part, and end behind it
            begin = max(0, offset - reach)
            around = os.pread(descriptor, min(offset + count + reach, end) - begin, begin)
            clean = self._masked(around, is_whole=is_whole, is_end=begin + len(around) >= end)
            return clean[offset - begin : offset - begin + count]
        finally:
            os.close(descriptor)

    def _masked(self, content: bytes, *, is_whole: bool, is_end: bool) -> bytes:
        clean = bytearray(content)
        for value in self.masked:
            at = content.find(value)
            while at >= 0:
                clean[at : at + len(value)] = b"*" * len(value)
                at = content.find(value, at + 1)
        begun = max((_begun(value, content) for value in self.masked), default=0) if is_end else 0
        if not is_whole:
            return bytes(clean[: len(clean) - begun])
        return bytes(clean[: len(clean) - begun] + b"*" * begun) if begun >= LEAST_MASKED else bytes(clean)

    def _cut(self, size_bytes: int) -> int:
        """Return how much of the file counts, and cut the rest. The job goes on writing at the new end."""
        if self.limit_bytes is None or size_bytes <= self.limit_bytes:
            return size_bytes
        most_bytes = self.limit_bytes + 1
        if size_bytes > most_bytes:
            try:
                descriptor = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
            except OSError:
                return most_bytes
            try:
                os.ftruncate(descriptor, most_bytes)
            except OSError:  # a pipe by now, or a file that can only grow: the rest is not read
                pass
            finally:
                os.close(descriptor)
        return most_bytes


def _begun(value: bytes, content: bytes) -> int:
    """Return how much of the beginning of a value, but not all of it, stands at the end of the content."""
    most = min(len(value) - 1, len(content))
    return next((length for length in range(most, 0, -1) if content.endswith(value[:length])), 0)


def masked_values(assignment: Assignment) -> tuple[bytes, ...]:
    """Return what the log of an attempt may not show: each line of the values that are masked."""
    lines = (line for name in assignment.masked for line in assignment.env[name].splitlines())
    values = (line.strip().encode("utf-8", "surrogateescape") for line in lines)
    return tuple(dict.fromkeys(value for value in values if len(value) >= LEAST_MASKED))


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedAttempt:
    """An attempt whose processes are gone, and whose report is not acknowledged yet."""

    report: Report  #: without the last part of the log
    log: LogFile | None = None  #: None when it never started
    log_sent_bytes: int = 0  #: how much of the log the server has

    @property
    def has_short_log(self) -> bool:
        """Whether what is left of the log fits into the report."""
        return self.log is None or self.log.size() - self.log_sent_bytes <= LOG_TAIL_MAX_BYTES


@dataclass(slots=True)
class _FollowedLog:
    log: LogFile
    sent_bytes: int = 0
    ended: EndedAttempt | None = None  #: set when the attempt has ended with more output than a report carries


class LogShipper:
    """Follows the logs of running attempts."""

    def __init__(
        self, server: ServerClient, *, report: Callable[[EndedAttempt], None], closing: threading.Event
    ) -> None:
        """`report` takes over an ended attempt once the rest of its log fits into its report."""
        self._server = server
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
        """Send the rest of an ended attempt's output, except what fits into its report, and pass it on to `report`."""
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
        """Wait for the next reading, and send what has been written since the last one.

        Raises:
            ServerAway: see there.
        """
        if self._followed:
            self._active_at = time.monotonic()
        elif time.monotonic() - self._active_at > LINGER_SECONDS:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._followed), IDLE_SECONDS)
            return
        has_more = True
        while has_more and not self._closing.is_set():
            with self._changed:
                followed_now = list(self._followed.items())
            has_more = False
            for lease_id, followed in followed_now:
                has_more |= self._send_part(lease_id, followed)
        self._closing.wait(READ_EVERY_SECONDS)

    def _send_part(self, lease_id: str, followed: _FollowedLog) -> bool:
        """Send at most one part of a log; return whether it has more."""
        part = followed.log.read(followed.sent_bytes, PART_BYTES, is_whole=followed.ended is not None)
        size_bytes = self._server.append_log(lease_id, followed.sent_bytes, part) if part else None
        if size_bytes is not None:
            followed.sent_bytes = size_bytes
        is_over = size_bytes is None and bool(part)  # the server refuses more; so will its answer to the report
        ended = followed.ended
        if ended is not None:
            ended = replace(ended, log_sent_bytes=followed.sent_bytes)
            is_over = is_over or ended.has_short_log
        if is_over:
            self.forget(lease_id)
            if ended is not None:
                self._report(ended)
        return len(part) == PART_BYTES and not is_over
