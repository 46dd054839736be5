"""Following a DAG until it has ended: its jobs' logs, every byte once, and how it goes on, as a display or as lines."""

import queue
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from titan.cli.exit_codes import CommandFailed, ExitCode, usage_error
from titan.cli.server import BrokenOff, Document, Server, read
from titan.cli.terminal import Cell, Status, console_for, is_live, remark, show_json, text_of, write_bytes
from titan.cli.views.formats import count, duration
from titan.cli.views.jobs import (
    attempts_of,
    dag_length,
    final_of,
    jobs_of,
    length_of,
    not_completed,
    now,
    show_outcome,
    summary,
    time_of,
)
from titan.model.dags import StageStatus
from titan.model.jobs import JobStatus
from titan.wire.work import DagView, JobView

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

_LOOK_AGAIN_SECONDS = 1.0  # between streams that end at once, which a stopping server gives
_STREAMS = 8  # logs followed at a time; the next begins when one ends, whole, so nothing is left out
_SHORTEST_PAUSE_SECONDS = 0.3  # a change is on the screen within a third of a second
_LONGEST_PAUSE_SECONDS = 10.0
_PAUSE_PER_COST = 20  # a look at 10,000 jobs may take 0.2 s; the next then comes after 4 s: 5 % of the time
_SILENT_WAIT_SECONDS = 25.0  # the server waits 30 s at most
_ANSWER_SECONDS = 30.0  # silence that means a broken connection, beyond what the server was asked to wait
_REDRAWS_PER_SECOND = 8  # the spinner turns smoothly, and idle drawing stays under 1 % of a core
_SPARE_LINES = 4  # of the terminal's: the bar, and room for the prompt
_BAR_COLUMNS = 20

_EVERY_CHANGE = 50  # plain lines name each change of up to so many jobs, beyond that failures and every tenth
_NOTABLE = (JobStatus.FAILED, JobStatus.RUNNING)  # worth a line each; those held back share one by reason
_SPOKEN = frozenset({JobStatus.RUNNING, JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})


def check_watching(*, as_json: bool, follow: bool) -> None:
    """Refuse `--json` with `--follow`."""
    if as_json and follow:
        raise usage_error(
            "--json with --follow",
            "one JSON document on stdout, or what the jobs write",
            "both",
            "Use --wait --json, then `titan logs JOB`.",
        )


def watch_dag(server: Server, dag_id: str, *, as_json: bool = False, follow: bool = False) -> DagView:
    """Show how the DAG goes on until it has ended, then how it ended; return it."""
    if as_json:
        document = _wait_silently(server, dag_id)
        show_json(document)
        return read(document, DagView)
    with _goes_on_without_us(dag_id):
        dag = _follow(server, dag_id) if follow else _show_progress(server, dag_id)
    if not follow:
        show_outcome(dag, at=now())
    return dag


def outcome_code(dag: DagView) -> ExitCode:
    """Return the exit code of a DAG that has ended."""
    return ExitCode.OK if dag.status is StageStatus.COMPLETED else ExitCode.FAILED


def _wait_silently(server: Server, dag_id: str) -> Document:
    """Return the final DAG as it came; until then nothing but its status is asked for."""
    is_final = False
    while not is_final:
        document = server.get(
            *("api", "dags", dag_id),
            jobs=False,
            wait_seconds=_SILENT_WAIT_SECONDS,
            timeout_seconds=_SILENT_WAIT_SECONDS + _ANSWER_SECONDS,
        )
        is_final = read(document, DagView).is_final
    return server.get("api", "dags", dag_id)


def _show_progress(server: Server, dag_id: str) -> DagView:
    with progress_on_stderr() as progress:
        return _wait(server, dag_id, show=progress.show)


def _follow(server: Server, dag_id: str) -> DagView:
    """Write the jobs' logs to stdout and their changes to stderr, a job's end after its last line."""
    follower, progress = LogFollower(server), PlainProgress()

    def show(dag: DagView) -> None:
        follower.show(dag)
        if dag.is_final:
            follower.finish()
        progress.show(dag)

    return _wait(server, dag_id, show=show)


