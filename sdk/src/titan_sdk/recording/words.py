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


def progress(done: float, total: float | None = None) -> None:
    """Say how far the run is: so many steps, of so many where that is known; or a share of the whole, from 0.0 to 1.0.

        for number, page in enumerate(pages):
            titan_sdk.progress(number, len(pages))
        titan_sdk.progress(0.5)             # half of it; so is progress(0.5, 1), and progress(1.5, 3)

    A share is told in whole percent. What is no progress, as 1 of 0 or -1, is said once and changes nothing.
    """
    steps = _share_alone(done) if total is None else None
    if steps is None:
        known = {"done": done} if total is None else {"done": done, "total": total}
        found = {name: count for name, value in known.items() if (count := _number(name, value)) is not None}
        steps = _steps(found, has_total=total is not None) if len(found) == len(known) else None
    if steps is not None:
        process.offer(RunNote(current_run(), **steps))


def _share_alone(done: float) -> dict[str, int] | None:
    """Return the percent that a number from 0.0 to 1.0 means; None for whole numbers, texts and others."""
    if hasattr(done, "__index__") or not hasattr(done, "__float__"):
        return None
    try:
        share = float(done)
    except (TypeError, ValueError, OverflowError):
        return None
    return _percent(share) if 0 <= share <= 1 else None


def _number(name: str, value: object) -> int | float | None:
    """Return a number from 0, an int where it is whole; None for what is none or below 0, which is said once."""
    try:
        whole = int(value)  # type: ignore[call-overload]  # or it raises
        number = whole if isinstance(value, int | str) else float(value)  # type: ignore[arg-type]  # int() took it
    except (TypeError, ValueError, OverflowError):
        _say_not(f"{name}={value!r:.100} is not a number of steps")
        return None
    if number < 0:
        _say_not(f"{name}={value!r:.100} is below 0")
        return None
    return min(whole if number == whole else number, _MOST_STEPS)


def _steps(found: dict[str, int | float], *, has_total: bool) -> dict[str, int] | None:
    """Return what is told of so many steps, of so many; None where that means nothing, which is said once."""
    done, total = found["done"], found.get("total", 0)
    if not has_total:
        if isinstance(done, int):
            return {"done": done}
        _say_not(f"done={done!r} is neither a number of steps nor a share from 0 to 1")
        return None
    if total == 0 and done > 0:
        _say_not(f"done={done} of total=0 steps")
        return None
    if done > total:
        said = f"titan_sdk: progress shows as 100 %: done={done} is more than total={total}"
        say_once(said, about=f"more steps than {total}")
    if isinstance(done, float) or isinstance(total, float):
        return _percent(done / total)
    return {"done": done, "total": total}


def _percent(share: float) -> dict[str, int]:
    """Return so many of a hundred steps: rounded down, for what is not over is not 100 %."""
    return {"done": int(100 * min(share, 1.0) + 1e-6), "total": 100}  # 0.29 is 28.999999999999996 hundredths


def _say_not(why: str) -> None:
    say_once(f"titan_sdk: progress is not recorded: {why}")


def _record(kind: str, name: str, said: object, redact: Redact | None = None) -> None:
    check_redact(redact)
    act = begun(Plan(name, kind, redact=redact))
    if said is not None:
        act.set_output(said)
    succeed(act)
