"""What happens at one moment, in one call each: reasoning, a hand-off, progress, any other event."""

from __future__ import annotations

from titan_sdk.recording import process
from titan_sdk.recording.acts import begun, succeed
from titan_sdk.recording.entries import Plan
from titan_sdk.recording.runs import RunNote, current_run

__all__ = ["event", "handoff", "progress", "thinking"]

_MOST_STEPS = 2**53 - 1


def thinking(text: str) -> None:
    """Record reasoning that was made visible, at this place among the actions."""
    _record("thought", "thinking", text)


def handoff(to: str, *, reason: str | None = None) -> None:
    """Record that the work goes to another agent, named `to`."""
    _record("handoff", to, {"to": to} if reason is None else {"to": to, "reason": reason})


def event(name: str, payload: object = None) -> None:
    """Record that something happened, with any value that says more."""
    _record("event", name, payload)


def progress(done: int, total: int | None = None) -> None:
    """Say how far the run is: so many steps, of so many where that is known. Numbers below 0 count as 0.

    for number, page in enumerate(pages):
        titan_sdk.progress(number, len(pages))
    """
    known = {"done": done, "total": total}
    process.offer(
        RunNote(
            current_run(),
            **{name: min(max(0, int(value)), _MOST_STEPS) for name, value in known.items() if value is not None},
        )
    )


def _record(kind: str, name: str, said: object) -> None:
    act = begun(Plan(name, kind))
    if said is not None:
        act.set_output(said)
    succeed(act)