@contextmanager
def _goes_on_without_us(dag_id: str) -> Iterator[None]:
    """On Ctrl-C say that only the waiting ends."""
    try:
        yield
    except KeyboardInterrupt:
        remark(
            f"No longer waiting; the DAG goes on. See it: titan dags show {dag_id}  End it: titan cancel --dag {dag_id}"
        )
        raise


def _wait(server: Server, dag_id: str, *, show: Callable[[DagView], None]) -> DagView:
    """Return the DAG once it is final; call `show` with every look at it, the last included.

    Between two looks the request waits in the server, which answers early when the DAG becomes final.
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


def log_pieces(server: Server, job_id: str, *, follow: bool = False, attempt: int | None = None) -> Iterator[bytes]:
    """Yield a job's log from its beginning, or that of one attempt; with `follow` until that has ended.

    A stream that breaks, or is silent for 30 s, is taken up again where it broke.
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
        job = read(server.get("api", "jobs", job_id, wait_seconds=_LOOK_AGAIN_SECONDS), JobView)
        is_live = follow and not _writes_no_more(job, attempt)


def attempt_logs(server: Server, job: JobView, *, follow: bool) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Yield each attempt's number and log, in order; with `follow` also of those to come, until the job is final."""
    number = 0
    while (later := _number_behind(job, number, follow=follow)) is not None:
        number = later
        yield number, log_pieces(server, job.job_id, follow=follow, attempt=number)
        if follow:
            job = read(server.get("api", "jobs", job.job_id), JobView)


def _number_behind(job: JobView, number: int, *, follow: bool) -> int | None:
    behind = [each.attempt for each in attempts_of(job) if each.attempt > number]
    if behind:
        return min(behind)
    return number + 1 if follow and not job.status.is_final else None


def _writes_no_more(job: JobView, attempt: int | None) -> bool:
    is_over = any(each.attempt == attempt and each.outcome is not None for each in attempts_of(job))
    return is_over or job.status.is_final


