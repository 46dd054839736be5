"""Calls that never ended: whoever made them was killed, or its report was lost, and their run is over.

Nothing runs in a run that has ended. So such a call has failed, until its own end is reported after all.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from titan.model.actions import CALLS, Outcome
from titan.model.recorded import Action, lasted_ns

#: What was on its way when its run ended comes within seconds; what comes later still counts.
GRACE: Final = timedelta(seconds=10)
NEVER_ENDED: Final = "NeverEnded"  # the type of error of a call that has no end of its own
_WHY: Final = "Its run ended, and nothing told of the end of this."


def described(never_ended: Sequence[Action]) -> str:
    """Return for people why a run with these actions is not complete: "broke off: 2 calls never ended"."""
    calls = sum(action.kind in CALLS for action in never_ended)
    count, word = (calls, "call") if calls else (len(never_ended), "step")
    return f"broke off: {count} {word}{'' if count == 1 else 's'} never ended"


def closed(action: Action, *, at: datetime) -> Action:
    """Return an action that never ended, as it stands once its run ended at `at`: then it ended, too."""
    ended_at = max(action.started_at, at)
    return replace(
        action,
        outcome=Outcome.ERROR,
        ended_at=ended_at,
        duration_ns=lasted_ns(action.started_at, ended_at),
        error_type=NEVER_ENDED,
        error_message=_WHY,
    )


def is_never_ended(action: Action) -> bool:
    """Tell whether nobody has reported the end of an action whose run is over."""
    return action.error_type == NEVER_ENDED


def going_on(action: Action) -> Action:
    """Return an action as it was before it was taken for one that never ends."""
    if not is_never_ended(action):
        return action
    return replace(action, outcome=None, ended_at=None, duration_ns=None, error_type=None, error_message=None)
