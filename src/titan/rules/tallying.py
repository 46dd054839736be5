"""Counts and sums over calls: which outcome counts as what, and whose cost was spent (spec/runs.md 2.6 and 3.1)."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from titan.model.actions import CALLS, INCURRED, PREVENTED, ActionKind, Outcome
from titan.model.recorded import Action, OutcomeSums, Tally


class Sums:
    """A tally that actions are moved in: taken out as they were, put in as they are."""

    __slots__ = ("_calls", "_costs", "_estimated", "_running", "_tokens", "_unpriced")

    def __init__(self, tally: Tally) -> None:
        self._calls = {
            Outcome.SUCCESS: tally.success,
            Outcome.ERROR: tally.error,
            Outcome.BLOCKED: tally.blocked,
            Outcome.REJECTED: tally.rejected,
            Outcome.REPLAYED: tally.replayed,
        }
        self._running = tally.running
        self._costs = [tally.cost, tally.prevented, tally.saved]
        self._unpriced = tally.unpriced
        self._estimated = tally.estimated
        self._tokens = [tally.input_tokens, tally.output_tokens]

    def move(self, before: Action | None, after: Action) -> None:
        """Take an action out as it was before (None: it is new) and put it in as it is now."""
        if before is not None:
            self._add(before, -1)
        self._add(after, 1)

    @property
    def running(self) -> int:
        """How many calls still run."""
        return self._running

    def tally(self) -> Tally:
        """Return what the sums come to."""
        calls = self._calls
        return Tally(
            calls=self._running + sum(calls.values()),
            running=self._running,
            success=calls[Outcome.SUCCESS],
            error=calls[Outcome.ERROR],
            blocked=calls[Outcome.BLOCKED],
            rejected=calls[Outcome.REJECTED],
            replayed=calls[Outcome.REPLAYED],
            cost=self._costs[0],
            prevented=self._costs[1],
            saved=self._costs[2],
            unpriced=max(0, self._unpriced),  # what was stored before embeddings counted lacks them
            estimated=self._estimated,
            input_tokens=self._tokens[0],
            output_tokens=self._tokens[1],
        )

    def _add(self, action: Action, sign: int) -> None:
        if action.kind not in CALLS:
            return  # a frame: what it says of cost and tokens repeats what its children said
        outcome = action.outcome
        if outcome is None:
            self._running += sign
        else:
            self._calls[_COUNTED_AS[outcome]] += sign
            if action.cost:
                self._costs[_COST_OF[outcome]] += sign * action.cost
                if action.is_cost_estimated and outcome in INCURRED:
                    self._estimated += sign
            elif action.cost is None and outcome in INCURRED and _has_price(action):
                self._unpriced += sign
        if action.input_tokens:
            self._tokens[0] += sign * action.input_tokens
        if action.output_tokens:
            self._tokens[1] += sign * action.output_tokens


def _has_price(action: Action) -> bool:
    """Return whether a call costs something for certain: a model's does, and so does an embedding's, a plain call."""
    return action.kind is ActionKind.MODEL or (action.kind is ActionKind.CALL and action.model is not None)


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
