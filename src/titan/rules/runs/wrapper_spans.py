"""Which model spans wrap others, and what only a wrapper knows of the calls in it.

A framework's span of a model call has the client's span of the same call below it. The innermost spans are the calls.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

from titan.model.actions import ActionKind
from titan.model.runs import ActionFacts
from titan.rules.runs.duplicates import Call, response_id_of

#: By the number of a model span, the nearest model span that it is below.
Around: TypeAlias = Mapping[int, ActionFacts]


def models_around(actions: Sequence[ActionFacts], models: Sequence[ActionFacts]) -> Around:
    """Return for each of a run's model spans the nearest one that it is below, however many other actions are between.

    Spans that name one another as parents in a cycle have none: there the one that started first is the outermost.
    """
    by_id = {action.id: action for action in actions}
    known: dict[str, ActionFacts | None] = {}
    around: dict[int, ActionFacts] = {}
    for model in models:
        nearest = _nearest_model(model.parent_id, by_id, known)
        if nearest is not None:
            around[model.number] = nearest
    _break_cycles(around, models)
    return around


def response_ids_of(calls: Sequence[ActionFacts], around: Around) -> dict[int, str]:
    """Return by number the response ids of calls: their own, or that of the nearest wrapper with one call in it."""
    inner = Counter(wrapper.number for wrapper in around.values())
    found: dict[int, str] = {}
    for call in calls:
        response_id, wrapper = response_id_of(call), around.get(call.number)
        while response_id is None and wrapper is not None and inner[wrapper.number] == 1:
            response_id, wrapper = response_id_of(wrapper), around.get(wrapper.number)
        if response_id is not None:
            found[call.number] = response_id
    return found


def taken_from_wrappers(
    asking: Mapping[int, Call], known: Iterable[Call], around: Around, offers: Collection[int]
) -> dict[int, int]:
    """Return by their keys the calls that are `asking` of which only a wrapper knows something, and its number.

    A wrapper of a call that is `known` repeats what the call's reports say, and a wrapper repeats what those in it say.
    So each call takes from the nearest one whose number is among `offers`, and only the innermost ones give.
    """
    said = set[int]()  # numbers of wrappers that know no more than what is below them
    for call in known:
        for report in call:
            _note_all_around(report, around, said)
    nearest: dict[int, ActionFacts | None] = {}
    taken: dict[int, ActionFacts] = {}
    for key, call in asking.items():
        found = [one for one in (_nearest_offer(one, around, said, offers, nearest) for one in call) if one is not None]
        if found:
            taken[key] = max(found, key=_order)
    for wrapper in {wrapper.number: wrapper for wrapper in taken.values()}.values():
        _note_all_around(wrapper, around, said)
    return {key: wrapper.number for key, wrapper in taken.items() if wrapper.number not in said}


def _nearest_model(
    place: str | None, by_id: Mapping[str, ActionFacts], known: dict[str, ActionFacts | None]
) -> ActionFacts | None:
    """Return the model span at or above an id; `known` holds what is known of other ids."""
    passed: list[str] = []
    found: ActionFacts | None = None
    while place is not None:
        if place in known:
            found = known[place]
            break
        action = by_id.get(place)
        if action is None:
            break
        if action.kind == ActionKind.MODEL:
            found = action
            break
        known[place] = None  # who comes here again goes round in a cycle
        passed.append(place)
        place = action.parent_id
    known.update(dict.fromkeys(passed, found))
    return found


def _break_cycles(around: dict[int, ActionFacts], models: Sequence[ActionFacts]) -> None:
    walked: dict[int, int] = {}  # by number, the number of the model from which it was first reached
    for model in models:
        at: ActionFacts | None = model
        while at is not None and at.number not in walked:
            walked[at.number] = model.number
            at = around.get(at.number)
        if at is not None and walked[at.number] == model.number:
            first, other = at, around[at.number]
            while other.number != at.number:
                first, other = min(first, other, key=_order), around[other.number]
            del around[first.number]


def _note_all_around(report: ActionFacts, around: Around, said: set[int]) -> None:
    wrapper = around.get(report.number)
    while wrapper is not None and wrapper.number not in said:
        said.add(wrapper.number)
        wrapper = around.get(wrapper.number)


def _nearest_offer(
    report: ActionFacts,
    around: Around,
    said: Collection[int],
    offers: Collection[int],
    nearest: dict[int, ActionFacts | None],
) -> ActionFacts | None:
    """Return the nearest wrapper of a report that offers what nothing below it says; `nearest` holds known ones."""
    passed: list[int] = []
    found: ActionFacts | None = None
    at = report
    while at.number not in nearest:
        passed.append(at.number)
        wrapper = around.get(at.number)
        if wrapper is None or wrapper.number in said:
            break
        if wrapper.number in offers:
            found = wrapper
            break
        at = wrapper
    else:
        found = nearest[at.number]
    nearest.update(dict.fromkeys(passed, found))
    return found


def _order(action: ActionFacts) -> tuple[int, str]:
    return action.started_at_us, action.id
