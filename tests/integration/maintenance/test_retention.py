"""A round of keeping house, on a real store with real blobs and logs, under a clock that the test turns."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec import structs

from tests.support.builders import PROJECT, a_new_dag, a_spec
from tests.support.desk import Desk, TurnedClock, a_desk
from tests.support.recorded import a_call, a_word
from titan.llm.prices import ListedPrices
from titan.maintenance.retention import Maintenance
from titan.model.actions import Entry, Payload, RunEnd
from titan.model.files import StoredFile, StoredValue
from titan.model.jobs import JobSpec
from titan.model.retention import Freed
from titan.orchestrator import worker_registry
from titan.orchestrator.bus import Bus
from titan.ports.runs_store import CallTransaction, RunFilter
from titan.recorder.preprocess import Preparer
from titan.recorder.recorder import BLOB_BYTES, Recorder, live_submissions
from titan.recorder.run_projector import RunProjector
from titan.rules.redaction import EntryRedactor, make_redactor
from titan.rules.retention import Retention
from titan.store.blobs import FolderBlobs
from titan.store.logs import FolderLogs
from titan.store.runs.sqlite_store import SqliteCallStore

DAY = timedelta(days=1)
MONTH = Retention(
    runs=30 * DAY, dags=30 * DAY, logs=30 * DAY, workspaces=30 * DAY, workers=30 * DAY, files=30 * DAY, journal=30 * DAY
)


class House:
    """A desk with blobs and logs beside it, whose files are as old as the clock says."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.desk = desk
        self.blobs = FolderBlobs(folder / "blobs")
        self.logs = FolderLogs(folder / "logs")
        self.calls = SqliteCallStore(folder / "calls.db", clock=desk.clock)
        self._folder = folder
        desk.join("w1", GENERAL=4)

    @property
    def clock(self) -> TurnedClock:
        return self.desk.clock

    def clean(self, retention: Retention = MONTH, *, is_dry: bool = False) -> Freed:
        """Do a round."""

        async def clean() -> Freed:
            cleaner = Maintenance(
                self.desk.store, self.calls, self.blobs, self.logs, clock=self.clock, retention=retention
            )
            return await cleaner.clean(is_dry=is_dry)

        return asyncio.run(clean())

    def put(self, content: bytes) -> str:
        """Store a blob as of the clock's time; return its digest."""
        digest = self.blobs.put(content)
        self._date(self._folder / "blobs" / digest[:2] / digest)
        return digest

    def run(self, *specs: JobSpec, run_id: str | None = None) -> list[str]:
        """Submit a DAG, run it to its end, each attempt with a log; return the leases."""
        self.desk.submit(a_new_dag(*specs, agent_run_id=run_id))
        leases = []
        while attempts := self.desk.dispatch():
            for attempt in attempts:
                self.logs.append(attempt.lease_id, 0, b"hello\n")
                self._date(self._folder / "logs" / attempt.lease_id[:2] / attempt.lease_id)
                self.desk.report(attempt)
                leases.append(attempt.lease_id)
        return leases

    def log(self, lease_id: str) -> bytes:
        return self.logs.read(lease_id, 0, 100)

    def pin(self, run_id: str) -> None:
        def pin(tx: CallTransaction) -> None:
            run = tx.run(PROJECT, run_id)
            assert run is not None
            tx.save_run(structs.replace(run, pinned_at=tx.now))

        self.follow_journal()
        self.calls.transact(pin).result()

    def follow_journal(self) -> None:
        """Bring what the journal holds into the store of calls."""
        loop = asyncio.new_event_loop()
        loop.close()  # nobody waits here
        RunProjector(self.desk.store, self.calls, bus=Bus(loop), clock=self.clock).refresh()

    def listed(self) -> list[str]:
        """Return the ids of all runs, as the list of runs has them."""
        wanted = RunFilter(has_archived=True)
        found, _ = self.calls.read(
            lambda calls: calls.registry(PROJECT, wanted, sort="started", is_ascending=True, after=None, limit=99)
        )
        return [run.id for run in found]

    def entries(self) -> int:
        return len(self.desk.store.read(lambda reader: reader.journal(PROJECT, limit=10_000)))

    def _date(self, path: Path) -> None:
        moment = self.clock.time.timestamp()
        os.utime(path, (moment, moment))


