"""Record events that happen at one moment: reasoning, a hand-off, progress, custom events."""

from __future__ import annotations

from titan_sdk.recording import process
from titan_sdk.recording.actions import begin, succeed
from titan_sdk.recording.entries import ActionConfig
from titan_sdk.recording.redact import check_redact
from titan_sdk.recording.runs import RunReport, current_run
from titan_sdk.recording.validation import say_once

TYPE_CHECKING = False
if TYPE_CHECKING:
    from titan_sdk.recording.redact import Redact

_MOST_STEPS = 2**53 - 1


def thinking(text: str, *, redact: Redact | None = None) -> None:
    """Record visible reasoning of the model, at this place among the actions."""
    _record("thought", "thinking", text, redact)


def handoff(to: str, *, reason: str | None = None) -> None:
    """Record that the work goes to another agent, named `to`."""
    _record("handoff", to, {"to": to} if reason is None else {"to": to, "reason": reason})


def event(name: str, payload: object = None, *, redact: Redact | None = None) -> None:
    """Record a custom event; `payload` is any value."""
    _record("event", name, payload, redact)


def progress(done: float, total: float | None = None) -> None:
    """Report how far the run is: `done` steps of `total`, if known; or a share of the whole, from 0.0 to 1.0.

        for number, page in enumerate(pages):
            titan_sdk.progress(number, len(pages))
        titan_sdk.progress(0.5)             # half of it; so is progress(0.5, 1), and progress(1.5, 3)

    A share is recorded in whole percent. Invalid progress, such as 1 of 0 or -1, is logged once and changes nothing.
    """
    try:
        steps = _steps(done, total)
    except (TypeError, ValueError, ArithmeticError):
        found = f"done={done!r:.100}" if total is None else f"done={done!r:.100}, total={total!r:.100}"
        expected = "steps from 0, of so many, or a share from 0 to 1"
        say_once(f"titan_sdk: progress is not recorded: expected {expected}; found {found}")
        return
    process.offer(RunReport(current_run(), **steps))


def _steps(done: float, total: float | None) -> dict[str, int]:
    """Return the fields to report; raise for invalid progress."""
    first = _number(done)
    if total is None:
        if isinstance(first, float) and first <= 1:
            return _percent(first)
        if first != int(first):
            raise ValueError(first)
        return {"done": int(first)}
    last = _number(total)
    if first > last:
        if last == 0:
            raise ValueError(last)
        text = f"titan_sdk: progress shows as 100 %: done={done} is more than total={total}"
        say_once(text, about=f"more steps than {total}")
    if first == int(first) and last == int(last):
        return {"done": int(first), "total": int(last)}
    return _percent(first / last)


def _number(value: object) -> int | float:
    """Return a number from 0, an int where the value is an integer; raise for anything else."""
    number: int | float = value.__index__() if hasattr(value, "__index__") else float(value)  # type: ignore[arg-type]  # or it raises
    if isinstance(value, str) or not 0 <= number < float("inf"):
        raise ValueError(number)
    return min(number, _MOST_STEPS)


def _percent(share: float) -> dict[str, int]:
    """Return a share in percent, rounded down: unfinished work is not 100 %."""
    return {"done": int(100 * min(share, 1.0) + 1e-6), "total": 100}  # 0.29 is 28.999999999999996 hundredths


def _record(kind: str, name: str, value: object, redact: Redact | None = None) -> None:
    check_redact(redact)
    act = begin(ActionConfig(name, kind, redact=redact))
    if value is not None:
        act.set_output(value)
    succeed(act)
