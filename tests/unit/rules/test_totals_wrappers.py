"""A model span with model spans below it wraps them: the innermost ones are the calls, and each counts once."""

from decimal import Decimal

import pytest

from tests.support.action_facts import CLIENT, FRAMEWORK, an_action, calls, counts, tally
from titan.model.actions import ActionKind, Outcome
from titan.model.runs import ActionFacts, Count, Tally

STEP = ActionKind.STEP
ONCE = (31, 9)


def a_wrapper(id: str = "w", *, begins: float = 0, ends: float = 9, **said: object) -> ActionFacts:
    return an_action(id, source=FRAMEWORK, begins=begins, ends=ends, **said)  # type: ignore[arg-type]  # as passed on


def a_call(id: str = "c", *, begins: float = 2, ends: float | None = 7, **said: object) -> ActionFacts:
    return an_action(id, **{"parent": "w", "begins": begins, "ends": ends, **said})  # type: ignore[arg-type]


def a_step(id: str = "s", *, parent: str | None = "w", kind: ActionKind = STEP) -> ActionFacts:
    return an_action(id, parent=parent, kind=kind, source=FRAMEWORK, begins=1, ends=8)


# --- which of them is the call ---


def test_a_call_that_a_framework_and_its_client_report_counts_once() -> None:
    wrapper, call = a_wrapper(cost="0.5", tokens=(7, None)), a_call(cost="0.5", tokens=(7, None))

    assert tally(wrapper, call) == Tally(calls=1, success=1, cost=Decimal("0.5"), input_tokens=7)
    assert counts(wrapper, call) == {
        "w": Count(is_call=False, has_cost=False, has_tokens=False),
        "c": Count(is_call=True, has_cost=True, has_tokens=True),
    }


@pytest.mark.parametrize("source", [FRAMEWORK, CLIENT, "sdk"])
def test_a_wrapper_is_one_whoever_reported_it_and_however_long_it_took(source: str) -> None:
    wrapper = an_action("w", source=source, cost="2", response_id="r")
    call = an_action("c", parent="w", source=FRAMEWORK, cost="1", response_id="r")

    assert tally(wrapper, call) == Tally(calls=1, success=1, cost=Decimal(1))


def test_of_model_spans_below_one_another_the_innermost_counts() -> None:
    spans = [a_wrapper(cost="3"), an_action("c", parent="w", cost="2"), an_action("d", parent="c", cost="1")]

    assert calls(*spans) == {"d"}
    assert tally(*spans) == Tally(calls=1, success=1, cost=Decimal(1))


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_actions_between_wrapper_and_call_change_nothing(steps: int) -> None:
    between = [a_step(f"s{n}", parent=f"s{n - 1}" if n else "w") for n in range(steps)]
    wrapper, call = a_wrapper(cost="2", tokens=ONCE), a_call(parent=f"s{steps - 1}", cost="1", tokens=ONCE)

    found = tally(wrapper, *between, call)

    assert found == Tally(calls=1, success=1, cost=Decimal(1), input_tokens=31, output_tokens=9)


@pytest.mark.parametrize("kind", [ActionKind.TOOL, ActionKind.AGENT, ActionKind.STEP, ActionKind.CALL])
def test_a_model_span_wraps_calls_below_actions_of_any_kind(kind: ActionKind) -> None:
    assert "w" not in calls(a_wrapper(), a_step(kind=kind), a_step("t", parent="s"), a_call(parent="t"))


def test_of_three_calls_with_actions_between_the_innermost_counts() -> None:
    innermost = an_action("d", parent="t", begins=3, ends=6, cost="0.5")

    found = tally(a_wrapper(cost="2"), a_step(), a_call(parent="s", cost="1"), a_step("t", parent="c"), innermost)

    assert found == Tally(calls=1, success=1, cost=Decimal("0.5"))


@pytest.mark.parametrize(
    ("wrapper", "call"),
    [
        (a_wrapper(tokens=ONCE), a_call(tokens=(31, 8))),
        (a_wrapper(tokens=ONCE), a_call(tokens=(30, 9))),
        (a_wrapper(tokens=(31, None)), a_call(tokens=(31, None))),
        (a_wrapper(tokens=(31, 0)), a_call(tokens=(31, 0))),
        (a_wrapper(model="gpt-4o-mini"), a_call(model="gpt-4o")),
        (a_wrapper(), a_call(model="gpt-4o")),
        (a_wrapper(response_id="r1"), a_call(response_id="r2")),
        (a_wrapper(ends=6), a_call()),
        (a_wrapper(begins=3), a_call()),
        (a_wrapper(), a_call(ends=None, outcome=None)),
        (a_wrapper(), a_call(outcome=Outcome.ERROR)),
    ],
    ids=[
        *("other output", "other input", "output unknown", "no output", "another model", "model unknown"),
        *("another response", "ends later", "starts sooner", "still runs", "failed"),
    ],
)
def test_a_wrapper_is_recognised_with_any_fields(wrapper: ActionFacts, call: ActionFacts) -> None:
    assert calls(wrapper, call) == {"c"}


