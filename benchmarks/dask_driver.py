"""Dask's scheduler running the same jobs: `dask_driver.py SCRIPT SLOTS`, run by .venv-rivals.

Reads lines `KIND SHAPE COUNT` and answers each with seconds. KIND `process` starts Python for each job,
as whoever wants jobs apart from each other has to with dask; KIND `function` calls a function inside
dask's own worker process, which keeps nothing apart: no exit code, no log, no limit, no kill. SHAPE is
`wide` (independent jobs) or `chain`.
"""

from __future__ import annotations

import runpy
import subprocess
import sys
import time
from typing import Any

from distributed import Client, LocalCluster


def run_process(script: str, _parent: object, number: int) -> int:
    """Run the script in an interpreter of its own. `number` keeps dask from running equal calls once."""
    subprocess.run([sys.executable, script], check=True)
    return number


def run_function(script: str, _parent: object, number: int) -> int:
    """Run the script inside the worker."""
    runpy.run_path(script, run_name="__main__")
    return number


def main(script: str, slots: int) -> None:
    """Answer each line of standard input with the seconds that its jobs took."""
    kinds = {"process": run_process, "function": run_function}
    with (
        LocalCluster(n_workers=1, threads_per_worker=slots, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        print("ready", flush=True)
        for number, line in enumerate(sys.stdin):
            kind, shape, count = line.split()
            print(_seconds(client, kinds[kind], script, shape, int(count), 1_000_000 * number), flush=True)


def _seconds(client: Any, job: Any, script: str, shape: str, count: int, first: int) -> float:
    started = time.perf_counter()
    futures: list[Any] = []
    for number in range(first, first + count):
        parent = futures[-1] if futures and shape == "chain" else None
        futures.append(client.submit(job, script, parent, number, pure=False))
    client.gather(futures)
    return time.perf_counter() - started


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
