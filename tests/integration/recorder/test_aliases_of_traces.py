"""A trace is in one run: the one that a span of it names, whichever of its spans comes first."""

from collections.abc import Iterable, Sequence
from itertools import permutations

import pytest
from msgspec.structs import replace
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.builders import PROJECT
from tests.support.call_stores import actions_of, check, kept, record_heard, run_of
from tests.support.recorded import a_call, a_seen, a_word, at
from tests.support.telemetry import PARENT_ID, SPAN_ID, TRACE_ID, a_record, a_span, entries_of, logged
from titan.model.actions import ActionEntry, Entry, ModelUse, Payload, Source
from titan.model.run_control import RunStatus
from titan.model.runs import Note
from titan.ports.runs_store import CallStore

NAMED = "OTEL_RUN_1"
GRANDCHILD = "c" * 16
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 7}
TOOL = {"gen_ai.operation.name": "execute_tool"}
RESOURCE = {"service.name": "weather"}


def root(run_id: str = NAMED, span_id: str = PARENT_ID, parent_id: str = "") -> Span:
    return a_span({"titan.agent_run_id": run_id}, name="named run", span_id=span_id, parent_id=parent_id)


def child(span_id: str = SPAN_ID, parent_id: str = PARENT_ID) -> Span:
    return a_span(CHAT if span_id == SPAN_ID else TOOL, span_id=span_id, parent_id=parent_id)


def told(*spans: Span) -> list[Entry]:
    return list(entries_of(*spans, resource=RESOURCE))


def ids_in(store: CallStore, run_id: str) -> set[str]:
    return {action.id for action in actions_of(store, run_id)}


ALONE: Iterable[Sequence[Sequence[Span]]] = [
    [[span] for span in each] for each in permutations([root(), child(), child(GRANDCHILD, SPAN_ID)])
]
TOGETHER = [[each] for each in permutations([root(), child(), child(GRANDCHILD, SPAN_ID)])]


@pytest.mark.parametrize("batches", [*ALONE, *TOGETHER, [[child(GRANDCHILD, SPAN_ID)], [child(), root()]]])
def test_a_trace_is_in_the_run_that_its_root_span_names_in_any_order(
    store: CallStore, batches: Sequence[Sequence[Span]]
) -> None:
    for batch in batches:
        record_heard(store, told(*batch))

    run = run_of(store, NAMED)
    assert run is not None
    assert (run.agent_id, run.name, run.status) == ("weather", "named run", RunStatus.COMPLETED)
    assert (run.tally.calls, run.tally.input_tokens) == (2, 7)
    assert ids_in(store, NAMED) == {PARENT_ID, SPAN_ID, GRANDCHILD}
    assert run_of(store, TRACE_ID) == run
    assert check(store, NAMED).broken is None


@pytest.mark.parametrize("is_root_first", [True, False])
def test_log_records_and_calls_of_the_endpoint_in_the_trace_go_along(store: CallStore, *, is_root_first: bool) -> None:
    log = logged(a_record("gen_ai.user.message", {"content": "Hi"}, span_id=SPAN_ID))
    seen = a_seen("chatcmpl-1", run_id=TRACE_ID, parent_id=SPAN_ID, use=ModelUse(response_id="chatcmpl-1"))
    batches: list[Sequence[Entry]] = [[*log, seen], told(child()), told(root())]

    for batch in reversed(batches) if is_root_first else batches:
        record_heard(store, batch)

    run = run_of(store, NAMED)
    assert run is not None
    assert run.tally.calls == 1
    assert run_of(store, TRACE_ID) == run


def test_a_span_that_is_sent_again_after_its_trace_was_named_changes_nothing(store: CallStore) -> None:
    record_heard(store, told(child()))
    record_heard(store, told(root()))
    before = store.read(lambda reader: reader.version_of_run(PROJECT, NAMED))

    record_heard(store, told(child()))

    assert store.read(lambda reader: reader.version_of_run(PROJECT, NAMED)) == before


def test_other_traces_stay_where_they_are(store: CallStore) -> None:
    other = "f" * 32
    record_heard(store, list(entries_of(a_span(CHAT, trace_id=other))))

    record_heard(store, told(child(), root()))

    assert ids_in(store, other) == {SPAN_ID}


