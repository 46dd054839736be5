"""Builders of action facts, and the totals of a run for every order of its actions."""

from collections.abc import Set
from decimal import Decimal
from itertools import count, islice, permutations

from titan.model.actions import ActionKind, Outcome
from titan.model.runs import ActionFacts, Count, RunTotals, Tally, counted_alone
from titan.rules.runs.totals import totals

FRAMEWORK, CLIENT = "otlp:framework", "otlp:client"
MOST_ORDERS = 24
_NUMBERS = count(1)


def an_action(
    id: str,
    *,
    parent: str | None = None,
    kind: ActionKind = ActionKind.MODEL,
    source: str = CLIENT,
    begins: float = 0,
    ends: float | None = 1,
    outcome: Outcome | None = Outcome.SUCCESS,
    cost: str | None = None,
    is_cost_estimated: bool = False,
    model: str | None = None,
    tokens: tuple[int | None, int | None] = (None, None),
    response_id: str | None = None,
    error: tuple[str | None, str | None] = (None, None),
) -> ActionFacts:
    """Return an action; times in seconds, cost in dollars, error as type and message."""
    return ActionFacts(
        number=next(_NUMBERS),
        id=id,
        parent_id=parent,
        kind=kind.value,
        sources=(source,),
        name="chat",
        started_at_us=round(begins * 1_000_000),
        ended_at_us=None if ends is None else round(ends * 1_000_000),
        outcome=None if outcome is None else outcome.value,
        cost=None if cost is None else int(Decimal(cost) * 10**12),
        is_cost_estimated=is_cost_estimated,
        model=model,
        input_tokens=tokens[0],
        output_tokens=tokens[1],
        response_id=response_id,
        error_type=error[0],
        error_message=error[1],
    )


def totals_of(*actions: ActionFacts, elsewhere: Set[str] = frozenset()) -> RunTotals:
    """Return the totals of actions, which are the same in whatever order."""
    found, counts = totals(actions, answered_elsewhere=elsewhere)
    for order in islice(permutations(actions), MOST_ORDERS):
        for one in (order, order[::-1]):
            assert totals(one, answered_elsewhere=elsewhere) == (found, counts)
    return found


def tally(*actions: ActionFacts, elsewhere: Set[str] = frozenset()) -> Tally:
    """Return counts and sums over actions, which are the same in whatever order."""
    return totals_of(*actions, elsewhere=elsewhere).tally


def counts(*actions: ActionFacts, elsewhere: Set[str] = frozenset()) -> dict[str, Count]:
    """Return by id what actions count as."""
    changed = totals(actions, answered_elsewhere=elsewhere)[1]
    assert all(changed[action.number] != counted_alone(action.kind) for action in actions if action.number in changed)
    return {action.id: changed.get(action.number, counted_alone(action.kind)) for action in actions}


def calls(*actions: ActionFacts) -> set[str]:
    """Return the ids of the actions that count as calls."""
    return {id for id, count in counts(*actions).items() if count.is_call}
