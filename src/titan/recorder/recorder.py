"""Records reports about agent runs: reads, redacts, prices, merges and commits them, then acknowledges.

A thread reads and redacts, or for large requests a process; the store's own thread merges and writes. Reports that
arrive while a group is written are written together in the next one.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import chain, islice
from typing import Final, TypeAlias, TypeVar

import msgspec
from msgspec.structs import replace

from titan.model.actions import ActionEntry, Entry, Payload, RunEntry, Source, is_answer
from titan.model.errors import StoreError, StoreFull, StoreUnavailable
from titan.model.projects import beside
from titan.model.runs import Action, Run
from titan.ports.jobs_store import Store
from titan.ports.runs_store import CallReader, CallStore, CallTransaction
from titan.ports.runtime import Blobs, Clock, Prices
from titan.recorder.preprocess import H, Preparer, PreparingProcess
from titan.recorder.run_totals import RunTotalsKeeper
from titan.rules.runs.content import distinct_words, without_content
from titan.rules.runs.lifecycle import (
    fallen_silent,
    is_silent,
    not_reported_yet,
    silent_since,
    silent_within_call_since,
)
from titan.rules.runs.merge_reports import GRACE, closed
from titan.rules.runs.recording import (
    CAPTURES_ALL,
    TRACING,
    ContentCapture,
    apply_entries,
    claims_of,
    joined,
    resolved,
    under_their_runs,
)

T = TypeVar("T")

GROUP_ENTRIES: Final = 2000  # of one transaction: about 0.15 s, the longest that one report waits for others
MAX_UNREAD: Final = 256  # requests, of which each holds its body in memory
MAX_WAITING: Final = 20_000  # entries that were read and not yet written; with more, requests are refused for now
BLOB_BYTES: Final = 64 * 1024  # a longer payload is content of its own; the row holds its beginning
HEAD_CHARACTERS: Final = 8192
SWEEP_SECONDS: Final = 5.0
#: Returns which of these ids of a project's runs are those of submissions that have not ended.
Live: TypeAlias = Callable[[str, Sequence[str]], Set[str]]

PACK_AFTER: Final = timedelta(minutes=5)  # after its end, for late reports are frequent
PACKED_AT_ONCE: Final = 20
TOTALS_AT_ONCE: Final = 1000  # runs whose totals are looked for by a sweep
SWEPT_AT_ONCE: Final = 500  # silent runs

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """How many entries were new, and how many repeated."""

    stored: int
    repeated: int


@dataclass(slots=True)
class _Batch:
    """Entries that were reported together, and the future of their acknowledgement."""

    entries: Mapping[str, Sequence[Entry]]  #: by project
    blobs: Sequence[str] = ()  #: digests of what its payloads are in
    waits_for_totals: bool = True
    is_imported: bool = False
    done: Future[Recorded] = field(default_factory=Future)

    def __post_init__(self) -> None:
        self.done.set_running_or_notify_cancel()  # so that a cancelled caller does not cancel it

    @property
    def size(self) -> int:
        """How many entries there are."""
        return sum(map(len, self.entries.values()))


class Recorder:
    """Records entries in the store of recorded runs."""

    def __init__(
        self,
        store: CallStore,
        blobs: Blobs,
        *,
        preparer: Preparer,
        apart: PreparingProcess | None = None,
        live: Live,
        clock: Clock,
    ) -> None:
        """`apart` prepares the entries of large requests, by the same rules; without it `preparer` prepares all."""
        self._store = store
        self._blobs = blobs
        self._preparer = preparer
        self._apart = apart
        self._live = live
        self._clock = clock
        self._totals = RunTotalsKeeper(store)
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="recorder")
        #: Waits for the process, so that small requests need not.
        self._reading_large = ThreadPoolExecutor(1, thread_name_prefix="recorder-large")
        self._waiting: deque[_Batch] = deque()
        self._waiting_entries = 0
        self._unread = 0
        self._door = threading.Lock()

    async def record(
        self,
        project_id: str,
        read: Callable[[], Iterable[Entry]],
        *,
        is_fixed: bool = False,
        waits_for_totals: bool = True,
        is_imported: bool = False,
    ) -> Recorded:
        """Record what `read` returns, which is called on a thread of the recorder; return when it is committed.

        Entries belong to the project that they name, else to this one; with `is_fixed` all to this one. With
        `waits_for_totals` the totals of small runs are right by then. Runs to which an import adds something are
        marked in the same transaction. Cancelling the caller stops nothing.

        Raises:
            InvalidInput: `read` refused it; nothing was stored.
            StoreError: nothing was stored; repeat it, unless it is StoreRefused.
        """
        self._check_room()
        reading = self._begin(
            self._reading, lambda: self._prepared(project_id, read, is_fixed, waits_for_totals, is_imported)
        )
        batch = await asyncio.shield(asyncio.wrap_future(reading))
        return await asyncio.wrap_future(batch.done)

    async def record_large(self, project_id: str, read: Callable[[], H], *, is_fixed: bool = False) -> H:
        """Record the entries of the report that `read` returns, and return it without them; see `PreparingProcess`.

        Raises: as `record`.
        """
        self._check_room()
        reading = self._begin(self._reading_large, lambda: self._prepared_apart(project_id, read, is_fixed))
        batch, report = await asyncio.shield(asyncio.wrap_future(reading))
        await asyncio.wrap_future(batch.done)
        return report

    @property
    def prices(self) -> Prices | None:
        """The prices of models."""
        return self._preparer.prices

    @property
    def capture(self) -> ContentCapture:
        """The policy of content capture for new runs."""
        return self._preparer.capture

    def without_secrets(self, text: str) -> str:
        """Return a text that is no part of an entry as it is stored."""
        return self._preparer.without_secrets(text)

    def secret_names(self, environment: Mapping[str, str]) -> list[str]:
        """Return the names of variables whose values are secrets, which no job's log shows."""
        return self._preparer.secret_names(environment)

    def known_as(self, reported_id: str) -> str:
        """Return the stored form of an id of a run, action or agent: itself, unless it holds a secret."""
        return self._preparer.known_as(reported_id)

    async def keep(self) -> None:
        """Close silent runs and unfinished calls, and compact the store, until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self._ask_for_totals)
                await asyncio.sleep(SWEEP_SECONDS)
                await asyncio.to_thread(end_silent, self._store, live=self._live, clock=self._clock)
                await asyncio.to_thread(self._pack)
                await asyncio.wrap_future(self._store.scrub())
            except StoreError as error:
                logger.warning("silent runs are closed later: %s", error)

    def _ask_for_totals(self) -> None:
        """Have totals computed that are out of date: of closed runs, or left by a server that ended."""
        self._totals.ask(self._store.read(lambda reader: reader.runs_to_total(limit=TOTALS_AT_ONCE)))

    def _pack(self) -> None:
        """Compress ended runs, a few at a time, pausing as long as it worked."""
        packed = PACKED_AT_ONCE
        while packed == PACKED_AT_ONCE and not self._waiting_entries:
            began = time.monotonic()
            packed = self._store.pack(before=self._clock.now() - PACK_AFTER, limit=PACKED_AT_ONCE)
            time.sleep(time.monotonic() - began)

    def close(self) -> None:
        """Finish what is being read. May be called twice."""
        self._reading.shutdown(wait=True)
        self._reading_large.shutdown(wait=True)
        self._totals.close()
        if self._apart is not None:
            self._apart.close()

    def _check_room(self) -> None:
        if self._waiting_entries > MAX_WAITING:
            raise _later(f"at most {MAX_WAITING} entries that wait to be written", str(self._waiting_entries))
        if self._unread > MAX_UNREAD:
            raise _later(f"at most {MAX_UNREAD} requests that wait to be read", str(self._unread))

    def _begin(self, thread: ThreadPoolExecutor, read: Callable[[], T]) -> Future[T]:
        try:
            reading = thread.submit(read)
        except RuntimeError as error:  # its thread has ended
            raise _later("a recorder that is open", "one that was closed") from error
        with self._door:
            self._unread += 1
        reading.add_done_callback(self._note_read)
        return reading

    def _note_read(self, _reading: object) -> None:
        with self._door:
            self._unread -= 1

    # --- on the recorder's threads ---

    def _prepared(
        self,
        project_id: str,
        read: Callable[[], Iterable[Entry]],
        is_fixed: bool,
        waits_for_totals: bool = True,
        is_imported: bool = False,
    ) -> _Batch:
        """Read and prepare entries."""
        prepared = map(self._preparer.prepared, read())
        return self._handed_in(project_id, prepared, is_fixed, waits_for_totals, is_imported)

    def _prepared_apart(self, project_id: str, read: Callable[[], H], is_fixed: bool) -> tuple[_Batch, H]:
        prepared = None if self._apart is None else self._apart.prepared(read)
        if prepared is None:
            report = read()
            return self._prepared(project_id, lambda: report.entries, is_fixed), report
        return self._handed_in(project_id, prepared[0], is_fixed), prepared[1]

    def _handed_in(
        self,
        project_id: str,
        entries: Iterable[Entry],
        is_fixed: bool,
        waits_for_totals: bool = True,
        is_imported: bool = False,
    ) -> _Batch:
        """Pass prepared entries to the store."""
        owned: dict[str, list[Entry]] = {}
        for entry in entries:
            owner = beside(project_id, entry.project) if entry.project is not None and not is_fixed else project_id
            owned.setdefault(owner, []).append(entry if entry.project is None else replace(entry, project=None))
        fit = {owner: list(map(self._fit, self._with_content(owner, part))) for owner, part in owned.items()}
        batch = _Batch(fit, _blobs_of(chain.from_iterable(fit.values())), waits_for_totals, is_imported)
        if not batch.size:
            batch.done.set_result(Recorded(stored=0, repeated=0))
            return batch
        with self._door:
            self._waiting.append(batch)
            self._waiting_entries += batch.size
        self._write([])
        return batch

    def _write(self, batches: Sequence[_Batch]) -> None:
        """Have the store write these batches; an empty sequence stands for what waits when it begins."""
        group = _Group(batches)

        def report(written: Future[None]) -> None:
            error = written.exception()
            if error is None:
                computed = self._totals.ask(group.runs)
                self._acknowledge(one for one in group.results if not one[0].waits_for_totals)
                waiting = [one for one in group.results if one[0].waits_for_totals]
                computed.add_done_callback(lambda _: self._acknowledge(waiting))
            elif len(group.batches) > 1 and not isinstance(error, StoreUnavailable | StoreFull):
                for batch in group.batches:  # one of them is at fault: write each alone
                    self._write([batch])
            else:
                # Without batches the store refused before it took any: then those that wait get its error.
                for batch in group.batches or self._taken():
                    batch.done.set_exception(error)

        self._store.transact(lambda tx: self._write_group(tx, group)).add_done_callback(report)

    def _acknowledge(self, results: Iterable[tuple[_Batch, Recorded]]) -> None:
        """Acknowledge batches, unless content that they reference was just deleted with another run."""
        for batch, recorded in results:
            try:
                lost = sum(not self._blobs.touch(digest) for digest in batch.blobs)
            except StoreError as error:
                batch.done.set_exception(error)
                continue
            if lost:
                batch.done.set_exception(_gone(lost))
            else:
                batch.done.set_result(recorded)

    def _with_content(self, project_id: str, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Return entries without the large content of runs that store none, so that no blob is written for it.

        `rules.runs.recording` decides again when they are recorded.
        """
        large = {entry.run_id for entry in entries if _is_large(entry)}
        if not large:
            return entries
        keeps_if_new = self._preparer.capture.keeps_content(project_id)
        known = self._store.read(lambda reader: [(run_id, reader.run(project_id, run_id)) for run_id in large])
        bare = {run_id for run_id, run in known if not (keeps_if_new if run is None else run.keeps_content)}
        return [without_content(entry) if entry.run_id in bare else entry for entry in entries] if bare else entries

    def _fit(self, entry: Entry) -> Entry:
        if isinstance(entry, RunEntry):
            return entry if entry.program is None else replace(entry, program=self._program(entry.program))
        inputs, outputs = self._small(entry.inputs), self._small(entry.outputs)
        if inputs is entry.inputs and outputs is entry.outputs:
            return entry
        return replace(entry, inputs=inputs, outputs=outputs)

    def _small(self, payload: Payload | None) -> Payload | None:
        """Return a payload that fits into a row: a longer one becomes a blob, with a preview and words in the row."""
        if payload is None or _fits(payload):
            return payload
        whole = payload.whole
        content = whole.encode()
        digest = self._blobs.put(content)
        stands_in = {
            "$blob": {
                "sha256": digest,
                "size_bytes": len(content),
                "head": content[:HEAD_CHARACTERS].decode("utf-8", "ignore"),
                "words": distinct_words(whole),
            }
        }
        return Payload(msgspec.json.encode(stands_in).decode(), blob=digest)

    def _program(self, program: Payload) -> Payload:
        """Return a program as a blob: many runs have the same one."""
        digest = self._blobs.put(program.text.encode())
        return Payload(f'{{"$blob":{{"sha256":"{digest}"}}}}', blob=digest)

    # --- on the store's thread ---

    def _write_group(self, tx: CallTransaction, group: "_Group") -> None:
        group.batches = group.batches or self._taken()
        group.results, group.runs = [], set()
        stored = [0] * len(group.batches)
        for project_id in dict.fromkeys(chain.from_iterable(batch.entries for batch in group.batches)):
            parts = [batch.entries.get(project_id, ()) for batch in group.batches]
            reported = list(chain.from_iterable(parts))
            prices, capture = self._preparer.prices, self._preparer.capture
            written = record_entries(tx, project_id, reported, prices=prices, capture=capture)
            group.runs |= {(project_id, run_id) for run_id in written.runs}
            flags = iter(written.is_news)
            for place, (batch, part) in enumerate(zip(group.batches, parts, strict=True)):
                new = [entry for entry, is_new in zip(part, islice(flags, len(part)), strict=True) if is_new]
                stored[place] += len(new)
                if batch.is_imported:
                    mark_imported(tx, project_id, {entry.run_id for entry in new})
        for batch, count in zip(group.batches, stored, strict=True):
            group.results.append((batch, Recorded(stored=count, repeated=batch.size - count)))

    def _taken(self) -> list[_Batch]:
        """Return what waits, as much as one transaction takes; the first in any case."""
        taken: list[_Batch] = []
        count = 0
        with self._door:
            while self._waiting and (not taken or count + self._waiting[0].size <= GROUP_ENTRIES):
                taken.append(self._waiting.popleft())
                count += taken[-1].size
            self._waiting_entries -= count
        return taken


