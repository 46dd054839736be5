"""Deletes expired runs, DAGs, logs and files, and content that nothing references, in small transactions.

Queries run on a thread beside the event loop, in pages, pausing as long as they worked. Deletions go through the
store's writer in transactions of a few milliseconds, each of which checks again whether it may delete. A run or DAG
larger than one transaction goes in several: its journal entries first, then its jobs, then itself.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Final, TypeVar

from titan.model.dags import Dag
from titan.model.retention import ArtifactKey, FileName, Freed, OldBlob, OldEntry, RunKey
from titan.model.run_control import RunControl
from titan.model.runs import Run
from titan.ports.jobs_store import Reader, Store, Transaction
from titan.ports.runs_store import CallReader, CallStore, CallTransaction
from titan.ports.runtime import Blobs, Clock, Logs
from titan.rules.retention import (
    BLOB_GRACE,
    Retention,
    cutoff,
    may_cut,
    may_delete_log,
    may_forget_dag,
    may_forget_run,
)
from titan.rules.runs.lifecycle import without_recordings

P = TypeVar("P")
Q = TypeVar("Q")
S = TypeVar("S")
T = TypeVar("T")
logger = logging.getLogger(__name__)

FIRST_ROUND_SECONDS: Final = 300.0  # a server that starts has other things to do
ROUND_SECONDS: Final = 3600.0
PAGE: Final = 500  # rows or files that are read at once: a few milliseconds
ENTRIES: Final = 100  # of one transaction; 10 µs each
JOBS: Final = 10  # of one transaction; 0.1 ms each with edges and attempts
ROWS: Final = 100  # workers, names and keys of one transaction


class Maintenance:
    """Runs maintenance every hour, and on request; never twice at once."""

    def __init__(
        self, store: Store, calls: CallStore, blobs: Blobs, logs: Logs, *, clock: Clock, retention: Retention
    ) -> None:
        self.retention = retention
        self._store = store
        self._calls = calls
        self._blobs = blobs
        self._logs = logs
        self._collector = BlobCollector(store, calls, blobs)
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()

    async def keep(self) -> None:
        """Run maintenance every hour in which this server is in charge, for as long as it lives."""
        await asyncio.sleep(FIRST_ROUND_SECONDS)
        while True:
            try:
                if self._store.is_in_charge:
                    await self.clean()
            except Exception:
                logger.exception("maintenance failed; the next run follows in an hour")
            await asyncio.sleep(ROUND_SECONDS)

    async def clean(self, *, is_dry: bool = False) -> Freed:
        """Run maintenance once, after the run that is under way; return what it freed, or when `is_dry` would free.

        Content and workers that only deleted things referenced are deleted in the same run. A dry one does not count
        them: they are still referenced.
        """
        async with self._one_at_a_time:
            freed = Freed()
            for step in (
                *(self._runs, self._dags, self._workers, self._journal, self._files, self._keys),
                *(self._recorded, self._archive),
            ):
                freed += await step(is_dry=is_dry)
            for look in (self._clean_logs, self._clean_blobs):
                freed += await _in_thread(partial(look, is_dry=is_dry))
        if freed != Freed() and not is_dry:
            logger.info("maintenance deleted: %s", in_words(freed))
        return freed

    async def discard(self, digests: Collection[str]) -> Freed:
        """Delete those of these contents that nothing references any more; return what that freed."""
        return await _in_thread(partial(self._collector.discard, digests)) if digests else Freed()

    async def forget_stages(self, run: Run) -> Freed:
        """Delete the stages of a run that somebody deletes, with their jobs."""
        before = self._clock.now() + timedelta(seconds=1)  # however late its last activity was
        return await self._until_done(partial(forget_of_run, project_id=run.project_id, run_id=run.id, before=before))

    async def _runs(self, *, is_dry: bool) -> Freed:
        before = cutoff(self.retention.runs, self._clock.now())
        freed = Freed()
        last: RunControl | None = None
        while before is not None:
            page = await self._read(partial(_forgettable_runs, before=before, after=last))
            pinned = await self._pinned()
            runs = [run for run in page if (run.project_id, run.id) not in pinned]
            if is_dry:
                stages = sum(run.stage_count for run in runs)
                freed += Freed(runs=len(runs), dags=stages, jobs=sum(run.job_count for run in runs))
            for run in () if is_dry else runs:
                # Its row first: if the server dies in between, the next round finds the stages again.
                if await asyncio.wrap_future(self._calls.transact(partial(_forget_bare_row, run=run))):
                    forget = partial(forget_of_run, project_id=run.project_id, run_id=run.id, before=before)
                    freed += await self._until_done(forget)
            if len(page) < PAGE:
                break
            last = page[-1]
        return freed

    async def _dags(self, *, is_dry: bool) -> Freed:
        before = cutoff(self.retention.dags, self._clock.now())
        freed = Freed()
        while before is not None:
            dags = await self._read(partial(_forgettable_dags, before=before))
            if is_dry:
                return Freed(dags=len(dags), jobs=sum(dag.counts.total for dag in dags))
            for dag in dags:
                freed += await self._until_done(partial(forget_of_dag, dag_id=dag.id, before=before))
            if len(dags) < PAGE:
                break
        return freed

    async def _journal(self, *, is_dry: bool) -> Freed:
        before = cutoff(self.retention.journal, self._clock.now())
        freed, seq = Freed(), 0
        while before is not None:
            entries, pinned = await self._read(partial(_oldest_entries, after_seq=seq)), await self._pinned()
            seqs = [entry.seq for entry in entries if may_cut(entry, before=before, pinned=pinned)]
            if not is_dry:
                await self._commit(partial(_cut, seqs=seqs))
            freed += Freed(journal_entries=len(seqs))
            if len(entries) < ENTRIES or entries[-1].at >= before:
                break
            seq = entries[-1].seq
        return freed

    async def _workers(self, *, is_dry: bool) -> Freed:
        count = await self._rows(
            self.retention.workers,
            "",
            lambda reader, before, after: [
                worker.id for worker in reader.forgettable_workers(before=before, after_id=after, limit=ROWS)
            ],
            lambda _worker_id: None,
            lambda tx, worker_ids, before: tx.forget_workers(worker_ids, before=before),
            is_dry=is_dry,
        )
        return Freed(workers=count)

    async def _files(self, *, is_dry: bool) -> Freed:
        count = await self._rows(
            self.retention.files,
            FileName(project_id="", name=""),
            lambda reader, before, after: reader.old_files(before=before, after=after, limit=ROWS),
            lambda name: name.run,
            lambda tx, names, before: tx.forget_files(names, before=before),
            is_dry=is_dry,
        )
        return Freed(files=count)

    async def _keys(self, *, is_dry: bool) -> Freed:
        count = await self._rows(
            self.retention.files,
            ArtifactKey(project_id="", key="", artifact=""),
            lambda reader, before, after: reader.old_artifact_keys(before=before, after=after, limit=ROWS),
            lambda key: key.run,
            lambda tx, keys, before: tx.forget_artifact_keys(keys, before=before),
            is_dry=is_dry,
        )
        return Freed(keys=count)

    async def _rows(
        self,
        kept_for: timedelta | None,
        first: T,
        find: Callable[[Reader, datetime, T], list[T]],
        run_of: Callable[[T], RunKey | None],
        forget: Callable[[Transaction, list[T], datetime], int],
        *,
        is_dry: bool,
    ) -> int:
        """Delete rows that are older than `kept_for` and of no pinned run, page by page; return how many."""
        before = cutoff(kept_for, self._clock.now())
        count, last = 0, first
        while before is not None:
            page, pinned = await self._read(_bind(find, before, last)), await self._pinned()
            rows = [row for row in page if run_of(row) not in pinned]
            if is_dry:
                count += len(rows)
            elif rows:
                count += await self._commit(_bind(forget, rows, before))
            if len(page) < ROWS:
                break
            last = page[-1]
        return count

    async def _recorded(self, *, is_dry: bool) -> Freed:
        before = cutoff(self.retention.recorded, self._clock.now())
        left: set[str] = set()
        forget = partial(self._forget_recorded, left=left)
        freed = await self._each_old_run(before, is_dry, Freed(recorded=1), forget, has_archived=True)
        return freed + await self.discard(left)

    async def _archive(self, *, is_dry: bool) -> Freed:
        before = cutoff(self.retention.archive, self._clock.now())
        return await self._each_old_run(before, is_dry, Freed(archived=1), _archive_recorded, has_archived=False)

    async def _each_old_run(
        self,
        before: datetime | None,
        is_dry: bool,
        each: Freed,
        change: Callable[[Run], Callable[[CallTransaction], None]],
        *,
        has_archived: bool,
    ) -> Freed:
        """Change each recorded run that is older than `before`, in a transaction of its own."""
        freed = Freed()
        while before is not None:
            find = partial(_old_recorded, before=before, has_archived=has_archived)
            runs = await asyncio.to_thread(self._calls.read, find)
            for run in runs:
                if not is_dry:
                    began = time.monotonic()
                    await asyncio.wrap_future(self._calls.transact(change(run)))
                    await asyncio.sleep(time.monotonic() - began)
                freed += each
            if is_dry or len(runs) < PAGE:
                break
        return freed

    def _forget_recorded(self, run: Run, *, left: set[str]) -> Callable[[CallTransaction], None]:
        """Return a transaction that deletes the recordings of a run, and its row unless it has stages that stay longer.

        It adds to `left` the content that they referenced.
        """
        has_stages = (
            run.has_stages and self._store.read(lambda reader: reader.run_control(run.project_id, run.id)) is not None
        )

        def forget(tx: CallTransaction) -> None:
            left.update(tx.blobs_of_run(run.project_id, run.id))
            tx.forget_run(run.project_id, run.id)
            if has_stages:
                tx.save_run(without_recordings(run, now=tx.now))

        return forget

    async def _pinned(self) -> frozenset[RunKey]:
        return await asyncio.to_thread(self._calls.read, lambda reader: reader.pinned_runs())

    async def _read(self, query: Callable[[Reader], T]) -> T:
        return await asyncio.to_thread(self._store.read, query)

    async def _commit(self, forget: Callable[[Transaction], T]) -> T:
        """Commit, then pause as long as that took: others have the writer for half of the time at least."""
        began = time.monotonic()
        answer = await asyncio.wrap_future(self._store.transact(forget))
        await asyncio.sleep(time.monotonic() - began)
        return answer

    async def _until_done(self, forget: Callable[[Transaction], Freed | None]) -> Freed:
        freed = Freed()
        while (more := await self._commit(forget)) is not None:
            freed += more
        return freed

    # --- on a thread of its own, which ends early when `ending` is set ---

    def _clean_logs(self, ending: threading.Event, *, is_dry: bool) -> Freed:
        now = self._clock.now()
        before = cutoff(self.retention.logs, now)
        freed = Freed()
        for page in paged(self._logs.old(before=now - BLOB_GRACE), ending):
            sizes = dict(page)
            pinned = self._calls.read(lambda reader: reader.pinned_runs())
            find = partial(_deletable_logs, lease_ids=list(sizes), before=before, pinned=pinned)
            for lease_id in self._store.read(find):
                if not is_dry:
                    self._logs.discard(lease_id)
                freed += Freed(logs=1, log_bytes=sizes[lease_id])
        return freed

    def _clean_blobs(self, ending: threading.Event, *, is_dry: bool) -> Freed:
        old = self._blobs.old(before=self._clock.now() - BLOB_GRACE)
        return self._collector.collect(old, ending, is_dry=is_dry)


def in_words(freed: Freed) -> str:
    """Return what was freed, for a log."""
    return (
        f"{freed.runs} runs, {freed.dags} DAGs, {freed.jobs} jobs, {freed.journal_entries} journal entries, "
        f"{freed.recorded} recorded runs ({freed.archived} archived), "
        f"{freed.workers} workers, {freed.files} files, {freed.keys} keys, "
        f"{freed.logs} logs ({freed.log_bytes} bytes), {freed.blobs} blobs ({freed.blob_bytes} bytes)"
    )


def _bind(function: Callable[[S, P, Q], T], second: P, third: Q) -> Callable[[S], T]:
    """Return `function` with all arguments but the first."""
    return lambda subject: function(subject, second, third)


class BlobCollector:
    """Deletes content that nothing references, on the calling thread.

    Both stores can reference content, and so can jobs, by their scripts, which are read from the first to the last: it
    takes seconds where there are a million of them. `titan.store.blobs` says why nobody who is about to reference
    something loses it.
    """

    def __init__(self, store: Store, calls: CallStore, blobs: Blobs) -> None:
        self._store = store
        self._calls = calls
        self._blobs = blobs

    def discard(self, digests: Iterable[str], ending: threading.Event) -> Freed:
        """Delete those of these contents that nothing references, however new they are; return what that freed."""
        stored = (blob for digest in sorted(digests) if (blob := self._blobs.found(digest)) is not None)
        return self.collect(stored, ending)

    def collect(self, blobs: Iterator[OldBlob], ending: threading.Event, *, is_dry: bool = False) -> Freed:
        """Delete those of these blobs that nothing references; return what that freed, or would free when `is_dry`."""
        freed = Freed()
        for page in paged(iter(self._unnamed(blobs, ending)), ending):
            for blob in page:
                if is_dry or self._blobs.discard(blob):
                    freed += Freed(blobs=1, blob_bytes=blob.size_bytes)
        return freed

    def _unnamed(self, blobs: Iterator[OldBlob], ending: threading.Event) -> list[OldBlob]:
        unnamed: dict[str, OldBlob] = {}
        for page in paged(blobs, ending):
            digests = [blob.digest for blob in page]
            named = self._store.read(partial(_named, digests=digests))
            named |= self._calls.read(partial(_named_by_calls, digests=digests))
            unnamed.update((blob.digest, blob) for blob in page if blob.digest not in named)
        self._leave_out_scripts(unnamed, ending)
        return list(unnamed.values())

    def _leave_out_scripts(self, unnamed: dict[str, OldBlob], ending: threading.Event) -> None:
        """Take out of `unnamed` what jobs reference, reading them by ascending id until nothing or no job is left.

        A job that is stored meanwhile comes later in that order, or references what was touched after it was found.
        """
        last: str | None = ""
        while unnamed and last is not None and not ending.is_set():
            began = time.monotonic()
            last, digests = self._store.read(partial(_blobs_of_jobs, after_id=last))
            for digest in digests:
                unnamed.pop(digest, None)
            ending.wait(time.monotonic() - began)  # half of one core at most
        if ending.is_set():
            unnamed.clear()  # the other jobs may reference it


def paged(things: Iterator[T], ending: threading.Event) -> Iterator[list[T]]:
    """Yield them in pages, pausing after each as long as it took: half of one core at most."""
    began = time.monotonic()
    while not ending.is_set() and (page := list(islice(things, PAGE))):
        yield page
        ending.wait(time.monotonic() - began)
        began = time.monotonic()


def _named(reader: Reader, digests: list[str]) -> set[str]:
    return {digest for digest in digests if reader.is_blob_named(digest)}


def _named_by_calls(reader: CallReader, digests: list[str]) -> set[str]:
    return reader.named_blobs(digests)


def _blobs_of_jobs(reader: Reader, after_id: str) -> tuple[str | None, set[str]]:
    return reader.blobs_of_jobs(after_id=after_id, limit=PAGE)


# --- Deletions: each function is one transaction ---


def forget_of_run(tx: Transaction, project_id: str, run_id: str, *, before: datetime) -> Freed | None:
    """Delete some rows of a run; None when nothing is left of it, or it may not be deleted any more."""
    run = tx.run_control(project_id, run_id)
    if run is None or not may_forget_run(run, before=before):
        return None
    entries = tx.forget_entries(project_id, run_id=run_id, limit=ENTRIES)
    if entries:
        return Freed(journal_entries=entries)
    dag = tx.last_stage(project_id, run_id)
    if dag is None:
        tx.forget_run(project_id, run_id)
        return Freed(runs=1)
    return _forget_of_dag(tx, dag.id)


def forget_of_dag(tx: Transaction, dag_id: str, *, before: datetime) -> Freed | None:
    """Delete some rows of a DAG without a run; None when nothing is left, or it may not be deleted any more."""
    dag = tx.dag(dag_id)
    if dag is None or not may_forget_dag(dag, before=before):
        return None
    entries = tx.forget_entries(dag.project_id, dag_id=dag_id, limit=ENTRIES)
    return Freed(journal_entries=entries) if entries else _forget_of_dag(tx, dag_id)


def _forget_of_dag(tx: Transaction, dag_id: str) -> Freed:
    jobs = tx.forget_jobs(dag_id, limit=JOBS)
    if jobs == JOBS:
        return Freed(jobs=jobs)
    tx.forget_dag(dag_id)
    return Freed(jobs=jobs, dags=1)


def _cut(tx: Transaction, seqs: list[int]) -> None:
    tx.cut_journal(seqs)


def _forget_bare_row(tx: CallTransaction, run: RunControl) -> bool:
    """Delete the row of a run of which nothing was recorded; return False when it has been pinned meanwhile."""
    row = tx.run(run.project_id, run.id)
    if row is not None and row.pinned_at is not None:
        return False
    if row is not None and row.entry_count == 0:
        tx.forget_run(run.project_id, run.id)
    return True


def _archive_recorded(run: Run) -> Callable[[CallTransaction], None]:
    return lambda tx: tx.archive_run(run)


# --- Queries ---


def _forgettable_runs(reader: Reader, before: datetime, after: RunControl | None) -> list[RunControl]:
    return reader.forgettable_runs(before=before, after=after, limit=PAGE)


def _forgettable_dags(reader: Reader, before: datetime) -> list[Dag]:
    return reader.forgettable_dags(before=before, limit=PAGE)


def _oldest_entries(reader: Reader, after_seq: int) -> list[OldEntry]:
    return reader.oldest_entries(after_seq=after_seq, limit=ENTRIES)


def _deletable_logs(
    reader: Reader, lease_ids: list[str], before: datetime | None, pinned: frozenset[RunKey]
) -> list[str]:
    return [
        lease_id for lease_id in lease_ids if may_delete_log(reader.log_owner(lease_id), before=before, pinned=pinned)
    ]


def _old_recorded(reader: CallReader, before: datetime, *, has_archived: bool) -> list[Run]:
    return reader.old_runs(before=before, has_archived=has_archived, limit=PAGE)


async def _in_thread(look: Callable[[threading.Event], T]) -> T:
    """Run `look` on a thread; a caller that is cancelled, as at the server's end, does not wait for it."""
    ending = threading.Event()
    try:
        return await asyncio.to_thread(look, ending)
    finally:
        ending.set()
