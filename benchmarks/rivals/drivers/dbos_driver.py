"""DBOS on PostgreSQL: durable workflows on a queue of one executor, four at once, polled every 10 ms."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from dbos import DBOSClient

from benchmarks.rivals.drivers.serve import Start, last_words, serve, worker

START_SECONDS: Final = 90.0
POLL_SECONDS: Final = 0.003


class Dbos:
    """A client of the executor."""

    def __init__(self, client: Any, script: str) -> None:
        self._client = client
        self._script = script

    def wide(self, kind: str, count: int) -> None:
        """Enqueue a workflow for each task and wait for what it returns."""
        handles = [self._enqueue("task", "tasks", kind, self._script) for _ in range(count)]
        for handle in handles:
            handle.get_result(polling_interval_sec=POLL_SECONDS)

    def fan(self, kind: str, count: int) -> None:
        """Enqueue a workflow that enqueues the tasks."""
        self._enqueue("fan", "graphs", kind, self._script, count).get_result(polling_interval_sec=POLL_SECONDS)

    def _enqueue(self, workflow: str, queue: str, *given: object) -> Any:
        return self._client.enqueue({"workflow_name": workflow, "queue_name": queue}, *given)


@contextmanager
def running(start: Start) -> Iterator[Dbos]:
    """Start the executor, wait until it is up, and end it."""
    database = start.services["postgres"].replace("postgresql://", "postgresql+psycopg://") + "/dbos"
    ready, log = start.folder / "ready", start.folder / "dbos.log"
    command = [sys.executable, "-m", "benchmarks.rivals.drivers.dbos_worker", database, str(start.slots), str(ready)]
    with worker(command, log, {}) as process:
        deadline = time.monotonic() + START_SECONDS
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"expected its executor within {START_SECONDS:.0f} s; found: {last_words(log)}")
            time.sleep(0.05)
        client = DBOSClient(system_database_url=database, application_name="rival")
        try:
            yield Dbos(client, start.script)
        finally:
            client.destroy()


if __name__ == "__main__":
    serve("dbos", running)
