"""What bounds Titan: a bare fork-per-job loop, a cold start of Python, bare commits of the database."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

HERE: Final = Path(__file__).resolve().parent
TRIVIAL_JOB: Final = HERE / "trivial_job.py"
INCR_JOB: Final = HERE / "incr_job.py"
WAKING_JOB: Final = HERE / "waking_job.py"


class ForkLoop:
    """A running `fork_loop.py`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def seconds(self, jobs: int, *, at_once: int) -> float:
        """Return how long `jobs` trivial jobs take in the loop, `at_once` at a time."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{jobs} {at_once}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


@contextmanager
def fork_loop() -> Iterator[ForkLoop]:
    """Start the warm interpreter of the ceiling, and end it."""
    command = [sys.executable, str(HERE / "fork_loop.py"), str(TRIVIAL_JOB)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        loop = ForkLoop(process)
        loop.seconds(1, at_once=1)
        yield loop


def cold_start_seconds() -> float:
    """Return how long `python trivial_job.py` takes, from its start to its end."""
    started = time.perf_counter()
    subprocess.run([sys.executable, str(TRIVIAL_JOB)], check=True, timeout=120)
    return time.perf_counter() - started


def bare_commits_per_second(folder: Path, *, seconds: float) -> float:
    """Return how many one-row transactions SQLite, set up as Titan does, makes durable in a second."""
    connection = apsw.Connection(str(folder / "commits.db"))
    try:
        connection.execute("pragma journal_mode=wal; pragma synchronous=full")
        connection.execute("create table if not exists shared (key text primary key, value text) without rowid")
        commits, started = 0, time.perf_counter()
        while (taken := time.perf_counter() - started) < seconds:
            row = (f"bench:{commits % 1000}", "v" * 100)
            connection.execute("insert or replace into shared values (?, ?)", row)
            commits += 1
        return commits / taken
    finally:
        connection.close()
