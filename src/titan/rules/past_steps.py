"""Counts once what one source told of as a call within a call with nothing but steps between them.

Found anew whenever one of the two is touched: first they are taken apart, and what was lent is given back; then the
nests are settled that they stand in; then they are joined as they belong together by now. For the outer one may turn
out to stand around another call, which its cost is then lent to. So the order in which all come is of no matter.

It matters in one case, with steps between or without: our endpoint's call names as its parent the outer one of two
spans, and the inner one, which names its answer, comes after both. By then the endpoint's word is joined with the outer
one, as of a call made in it (`rules.recording`), and stays there, for an entry on the tape is never given to another
action. So the outer one is the call: its outcome and tokens count, and its cost where the endpoint told none. Had the
inner one come before one of the two, it would be the call, and others made in the outer one would count beside it.
Spans are sent as they end, the inner one first: so it takes a client that hands on no context of its own span, and a
request with the inner span that is late.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from titan.model.actions import ActionKind
from titan.model.recorded import IS_RETOLD, Action, was_model_call
from titan.ports_calls import MOST_STEPS
from titan.rules.estimating import own_of
from titan.rules.lending import lent_past_steps
from titan.rules.merging import (
    CALL_PAST_STEPS,
    FRAMES_PAST_STEPS,
    IS_COVERED,
    STAYS_FRAME,
    call_of,
    frame_of,
    is_same_within,
    is_seen,
    says_same,
)
from titan.rules.settling import Settling

_JOINED: Final = FRAMES_PAST_STEPS | CALL_PAST_STEPS


def parted_past_steps(settling: Settling) -> list[Action]:
    """Take apart what was joined before; return the calls that were taken apart, as they were.

    To be asked once all entries of a batch are taken, for the steps between come in any order: one may be the last.
    """
    joined = dict[int, Action]()
    for inner in _with_step_around(settling, ()):
        if inner.heard & _JOINED:
            for outer in _around(settling, inner):
                if (inner.heard | outer.heard) & _JOINED == _JOINED:
                    joined |= {inner.number: inner, outer.number: outer}
    for action in joined.values():
        settling.put(action, _parted(settling, action))
    return list(joined.values())


def unnested_past_steps(settling: Settling, settled: Iterable[Action]) -> None:
    """Join what belongs together by now: of what was told just now, what is like it, and what was `settled` with it."""
    for inner in _with_step_around(settling, settled):
        for outer in _around(settling, inner):
            call = settling.changed.get(inner.number, inner)
            if call.kind is not ActionKind.MODEL:
                break
            if outer.kind is ActionKind.MODEL:
                if not is_same_within(outer, call):
                    break
                _count_once(settling, outer, call)


def _with_step_around(settling: Settling, others: Iterable[Action]) -> list[Action]:
    """Return the model calls that may be told again past steps, in an order of their own."""
    found = {action.number: action for action in (*settling.told_models.values(), *settling.known.alike, *others)}
    calls = [settling.changed.get(number, action) for number, action in found.items() if _has_news(settling, action)]
    return sorted(calls, key=lambda call: (call.started_at, call.id))


def _has_news(settling: Settling, action: Action) -> bool:
    state = settling.runs.get(action.run_id)
    return state is not None and state.is_changed


def _around(settling: Settling, inner: Action) -> Iterator[Action]:
    """Yield the model calls around one with nothing but steps between, from the next one on."""
    above = inner.parent_id
    for place in range(MOST_STEPS + 1):
        outer = None if above is None else settling.action_at(inner.run_id, above)
        if outer is None or (outer.kind is not ActionKind.STEP and (place == 0 or outer.kind is not ActionKind.MODEL)):
            return
        if place and was_model_call(outer):
            yield outer
        above = outer.parent_id


def _parted(settling: Settling, action: Action) -> Action:
    if action.heard & CALL_PAST_STEPS:
        action = own_of(settling, action)
    action = replace(action, heard=action.heard & ~_JOINED)
    return frame_of(action) if action.heard & (STAYS_FRAME | IS_COVERED) else call_of(action)


def _count_once(settling: Settling, outer: Action, inner: Action) -> None:
    if not says_same(outer, inner):
        return
    twice, call = (inner, outer) if is_seen(outer) else (outer, inner)
    frame = frame_of(twice)
    settling.put(twice, replace(frame, heard=frame.heard | FRAMES_PAST_STEPS))
    answer = twice.response_id
    with_answer = answer is not None and call.response_id is None and settling.call_of(call.run_id, answer) is None
    told = lent_past_steps(twice, call, with_answer=with_answer)
    told = replace(told, heard=told.heard | CALL_PAST_STEPS | IS_RETOLD)
    settling.put(call, told)
    if told.response_id is not None:
        settling.answers[told.run_id, told.response_id] = told  # others may know the call by it
