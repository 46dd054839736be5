"""Brings what the journal tells of runs with stages into the registry of recorded runs.

Two stores are two commits; so the registry follows the journal and notes how far it has come in the commit that writes
what it read. A restart goes on from there, and nothing is lost or done twice.
"""

import asyncio
import logging
from typing import Final

from titan.engine.bus import JOURNAL, Bus
from titan.model.errors import StoreError
from titan.model.recorded import RecordedRun
from titan.model.runs import Run, RunStatus
from titan.ports import Clock, Reader, Store
from titan.ports_calls import CallStore, CallTransaction
from titan.rules.registry import with_stages
from titan.rules.rollup import run_ended_at, run_status

PLACE: Final = "journal_seen"  # the note that says how far the journal was read
BATCH: Final = 1000
QUIET_SECONDS: Final = 60.0
AGAIN_SECONDS: Final = 5.0

logger = logging.getLogger(__name__)


class Registrar:
    """Follows the journal for one project."""

    def __init__(self, store: Store, calls: CallStore, *, bus: Bus, clock: Clock, project_id: str) -> None:
        self._store = store
        self._calls = calls
        self._bus = bus
        self._clock = clock
        self._project_id = project_id

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
                await watch.heard(QUIET_SECONDS)

    def catch_up(self) -> bool:
        """Bring the next part of the journal into the registry; return whether there may be more."""
        seen = int(self._calls.read(lambda reader: reader.note(PLACE)) or "0")
        entries = self._store.read(lambda reader: reader.journal(self._project_id, after_seq=seen, limit=BATCH))
        if not entries:
            return False
        run_ids = list(dict.fromkeys(entry.subject.run_id for entry in entries if entry.subject.run_id is not None))
        runs = self._store.read(lambda reader: self._stands(reader, run_ids))
        self._calls.transact(lambda tx: self._write(tx, runs, entries[-1].seq)).result()
        return len(entries) == BATCH

    def _stands(self, reader: Reader, run_ids: list[str]) -> list[tuple[Run, RunStatus]]:
        now = self._clock.now()
        last = reader.last_stages(self._project_id, run_ids)
        found = reader.runs_of_ids(self._project_id, run_ids)
        return [(run, run_status(run, last.get(run.id), now=now)) for run in found]

    def _write(self, tx: CallTransaction, runs: list[tuple[Run, RunStatus]], seen: int) -> None:
        for run, status in runs:
            known: RecordedRun | None = tx.recorded_run(run.project_id, run.id)
            after = with_stages(known, run, status, ended_at=run_ended_at(run, now=tx.now), now=tx.now)
            if after != known:
                tx.save_run(after)
        tx.put_note(PLACE, str(seen))
