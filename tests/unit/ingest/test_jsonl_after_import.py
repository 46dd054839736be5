"""A run that was exported and imported goes on, by whatever is told of it later, as it does where it comes from."""

import json
from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.support.random_reports import nests, plain, some_calls
from tests.support.recorded import Memory, a_call, a_seen, a_span, a_word, at, heard
from tests.unit.rules.test_unfinished_calls import a_closed_run
from titan.ingest.jsonl import read_lines
from titan.insight.bodies import bodies_of
from titan.insight.export import ExportedRun, json_lines
from titan.model.actions import ActionEntry, Entry, ModelUse, Outcome, RunEnd, RunEntry, Source
from titan.model.run_control import RunStatus, StatusSource
from titan.model.runs import ReportedEnd, Run
from titan.rules.runs.lifecycle import fallen_silent
from titan.rules.runs.merge_reports import NEVER_ENDED, closed


def exported(memory: Memory) -> list[bytes]:
    """Return the export of a run."""
    tapes: dict[int | None, list[Entry]] = {}
    for new in memory.kept:
        tapes.setdefault(new.action_number, []).append(new.entry)
    ids = {action.number: action.id for action in memory.all}
    told = [(action, bodies_of(tapes[action.number])) for action in memory.all]
    return list(json_lines([ExportedRun(run=memory.run, actions=told, ids=ids)]))


def read(lines: Sequence[bytes]) -> list[Entry]:
    return [told for told in read_lines(lines, is_partial=True) if isinstance(told, RunEntry | ActionEntry)]


def lines_of_broken_off(memory: Memory) -> list[dict[str, object]]:
    """Return the lines of calls that broke off, but whose they are: the store sees to that."""
    lines = [json.loads(line) | {"agent_id": None} for line in exported(memory)[:-1]]
    return [line for line in lines if line["type"] == "action" and (line["error"] or {}).get("type") == NEVER_ENDED]


def imported(memory: Memory) -> Memory:
    """Return a run as it is where its export was imported."""
    return heard(read(exported(memory)))


def assert_goes_on_alike(entries: Sequence[Entry], data: st.DataObject) -> None:
    """Tell some entries, in any order, before an export and the others after it: here and there come to the same."""
    order = data.draw(st.permutations(entries))
    cut = data.draw(st.integers(1, len(order)))
    there = heard(order[:cut])
    here = imported(there)
    at_first = plain(here), plain(there)

    for memory in (there, here):
        memory.hear(*order[cut:])

    assert at_first[0] == at_first[1]
    assert plain(here) == plain(there)


@settings(max_examples=80, deadline=None)
@given(some_calls(), st.data())
def test_an_imported_run_continues_as_it_does_at_its_source(entries: Sequence[Entry], data: st.DataObject) -> None:
    assert_goes_on_alike(entries, data)


@settings(max_examples=150, deadline=None)
@given(nests(1, has_siblings=True), st.data())
def test_nested_calls_cost_the_same_after_an_import_as_before(nest: Sequence[Entry], data: st.DataObject) -> None:
    assert_goes_on_alike(nest, data)


@settings(max_examples=80, deadline=None)
@given(some_calls(), st.data())
def test_where_nothing_is_known_nothing_of_an_import_is_known_already(
    entries: Sequence[Entry], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(entries))
    there = heard(order[: data.draw(st.integers(1, len(order)))])

    assert Memory().hear(*read(exported(there))).repeated == 0


@settings(max_examples=80, deadline=None)
@given(some_calls(), st.data())
def test_a_run_that_broke_off_is_the_same_after_an_import_and_as_open_to_late_ends(
    entries: Sequence[Entry], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(entries))
    cut = data.draw(st.integers(1, len(order)))
    there = a_closed_run([*order[:cut], a_word(seconds=10**6, end=RunEnd.FAILED)])
    here = imported(there)
    at_first = plain(here), plain(there), lines_of_broken_off(here), lines_of_broken_off(there)

    for memory in (there, here):
        memory.hear(*order[cut:])

    assert at_first[0] == at_first[1]
    assert at_first[2] == at_first[3]
    assert plain(here) == plain(there)


