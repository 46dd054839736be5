"""A run's actions as its totals are computed from them."""

from typing import Any

from titan.model.runs import ActionFacts


def facts_of_row(row: tuple[Any, ...]) -> ActionFacts:
    """Return the facts of `action_columns`."""
    (_, number, id, sources, kind, name, _, parent_id, _, started_us, ended_us, _, outcome, cost, is_estimated) = row[
        :15
    ]
    return ActionFacts(
        number=number,
        id=id,
        parent_id=parent_id,
        kind=str(kind),
        sources=tuple(sources.split(" ")),
        name=name,
        started_at_us=started_us,
        ended_at_us=ended_us,
        outcome=outcome,
        cost=cost,
        is_cost_estimated=bool(is_estimated),
        model=row[15],
        input_tokens=row[17],
        output_tokens=row[18],
        response_id=row[19],
        error_type=row[20],
        error_message=row[21],
    )