class LogFollower:
    """Writes the logs of a DAG's jobs to stdout while they run.

    A DAG's only job writes through byte for byte; of several, each line stands after its job's name.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._started: set[str] = set()
        self._waiting: queue.SimpleQueue[JobView | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._stdout = threading.Lock()
        self._failures: list[CommandFailed | BrokenPipeError] = []

    def show(self, dag: DagView) -> None:
        """Begin to follow each job of `dag` that has started since the last look.

        Raises:
            CommandFailed: a log begun earlier could not be read on.
            BrokenPipeError: nobody reads stdout any more.
        """
        self._raise_failure()
        width = max(len(job.name) for job in jobs_of(dag)) if len(jobs_of(dag)) > 1 else 0
        for job in jobs_of(dag):
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
                self._failures.append(failure)  # reported by the thread that waits for the DAG


def whole_lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield lines with their ends; the last gets one when it has none."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from (line + b"\n" for line in lines)
    if rest:
        yield rest + b"\n"


class Progress(AbstractContextManager["Progress"], Protocol):
    """Shows how a DAG goes on while it is entered."""

    def show(self, dag: DagView) -> None:
        """Show how `dag` stands now."""


def progress_on_stderr() -> Progress:
    """Return the display that suits what stderr is."""
    return LiveProgress() if is_live(sys.stderr) else PlainProgress()


class PlainProgress(AbstractContextManager["PlainProgress"]):
    """One line per change; of more than 50 jobs only failures, and every tenth of the way."""

    def __init__(self) -> None:
        self._seen: dict[str, JobStatus] = {}
        self._tenths = 0
        self._reasons_before: set[str] = set()
        self._reasons_shown: set[str] = set()

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""

    def show(self, dag: DagView) -> None:
        """Write a line for each job whose status has changed since the last look."""
        is_large = len(jobs_of(dag)) > _EVERY_CHANGE
        for job in jobs_of(dag):
            if self._seen.get(job.job_id) is job.status:
                continue
            self._seen[job.job_id] = job.status
            if job.status is JobStatus.FAILED or (job.status in _SPOKEN and not is_large):
                _say_change(job)
        self._say_waiting(dag)
        if is_large:
            self._say_tenth(dag)

    def _say_waiting(self, dag: DagView) -> None:
        """Say once why jobs that could run do not, when it still holds at the next look."""
        reasons = reasons_of_ready_jobs(dag)
        for reason in reasons.keys() & self._reasons_before - self._reasons_shown:
            self._reasons_shown.add(reason)
            _say(count(reasons[reason], "job"), " READY: ", reason)
        self._reasons_before = set(reasons)

    def _say_tenth(self, dag: DagView) -> None:
        tenths = 10 * final_of(dag.counts) // dag.counts.total
        if tenths > self._tenths:
            self._tenths = tenths
            _say(summary(dag.counts))


class LiveProgress(AbstractContextManager["LiveProgress"]):
    """A bar and the jobs that run or failed, redrawn in place; gone when it ends."""

    def __init__(self) -> None:
        from rich.live import Live
        from rich.spinner import Spinner

        self._dag: DagView | None = None
        self._notable: list[JobView] = []
        self._held_back: Counter[str] = Counter()
        self._spinner = Spinner("dots")
        self._console = console_for(sys.stderr)
        self._live = Live(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=_REDRAWS_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, dag: DagView) -> None:
        """Draw `dag` from now on."""
        self._dag = dag
        self._notable = [job for status in _NOTABLE for job in jobs_of(dag) if job.status is status]
        self._held_back = reasons_of_ready_jobs(dag)

    def _draw(self) -> "Group":
        from rich.console import Group

        dag = self._dag
        if dag is None:
            return Group(self._spinner)
        limit = max(self._console.height - _SPARE_LINES - len(self._held_back), 1)
        return Group(
            self._bar(dag), *_lines_of(self._notable, limit=limit), *map(_held_back_line, self._held_back.items())
        )

    def _bar(self, dag: DagView) -> "Table":
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        counts = dag.counts
        done = f"{final_of(counts):,}/{counts.total:,}"
        facts = "  ".join([done, duration(dag_length(dag, at=now())), dag.name, ", ".join(not_completed(counts))])
        bar = Table.grid(padding=(0, 1, 0, 0))
        bar.add_row(
            self._spinner,
            ProgressBar(total=dag.counts.total, completed=final_of(dag.counts), width=_BAR_COLUMNS),
            _one_line(text_of(facts)),
        )
        return bar


def reasons_of_ready_jobs(dag: DagView) -> Counter[str]:
    """Return why jobs that could run do not, and how many each reason holds back."""
    return Counter(job.reason for job in jobs_of(dag) if job.status is JobStatus.READY and job.reason)


def _lines_of(notable: Sequence[JobView], *, limit: int) -> "list[Text]":
    """Return a line for each job, at most `limit`."""
    lines = [_line_of(job) for job in notable[:limit]]
    if len(notable) > limit:
        lines[-1] = text_of(f"  … and {len(notable) - limit + 1:,} more")
    return lines


def _line_of(job: JobView) -> "Text":
    took = duration(time_of(job, at=now()))
    return _status_line(job.status, f"{job.name}  {took}  {job.reason or ''}".rstrip())


def _held_back_line(reason_and_count: tuple[str, int]) -> "Text":
    reason, number = reason_and_count
    return _status_line(JobStatus.READY, f"{count(number, 'job')}  {reason}")


def _status_line(status: JobStatus, details: str) -> "Text":
    from rich.text import Text

    return _one_line(Text.assemble("  ", text_of(Status(status)), "  ", text_of(details)))


def _one_line(line: "Text") -> "Text":
    """Return `line` cut at the terminal's edge: a display that is redrawn must know its height."""
    line.no_wrap = True
    line.overflow = "ellipsis"
    return line


def _say_change(job: JobView) -> None:
    length = length_of(job.duration_ns)
    took = f" in {duration(length)}" if length is not None and job.status.is_final else ""
    why = f": {job.reason}" if job.reason else ""
    _say(job.name, " ", Status(job.status), f"{took}{why}")


def _say(*parts: Cell) -> None:
    remark(f"{now().astimezone():%H:%M:%S} ", *parts)
