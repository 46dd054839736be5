"""A call of our endpoint that named no run is in the run of the span that reports it, which has the call's name too."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import permutations

import pytest
from msgspec.structs import replace

from tests.support.builders import PROJECT
from tests.support.call_stores import actions_of, check, count, kept, record_heard, run_of
from tests.support.recorded import a_call, a_seen, a_span, a_word, at
from titan.model.actions import ActionKind, Entry, ModelUse, Payload, RunEnd, Source
from titan.model.runs import Note, Tally
from titan.ports.runs_store import CallStore

ANSWER = "chatcmpl-" + "0123456789abcdef" * 2
TRACE = "0af7651916cd43dd8448eb211c80319c"
ANSWERED = ModelUse(response_id=ANSWER, input_tokens=7)
OWN_RUN: Sequence[Entry] = (
    a_word(run_id=ANSWER, source=Source.ENDPOINT, agent_id="direct-calls", name="One call of the model"),
    a_seen(ANSWER, run_id=ANSWER, use=ANSWERED, cost="0.2"),
    a_word(run_id=ANSWER, source=Source.ENDPOINT, seconds=1, end=RunEnd.COMPLETED),
)
SPAN = a_span(run_id=TRACE, parent_id="agent", use=ANSWERED, cost="5")
TRACED: Sequence[Entry] = (a_word(run_id=TRACE, source=Source.OTLP, agent_id="weather"), SPAN)


@pytest.mark.parametrize("batches", list(permutations([OWN_RUN[:2], OWN_RUN[2:], TRACED])))
def test_a_call_without_a_run_is_in_the_run_of_the_span_that_names_its_answer(
    store: CallStore, batches: Sequence[Sequence[Entry]]
) -> None:
    for batch in batches:
        record_heard(store, batch)

    actions = {action.id: action for action in actions_of(store, TRACE)}
    run = run_of(store, TRACE)
    assert run is not None
    assert (run.agent_id, run.tally.calls, run.tally.cost) == ("weather", 1, Decimal("0.2"))
    assert (actions["s1"].parent_id, actions["s1"].count.duplicate_of) == ("agent", actions[ANSWER].number)
    assert run_of(store, ANSWER) == run
    assert check(store, ANSWER).broken is None


def test_the_end_of_a_call_that_comes_behind_its_span_makes_no_run(sqlite_store: CallStore) -> None:
    record_heard(sqlite_store, TRACED)
    record_heard(sqlite_store, OWN_RUN[:2])

    record_heard(sqlite_store, OWN_RUN[2:])

    assert ids_of_runs(sqlite_store) == {TRACE}


def ids_of_runs(store: CallStore) -> set[str]:
    """Return the ids of all runs."""
    return {run.run_id for run in store.read(lambda reader: reader.runs_changed(PROJECT, after=0, limit=99))}


def a_note(id: str, action_id: str | None) -> Note:
    return Note(
        id=id, project_id=PROJECT, run_id=ANSWER, action_id=action_id, author="ada", at=at(9), score=1.0, text="good"
    )


def test_notes_and_a_pin_move_with_the_call(store: CallStore) -> None:
    record_heard(store, OWN_RUN)
    own = run_of(store, ANSWER)
    assert own is not None
    notes = [a_note("n2", ANSWER), a_note("n1", None)]
    for note in notes:
        kept(store, lambda tx, note=note: tx.save_note(note))  # type: ignore[misc]  # mypy does not see through a default
    kept(store, lambda tx: tx.save_run(replace(own, pinned_at=at(9))))

    record_heard(store, TRACED)

    run = run_of(store, TRACE)
    assert run is not None
    assert run.pinned_at == at(9)
    found = store.read(lambda reader: reader.notes_of_run(PROJECT, TRACE))
    assert {note.id: note.action_id for note in found} == {"n1": None, "n2": ANSWER}
    assert {(note.author, note.score, note.text) for note in found} == {("ada", 1.0, "good")}


def test_a_pin_of_the_spans_run_stays_as_it_was(sqlite_store: CallStore) -> None:
    record_heard(sqlite_store, OWN_RUN)
    record_heard(sqlite_store, TRACED[:1])
    for run_id, pinned_at in ((ANSWER, at(9)), (TRACE, at(8))):
        run = run_of(sqlite_store, run_id)
        assert run is not None
        pinned = replace(run, pinned_at=pinned_at)
        kept(sqlite_store, lambda tx, pinned=pinned: tx.save_run(pinned))  # type: ignore[misc]  # as above

    record_heard(sqlite_store, TRACED[1:])

    run = run_of(sqlite_store, TRACE)
    assert run is not None
    assert run.pinned_at == at(8)


@pytest.mark.parametrize("together", [[*TRACED, *OWN_RUN], [*OWN_RUN, *TRACED]])
def test_a_call_and_the_span_that_names_its_answer_may_come_together(
    store: CallStore, together: Sequence[Entry]
) -> None:
    record_heard(store, together)

    assert {action.id for action in actions_of(store, TRACE)} == {"s1", ANSWER}
    assert ids_of_runs(store) == {TRACE}
    assert run_of(store, ANSWER) == run_of(store, TRACE)


def test_a_run_of_that_name_that_others_report_too_stays(sqlite_store: CallStore) -> None:
    record_heard(sqlite_store, [*OWN_RUN, a_call("tool", run_id=ANSWER)])

    record_heard(sqlite_store, TRACED)

    assert len(actions_of(sqlite_store, ANSWER)) == 2
    assert len(actions_of(sqlite_store, TRACE)) == 1


@pytest.mark.parametrize("answer", ["chatcmpl-9XyZ", "resp_1", None])
def test_other_answers_name_no_run(sqlite_store: CallStore, answer: str | None) -> None:
    record_heard(sqlite_store, OWN_RUN)

    record_heard(sqlite_store, [a_span(run_id=TRACE, use=ModelUse(response_id=answer)), a_span("s2", run_id=TRACE)])

    assert len(actions_of(sqlite_store, ANSWER)) == 1


def test_a_span_in_the_run_that_has_the_name_of_the_call_leaves_it_there(sqlite_store: CallStore) -> None:
    record_heard(sqlite_store, OWN_RUN)

    record_heard(sqlite_store, [a_span(run_id=ANSWER, use=ANSWERED)])

    run = run_of(sqlite_store, ANSWER)
    assert run is not None
    assert (run.id, run.tally.calls) == (ANSWER, 1)
    assert len(actions_of(sqlite_store, ANSWER)) == 2


def test_an_answer_is_another_name_of_the_run_that_the_trace_of_its_span_is_in(sqlite_store: CallStore) -> None:
    named = replace(a_word(run_id="R_named", source=Source.OTLP), traces=(TRACE,))

    record_heard(sqlite_store, [*OWN_RUN, SPAN, named])

    assert ids_of_runs(sqlite_store) == {"R_named"}
    run = run_of(sqlite_store, "R_named")
    assert run is not None
    assert run.tally == Tally(calls=1, success=1, cost=Decimal("0.2"), input_tokens=7)
    assert run_of(sqlite_store, ANSWER) == run_of(sqlite_store, TRACE) == run


def test_a_run_of_that_name_that_others_reported_first_stays_though_a_span_names_its_answer(
    sqlite_store: CallStore,
) -> None:
    record_heard(sqlite_store, [*TRACED, a_call("tool", run_id=ANSWER)])

    record_heard(sqlite_store, OWN_RUN)

    assert {action.id for action in actions_of(sqlite_store, ANSWER)} == {"tool", ANSWER}
    assert {action.id for action in actions_of(sqlite_store, TRACE)} == {"s1"}


def test_a_call_that_has_only_begun_is_the_span_that_names_its_answer(sqlite_store: CallStore) -> None:
    record_heard(sqlite_store, TRACED)

    record_heard(sqlite_store, [replace(OWN_RUN[1], ended_at=None, outcome=None, use=None, cost=None)])

    span, seen = actions_of(sqlite_store, TRACE)
    assert (span.id, span.count.duplicate_of, seen.id) == ("s1", seen.number, ANSWER)


# --- where the call named its run ---

NAMED = "R_named"
SEEN_THERE = a_seen(ANSWER, run_id=NAMED, begins=0.2, ends=0.8, use=ANSWERED, cost="0.2")
STEP = a_call("step", run_id=TRACE, source=Source.OTLP, kind=ActionKind.STEP, parent_id="agent")


@pytest.mark.parametrize("batches", [*permutations([[SEEN_THERE], [SPAN]]), [[SPAN, SEEN_THERE]], [[SEEN_THERE, SPAN]]])
def test_a_call_that_named_its_run_counts_there_and_not_in_a_trace_that_reports_it_too(
    sqlite_store: CallStore, batches: Sequence[Sequence[Entry]]
) -> None:
    for batch in batches:
        record_heard(sqlite_store, batch)
    record_heard(sqlite_store, [replace(SPAN, outputs=Payload('"late"'))])

    named, traced = run_of(sqlite_store, NAMED), run_of(sqlite_store, TRACE)
    assert named is not None
    assert traced is not None
    assert named.tally == Tally(calls=1, success=1, cost=Decimal("0.2"), input_tokens=7)
    assert traced.tally == Tally()
    [frame] = actions_of(sqlite_store, TRACE)
    assert (frame.shown_kind, frame.parent_id, frame.response_id) == (ActionKind.STEP, "agent", ANSWER)


def test_a_trace_that_stops_counting_a_call_is_a_change_of_its_run(store: CallStore) -> None:
    record_heard(store, [SPAN])
    before = store.read(lambda reader: reader.version_of_run(PROJECT, TRACE))

    record_heard(store, [SEEN_THERE])

    changed = store.read(lambda reader: reader.actions_of_run(PROJECT, TRACE, after_version=before))
    assert [action.shown_kind for action in changed] == [ActionKind.STEP]
    changes = store.read(lambda reader: reader.runs_changed(PROJECT, after=before, limit=9))
    assert {run.run_id for run in changes} == {TRACE, NAMED}


def test_a_trace_counts_a_call_again_when_the_run_that_counted_it_is_deleted(store: CallStore) -> None:
    record_heard(store, [SEEN_THERE, SPAN])

    kept(store, lambda tx: tx.forget_run(PROJECT, NAMED))
    count(store)

    traced = run_of(store, TRACE)
    assert traced is not None
    assert traced.tally == Tally(calls=1, success=1, cost=Decimal(5), input_tokens=7)


OTHER = a_span("s9", run_id="f" * 32, use=ANSWERED, cost="5")


@pytest.mark.parametrize(
    "batches",
    [[OWN_RUN, TRACED, [OTHER]], [TRACED, [OTHER], OWN_RUN], [TRACED, OWN_RUN, [OTHER]], [[SPAN, OTHER, *OWN_RUN]]],
)
def test_a_call_without_a_run_in_two_traces_counts_in_the_first(
    sqlite_store: CallStore, batches: Sequence[Sequence[Entry]]
) -> None:
    for batch in batches:
        record_heard(sqlite_store, batch)

    tallies = [run.tally for run_id in (TRACE, "f" * 32) if (run := run_of(sqlite_store, run_id)) is not None]
    assert tallies == [Tally(calls=1, success=1, cost=Decimal("0.2"), input_tokens=7), Tally()]


def test_two_traces_that_name_another_providers_answer_reported_two_calls(sqlite_store: CallStore) -> None:
    for run_id in (TRACE, "f" * 32):
        record_heard(sqlite_store, [a_span(run_id=run_id, cost="1", use=ModelUse(response_id="chatcmpl-9XyZ"))])

    runs = [run_of(sqlite_store, run_id) for run_id in (TRACE, "f" * 32)]
    assert [run.tally.calls for run in runs if run is not None] == [1, 1]


# --- a call within a call, with a step between ---


@pytest.mark.parametrize("is_outer_last", [True, False])
def test_a_call_within_a_call_with_steps_between_counts_once_though_each_comes_by_itself(
    sqlite_store: CallStore, *, is_outer_last: bool
) -> None:
    used = ModelUse(model="gpt-4o-mini", input_tokens=31, output_tokens=9)
    outer = a_span("outer", run_id=TRACE, begins=0, ends=9, use=used, cost="2", parent_id="agent")
    steps = [
        a_call(id, run_id=TRACE, source=Source.OTLP, kind=ActionKind.STEP, parent_id=parent_id)
        for id, parent_id in (("upper", "outer"), ("middle", "upper"), ("lower", "middle"))
    ]
    inner = a_span("inner", run_id=TRACE, begins=1, ends=8, use=used, cost="1", parent_id="lower")
    beside = a_span("beside", run_id=TRACE, begins=1, ends=8, use=used, cost="4", parent_id="agent")

    for entry in (beside, inner, *steps, outer) if is_outer_last else (outer, *steps, inner, beside):
        record_heard(sqlite_store, [entry])

    calls = [action.id for action in actions_of(sqlite_store, TRACE) if action.shown_kind is ActionKind.MODEL]
    run = run_of(sqlite_store, TRACE)
    assert sorted(calls) == ["beside", "inner"]
    assert run is not None
    assert run.tally.cost == 5


def test_a_call_is_found_past_steps_that_come_with_it_and_steps_that_came_before(store: CallStore) -> None:
    used = ModelUse(model="gpt-4o-mini", input_tokens=31, output_tokens=9)
    outer = a_span("outer", run_id=TRACE, begins=0, ends=9, use=used)
    record_heard(store, [outer, replace(STEP, id="upper", parent_id="outer")])

    record_heard(
        store,
        [
            a_span("inner", run_id=TRACE, begins=1, ends=8, use=used, parent_id="lower"),
            replace(STEP, id="lower", parent_id="upper"),
        ],
    )

    calls = [action.id for action in actions_of(store, TRACE) if action.shown_kind is ActionKind.MODEL]
    assert calls == ["inner"]