def _later(expected: str, found: str) -> StoreUnavailable:
    return StoreUnavailable(
        "recording",
        expected=expected,
        found=found,
        next_step="Nothing was kept; send it again a little later.",
    )


def _gone(count: int) -> StoreUnavailable:
    return StoreUnavailable(
        "recording",
        expected="the content of every payload",
        found=f"{count} whose content was deleted with another run meanwhile",
        next_step="Send it again: that stores the content anew.",
    )


def _fits(payload: Payload) -> bool:
    """Return whether a payload fits into a row."""
    return len(payload.text) <= BLOB_BYTES // 4 or len(payload.text.encode()) <= BLOB_BYTES


def _is_large(entry: Entry) -> bool:
    """Return whether an entry has content that becomes a blob."""
    return not all(_fits(payload) and isinstance(entry, ActionEntry) for payload in _payloads_of(entry))


def _blobs_of(entries: Iterable[Entry]) -> list[str]:
    payloads = chain.from_iterable(map(_payloads_of, entries))
    return [payload.blob for payload in payloads if payload.blob is not None]


def _payloads_of(entry: Entry) -> list[Payload]:
    payloads = (entry.inputs, entry.outputs) if isinstance(entry, ActionEntry) else (entry.program,)
    return [payload for payload in payloads if payload is not None]


