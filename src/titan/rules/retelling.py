"""Counts once what was told twice: of two actions that are one call, one becomes the frame around the other."""

from msgspec.structs import replace

from titan.model.actions import ActionKind, Teller
from titan.model.recorded import Action
from titan.ports_calls import MOST_STEPS
from titan.rules.merging import BEGAN, ENDED, TOLD, frame_of, is_around, is_same_within, is_seen, told_twice
from titan.rules.settling import RunState, Settling


def told_apart(settling: Settling, action: Action, twin: Action) -> Action:
    """Make one of two actions that are the same call its frame, so that it is counted once; return `action`."""
    call, other = sorted((action, twin), key=_closeness)
    frame = _framed(settling, other, call)
    return frame if other is action else action


def _count_once(settling: Settling, outer: Action, inner: Action) -> None:
    outer, inner = settling.changed.get(outer.number, outer), settling.changed.get(inner.number, inner)
    twice = told_twice(outer, inner)
    if twice is None:
        return
    call = inner if twice is outer else outer
    if twice.kind is ActionKind.MODEL:
        _framed(settling, twice, call)
    if twice.response_id is not None and call.response_id is None and call.kind is ActionKind.MODEL:
        _hand_over(settling, twice.response_id, call)


def _hand_over(settling: Settling, answer: str, call: Action) -> None:
    """Note at a call the answer that its frame alone has named: others may know the call by it."""
    holder = settling.call_of(call.run_id, answer)
    if holder is None:
        call = settling.changed[call.number] = replace(call, response_id=answer)
        settling.answers[call.run_id, answer] = call
    elif not holder.heard & call.heard & TOLD:
        told_apart(settling, call, holder)


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
        _count_once(settling, outer, inner)
    return settling.changed[action.number]


def unnested_past_steps(settling: Settling) -> None:
    """Count once what one teller told of as a call within a call with steps between them.

    To be asked once all entries of a batch are taken, since the steps between come in any order. Steps that come in a
    later batch than both calls are not seen: looking for each step's calls would slow down every span.
    """
    told = [settling.current(action) for action in settling.told_models.values()]
    for inner in {action.number: action for action in (*told, *settling.known.alike) if action is not None}.values():
        _unnest_past_steps(settling, inner)


def _unnest_past_steps(settling: Settling, inner: Action) -> None:
    parent_id = inner.parent_id
    for _ in range(MOST_STEPS):
        outer = None if parent_id is None else settling.action_at(inner.run_id, parent_id)
        inner = settling.changed.get(inner.number, inner)
        if outer is None or inner.kind is not ActionKind.MODEL:
            return
        if outer.kind is ActionKind.MODEL:
            if not is_same_within(outer, inner):
                return
            _count_once(settling, outer, inner)
        elif outer.kind is not ActionKind.STEP:
            return
        parent_id = outer.parent_id


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
