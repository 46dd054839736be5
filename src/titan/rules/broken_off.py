"""Calls that never ended: whoever made them was killed, or its word was lost, and the run that they belong to is over.

Nothing runs in a run that has ended. So such a call has failed, until its own end is told after all, which then counts.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from titan.model.actions import CALLS, Outcome
from titan.model.recorded import Action, RecordedRun, lasted_ns
from titan.rules.tallying import Sums

#: What was on its way when its run ended comes within seconds; who sends later is still heard.
GRACE: Final = timedelta(seconds=10)
NEVER_ENDED: Final = "NeverEnded"  # the type of error of a call that has no end of its own
IS_BROKEN_OFF: Final = 1 << 29  # among the bits of what it was told: nobody has; a told end undoes that
_WHY: Final = "Its run ended, and nothing told of the end of this."


def told_of(broken_off: Sequence[Action]) -> str:
    """Return for people why a run with these actions is not complete: "broke off: 2 calls never ended"."""
    calls = sum(action.kind in CALLS for action in broken_off)
    count, word = (calls, "call") if calls else (len(broken_off), "step")
    return f"broke off: {count} {word}{'' if count == 1 else 's'} never ended"


def broken_off(action: Action, *, at: datetime) -> Action:
    """Return an action that never ended, as it stands once its run ended at `at`: then it ended, too."""
    ended_at = max(action.started_at, at)
    return replace(
        action,
        outcome=Outcome.ERROR,
        ended_at=ended_at,
        duration_ns=lasted_ns(action.started_at, ended_at),
        error_type=NEVER_ENDED,
        error_message=_WHY,
        heard=action.heard | IS_BROKEN_OFF,
    )


def is_broken_off(action: Action) -> bool:
    """Tell whether nobody has told the end of an action whose run is over."""
    return bool(action.heard & IS_BROKEN_OFF)


def going_on(action: Action) -> Action:
    """Return an action as it was before it was taken for one that never ends."""
    if not is_broken_off(action):
        return action
    heard = action.heard & ~IS_BROKEN_OFF
    return replace(
        action, outcome=None, ended_at=None, duration_ns=None, error_type=None, error_message=None, heard=heard
    )


def without_open_calls(run: RecordedRun, open_actions: Iterable[Action]) -> tuple[RecordedRun, list[Action]]:
    """Return a run that has ended with nothing in it that runs, and what of it is changed."""
    at = run.ended_at or run.last_event_at
    sums = Sums(run.tally)
    closed = []
    for action in open_actions:
        closed.append(broken_off(action, at=at))
        sums.move(action, closed[-1])
    run = replace(run, tally=sums.tally())
    first = first_of(closed)
    if first is not None and run.first_error_id is None:
        run = replace(run, first_error_id=first.id, first_error=f"{NEVER_ENDED}: {_WHY}")
    return run, closed


def first_of(actions: Iterable[Action]) -> Action | None:
    """Return the call among these that never ended and began first; None where there is none."""
    calls = (action for action in actions if is_broken_off(action) and action.kind in CALLS)
    return min(calls, key=lambda call: (call.started_at, call.id), default=None)
