"""Counts once what was told twice: of two actions that are one call, one becomes the frame around the other."""

from titan.model.actions import ActionKind, Teller
from titan.model.recorded import Action
from titan.rules.merging import BEGAN, ENDED, TOLD, frame_of, is_around, told_twice
from titan.rules.settling import Settling


def told_apart(settling: Settling, action: Action, twin: Action) -> Action:
    """Make one of two actions that are the same call its frame, so that it is counted once; return `action`."""
    call, other = sorted((action, twin), key=_closeness)
    frame = _framed(settling, other, call)
    return frame if other is action else action


def _framed(settling: Settling, action: Action, call: Action) -> Action:
    """Make an action the frame of a call that it turned out to be told again with; return the frame."""
    frame = frame_of(action)
    settling.runs[action.run_id].sums.move(action, frame)
    settling.changed[frame.number] = frame
    if call.response_id is not None:
        settling.answers[call.run_id, call.response_id] = call
    return frame


def unnested(settling: Settling, action: Action, span_id: str, *, same: Action | None) -> Action:
    """Count once what one teller told of as a call within a call; return `action`. `same` gave the same answer."""
    pairs = [(action, inner) for inner in _nested_in(settling, (action.run_id, span_id))]
    around = None if action.parent_id is None else settling.action_at(action.run_id, action.parent_id)
    if around is not None:
        pairs.append((around, action))
    if same is not None and is_around(action, same):
        pairs.append((action, same))
    elif same is not None and is_around(same, action):
        pairs.append((same, action))
    for outer, inner in pairs:
        outer, inner = settling.changed.get(outer.number, outer), settling.changed.get(inner.number, inner)
        twice = told_twice(outer, inner)
        if twice is not None and twice.kind is ActionKind.MODEL:
            _framed(settling, twice, inner if twice is outer else outer)
    return settling.changed[action.number]


def _nested_in(settling: Settling, place: tuple[str, str]) -> list[Action]:
    """Return the model calls that were made in an action."""
    known = {inner.number: inner for inner in settling.known.nested.get(place, ())}
    found = known | settling.nested.get(place, {})
    nested = [settling.changed.get(inner.number, inner) for inner in found.values()]
    return [inner for inner in nested if inner.parent_id == place[1]]  # another teller may know a better one


def _closeness(action: Action) -> tuple[bool, int]:
    """Return an order by who stands closest to the call: our endpoint, then the others as `Teller` names them."""
    told = action.heard & TOLD
    return not told & (BEGAN[Teller.ENDPOINT] | ENDED[Teller.ENDPOINT]), told