@contextmanager
def a_house(folder: Path) -> Iterator[House]:
    with a_desk(folder) as desk:
        house = House(desk, folder)
        yield house
        house.calls.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with a_house(tmp_path) as house:
        yield house


def a_job_of(house: House, name: str = "train", *, content: bytes = b"print()", **fields: object) -> JobSpec:
    """Return a job whose script is stored."""
    return replace(a_spec(name), script=house.put(content), **fields)  # type: ignore[arg-type]


def test_an_expired_run_is_deleted_whole_and_a_pinned_and_a_young_one_stay(house: House) -> None:
    old = house.run(a_job_of(house, "a"), a_job_of(house, "b", parents=("a",)), run_id="old")
    pinned = house.run(a_job_of(house, content=b"pinned"), run_id="pinned")
    house.pin("pinned")
    house.clock.turn(29 * 86400)
    young = house.run(a_job_of(house, content=b"young"), run_id="young")
    house.clock.turn(2 * 86400)

    dry = house.clean(is_dry=True)
    freed = house.clean()

    runs = house.desk.store.read(
        lambda reader: [run.id for run in reader.runs_of_ids(PROJECT, ["old", "pinned", "young"])]
    )
    assert runs == ["pinned", "young"]
    assert (freed.runs, freed.dags, freed.jobs, freed.logs, freed.blobs) == (1, 1, 2, 2, 1)
    assert (dry.runs, dry.dags, dry.jobs) == (1, 1, 2)
    assert [house.log(lease) for lease in (*old, *pinned, *young)] == [b"", b"", b"hello\n", b"hello\n"]
    assert house.clean() == Freed()


def test_a_large_dag_is_deleted_in_many_small_transactions_between_others(house: House) -> None:
    house.run(*[a_job_of(house, f"job{number}") for number in range(60)])
    house.clock.turn(31 * 86400)
    seqs: list[int] = []
    house.desk.store.listen(lambda commit: seqs.append(len(commit.entries)))

    freed = house.clean()

    assert (freed.dags, freed.jobs) == (1, 60)
    assert len(seqs) >= 60 // 10  # each forgets 10 jobs or 100 entries at most
    assert house.desk.store.read(lambda reader: reader.dags(PROJECT, limit=9)) == []


def test_live_runs_and_dags_are_kept_at_any_age(house: House) -> None:
    house.desk.submit(a_new_dag(a_job_of(house, requirement="GPU"), agent_run_id="patient"))
    house.desk.submit(a_new_dag(a_job_of(house, requirement="GPU"), name="alone"))
    entries = house.entries()
    house.clock.turn(400 * 86400)

    freed = house.clean()

    assert freed == Freed(journal_entries=1)  # that the worker joined
    assert house.entries() == entries - 1


def test_a_script_is_deleted_only_when_no_job_names_it_any_more(house: House) -> None:
    shared = a_job_of(house, content=b"shared")
    digest = shared.script or ""
    house.run(shared)
    house.clock.turn(20 * 86400)
    house.run(replace(shared, name="again"))
    house.clock.turn(20 * 86400)

    first = house.clean()
    kept = house.blobs.path(digest)
    house.clock.turn(20 * 86400)
    second = house.clean()

    assert (first.dags, first.blobs) == (1, 0)
    assert kept is not None
    assert (second.dags, second.blobs) == (1, 1)
    assert house.blobs.path(digest) is None


