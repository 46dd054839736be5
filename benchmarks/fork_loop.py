"""The ceiling: a warm interpreter that forks once per job, and nothing around it. Run as a script.

    python fork_loop.py SCRIPT      then on standard input, for each measurement: JOBS AT_ONCE

It answers each line with the seconds that JOBS jobs took with AT_ONCE of them at a time. There is no queue,
no log, no disk and no limit. Jobs end by `os._exit`, as warm jobs of Titan do when nothing is left to clean up.
"""

from __future__ import annotations

import os
import runpy
import sys
import time
from typing import NoReturn

import titan_sdk  # noqa: F401  # a warm interpreter has imported it before it forks


def main(script: str) -> None:
    """Answer each line of standard input with the duration of what it asks for, until there are no more."""
    for line in sys.stdin:
        jobs, at_once = (int(word) for word in line.split())
        print(run(script, jobs, at_once=at_once), flush=True)


def run(script: str, jobs: int, *, at_once: int) -> float:
    """Return the seconds that `jobs` forks of `script` take, at most `at_once` alive at a time.

    Raises:
        RuntimeError: a job did not exit with 0.
    """
    started, running, begun = time.perf_counter(), 0, 0
    while begun < jobs or running:
        if begun < jobs and running < at_once:
            begun, running = begun + 1, running + 1
            if os.fork() == 0:
                _run_in_child(script)
        else:
            _, status = os.wait()
            running -= 1
            if status != 0:
                raise RuntimeError(f"{script}: expected exit 0; found wait status {status}")
    return time.perf_counter() - started


def _run_in_child(script: str) -> NoReturn:
    code = 1
    try:
        os.setsid()
        runpy.run_path(script, run_name="__main__")
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1])