def test_a_call_below_an_unreported_parent_is_separate() -> None:
    assert calls(a_wrapper(), a_step(parent="elsewhere"), a_call(parent="s")) == {"w", "c"}


@pytest.mark.parametrize("parents", [("p", "p"), ("p", "q"), (None, None)])
def test_two_reports_of_one_source_beside_each_other_are_two_calls(parents: tuple[str | None, str | None]) -> None:
    one, other = (an_action(f"c{n}", parent=parent, begins=n, response_id="r") for n, parent in enumerate(parents))

    assert tally(one, other).calls == 2


def test_of_tries_within_a_wrapper_each_is_a_call() -> None:
    failed = a_call("c1", begins=1, ends=2, outcome=Outcome.ERROR)
    succeeded = a_call("c2", begins=3, ends=4, tokens=(1000, 100), cost="0.4", is_cost_estimated=True)

    found = tally(a_wrapper(tokens=(1000, 100), cost="0.5"), failed, succeeded)

    assert found == Tally(
        calls=2, success=1, error=1, cost=Decimal("0.5"), unpriced=0, input_tokens=1000, output_tokens=100
    )


def test_a_failure_below_a_success_is_the_call() -> None:
    failed = a_call(outcome=Outcome.ERROR, response_id="r")

    found = tally(a_wrapper(cost="0.5", tokens=(1000, 100), response_id="r"), failed)

    assert found == Tally(calls=1, error=1, cost=Decimal("0.5"), input_tokens=1000, output_tokens=100)


# --- cycles ---


def test_of_spans_that_name_each_other_as_parents_the_last_to_start_is_the_call() -> None:
    one, other = a_wrapper(parent="c", cost="2"), a_call(cost="1")

    assert tally(one, other) == Tally(calls=1, success=1, cost=Decimal(1))


def test_a_span_that_names_itself_as_its_parent_is_a_call() -> None:
    assert calls(an_action("a", parent="a"), an_action("b")) == {"a", "b"}


def test_a_call_below_a_cycle_counts_and_those_beside_the_cycle_too() -> None:
    cycle = [a_wrapper("f", parent="g", begins=3), a_wrapper("g", parent="h", begins=2), a_wrapper("h", parent="f")]
    step_cycle = [a_step("s", parent="t"), a_step("t", parent="s")]

    found = calls(*cycle, a_call(parent="f"), *step_cycle, a_call("d", parent="s"), an_action("e"))

    assert found == {"c", "d", "e"}


# --- what only a wrapper knows ---


@pytest.mark.parametrize(
    ("wrapper", "call", "cost", "is_estimated"),
    [
        (("0.5", False), (None, False), "0.5", False),
        (("0.5", True), (None, False), "0.5", True),
        (("0.5", False), ("0.4", True), "0.5", False),
        (("0.5", True), ("0.4", True), "0.4", True),
        (("0.5", True), ("0.4", False), "0.4", False),
        (("0.5", False), ("0.4", False), "0.4", False),
        ((None, False), ("0.4", True), "0.4", True),
    ],
)
@pytest.mark.parametrize("parent", ["w", "s"])
def test_the_best_known_cost_counts(
    wrapper: tuple[str | None, bool], call: tuple[str | None, bool], cost: str, parent: str, *, is_estimated: bool
) -> None:
    found = tally(
        a_wrapper(cost=wrapper[0], is_cost_estimated=wrapper[1]),
        a_step(),
        a_call(parent=parent, cost=call[0], is_cost_estimated=call[1]),
    )

    assert found == Tally(calls=1, success=1, cost=Decimal(cost), estimated=int(is_estimated))


def test_a_cost_that_only_the_wrapper_knows_counts_at_the_wrapper() -> None:
    found = counts(a_wrapper(cost="0.5"), a_call(tokens=(1, 1)))

    assert found == {
        "w": Count(is_call=False, has_cost=True, has_tokens=False),
        "c": Count(is_call=True, has_cost=False, has_tokens=True),
    }


def test_of_two_wrappers_the_inner_one_gives_values_missing_from_the_call() -> None:
    spans = [a_wrapper("v", cost="7", tokens=(8, 8)), a_wrapper(parent="v", cost="5", tokens=(1, 1)), a_call()]

    assert tally(*spans) == Tally(calls=1, success=1, cost=Decimal(5), input_tokens=1, output_tokens=1)


