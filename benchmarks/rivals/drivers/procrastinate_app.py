"""The procrastinate application: what its worker runs and its client defers to."""

from __future__ import annotations

import asyncio
import os
import sys

from procrastinate import App, PsycopgConnector

from benchmarks.rivals.drivers.serve import run_as_function

app = App(connector=PsycopgConnector(conninfo=os.environ["RIVAL_POSTGRES"]))


@app.task(queue="tasks")
async def function() -> None:
    """Run the trivial job inside the worker's process; `async`, because sync tasks share one thread."""
    run_as_function()


@app.task(queue="tasks")
async def process(script: str) -> None:
    """Run the trivial job in a process of its own."""
    child = await asyncio.create_subprocess_exec(sys.executable, script)
    if await child.wait() != 0:
        raise RuntimeError(f"{script}: expected exit 0; found {child.returncode}")
