"""Recording: what comes together is written together, a fault harms nobody else, and too much is asked to wait."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import apsw
import pytest
from msgspec.structs import replace

from tests.support.builders import NOON, PROJECT
from tests.support.call_stores import actions_of, kept, run_of, tape_of
from tests.support.recorded import RUN, a_call, a_span, a_word, at
from tests.support.stores import PATIENCE_SECONDS, StandingClock
from tests.support.waiting import wait_until
from titan.model.actions import (
    MAX_TAGS,
    MORE_TAGS,
    SHARED_MARK,
    ActionEntry,
    ActionKind,
    Entry,
    ModelUse,
    Payload,
    RunEnd,
    Source,
)
from titan.model.errors import InvalidInput, StoreRefused, StoreUnavailable
from titan.model.run_control import RunStatus, StatusSource
from titan.model.runs import Run
from titan.ports.runs_store import CallStore, CallTransaction, StoredEntry
from titan.recorder.preprocess import Preparer
from titan.recorder.recorder import BLOB_BYTES, MAX_UNREAD, MAX_WAITING, Recorded, Recorder
from titan.rules.redaction import EntryRedactor, make_redactor
from titan.rules.runs.lifecycle import IDLE, IDLE_WITHIN_CALL
from titan.rules.runs.merge_reports import NEVER_ENDED
from titan.store.blobs import FolderBlobs
from titan.store.runs.sqlite_store import SqliteCallStore
from titan_sdk.redaction.patterns import VERSION

T = TypeVar("T")

SECRET = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"


class TwoCentsEach:
    """Prices of a market where every call with a model costs the same."""

    def cost_of(self, use: ModelUse, *, at: datetime) -> Decimal | None:
        """Return two cents, for a model that is named."""
        return None if use.model is None else Decimal("0.02")


class Desk:
    """A recorder on a real store, whose writer can be held up."""

    def __init__(self, home: Path) -> None:
        self.clock = StandingClock()
        self.store = SqliteCallStore(home / "calls.db", clock=self.clock)
        self.blobs = FolderBlobs(home / "blobs")
        self.recorder = self.a_recorder(self.store)

    def a_recorder(self, store: CallStore) -> Recorder:
        """Return a recorder that writes to `store`."""
        redactor = EntryRedactor(make_redactor(key=b"k" * 32))
        preparer = Preparer(redactor, TwoCentsEach())
        return Recorder(
            store, self.blobs, preparer=preparer, live=lambda _project, _runs: frozenset(), clock=self.clock
        )

    async def record(self, *entries: Entry, project_id: str = PROJECT, is_imported: bool = False) -> Recorded:
        """Record entries."""
        return await self.recorder.record(project_id, lambda: entries, is_imported=is_imported)

    def hold_up(self) -> Callable[[], None]:
        """Have the writer write nothing until the returned function is called."""
        go_on = threading.Event()
        self.store.transact(lambda _tx: go_on.wait(PATIENCE_SECONDS))
        return go_on.set

    def tape(self) -> list[StoredEntry]:
        """Return the one run's tape."""
        return tape_of(self.store)

    def close(self) -> None:
        """Close recorder and store."""
        self.recorder.close()
        self.store.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Give a desk."""
    desk = Desk(tmp_path)
    yield desk
    desk.close()


@asynccontextmanager
async def held_up(desk: Desk) -> AsyncIterator[None]:
    """Hold the writer up meanwhile."""
    go_on = desk.hold_up()
    try:
        yield
    finally:
        go_on()


async def settled(is_so: Callable[[], bool]) -> None:
    """Let other tasks go on until something is so."""
    await asyncio.to_thread(wait_until, is_so, "the recorder comes to it")


def stored_as(entry: ActionEntry) -> ActionEntry:
    """Return a call as it is stored: redacted by the patterns of today."""
    return replace(entry, redaction_version=VERSION)


def waiting(desk: Desk) -> int:
    """Return how many entries wait to be written."""
    count: int = vars(desk.recorder)["_waiting_entries"]
    return count


def test_new_entries_are_stored_and_known_ones_count_as_repeated(desk: Desk) -> None:
    async def run() -> list[Recorded]:
        return [await desk.record(a_word(), a_call()), await desk.record(a_call(), a_call("a2")), await desk.record()]

    told = asyncio.run(run())

    assert told == [
        Recorded(stored=2, repeated=0),
        Recorded(stored=1, repeated=1),
        Recorded(stored=0, repeated=0),
    ]
    assert [stored.entry for stored in desk.tape()] == [a_word(), stored_as(a_call()), stored_as(a_call("a2"))]


def test_an_import_that_adds_entries_marks_the_run_as_not_yet_trusted(desk: Desk) -> None:
    def tell(entry: Entry, *, is_imported: bool) -> Run:
        asyncio.run(desk.record(entry, is_imported=is_imported))
        run = run_of(desk.store)
        assert run is not None
        return run

    assert tell(a_call(), is_imported=False).imported_at is None
    assert tell(a_call(), is_imported=True).imported_at is None  # nothing of it was new
    marked = tell(a_call("a2"), is_imported=True)
    assert marked.imported_at == desk.clock.now()

    trusted_at = desk.clock.now()
    kept(desk.store, lambda tx: tx.save_run(replace(marked, trusted_at=trusted_at)))
    assert tell(a_call("a3"), is_imported=False).trusted_at == trusted_at
    again = tell(a_call("a4"), is_imported=True)
    assert (again.imported_at, again.trusted_at) == (desk.clock.now(), None)


def test_an_import_marks_its_own_runs_alone_when_several_reports_are_written_together(desk: Desk) -> None:
    async def run() -> None:
        async with held_up(desk):
            told = [
                asyncio.create_task(desk.record(replace(a_call(), run_id=name), is_imported=name == "b"))
                for name in ("a", "b", "c")
            ]
            await settled(lambda: waiting(desk) == 3)
        await asyncio.gather(*told)

    asyncio.run(run())

    runs = {name: run_of(desk.store, name) for name in ("a", "b", "c")}
    assert [name for name, run in runs.items() if run is not None and run.imported_at is not None] == ["b"]


def test_an_import_under_the_name_of_a_trace_marks_the_run_that_the_trace_is_of(desk: Desk) -> None:
    trace = "a" * 32
    named = replace(a_word(), traces=(trace,))
    span = replace(a_call("a2"), run_id=trace, source=Source.OTLP)

    asyncio.run(desk.record(named))
    asyncio.run(desk.record(span, is_imported=True))

    run = run_of(desk.store)
    assert run is not None
    assert run.imported_at is not None


def test_the_number_of_stored_tags_is_limited_in_recording_and_lists(desk: Desk) -> None:
    tags = tuple(f"t{place}" for place in range(5000))

    asyncio.run(desk.record(replace(a_word(), tags=tags), replace(a_call(), tags=tags)))

    kept = (*tags[:MAX_TAGS], MORE_TAGS)
    assert [stored.entry.tags for stored in desk.tape()] == [kept, kept]


def test_entries_that_arrive_while_the_writer_is_busy_are_written_together(desk: Desk) -> None:
    commits: list[object] = []
    desk.store.listen(commits.append)

    async def run() -> list[Recorded]:
        async with held_up(desk):
            tasks = [asyncio.create_task(desk.record(a_call(f"a{number}"))) for number in range(20)]
            tasks.append(asyncio.create_task(desk.record(a_call(), project_id="other")))
            await settled(lambda: waiting(desk) == 21)
        return await asyncio.gather(*tasks)

    assert asyncio.run(run()) == [Recorded(stored=1, repeated=0)] * 21
    assert len(commits) == 2  # the entries, and the totals of both runs


def test_an_unreadable_request_is_refused_and_nothing_of_it_stored(desk: Desk) -> None:
    def read() -> Iterable[Entry]:
        yield a_call()
        raise InvalidInput("entry 2", expected="a name", found="none", next_step="Name it.")

    with pytest.raises(InvalidInput):
        asyncio.run(desk.recorder.record(PROJECT, read))
    assert desk.tape() == []


def test_a_fault_in_one_batch_does_not_harm_the_others(desk: Desk) -> None:
    bad = replace(a_call("bad"), duration_ns=2**70)  # no column holds that

    async def run() -> list[Recorded | BaseException]:
        async with held_up(desk):
            tasks = [asyncio.create_task(desk.record(entry)) for entry in (a_call("a1"), bad, a_call("a2"))]
            await settled(lambda: waiting(desk) == 3)
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, second, third = asyncio.run(run())

    assert (first, third) == (Recorded(stored=1, repeated=0),) * 2
    assert isinstance(second, Exception)
    assert [stored.entry for stored in desk.tape()] == [stored_as(a_call("a1")), stored_as(a_call("a2"))]


def test_a_caller_that_goes_away_stops_nothing(desk: Desk) -> None:
    async def run() -> Recorded:
        async with held_up(desk):
            gone = asyncio.create_task(desk.record(a_call("gone")))
            stays = asyncio.create_task(desk.record(a_call("stays")))
            await settled(lambda: waiting(desk) == 2)
            gone.cancel()
            await asyncio.wait([gone])
        return await asyncio.wait_for(stays, PATIENCE_SECONDS)

    assert asyncio.run(run()) == Recorded(stored=1, repeated=0)
    assert [stored.entry for stored in desk.tape()] == [stored_as(a_call("gone")), stored_as(a_call("stays"))]


def test_when_too_much_waits_to_be_written_clients_are_asked_to_wait(desk: Desk) -> None:
    many = [a_call(f"a{number}") for number in range(MAX_WAITING + 1)]

    async def run() -> Recorded:
        async with held_up(desk):
            first = asyncio.create_task(desk.record(*many))
            await settled(lambda: waiting(desk) > MAX_WAITING)
            with pytest.raises(StoreUnavailable, match="send it again"):
                await desk.record(a_call("late"))
        await first
        return await desk.record(a_call("late"))

    assert asyncio.run(run()) == Recorded(stored=1, repeated=0)


def test_when_too_much_waits_to_be_read_clients_are_asked_to_wait(desk: Desk) -> None:
    go_on = threading.Event()

    def slow() -> Iterable[Entry]:
        go_on.wait(PATIENCE_SECONDS)
        return []

    async def run() -> Recorded:
        tasks = [asyncio.create_task(desk.recorder.record(PROJECT, slow)) for _ in range(MAX_UNREAD + 1)]
        await settled(lambda: vars(desk.recorder)["_unread"] > MAX_UNREAD)
        with pytest.raises(StoreUnavailable, match="to be read"):
            await desk.record(a_call())
        go_on.set()
        await asyncio.gather(*tasks)
        return await desk.record(a_call())

    assert asyncio.run(run()) == Recorded(stored=1, repeated=0)


def test_a_store_that_refuses_before_it_asks_leaves_nobody_waiting(desk: Desk) -> None:
    desk.store.close()

    with pytest.raises(StoreUnavailable):
        asyncio.run(desk.record(a_call()))
    desk.recorder.close()
    with pytest.raises(StoreUnavailable):
        asyncio.run(desk.record(a_call()))


class FailingOnce(SqliteCallStore):
    """A store whose first transaction fails after it was written, before it is kept."""

    has_failed = False

    def transact(self, decide: Callable[[CallTransaction], T], *, is_durable: bool = True) -> "Future[T]":
        """Fail the first time."""

        def fail(tx: CallTransaction) -> T:
            result = decide(tx)
            if not self.has_failed:
                self.has_failed = True
                raise StoreRefused("a row", expected="a good one", found="a bad one", next_step="None.")
            return result

        return super().transact(fail, is_durable=is_durable)


def test_an_error_of_a_single_batch_is_returned_to_its_sender(tmp_path: Path, desk: Desk) -> None:
    store = FailingOnce(tmp_path / "other.db", clock=desk.clock)
    recorder = desk.a_recorder(store)

    async def run() -> Recorded:
        with pytest.raises(StoreRefused):
            await recorder.record(PROJECT, lambda: [a_call()])
        return await recorder.record(PROJECT, lambda: [a_call()])

    assert asyncio.run(run()) == Recorded(stored=1, repeated=0)
    recorder.close()
    store.close()


# --- what is stored ---


def stored_call(desk: Desk, entry: ActionEntry) -> ActionEntry:
    """Record a call and return it as it is kept."""
    asyncio.run(desk.record(entry))
    [stored] = desk.tape()
    assert isinstance(stored.entry, ActionEntry)
    return stored.entry


def test_a_payload_over_64_kib_becomes_a_blob_with_its_beginning_in_the_row(desk: Desk) -> None:
    text = f'{{"q":"{"é" * (BLOB_BYTES // 2)}","messages":{SHARED_MARK}}}'
    payload = Payload(text, ('"hello"',))

    kept = stored_call(desk, replace(a_call(), inputs=payload, outputs=Payload(f'"{"x" * (BLOB_BYTES - 2)}"')))

    assert kept.inputs is not None
    assert kept.inputs.blob is not None
    assert kept.outputs == Payload(f'"{"x" * (BLOB_BYTES - 2)}"')
    path = desk.blobs.path(kept.inputs.blob)
    assert path is not None
    assert path.read_text("utf-8") == payload.whole
    assert kept.inputs.text.startswith(f'{{"$blob":{{"sha256":"{kept.inputs.blob}"')
    assert len(kept.inputs.text) < 10_000
    digest = kept.inputs.blob
    assert desk.store.read(lambda reader: reader.named_blobs([digest])) == {digest}


def test_a_secret_reaches_neither_store_nor_blobs(desk: Desk, tmp_path: Path) -> None:
    kept = stored_call(desk, replace(a_call(), inputs=Payload(f'["{SECRET}","{"x " * BLOB_BYTES}"]')))

    assert [redacted.path for redacted in kept.redacted] == ["inputs[0]"]
    desk.close()
    content = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert SECRET.encode() not in content


@pytest.mark.parametrize(
    ("entry", "cost"),
    [
        (a_call(use=ModelUse(model="m")), ("0.02", True)),
        (a_call(use=ModelUse(model="m"), cost="0.5"), ("0.5", False)),
        (a_call(use=ModelUse(model="m"), cost="0"), ("0", False)),
        (a_call(use=ModelUse()), (None, False)),
        (a_call(use=ModelUse(model="m"), ends=None), (None, False)),
        (a_call(), (None, False)),
    ],
)
def test_a_call_of_a_model_without_a_cost_is_priced(
    desk: Desk, entry: ActionEntry, cost: tuple[str | None, bool]
) -> None:
    kept = stored_call(desk, entry)

    assert (None if kept.cost is None else str(kept.cost), kept.is_cost_estimated) == cost


def test_a_call_whose_model_and_tokens_come_apart_is_priced_and_again_when_its_own_estimate_counts(desk: Desk) -> None:
    named, counted = ModelUse(model="m"), ModelUse(input_tokens=3)
    begun, ended = a_span("s2", begins=1, ends=None, use=named), a_span("s2", begins=1, ends=2, use=counted)
    around, second = a_span("s1", ends=9, cost="0.5"), a_span("s3", begins=4, ends=5)
    desk.clock.advance(timedelta(seconds=9))
    costs = []

    for entry in (begun, ended, around, second):
        asyncio.run(desk.record(entry if entry is around else replace(entry, parent_id="s1")))
        actions = actions_of(desk.store)
        costs.append([action.cost for action in actions if action.kind is ActionKind.MODEL])

    small, large = Decimal("0.02"), Decimal("0.5")
    assert costs == [[None], [small], [large, small], [large, small, None]]


def test_runs_that_have_fallen_silent_are_ended(desk: Desk) -> None:
    desk.clock.advance(timedelta(seconds=1))
    asyncio.run(desk.record(a_call()))
    desk.clock.advance(IDLE + timedelta(seconds=1))

    def recorded() -> Run:
        found = run_of(desk.store)
        assert found is not None
        return found

    async def keep_until_it_ends() -> None:
        keeping = asyncio.create_task(desk.recorder.keep())
        await settled(lambda: recorded().status is not RunStatus.RUNNING)
        keeping.cancel()
        await asyncio.wait([keeping])

    asyncio.run(keep_until_it_ends())

    assert (recorded().status, recorded().ended_at) == (RunStatus.COMPLETED, NOON + timedelta(seconds=1))


def test_a_call_that_never_ended_fails_with_its_run(desk: Desk) -> None:
    asyncio.run(desk.record(a_call(ends=None), a_word(seconds=3, end=RunEnd.COMPLETED)))
    asyncio.run(desk.record(a_call("b1", run_id="R_2", ends=None)))
    desk.clock.advance(IDLE_WITHIN_CALL + timedelta(seconds=1))

    def stands(run_id: str) -> tuple[Run | None, list[str | None]]:
        return desk.store.read(
            lambda reader: (
                reader.run(PROJECT, run_id),
                [action.error_type for action in reader.actions_of_run(PROJECT, run_id)],
            )
        )

    async def keep_until_nothing_runs() -> None:
        keeping = asyncio.create_task(desk.recorder.keep())
        await settled(lambda: [stands(run_id)[1] for run_id in (RUN, "R_2")] == [[NEVER_ENDED]] * 2)
        keeping.cancel()
        await asyncio.wait([keeping])

    asyncio.run(keep_until_nothing_runs())

    told, silent = stands(RUN)[0], stands("R_2")[0]
    assert told is not None
    assert silent is not None
    assert (told.status, told.status_source) == (RunStatus.COMPLETED, StatusSource.EXPLICIT)
    assert (silent.status, silent.reason) == (RunStatus.FAILED, "broke off: 1 call never ended")


def test_bytes_of_a_deleted_run_that_a_reader_held_are_taken_off_the_disk_once_it_has_left(
    desk: Desk, tmp_path: Path
) -> None:
    def is_on_disk() -> bool:
        return any(b"zebracrossing" in path.read_bytes() for path in tmp_path.glob("calls.db*"))

    async def keep_until_it_is_gone() -> None:
        keeping = asyncio.create_task(desk.recorder.keep())
        await settled(lambda: not is_on_disk())
        keeping.cancel()
        await asyncio.wait([keeping])

    asyncio.run(desk.record(a_call(name="zebracrossing")))
    with closing(apsw.Connection(str(tmp_path / "calls.db"), flags=apsw.SQLITE_OPEN_READONLY)) as reader:
        reader.execute("begin; select count(*) from runs").fetchall()
        assert desk.store.transact(lambda tx: tx.forget_run(PROJECT, RUN)).result(PATIENCE_SECONDS)
        assert is_on_disk()

    asyncio.run(keep_until_it_is_gone())

    assert not is_on_disk()


def test_entries_moved_to_another_run_count_for_their_sender(desk: Desk) -> None:
    trace, answer = "a" * 32, f"chatcmpl-{'b' * 32}"
    use = ModelUse(model="m", response_id=answer)
    seen = replace(a_span(answer, run_id=answer, use=use), source=Source.ENDPOINT)
    of_its_own_run = a_word(run_id=answer, source=Source.ENDPOINT, name="One call of the model")
    home = replace(a_word(source=Source.OTLP, name="budget"), traces=(trace,))
    spans = [replace(a_span(f"s{number}", run_id=trace), ended_at=None) for number in range(3)]

    async def tell() -> list[Recorded]:
        first = [await desk.record(*spans[:2]), await desk.record(of_its_own_run, seen)]
        async with held_up(desk):
            ended = replace(spans[2], use=use, ended_at=at(1))
            batches = [(home, spans[0], spans[2]), (of_its_own_run, ended, seen, of_its_own_run), (a_call(),)]
            tasks = [asyncio.create_task(desk.record(*batch)) for batch in batches]
            await settled(lambda: waiting(desk) == 8)
        return [*first, *await asyncio.gather(*tasks)]

    told = asyncio.run(tell())

    assert [(each.stored, each.repeated) for each in told] == [(2, 0), (2, 0), (2, 1), (1, 3), (1, 0)]


def test_content_deleted_while_it_is_committed_is_requested_again(desk: Desk) -> None:
    entry = replace(a_call(), inputs=Payload(f'"{"x" * BLOB_BYTES}"'))
    in_the_way = True

    def delete_it(_commit: object) -> None:
        found = (
            desk.blobs.found(sha256(entry.inputs.text.encode()).hexdigest()) if entry.inputs and in_the_way else None
        )
        assert found is None or desk.blobs.discard(found)

    desk.store.listen(delete_it)
    with pytest.raises(StoreUnavailable):
        asyncio.run(desk.record(entry))
    in_the_way = False
    again = asyncio.run(desk.record(entry))

    [stored] = desk.tape()
    assert (again.stored, again.repeated) == (0, 1)
    assert isinstance(stored.entry, ActionEntry)
    assert stored.entry.inputs is not None
    assert desk.blobs.path(stored.entry.inputs.blob or "") is not None