@dataclass(slots=True)
class _Group:
    """The batches that one transaction writes, and the results."""

    batches: Sequence[_Batch]
    results: list[tuple[_Batch, Recorded]] = field(default_factory=list)
    runs: set[tuple[str, str]] = field(default_factory=set)  #: (project id, run id) of those that changed


# --- in one transaction: resolve the runs, apply the entries, write them ---


@dataclass(frozen=True, slots=True)
class Written:
    """The result of recording some entries."""

    is_news: Sequence[bool]  #: of each, whether it was new
    runs: Set[str]  #: whose totals changed


def record_entries(
    tx: CallTransaction,
    project_id: str,
    reported: Sequence[Entry],
    *,
    prices: Prices | None = None,
    capture: ContentCapture = CAPTURES_ALL,
) -> Written:
    """Record entries of one project in their order."""
    names = names_of(tx, project_id, reported)
    placed = list(under_their_runs(reported, names.runs)) if names.runs else reported
    entries = [entry for entry in placed if entry is not None]
    kept = join_earlier(tx, project_id, names)
    known = tx.known(project_id, entries)
    applied = apply_entries(entries, known, project_id=project_id, now=tx.now, prices=prices, capture=capture)
    tx.keep(project_id, runs=applied.runs, actions=applied.actions, entries=applied.kept)
    keep_names(tx, project_id, names, kept=kept)
    is_news = iter(applied.is_news)
    runs = {run.id for run in applied.runs} | set(names.new.values()) | names.recounted
    return Written([entry is not None and next(is_news) for entry in placed], runs)


