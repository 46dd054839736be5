"""A run's actions as its totals are computed from them."""

from titan.model.totals import ActionFacts
from titan.store.calls.rows import Values


def facts_of_row(row: Values) -> ActionFacts:
    """Return the facts of `action_columns`."""
    (_, number, id, sources, kind, name, _, parent_id, _, started, ended, _, outcome, cost, is_estimated) = row[:15]
    (model, _, asked, said, response_id, error_type, error_message) = row[15:22]
    return ActionFacts(
        number,
        id,
        parent_id,
        str(kind),
        tuple(str(sources).split(" ")),
        name,
        started,
        ended,
        outcome,
        cost,
        bool(is_estimated),
        model,
        asked,
        said,
        response_id,
        error_type,
        error_message,
    )  # type: ignore[arg-type]  # columns hold what they hold
