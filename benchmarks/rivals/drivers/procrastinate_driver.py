"""procrastinate on PostgreSQL: one worker of four jobs at once, woken by LISTEN/NOTIFY.

It has neither graphs nor a way to wait for a job, so the client asks its table, and submits each layer after the last.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from benchmarks.rivals.drivers.serve import PROCESS, Start, serve, worker

POLL_SECONDS: Final = 0.003
STATES: Final = "select status, count(*) from procrastinate_jobs where id = any(%(ids)s) group by status"


class Procrastinate:
    """A client of the worker."""

    def __init__(self, runner: asyncio.Runner, application: Any, script: str) -> None:
        self._runner = runner
        self._application = application
        self._script = script

    def wide(self, kind: str, count: int) -> None:
        """Defer the jobs in one statement and ask until none is to do."""
        self._runner.run(self._wide(kind, count))

    def fan(self, kind: str, count: int) -> None:
        """Run three layers one after the other."""
        for width in (1, count, 1):
            self.wide(kind, width)

    async def _wide(self, kind: str, count: int) -> None:
        module = self._application
        task, given = (module.process, {"script": self._script}) if kind == PROCESS else (module.function, {})
        ids = await task.batch_defer_async(*[given] * count)
        while True:
            rows = await module.app.connector.execute_query_all_async(STATES, ids=ids)
            states = {row["status"] for row in rows}
            if states == {"succeeded"}:
                return
            if states - {"succeeded", "todo", "doing"}:
                raise RuntimeError(f"expected succeeded jobs; found {sorted(states)}")
            await asyncio.sleep(POLL_SECONDS)


@contextmanager
def running(start: Start) -> Iterator[Procrastinate]:
    """Make the tables, start the worker, and end it."""
    os.environ["RIVAL_POSTGRES"] = start.services["postgres"] + "/procrastinate"
    from benchmarks.rivals.drivers import procrastinate_app

    command = [
        *(sys.executable, "-m", "procrastinate", "--app", "benchmarks.rivals.drivers.procrastinate_app.app"),
        *("worker", "--concurrency", str(start.slots)),
    ]
    with asyncio.Runner() as runner:
        runner.run(_open_with_tables(procrastinate_app.app))
        try:
            with worker(command, start.folder / "procrastinate.log", {}):
                yield Procrastinate(runner, procrastinate_app, start.script)
        finally:
            runner.run(procrastinate_app.app.close_async())


async def _open_with_tables(application: Any) -> None:
    await application.open_async()
    await application.schema_manager.apply_schema_async()


if __name__ == "__main__":
    serve("procrastinate", running)
