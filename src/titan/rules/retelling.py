"""Counts once what was told twice: of two actions that are one call, one becomes the frame around the other."""

from msgspec.structs import replace

from titan.model.actions import ActionKind, Teller
from titan.model.recorded import IS_RETOLD, Action
from titan.ports_calls import MOST_STEPS
from titan.rules.lending import given
from titan.rules.merging import (
    BEGAN,
    ENDED,
    STAYS_FRAME,
    TOLD,
    frame_of,
    is_same_within,
    is_seen,
    says_same,
)
from titan.rules.settling import RunState, Settling


def told_apart(settling: Settling, action: Action, twin: Action) -> Action:
    """Make one of two actions that are the same call its frame, so that it is counted once; return `action`."""
    call, other = sorted((action, twin), key=_closeness)
    frame = _framed(settling, other, call)
    return frame if other is action else action


def _count_once(settling: Settling, outer: Action, inner: Action) -> None:
    outer, inner = settling.changed.get(outer.number, outer), settling.changed.get(inner.number, inner)
    if not says_same(outer, inner) or ActionKind.STEP in (outer.kind, inner.kind):
        return
    twice, call = (inner, outer) if is_seen(outer) else (outer, inner)
    _framed(settling, twice, call)
    told, answer = given(twice, call), twice.response_id
    if answer is not None and call.response_id is None and settling.call_of(call.run_id, answer) is None:
        told = replace(told, response_id=answer, heard=told.heard | IS_RETOLD)  # others may know the call by it
        settling.answers[call.run_id, answer] = told
    settling.runs[call.run_id].sums.move(call, told)
    settling.changed[call.number] = told


def _framed(settling: Settling, action: Action, call: Action) -> Action:
    """Make an action the frame of a call that it turned out to be told again with; return the frame."""
    frame = frame_of(action)
    frame = replace(frame, heard=frame.heard | STAYS_FRAME)
    settling.runs[action.run_id].sums.move(action, frame)
    settling.changed[frame.number] = frame
    if call.response_id is not None:
        settling.answers[call.run_id, call.response_id] = call
    return frame


def unnested_past_steps(settling: Settling) -> None:
    """Count once what one teller told of as a call within a call with steps between them.

    To be asked once all entries of a batch are taken, for the steps between come in any order: one may be the last.
    """
    for inner in (*settling.told_models.values(), *settling.known.alike):
        parent = None if inner.parent_id is None else settling.action_at(inner.run_id, inner.parent_id)
        if parent is not None and parent.kind is ActionKind.STEP:
            _unnest_past_steps(settling, inner, parent)


def _unnest_past_steps(settling: Settling, inner: Action, step: Action) -> None:
    above = step.parent_id
    for _ in range(MOST_STEPS):
        outer = None if above is None else settling.action_at(inner.run_id, above)
        inner = settling.changed.get(inner.number, inner)
        if outer is None or inner.kind is not ActionKind.MODEL:
            return
        if outer.kind is ActionKind.MODEL:
            if not is_same_within(outer, inner):
                return
            _count_once(settling, outer, inner)
        elif outer.kind is not ActionKind.STEP:
            return
        above = outer.parent_id


def counted_where_named(settling: Settling) -> None:
    """Count a call of our endpoint in its run alone, though a span in another run tells of it, too.

    The call named its run, which is the surer word: a trace only knows what was going on in its program.
    """
    for answer, heard in settling.answered.items():
        known = {action.number: action for action in settling.known.answered if action.response_id == answer}
        calls = [settling.changed.get(number, action) for number, action in (known | heard).items()]
        seen = next((call for call in calls if is_seen(call)), None)
        for call in calls:
            if seen is not None and call.run_id != seen.run_id and call.kind is ActionKind.MODEL and not is_seen(call):
                _state_at(settling, call.run_id).is_recounted = True
                _framed(settling, call, seen)


def _state_at(settling: Settling, run_id: str) -> RunState:
    state = settling.runs.get(run_id)
    if state is None:
        state = settling.runs[run_id] = RunState.of(settling.known.runs[run_id], is_new=False)
    return state


def _closeness(action: Action) -> tuple[bool, int]:
    """Return an order by who stands closest to the call: our endpoint, then the others as `Teller` names them."""
    told = action.heard & TOLD
    return not told & (BEGAN[Teller.ENDPOINT] | ENDED[Teller.ENDPOINT]), told
