"""The Celery application: what its worker imports and its client calls."""

from __future__ import annotations

import os

from celery import Celery

from benchmarks.rivals.drivers.serve import run_as_function, run_as_process

app = Celery("rival", broker=os.environ["RIVAL_REDIS"], backend=os.environ["RIVAL_REDIS"])
app.conf.update(
    task_acks_late=True,  # a task whose worker died is delivered again, as Titan does
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_track_started=False,
    broker_connection_retry_on_startup=True,
    worker_send_task_events=False,
    result_expires=3600,
)


@app.task
def function() -> None:
    """Run the trivial job inside the worker's process."""
    run_as_function()


@app.task
def process(script: str) -> None:
    """Run the trivial job in a process of its own."""
    run_as_process(script)
