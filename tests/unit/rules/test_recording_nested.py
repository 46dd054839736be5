"""A call that one teller told of as a call within a call counts once, in whatever order and batches the two come."""

from decimal import Decimal

import pytest

from tests.support.recorded import a_call, a_seen, a_span, in_any_order
from titan.model.actions import ActionKind, ModelUse, Teller
from titan.model.recorded import Tally

MODEL = ActionKind.MODEL


def test_a_call_that_a_framework_and_its_client_tell_of_counts_once() -> None:
    outer = a_span("s1", begins=0, ends=9, cost="0.5", use=ModelUse(input_tokens=7))
    inner = a_span("s2", begins=1, ends=8, cost="0.5", use=ModelUse(input_tokens=7), parent_id="s1")

    for memory in in_any_order(outer, inner):
        assert {action.id: action.kind for action in memory.all} == {"s1": ActionKind.STEP, "s2": MODEL}
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal("0.5"), input_tokens=7)


def test_a_call_within_a_call_counts_once_though_both_take_no_time_and_give_one_answer() -> None:
    answered = ModelUse(response_id="r")
    outer, inner = a_span("s1", cost="2", use=answered), a_span("s2", cost="1", use=answered, parent_id="s1")

    for memory in in_any_order(outer, inner):
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal(1))


def test_of_calls_within_calls_the_innermost_counts() -> None:
    spans = [a_span("s1", cost="3"), a_span("s2", cost="2", parent_id="s1"), a_span("s3", cost="1", parent_id="s2")]

    for memory in in_any_order(*spans):
        assert [action.id for action in memory.all if action.kind is MODEL] == ["s3"]
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal(1))


def test_a_call_within_a_call_counts_once_by_their_answer_though_a_step_stands_between() -> None:
    answered = ModelUse(response_id="r")
    outer, inner = (
        a_span("s1", ends=9, use=answered, cost="2"),
        a_span("s2", begins=1, ends=8, use=answered, cost="1", parent_id="step"),
    )
    step = a_call("step", teller=Teller.OTLP, kind=ActionKind.STEP, parent_id="s1")

    for memory in in_any_order(outer, step, inner):
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal(1))


@pytest.mark.parametrize(
    ("begins", "ends", "parent"),
    [(1, 2, "agent"), (5, 6, "other"), (1, None, "other")],
    ids=["beside it", "after it", "nobody knows how long"],
)
def test_calls_of_one_answer_that_are_not_within_each_other_are_two(
    begins: float, ends: float | None, parent: str
) -> None:
    answered = ModelUse(response_id="r")
    one = a_span("s1", ends=4, use=answered, parent_id="agent")
    other = a_span("s2", begins=begins, ends=ends, use=answered, parent_id=parent)

    for memory in in_any_order(one, other):
        assert memory.run.tally.calls == 2


@pytest.mark.parametrize("place", ["s1", "s2"])
def test_the_cost_that_our_endpoint_saw_counts_wherever_in_a_call_within_a_call(place: str) -> None:
    answered = ModelUse(response_id="r")
    outer = a_span("s1", ends=9, cost="5", use=answered)
    inner = a_span("s2", begins=1, ends=8, cost="4", use=answered, parent_id="s1")
    seen = a_seen("e1", begins=2, ends=7, cost="0.2", use=answered, parent_id=place)

    for memory in in_any_order(outer, inner, seen):
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal("0.2"))


def test_what_our_endpoint_saw_of_another_answer_stays_a_call_of_its_own() -> None:
    outer, seen = a_span("s1", ends=9, use=ModelUse(response_id="r1")), a_seen(use=ModelUse(response_id="r1"))
    inner = a_span("s2", begins=1, ends=8, use=ModelUse(response_id="r2"), parent_id="s1")

    for memory in in_any_order(outer, seen, inner):
        assert memory.run.tally.calls == 2


def test_a_call_that_another_teller_made_in_one_is_a_call_of_its_own() -> None:
    inner = a_call("c2", kind=MODEL, parent_id="s1")

    for memory in in_any_order(a_span("s1"), inner):
        assert memory.run.tally.calls == 2
