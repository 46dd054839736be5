"""Following logs: every byte once, in order, through broken connections and restarts of the server."""

import queue
import threading
from collections.abc import Iterator

from titan.cli.answers import Dag, Job, read
from titan.cli.exits import CommandFailed
from titan.cli.screen import write_bytes
from titan.cli.server import BrokenOff, Server

_LOOK_AGAIN_SECONDS = 1.0  # between streams that end at once, which a stopping server gives
_STREAMS = 8  # logs followed at a time; the next begins when one ends, whole, so nothing is left out


def log_pieces(server: Server, job_id: str, *, follow: bool = False, attempt: int | None = None) -> Iterator[bytes]:
    """Yield a job's log from its beginning, or that of one attempt; with `follow` until that has ended.

    A stream that breaks, or is silent for 30 s, is taken up again where it broke.

    Raises:
        CommandFailed: the job is unknown, or the server stays away for 60 s.
    """
    offset = 0
    is_live = follow
    while True:
        is_whole = True
        try:
            for piece in server.stream(*("api", "jobs", job_id, "log"), offset=offset, follow=is_live, attempt=attempt):
                offset += len(piece)
                yield piece
        except BrokenOff:
            is_whole = False
        if is_whole and not is_live:
            return
        # A server that stops ends its streams as if the job had ended, so the job itself has the last word,
        # and what it wrote meanwhile is read once more.
        job = read(server.get("api", "jobs", job_id, wait_seconds=_LOOK_AGAIN_SECONDS), Job)
        is_live = follow and not _writes_no_more(job, attempt)


def attempt_logs(server: Server, job: Job, *, follow: bool) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Yield each attempt's number and log, in order; with `follow` also of those to come, until the job is final.

    Raises:
        CommandFailed: as `log_pieces`.
    """
    number = 0
    while (later := _number_behind(job, number, follow=follow)) is not None:
        number = later
        yield number, log_pieces(server, job.job_id, follow=follow, attempt=number)
        if follow:
            job = read(server.get("api", "jobs", job.job_id), Job)


def _number_behind(job: Job, number: int, *, follow: bool) -> int | None:
    behind = [each.attempt for each in job.attempts if each.attempt > number]
    if behind:
        return min(behind)
    return number + 1 if follow and not job.status.is_final else None


def _writes_no_more(job: Job, attempt: int | None) -> bool:
    is_over = any(each.attempt == attempt and each.outcome is not None for each in job.attempts)
    return is_over or job.status.is_final


class LogFollower:
    """Writes the logs of a DAG's jobs to stdout while they run.

    A DAG's only job writes through byte for byte; of several, each line stands after its job's name.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._started: set[str] = set()
        self._waiting: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._stdout = threading.Lock()
        self._failures: list[CommandFailed | BrokenPipeError] = []

    def show(self, dag: Dag) -> None:
        """Begin to follow each job of `dag` that has started since the last look.

        Raises:
            CommandFailed: a log begun earlier could not be read on.
            BrokenPipeError: nobody reads stdout any more.
        """
        self._raise_failure()
        width = max(len(job.name) for job in dag.jobs) if len(dag.jobs) > 1 else 0
        for job in dag.jobs:
            if job.started_at is None or job.job_id in self._started:
                continue
            self._started.add(job.job_id)
            self._waiting.put(job)
            if len(self._threads) < _STREAMS:
                self._add_thread(width)

    def finish(self) -> None:
        """Return once every log begun is written whole.

        Raises:
            CommandFailed, BrokenPipeError: as `show`.
        """
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failures:
            raise self._failures[0]

    def _add_thread(self, width: int) -> None:
        # A daemon: Ctrl-C must not wait for a job that is silent.
        thread = threading.Thread(target=self._write_logs, args=(width,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _write_logs(self, width: int) -> None:
        while (job := self._waiting.get()) is not None:
            pieces = log_pieces(self._server, job.job_id, follow=True)
            prefix = f"{job.name.ljust(width)} | ".encode() if width else b""
            try:
                for piece in whole_lines(pieces) if width else pieces:
                    with self._stdout:
                        write_bytes(prefix + piece)
            except (CommandFailed, BrokenPipeError) as failure:
                self._failures.append(failure)  # told by the thread that waits for the DAG


def whole_lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield lines with their ends; the last gets one when it has none."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from (line + b"\n" for line in lines)
    if rest:
        yield rest + b"\n"
