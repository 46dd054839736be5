"""What happens at one moment, in one call each: reasoning, a hand-off, progress, any other event."""

from __future__ import annotations

from titan_sdk.recording import process
from titan_sdk.recording.acts import begun, succeed
from titan_sdk.recording.entries import Plan
from titan_sdk.recording.mistakes import say_once
from titan_sdk.recording.redact import check_redact
from titan_sdk.recording.runs import RunNote, current_run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from titan_sdk.recording.redact import Redact

__all__ = ["event", "handoff", "progress", "thinking"]

_MOST_STEPS = 2**53 - 1


def thinking(text: str, *, redact: Redact | None = None) -> None:
    """Record reasoning that was made visible, at this place among the actions."""
    _record("thought", "thinking", text, redact)


def handoff(to: str, *, reason: str | None = None) -> None:
    """Record that the work goes to another agent, named `to`."""
    _record("handoff", to, {"to": to} if reason is None else {"to": to, "reason": reason})


def event(name: str, payload: object = None, *, redact: Redact | None = None) -> None:
    """Record that something happened, with any value that says more."""
    _record("event", name, payload, redact)


def progress(done: int, total: int | None = None) -> None:
    """Say how far the run is: so many steps, of so many where that is known. Numbers below 0 count as 0.

    for number, page in enumerate(pages):
        titan_sdk.progress(number, len(pages))
    """
    known = {"done": done} if total is None else {"done": done, "total": total}
    steps = {name: count for name, value in known.items() if (count := _steps(name, value)) is not None}
    if len(steps) == len(known):
        process.offer(RunNote(current_run(), **steps))


def _steps(name: str, value: object) -> int | None:
    """Return a number of steps; None for what is none, which is said once."""
    try:
        return min(max(0, int(value)), _MOST_STEPS)  # type: ignore[call-overload, no-any-return]  # or it raises
    except (TypeError, ValueError, OverflowError):
        say_once(f"titan_sdk: progress is not recorded: {name}={value!r:.100} is not a number of steps")
        return None


def _record(kind: str, name: str, said: object, redact: Redact | None = None) -> None:
    check_redact(redact)
    act = begun(Plan(name, kind, redact=redact))
    if said is not None:
        act.set_output(said)
    succeed(act)