def test_notes_and_a_pin_move_with_the_trace_also_to_later_spans(store: CallStore) -> None:
    record_heard(store, told(child()))
    run = run_of(store, TRACE_ID)
    assert run is not None
    kept(store, lambda tx: tx.save_run(replace(run, pinned_at=at(9))))
    for action_id in (None, SPAN_ID, GRANDCHILD):
        note = Note(
            id=f"n-{action_id}",
            project_id=PROJECT,
            run_id=TRACE_ID,
            action_id=action_id,
            author="ada",
            at=at(9),
            score=1,
        )
        kept(store, lambda tx, note=note: tx.save_note(note))  # type: ignore[misc]  # mypy does not see through a default

    record_heard(store, told(root()))

    named = run_of(store, NAMED)
    assert named is not None
    assert named.pinned_at == at(9)
    notes = store.read(lambda reader: reader.notes_of_run(PROJECT, NAMED))
    assert {note.action_id for note in notes} == {None, SPAN_ID, GRANDCHILD}


# --- several names ---

INNER = "INNER_RUN"
MIDDLE = "d" * 16


@pytest.mark.parametrize(
    "spans", list(permutations([root(), root(INNER, MIDDLE, PARENT_ID), child(), child(GRANDCHILD, MIDDLE)]))
)
def test_each_run_that_a_trace_names_has_the_spans_below_its_name_in_a_request(
    store: CallStore, spans: Sequence[Span]
) -> None:
    record_heard(store, told(*spans))

    assert ids_in(store, NAMED) == {PARENT_ID, SPAN_ID}
    assert ids_in(store, INNER) == {MIDDLE, GRANDCHILD}


def test_spans_below_no_name_in_a_request_are_in_the_run_reported_first(store: CallStore) -> None:
    record_heard(store, told(child()))
    record_heard(store, told(root(INNER, MIDDLE, PARENT_ID)))
    record_heard(store, told(root()))
    record_heard(store, told(child(GRANDCHILD, SPAN_ID)))

    assert ids_in(store, INNER) == {MIDDLE, SPAN_ID, GRANDCHILD}
    assert ids_in(store, NAMED) == {PARENT_ID}


# --- runs that are somebody's ---


def test_a_run_named_by_the_trace_that_others_report_too_stays(store: CallStore) -> None:
    record_heard(store, [*told(child()), a_call("own", run_id=TRACE_ID)])

    record_heard(store, told(root()))

    assert ids_in(store, TRACE_ID) == {SPAN_ID, "own"}
    assert ids_in(store, NAMED) == {PARENT_ID}


def test_a_run_of_the_traces_name_that_submitted_stages_stays(store: CallStore) -> None:
    record_heard(store, told(child()))
    run = run_of(store, TRACE_ID)
    assert run is not None
    kept(store, lambda tx: tx.save_run(replace(run, has_stages=True)))

    record_heard(store, told(root()))

    assert ids_in(store, TRACE_ID) == {SPAN_ID}
    assert ids_in(store, NAMED) == {PARENT_ID}


def test_a_long_run_has_all_it_had_before_it_was_named(store: CallStore) -> None:
    ids = [f"{number:016x}" for number in range(1, 1203)]  # more than are read at once
    record_heard(store, told(*(child(span_id) for span_id in ids)))

    record_heard(store, told(root()))

    assert ids_in(store, NAMED) == {*ids, PARENT_ID}
    run = run_of(store, NAMED)
    assert run is not None
    assert run.tally.calls == len(ids)


def test_a_run_that_begins_after_a_trace_was_named_has_its_own_recording(store: CallStore) -> None:
    record_heard(store, told(root()))
    for trace in ("1" * 32, "2" * 32):
        named = replace(a_word(run_id=NAMED, source=Source.OTLP), traces=(trace,))
        record_heard(store, [large(a_call(f"of {trace}", run_id=trace, source=Source.OTLP))])
        record_heard(store, [named])
        record_heard(store, [a_call("alone", run_id=f"after {trace}")])

    assert ids_in(store, NAMED) == {PARENT_ID, f"of {'1' * 32}", f"of {'2' * 32}"}
    for run_id in (NAMED, f"after {'1' * 32}", f"after {'2' * 32}"):
        assert check(store, run_id).broken is None
    assert ids_in(store, f"after {'2' * 32}") == {"alone"}


def large(call: ActionEntry) -> ActionEntry:
    """Return a call with a payload that stands in a blob."""
    digest = "a" * 64
    text = f'{{"$blob":{{"sha256":"{digest}","size_bytes":70000,"head":"x","words":"x"}}}}'
    return replace(call, inputs=Payload(text, blob=digest))