@settings(max_examples=80, deadline=None)
@given(some_calls(), st.data())
def test_an_import_of_known_entries_changes_nothing(entries: Sequence[Entry], data: st.DataObject) -> None:
    memory = heard(data.draw(st.permutations(entries)))
    before = memory.run, memory.all

    settled = memory.hear(*read(exported(memory)))

    assert settled.kept == []
    assert (memory.run, memory.all) == before


# --- how an end is known ---


def silent(memory: Memory) -> Memory:
    """Return a memory whose run has fallen silent."""
    memory.runs = {run.id: fallen_silent(run) for run in memory.runs.values()}
    return memory


def stands(run: Run) -> tuple[RunStatus, StatusSource, object, str | None, ReportedEnd | None]:
    return run.status, run.status_source, run.ended_at, run.reason, run.reported_end


def test_an_end_that_was_only_inferred_is_one_after_an_import() -> None:
    there = silent(heard([a_call("a", ends=4)]))

    here = imported(there)

    assert stands(here.run) == (RunStatus.COMPLETED, StatusSource.INFERRED, at(4), None, None)
    here.hear(a_call("b", begins=2, ends=None))
    assert here.run.status is RunStatus.RUNNING


def test_an_end_reported_before_later_calls_holds_again_after_an_import() -> None:
    failed = a_word(seconds=5, end=RunEnd.FAILED, reason="the agent failed")
    there = heard([a_word(agent_id="ada"), failed, a_call("flush", begins=6, ends=7)])

    here = imported(there)

    assert here.run == replace(there.run, entry_count=here.run.entry_count)
    assert here.run.reported_end is not None
    assert fallen_silent(here.run).reason == "the agent failed"
    assert imported(silent(there)).run.reported_end == there.run.reported_end


def test_an_end_that_was_inferred_elsewhere_is_none_where_more_is_known() -> None:
    there = silent(heard([a_call("a", ends=4)]))
    here = heard([a_call("a", ends=4), a_call("b", begins=8, ends=None)])

    here.hear(*read(exported(there)))

    assert here.run.status is RunStatus.RUNNING


def test_an_end_reported_elsewhere_counts_here_unless_later_entries_are_known() -> None:
    there = heard([a_call("a", ends=4), a_word(seconds=9, end=RunEnd.CANCELLED)])
    known, later = heard([a_word(seconds=10, end=RunEnd.FAILED)]), heard([a_call("b", begins=12)])

    for here in (known, later):
        here.hear(*read(exported(there)))

    assert known.run.status is RunStatus.FAILED
    assert (later.run.status, later.run.reported_end and later.run.reported_end.status) == (
        RunStatus.RUNNING,
        RunStatus.CANCELLED,
    )


def test_an_entry_after_the_known_end_shows_that_an_imported_run_continues() -> None:
    there = heard([a_call("a", begins=11, ends=12)])
    here = heard([a_word(seconds=10, end=RunEnd.FAILED)])

    here.hear(*[entry for entry in read(exported(there)) if isinstance(entry, RunEntry)])

    assert here.run.status is RunStatus.RUNNING


def test_details_reported_before_an_export_are_known_after_its_import() -> None:
    word = replace(a_word(agent_id="ada"), details='{"resource":{"service.name":"x"}}')
    further = replace(word, details='{"replay":{"divergences":0}}')
    there = heard([word, further])
    run = ExportedRun(run=there.run, actions=(), details=[word.details or "", further.details or ""])

    here = heard(read(list(json_lines([run]))))

    assert here.run.detail_digests == there.run.detail_digests
    assert here.hear(word, further).kept == []


# --- who told what ---


