"""Copies the status of runs with stages from the journal of jobs into the store of recorded runs.

The two stores commit separately. So each commit also stores how far the journal was read: a restart continues from
there, and nothing is lost or done twice.
"""

import asyncio
import logging
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from msgspec.structs import replace

from titan.model.dags import Dag
from titan.model.errors import StoreError
from titan.model.events import DagEnded, JournalEntry
from titan.model.retention import RunKey
from titan.model.run_control import Origin, RunControl, RunStatus
from titan.orchestrator.bus import JOURNAL, Bus, BusClosed
from titan.ports.jobs_store import Reader, Store
from titan.ports.runs_store import CallStore, CallTransaction
from titan.ports.runtime import Clock
from titan.rules.runs.lifecycle import RUN_IDLE, run_ended_at, run_status, with_dag_ended, with_stages
from titan.rules.runs.recording import CAPTURES_ALL, ContentCapture

PLACE: Final = "journal_seen"  # the name of the note with the last journal entry that was read
BATCH: Final = 1000
QUIET_SECONDS: Final = 60.0
AGAIN_SECONDS: Final = 5.0
GATHER_SECONDS: Final = 0.05  # entries that follow closely are read together
NOTE_EVERY: Final = 5000  # entries that concern no run; a restart reads so many again at most

logger = logging.getLogger(__name__)


class RunProjector:
    """Follows the journal, for all projects."""

    def __init__(
        self, store: Store, calls: CallStore, *, bus: Bus, clock: Clock, capture: ContentCapture = CAPTURES_ALL
    ) -> None:
        self._store = store
        self._calls = calls
        self._bus = bus
        self._clock = clock
        self._capture = capture
        self._one_at_a_time = threading.RLock()
        #: How far the journal was read; None: not since this started.
        self._seen: int | None = None
        self._noted_seq = 0
        #: Running runs without live jobs → when they count as ended, if nothing else happens.
        self._open: dict[RunKey, datetime] = {}

    async def keep(self) -> None:
        """Follow until cancelled, or until the bus closes."""
        with self._bus.watch([JOURNAL]) as watch, suppress(BusClosed):
            while True:
                try:
                    while await asyncio.to_thread(self.catch_up):
                        continue
                    await asyncio.to_thread(self.end_idle)
                except StoreError as error:
                    self._refused(error)
                    await asyncio.sleep(AGAIN_SECONDS)
                    continue
                await asyncio.sleep(GATHER_SECONDS)
                await watch.wait(QUIET_SECONDS)

    def refresh(self) -> None:
        """Read all of the journal now, so that a reader finds each DAG that was acknowledged.

        When the store of recorded runs refuses to write, readers get what it holds.
        """
        with self._one_at_a_time:
            try:
                last = self._store.read(lambda reader: reader.last_seq())
                while (self._seen is None or self._seen < last) and self.catch_up():
                    continue
                self.end_idle()
            except StoreError as error:
                self._refused(error)

    def _refused(self, error: StoreError) -> None:
        logger.warning("the journal is copied to the recorded runs later: %s", error)
        self._seen = None  # the stored note counts

    def catch_up(self) -> bool:
        """Copy the next part of the journal; return whether there may be more."""
        with self._one_at_a_time:
            return self._bring_next()

    def _bring_next(self) -> bool:
        seen = self._noted() if self._seen is None else self._seen
        entries = self._store.read(lambda reader: reader.journal(None, after_seq=seen, limit=BATCH))
        if not entries:
            self._seen = seen
            return False
        stands = self._store.read(lambda reader: self._stands(reader, entries))
        seen = entries[-1].seq
        if stands.runs or stands.ended or seen - self._noted_seq >= NOTE_EVERY:
            self._calls.transact(partial(self._write, stands=stands, seen=seen)).result()
            self._noted_seq = seen
        self._seen = seen
        return len(entries) == BATCH

    def end_idle(self) -> None:
        """End runs that were idle for too long; the journal has no entry for that."""
        with self._one_at_a_time:
            now = self._clock.now()
            due = [run for run, at in self._open.items() if at <= now]
            if due:
                stands = _Stands(self._store.read(lambda reader: self._runs(reader, due)), [])
                self._calls.transact(partial(self._write, stands=stands, seen=self._seen or 0)).result()
                self._noted_seq = self._seen or 0

    def _noted(self) -> int:
        """Return the last journal entry that was read before; 0 when this is another journal."""
        seen = int(self._calls.read(lambda reader: reader.note(PLACE)) or "0")
        self._noted_seq = seen if seen <= self._store.read(lambda reader: reader.last_seq()) else 0
        running = self._calls.read(lambda reader: reader.running_with_stages())
        self._open = dict.fromkeys(running, self._clock.now())
        return self._noted_seq

    def _stands(self, reader: Reader, entries: Sequence[JournalEntry]) -> "_Stands":
        subjects = [entry.subject for entry in entries]
        runs = self._runs(reader, _distinct((of.project_id, of.run_id) for of in subjects))
        ended = [entry.subject for entry in entries if entry.kind == DagEnded.__name__ and entry.subject.run_id is None]
        dags = _by_project(_distinct((of.project_id, of.dag_id) for of in ended))
        return _Stands(runs, [dag for owner, ids in dags.items() for dag in reader.dags_of_ids(owner, ids)])

    def _runs(self, reader: Reader, runs: Sequence[RunKey]) -> list[tuple[RunControl, RunStatus, Origin]]:
        """Return the status and origin of runs, and note which of them may become idle."""
        now = self._clock.now()
        found: list[tuple[RunControl, RunStatus, Origin]] = []
        for owner, ids in _by_project(runs).items():
            last = reader.last_stages(owner, ids)
            for run in reader.runs_of_ids(owner, ids):
                stage = last.get(run.id)
                origin = Origin.PRODUCTION if stage is None else stage.origin
                found.append((run, run_status(run, stage, now=now), origin))
        for key in runs:
            self._open.pop(key, None)
        for run, status, _ in found:
            if status is RunStatus.RUNNING and not run.live_job_count:
                self._open[run.project_id, run.id] = run.last_activity_at + RUN_IDLE
        return found

    def _write(self, tx: CallTransaction, *, stands: "_Stands", seen: int) -> None:
        for run, status, origin in stands.runs:
            known = tx.run(run.project_id, run.id)
            keeps_content = self._capture.keeps_content(run.project_id)
            ended_at = run_ended_at(run, now=tx.now)
            after = with_stages(known, run, status, ended_at=ended_at, now=tx.now, keeps_content=keeps_content)
            after = after if known is not None else replace(after, origin=origin)
            if known is not None and known.archived_at is not None and status is RunStatus.RUNNING:
                tx.restore_run(after)  # it goes on after its end
            elif after != known:
                tx.save_run(after)
        for dag in stands.ended:
            known = tx.run(dag.project_id, dag.id)
            over = None if known is None else with_dag_ended(known, dag)
            if over is not None:
                tx.save_run(over)
        tx.put_note(PLACE, str(seen))


@dataclass(frozen=True, slots=True)
class _Stands:
    """The current state of the runs and DAGs in a part of the journal."""

    runs: list[tuple[RunControl, RunStatus, Origin]]
    ended: list[Dag]  #: without a run: what their jobs recorded is a run with the id of the DAG


def _distinct(ids: Iterable[tuple[str | None, str | None]]) -> list[tuple[str, str]]:
    whole = ((project_id, each) for project_id, each in ids if project_id is not None and each is not None)
    return list(dict.fromkeys(whole))


def _by_project(keys: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for project_id, each in keys:
        found.setdefault(project_id, []).append(each)
    return found
