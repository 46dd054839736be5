"""A run's totals: which calls count, at which outcome, and what they cost."""

from decimal import Decimal
from itertools import permutations

import pytest

from tests.support.action_facts import an_action, calls, counts, tally, totals_of
from titan.model.actions import CLAIM, ActionKind, Outcome
from titan.model.runs import Count, FirstError, RunTotals, Tally, counted_alone
from titan.rules.runs.totals import totals

NEVER_ENDED = ("NeverEnded", "Its run ended without it.")


def test_a_run_without_actions_has_no_totals() -> None:
    assert totals([]) == (RunTotals(tally=Tally(), first_error=None, last_outcome=None, last_ended_at_us=None), {})


@pytest.mark.parametrize("kind", [ActionKind.MODEL, ActionKind.TOOL, ActionKind.CALL])
def test_calls_count_with_their_cost_and_tokens(kind: ActionKind) -> None:
    call = an_action("a", kind=kind, cost="0.10", tokens=(7, 2))

    assert tally(call) == Tally(calls=1, success=1, cost=Decimal("0.10"), input_tokens=7, output_tokens=2)
    assert counted_alone(call.kind) == Count(is_call=True, has_cost=True, has_tokens=True)


@pytest.mark.parametrize("kind", sorted(set(ActionKind) - {ActionKind.MODEL, ActionKind.TOOL, ActionKind.CALL}))
def test_what_groups_calls_counts_nothing(kind: ActionKind) -> None:
    group = an_action("a", kind=kind, cost="9", tokens=(5, 5), outcome=Outcome.ERROR)

    assert totals_of(group, an_action("b", parent="a", cost="1")).tally == Tally(calls=1, success=1, cost=Decimal(1))
    assert counted_alone(group.kind) == Count(is_call=False, has_cost=False, has_tokens=False)


@pytest.mark.parametrize(
    ("said", "recorded", "cost"),
    [("0.10", (), "0.1"), ("0.10", ("0.10",), "0.1"), ("0.10", ("0.04", "0.05"), "0.1"), ("0.10", ("0.2",), "0.2")],
)
def test_an_agents_claim_of_its_cost_is_no_call_and_counts_where_less_is_recorded(
    said: str, recorded: tuple[str, ...], cost: str
) -> None:
    claim = an_action(CLAIM, kind=ActionKind.EVENT, source="world", cost=said)
    calls = [an_action(f"a{n}", begins=n, ends=n + 1, cost=one, tokens=(3, 1)) for n, one in enumerate(recorded)]

    found = tally(claim, *calls)

    assert (found.cost, found.calls, found.success) == (Decimal(cost), len(calls), len(calls))
    assert (found.input_tokens, found.unpriced) == (3 * len(calls), 0)


def test_a_claim_covers_what_has_no_price_and_what_was_cancelled_but_nothing_that_was_stopped() -> None:
    claim = an_action(CLAIM, kind=ActionKind.EVENT, source="world", cost="1")
    unknown = an_action("a")
    cancelled = an_action("b", outcome=None, ends=1, cost="0.3")
    stopped = an_action("c", outcome=Outcome.BLOCKED, cost="0.7")
    runs = an_action("d", outcome=None, ends=None)

    found = tally(claim, unknown, cancelled, stopped, runs)

    assert (found.cost, found.prevented, found.unpriced, found.calls) == (Decimal(1), Decimal("0.7"), 0, 3)
    another = an_action(CLAIM, kind=ActionKind.EVENT, source="sdk", cost="1")
    assert tally(another, an_action("a", cost="0.5")).cost == Decimal("0.5")


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (None, Tally(calls=1, running=1, input_tokens=3, output_tokens=2)),
        (Outcome.SUCCESS, Tally(calls=1, success=1, cost=Decimal("0.1"), input_tokens=3, output_tokens=2)),
        (Outcome.ERROR, Tally(calls=1, error=1, cost=Decimal("0.1"), input_tokens=3, output_tokens=2)),
        (Outcome.BLOCKED, Tally(calls=1, blocked=1, prevented=Decimal("0.1"), input_tokens=3, output_tokens=2)),
        (Outcome.REJECTED, Tally(calls=1, rejected=1, prevented=Decimal("0.1"), input_tokens=3, output_tokens=2)),
        (Outcome.REPLAYED, Tally(calls=1, replayed=1, saved=Decimal("0.1"), input_tokens=3, output_tokens=2)),
        (Outcome.IDEMPOTENT_REPLAY, Tally(calls=1, replayed=1, saved=Decimal("0.1"), input_tokens=3, output_tokens=2)),
    ],
)
def test_every_outcome_counts_once_and_its_cost_where_it_belongs(outcome: Outcome | None, expected: Tally) -> None:
    assert tally(an_action("a", outcome=outcome, ends=1 if outcome else None, cost="0.1", tokens=(3, 2))) == expected


