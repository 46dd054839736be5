"""An export that is read back gives the same runs."""

from __future__ import annotations

import dataclasses
import json
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.support.builders import NOON
from titan.ingest.jsonl import Pinned, read_lines
from titan.ingest.values import Value, payload_of
from titan.insight.bodies import bodies_of, details_of
from titan.insight.export import ExportedRun, json_lines, note_line
from titan.insight.export_lines import NoteLine
from titan.model.actions import (
    ActionEntry,
    ActionKind,
    Effect,
    Entry,
    Failure,
    Impact,
    ModelUse,
    Outcome,
    Redaction,
    RunEnd,
    RunEntry,
    Source,
)
from titan.model.errors import InvalidInput
from titan.model.runs import Action, Note, Run
from titan.ports.runs_store import KnownCalls
from titan.rules.runs.recording import Applied, apply_entries

NOTHING = KnownCalls(runs={}, actions={}, next_number=1)
RUNS = ("r1", "r2")

texts = st.text(st.characters(codec="utf-8"), max_size=8)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
counts = st.none() | st.integers(0, 10**9)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.binary(max_size=3) | st.tuples(texts),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
message = st.fixed_dictionaries({"role": texts, "content": values})
messages = st.fixed_dictionaries({"messages": st.lists(message, max_size=3)})
payloads = (values | messages | messages.map(lambda given: {"args": [], "kwargs": given})).map(
    lambda value: payload_of(cast(Value, value))
)
uses = st.builds(
    ModelUse,
    model=st.none() | names,
    provider=st.none() | names,
    input_tokens=counts,
    output_tokens=counts,
    cache_read_tokens=counts,
    cache_write_tokens=counts,
    reasoning_tokens=counts,
).map(lambda use: None if use == ModelUse() else use)
notes = st.builds(
    Note,
    id=names,
    project_id=st.just("default"),
    run_id=st.just("r1"),
    action_id=st.none() | names,
    author=texts,
    at=st.datetimes(timezones=st.just(UTC)),
    name=st.none() | texts,
    score=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    text=texts,
)
details = st.none() | st.dictionaries(names, texts, max_size=2).map(json.dumps)


@st.composite
def action_entries(draw: st.DrawFn, place: int) -> ActionEntry:
    started_at = NOON + timedelta(seconds=place)
    has_ended = draw(st.booleans())
    outcome = draw(st.sampled_from(Outcome)) if has_ended else None
    is_failure = outcome in (Outcome.ERROR, Outcome.BLOCKED)
    return ActionEntry(
        id=f"a{place}",
        run_id=draw(st.sampled_from(RUNS)),
        source=Source.SDK,
        kind=draw(st.sampled_from(ActionKind)),
        name=draw(names),
        started_at=started_at,
        ended_at=started_at + timedelta(microseconds=draw(st.integers(0, 999_999))) if has_ended else None,
        duration_ns=draw(st.none() | st.integers(0, 2**62)),
        outcome=outcome,
        parent_id=draw(st.none() | st.just(f"a{place - 1}")),
        actor=draw(st.none() | names),
        inputs=draw(st.none() | payloads),
        outputs=draw(st.none() | payloads),
        failure=Failure(type=draw(names), message=draw(texts), traceback=draw(st.none() | texts))
        if is_failure
        else None,
        cost=draw(st.none() | st.decimals(0, 1000, places=12)),
        is_cost_estimated=draw(st.booleans()),
        use=draw(st.none() | uses),
        tags=tuple(draw(st.lists(names, max_size=2, unique=True))),
        impact=draw(st.none() | st.sampled_from(Impact)),
        effect=draw(st.none() | st.sampled_from(Effect)),
        is_redacted=draw(st.booleans()),
        redacted=tuple(draw(st.lists(st.builds(Redaction, path=texts, name=texts, fingerprint=texts), max_size=1))),
        details=draw(details),
    )


