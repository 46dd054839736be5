"""A run's totals as a function of its actions."""

from collections.abc import Mapping, Sequence, Set
from typing import Final

from titan.model.actions import CALLS
from titan.model.totals import ActionFacts, Count, FirstError, RunTotals

__all__ = ["ActionFacts", "Count", "FirstError", "RunTotals", "count_of", "totals"]

_EVERYTHING: Final = Count(is_call=True, has_cost=True, has_tokens=True)
_NOTHING: Final = Count(is_call=False, has_cost=False, has_tokens=False)


def count_of(action: ActionFacts) -> Count:
    """Return what an action counts as that is looked at alone: all if it is a call, else nothing."""
    return _EVERYTHING if action.kind in CALLS else _NOTHING


def totals(
    actions: Sequence[ActionFacts], *, answered_elsewhere: Set[str] = frozenset()
) -> tuple[RunTotals, Mapping[int, Count]]:
    """Return a run's totals, and by number what those actions count as that do not count as `count_of` says.

    `answered_elsewhere` are response ids of calls that our endpoint counted in other runs.
    """
    raise NotImplementedError