def test_a_call_that_was_cancelled_has_no_outcome_and_cost_what_it_cost() -> None:
    cancelled = an_action("a", outcome=None, ends=1, cost="0.1", tokens=(3, 2), error=("CancelledError", None))
    unknown = an_action("b", outcome=None, ends=1)
    waits = an_action("c", kind=ActionKind.TOOL, outcome=None, ends=1, error=("GraphInterrupt", None))

    found = totals_of(cancelled, unknown, waits)

    assert found.tally == Tally(cost=Decimal("0.1"), unpriced=1, input_tokens=3, output_tokens=2)
    assert (found.tally.attempts, found.first_error, found.last_outcome) == (0, None, None)


@pytest.mark.parametrize(
    ("kind", "model", "outcome", "cost", "unpriced"),
    [
        (ActionKind.MODEL, None, Outcome.SUCCESS, None, 1),
        (ActionKind.MODEL, None, Outcome.ERROR, None, 1),
        (ActionKind.CALL, "text-embedding-3", Outcome.SUCCESS, None, 1),
        (ActionKind.CALL, None, Outcome.SUCCESS, None, 0),
        (ActionKind.MODEL, None, Outcome.SUCCESS, "0", 0),  # a free model
        (ActionKind.MODEL, None, None, None, 0),
        (ActionKind.MODEL, None, Outcome.BLOCKED, None, 0),
        (ActionKind.MODEL, None, Outcome.REPLAYED, None, 0),
        (ActionKind.TOOL, None, Outcome.SUCCESS, None, 0),
    ],
)
def test_a_model_call_that_ended_without_a_known_cost_is_unpriced(
    kind: ActionKind, model: str | None, outcome: Outcome | None, cost: str | None, unpriced: int
) -> None:
    call = an_action("a", kind=kind, model=model, outcome=outcome, ends=1 if outcome else None, cost=cost)
    assert tally(call).unpriced == unpriced


@pytest.mark.parametrize(
    ("outcome", "cost", "estimated"),
    [
        (Outcome.SUCCESS, "0.1", 1),
        (Outcome.ERROR, "0.1", 1),
        (Outcome.SUCCESS, "0", 0),  # a free model
        (Outcome.BLOCKED, "0.1", 0),
        (Outcome.REPLAYED, "0.1", 0),
        (None, None, 0),
    ],
)
def test_an_estimated_cost_that_was_spent_is_counted_as_estimated(
    outcome: Outcome | None, cost: str | None, estimated: int
) -> None:
    assert tally(an_action("a", outcome=outcome, cost=cost, is_cost_estimated=True)).estimated == estimated


def test_costs_are_exact_to_the_picodollar() -> None:
    costs = {
        Outcome.SUCCESS: "0.1",
        Outcome.ERROR: "0.000000000001",
        Outcome.BLOCKED: "0.2",
        Outcome.REJECTED: "0.000000000002",
        Outcome.REPLAYED: "0.7",
        Outcome.IDEMPOTENT_REPLAY: "0.000000000007",
    }

    found = tally(*(an_action(f"{one}{n}", outcome=one, cost=cost) for one, cost in costs.items() for n in range(3)))

    assert (found.cost, found.prevented) == (Decimal("0.300000000003"), Decimal("0.600000000006"))
    assert (found.saved, found.attempted_cost) == (Decimal("2.100000000021"), Decimal("0.900000000009"))
    assert (found.calls, found.attempts, found.replayed) == (18, 12, 6)


# --- the first error ---