def mark_imported(tx: CallTransaction, project_id: str, run_ids: Set[str]) -> None:
    """Note that entries of runs were imported just now. Whoever trusted their code did not see these."""
    for run_id in sorted(run_ids):
        if (run := tx.run(project_id, run_id)) is not None:
            tx.save_run(replace(run, imported_at=tx.now, trusted_at=None))


_SHORTEST: Final = 32  # characters of a trace's id; an answer's has more


@dataclass(frozen=True, slots=True)
class Names:
    """Run resolution: the runs of entries that were reported under another name."""

    runs: Mapping[str, str]  #: name → run
    new: Mapping[str, str]  #: those of them that are not stored yet
    #: Runs in which a call no longer counts: the model endpoint reports it in another one.
    recounted: frozenset[str]


def names_of(tx: CallTransaction, project_id: str, entries: Sequence[Entry]) -> Names:
    """Return the names of runs that entries have or claim; a stored name goes before a claim."""
    seen = dict(filter(None, map(_seen, entries)))
    reports = [call for call in tx.calls_answered(project_id, seen) if call.sources != (Source.ENDPOINT.value,)]
    claims: dict[str, str] = {}
    for call in reports:
        answer = call.response_id or ""
        if seen[answer] == answer:  # the endpoint's call named no run: it belongs to the run that reported it first
            claims.setdefault(answer, call.run_id)
    claims = claims_of(entries) | claims
    unnamed = {entry.run_id for entry in entries if len(entry.run_id) >= _SHORTEST and entry.source in TRACING}
    known = tx.aliases(project_id, claims.keys() | unnamed)
    free = tx.nameless_runs(project_id, claims.keys() - known.keys())
    claimed = {
        name: run_id
        for name, run_id in claims.items()
        # An answer is not claimed before its call is known: other servers' answers have such ids too.
        if name not in known and free.get(name, not is_answer(name) or seen.get(name) == name)
    }
    runs = resolved(claimed | known)
    recounted = {call.run_id for call in reports} - {runs.get(run_id, run_id) for run_id in seen.values()}
    return Names(runs=runs, new={name: runs[name] for name in claimed if name in runs}, recounted=frozenset(recounted))


