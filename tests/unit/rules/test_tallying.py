"""Sums over a run's calls: whatever is put in can be taken out again, to the last digit."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.support.recorded import a_call, heard
from titan.model.actions import ActionKind, ModelUse, Outcome
from titan.model.recorded import Action, OutcomeSums, Tally
from titan.rules.tallying import Sums, tally_of


def an_action(
    outcome: Outcome | None = Outcome.SUCCESS, cost: str | None = None, kind: ActionKind = ActionKind.TOOL
) -> Action:
    """Return an action that took 3 tokens and gave 2."""
    use = ModelUse(input_tokens=3, output_tokens=2)
    ends = None if outcome is None else 1
    return heard([a_call(outcome=outcome, cost=cost, kind=kind, ends=ends, use=use)]).all[0]


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (None, Tally(calls=1, running=1)),
        (Outcome.SUCCESS, Tally(calls=1, success=1, cost=Decimal("0.1"))),
        (Outcome.ERROR, Tally(calls=1, error=1, cost=Decimal("0.1"))),
        (Outcome.BLOCKED, Tally(calls=1, blocked=1, prevented=Decimal("0.1"))),
        (Outcome.REJECTED, Tally(calls=1, rejected=1, prevented=Decimal("0.1"))),
        (Outcome.REPLAYED, Tally(calls=1, replayed=1, saved=Decimal("0.1"))),
        (Outcome.IDEMPOTENT_REPLAY, Tally(calls=1, replayed=1, saved=Decimal("0.1"))),
    ],
)
def test_every_outcome_is_counted_once_and_its_cost_where_it_belongs(outcome: Outcome | None, told: Tally) -> None:
    sums, action = Sums(Tally()), an_action(outcome, "0.1")

    sums.move(None, action)

    found = sums.tally()
    assert (found.input_tokens, found.output_tokens) == (3, 2)
    assert (found.calls, found.running, found.success, found.error) == (1, told.running, told.success, told.error)
    assert (found.blocked, found.rejected, found.replayed) == (told.blocked, told.rejected, told.replayed)
    assert (found.cost, found.prevented, found.saved) == (told.cost, told.prevented, told.saved)


def test_what_is_moved_leaves_nothing_where_it_was() -> None:
    sums = Sums(Tally())
    running, blocked = an_action(None), an_action(Outcome.BLOCKED, "0.000000000001")

    sums.move(None, running)
    sums.move(running, blocked)

    prevented = Decimal("0.000000000001")
    assert sums.tally() == Tally(calls=1, blocked=1, prevented=prevented, input_tokens=3, output_tokens=2)


def test_frames_count_nothing_and_a_call_that_becomes_one_is_taken_out() -> None:
    sums = Sums(Tally(calls=4, success=4, cost=Decimal(1)))
    call, frame = an_action(cost="0.1"), an_action(cost="0.1", kind=ActionKind.STEP)

    sums.move(None, call)
    sums.move(call, frame)

    assert sums.tally() == Tally(calls=4, success=4, cost=Decimal(1))


@pytest.mark.parametrize(
    ("kind", "outcome", "cost", "unpriced"),
    [
        (ActionKind.MODEL, Outcome.SUCCESS, None, 1),
        (ActionKind.MODEL, Outcome.ERROR, None, 1),
        (ActionKind.MODEL, Outcome.SUCCESS, "0", 0),  # a model that is free
        (ActionKind.MODEL, Outcome.SUCCESS, "0.1", 0),
        (ActionKind.MODEL, None, None, 0),
        (ActionKind.MODEL, Outcome.BLOCKED, None, 0),
        (ActionKind.MODEL, Outcome.REPLAYED, None, 0),
        (ActionKind.TOOL, Outcome.SUCCESS, None, 0),  # costs nothing, unless someone says so
    ],
)
def test_a_model_call_that_ended_without_a_known_cost_is_unpriced(
    kind: ActionKind, outcome: Outcome | None, cost: str | None, unpriced: int
) -> None:
    sums, action = Sums(Tally()), an_action(outcome, cost, kind)

    sums.move(None, action)

    assert sums.tally().unpriced == unpriced


def test_a_cost_that_comes_late_prices_its_call() -> None:
    sums = Sums(Tally())
    unknown, priced = (an_action(cost=cost, kind=ActionKind.MODEL) for cost in (None, "0.1"))

    sums.move(None, unknown)
    sums.move(unknown, priced)

    assert (sums.tally().unpriced, sums.tally().cost) == (0, Decimal("0.1"))


@pytest.mark.parametrize(
    ("outcome", "cost", "estimated"),
    [
        (Outcome.SUCCESS, "0.1", 1),
        (Outcome.ERROR, "0.1", 1),
        (Outcome.SUCCESS, "0", 0),  # a model that is free: nothing to be wrong about
        (Outcome.BLOCKED, "0.1", 0),  # no part of what was spent
        (Outcome.REPLAYED, "0.1", 0),
        (None, None, 0),
    ],
)
def test_a_cost_that_was_computed_and_spent_is_counted(
    outcome: Outcome | None, cost: str | None, estimated: int
) -> None:
    sums = Sums(Tally())
    computed = replace(an_action(outcome, cost, ActionKind.MODEL), is_cost_estimated=True)

    sums.move(None, computed)
    assert sums.tally().estimated == estimated

    sums.move(computed, replace(computed, is_cost_estimated=False))
    assert sums.tally().estimated == 0


def test_a_running_call_spends_nothing_yet() -> None:
    sums = Sums(Tally())

    sums.move(None, heard([a_call(ends=None, cost="5")]).all[0])

    assert sums.tally() == Tally(calls=1, running=1)


def test_sums_by_outcome_come_to_what_the_calls_come_to() -> None:
    costs = {outcome: Decimal(place) / 10 for place, outcome in enumerate(Outcome, start=1)}
    sums = [
        OutcomeSums(outcome=outcome, calls=2, cost=cost, unpriced=1, estimated=2, input_tokens=1, output_tokens=2)
        for outcome, cost in costs.items()
    ]
    running = OutcomeSums(
        outcome=None, calls=3, cost=Decimal(7), unpriced=3, estimated=0, input_tokens=0, output_tokens=0
    )

    assert tally_of([*sums, running]) == Tally(
        calls=15,
        running=3,
        success=2,
        error=2,
        blocked=2,
        rejected=2,
        replayed=4,
        cost=costs[Outcome.SUCCESS] + costs[Outcome.ERROR],
        prevented=costs[Outcome.BLOCKED] + costs[Outcome.REJECTED],
        saved=costs[Outcome.REPLAYED] + costs[Outcome.IDEMPOTENT_REPLAY],
        unpriced=2,
        estimated=4,
        input_tokens=6,
        output_tokens=12,
    )
    assert tally_of([]) == Tally()
