"""A run's actions as columns: what a tree and a waterfall are drawn from, without any body."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from titan.model.runs import Action
from titan.wire.actions import SkeletonAnswer
from titan.wire.runs import RunView

_MICROSECOND = timedelta(microseconds=1)
NONE = -1  #: no text, no duration, a parent not heard of yet
NO_PARENT = 0


class _Texts:
    """Distinct texts, and the place of each."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._places: dict[str, int] = {}

    def place(self, text: str | None) -> int:
        if text is None:
            return NONE
        place = self._places.get(text)
        if place is None:
            place = self._places[text] = len(self.all)
            self.all.append(text)
        return place


def skeleton(run: RunView, actions: Sequence[Action], numbers: dict[str, int], *, version: int) -> SkeletonAnswer:
    """Return the columns; `numbers` are those of all actions of the run, by id."""
    reported = {
        one.count.duplicate_of: one.number for one in actions if one.count.duplicate_of and not one.count.is_call
    }
    names, models, actors, errors = _Texts(), _Texts(), _Texts(), _Texts()
    started_at = run.started_at
    return SkeletonAnswer(
        version=version,
        run=run,
        number=[action.number for action in actions],
        id=[action.id for action in actions],
        parent=[_parent(action, numbers, reported) for action in actions],
        kind=[action.shown_kind for action in actions],
        name=[names.place(action.name) for action in actions],
        model=[models.place(action.model) for action in actions],
        actor=[actors.place(action.actor) for action in actions],
        error_type=[errors.place(action.error_type) for action in actions],
        start_us=[_since(started_at, action.started_at) for action in actions],
        duration_ns=[NONE if action.duration_ns is None else action.duration_ns for action in actions],
        outcome=[action.outcome for action in actions],
        cost_usd=[action.cost for action in actions],
        possible_duplicates=[action.number for action in actions if action.is_possible_duplicate],
        estimated=[action.number for action in actions if action.is_cost_estimated],
        tokens=[_tokens(action) for action in actions],
        names=names.all,
        models=models.all,
        actors=actors.all,
        error_types=errors.all,
    )


def _parent(action: Action, numbers: dict[str, int], reported: dict[int, int]) -> int:
    """Return the number of an action's parent; of a call that names none, that of a second report of it."""
    if action.parent_id is None:
        return reported.get(action.number, NO_PARENT)
    parent = numbers.get(action.parent_id, NONE)
    return NO_PARENT if parent == action.number else parent


def _since(started_at: datetime, moment: datetime) -> int:
    return (moment - started_at) // _MICROSECOND


def _tokens(action: Action) -> int:
    if action.input_tokens is None and action.output_tokens is None:
        return NONE
    return (action.input_tokens or 0) + (action.output_tokens or 0)
