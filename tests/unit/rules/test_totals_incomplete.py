"""Where a wrapper reports more than the calls in it, a call was lost: the wrapper's tokens and its cost count."""

from decimal import Decimal

import pytest

from tests.support.action_facts import FRAMEWORK, an_action, counts, tally
from titan.model.actions import ActionKind, Outcome
from titan.model.runs import COUNTS_NOTHING, ActionFacts, Count, Tally

WHOLE = (14_426, 771)
FRAMES = [ActionKind.AGENT, ActionKind.STEP]


def a_wrapper(id: str = "w", *, kind: ActionKind = ActionKind.AGENT, **said: object) -> ActionFacts:
    return an_action(id, **{"kind": kind, "source": FRAMEWORK, "ends": 9, "tokens": WHOLE, **said})  # type: ignore[arg-type]


def a_call(id: str = "c1", **said: object) -> ActionFacts:
    said = {"parent": "w", "ends": 3, "tokens": (7000, 400), "cost": "0.01", "is_cost_estimated": True, **said}
    return an_action(id, **said)  # type: ignore[arg-type]


OTHER = a_call("c2", tokens=(7426, 371))


@pytest.mark.parametrize("kind", [*FRAMES, ActionKind.MODEL])
def test_a_wrapper_with_as_much_as_its_calls_counts_nothing(kind: ActionKind) -> None:
    found = tally(a_wrapper(kind=kind, cost="0.02", is_cost_estimated=True), a_call(), OTHER)

    assert found == Tally(calls=2, success=2, cost=Decimal("0.02"), estimated=2, input_tokens=14_426, output_tokens=771)


@pytest.mark.parametrize("kind", [*FRAMES, ActionKind.MODEL])
def test_a_wrapper_whose_call_was_lost_keeps_its_tokens_and_its_cost(kind: ActionKind) -> None:
    wrapper = a_wrapper(kind=kind, cost="0.0257425")

    assert tally(wrapper, a_call()) == Tally(
        calls=1, success=1, cost=Decimal("0.0257425"), input_tokens=14_426, output_tokens=771
    )
    assert counts(wrapper, a_call())["w"] == Count(is_call=False, has_cost=True, has_tokens=True)


@pytest.mark.parametrize("kind", FRAMES)
def test_a_wrapper_alone_counts_with_its_own_totals(kind: ActionKind) -> None:
    assert tally(a_wrapper(kind=kind, cost="0.5")) == Tally(cost=Decimal("0.5"), input_tokens=14_426, output_tokens=771)
    assert tally(a_wrapper(kind=kind)) == Tally(unpriced=1, input_tokens=14_426, output_tokens=771)
    assert tally(a_wrapper(kind=kind, cost="0.5", tokens=(None, None))) == Tally(cost=Decimal("0.5"))


def test_tokens_of_a_wrapper_without_a_cost_are_not_mixed_with_the_cost_of_one_call() -> None:
    assert tally(a_wrapper(), a_call()) == Tally(
        calls=1, success=1, cost=Decimal("0.01"), estimated=1, input_tokens=7000, output_tokens=400
    )


@pytest.mark.parametrize("tokens", [(15_000, 300), (300, 15_000), (None, None)])
def test_a_wrapper_that_has_less_of_one_of_them_shows_no_lost_call(tokens: tuple[int | None, int | None]) -> None:
    assert tally(a_wrapper(cost="9"), a_call(tokens=tokens)).cost == Decimal("0.01")


def test_of_nested_wrappers_the_outermost_with_more_counts_alone() -> None:
    inner = a_wrapper("v", parent="w", kind=ActionKind.STEP, cost="0.03", tokens=(10_000, 500))

    assert tally(a_wrapper(cost="0.04"), inner, a_call(parent="v")) == Tally(
        calls=1, success=1, cost=Decimal("0.04"), input_tokens=14_426, output_tokens=771
    )


def test_a_sub_agent_whose_framework_adds_up_all_agents_is_not_believed_where_the_whole_agrees() -> None:
    sub = a_wrapper("v", parent="w", cost="9")

    found = tally(a_wrapper(cost="9"), a_call(), sub, a_call("c2", tokens=(7426, 371), parent="v"))

    assert (found.cost, found.input_tokens) == (Decimal("0.02"), 14_426)


def test_a_wrapper_in_one_that_knows_nothing_counts() -> None:
    found = tally(a_wrapper("u", tokens=(None, None)), a_wrapper(parent="u", cost="0.5"), a_call())

    assert (found.cost, found.input_tokens) == (Decimal("0.5"), 14_426)


def test_a_call_beside_a_wrapper_at_the_same_time_may_be_its_own() -> None:
    beside, later = a_call(parent=None), a_call(parent=None, begins=20, ends=21)

    assert tally(a_wrapper(cost="9"), beside).cost == Decimal("0.01")
    assert tally(a_wrapper(cost="9"), later).cost == Decimal("9.01")


def test_a_wrapper_with_the_answer_of_the_one_call_in_it_only_counts_its_tokens_otherwise() -> None:
    wrapper = a_wrapper(kind=ActionKind.MODEL, cost="9", is_cost_estimated=True, response_id="r")

    assert tally(wrapper, a_call(response_id="r")).input_tokens == 7000


def test_the_cost_of_a_tool_in_a_wrapper_may_be_part_of_the_wrappers() -> None:
    tool = an_action("t", kind=ActionKind.TOOL, parent="w", cost="1")

    assert tally(a_wrapper(cost="9"), tool) == Tally(calls=1, success=1, cost=Decimal(1))


@pytest.mark.parametrize("outcome", [None, Outcome.REPLAYED, Outcome.BLOCKED])
def test_a_wrapper_that_runs_or_spent_nothing_counts_nothing(outcome: Outcome | None) -> None:
    wrapper = a_wrapper(cost="9", outcome=outcome)

    assert tally(wrapper, a_call()).cost == Decimal("0.01")
    assert counts(wrapper, a_call())["w"] == COUNTS_NOTHING


def test_a_wrapper_of_a_call_that_counts_in_another_run_counts_nothing() -> None:
    assert tally(a_wrapper(cost="9"), a_call(response_id="r"), elsewhere={"r"}) == Tally()


def test_two_reports_of_the_call_that_is_left_count_nothing_beside_the_wrapper() -> None:
    one, other = a_call(response_id="r"), a_call("c2", response_id="r", source="sdk", parent=None)

    assert tally(a_wrapper(cost="0.5"), one, other) == Tally(
        calls=1, success=1, cost=Decimal("0.5"), input_tokens=14_426, output_tokens=771
    )


def test_a_model_span_around_an_incomplete_one_gives_no_second_cost() -> None:
    outer = a_wrapper("u", kind=ActionKind.MODEL, cost="7", tokens=(None, None))
    inner = a_wrapper(kind=ActionKind.MODEL, parent="u", cost="5", is_cost_estimated=True)

    assert tally(outer, inner, a_call()).cost == Decimal(5)
