"""Ray on one machine with four processors' worth of slots: functions in resident worker processes, all in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray

from benchmarks.rivals.drivers.serve import PROCESS, Start, run_as_function, run_as_process, serve


@ray.remote(num_cpus=1, max_retries=3)
def task(kind: str, script: str, *_parents: object) -> None:
    """Run the trivial job."""
    if kind == PROCESS:
        run_as_process(script)
    else:
        run_as_function()


class Ray:
    """A client of the local cluster."""

    def __init__(self, script: str) -> None:
        self._script = script

    def wide(self, kind: str, count: int) -> None:
        """Call the tasks and get what they return."""
        ray.get([self._call(kind) for _ in range(count)])

    def fan(self, kind: str, count: int) -> None:
        """Call the graph; each task has its parents' references as arguments."""
        first = self._call(kind)
        middle = [self._call(kind, first) for _ in range(count)]
        ray.get(self._call(kind, *middle))

    def _call(self, kind: str, *parents: Any) -> Any:
        return task.remote(kind, self._script, *parents)


@contextmanager
def running(start: Start) -> Iterator[Ray]:
    """Start the cluster, and end it."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(
        num_cpus=start.slots,
        include_dashboard=False,
        object_store_memory=200_000_000,
        log_to_driver=False,
        _temp_dir=str(start.folder),
    )
    try:
        yield Ray(start.script)
    finally:
        ray.shutdown()


if __name__ == "__main__":
    serve("ray", running)
