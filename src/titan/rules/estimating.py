"""What a call costs that no source says: what one of its sources estimated, else what its model and tokens come to.

A source's own estimate comes with its entry. Here is reckoned what no entry had all of: the model was told in one and
the tokens in another, or the one by an outer call and the other by an inner one. So it is reckoned anew from all that
was told, whenever more is: then the order is of no matter.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from titan.model.actions import ActionEntry, ModelUse
from titan.model.recorded import IS_RETOLD, Action
from titan.rules.lending import COST_BITS, COST_PLACE, ESTIMATED, GAVE_WAY, LENT, LENT_BITS, PRICED, own
from titan.rules.settling import Settling

_LENT_TOKENS: Final = LENT["input_tokens"] | LENT["output_tokens"]
_IS_ESTIMATED: Final = ESTIMATED << COST_PLACE


def estimate_told(settling: Settling) -> None:
    """Estimate what the calls cost that entries were taken of, where they do not say it."""
    for action in list(settling.changed.values()):
        if action.cost is None or action.heard & GAVE_WAY:
            settling.put(action, with_estimate(settling, action))


def own_of(settling: Settling, action: Action) -> Action:
    """Return an action as it was told itself, with what its own cost is estimated at."""
    return with_estimate(settling, own(action))


def with_estimate(settling: Settling, action: Action) -> Action:
    """Return an action whose cost was told or lent, if it was, with what it is estimated at where it was not."""
    if action.heard & LENT["cost"]:
        return action
    if not action.heard & GAVE_WAY:
        return action if action.cost is not None else _priced(settling, action)
    action = replace(action, heard=action.heard & ~GAVE_WAY)
    if action.heard & COST_BITS > _IS_ESTIMATED:
        return action
    cost = estimate_of(_entries_of(settling, action))
    if cost is None:
        return action if action.cost is not None else _priced(settling, action)
    return replace(action, cost=cost, is_cost_estimated=True, heard=action.heard | _IS_ESTIMATED)


def with_lent_estimate(settling: Settling, call: Action, outer: Action) -> Action:
    """Return a call that was lent its model or tokens with what these come to, lent too, if `outer` has no cost."""
    if call.cost is not None or outer.cost is not None or not call.heard & LENT_BITS:
        return call
    cost = _list_price(settling, call, [call, outer] if call.heard & _LENT_TOKENS else [call])
    if cost is None:
        return call
    heard = call.heard | LENT["cost"] | _IS_ESTIMATED | IS_RETOLD
    return replace(call, cost=cost, is_cost_estimated=True, heard=heard)


def estimate_of(entries: Iterable[ActionEntry]) -> Decimal | None:
    """Return the highest that an action's sources estimated its cost at; None where none did."""
    return max((cost for entry in entries if (cost := _estimate(entry)) is not None), default=None)


def _estimate(entry: ActionEntry) -> Decimal | None:
    if entry.hearsay is not None and entry.hearsay.heard & (PRICED | LENT["cost"]):
        return entry.hearsay.estimate  # its cost was reckoned, or another call's
    return entry.cost if entry.is_cost_estimated else None


def _priced(settling: Settling, action: Action) -> Action:
    # Of an import also what was lent is told: from that its nest reckons, as it did where it was exported.
    cost = _list_price(settling, own(action), [action])
    if cost is None:
        return action
    return replace(action, cost=cost, is_cost_estimated=True, heard=action.heard | PRICED | _IS_ESTIMATED)


def _list_price(settling: Settling, action: Action, told_of: Sequence[Action]) -> Decimal | None:
    """Return what an action's model and tokens come to; `told_of` are the actions that its tokens were told of."""
    if settling.prices is None or action.ended_at is None or action.model is None or action.input_tokens is None:
        return None
    use = ModelUse(
        model=action.model,
        provider=action.provider,
        input_tokens=action.input_tokens,
        output_tokens=action.output_tokens,
    )
    if settling.prices.cost_of(use, at=action.started_at) is None:
        return None  # as of each call of a model that has no price: nothing is looked up for those
    uses = [entry.use for one in told_of for entry in _entries_of(settling, one) if entry.use is not None]
    use = replace(
        use,
        cache_read_tokens=max((use.cache_read_tokens or 0 for use in uses), default=0),
        cache_write_tokens=max((use.cache_write_tokens or 0 for use in uses), default=0),
        reasoning_tokens=max((use.reasoning_tokens or 0 for use in uses), default=0),
    )
    return settling.prices.cost_of(use, at=action.started_at)


def _entries_of(settling: Settling, action: Action) -> list[ActionEntry]:
    """Return what was told of an action, just now and before."""
    before = settling.known.told(action) if action.number < settling.known.next_number else ()
    now = [kept.entry for kept in settling.kept if kept.action_number == action.number]
    return [entry for entry in (*before, *now) if isinstance(entry, ActionEntry)]
