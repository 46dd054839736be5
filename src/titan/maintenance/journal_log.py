"""Logs committed events that an operator of the server wants to read."""

import asyncio
import json
import logging
from typing import Final

from titan.model.events import JournalEntry
from titan.ports.jobs_store import Commit

logger = logging.getLogger(__name__)

#: Kind of a journal entry → its level and sentence; `{name}` is a field of the entry.
LINES: Final = {
    "JobFailed": (logging.WARNING, "job {job_id} failed: {reason}"),
    "GateOpened": (logging.INFO, "gate {job_id} waits for approval"),
    "DagEnded": (logging.INFO, "dag {name} ended: {status}"),
    "RunEnded": (logging.INFO, "run {run_id} ended: {outcome}"),
    "RunFellSilent": (logging.INFO, "run {run_id} counts as ended: its orchestrator said nothing more ({status})"),
    "JobUnroutable": (logging.WARNING, "job {job_id} waits: no connected worker offers {label}"),
    "WorkerJoined": (logging.INFO, "worker {name} joined"),
    "WorkerDraining": (logging.INFO, "worker {name} is draining"),
    "WorkerResumed": (logging.INFO, "worker {name} takes work again"),
    "WorkerLost": (logging.WARNING, "worker {name} ({worker_id}) was lost"),
    "WorkerLeft": (logging.INFO, "worker {name} left"),
}


class Chronicle:
    """Listens to commits; the lines are written on the event loop, for a slow stderr must not hold up the writer."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def on_commit(self, commit: Commit) -> None:
        """Log the events of a commit; called on the store's writer thread."""
        entries = [entry for entry in commit.entries if entry.kind in LINES]
        if entries and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_write, entries)


def _write(entries: list[JournalEntry]) -> None:
    for entry in entries:
        level, sentence = LINES[entry.kind]
        subject, data = entry.subject, json.loads(entry.data)
        ids = {"job_id": subject.job_id, "dag_id": subject.dag_id, "run_id": subject.run_id}
        logger.log(
            level,
            "%s",
            sentence.format_map({**data, **ids}),
            extra={**ids, "worker_id": data.get("worker_id"), "lease_id": data.get("lease_id")},
        )
