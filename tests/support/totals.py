"""A run's actions as its totals are computed from them."""

from typing import Any

from titan.model.runs import ActionFacts
from titan.store.runs.rows import ACTIONS


def facts_of_row(row: tuple[Any, ...]) -> ActionFacts:
    """Return the facts of the columns of an action."""
    found = dict(zip(ACTIONS.names, row, strict=True))
    sources, is_estimated = tuple(found["sources"].split(" ")), bool(found["is_cost_estimated"])
    facts = {name: found[name] for name in ActionFacts.__struct_fields__ if name in found}
    return ActionFacts(**facts | {"sources": sources, "is_cost_estimated": is_estimated})
