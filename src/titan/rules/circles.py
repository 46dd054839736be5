"""Which model calls belong together: made in one another, or named with one answer. Who lends to whom among them.

Found anew from each call's own words whenever one of them is touched, so the order in which they come is of no matter.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from titan.model.recorded import IS_RETOLD, Action, was_model_call
from titan.rules.lending import LENT_BITS, own
from titan.rules.merging import FRAMES_PAST_STEPS, IS_COVERED, STAYS_FRAME, is_around, says_same
from titan.rules.settling import Settling

_WAS_SETTLED: Final = STAYS_FRAME | IS_COVERED | FRAMES_PAST_STEPS | IS_RETOLD | LENT_BITS


@dataclass(slots=True)
class Circle:
    """Model calls that belong together."""

    calls: dict[int, Action] = field(default_factory=dict)
    #: By the number of a call: the one around it that names its answer, and is no call that it was made in.
    answered_around: dict[int, Action] = field(default_factory=dict)
    #: By the number of a call around others: those that it says again, but were not made in it.
    answered_within: dict[int, dict[int, Action]] = field(default_factory=dict)
    #: Numbers of calls around one that names their answer: certainly said again.
    frames: set[int] = field(default_factory=set)


def circle_of(settling: Settling, actions: Iterable[Action]) -> Circle:
    """Return the calls that belong together with some."""
    circle, waiting = Circle(), list(actions)
    while waiting:
        action = waiting.pop()
        if action.number not in circle.calls:
            around = model_around(settling, action)
            company = [*settling.nested_in(action), *_with_its_answer(settling, action)]
            company += [] if around is None else [around]
            if company or action.heard & _WAS_SETTLED:  # most calls stand alone
                circle.calls[action.number] = action
                waiting += company
    for call in circle.calls.values():
        _link(settling, circle, call)
    return circle


def model_around(settling: Settling, action: Action) -> Action | None:
    """Return the model call that an action was made in."""
    around = None if action.parent_id is None else settling.action_at(action.run_id, action.parent_id)
    return around if around is not None and was_model_call(around) else None


def _with_its_answer(settling: Settling, action: Action) -> list[Action]:
    answer = own(action).response_id
    same = [] if answer is None else settling.named_by(action.run_id, answer)
    return [other for other in same if other.number != action.number]


def _link(settling: Settling, circle: Circle, call: Action) -> None:
    """Note which calls stand around one that names their answer; the innermost of them lends."""
    outers = [outer for outer in _with_its_answer(settling, call) if is_around(outer, call) and says_same(outer, call)]
    outers = [outer for outer in outers if not _is_made_in(settling, call, outer)]
    circle.frames |= {outer.number for outer in outers}
    if not outers:
        return
    outer = max(outers, key=lambda outer: (outer.started_at, outer.id))
    top = _top(settling, call, outer)
    before = circle.answered_around.get(top.number)
    if before is None or (before.started_at, before.id) < (outer.started_at, outer.id):
        if before is not None:
            del circle.answered_within[before.number][top.number]
        circle.answered_around[top.number] = outer
        circle.answered_within.setdefault(outer.number, {})[top.number] = top
        around = model_around(settling, top)
        if around is not None and says_same(own(around), top):
            circle.frames.add(around.number)  # though another lends


def _is_made_in(settling: Settling, call: Action, outer: Action) -> bool:
    """Tell whether a call was made in another, with nothing but calls between that say the same."""
    passed = set[int]()
    around = model_around(settling, call)
    while around is not None and around.number not in passed and says_same(own(around), call):
        if around.number == outer.number:
            return True
        passed.add(around.number)
        call, around = around, model_around(settling, around)
    return False


def _top(settling: Settling, call: Action, outer: Action) -> Action:
    """Return the outermost call that says the same as one and stands within `outer`: it hands on what it is lent."""
    passed = set[int]()
    while call.number not in passed:
        passed.add(call.number)
        around = model_around(settling, call)
        if around is None or not is_around(outer, around) or not says_same(own(around), call):
            return call
        call = around
    return call