def test_tokens_of_a_wrapper_are_not_priced_by_an_import_where_they_were_not_before() -> None:
    spans = [
        a_span("outer", ends=9, cost="0", use=ModelUse(input_tokens=30, output_tokens=9)),
        a_span("named", begins=1, ends=4, parent_id="outer", use=ModelUse(model="priced")),
        a_span("other", begins=5, ends=8, parent_id="outer"),
    ]
    there = heard(spans)

    here = imported(there)

    assert (there.run.tally.cost, there.run.tally.unpriced, there.run.tally.input_tokens) == (Decimal(0), 0, 30)
    assert here.run.tally == there.run.tally
    assert plain(here) == plain(there)


def test_cached_tokens_cost_no_more_after_an_import_in_any_order_of_reports() -> None:
    cached = ModelUse(input_tokens=30, cache_read_tokens=20)
    there = heard([a_span("s1", ends=None, use=ModelUse(model="priced")), a_span("s1", ends=9, use=cached)])
    here = imported(there)
    more = replace(a_span("s1", ends=9, use=ModelUse(output_tokens=9)), source=Source.SDK)

    for memory in (there, here):
        memory.hear(more)

    assert there.run.tally.cost == Decimal(19)
    assert here.run.tally == there.run.tally


def test_a_repeated_report_of_a_source_after_an_import_adds_nothing() -> None:
    span = a_span("s1", ends=9, cost="0.5", use=ModelUse(response_id="A"))
    seen = a_seen("e1", ends=8, cost="0.2", use=ModelUse(response_id="A"))
    here = imported(heard([span, seen]))

    settled = here.hear(span, seen)

    assert (settled.kept, settled.repeated) == ([], 2)


def test_an_unfinished_imported_call_ends_where_its_end_was_reported() -> None:
    there = heard([a_call("a", ends=None)])
    there.actions = {number: closed(action, at=at(5)) for number, action in there.actions.items()}
    known, other = heard([a_call("a", ends=3)]), Memory()

    for here in (known, other):
        here.hear(*read(exported(there)))
    other_before = [action.outcome for action in other.all]
    other.hear(a_call("a", ends=3))

    assert [action.outcome for action in known.all] == [Outcome.SUCCESS]
    assert other_before == [Outcome.ERROR]
    assert [(action.outcome, action.ended_at) for action in other.all] == [(Outcome.SUCCESS, at(3))]


def test_an_export_without_sources_is_read_as_reported_by_the_import() -> None:
    there = heard([a_word(agent_id="ada"), a_span("s1", cost="0.5"), a_word(seconds=9, end=RunEnd.COMPLETED)])
    old = [json.loads(line) for line in exported(there)[:-1]]
    for name in ("agent_at", "last_started_at", "last_outcome", "last_ended_at", "progress_at", "reported_end"):
        del old[0][name]
    del old[1]["sources"]

    here = heard(read([json.dumps(line).encode() for line in old]))

    assert (here.run.status, here.run.agent_id, here.run.tally) == (RunStatus.COMPLETED, "ada", there.run.tally)
    assert [action.sources for action in here.all] == [("import",)]


def test_an_imported_end_completes_an_action_known_only_by_its_beginning() -> None:
    here = heard([a_call("a", ends=None)])

    here.hear(*read(exported(heard([a_call("a", ends=3, cost="0.5")]))))

    assert [(action.outcome, action.cost) for action in here.all] == [(Outcome.SUCCESS, Decimal("0.5"))]


@pytest.mark.parametrize(("source", "calls"), [(Source.OTLP, 2), (Source.SDK, 1)])
def test_an_imported_call_with_the_same_answer_is_one_that_others_reported_here(source: Source, calls: int) -> None:
    answered = ModelUse(response_id="A")
    here = heard([replace(a_span("s9", use=answered), source=source)])

    here.hear(*read(exported(heard([replace(a_span("s1", use=answered), ended_at=at(9))]))))

    assert here.run.tally.calls == calls
