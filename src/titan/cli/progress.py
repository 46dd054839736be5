"""What a person sees on stderr while a DAG runs: a live display on a terminal, plain lines elsewhere."""

import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from titan.cli.answers import Dag, Job
from titan.cli.formats import count, duration
from titan.cli.screen import Cell, Status, console_for, is_live, remark, text_of
from titan.cli.views import not_completed, now, summary, time_of
from titan.model.jobs import JobStatus

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

_REDRAWS_PER_SECOND = 8  # the spinner turns smoothly, and idle drawing stays under 1 % of a core
_SPARE_LINES = 4  # of the terminal's: the bar, and room for the prompt
_BAR_COLUMNS = 20

_EVERY_CHANGE = 50  # plain lines name each change of up to so many jobs, beyond that failures and every tenth
_NOTABLE = (JobStatus.FAILED, JobStatus.RUNNING)  # worth a line each; those held back share one by reason
_SPOKEN = frozenset({JobStatus.RUNNING, JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})


class Progress(AbstractContextManager["Progress"], Protocol):
    """Shows how a DAG goes on while it is entered."""

    def show(self, dag: Dag) -> None:
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
        self._reasons_told: set[str] = set()

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""

    def show(self, dag: Dag) -> None:
        """Write a line for each job whose status has changed since the last look."""
        is_large = len(dag.jobs) > _EVERY_CHANGE
        for job in dag.jobs:
            if self._seen.get(job.job_id) is job.status:
                continue
            self._seen[job.job_id] = job.status
            if job.status is JobStatus.FAILED or (job.status in _SPOKEN and not is_large):
                _say_change(job)
        self._say_waiting(dag)
        if is_large:
            self._say_tenth(dag)

    def _say_waiting(self, dag: Dag) -> None:
        """Say once why jobs that could run do not, when it still holds at the next look."""
        reasons = reasons_of_ready_jobs(dag)
        for reason in reasons.keys() & self._reasons_before - self._reasons_told:
            self._reasons_told.add(reason)
            _say(count(reasons[reason], "job"), " READY: ", reason)
        self._reasons_before = set(reasons)

    def _say_tenth(self, dag: Dag) -> None:
        tenths = 10 * dag.counts.final // dag.counts.total
        if tenths > self._tenths:
            self._tenths = tenths
            _say(summary(dag.counts))


class LiveProgress(AbstractContextManager["LiveProgress"]):
    """A bar and the jobs that run or failed, redrawn in place; gone when it ends."""

    def __init__(self) -> None:
        from rich.live import Live
        from rich.spinner import Spinner

        self._dag: Dag | None = None
        self._notable: list[Job] = []
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

    def show(self, dag: Dag) -> None:
        """Draw `dag` from now on."""
        self._dag = dag
        self._notable = [job for status in _NOTABLE for job in dag.jobs if job.status is status]
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

    def _bar(self, dag: Dag) -> "Table":
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        counts = dag.counts
        done = f"{counts.final:,}/{counts.total:,}"
        facts = "  ".join([done, duration(dag.length(now())), dag.name, ", ".join(not_completed(counts))])
        bar = Table.grid(padding=(0, 1, 0, 0))
        bar.add_row(
            self._spinner,
            ProgressBar(total=dag.counts.total, completed=dag.counts.final, width=_BAR_COLUMNS),
            _one_line(text_of(facts)),
        )
        return bar


def reasons_of_ready_jobs(dag: Dag) -> Counter[str]:
    """Return why jobs that could run do not, and how many each reason holds back."""
    return Counter(job.reason for job in dag.jobs if job.status is JobStatus.READY and job.reason)


def _lines_of(notable: Sequence[Job], *, limit: int) -> "list[Text]":
    """Return a line for each job, at most `limit`."""
    lines = [_line_of(job) for job in notable[:limit]]
    if len(notable) > limit:
        lines[-1] = text_of(f"  … and {len(notable) - limit + 1:,} more")
    return lines


def _line_of(job: Job) -> "Text":
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


def _say_change(job: Job) -> None:
    took = f" in {duration(job.length)}" if job.length is not None and job.status.is_final else ""
    why = f": {job.reason}" if job.reason else ""
    _say(job.name, " ", Status(job.status), f"{took}{why}")


def _say(*parts: Cell) -> None:
    remark(f"{now().astimezone():%H:%M:%S} ", *parts)
