"""Detects stalls: runs that fell silent, and jobs with a label that no worker offers.

Each becomes an entry of the journal once, also after a restart, so that consoles and notifications learn of it as of
everything else.
"""

import asyncio
import json
import logging
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from titan.model.events import JobUnroutable, RunFellSilent, Subject
from titan.model.jobs import Job
from titan.model.run_control import RunControl
from titan.orchestrator.transitions import subject_of
from titan.ports.jobs_store import Reader, Store, Transaction
from titan.ports.runtime import Clock
from titan.rules.notification_rules import is_unroutable
from titan.rules.runs.lifecycle import RUN_IDLE, run_status

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
LOOKED_AT: Final = 20  # of a label's ready jobs, in the order of dispatch
PAGE: Final = 500
SILENT_NOTE: Final = "silent_runs_until"  #: the journal has the runs that fell silent before this time
LABELS_NOTE: Final = "unroutable_labels"  #: labels that the journal has as offered by no worker


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """The current stalls, and those that the journal has."""

    since: datetime | None  #: the journal has silent runs up to this time; None: of none yet
    silent: tuple[RunControl, ...]  #: fallen silent since, the first ones first
    noted: frozenset[str]  #: labels that the journal has as offered by no worker
    unroutable: dict[str, Job]  #: label → a job that waits for it

    @property
    def is_news(self) -> bool:
        """Whether the journal differs."""
        return self.since is None or bool(self.silent) or self.noted != self.unroutable.keys()


class StallMonitor:
    """Looks for stalls every few seconds, which reads a few rows of an index."""

    def __init__(self, store: Store, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def keep(self) -> None:
        """Look every few seconds while this server is in charge, for as long as it lives."""
        while True:
            try:
                if self._store.is_in_charge:
                    await self.look()
            except Exception:
                logger.exception("stalls could not be looked for; trying again in %.0f s", LOOK_SECONDS)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once, and record new stalls."""
        query = partial(see, now=self._clock.now())
        if (await asyncio.to_thread(self._store.read, query)).is_news:
            await asyncio.wrap_future(self._store.transact(record))


def see(reader: Reader, now: datetime) -> Sight:
    """Return the current stalls."""
    note = reader.note(SILENT_NOTE)
    since = None if note is None else datetime.fromisoformat(note)
    silent = [] if since is None else reader.quiet_runs(since=since, before=now - RUN_IDLE, limit=PAGE)
    return Sight(
        since=since,
        silent=tuple(silent),
        noted=frozenset(json.loads(reader.note(LABELS_NOTE) or "[]")),
        unroutable=_unroutable(reader, now),
    )


def record(tx: Transaction) -> None:
    """Record new stalls in the journal."""
    sight = see(tx, tx.now)
    for run in sight.silent:
        if run.outcome is None:
            status = run_status(run, tx.last_stage(run.project_id, run.id), now=tx.now)
            event = RunFellSilent(cause=f"no report for {RUN_IDLE.total_seconds():.0f} s", status=status.value)
            tx.record(Subject(project_id=run.project_id, run_id=run.id), event)
    for label, job in sight.unroutable.items():
        if label not in sight.noted:
            tx.record(subject_of(job), JobUnroutable(cause="no worker offers its label", label=label))
    is_whole = len(sight.silent) < PAGE
    until = tx.now - RUN_IDLE if is_whole else sight.silent[-1].last_activity_at
    tx.put_note(SILENT_NOTE, until.isoformat())
    tx.put_note(LABELS_NOTE, json.dumps(sorted(sight.unroutable)))


def _unroutable(reader: Reader, now: datetime) -> dict[str, Job]:
    labels = reader.labels_waited_for()
    workers = reader.workers() if labels else []
    found: dict[str, Job] = {}
    for label in labels:
        for ready in reader.ready_jobs(label, limit=LOOKED_AT):
            job = reader.job(ready.id) if is_unroutable(ready, workers, now=now) else None
            if job is not None:
                found[label] = job
                break
    return found
