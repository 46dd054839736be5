"""What of a run is stored is decided as it begins: by its project, for all who report of it, from then on."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.support.builders import PROJECT
from tests.support.call_stores import check, count, everything_in, kept, run_of, tape_of
from tests.support.recorded import RUN, a_call, a_word
from tests.support.stores import StandingClock
from titan.model.actions import SHARED_MARK, ActionEntry, Entry, Payload
from titan.ports.runs_store import CallStore
from titan.recorder.preprocess import Preparer
from titan.recorder.recorder import BLOB_BYTES, Recorded, Recorder, record_entries
from titan.rules.redaction import EntryRedactor, make_redactor
from titan.rules.runs.recording import CAPTURES_ALL, ContentCapture
from titan.store.blobs import FolderBlobs
from titan.store.runs.sqlite_store import SqliteCallStore

CANARY = "zebracrossing"
BODY = Payload(f'{{"messages":{SHARED_MARK}}}', (f'{{"content":"{CANARY}"}}',))
CALL = replace(a_call("a1"), inputs=BODY, details=f'{{"said":"{CANARY}"}}')
NONE_HERE = ContentCapture(off_projects=frozenset({PROJECT}))


def hear(store: CallStore, *entries: Entry, capture: ContentCapture, project: str = PROJECT) -> None:
    """Record entries as a server does that has just begun with a setting."""
    kept(store, lambda tx: record_entries(tx, project, entries, capture=capture))
    count(store)


def inputs_of(entries: Iterable[Entry]) -> list[Payload | None]:
    return [entry.inputs for entry in entries if isinstance(entry, ActionEntry)]


def entries(store: CallStore) -> list[Entry]:
    return [stored.entry for stored in tape_of(store, RUN)]


def test_a_run_that_began_without_content_gets_none_when_the_project_is_on_again(store: CallStore) -> None:
    hear(store, CALL, capture=NONE_HERE)

    hear(store, replace(CALL, id="a2"), replace(a_word(), details=f'{{"said":"{CANARY}"}}'), capture=CAPTURES_ALL)

    assert inputs_of(entries(store)) == [None, None]
    assert CANARY.encode() not in everything_in(store)
    run = run_of(store)
    assert run is not None
    assert (run.keeps_content, run.tally.calls) == (False, 2)
    assert check(store).broken is None


def test_a_run_that_began_with_content_keeps_it_when_the_project_is_switched_off(store: CallStore) -> None:
    hear(store, CALL, capture=CAPTURES_ALL)

    hear(store, replace(CALL, id="a2"), capture=NONE_HERE)

    assert inputs_of(entries(store)) == [BODY, BODY]


def test_a_run_of_the_same_name_in_another_project_keeps_its_own(store: CallStore) -> None:
    hear(store, CALL, capture=NONE_HERE)
    hear(store, CALL, capture=NONE_HERE, project="elsewhere")

    found = store.read(lambda reader: reader.tape("elsewhere", RUN, limit=9))

    assert inputs_of(stored.entry for stored in found) == [BODY]
    assert inputs_of(entries(store)) == [None]


# --- through the recorder ---


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def recorded(home: Path, *batches: Iterable[Entry], capture: ContentCapture, is_fixed: bool = False) -> list[Recorded]:
    """Have a recorder record batches, one after the other."""
    store = SqliteCallStore(home / "calls.db", clock=StandingClock())
    preparer = Preparer(EntryRedactor(make_redactor(key=b"k" * 32)), None, capture)
    blobs = FolderBlobs(home / "blobs")
    recorder = Recorder(
        store, blobs, preparer=preparer, live=lambda _project, _runs: frozenset(), clock=StandingClock()
    )

    async def tell() -> list[Recorded]:
        return [await recorder.record(PROJECT, lambda batch=batch: batch, is_fixed=is_fixed) for batch in batches]  # type: ignore[misc]

    told = asyncio.run(tell())
    recorder.close()
    store.close()
    return told


def blobs_in(home: Path) -> list[Path]:
    return [path for path in (home / "blobs").rglob("*") if path.is_file()]


LARGE = replace(a_call("large"), inputs=Payload(f'"{CANARY * BLOB_BYTES}"'))


def test_large_content_of_such_a_run_is_not_even_written(home: Path) -> None:
    recorded(home, [LARGE], capture=NONE_HERE)
    recorded(home, [replace(LARGE, id="later")], capture=CAPTURES_ALL)

    assert blobs_in(home) == []


def test_large_content_of_a_run_that_began_before_is_written_as_ever(home: Path) -> None:
    recorded(home, [a_word()], capture=CAPTURES_ALL)
    recorded(home, [LARGE, a_call("small")], capture=NONE_HERE)

    assert len(blobs_in(home)) == 1


def test_entries_of_several_projects_come_in_one_request(home: Path) -> None:
    batch = [CALL, replace(CALL, project="shop"), replace(CALL, id="a2", project="shop")]

    told = recorded(home, batch, batch, capture=ContentCapture(off_projects=frozenset({"shop"})))

    assert told == [Recorded(stored=3, repeated=0), Recorded(stored=0, repeated=3)]
    store = SqliteCallStore(home / "calls.db", clock=StandingClock())
    tapes = {each: store.read(lambda reader, each=each: reader.tape(each, RUN, limit=9)) for each in (PROJECT, "shop")}  # type: ignore[misc]
    assert {each: inputs_of(stored.entry for stored in tape) for each, tape in tapes.items()} == {
        PROJECT: [BODY],
        "shop": [None, None],
    }
    assert {stored.entry.project for tape in tapes.values() for stored in tape} == {None}
    assert store.read(lambda reader: reader.projects()) == sorted([PROJECT, "shop"])
    store.close()


def test_where_the_project_is_fixed_no_entry_chooses_another(home: Path) -> None:
    recorded(home, [replace(CALL, project="shop")], capture=CAPTURES_ALL, is_fixed=True)

    store = SqliteCallStore(home / "calls.db", clock=StandingClock())
    assert store.read(lambda reader: reader.projects()) == [PROJECT]
    store.close()
