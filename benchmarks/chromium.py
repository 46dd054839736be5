"""A real Chromium for a measurement, and the tasks of its page's main thread."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from benchmarks.titan_server import BenchmarkFailed

LONGEST_TASK_MS: Final = 100.0  # the target of issue 4
WINDOW: Final[ViewportSize] = {"width": 1440, "height": 900}
#: Of the trace: tasks, and which thread is which. DevTools' own category would cost the page much more.
CATEGORIES: Final = ("toplevel", "__metadata")
TASK: Final = "ThreadControllerImpl::RunTask"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the machine's Chromium, and end it.

    Raises:
        BenchmarkFailed: there is none.
    """
    program = find_chromium()
    if program is None:
        raise BenchmarkFailed("no Chromium on this machine: install it, as with `apt-get install chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def find_chromium() -> str | None:
    """Return the machine's Chromium; None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def tell_load() -> None:
    """Print what else the machine does: beside it a time by the clock has to be read."""
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one thing that a person does cost the page."""

    what: str
    seconds: float
    tasks_ms: list[float]  #: by the clock
    computed_ms: list[float]  #: of a processor

    @property
    def longest_ms(self) -> float:
        """The longest task by the clock."""
        return max(self.tasks_ms, default=0.0)

    @property
    def most_computed_ms(self) -> float:
        """What the task that computed most took of a processor."""
        return max(self.computed_ms, default=0.0)

    def __str__(self) -> str:
        over = sum(task > LONGEST_TASK_MS for task in self.tasks_ms)
        return (
            f"{self.what:<54} {self.seconds:6.2f} s   longest task {self.longest_ms:4.0f} ms by the clock "
            f"({over} over {LONGEST_TASK_MS:.0f}), {self.most_computed_ms:4.0f} ms of a processor"
        )


class Measure:
    """Measures steps on one page, out of the browser's own trace; all of them are kept.

    Each task is measured by the clock and in time of a processor. On a machine that does other things the first also
    counts the time for which somebody else had the processor; the second does not.
    """

    def __init__(self, browser: Browser, page: Page) -> None:
        self._browser = browser
        self._page = page
        self.all: list[Measured] = []

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Measure what happens within the block, and print it."""
        self._browser.start_tracing(page=self._page, categories=CATEGORIES)
        begun = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - begun
            tasks = _tasks_of(json.loads(self._browser.stop_tracing()))
        clock, computed = [task[0] for task in tasks], [task[1] for task in tasks]
        self.all.append(Measured(what=what, seconds=seconds, tasks_ms=clock, computed_ms=computed))
        print(self.all[-1], flush=True)

    def verdict(self) -> int:
        """Print the longest task of all steps; return 0 when it is within the target, by the clock."""
        longest = max(step.longest_ms for step in self.all)
        computed = max(step.most_computed_ms for step in self.all)
        print(f"longest of all: {longest:.0f} ms (at most {LONGEST_TASK_MS:.0f}), {computed:.0f} ms of a processor")
        return 0 if longest <= LONGEST_TASK_MS else 1


def _tasks_of(trace: dict[str, list[dict[str, Any]]]) -> list[tuple[float, float]]:
    """Return each task of the page's main thread: its milliseconds by the clock, and of a processor."""
    events = trace["traceEvents"]
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    return [
        (event["dur"] / 1000, event.get("tdur", event["dur"]) / 1000)
        for event in events
        if event["ph"] == "X" and event["name"] == TASK and (event["pid"], event["tid"]) in main
    ]