@st.composite
def recordings(draw: st.DrawFn) -> list[Entry]:
    """What was heard of two runs: who they are, their calls, and of one or both the end."""
    heads = [
        RunEntry(
            run_id=run_id,
            source=Source.SDK,
            at=NOON,
            agent_id=draw(names),
            session_id=draw(st.none() | names),
            parent_run_id=draw(st.none() | names),
            forked_at_action_id=draw(st.none() | names),
            name=draw(st.none() | names),
            done=draw(st.none() | st.integers(0, 9)),
            total=draw(st.none() | st.integers(0, 9)),
            tags=tuple(draw(st.lists(names, max_size=2, unique=True))),
        )
        for run_id in RUNS
    ]
    calls = [draw(action_entries(place)) for place in range(draw(st.integers(0, 5)))]
    ends = [
        RunEntry(run_id=run_id, source=Source.SDK, at=NOON + timedelta(minutes=1), end=end, reason=draw(texts) or None)
        for run_id in RUNS
        if (end := draw(st.none() | st.sampled_from(RunEnd))) is not None
    ]
    return [*heads, *calls, *ends]


def settled(entries: Iterable[Entry]) -> Applied:
    return apply_entries(list(entries), NOTHING, project_id="default", now=NOON + timedelta(days=1))


def exported(entries: Sequence[Entry]) -> list[ExportedRun]:
    """Return the runs of a recording as its store would give them."""
    result = settled(entries)
    tapes: dict[int, list[ActionEntry]] = {}
    for kept in result.kept:
        if isinstance(kept.entry, ActionEntry) and kept.action_number is not None:
            tapes.setdefault(kept.action_number, []).append(kept.entry)
    return [
        ExportedRun(
            run=run,
            actions=[(action, bodies_of(tapes[action.number])) for action in result.actions if action.run_id == run.id],
        )
        for run in result.runs
    ]


def entries_of(lines: Iterable[bytes]) -> list[Entry]:
    """Return what the lines say of runs and actions."""
    return [told for told in read_lines(lines) if isinstance(told, RunEntry | ActionEntry)]


def runs_of(result: Applied) -> list[Run]:
    """Return runs without what an import tells anew: how many entries told of them."""
    return [replace(run, entry_count=0) for run in result.runs]


def calls_of(result: Applied) -> dict[str, Action]:
    return {action.id: replace(action, number=0) for action in result.actions}


@given(recordings())
def test_an_import_of_an_export_gives_the_same_runs_actions_and_bodies(entries: list[Entry]) -> None:
    before = exported(entries)

    read = entries_of(list(json_lines(before)))

    once, again = settled(entries), settled(read)
    assert runs_of(again) == runs_of(once)
    assert calls_of(again) == calls_of(once)
    told = {entry.id: entry for entry in read if isinstance(entry, ActionEntry)}
    for entry in (entry for entry in entries if isinstance(entry, ActionEntry)):
        back = told[entry.id]
        assert (back.inputs and back.inputs.whole) == (entry.inputs and entry.inputs.whole)
        assert (back.outputs and back.outputs.whole) == (entry.outputs and entry.outputs.whole)
        assert (back.failure, back.redacted, back.details) == (entry.failure, entry.redacted, entry.details)


@given(recordings())
def test_an_import_read_twice_adds_nothing(entries: list[Entry]) -> None:
    lines = list(json_lines(exported(entries)))

    once, twice = settled(entries_of(lines)), settled(entries_of([*lines, *lines]))

    assert twice.actions == once.actions
    assert [run.tally for run in twice.runs] == [run.tally for run in once.runs]


@given(recordings(), st.lists(notes, max_size=3), st.none() | st.just(NOON))
def test_notes_and_pins_are_read_as_written(entries: list[Entry], said: list[Note], pinned_at: datetime | None) -> None:
    first, *others = exported(entries)
    pinned = dataclasses.replace(first, run=replace(first.run, pinned_at=pinned_at), notes=said)

    read = list(read_lines(json_lines([*others, pinned])))

    assert [told for told in read if isinstance(told, NoteLine)] == [note_line(note, pinned) for note in said]
    pins = [(told.run_id, told.at) for told in read if isinstance(told, Pinned)]
    assert pins == ([] if pinned_at is None else [("r1", pinned_at)])


