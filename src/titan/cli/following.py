"""Follow a DAG until it has ended: write its jobs' logs, and show its progress as a display or as lines."""

import queue
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from titan.cli.exit_codes import CommandFailed, ExitCode, usage_error
from titan.cli.server import BrokenOff, Server, read
from titan.cli.terminal import Cell, Status, console_for, is_live, remark, show_json, text_of, write_bytes
from titan.cli.views import jobs as view
from titan.cli.views.formats import count, duration
from titan.model.dags import StageStatus
from titan.model.jobs import JobStatus
from titan.wire.work import DagView, JobView

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

_LOOK_AGAIN_SECONDS = 1.0  # between streams that end at once, which a stopping server gives
_STREAMS = 8  # logs followed at a time; the next begins when one ends, whole, so nothing is left out
_SHORTEST_PAUSE_SECONDS = 0.3  # a change is on the screen within a third of a second
_LONGEST_PAUSE_SECONDS = 10.0
_PAUSE_PER_COST = 20  # reading 10,000 jobs may take 0.2 s; the next read then comes after 4 s: 5 % of the time
_ANSWER_SECONDS = 30.0  # silence that means a broken connection, beyond the time that the server was asked to wait
_REDRAWS_PER_SECOND = 8  # the spinner turns smoothly, and idle drawing stays under 1 % of a core
_BAR_COLUMNS = 20
_NOTABLE = (JobStatus.FAILED, JobStatus.RUNNING)  # worth a line each; those held back share one by reason
_NOTABLE_LINES = 100  # rich cuts what is higher than the terminal

_EVERY_CHANGE = 50  # up to this many jobs, plain lines show every change; above it, failures and each 10 %
_REPORTED = frozenset({JobStatus.RUNNING, JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})


def check_watching(*, as_json: bool, follow: bool) -> None:
    """Refuse `--json` with `--follow`."""
    if as_json and follow:
        expected = "one JSON document on stdout, or what the jobs write"
        raise usage_error("--json with --follow", expected, "both", "Use --wait --json, then `titan logs JOB`.")


def watch_dag(server: Server, dag_id: str, *, as_json: bool = False, follow: bool = False) -> DagView:
    """Show the DAG's progress until it has ended, then its outcome; return it."""
    if as_json:
        _wait(server, dag_id, show=lambda _dag: None)
        document = server.get("api", "dags", dag_id)
        show_json(document)
        return read(document, DagView)
    try:
        if follow:
            return _follow(server, dag_id)
        with _progress_on_stderr() as show:
            dag = _wait(server, dag_id, show=show)
    except KeyboardInterrupt:
        see, end = f"See it: titan dags show {dag_id}", f"End it: titan cancel --dag {dag_id}"
        remark(f"No longer waiting; the DAG goes on. {see}  {end}")
        raise
    view.show_outcome(dag, at=view.now())
    return dag


def outcome_code(dag: DagView) -> ExitCode:
    """Return the exit code of a DAG that has ended."""
    return ExitCode.OK if dag.status is StageStatus.COMPLETED else ExitCode.FAILED


def _follow(server: Server, dag_id: str) -> DagView:
    """Write the jobs' logs to stdout and their changes to stderr, a job's end after its last line."""
    follower, progress = LogFollower(server), PlainProgress()

    def show(dag: DagView) -> None:
        follower.show(dag)
        if dag.is_final:
            follower.finish()
        progress.show(dag)

    return _wait(server, dag_id, show=show)


