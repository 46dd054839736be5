"""Configures logging: lines of text for people, or a JSON object per line for programs.

Threads of their own write the lines to stderr and to a file, so neither a full disk nor a reader of stderr that stands
still holds up whoever logs.
"""

import json
import logging
import os
import queue
import select
import sys
import threading
import time
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from typing import Any, Final, TextIO

logger = logging.getLogger(__name__)

FORMATS: Final = ("text", "json")
LEVELS: Final = ("debug", "info", "warning", "error")

FILE_BYTES: Final = 32 * 1024 * 1024  # a server logs 200 bytes for each failed job, a worker for each attempt
MOST_WAITING: Final = 10_000  # lines for stderr, or for the file; further ones are dropped
STDERR: Final = 2
PIPE_BYTES: Final = select.PIPE_BUF  # so many a pipe takes at once when it polls as writable

#: Ids that a line is about: loggers get these as `extra`.
IDS: Final = ("job_id", "run_id", "dag_id", "worker_id", "lease_id")

TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
UVICORN: Final = "uvicorn.error"
#: uvicorn logs the first as an error also of a handshake that the application answered with a refusal, as ASGI has it;
#: of the others any stranger could cause a line per request: `titan.server.http.connections` logs one per second.
NOT_LOGGED: Final = frozenset(
    {
        "ASGI callable returned without completing handshake.",
        "Invalid HTTP request received.",
        "Unsupported upgrade request.",
    }
)
CHATTY: Final = ("httpx", "httpx2", UVICORN)  # a line per model call, and start and end logged a second time


class JsonLine(logging.Formatter):
    """Formats a record as one JSON object: time, level, logger, message, the ids that are known, and a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in IDS if getattr(record, name, None) is not None}
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = "".join(traceback.format_exception(record.exc_info[1])).rstrip()
        return json.dumps(line, ensure_ascii=False)


class BackgroundHandler(QueueHandler):
    """Passes lines to another handler on a thread of its own. Drops them, counted, while MOST_WAITING wait."""

    def __init__(self, writer: logging.Handler, formatter: logging.Formatter | None) -> None:
        self._lines: queue.Queue[Any] = queue.Queue(MOST_WAITING)
        super().__init__(self._lines)
        self.setFormatter(formatter)
        self._dropped_count = 0
        QueueListener(self._lines, writer).start()

    def enqueue(self, record: logging.LogRecord) -> None:
        """Add a line, after one that says how many were dropped before it."""
        try:
            if self._dropped_count:
                said = f"{self._dropped_count} lines are missing here: they could not be written in time"
                notice = logging.LogRecord(__name__, logging.WARNING, __file__, 0, said, None, None)
                self._lines.put_nowait(self.prepare(notice))
                self._dropped_count = 0
            self._lines.put_nowait(record)
        except queue.Full:
            self._dropped_count += 1

    def wait_until_written(self, deadline: float) -> None:
        """Return when every line is written, or at `deadline` (of `time.monotonic`)."""
        with self._lines.all_tasks_done:
            self._lines.all_tasks_done.wait_for(
                lambda: not self._lines.unfinished_tasks, max(0.0, deadline - time.monotonic())
            )


class StderrWriter(logging.Handler):
    """Writes lines to stderr when it takes them. Waits for that: use it on a thread of its own."""

    def createLock(self) -> None:  # noqa: N802 (as logging names it)
        """Have none: `logging` would wait for it when the process exits."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; one that cannot be written is lost."""
        line = f"{record.getMessage()}\n".encode(errors="backslashreplace")
        with suppress(OSError):
            while line:
                # Not made non-blocking instead: other programs share it, and would fail.
                _poll(STDERR, timeout=None)
                line = line[os.write(STDERR, line[:PIPE_BYTES]) :]


class FileWriter(RotatingFileHandler):
    """Writes lines to a file that only its owner may read, and that starts anew at 32 MB; the one before is kept."""

    _has_failed = False

    def __init__(self, path: Path) -> None:
        super().__init__(
            path, maxBytes=FILE_BYTES, backupCount=1, encoding="utf-8", errors="backslashreplace", delay=True
        )

    def _open(self) -> Any:
        return open(self.baseFilename, self.mode, encoding=self.encoding, errors=self.errors, opener=_private)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (as logging names it)
        """Log the first failure, for stderr; a full disk or a file that is not ours stops nobody."""
        if not self._has_failed:
            self._has_failed = True
            logger.error("the log %s cannot be written: %s", self.baseFilename, sys.exc_info()[1])


def configure(log_format: str, level: str, *, stream: TextIO | None = None) -> None:
    """Log everything, also of libraries, to `stream` (default: stderr, in the background) in one format."""
    formatter = JsonLine() if log_format == "json" else logging.Formatter(TEXT)
    handler: logging.Handler
    if stream is None:
        _log_instead_of_printing()
        handler = BackgroundHandler(StderrWriter(), formatter)
    else:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger(UVICORN).addFilter(_is_logged)


def log_to(path: Path) -> None:
    """Log to a file, too, in the format that `configure` was given."""
    root = logging.getLogger()
    root.addHandler(BackgroundHandler(FileWriter(path), root.handlers[0].formatter))


def flush(within_seconds: float) -> None:
    """Return when what was logged is written, at the latest after so many seconds."""
    deadline = time.monotonic() + within_seconds
    for handler in logging.getLogger().handlers:
        if isinstance(handler, BackgroundHandler):
            handler.wait_until_written(deadline)


def takes_lines(stream: TextIO | None) -> bool:
    """Return whether a few lines can be written to a stream without waiting for its reader."""
    try:
        return stream is not None and _poll(stream.fileno(), timeout=0) == select.POLLOUT
    except OSError:  # no file
        return True


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _poll(descriptor: int, *, timeout: float | None) -> int:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return next((events for _, events in poll.poll(timeout)), 0)


def _log_instead_of_printing() -> None:
    """Have what Python itself would print to stderr logged: that would wait for a reader."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # closed: a file or socket would get its number, and others' lines
            os.open(os.devnull, os.O_RDWR)
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    sys.unraisablehook = lambda one: logger.error("an error was ignored: %r", one.object, exc_info=one.exc_value)
    threading.excepthook = lambda one: logger.error("a thread has failed", exc_info=one.exc_value)


def _is_logged(record: logging.LogRecord) -> bool:
    return record.msg not in NOT_LOGGED
