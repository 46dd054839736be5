"""Counts and sums over calls: which outcome counts as what, and whose cost was spent (spec/runs.md 2.6 and 3.1)."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from titan.model.actions import INCURRED, PREVENTED, Outcome
from titan.model.recorded import OutcomeSums, Tally


def tally_of(sums: Iterable[OutcomeSums]) -> Tally:
    """Return what sums over calls by outcome come to together."""
    told = list(sums)
    calls = Counter[Outcome]()
    costs = [Decimal(0)] * 3
    for one in told:
        if one.outcome is not None:
            calls[_COUNTED_AS[one.outcome]] += one.calls
            costs[_COST_OF[one.outcome]] += one.cost
    return Tally(
        calls=sum(one.calls for one in told),
        running=sum(one.calls for one in told if one.outcome is None),
        success=calls[Outcome.SUCCESS],
        error=calls[Outcome.ERROR],
        blocked=calls[Outcome.BLOCKED],
        rejected=calls[Outcome.REJECTED],
        replayed=calls[Outcome.REPLAYED],
        cost=costs[0],
        prevented=costs[1],
        saved=costs[2],
        unpriced=sum(one.unpriced for one in told if one.outcome in INCURRED),
        estimated=sum(one.estimated for one in told if one.outcome in INCURRED),
        input_tokens=sum(one.input_tokens for one in told),
        output_tokens=sum(one.output_tokens for one in told),
    )


_COUNTED_AS = {outcome: outcome for outcome in Outcome} | {Outcome.IDEMPOTENT_REPLAY: Outcome.REPLAYED}
#: Which sum an outcome's cost goes to: incurred, prevented, saved.
_COST_OF = {outcome: 0 if outcome in INCURRED else 1 if outcome in PREVENTED else 2 for outcome in Outcome}
