"""A run of a project that keeps no bodies keeps none of anybody's from then on, whoever tells of it."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from threading import Event

import pytest
from msgspec.structs import replace

from tests.support.builders import PROJECT
from tests.support.call_stores import check, count, everything_in, kept, run_of, tape_of
from tests.support.recorded import RUN, a_call, a_seen, a_word
from tests.support.recorded import a_span as a_model_span
from tests.support.stores import PATIENCE_SECONDS, StandingClock
from tests.support.telemetry import SPAN_ID, TRACE_ID, a_span, entries_of
from tests.support.waiting import wait_until
from titan.engine.bodiless import BodilessRuns
from titan.engine.preparing import Preparer
from titan.engine.recorder import BLOB_BYTES, Recorded, Recorder
from titan.engine.recording import record_entries
from titan.model.actions import (
    SHARED_MARK,
    ActionEntry,
    Entry,
    ModelUse,
    Payload,
    RunEntry,
    Source,
    project_detail,
)
from titan.ports_calls import CallStore
from titan.rules.bodiless import Bodiless
from titan.rules.entry_redaction import EntryRedactor
from titan.rules.redaction import make_redactor
from titan.store.blobs import FolderBlobs
from titan.store.calls.sqlite_store import SqliteCallStore

CANARY = "zebracrossing"
BODY = Payload(f'{{"messages":{SHARED_MARK}}}', (f'{{"content":"{CANARY}"}}',))
FINANCE = Bodiless.of(["finance"])
ANSWER = f"chatcmpl-{'a' * 32}"
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.response.id": ANSWER, "gen_ai.prompt": CANARY}


def prepared(entries: Sequence[Entry]) -> list[Entry]:
    """Return entries as they come from what prepares them."""
    redactor = EntryRedactor(make_redactor(key=b"k" * 32), FINANCE)
    return [redactor.clean(entry) for entry in entries]


def hear(store: CallStore, *entries: Entry, bodiless: BodilessRuns | None = None) -> None:
    """Record entries as a server does that has just begun."""
    runs = bodiless or BodilessRuns(FINANCE)
    kept(store, lambda tx: record_entries(tx, PROJECT, prepared(entries), bodiless=runs))
    count(store)


def seen(run_id: str) -> ActionEntry:
    """Return what our endpoint tells of the call, which names no project."""
    use = ModelUse(model="m", response_id=ANSWER)
    return replace(
        a_seen(ANSWER, run_id=run_id, parent_id=SPAN_ID, use=use), inputs=BODY, outputs=Payload(f'"{CANARY}"')
    )


def span(resource: Mapping[str, str]) -> list[Entry]:
    """Return what OpenTelemetry tells of the same call."""
    return list(entries_of(a_span(CHAT), resource={"titan.project": "finance", **resource}))


NAMED = a_word(name="budget")
TOLD: Mapping[str, Sequence[Entry]] = {
    "unnamed": [replace(a_call("a1"), inputs=BODY, details=f'{{"said":"{CANARY}"}}')],
    "named": [replace(a_call("a2"), inputs=BODY, project="Finance")],
    "word": [replace(NAMED, details=f'{{"traceback":"{CANARY}"}}')],
}


@pytest.mark.parametrize("order", list(permutations(TOLD)), ids=" ".join)
def test_one_word_is_enough_for_all_that_comes_with_it_and_later(store: CallStore, order: Sequence[str]) -> None:
    for name in order:
        hear(store, *TOLD[name])

    bodies = [each.inputs for each in entries(store) if isinstance(each, ActionEntry)]
    assert bodies.count(BODY) == (order.index("unnamed") < order.index("named"))  # what was recorded before stays
    run = run_of(store)
    assert run is not None
    assert (run.tally.calls, run.name) == (2, "budget")
    assert [entry.project for entry in entries(store) if isinstance(entry, RunEntry)].count("Finance") == 1
    assert check(store).broken is None


def entries(store: CallStore, run_id: str = RUN) -> list[Entry]:
    return [stored.entry for stored in tape_of(store, run_id)]


def test_runs_of_other_projects_keep_theirs(store: CallStore) -> None:
    call = replace(a_call(), inputs=BODY)

    hear(
        store,
        replace(call, project="shop"),
        replace(call, run_id="R_2"),
        replace(call, run_id="R_3", project="finance"),
    )

    bodies = [[each.inputs for each in entries(store, run) if isinstance(each, ActionEntry)] for run in (RUN, "R_2")]
    assert bodies == [[BODY], [BODY]]
    assert CANARY.encode() not in repr(entries(store, "R_3")).encode()


@pytest.mark.parametrize("seen_in", [ANSWER, TRACE_ID, "budget-1"], ids=["its own run", "its trace", "the named run"])
@pytest.mark.parametrize("resource", [{}, {"titan.agent_run_id": "budget-1"}], ids=["a trace", "a named run"])
@pytest.mark.parametrize("is_together", [True, False])
def test_a_call_that_the_endpoint_saw_has_none_where_its_span_said_the_project(
    store: CallStore, resource: dict[str, str], seen_in: str, *, is_together: bool
) -> None:
    for batch in [[seen(seen_in), *span(resource)]] if is_together else [span(resource), [seen(seen_in)]]:
        hear(store, *batch)

    if seen_in == "budget-1" and not resource:  # the call named another run than its span
        assert CANARY not in repr(entries(store, TRACE_ID))
        return
    assert CANARY.encode() not in everything_in(store)
    run = run_of(store, resource.get("titan.agent_run_id", TRACE_ID))
    assert run is not None
    assert run.tally.calls == 1


OF_THE_TRACE = replace(a_call("s1", run_id=TRACE_ID, source=Source.OTLP), inputs=BODY)
NAMES = replace(a_word(run_id="budget-1", source=Source.OTLP), traces=(TRACE_ID,))
SAYS_ANSWER = a_model_span("s2", run_id="budget-1", use=ModelUse(model="m", response_id=ANSWER))
#: What says the project under another name of the run, what gives the run that name, and what then comes with content.
NAMED_LATE: Mapping[str, tuple[Sequence[Entry], Sequence[Entry], Entry]] = {
    "a span under the trace's name": (
        [replace(OF_THE_TRACE, inputs=None, project="finance")],
        [NAMES],
        replace(OF_THE_TRACE, id="s3"),
    ),
    "a call under its answer's name": (
        [replace(seen(ANSWER), inputs=None, outputs=None, ended_at=None, project="finance")],
        [SAYS_ANSWER],
        seen(ANSWER),
    ),
}


@pytest.mark.parametrize("told", NAMED_LATE.values(), ids=NAMED_LATE)
def test_a_run_keeps_none_that_was_told_to_be_of_the_project_under_another_name_of_it(
    store: CallStore, told: tuple[Sequence[Entry], Sequence[Entry], Entry]
) -> None:
    says, names, later = told
    hear(store, *says)
    hear(store, *names)

    hear(store, later)
    hear(store, replace(a_call("own", run_id="budget-1"), inputs=BODY))

    run = run_of(store, "budget-1")
    assert run is not None
    assert FINANCE.is_noted(run.details_told)
    assert CANARY.encode() not in everything_in(store)


def test_what_was_recorded_before_the_project_was_chosen_stays_as_it_was(store: CallStore) -> None:
    named = replace(a_call("a1"), inputs=BODY, project="finance")
    kept(store, lambda tx: record_entries(tx, PROJECT, [named]))

    hear(store, replace(a_call("a2"), inputs=BODY))

    found = {each.id: each.inputs for each in entries(store) if isinstance(each, ActionEntry)}
    assert found == {"a1": BODY, "a2": None}


def test_without_the_choice_a_run_shows_its_projects_and_keeps_all(store: CallStore) -> None:
    spans = [*span({}), *span({"titan.project": "shop"})]
    more = replace(a_call("x", run_id=TRACE_ID), project="late")

    for batch in (spans, [more], [more]):
        kept(store, lambda tx, batch=batch: record_entries(tx, PROJECT, batch))  # type: ignore[misc]

    told = [each.project for each in entries(store, TRACE_ID) if isinstance(each, RunEntry) and each.project]
    assert told == ["finance", "shop", "late"]
    assert CANARY in repr(entries(store, TRACE_ID))


def test_a_run_that_everybody_keeps_no_bodies_of_is_not_looked_at_again(store: CallStore) -> None:
    kept(store, lambda tx: record_entries(tx, PROJECT, [replace(a_call("a1"), inputs=BODY)]))
    nobody = BodilessRuns(Bodiless.of(["finance"], is_all=True))

    hear(store, replace(a_call("a2"), project="finance"), bodiless=nobody)

    assert BODY in [each.inputs for each in entries(store) if isinstance(each, ActionEntry)]


def test_details_that_only_look_like_a_project_name_none(store: CallStore) -> None:
    hear(store, replace(a_word(), details=project_detail("finances")), replace(a_call(), inputs=BODY))

    assert CANARY in repr(entries(store))


# --- content of its own ---


def a_recorder(store: CallStore, blobs: FolderBlobs, discarded: list[str]) -> Recorder:
    async def discard(digests: Collection[str]) -> None:
        discarded.extend(digests)

    preparer = Preparer(EntryRedactor(make_redactor(key=b"k" * 32), FINANCE), None, FINANCE)
    return Recorder(
        store,
        blobs,
        preparer=preparer,
        live=lambda _project, _runs: frozenset(),
        clock=StandingClock(),
        discard=discard,
    )


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_large_bodies_are_not_even_written_once_the_run_is_known(tmp_path: Path) -> None:
    store, blobs = SqliteCallStore(tmp_path / "calls.db", clock=StandingClock()), FolderBlobs(tmp_path / "blobs")
    recorder = a_recorder(store, blobs, [])
    large = Payload(f'"{CANARY * BLOB_BYTES}"')

    async def tell() -> None:
        await recorder.record(
            PROJECT, lambda: [replace(a_call("a1"), inputs=large), replace(a_word(), project="finance")]
        )
        await recorder.record(PROJECT, lambda: [replace(a_call("a2"), inputs=large, outputs=large)])

    asyncio.run(tell())
    recorder.close()

    assert files_below(tmp_path / "blobs") == []
    assert CANARY.encode() not in everything_in(store)
    store.close()


def test_large_bodies_that_were_written_while_the_word_waited_are_discarded(tmp_path: Path) -> None:
    store, blobs = SqliteCallStore(tmp_path / "calls.db", clock=StandingClock()), FolderBlobs(tmp_path / "blobs")
    discarded: list[str] = []
    recorder = a_recorder(store, blobs, discarded)

    large = replace(a_call("a1"), inputs=Payload(f'"{"a" * 2 * BLOB_BYTES}"'))
    go_on = Event()

    async def tell() -> None:
        store.transact(lambda _tx: go_on.wait(PATIENCE_SECONDS))
        word = asyncio.create_task(recorder.record(PROJECT, lambda: [replace(a_word(), project="finance")]))
        call = asyncio.create_task(recorder.record(PROJECT, lambda: [large]))
        await asyncio.to_thread(wait_until, lambda: len(files_below(tmp_path / "blobs")) == 1, "it is written")
        go_on.set()
        await asyncio.gather(word, call)
        for _ in range(2):
            await recorder.discard_left()

    asyncio.run(tell())
    recorder.close()

    [written] = files_below(tmp_path / "blobs")
    assert discarded == [written.name]
    assert store.read(lambda reader: reader.named_blobs(discarded)) == set()
    store.close()


def test_large_bodies_that_were_written_just_before_the_word_was_stored_are_left(store: CallStore) -> None:
    hear(store, replace(a_word(), project="finance"))
    runs = BodilessRuns(FINANCE)

    hear(store, replace(a_call(), inputs=Payload(f'"{CANARY}"', blob="d1"), outputs=Payload("1")), bodiless=runs)

    assert list(runs.left) == ["d1"]
    assert CANARY.encode() not in everything_in(store)


def test_a_run_that_was_deleted_and_recorded_anew_for_another_project_keeps_its_bodies(tmp_path: Path) -> None:
    store, blobs = SqliteCallStore(tmp_path / "calls.db", clock=StandingClock()), FolderBlobs(tmp_path / "blobs")
    recorder = a_recorder(store, blobs, [])
    bodies = {"inputs": BODY, "outputs": Payload(f'"{"a" * 2 * BLOB_BYTES}"')}

    async def tell() -> None:
        await recorder.record(PROJECT, lambda: [replace(a_call(), **bodies, project="finance")])
        kept(store, lambda tx: tx.forget_run(PROJECT, RUN))
        await recorder.record(PROJECT, lambda: [replace(a_call(), **bodies, project="shop")])

    asyncio.run(tell())
    recorder.close()

    [call] = [each for each in entries(store) if isinstance(each, ActionEntry)]
    assert (call.inputs, call.outputs is not None) == (BODY, True)
    assert len(files_below(tmp_path / "blobs")) == 1
    store.close()


def test_new_entries_count_as_stored_when_their_bodies_are_left_out(tmp_path: Path) -> None:
    store, blobs = SqliteCallStore(tmp_path / "calls.db", clock=StandingClock()), FolderBlobs(tmp_path / "blobs")
    recorder = a_recorder(store, blobs, [])
    calls = [replace(a_call(f"a{number}"), inputs=BODY) for number in range(5)]

    async def tell() -> list[Recorded]:
        await recorder.record(PROJECT, lambda: [replace(a_word(), project="finance")])
        return [await recorder.record(PROJECT, lambda: calls) for _ in range(2)]

    told = asyncio.run(tell())
    recorder.close()

    assert told == [Recorded(stored=5, repeated=0), Recorded(stored=0, repeated=5)]
    store.close()


def test_a_run_of_the_same_name_in_another_project_of_the_server_keeps_its_bodies(tmp_path: Path) -> None:
    store, blobs = SqliteCallStore(tmp_path / "calls.db", clock=StandingClock()), FolderBlobs(tmp_path / "blobs")
    recorder = a_recorder(store, blobs, [])

    async def tell() -> None:
        await recorder.record("elsewhere", lambda: [replace(a_call(), inputs=BODY, project="finance")])
        await recorder.record(PROJECT, lambda: [replace(a_call(), inputs=BODY)])

    asyncio.run(tell())
    recorder.close()

    assert [each.inputs for each in entries(store) if isinstance(each, ActionEntry)] == [BODY]
    store.close()
