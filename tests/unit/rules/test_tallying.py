"""Sums over a run's calls: whatever is put in can be taken out again, to the last digit."""

from decimal import Decimal

import pytest

from tests.support.recorded import a_call, heard
from titan.model.actions import ActionKind, ModelUse, Outcome
from titan.model.recorded import Action, Tally
from titan.rules.tallying import Sums


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


def test_a_running_call_spends_nothing_yet() -> None:
    sums = Sums(Tally())

    sums.move(None, heard([a_call(ends=None, cost="5")]).all[0])

    assert sums.tally() == Tally(calls=1, running=1)
