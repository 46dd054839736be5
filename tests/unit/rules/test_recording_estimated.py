"""What no source says a call costs is reckoned from all that was told of it, and gives way to a cost that one says."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.support.recorded import a_call, a_seen, a_span, heard, in_any_order
from titan.model.actions import ActionKind, ModelUse, Outcome, Source
from titan.model.recorded import Tally

MODEL = ActionKind.MODEL
TOKENS = ModelUse(input_tokens=30, output_tokens=9)
NAMED = ModelUse(model="priced", provider="p")


def estimated(cost: str) -> Tally:
    return Tally(calls=1, success=1, cost=Decimal(cost), estimated=1, input_tokens=30, output_tokens=9)


# --- of a model and tokens that were told apart ---


@pytest.mark.parametrize(("outer", "inner"), [(NAMED, TOKENS), (TOKENS, NAMED)])
def test_a_call_costs_what_the_model_of_one_teller_and_the_tokens_of_the_other_come_to(
    outer: ModelUse, inner: ModelUse
) -> None:
    told = [a_span("s1", ends=9, use=outer), a_span("s2", begins=1, ends=8, use=inner, parent_id="s1")]

    for memory in in_any_order(*told):
        assert memory.run.tally == estimated("39")
        [call] = [action for action in memory.all if action.kind is MODEL]
        assert (call.id, call.cost, call.is_cost_estimated) == ("s2", Decimal(39), True)


def test_a_call_costs_what_the_model_of_its_beginning_and_the_tokens_of_its_end_come_to() -> None:
    begun, ended = a_span("s1", ends=None, use=NAMED), a_span("s1", ends=9, use=TOKENS)

    for memory in in_any_order(begun, ended):
        assert memory.run.tally == estimated("39")


def test_tokens_that_were_read_from_a_cache_cost_less_whoever_told_of_them() -> None:
    cached = replace(TOKENS, cache_read_tokens=20)
    told = [
        a_call("c", source=Source.SDK, kind=MODEL, ends=9, use=NAMED),
        a_call("c", source=Source.OTLP, kind=MODEL, ends=9, use=cached),
    ]
    nested = [a_span("s1", ends=9, use=cached), a_span("s2", begins=1, ends=8, use=NAMED, parent_id="s1")]

    for memory in [*in_any_order(*told), *in_any_order(*nested)]:
        assert memory.run.tally == estimated("19")


def test_what_was_reckoned_gives_way_to_what_is_said_and_to_later_counts() -> None:
    begun, ended = a_span("s1", ends=None, use=NAMED), a_span("s1", ends=9, use=TOKENS)
    more = a_call("s1", source=Source.SDK, kind=MODEL, ends=9, use=replace(TOKENS, output_tokens=11))
    said = a_call("s1", source=Source.SENTINEL, kind=MODEL, ends=9, cost="0.5")

    for memory in in_any_order(begun, ended, more):
        assert memory.run.tally.cost == Decimal(41)
    for memory in in_any_order(begun, ended, more, said):
        assert (memory.run.tally.cost, memory.run.tally.estimated) == (Decimal("0.5"), 0)


def test_what_two_calls_come_to_is_reckoned_for_each_once_they_turn_out_to_be_two() -> None:
    outer, inner = a_span("s1", ends=9, use=NAMED), a_span("s2", begins=1, ends=8, use=TOKENS, parent_id="s1")
    answers = [
        a_call(id, source=Source.SDK, kind=MODEL, begins=1, ends=8, use=ModelUse(response_id=id)) for id in ("s1", "s2")
    ]

    for memory in in_any_order(outer, inner, *answers):
        assert (memory.run.tally.calls, memory.run.tally.cost, memory.run.tally.unpriced) == (2, Decimal(0), 2)


@pytest.mark.parametrize(
    "use", [replace(TOKENS, model="free"), replace(NAMED, output_tokens=9), TOKENS, ModelUse(model="priced")]
)
def test_what_has_no_known_price_stays_without_a_cost(use: ModelUse) -> None:
    for memory in in_any_order(a_span("s1", ends=9), a_span("s2", begins=1, ends=8, use=use, parent_id="s1")):
        assert (memory.run.tally.cost, memory.run.tally.unpriced) == (Decimal(0), 1)


def test_a_call_that_still_runs_has_no_cost_yet() -> None:
    assert heard([a_span("s1", ends=None, use=replace(TOKENS, model="priced"))]).run.tally == Tally(
        calls=1, running=1, input_tokens=30, output_tokens=9
    )


# --- estimates that gave way ---


def test_an_estimate_that_gave_way_counts_again_once_there_are_several_calls_within_one() -> None:
    outer = a_span("s1", ends=9, cost="0.5")
    first = a_span("s2", begins=1, ends=3, cost="0.4", is_cost_estimated=True, parent_id="s1")
    second = a_span("s3", begins=4, ends=8, parent_id="s1")

    for memory in in_any_order(outer, first, second):
        assert {action.id: action.cost for action in memory.all if action.kind is MODEL} == {
            "s2": Decimal("0.4"),
            "s3": Decimal("0.1"),
        }
        assert memory.run.tally == Tally(calls=2, success=2, cost=Decimal("0.5"), estimated=1)


def test_an_estimate_that_gave_way_counts_again_once_the_two_turn_out_to_be_two_calls() -> None:
    outer = a_span("s1", ends=9, cost="0.5")
    inner = a_span(
        "s2", begins=1, ends=8, cost="0.4", is_cost_estimated=True, parent_id="s1", use=ModelUse(response_id="B")
    )
    answered = a_call("s1", source=Source.SDK, kind=MODEL, ends=9, use=ModelUse(response_id="A"))

    for memory in in_any_order(outer, inner, answered):
        assert memory.run.tally == Tally(calls=2, success=2, cost=Decimal("0.9"), estimated=1)


def test_of_two_estimates_the_higher_counts_again_though_both_gave_way() -> None:
    told = [
        a_span("s1", ends=9, cost="0.5"),
        a_span("s2", begins=1, ends=3, cost="0.2", is_cost_estimated=True, parent_id="s1"),
        a_call("s2", kind=MODEL, begins=1, ends=3, cost="0.4", is_cost_estimated=True, parent_id="s1"),
        a_span("s3", begins=4, ends=8, cost="0.05", parent_id="s1"),
    ]

    for memory in in_any_order(*told):
        assert memory.run.tally == Tally(calls=2, success=2, cost=Decimal("0.45"), estimated=1)


def test_what_was_reckoned_counts_again_where_it_gave_way() -> None:
    outer = a_span("s1", ends=9, cost="50")
    first = [
        a_span("s2", begins=1, ends=None, use=NAMED, parent_id="s1"),
        a_span("s2", begins=1, ends=3, use=TOKENS, parent_id="s1"),
    ]
    second = a_span("s3", begins=4, ends=8, parent_id="s1", outcome=Outcome.SUCCESS)

    for memory in in_any_order(outer, *first, second):
        assert {action.id: action.cost for action in memory.all if action.kind is MODEL} == {"s2": 39, "s3": 11}


def test_a_cost_that_a_teller_says_stays_though_its_estimate_gave_way() -> None:
    told = [
        a_span("s1", ends=9, cost="0.5"),
        a_span("s2", begins=1, ends=3, cost="0.2", is_cost_estimated=True, parent_id="s1"),
        a_call("s2", kind=MODEL, begins=1, ends=3, cost="0.3", parent_id="s1"),
        a_seen("e", begins=1, ends=3, cost="0.1", parent_id="s2"),
    ]

    for memory in in_any_order(*told[:3]):
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal("0.3"))
    for memory in in_any_order(*told):
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal("0.1"))