def test_files_and_published_keys_go_and_then_their_content(house: House) -> None:
    for name in ("a.csv", "b.csv"):
        file = StoredFile(name=name, digest=house.put(name.encode()), size_bytes=5)
        house.desk.store.transact(lambda tx, file=file: tx.put_file(PROJECT, file)).result()  # type: ignore[misc]
    value = StoredValue(value="report.md", artifact=house.put(b"report"))
    house.desk.store.transact(lambda tx: tx.put_value(PROJECT, "report", value)).result()
    house.clock.turn(31 * 86400)

    for_ever = house.clean(replace(MONTH, files=None))
    freed = house.clean()

    assert (for_ever.files, for_ever.keys, for_ever.blobs) == (0, 0, 0)
    assert (freed.files, freed.keys, freed.blobs) == (2, 1, 3)


def test_a_blob_that_was_just_put_stays_although_nothing_names_it(house: House) -> None:
    digest = house.put(b"about to be named")
    house.clock.turn(3500)

    assert house.clean() == Freed()

    house.clock.turn(200)
    assert house.clean() == Freed(blobs=1, blob_bytes=17)
    assert house.blobs.path(digest) is None


def test_logs_go_before_their_jobs_when_they_are_kept_for_less(house: House) -> None:
    (lease,) = house.run(a_job_of(house))
    house.clock.turn(8 * 86400)

    freed = house.clean(replace(MONTH, logs=7 * DAY))

    assert (freed.logs, freed.log_bytes, freed.jobs) == (1, 6, 0)
    assert house.log(lease) == b""


def test_the_journal_is_cut_and_its_numbers_continue(house: House) -> None:
    house.run(a_job_of(house))
    last = house.desk.store.read(lambda reader: reader.last_seq())
    house.clock.turn(31 * 86400)

    freed = house.clean(Retention(journal=30 * DAY))
    house.run(a_job_of(house, "later"))

    cut, newest = house.desk.store.read(lambda reader: (reader.journal_cut(), reader.last_seq()))
    assert (freed.journal_entries, cut) == (last - 1, last - 1)
    assert newest > last


def test_nothing_is_deleted_with_unlimited_retention(house: House) -> None:
    house.run(a_job_of(house), run_id="r1")
    house.clock.turn(4000 * 86400)

    assert house.clean(Retention()) == Freed()


