"""Dask's `distributed`: a scheduler and one worker process of four threads, all in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count as counting
from typing import Any

import dask
from distributed import Client, LocalCluster

from benchmarks.rivals.drivers.serve import PROCESS, Start, run_as_function, run_as_process, serve


def task(kind: str, script: str, _number: int, *_parents: object) -> None:
    """Run the trivial job; the number keeps dask from running equal calls once."""
    if kind == PROCESS:
        run_as_process(script)
    else:
        run_as_function()


class Dask:
    """A client of a local cluster."""

    def __init__(self, client: Any, script: str) -> None:
        self._client = client
        self._script = script
        self._numbers = counting()

    def wide(self, kind: str, count: int) -> None:
        """Submit the tasks and gather what they return."""
        self._client.gather(self._map(kind, count))

    def fan(self, kind: str, count: int) -> None:
        """Submit the graph; each task has its parents' futures as arguments."""
        first = self._submit(kind)
        middle = self._map(kind, count, first)
        self._client.gather(self._submit(kind, *middle))

    def _submit(self, kind: str, *parents: Any) -> Any:
        return self._client.submit(task, kind, self._script, next(self._numbers), *parents, pure=False)

    def _map(self, kind: str, count: int, *parents: Any) -> Any:
        numbers = [next(self._numbers) for _ in range(count)]
        same = ([value] * count for value in parents)
        return self._client.map(task, [kind] * count, [self._script] * count, numbers, *same, pure=False)


@contextmanager
def running(start: Start) -> Iterator[Dask]:
    """Start the cluster, and end it."""
    dask.config.set({"temporary-directory": str(start.folder)})
    with (
        LocalCluster(n_workers=1, threads_per_worker=start.slots, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield Dask(client, start.script)


if __name__ == "__main__":
    serve("distributed", running)
