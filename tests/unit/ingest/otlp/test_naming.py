"""A span is in the run that the nearest span above it names, as far as its request shows."""

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.recorded import at, heard
from tests.support.telemetry import TRACE_ID, a_span, actions_of, entries_of
from titan.model.actions import RunEntry, Source

ROOT, MIDDLE, LEAF = "a" * 16, "b" * 16, "c" * 16
R_1 = {"titan.agent_run_id": "R_1"}


def test_spans_below_one_that_names_a_run_are_in_it_and_those_above_are_not() -> None:
    leaf, middle, root = a_span(span_id=LEAF, parent_id=MIDDLE), a_span(R_1, span_id=MIDDLE, parent_id=ROOT), a_span()

    assert [action.run_id for action in actions_of(leaf, middle, root)] == ["R_1", "R_1", TRACE_ID]


def test_the_nearest_name_counts_and_that_of_the_resource_is_one_for_all() -> None:
    leaf, middle = a_span(span_id=LEAF, parent_id=MIDDLE), a_span(R_1, span_id=MIDDLE, parent_id=ROOT)

    told = actions_of(leaf, middle, resource={"titan.agent_run_id": "R_2"})

    assert [action.run_id for action in told] == ["R_2", "R_1"]


def test_a_span_of_another_trace_with_the_same_id_names_nothing() -> None:
    named = a_span(R_1, span_id=ROOT, trace_id="f" * 32)

    assert [action.run_id for action in actions_of(named, a_span(span_id=LEAF, parent_id=ROOT))] == ["R_1", TRACE_ID]


def test_spans_in_a_cycle_are_in_their_trace() -> None:
    cycle = [a_span(span_id=LEAF, parent_id=MIDDLE), a_span(span_id=MIDDLE, parent_id=LEAF)]

    told = actions_of(*cycle, a_span(R_1, span_id=ROOT))

    assert [action.run_id for action in told] == [TRACE_ID, TRACE_ID, "R_1"]


def test_run_attributes_of_child_spans_apply_to_the_run_of_their_root() -> None:
    leaf = a_span({"session.id": "s1"}, span_id=LEAF, parent_id=ROOT)

    [run] = [entry for entry in entries_of(leaf, a_span(R_1, span_id=ROOT)) if isinstance(entry, RunEntry)]

    assert (run.run_id, run.session_id, run.traces) == ("R_1", "s1", (TRACE_ID,))


# --- names of runs ---

WEATHER = a_span({"openinference.span.kind": "AGENT", "agent.name": "WEATHER"}, span_id=LEAF, parent_id=ROOT)
REQUEST = a_span({"http.request.method": "POST", "http.route": "/chat"}, span_id=ROOT, name="POST /chat")
PLANNER = a_span({"openinference.span.kind": "AGENT", "agent.name": "PLANNER"}, span_id=ROOT, name="agent.run")


@pytest.mark.parametrize(
    ("requests", "name"),
    [
        ([[WEATHER]], "WEATHER"),
        ([[WEATHER], [REQUEST]], "WEATHER"),
        ([[WEATHER, REQUEST]], "WEATHER"),
        ([[REQUEST]], "POST /chat"),
        ([[WEATHER], [PLANNER]], "PLANNER"),
        ([[PLANNER], [WEATHER]], "PLANNER"),
        ([[WEATHER], [a_span(span_id=ROOT, name="plan a trip")]], "plan a trip"),
    ],
)
def test_a_trace_is_named_for_its_root_unless_an_agent_says_more(requests: list[list[Span]], name: str) -> None:
    memory = heard([entry for spans in requests for entry in entries_of(*spans)])

    assert memory.run.name == name


def test_a_run_name_given_by_a_program_stays() -> None:
    said = RunEntry(run_id=TRACE_ID, source=Source.SDK, at=at(0), agent_id="WEATHER", name="WEATHER")

    memory = heard([said, *entries_of(a_span(span_id=ROOT, name="plan a trip"))])

    assert memory.run.name == "WEATHER"
