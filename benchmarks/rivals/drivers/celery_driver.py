"""Celery with Redis as broker and result backend: one prefork worker of four processes, acks late, prefetch 1."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from benchmarks.rivals.drivers.serve import FUNCTION, PROCESS, Start, serve, worker

RESULT_SECONDS: Final = 300
START_SECONDS: Final = 60
FORKED: Final = "forked"  #: in a worker with max_tasks_per_child=1: Celery forks a child for each task
QUEUES: Final = {FUNCTION: "resident", PROCESS: "resident", FORKED: "forked"}


class Celery:
    """A client of the workers."""

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
        signature = tasks.process.si(self._script) if kind == PROCESS else tasks.function.si()
        return signature.set(queue=QUEUES[kind])


@contextmanager
def running(start: Start) -> Iterator[Celery]:
    """Start the workers, wait until both answer, and end them."""
    os.environ["RIVAL_REDIS"] = start.services["redis"]
    from benchmarks.rivals.drivers import celery_app

    command = [
        *(sys.executable, "-m", "celery", "-A", "benchmarks.rivals.drivers.celery_app", "worker"),
        *("--concurrency", str(start.slots), "--pool", "prefork", "-O", "fair", "--loglevel", "WARNING"),
        *("--without-gossip", "--without-mingle"),
    ]
    log = start.folder / "celery.log"
    forked = ["--max-tasks-per-child", "1"]
    with (
        worker([*command, "-Q", "resident", "-n", "resident@localhost"], log, {}),
        worker([*command, "-Q", "forked", "-n", "forked@localhost", *forked], log, {}),
    ):
        for queue in set(QUEUES.values()):
            celery_app.now.apply_async(queue=queue).get(timeout=START_SECONDS)
        yield Celery(celery_app, start.script)


if __name__ == "__main__":
    serve("celery", running)
