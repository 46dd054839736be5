"""Which of the model calls that were told of within one another is the call, and which are its frames.

Asked once all entries of a batch are taken, of each nest that they touch, from its outermost call on: a frame may turn
out to be a call of its own once both have named their answers or told how they ended.
"""

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from titan.model.actions import ActionKind
from titan.model.recorded import Action, is_frame
from titan.rules.circles import Circle, circle_of, model_around
from titan.rules.estimating import own_of, with_lent_estimate
from titan.rules.lending import lent
from titan.rules.merging import (
    FRAMES_PAST_STEPS,
    IS_COVERED,
    STAYS_FRAME,
    call_of,
    frame_of,
    have_one_teller,
    is_seen,
    says_same,
)
from titan.rules.retelling import told_apart
from titan.rules.settling import Settling

_IS_FRAME: Final = STAYS_FRAME | IS_COVERED | FRAMES_PAST_STEPS


def settle_nests(settling: Settling, parted: Iterable[Action]) -> list[Action]:
    """Count the calls once that are told of within one another; return those that were settled.

    `parted` are to be settled, too, beside what was told just now.
    """
    numbers = dict.fromkeys((*settling.told_models, *(action.number for action in parted)))
    circle = circle_of(settling, [settling.changed[number] for number in numbers])
    settled = set[int]()
    tops = [call for call in circle.calls.values() if _is_top(settling, circle, call)]
    for nest in (*tops, *circle.calls.values()):  # again all, for calls that stand in a circle have no top
        _settle_nest(settling, circle, nest, settled)
    return list(circle.calls.values())


def _is_top(settling: Settling, circle: Circle, call: Action) -> bool:
    return call.number not in circle.answered_around and model_around(settling, call) is None


def _settle_nest(settling: Settling, circle: Circle, nest: Action, settled: set[int]) -> None:
    waiting = [nest]
    while waiting:
        outer = settling.changed.get(waiting[0].number, waiting[0])
        del waiting[0]
        if outer.number not in settled:
            settled.add(outer.number)
            waiting += _settle_around(settling, circle, outer)


def _settle_around(settling: Settling, circle: Circle, outer: Action) -> list[Action]:
    """Settle whether a call is the frame of those made in it, and what it says of them; return these."""
    inner = _within(settling, circle, outer)
    same = [call for call in inner if says_same(outer, call)]
    is_above = is_seen(outer) or bool(outer.heard & IS_COVERED)  # then the call is there
    is_below = (bool(same) or outer.number in circle.frames) and not is_above
    frames = is_below or bool(outer.heard & _IS_FRAME)
    settling.put(outer, _as(outer, frames=frames))
    if not inner:
        return inner  # as most calls are
    bare = [own_of(settling, call) for call in same]
    after = bare if is_above else [with_lent_estimate(settling, call, outer) for call in lent(outer, bare)]
    for before, call in zip(same, after, strict=True):
        settling.put(before, _covered(call) if is_above and not is_seen(call) else _uncovered(call))
    for call in inner:
        if call not in same:
            settling.put(call, _uncovered(own_of(settling, call)))
    if is_below and len(same) == 1:
        _know_by_answer(settling, after[0])
    return inner


def _within(settling: Settling, circle: Circle, outer: Action) -> list[Action]:
    """Return the calls that were made in one, or that it says again as their answer shows."""
    around = circle.answered_around
    nested = [c for c in settling.nested_in(outer) if around.get(c.number, outer).number == outer.number]
    answered = circle.answered_within.get(outer.number)
    if answered is None:
        return nested
    numbers = {call.number for call in nested}
    nested += [settling.changed.get(n, call) for n, call in answered.items() if n not in numbers]
    return sorted(nested, key=lambda call: (call.started_at, call.id))


def _as(action: Action, *, frames: bool) -> Action:
    if frames == is_frame(action):
        return action
    return frame_of(action) if frames else call_of(action)


def _covered(call: Action) -> Action:
    return _as(replace(call, heard=call.heard | IS_COVERED), frames=True)


def _uncovered(call: Action) -> Action:
    if not call.heard & IS_COVERED:
        return call
    heard = call.heard & ~IS_COVERED
    return _as(replace(call, heard=heard), frames=bool(heard & _IS_FRAME))


def _know_by_answer(settling: Settling, call: Action) -> None:
    """Have a call known by the answer that it was lent, unless another gave it: others may tell of it by that."""
    if call.response_id is None or call.kind is not ActionKind.MODEL:
        return
    holder = settling.call_of(call.run_id, call.response_id)
    if holder is None or holder.number == call.number:
        settling.answers[call.run_id, call.response_id] = call
    elif not have_one_teller(holder, call):
        told_apart(settling, call, holder)
