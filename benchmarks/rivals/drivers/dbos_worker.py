"""The DBOS application: `dbos_worker.py DATABASE SLOTS READY_FILE` runs what its queues hold."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import Any, Final

from dbos import DBOS

from benchmarks.rivals.drivers.serve import PROCESS, run_as_function, run_as_process

POLL_SECONDS: Final = 0.01  # 1 s by default, which every latency would show


@DBOS.workflow(name="task")
def task(kind: str, script: str) -> None:
    """Run the trivial job as a durable workflow of its own."""
    if kind == PROCESS:
        run_as_process(script)
    else:
        run_as_function()


@DBOS.workflow(name="fan")
def fan(kind: str, script: str, count: int) -> None:
    """Run one task, then `count` at once, then one."""
    for width in (1, count, 1):
        handles: list[Any] = [DBOS.enqueue_workflow("tasks", task, kind, script) for _ in range(width)]
        for handle in handles:
            handle.get_result(polling_interval_sec=POLL_SECONDS)


def main(database: str, slots: int, ready: Path) -> None:
    """Run the queues."""
    DBOS(config={"name": "rival", "system_database_url": database, "log_level": "WARNING"})
    DBOS.launch()
    DBOS.register_queue("tasks", worker_concurrency=slots, polling_interval_sec=POLL_SECONDS)
    DBOS.register_queue("graphs", worker_concurrency=slots, polling_interval_sec=POLL_SECONDS)
    told_to_end = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: told_to_end.set())
    ready.touch()
    told_to_end.wait()
    DBOS.destroy()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
