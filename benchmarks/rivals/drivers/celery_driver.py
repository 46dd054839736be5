"""Celery with Redis as broker and result backend: one prefork worker of four processes, acks late, prefetch 1."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from benchmarks.rivals.drivers.serve import PROCESS, Start, serve, worker

RESULT_SECONDS: Final = 300
START_SECONDS: Final = 60


class Celery:
    """A client of the worker."""

    def __init__(self, tasks: Any, script: str) -> None:
        self._tasks = tasks
        self._script = script

    def wide(self, kind: str, count: int) -> None:
        """Send the tasks and wait for what they return, which Redis publishes."""
        results = [self._signature(kind).apply_async() for _ in range(count)]
        for result in results:
            result.get(timeout=RESULT_SECONDS)

    def fan(self, kind: str, count: int) -> None:
        """Send a chain of a task, a group, and the chord's body."""
        from celery import chain, chord

        middle = [self._signature(kind) for _ in range(count)]
        graph = chain(self._signature(kind), chord(middle, self._signature(kind)))
        graph.apply_async().get(timeout=RESULT_SECONDS)

    def _signature(self, kind: str) -> Any:
        tasks = self._tasks
        return tasks.process.si(self._script) if kind == PROCESS else tasks.function.si()


@contextmanager
def running(start: Start) -> Iterator[Celery]:
    """Start the worker, wait until it answers, and end it."""
    os.environ["RIVAL_REDIS"] = start.services["redis"]
    from benchmarks.rivals.drivers import celery_app

    command = [
        *(sys.executable, "-m", "celery", "-A", "benchmarks.rivals.drivers.celery_app", "worker"),
        *("--concurrency", str(start.slots), "--pool", "prefork", "-O", "fair", "--loglevel", "WARNING"),
        *("--without-gossip", "--without-mingle"),
    ]
    with worker(command, start.folder / "celery.log", {}):
        celery_app.function.apply_async().get(timeout=START_SECONDS)
        yield Celery(celery_app, start.script)


if __name__ == "__main__":
    serve("celery", running)