def test_values_missing_from_the_inner_wrapper_come_from_the_outer_one() -> None:
    spans = [a_wrapper("v", cost="5"), a_wrapper(parent="v", tokens=(1, 1)), a_call(cost="2", is_cost_estimated=True)]

    assert tally(*spans) == Tally(calls=1, success=1, cost=Decimal(5), input_tokens=1, output_tokens=1)


def test_of_nested_wrappers_that_give_to_different_calls_only_the_inner_one_counts() -> None:
    spans = [a_wrapper("v", cost="7"), a_wrapper(parent="v", cost="5"), a_call(), a_call("d", parent="v")]

    assert tally(*spans) == Tally(calls=2, success=2, cost=Decimal(5), unpriced=1)


@pytest.mark.parametrize(
    ("costs", "tokens", "expected"),
    [
        ((None, None), (None, None), ("0.5", 0, 1000)),
        (("0.2", None), (400, None), ("0.2", 1, 400)),
        (("0.2", "0.2"), (400, 500), ("0.4", 0, 900)),
        (("0.7", None), (1400, None), ("0.7", 1, 1400)),
    ],
)
def test_a_wrapper_of_several_calls_gives_its_cost_only_where_none_of_them_knows_one(
    costs: tuple[str | None, ...], tokens: tuple[int | None, ...], expected: tuple[str, int, int]
) -> None:
    inner = [a_call(f"c{n}", begins=n, cost=cost, tokens=(tokens[n], None)) for n, cost in enumerate(costs)]

    found = tally(a_wrapper(cost="0.5", tokens=(1000, None)), *inner)

    assert (found.calls, found.cost, found.unpriced, found.input_tokens) == (
        2,
        Decimal(expected[0]),
        expected[1],
        expected[2],
    )


def test_one_cost_is_given_to_a_call_within_an_agent_and_to_one_beside_it() -> None:
    beside, agent = a_call(begins=1, ends=2), a_step("a", kind=ActionKind.AGENT)

    found = tally(a_wrapper(cost="5"), beside, agent, a_call("k", begins=4, parent="a"))

    assert found == Tally(calls=2, success=2, cost=Decimal(5))


def test_an_estimate_below_a_reported_cost_does_not_count_beside_it() -> None:
    estimated = a_call("s8", parent="s", begins=3, cost="15", is_cost_estimated=True, tokens=(10, 5))
    beside = a_call("s2", begins=4, tokens=(10, 5))

    found = tally(a_wrapper("o", cost="2000"), a_wrapper(parent="o", begins=1), a_step(), estimated, beside)

    assert found == Tally(calls=2, success=2, cost=Decimal(2000), input_tokens=20, output_tokens=10)


def test_a_reported_cost_below_keeps_the_estimates_beside_it() -> None:
    reported = a_call("c1", begins=1, ends=3, cost="0.05")
    estimated = a_call("c2", begins=4, ends=8, cost="0.4", is_cost_estimated=True)

    found = tally(a_wrapper(cost="0.5"), reported, estimated)

    assert found == Tally(calls=2, success=2, cost=Decimal("0.45"), estimated=1)


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.BLOCKED, Outcome.REJECTED, None])
def test_a_wrappers_cost_was_spent_with_any_outcome_of_the_call(outcome: Outcome | None) -> None:
    found = tally(a_wrapper(cost="0.5"), a_call(outcome=outcome, ends=7 if outcome else None))

    assert (found.calls, found.cost, found.prevented, found.unpriced) == (1, Decimal("0.5"), Decimal(0), 0)


@pytest.mark.parametrize("outcome", [Outcome.REPLAYED, Outcome.IDEMPOTENT_REPLAY])
def test_a_wrappers_cost_was_not_spent_on_a_replayed_call(outcome: Outcome) -> None:
    assert tally(a_wrapper(cost="0.5"), a_call(outcome=outcome)) == Tally(calls=1, replayed=1)


@pytest.mark.parametrize("outcome", [None, Outcome.BLOCKED, Outcome.REPLAYED])
def test_a_wrapper_that_spent_nothing_gives_no_cost(outcome: Outcome | None) -> None:
    assert tally(a_wrapper(cost="0.5", outcome=outcome), a_call()) == Tally(calls=1, success=1, unpriced=1)


def test_a_cost_of_a_call_that_still_runs_does_not_count() -> None:
    assert tally(a_wrapper(cost="5"), a_call(outcome=None, ends=None, cost="3")).cost == Decimal(5)


def test_an_unknown_cost_stays_unknown() -> None:
    assert tally(a_wrapper(), a_call()) == Tally(calls=1, success=1, unpriced=1)
