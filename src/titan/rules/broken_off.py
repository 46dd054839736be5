"""Calls that never ended: whoever made them was killed, or its word was lost, and the run that they belong to is over.

Nothing runs in a run that has ended. So such a call has failed, until its own end is told after all, which then counts.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from titan.model.actions import CALLS, Outcome
from titan.model.recorded import Action, RecordedRun
from titan.rules.merging import IS_BROKEN_OFF, NEVER_ENDED
from titan.rules.tallying import Sums

#: What was on its way when its run ended comes within seconds; who sends later is still heard.
GRACE: Final = timedelta(seconds=10)


def told_of(broken_off: Sequence[Action]) -> str:
    """Return for people why a run with these actions is not complete: "broke off: 2 calls never ended"."""
    calls = sum(action.kind in CALLS for action in broken_off)
    count, word = (calls, "call") if calls else (len(broken_off), "step")
    return f"broke off: {count} {word}{'' if count == 1 else 's'} never ended"


def broken_off(action: Action, *, at: datetime) -> Action:
    """Return an action that never ended, as it stands once its run ended at `at`: how long it took is not known."""
    return replace(
        action,
        outcome=Outcome.ERROR,
        ended_at=max(action.started_at, at),
        error_type=NEVER_ENDED,
        error_message="Its run ended, and nothing told of the end of this.",
        heard=action.heard | IS_BROKEN_OFF,
    )


def without_open_calls(run: RecordedRun, open_actions: Iterable[Action]) -> tuple[RecordedRun, list[Action]]:
    """Return a run that has ended with nothing in it that runs, and what of it is changed."""
    at = run.ended_at or run.last_event_at
    sums = Sums(run.tally)
    closed = []
    for action in open_actions:
        closed.append(broken_off(action, at=at))
        sums.move(action, closed[-1])
    return replace(run, tally=sums.tally()), closed
