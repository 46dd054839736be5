"""What a call lacks and the call told of around it knows, lent to it: tokens, cost, model and answer.

Two instrumentations tell of one call, and what only the outer one was told counts where the inner one does. It is lent,
not given: whatever is heard of the inner call later is joined with its own words alone, and then it is lent again. So
the order in which the two come is of no matter.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from titan.model.recorded import IS_RETOLD, Action

#: Three bits for where the cost is from: estimated, said at the beginning, said at the end, our endpoint's.
COST_PLACE: Final = 24
COST_BITS: Final = 7 << COST_PLACE
ESTIMATED, SAID_FIRST, SAID_LAST, SEEN = 1, 2, 3, 4
#: A bit for each field that may be lent.
LENT: Final[Mapping[str, int]] = {
    "cost": 1 << 12,
    "input_tokens": 1 << 13,
    "output_tokens": 1 << 14,
    "model": 1 << 15,
    "provider": 1 << 16,
    "response_id": 1 << 17,
}
LENT_BITS: Final = sum(LENT.values())
PRICED: Final = 1 << 20  #: its cost is no source's word, but reckoned from its model and tokens (`rules.estimating`)
GAVE_WAY: Final = 1 << 21  #: what it was lent stands for an estimate of its own, which is to be looked up again
_NAMES: Final = ("model", "provider", "response_id")
_NOTHING: Final = Decimal(0)


def own(action: Action) -> Action:
    """Return an action as it was told itself, without what it was lent; see `GAVE_WAY`."""
    if not action.heard & LENT_BITS:
        return action
    news: dict[str, object] = {name: None for name, bit in LENT.items() if action.heard & bit}
    heard = action.heard & ~LENT_BITS
    if "cost" in news:
        news["is_cost_estimated"] = False
        heard &= ~COST_BITS
    return replace(action, heard=heard, **news)


def lent(outer: Action, inner: Sequence[Action]) -> list[Action]:
    """Return the calls that `outer` says again, each with what it lacks: together they come to what `outer` says.

    Of one call the outer one's cost counts where it is better known: said, and not estimated. Of several, the first
    that has no cost or no tokens gets what the others leave of the outer one's.
    """
    calls = [own(call) for call in inner]
    news: list[dict[str, object]] = [{} for _ in calls]
    if len(calls) == 1:
        news[0] |= {name: getattr(outer, name) for name in _NAMES if getattr(calls[0], name) is None}
        if _is_better_known(outer, calls[0]):
            news[0]["cost"] = outer.cost
    else:
        _share_cost(outer, calls, news)
    for name in ("input_tokens", "output_tokens"):
        _share_tokens(name, outer, calls, news)
    return [_with(call, outer, new) for call, new in zip(calls, news, strict=True)]


def lent_past_steps(outer: Action, call: Action, *, with_answer: bool) -> Action:
    """Return a call with steps between it and the one that says it again, with the cost that `outer` knows better."""
    news: dict[str, object] = {"response_id": outer.response_id} if with_answer else {}
    if _is_better_known(outer, call):
        news["cost"] = outer.cost
    return _with(call, outer, news)


def _is_better_known(outer: Action, call: Action) -> bool:
    if outer.cost is None:
        return False
    is_said = outer.heard & COST_BITS > ESTIMATED << COST_PLACE
    return call.cost is None or (is_said and call.heard & COST_BITS <= ESTIMATED << COST_PLACE)


def _share_cost(outer: Action, calls: Sequence[Action], news: Sequence[dict[str, object]]) -> None:
    lacking = [new for call, new in zip(calls, news, strict=True) if call.cost is None]
    left = _NOTHING if outer.cost is None else outer.cost - sum((call.cost or _NOTHING for call in calls), _NOTHING)
    if left > 0:
        for place, new in enumerate(lacking):  # the cost of the others is in that of the first
            new["cost"] = _NOTHING if place else left


def _share_tokens(name: str, outer: Action, calls: Sequence[Action], news: Sequence[dict[str, object]]) -> None:
    known = [getattr(call, name) for call in calls]
    left = (getattr(outer, name) or 0) - sum(count or 0 for count in known)
    if left > 0 and None in known:
        news[known.index(None)][name] = left


def _with(call: Action, outer: Action, news: Mapping[str, object]) -> Action:
    known = {name: value for name, value in news.items() if value is not None}
    if not known:
        return call
    heard = call.heard | IS_RETOLD | sum(LENT[name] for name in known)
    if "cost" not in known:
        return replace(call, heard=heard, **known)
    heard = heard & ~(COST_BITS | PRICED) | outer.heard & COST_BITS | (0 if call.cost is None else GAVE_WAY)
    return replace(call, heard=heard, is_cost_estimated=outer.is_cost_estimated, **known)