def join_earlier(tx: CallTransaction, project_id: str, names: Names) -> frozenset[str]:
    """Move what was recorded under new names to their runs, before new entries are applied.

    Return those names, which are stored now.
    """
    kept = set[str]()
    for name, run_id in names.new.items():
        earlier = tx.run(project_id, name)
        if earlier is not None:
            at, keeps = earlier.started_at, earlier.keeps_content
            run = tx.run(project_id, run_id)
            if run is None:
                run = not_reported_yet(project_id, run_id, at=at, now=tx.now, keeps_content=keeps)
                tx.save_run(run)
            tx.add_alias(name, joined(run, earlier))
            kept.add(name)
    return frozenset(kept)


def keep_names(tx: CallTransaction, project_id: str, names: Names, *, kept: Set[str]) -> None:
    """Store new names of stored runs, except those in `kept`, which are stored already."""
    for name in sorted(names.new.keys() - kept):
        run = tx.run(project_id, names.new[name])
        if run is not None:
            tx.add_alias(name, run)
    for run_id in names.recounted:
        tx.note_actions_changed(project_id, run_id)


def _seen(entry: Entry) -> tuple[str, str] | None:
    """Return the response id of a call of the model endpoint, and the run that it named."""
    is_it = isinstance(entry, ActionEntry) and entry.source is Source.ENDPOINT and is_answer(entry.id)
    return (entry.id, entry.run_id) if is_it and isinstance(entry, ActionEntry) else None