def _wait(server: Server, dag_id: str, *, show: Callable[[DagView], None]) -> DagView:
    """Return the DAG once it is final; call `show` each time it was read, the last time included.

    In between the request waits in the server, which answers early when the DAG becomes final.
    """
    pause = 0.0
    while True:
        began = time.monotonic()
        document = server.get("api", "dags", dag_id, wait_seconds=pause, timeout_seconds=pause + _ANSWER_SECONDS)
        dag = read(document, DagView)
        show(dag)
        if dag.is_final:
            return dag
        cost = max(time.monotonic() - began - pause, 0.0)
        pause = min(max(cost * _PAUSE_PER_COST, _SHORTEST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)


# --- logs ---


def log_pieces(
    server: Server, job_id: str, *, follow: bool = False, attempt: int | None = None
) -> Generator[bytes, None, None]:
    """Yield a job's log from its beginning, or that of one attempt; with `follow` until that has ended.

    A stream that breaks, or is silent for 30 s, is resumed where it broke.
    """
    offset = 0
    is_live = follow
    while True:
        is_whole = True
        stream = server.stream("api", "jobs", job_id, "log", offset=offset, follow=is_live, attempt=attempt)
        try:
            with closing(stream):
                for piece in stream:
                    offset += len(piece)
                    yield piece
        except BrokenOff:
            is_whole = False
        if is_whole and not is_live:
            return
        # A server that stops ends its streams as if the job had ended, so ask for the job itself, and read once more
        # what it wrote meanwhile.
        job = read(server.get("api", "jobs", job_id, wait_seconds=_LOOK_AGAIN_SECONDS), JobView)
        is_over = any(each.attempt == attempt and each.outcome is not None for each in view.attempts_of(job))
        is_live = follow and not is_over and not job.status.is_final


def attempt_logs(server: Server, job: JobView, *, follow: bool) -> Iterator[tuple[int, Generator[bytes, None, None]]]:
    """Yield each attempt's number and log, in order; with `follow` also of those to come, until the job is final."""
    number = 0
    while True:
        later = [each.attempt for each in view.attempts_of(job) if each.attempt > number]
        if not later and (not follow or job.status.is_final):
            return
        number = min(later, default=number + 1)
        yield number, log_pieces(server, job.job_id, follow=follow, attempt=number)
        if follow:
            job = read(server.get("api", "jobs", job.job_id), JobView)


class LogFollower:
    """Writes the logs of a DAG's jobs to stdout while they run.

    The output of a DAG's only job is not changed; of several, each line is prefixed with its job's name.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._started: set[str] = set()
        self._waiting: queue.SimpleQueue[JobView | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._stdout = threading.Lock()
        self._failures: list[CommandFailed | BrokenPipeError] = []

    def show(self, dag: DagView) -> None:
        """Begin to follow each job of `dag` that has started since the last call.

        Raises:
            CommandFailed: a log that was begun earlier can no longer be read.
            BrokenPipeError: nobody reads stdout any more.
        """
        self._raise_failure()
        jobs = view.jobs_of(dag)
        width = max(len(job.name) for job in jobs) if len(jobs) > 1 else 0
        for job in jobs:
            if job.started_at is None or job.job_id in self._started:
                continue
            self._started.add(job.job_id)
            self._waiting.put(job)
            if len(self._threads) < _STREAMS:
                # A daemon: Ctrl-C must not wait for a job that is silent.
                thread = threading.Thread(target=self._write_logs, args=(width,), daemon=True)
                self._threads.append(thread)
                thread.start()

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

    def _write_logs(self, width: int) -> None:
        while (job := self._waiting.get()) is not None:
            prefix = f"{job.name.ljust(width)} | ".encode() if width else b""
            try:
                with closing(log_pieces(self._server, job.job_id, follow=True)) as pieces:
                    for piece in whole_lines(pieces) if width else pieces:
                        with self._stdout:
                            write_bytes(prefix + piece)
            except (CommandFailed, BrokenPipeError) as failure:
                self._failures.append(failure)  # raised in the thread that waits for the DAG


def whole_lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield lines with their ends; the last gets one when it has none."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from (line + b"\n" for line in lines)
    if rest:
        yield rest + b"\n"


# --- progress ---


@contextmanager
def _progress_on_stderr() -> Iterator[Callable[[DagView], None]]:
    """Yield a function that shows a DAG's progress: a live display on a terminal, else lines."""
    if not is_live(sys.stderr):
        yield PlainProgress().show
        return
    from rich.live import Live

    display = LiveProgress()
    with Live(
        display,
        console=console_for(sys.stderr),
        refresh_per_second=_REDRAWS_PER_SECOND,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ):
        yield display.show


class PlainProgress:
    """Writes a line for each change; of more than 50 jobs only failures, and every tenth of the way."""

    def __init__(self) -> None:
        self._seen: dict[str, JobStatus] = {}
        self._tenths = 0
        self._reasons_before: set[str] = set()
        self._reasons_shown: set[str] = set()

    def show(self, dag: DagView) -> None:
        """Write a line for each job whose status has changed since the last call."""
        is_large = len(view.jobs_of(dag)) > _EVERY_CHANGE
        for job in view.jobs_of(dag):
            if self._seen.get(job.job_id) is job.status:
                continue
            self._seen[job.job_id] = job.status
            if job.status is JobStatus.FAILED or (job.status in _REPORTED and not is_large):
                length = view.length_of(job.duration_ns) if job.status.is_final else None
                took = "" if length is None else f" in {duration(length)}"
                _say(job.name, " ", Status(job.status), f"{took}{f': {job.reason}' if job.reason else ''}")
        self._say_waiting(dag)
        tenths = 10 * view.final_of(dag.counts) // dag.counts.total
        if is_large and tenths > self._tenths:
            self._tenths = tenths
            _say(view.summary(dag.counts))

    def _say_waiting(self, dag: DagView) -> None:
        """Say once why jobs that could run do not, if the reason lasts until the next call."""
        reasons = reasons_of_ready_jobs(dag)
        for reason in reasons.keys() & self._reasons_before - self._reasons_shown:
            self._reasons_shown.add(reason)
            _say(count(reasons[reason], "job"), " READY: ", reason)
        self._reasons_before = set(reasons)


class LiveProgress:
    """What a live display shows: a bar, the jobs that run or failed, and why others wait."""

    def __init__(self) -> None:
        from rich.spinner import Spinner

        self._dag: DagView | None = None
        self._notable: list[JobView] = []
        self._reasons: Counter[str] = Counter()
        self._spinner = Spinner("dots")

    def show(self, dag: DagView) -> None:
        """Show `dag` from now on."""
        self._dag = dag
        notable = [job for status in _NOTABLE for job in view.jobs_of(dag) if job.status is status]
        self._notable = notable[:_NOTABLE_LINES]
        self._reasons = reasons_of_ready_jobs(dag)

    def __rich__(self) -> "Group":
        from rich.console import Group

        return Group(self._spinner) if self._dag is None else Group(self._bar(self._dag), self._jobs())

    def _bar(self, dag: DagView) -> "Table":
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        done, total = view.final_of(dag.counts), dag.counts.total
        length = duration(view.dag_length(dag, at=view.now()))
        facts = "  ".join([f"{done:,}/{total:,}", length, dag.name, ", ".join(view.not_completed(dag.counts))])
        bar = Table.grid(padding=(0, 1, 0, 0))
        bar.add_column()
        bar.add_column()
        bar.add_column(no_wrap=True, overflow="ellipsis")
        bar.add_row(self._spinner, ProgressBar(total=total, completed=done, width=_BAR_COLUMNS), text_of(facts))
        return bar

    def _jobs(self) -> "Table":
        """Return a line for each job that failed or runs, and for each reason why others wait."""
        from rich.table import Table

        table = Table(box=None, show_header=False, padding=(0, 0, 0, 2))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis")
        for job in self._notable:
            facts = f"{job.name}  {duration(view.time_of(job, at=view.now()))}  {job.reason or ''}".rstrip()
            table.add_row(text_of(Status(job.status)), text_of(facts))
        for reason, number in self._reasons.items():
            table.add_row(text_of(Status(JobStatus.READY)), text_of(f"{count(number, 'job')}  {reason}"))
        return table


def reasons_of_ready_jobs(dag: DagView) -> Counter[str]:
    """Return why jobs that could run do not, and how many each reason holds back."""
    return Counter(job.reason for job in view.jobs_of(dag) if job.status is JobStatus.READY and job.reason)


def _say(*parts: Cell) -> None:
    remark(f"{view.now().astimezone():%H:%M:%S} ", *parts)
