"""Brings what the journal tells of runs with stages into the registry of recorded runs.

Two stores are two commits; so the registry follows the journal and notes how far it has come in the commit that writes
what it read. A restart goes on from there, and nothing is lost or done twice.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from titan.engine.bus import JOURNAL, Bus
from titan.model.dags import Dag
from titan.model.errors import StoreError
from titan.model.events import DagEnded, JournalEntry
from titan.model.runs import Run, RunStatus
from titan.ports import Clock, Reader, Store
from titan.ports_calls import CallStore, CallTransaction
from titan.rules.registry import with_dag_ended, with_stages
from titan.rules.rollup import run_ended_at, run_status

PLACE: Final = "journal_seen"  # the note that says how far the journal was read
BATCH: Final = 1000
QUIET_SECONDS: Final = 60.0
AGAIN_SECONDS: Final = 5.0
GATHER_SECONDS: Final = 0.05  # what follows closely is brought over together
NOTE_EVERY: Final = 5000  # entries that concern no run; a restart reads so many again at most

logger = logging.getLogger(__name__)


class Registrar:
    """Follows the journal for one project."""

    def __init__(self, store: Store, calls: CallStore, *, bus: Bus, clock: Clock, project_id: str) -> None:
        self._store = store
        self._calls = calls
        self._bus = bus
        self._clock = clock
        self._project_id = project_id
        #: How far the journal was read; None: not since this started.
        self._seen: int | None = None
        self._noted_seq = 0

    async def keep(self) -> None:
        """Follow until cancelled, or until the bus closes."""
        with self._bus.watch([JOURNAL]) as watch:
            while not self._bus.is_closed:
                try:
                    while await asyncio.to_thread(self.catch_up):
                        continue
                except StoreError as error:
                    logger.warning("the registry of runs catches up later: %s", error)
                    await asyncio.sleep(AGAIN_SECONDS)
                    continue
                await asyncio.sleep(GATHER_SECONDS)
                await watch.heard(QUIET_SECONDS)

    def catch_up(self) -> bool:
        """Bring the next part of the journal into the registry; return whether there may be more."""
        seen = self._seen if self._seen is not None else self._noted()
        entries = self._store.read(lambda reader: reader.journal(self._project_id, after_seq=seen, limit=BATCH))
        if not entries:
            self._seen = seen
            return False
        stands = self._store.read(lambda reader: self._stands(reader, entries))
        self._seen = entries[-1].seq
        if stands.runs or stands.ended or self._seen - self._noted_seq >= NOTE_EVERY:
            self._calls.transact(partial(_write, stands=stands, seen=self._seen)).result()
            self._noted_seq = self._seen
        return len(entries) == BATCH

    def _noted(self) -> int:
        self._noted_seq = int(self._calls.read(lambda reader: reader.note(PLACE)) or "0")
        return self._noted_seq

    def _stands(self, reader: Reader, entries: Sequence[JournalEntry]) -> "_Stands":
        now = self._clock.now()
        run_ids = _distinct(entry.subject.run_id for entry in entries)
        last = reader.last_stages(self._project_id, run_ids)
        runs = [
            (run, run_status(run, last.get(run.id), now=now)) for run in reader.runs_of_ids(self._project_id, run_ids)
        ]
        ended = [entry for entry in entries if entry.kind == DagEnded.__name__ and entry.subject.run_id is None]
        dag_ids = _distinct(entry.subject.dag_id for entry in ended)
        return _Stands(runs, reader.dags_of_ids(self._project_id, dag_ids) if dag_ids else [])


@dataclass(frozen=True, slots=True)
class _Stands:
    """What a part of the journal was about, as it stands now."""

    runs: list[tuple[Run, RunStatus]]
    ended: list[Dag]  #: without a run: what their jobs recorded is a run of its own, named by the DAG


def _distinct(ids: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(each for each in ids if each is not None))


def _write(tx: CallTransaction, *, stands: _Stands, seen: int) -> None:
    for run, status in stands.runs:
        known = tx.recorded_run(run.project_id, run.id)
        after = with_stages(known, run, status, ended_at=run_ended_at(run, now=tx.now), now=tx.now)
        if after != known:
            tx.save_run(after)
    for dag in stands.ended:
        known = tx.recorded_run(dag.project_id, dag.id)
        over = None if known is None else with_dag_ended(known, dag)
        if over is not None:
            tx.save_run(over)
    tx.put_note(PLACE, str(seen))
