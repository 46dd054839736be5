"""Prefect with a server of its own on PostgreSQL: each DAG is a flow run in this process, its tasks on four threads.

A deployment that starts a process for each flow run is Prefect's own way to keep jobs apart; it takes seconds for each.
"""

from __future__ import annotations

import os
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from benchmarks.rivals.drivers.serve import PROCESS, Start, last_words, run_as_function, run_as_process, serve, worker

START_SECONDS: Final = 150.0


class Prefect:
    """Flows of this process, which report to the server."""

    def __init__(self, slots: int, script: str) -> None:
        from prefect import flow, task
        from prefect.task_runners import ThreadPoolTaskRunner

        runner: Any = ThreadPoolTaskRunner(max_workers=slots)

        @task
        def job(kind: str) -> None:
            run_as_process(script) if kind == PROCESS else run_as_function()

        @flow(task_runner=runner)
        def wide(kind: str, count: int) -> None:
            for future in [job.submit(kind) for _ in range(count)]:
                future.result()

        @flow(task_runner=runner)
        def fan(kind: str, count: int) -> None:
            first = job.submit(kind)
            middle = [job.submit(kind, wait_for=[first]) for _ in range(count)]
            job.submit(kind, wait_for=middle).result()

        self._wide: Any = wide
        self._fan: Any = fan

    def wide(self, kind: str, count: int) -> None:
        """Run a flow of independent tasks."""
        self._wide(kind, count)

    def fan(self, kind: str, count: int) -> None:
        """Run a flow whose tasks wait for each other."""
        self._fan(kind, count)


@contextmanager
def running(start: Start) -> Iterator[Prefect]:
    """Start the server, wait until it is healthy, and end it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    database = start.services["postgres"].replace("postgresql://", "postgresql+asyncpg://") + "/prefect"
    address = f"http://127.0.0.1:{port}/api"
    os.environ.update(
        PREFECT_HOME=str(start.folder),
        PREFECT_API_URL=address,
        PREFECT_API_DATABASE_CONNECTION_URL=database,
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        PREFECT_LOGGING_LEVEL="WARNING",
        DO_NOT_TRACK="1",
    )
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", port, "--no-ui"]
    log = start.folder / "prefect.log"
    with worker(command, log, {}) as process:
        deadline = time.monotonic() + START_SECONDS
        while not _is_healthy(address):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"expected its server within {START_SECONDS:.0f} s; found: {last_words(log)}")
            time.sleep(0.2)
        yield Prefect(start.slots, start.script)


def _is_healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    serve("prefect", running)