def test_deleting_a_run_delays_no_commit_by_more_than_a_few_milliseconds(house: House) -> None:
    for number in range(3):
        house.run(*[a_job_of(house, f"job{n}") for n in range(80)], run_id=f"r{number}")
    house.clock.turn(31 * 86400)
    durations: list[int] = []
    house.desk.store.listen(lambda commit: durations.append(commit.duration_ns))

    house.clean()

    assert sorted(durations)[len(durations) // 2] < 100_000_000  # 3 ms here; a loaded machine takes its time


def test_workers_that_left_go_with_the_last_job_they_ran_and_are_welcome_again(house: House) -> None:
    store = house.desk.store
    for number in range(120):
        house.desk.join(f"old-{number}")
        store.transact(partial(worker_registry.leave, worker_id=f"old-{number}")).result()
    house.run(a_spec("train"))
    store.transact(partial(worker_registry.leave, worker_id="w1")).result()
    house.clock.time += 31 * DAY

    assert house.clean(Retention(workers=30 * DAY), is_dry=True) == Freed(workers=120)
    assert house.clean(Retention(workers=30 * DAY)) == Freed(workers=120)
    assert house.clean().workers == 1
    house.desk.join("w1")

    assert [worker.id for worker in store.read(lambda reader: reader.workers())] == ["w1"]


def test_a_dry_round_counts_no_worker_that_a_job_about_to_go_names(house: House) -> None:
    retention = Retention(dags=30 * DAY, workers=30 * DAY)
    house.run(a_spec("train"))
    house.desk.store.transact(partial(worker_registry.leave, worker_id="w1")).result()
    house.clock.time += 31 * DAY

    dry, real = house.clean(retention, is_dry=True), house.clean(retention)

    assert (dry.dags, dry.workers) == (1, 0)
    assert (real.dags, real.workers) == (1, 1)


async def recorded(house: House, *entries: Entry) -> None:
    """Record entries, large payloads as blobs."""
    preparer = Preparer(EntryRedactor(make_redactor(key=b"k" * 32)), ListedPrices())
    live = partial(live_submissions, house.desk.store)
    recorder = Recorder(house.calls, house.blobs, preparer=preparer, live=live, clock=house.clock)
    await recorder.record(PROJECT, lambda: entries)
    recorder.close()


def test_the_payloads_of_recorded_runs_that_go_go_with_them_unless_something_else_has_the_same(house: House) -> None:
    own, others, script = (f'"{letter * BLOB_BYTES}"' for letter in "abc")
    payloads = {"a1": own, "a2": others, "a3": script}
    calls = [structs.replace(a_call(id), inputs=Payload(text)) for id, text in payloads.items()]
    asyncio.run(recorded(house, *calls, a_word(seconds=9, end=RunEnd.COMPLETED)))
    house.clock.turn(40 * DAY.total_seconds())
    asyncio.run(recorded(house, structs.replace(a_call(run_id="R_2"), inputs=Payload(others))))
    house.desk.submit(a_new_dag(replace(a_spec(), script=house.blobs.put(script.encode()))))

    freed = house.clean(replace(MONTH, recorded=30 * DAY))

    assert (freed.recorded, freed.blobs) == (1, 1)
    left = {id: house.blobs.path(sha256(text.encode()).hexdigest()) is not None for id, text in payloads.items()}
    assert left == {"a1": False, "a2": True, "a3": True}


def test_a_run_without_recordings_is_deleted_with_its_stages_and_one_with_some_stays(house: House) -> None:
    house.run(a_job_of(house), run_id="bare")
    house.run(a_job_of(house), run_id="R_1")
    asyncio.run(recorded(house, a_call(run_id="R_1")))
    house.follow_journal()
    house.clock.turn(40 * DAY.total_seconds())
    house.follow_journal()

    freed = house.clean(MONTH)

    assert freed.runs == 2
    assert house.listed() == ["R_1"]
    assert house.clean(replace(MONTH, recorded=30 * DAY)).recorded == 1
    assert house.listed() == []


def test_a_run_whose_recordings_are_old_is_listed_as_long_as_its_stages_are_there(house: House) -> None:
    house.run(a_job_of(house), run_id="R_1")
    asyncio.run(recorded(house, a_call(run_id="R_1")))
    house.clock.turn(40 * DAY.total_seconds())
    house.follow_journal()

    first, second = (house.clean(Retention(recorded=30 * DAY)) for _ in range(2))

    assert (first.recorded, second.recorded) == (1, 0)
    run = house.calls.read(lambda calls: calls.run(PROJECT, "R_1"))
    assert run is not None
    assert (run.has_stages, run.tally.calls, run.entry_count) == (True, 0, 0)
    assert house.clean(MONTH).runs == 1
    assert house.listed() == []


def test_a_pin_keeps_the_files_keys_and_journal_of_a_run(house: House) -> None:
    house.run(a_job_of(house), run_id="pinned")
    house.run(a_job_of(house), run_id="other")
    house.pin("pinned")
    file = StoredFile(name="f", digest=house.put(b"f"), size_bytes=1, run_id="pinned")
    key = StoredValue(value="v", artifact=house.put(b"v"), run_id="pinned")
    house.desk.store.transact(lambda tx: tx.put_file(PROJECT, file)).result()
    house.desk.store.transact(lambda tx: tx.put_value(PROJECT, "k", key)).result()
    of_pinned = house.desk.store.read(lambda reader: len(reader.journal(PROJECT, run_id="pinned", limit=99)))
    house.clock.turn(40 * DAY.total_seconds())
    month = 30 * DAY

    freed = house.clean(Retention(files=month, journal=month, logs=month))

    assert (freed.files, freed.keys, freed.logs) == (0, 0, 1)
    assert house.desk.store.read(lambda reader: len(reader.journal(PROJECT, run_id="pinned", limit=99))) == of_pinned
    assert freed.journal_entries > 0