def test_the_first_error_is_that_of_the_failed_call_that_started_first() -> None:
    late = an_action("b", begins=5, ends=6, outcome=Outcome.ERROR, error=("ValueError", "late"))
    early = an_action("a", begins=1, ends=9, outcome=Outcome.ERROR, error=("ValueError", "early"))
    same = an_action("c", begins=1, ends=2, outcome=Outcome.ERROR, error=("ValueError", "as early"))

    expected = FirstError(action_id="a", text="ValueError: early", started_at_us=1_000_000)
    assert totals_of(late, early, same).first_error == expected


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ((None, None), "error, without a message"),
        (("", ""), "error, without a message"),
        (("Error", None), "error, without a message"),
        (("error", None), "error, without a message"),
        (("KeyError", None), "KeyError"),
        (("error", "no"), "error: no"),
        ((None, "no"), "no"),
        (("E", "x" * 900), f"E: {'x' * 297}"),
    ],
)
def test_the_text_of_the_first_error_is_its_type_and_its_message(
    error: tuple[str | None, str | None], text: str
) -> None:
    first = totals_of(an_action("a", outcome=Outcome.ERROR, error=error)).first_error

    assert first == FirstError(action_id="a", text=text, started_at_us=0)


@pytest.mark.parametrize("begins", [0, 5])
def test_an_error_comes_before_a_call_that_never_ended(begins: float) -> None:
    failed = an_action("b", begins=begins, ends=6, outcome=Outcome.ERROR, error=("ValueError", "no"))
    never_ended = an_action("a", begins=1, ends=9, outcome=Outcome.ERROR, error=NEVER_ENDED)

    first = totals_of(never_ended, failed).first_error

    assert first == FirstError(action_id="b", text="ValueError: no", started_at_us=round(begins * 1_000_000))


def test_where_no_call_failed_of_itself_the_first_that_never_ended_is_the_first_error() -> None:
    turn = an_action("t", kind=ActionKind.TURN, outcome=Outcome.ERROR, error=NEVER_ENDED)
    never_ended = [
        an_action(f"a{n}", begins=n, ends=9, outcome=Outcome.ERROR, error=NEVER_ENDED, cost="0.5") for n in (1, 2)
    ]

    found = totals_of(turn, *never_ended)

    expected = FirstError(action_id="a1", text="NeverEnded: Its run ended without it.", started_at_us=None)
    assert found.first_error == expected
    assert found.tally == Tally(calls=2, error=2, cost=Decimal(1))
    assert (found.last_outcome, found.last_ended_at_us) == (None, None)


def test_a_wrapper_and_a_second_report_are_no_first_error() -> None:
    wrapper = an_action("a", outcome=Outcome.ERROR, error=("E", "no"))
    call = an_action("b", parent="a", begins=1)

    assert totals_of(wrapper, call).first_error is None


# --- the last outcome ---


def test_the_last_outcome_is_that_of_the_attempt_that_ended_last() -> None:
    actions = [
        an_action("a", ends=5, outcome=Outcome.ERROR),
        an_action("b", ends=5),
        an_action("c", ends=4, outcome=Outcome.BLOCKED),
        an_action("d", ends=9, outcome=Outcome.REPLAYED),
        an_action("e", ends=None, outcome=None),
        an_action("f", ends=None, outcome=Outcome.SUCCESS),  # its end has no time
    ]

    found = totals_of(*actions)

    assert (found.last_outcome, found.last_ended_at_us) == (Outcome.ERROR, 5_000_000)


@pytest.mark.parametrize("one", [Outcome.SUCCESS, Outcome.ERROR, Outcome.REJECTED])
def test_of_attempts_that_ended_together_the_graver_one_is_the_last(one: Outcome) -> None:
    assert totals_of(an_action("a", outcome=one), an_action("b", outcome=Outcome.BLOCKED)).last_outcome == "blocked"


# --- what stays as it is ---


def test_a_call_that_is_not_a_models_is_never_a_duplicate() -> None:
    actions = [
        an_action("a", kind=ActionKind.TOOL, source="sdk", response_id="r", model="m", tokens=(1, 1)),
        an_action("b", kind=ActionKind.TOOL, parent="a", response_id="r", model="m", tokens=(1, 1)),
        an_action("c", kind=ActionKind.CALL, source="sentinel", response_id="r", model="m", tokens=(1, 1)),
    ]

    assert calls(*actions) == {"a", "b", "c"}


def test_only_actions_that_count_otherwise_than_alone_are_returned() -> None:
    step, wrapper = an_action("s", kind=ActionKind.STEP), an_action("w", parent="s")
    call, tool = an_action("c", parent="w"), an_action("t", kind=ActionKind.TOOL, parent="w")

    for order in permutations([step, wrapper, call, tool]):
        assert dict(totals(order)[1]) == {wrapper.number: Count(is_call=False, has_cost=False, has_tokens=False)}
    assert counts(step, wrapper, call, tool)["c"] == counted_alone(call.kind)