# --- Runs that fell silent, and calls without an end report ---


def live_submissions(store: Store, project_id: str, run_ids: Sequence[str]) -> Set[str]:
    """Return those of the runs that are DAGs which have not ended: see `Live`.

    What jobs outside an agent's run record belongs to a run with the DAG's id; `with_dag_ended` ends it.
    """
    dags = store.read(lambda reader: reader.dags_of_ids(project_id, run_ids))
    return frozenset(dag.id for dag in dags if not dag.is_final)


def end_silent(calls: CallStore, *, live: Live, clock: Clock) -> None:
    """End runs that have been silent for too long, and calls without an end report.

    Raises:
        StoreError: a store is away; nothing more was ended.
    """
    quiet = calls.read(lambda reader: _quiet(reader, clock.now()))
    by_project: dict[str, list[str]] = {}
    for run in quiet:
        by_project.setdefault(run.project_id, []).append(run.id)
    alive = {project_id: live(project_id, run_ids) for project_id, run_ids in by_project.items()}
    looked_at = {project_id: frozenset(run_ids) for project_id, run_ids in by_project.items()}
    calls.transact(partial(_end, looked_at=looked_at, alive=alive)).result()


def _quiet(reader: CallReader, now: datetime) -> list[Run]:
    within_call = silent_within_call_since(now)
    return reader.silent_runs(before=silent_since(now), within_call_before=within_call, limit=SWEPT_AT_ONCE)


def _end(tx: CallTransaction, *, looked_at: Mapping[str, Set[str]], alive: Mapping[str, Set[str]]) -> None:
    for run in _quiet(tx, tx.now):
        if run.id not in looked_at.get(run.project_id, ()) or not is_silent(run, now=tx.now):
            continue
        if run.id in alive[run.project_id]:
            tx.save_run(replace(run, received_at=tx.now))  # as if reported now
        else:
            still_open = tx.open_actions(run.project_id, run.id)
            _close(tx, fallen_silent(run, still_open), still_open)
    for run in tx.runs_left_open(before=tx.now - GRACE, limit=SWEPT_AT_ONCE):
        if still_open := tx.open_actions(run.project_id, run.id):
            _close(tx, run, still_open)


def _close(tx: CallTransaction, run: Run, still_open: Sequence[Action]) -> None:
    """Store a run that has ended, with its open actions closed."""
    at = run.ended_at or run.last_event_at
    tx.keep(run.project_id, runs=[run], actions=[closed(action, at=at) for action in still_open], entries=[])
