"""How smooth Agent Runs is with 5,000 runs: the longest task of the page while it is scrolled and while stages change.

    python -m benchmarks.console_agents [--runs 5000]

Needs the console's bundle (`make console`) and Chromium. Runs are stored row by row: what a page shows of them is the
same as if they had run. While the page is scrolled for the second time, real runs go on under a real worker.

A task is measured in time of the processor, and beside it by the clock: on a machine that others use too the second is
mostly how long the page waited for its turn. The load stands in the first line.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import apsw
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.titan_server import BenchmarkFailed, RunningTitan, end_cleanly_when_told_to, running_titan
from titan_sdk import TitanClient, TitanJob

STAGES: Final = ("PLAN", "ITER1", "EVAL1", "ITER2", "EVAL2", "SYNTH")
LONGEST_TASK_MS: Final = 100.0  # issue 4
A_MINUTE_US: Final = 60_000_000
PIXELS_A_FRAME: Final = 600  # ten rows: as a hand does that pulls the scroll bar
SCRIPT: Final = "0" * 64

_ADD_RUN: Final = """
    insert into runs (project_id, id, agent_id, started_at_us, last_activity_at_us, stage_count, job_count,
        live_job_count, outcome, ended_at_us, reason)
    values ('default', :run, 'RESEARCH', :at, :at + 5000000, 6, 6, 0, :outcome, :at + 5000000, '')
"""
_ADD_DAG: Final = """
    insert into dags (id, project_id, name, run_id, agent_id, on_failure, submitted_at_us, waiting, waiting_approval,
        ready, running, completed, failed, cancelled, depth, started_at_us, ended_at_us)
    values (:dag, 'default', :name, :run, 'RESEARCH', 'continue', :at, 0, 0, 0, 0, :completed, :failed, 0, 0, :at,
        :at + 900000)
"""
_ADD_JOB: Final = """
    insert into jobs (id, project_id, dag_id, run_id, name, kind, requirement, priority, affinity, status,
        submitted_at_us, remaining_parents, ready_at_us, started_at_us, ended_at_us, is_cancel_requested, attempt_count,
        failed_count, lost_count, spec)
    values (:dag || '.00000', 'default', :dag, :run, 'job', 'work', 'GENERAL', 1, 'none', :status, :at, 0, :at, :at,
        :at + 900000, 0, 1, :failed, 0, '{"name":"job","filename":"job.py","script":"' || :script || '"}')
"""
#: Scrolls on, frame by frame, until all rows were read and the last of them is in sight; or from there back to the top.
_SCROLL: Final = """
    async ([rows, step]) => {
        const list = document.querySelector(".rowlist");
        const frame = () => new Promise(requestAnimationFrame);
        const began = performance.now();
        let frames = 0;
        for (;;) {
            list.scrollTop += step;
            await frame();
            frames += 1;
            const isAtEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 2;
            if (step > 0 ? isAtEnd && Number(list.getAttribute("aria-rowcount")) >= rows : list.scrollTop === 0) break;
            if (performance.now() - began > 180000) throw new Error(`only ${list.getAttribute("aria-rowcount")} rows`);
        }
        return { frames, seconds: (performance.now() - began) / 1000 };
    }
