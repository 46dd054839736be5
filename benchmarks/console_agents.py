"""How smooth Agent Runs is with 5,000 runs: the longest task of the page while it is scrolled and while stages change.

    python -m benchmarks.console_agents [--runs 5000]

Needs the console's bundle (`make console`) and Chromium. Runs are stored row by row: what a page shows of them is the
same as if they had run. While the page is scrolled for the second time, other runs go on, whose jobs a worker claims
and reports done without running anything: the machine is the browser's and the server's.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw
from playwright.sync_api import Browser, Page

from benchmarks.chromium import WINDOW, Measure, chromium, tell_load
from benchmarks.idle_worker import LABEL, IdleWorker
from benchmarks.titan_server import RunningTitan, end_cleanly_when_told_to, running_titan
from titan_sdk import TitanClient, TitanJob

STAGES: Final = ("PLAN", "ITER1", "EVAL1", "ITER2", "EVAL2", "SYNTH")
LIVE_RUNS: Final = 8  # at a time
A_MINUTE_US: Final = 60_000_000
PIXELS_A_FRAME: Final = 600  # ten rows: as a hand does that pulls the scroll bar
SCRIPT: Final = "0" * 64

_ADD_RUN: Final = """
    insert into runs (project_id, id, agent_id, started_at_us, last_activity_at_us, stage_count, job_count,
        live_job_count, outcome, ended_at_us, reason)
    values ('default', :run, 'RESEARCH', :at, :at + 5000000, 6, 6, 0, :outcome, :at + 5000000, '')
"""
_ADD_END: Final = """
    insert into journal (seq, project_id, at_us, run_id, kind, cause, data)
    values ((select coalesce(max(seq), 0) + 1 from journal), 'default', :at, :run, 'RunEnded', 'orchestrator', :data)
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
    tell_load()
    with tempfile.TemporaryDirectory(prefix="titan-bench-") as folder:
        with running_titan(Path(folder)):
            pass  # makes the home
        _store_runs(Path(folder, "home", "control.db"), options.runs)
        with running_titan(Path(folder)) as titan, chromium() as browser:
            return _measure(browser, titan, options.runs)


def _measure(browser: Browser, titan: RunningTitan, runs: int) -> int:
    page = browser.new_page(viewport=WINDOW)
    measure = Measure(browser, page)
    with measure.step("open the page"):
        page.goto(f"http://127.0.0.1:{titan.port}/agents")
        page.locator(".rowlist-row").first.wait_for()
    with measure.step(f"scroll {runs} rows down, reading them"):
        _scroll(page, runs, PIXELS_A_FRAME)
    with measure.step("scroll them up"):
        _scroll(page, runs, -PIXELS_A_FRAME)
    with _live_runs(titan) as ended:
        with measure.step("down while runs go on"):
            _scroll(page, runs, PIXELS_A_FRAME)
        with measure.step("up while runs go on"):
            _scroll(page, runs, -PIXELS_A_FRAME)
    seconds = sum(step.seconds for step in measure.all[-2:])
    print(f"stages that ended meanwhile: {ended[0]}, {ended[0] / seconds:.0f} a second")
    return measure.verdict()


def _scroll(page: Page, runs: int, step: int) -> None:
    done = page.evaluate(_SCROLL, [runs, step])
    print(f"{done['frames'] / done['seconds']:.0f} frames/s: ", end="")


@contextmanager
def _live_runs(titan: RunningTitan) -> Iterator[list[int]]:
    """Submit the stages of runs one after the other, as fast as the worker that runs nothing ends them; count them."""
    count = [0]
    over = threading.Event()

    def go(client: TitanClient) -> None:
        while not over.is_set():
            run = f"LIVE_{time.monotonic_ns():x}"
            for stage in STAGES:
                job = TitanJob("job", "job.py", requirement=LABEL, script_content="pass")
                client.wait(client.submit_dag(f"{run}_{stage}", [job], agent_run_id=run), timeout=60)
                count[0] += 1

    threads = [threading.Thread(target=go, args=(titan.client(),)) for _ in range(LIVE_RUNS)]
    with IdleWorker(titan.port):
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
            outcome = "failed" if has_failed else "completed"
            connection.execute(_ADD_RUN, {"run": run, "at": at, "outcome": outcome})
            ended = json.dumps({"outcome": outcome, "reason": ""})
            connection.execute(_ADD_END, {"run": run, "at": at + 5_000_000, "data": ended})  # so it comes into the list
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