def a_note_line(**fields: object) -> bytes:
    return json.dumps(
        {"type": "note", "id": "n", "run_id": "r", "author": "ann", "at": "2026-03-01T12:00:00Z", **fields}
    ).encode()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"run_id": "other"}, "line 2 of the import.*a note on a run that stands before it.*'other'"),
        ({"author": None}, r"line 2 of the import.*\$\.author"),
        ({"at": "2026-03-01T12:00:00"}, r"line 2 of the import.*\$\.at"),
        ({"id": ""}, r"line 2 of the import.*\$\.id"),
        ({"score": "good"}, r"line 2 of the import.*\$\.score"),
        ({"text": None}, r"line 2 of the import.*\$\.text"),
        ({"at": "0001-01-01T00:00:00+10:00"}, r"line 2 of the import.*the years 1 to 9999"),
    ],
)
def test_a_note_that_cannot_be_read_is_refused_with_its_line(fields: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        list(read_lines([a_line(action="x"), a_note_line(**fields)], is_partial=True))


def a_line(**fields: object) -> bytes:
    return json.dumps(
        {"type": "action", "id": "a", "run_id": "r", "started_at": "2026-03-01T12:00:00Z", **fields}
    ).encode()


def test_both_spellings_of_name_and_duration_are_read() -> None:
    by_one = list(read_lines([a_line(action="search", duration_ms=2.5)], is_partial=True))
    by_other = list(read_lines([a_line(name="search", duration_ns=2_500_000)], is_partial=True))

    assert by_one == by_other


def test_a_cost_is_read_from_a_number_and_from_a_string() -> None:
    entries = read_lines([a_line(action="a", cost_usd=cost) for cost in ("0.1", 0.1)], is_partial=True)

    assert [entry.cost for entry in entries if isinstance(entry, ActionEntry)] == [Decimal("0.1")] * 2


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([b"{}"], "line 1 of the import"),
        ([b"\n", b"nonsense"], "line 2 of the import"),
        ([b"\xff"], "line 1"),
        ([b"[" * 5000], "line 1"),
        ([a_line()], "action or name"),
        ([a_line(action="a", cost_usd="NaN")], "cost"),
        ([a_line(action="a", started_at="2026-03-01T12:00:00")], "started_at"),
        ([a_line(action="a", duration_ms=-1)], "duration_ms"),
        ([a_line(action="a", input_tokens=10**9 + 1)], r"line 1 of the import.*1000000000.*\$\.input_tokens"),
        ([a_line(action="a", details="str")], "line 1 of the import.*an object at details"),
        ([a_line(type="run", details=[1])], "line 1 of the import.*an object at details"),
        ([a_line(action="a", ended_at="9999-12-31T23:59:59-10:00")], "line 1 of the import.*the years 1 to 9999"),
        (
            [a_line(action="a"), a_line(action="b", ended_at="2020-01-01T00:00:00Z")],
            "line 2 of the import: ended_at: expected a time not before started_at, 20",
        ),
        ([a_line(type="run", ended_at="2020-01-01T00:00:00Z")], "line 1 of the import: ended_at"),
        ([b'{"type":"manifest","runs":1,"actions":0,"sha256":"0"}'], "manifest"),
    ],
)
def test_an_invalid_export_is_refused_with_its_line(lines: list[bytes], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        list(read_lines(lines))


def test_a_refused_file_is_said_to_be_kept_nowhere_and_which_export_can_be_imported() -> None:
    with pytest.raises(InvalidInput) as refused:
        list(read_lines([b"run_id,agent_id"]))

    assert refused.value.next_step.startswith("Nothing of it is kept. Import the JSONL export")


def test_a_file_that_was_changed_is_refused_at_its_end() -> None:
    entry = RunEntry(run_id="r", source=Source.SDK, at=NOON, agent_id="ann")
    lines = list(json_lines(exported([entry])))

    with pytest.raises(InvalidInput, match="manifest"):
        list(read_lines([lines[0].replace(b"ann", b"bob"), *lines[1:]]))


def test_exports_one_behind_the_other_are_read_as_one() -> None:
    entry = RunEntry(run_id="r", source=Source.SDK, at=NOON, agent_id="ann")
    lines = list(json_lines(exported([entry])))

    read = list(read_lines([*lines, *[line.replace(b"\n", b"\r\n") for line in lines]]))

    assert {entry.run_id for entry in read} == {"r"}


def an_export(*, actions: int) -> list[bytes]:
    entries = [RunEntry(run_id="r", source=Source.SDK, at=NOON)]
    calls = [
        ActionEntry(
            id=f"a{number}", run_id="r", source=Source.SDK, kind=ActionKind.CALL, name="search", started_at=NOON
        )
        for number in range(actions)
    ]
    return list(json_lines(exported([*entries, *calls])))


def test_a_mark_of_the_byte_order_before_an_export_is_no_part_of_it() -> None:
    lines = an_export(actions=1)
    marked = [BOM_UTF8 + lines[0], *lines[1:]]

    assert list(read_lines(marked)) == list(read_lines(lines))
    assert list(read_lines(marked + marked)) == list(read_lines(lines + lines))


@pytest.mark.parametrize(
    ("left", "found"),
    [
        (lambda lines: lines[:-1], "found none after line 3"),
        (lambda lines: lines[:1], "found none after line 1"),
        (lambda lines: [*lines[:2], lines[2][:40]], "found line 3, which breaks off"),
        (lambda lines: [*lines[:-1], lines[-1][:-5]], "found line 4, which breaks off"),
        (lambda lines: [*lines, *lines[:2]], "found none after line 6"),
        (lambda lines: [], "found no line at all"),
        (lambda lines: [b"\n"], "found no line at all"),
    ],
)
def test_a_file_that_was_cut_off_is_refused_unless_it_is_said_to_be(
    left: Callable[[list[bytes]], list[bytes]], found: str
) -> None:
    lines = an_export(actions=2)

    with pytest.raises(InvalidInput, match=f"the end of the import: expected its last line, .*{found}") as refused:
        list(read_lines(left(lines)))

    assert "titan runs import --partial FILE" in refused.value.next_step


def test_the_rest_of_a_cut_off_file_is_read_on_request() -> None:
    lines = an_export(actions=2)

    whole = list(read_lines(lines))
    without_its_end = list(read_lines(lines[:-1], is_partial=True))
    cut_within_a_line = list(read_lines([*lines[:2], lines[2][:40]], is_partial=True))

    assert without_its_end == whole
    assert cut_within_a_line == [told for told in whole if not isinstance(told, ActionEntry) or told.id == "a0"]


def test_an_export_of_no_run_is_whole() -> None:
    assert list(read_lines(json_lines([]))) == []


@pytest.mark.parametrize(
    "details",
    [
        (),
        ('{"a":[1]}',),
        ('{"a":[1]}', '{"b":"]"}', "{}"),
        ('{"project":"finance"}', '{"a":[1]}', '{"project":"é"}'),
        ('{"project":7}', '{"project":"a","b":"c"}', '{"project":" "}', '{"project":"\\u0061"}', '{"project":[[]]}'),
    ],
)
def test_details_of_a_run_are_restored_as_reported(details: tuple[str, ...]) -> None:
    [run] = exported([RunEntry(run_id="r", source=Source.SDK, at=NOON, agent_id="ann")])

    lines = list(json_lines([dataclasses.replace(run, details=details)]))

    assert details_of(entries_of(lines)) == details
    assert list(json_lines([dataclasses.replace(run, details=details_of(entries_of(lines)))])) == lines