"""


def main(arguments: Sequence[str]) -> int:
    """Measure; return 0 when no task was too long."""
    end_cleanly_when_told_to()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5000)
    options = parser.parse_args(arguments)
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    with tempfile.TemporaryDirectory(prefix="titan-bench-") as folder:
        with running_titan(Path(folder)):
            pass  # makes the home
        _store_runs(Path(folder, "home", "control.db"), options.runs)
        with running_titan(Path(folder)) as titan, _chromium() as browser:
            longest = _measure(browser, titan, options.runs)
    return 0 if longest <= LONGEST_TASK_MS else 1


def _measure(browser: Browser, titan: RunningTitan, runs: int) -> float:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    parts = _Parts(browser, page)
    parts.measure("open the page", lambda: _open(page, f"http://127.0.0.1:{titan.port}/agents"))
    parts.measure(f"scroll {runs} rows down, reading them", lambda: _scroll(page, runs, PIXELS_A_FRAME))
    parts.measure("scroll them up", lambda: _scroll(page, runs, -PIXELS_A_FRAME))
    with _live_runs(titan) as count:
        parts.measure("down while runs go on", lambda: _scroll(page, runs, PIXELS_A_FRAME))
        parts.measure("up while runs go on", lambda: _scroll(page, runs, -PIXELS_A_FRAME))
    print(f"stages that ran meanwhile: {count[0]}")
    return parts.longest_ms


class _Parts:
    """The parts of the measurement, each with the tasks of the page's main thread out of a trace."""

    def __init__(self, browser: Browser, page: Page) -> None:
        self._page = page
        self._session = browser.new_browser_cdp_session()
        self._events: list[dict[str, Any]] = []
        self._is_traced = False
        self.longest_ms = 0.0
        self._session.on("Tracing.dataCollected", lambda part: self._events.extend(part["value"]))
        self._session.on("Tracing.tracingComplete", lambda _: self._end())

    def measure(self, what: str, act: Callable[[], Any]) -> None:
        """Perform a part, and say how long its longest tasks were."""
        self._events.clear()
        self._is_traced = False
        config = {"includedCategories": ["toplevel", "__metadata"], "recordMode": "recordContinuously"}
        self._session.send("Tracing.start", {"traceConfig": config, "transferMode": "ReportEvents"})
        done = act()
        self._session.send("Tracing.end")
        while not self._is_traced:
            self._page.wait_for_timeout(50)
        tasks = list(_tasks_of_pages(self._events))
        cpu, clock = (sorted((task[name] / 1000 for task in tasks), reverse=True) for name in ("tdur", "dur"))
        self.longest_ms = max(self.longest_ms, cpu[0])

        def over(tasks: list[float], limit_ms: float) -> int:
            return sum(task > limit_ms for task in tasks)

        pace = f"; {done['frames'] / done['seconds']:.0f} frames/s over {done['seconds']:.1f} s" if done else ""
        print(
            f"{what}: longest of {len(cpu)} tasks {cpu[0]:.0f} ms of processor,"
            f" {over(cpu, LONGEST_TASK_MS)} over 100 ms, {over(cpu, LONGEST_TASK_MS / 2)} over 50 ms;"
            f" by the clock {clock[0]:.0f} ms, {over(clock, LONGEST_TASK_MS)} over 100 ms{pace}",
            flush=True,
        )

    def _end(self) -> None:
        self._is_traced = True


def _tasks_of_pages(events: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the tasks of renderers' main threads."""
    threads = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    for event in events:
        is_task = event["name"] == "ThreadControllerImpl::RunTask" and event["ph"] == "X" and "tdur" in event
        if is_task and (event["pid"], event["tid"]) in threads:
            yield event


def _open(page: Page, url: str) -> None:
    page.goto(url)
    page.locator(".rowlist-row").first.wait_for()


def _scroll(page: Page, runs: int, step: int) -> Any:
    return page.evaluate(_SCROLL, [runs, step])


@contextmanager
def _chromium() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise BenchmarkFailed("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def _live_runs(titan: RunningTitan) -> Iterator[list[int]]:
    """Submit stages of four runs one after the other, as fast as they complete; count them."""
    count = [0]
    over = threading.Event()

    def go(client: TitanClient, script: Path) -> None:
        while not over.is_set():
            run = f"LIVE_{time.monotonic_ns():x}"
            for stage in STAGES:
                job = TitanJob("job", str(script))
                client.wait(client.submit_dag(f"{run}_{stage}", [job], agent_run_id=run), timeout=60)
                count[0] += 1

    script = titan.home / "job.py"
    script.write_text("pass\n")
    threads = [threading.Thread(target=go, args=(titan.client(), script)) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield count
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _store_runs(database: Path, runs: int) -> None:
    """Store runs that began a minute after each other; every seventh failed in its last stage."""
    now_us = time.time_ns() // 1000
    connection = apsw.Connection(str(database))
    with connection:
        for number in range(runs):
            has_failed = number % 7 == 3
            run, at = f"RESEARCH_{number:06x}", now_us - (runs - number) * A_MINUTE_US
            connection.execute(_ADD_RUN, {"run": run, "at": at, "outcome": "failed" if has_failed else "completed"})
            for ordinal, stage in enumerate(STAGES):
                is_bad = has_failed and stage == STAGES[-1]
                facts = {
                    "dag": f"0{number:08d}{ordinal}",
                    "run": run,
                    "name": f"{run}_{stage}",
                    "at": at + ordinal * 1_000_000,
                    "completed": int(not is_bad),
                    "failed": int(is_bad),
                    "status": "FAILED" if is_bad else "COMPLETED",
                    "script": SCRIPT,
                }
                connection.execute(_ADD_DAG, {name: facts[name] for name in facts if name not in ("status", "script")})
                connection.execute(_ADD_JOB, {name: facts[name] for name in facts if name not in ("name", "completed")})
    connection.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
