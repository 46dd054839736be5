"""Recorded clock, UUIDs and random numbers, for programs whose replays should get the same values.

    titan_sdk.now()              the time, with its zone
    titan_sdk.uuid4()            a new UUID
    titan_sdk.random.choice(…)   a `random.Random` for each run, whose seed is recorded with its first use

Each is recorded as an event of the run, and a replay returns the recorded value. Outside of a recorded run they work
like the standard library's.

`titan_sdk.run(freeze_sources=True)` replaces the standard library's functions by these while the run is open, in their
modules and wherever the program has imported them by name. Calls from installed code go to the original; calls from the
program's own code are recorded.
"""

from __future__ import annotations

import collections.abc
import datetime as datetimes
import os
import random as standard
import sys
import time
import uuid
from _thread import allocate_lock
from datetime import UTC, datetime
from sys import _getframe
from uuid import uuid4 as new_uuid

from titan_sdk.recording.actions import action
from titan_sdk.recording.redact import built_in
from titan_sdk.recording.runs import current_run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo
    from types import FrameType
    from typing import Any

_OURS = os.path.dirname(__file__) + os.sep
_STANDARD = os.path.dirname(os.__file__) + os.sep
_INSTALLED = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))
#: Files between the program and its access to the environment or the clock.
_BETWEEN = frozenset({os.__file__, collections.abc.__file__, "<frozen os>", "<frozen _collections_abc>"})
_BETWEEN |= {os.path.join(_OURS, "replaying", "sources.py")}
_lock = allocate_lock()
_open = 0
#: replaced attributes: holder, name and original
_replaced: list[tuple[Any, str, Any]] = []


@action("titan_sdk.now", kind="event")
def now(tz: tzinfo = UTC) -> datetime:
    """Return the time in a zone, by default UTC; in a replay the recorded one."""
    return datetime.now(tz)


@action("titan_sdk.uuid4", kind="event")
def uuid4() -> uuid.UUID:
    """Return a new random UUID; in a replay the recorded one."""
    return new_uuid()


@action("titan_sdk.random", kind="event")
def new_seed() -> int:
    """Return a random seed of 128 bits; in a replay the recorded one."""
    return standard.SystemRandom().getrandbits(128)


class _Recorded(standard.Random):
    """Random numbers from one generator per run, seeded on first use with a recorded seed."""

    _forgotten = 0

    def __init__(self) -> None:
        self.gauss_next = None  # not seeded: it delegates to the run's generator

    def _own(self) -> standard.Random:
        run = current_run()
        if run.generator is None or run.generator[0] != self._forgotten:
            run.generator = self._forgotten, standard.Random(new_seed())
        return run.generator[1]

    def forget_seeds(self) -> None:
        """Reseed each run's generator on next use: a forked process must not repeat its parent's numbers."""
        self._forgotten += 1

    def seed(self, a: Any = None, version: int = 2) -> None:
        """Seed it with `a`, or with a new recorded seed."""
        self._own().seed(new_seed() if a is None else a, version)

    def getstate(self) -> Any:
        """Return the state for `setstate`."""
        return self._own().getstate()

    def setstate(self, state: Any) -> None:
        """Restore a state of `getstate`."""
        self._own().setstate(state)

    def random(self) -> float:
        """Return the next number in [0.0, 1.0)."""
        return self._own().random()

    def getrandbits(self, k: int, /) -> int:
        """Return an int with `k` random bits."""
        return self._own().getrandbits(k)

    def gauss(self, mu: float = 0.0, sigma: float = 1.0) -> float:
        """Return a number of a Gaussian distribution; numbers are made in pairs."""
        return self._own().gauss(mu, sigma)


#: Random numbers of the current run, with all methods of `random.Random`.
random = _Recorded()
os.register_at_fork(after_in_child=random.forget_seeds)


def freeze() -> None:
    """Replace the functions, unless they are replaced, and seed `random` with a recorded seed."""
    global _open
    with _lock:
        _open += 1
        if _open == 1:
            _replace_all()
    standard.seed(new_seed())


def thaw() -> None:
    """Restore the functions after the last `freeze`."""
    global _open
    with _lock:
        _open -= 1
        while not _open and _replaced:
            holder, name, earlier = _replaced.pop()
            setattr(holder, name, earlier)


@action("titan_sdk.environ", kind="event")
def _variable(name: str) -> str | None:
    return os.environ.get(name)


def _replace_all() -> None:
    from titan_sdk.replaying.sources import dates_by

    real_time, real_ns, real_uuid1, real_uuid4 = time.time, time.time_ns, uuid.uuid1, uuid.uuid4

    def recorded_time() -> float:
        return now().timestamp() if _is_own(_getframe(1)) else real_time()

    def recorded_time_ns() -> int:
        return round(now().timestamp() * 1e6) * 1000 if _is_own(_getframe(1)) else real_ns()

    def own_uuid1(*parts: Any, **named: Any) -> uuid.UUID:
        return recorded_uuid1() if _is_own(_getframe(1)) and not (parts or named) else real_uuid1(*parts, **named)

    def recorded_uuid4() -> uuid.UUID:
        return uuid4() if _is_own(_getframe(1)) else real_uuid4()

    recorded_uuid1 = action("titan_sdk.uuid1", kind="event")(lambda: real_uuid1())
    moment, day = dates_by(recorded_time)
    new_ones: dict[int, Any] = {}  # by the id of what they replace
    for module, name, new in (
        *((time, "time", recorded_time), (time, "time_ns", recorded_time_ns)),
        *((uuid, "uuid1", own_uuid1), (uuid, "uuid4", recorded_uuid4)),
        *((datetimes, "datetime", moment), (datetimes, "date", day)),
    ):
        new_ones[id(getattr(module, name))] = new
        _replace(module, name, new)
    for module in tuple(sys.modules.values()):
        if _is_own_file(getattr(module, "__file__", None) or ""):
            for name, value in tuple(vars(module).items()):
                if id(value) in new_ones:
                    _replace(module, name, new_ones[id(value)])
    _replace(os._Environ, "__getitem__", _reading(os._Environ.__getitem__))


def _replace(holder: Any, name: str, new: Any) -> None:
    _replaced.append((holder, name, getattr(holder, name)))
    setattr(holder, name, new)


def _reading(real: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    from titan_sdk.redaction.patterns import field_rule  # 20 ms, before anything is replaced

    def is_secret(environment: Any, name: Any) -> bool:
        """Return whether a variable may not be recorded: its name or value tells of a secret, or it is Titan's."""
        if not isinstance(name, str) or name.startswith("TITAN_") or field_rule(name) is not None:
            return True
        try:
            return bool(built_in().redact_text(real(environment, name)).taken)
        except KeyError:
            return False

    def getitem(environment: Any, name: Any) -> Any:
        if environment is not os.environ or not _is_own(_getframe(1)) or is_secret(environment, name):
            return real(environment, name)
        found = _variable(name)
        if found is None:
            raise KeyError(name)
        return found

    return getitem


def _is_own(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code.co_filename in _BETWEEN:
        frame = frame.f_back
    return frame is not None and _is_own_file(frame.f_code.co_filename)


def _is_own_file(file: str) -> bool:
    is_standard = file.startswith((_STANDARD, _OURS, "<frozen")) or not file
    return not is_standard and not any(part in file for part in _INSTALLED)
