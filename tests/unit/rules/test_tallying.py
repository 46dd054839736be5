"""Sums over calls by outcome: which outcome counts as what, and whose cost was spent."""

from decimal import Decimal

from titan.model.actions import Outcome
from titan.model.runs import OutcomeSums, Tally
from titan.rules.runs.totals import tally_of


def test_sums_by_outcome_equal_the_sums_of_the_calls() -> None:
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
