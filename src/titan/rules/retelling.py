"""Counts once what was told twice: of two actions that are one call, one becomes the frame around the other."""

from msgspec.structs import replace

from titan.model.actions import ActionKind, Source
from titan.model.recorded import Action
from titan.rules.merging import (
    BEGAN,
    ENDED,
    STAYS_FRAME,
    TOLD,
    frame_of,
    is_seen,
)
from titan.rules.settling import RunState, Settling


def told_apart(settling: Settling, action: Action, twin: Action) -> Action:
    """Make one of two actions that are the same call its frame, so that it is counted once; return `action`."""
    call, other = sorted((action, twin), key=_closeness)
    frame = _framed(settling, other, call)
    return frame if other is action else action


def _framed(settling: Settling, action: Action, call: Action) -> Action:
    """Make an action the frame of a call that it turned out to be told again with; return the frame."""
    frame = frame_of(action)
    frame = replace(frame, heard=frame.heard | STAYS_FRAME)
    settling.runs[action.run_id].sums.move(action, frame)
    settling.changed[frame.number] = frame
    if call.response_id is not None:
        settling.answers[call.run_id, call.response_id] = call
    return frame


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
    """Return an order by who stands closest to the call: our endpoint, then the others as `Source` names them."""
    told = action.heard & TOLD
    return not told & (BEGAN[Source.ENDPOINT] | ENDED[Source.ENDPOINT]), told
