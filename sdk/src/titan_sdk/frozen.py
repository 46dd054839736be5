"""Record what a program reads of the standard library's clock, ids, random numbers and environment: `freeze_sources`.

While a run with `freeze_sources=True` is open, these functions of the standard library are replaced, in their modules
and wherever the program has imported them by name. Calls from installed code go to the original; calls from the
program's own code go to `titan_sdk.sources`, which records the values for a replay.
"""

from __future__ import annotations

import collections.abc
import datetime as datetimes
import os
import random
import sys
import time
import uuid
from _thread import allocate_lock
from sys import _getframe
from typing import Any

from titan_sdk import sources
from titan_sdk.recording.actions import action
from titan_sdk.recording.redact import built_in
from titan_sdk.redaction.patterns import field_rule
from titan_sdk.replaying.sources import dates_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_OURS = os.path.dirname(__file__) + os.sep
_STANDARD = os.path.dirname(os.__file__) + os.sep
_INSTALLED = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))
#: Files between the program and its access to the environment or the clock.
_BETWEEN = frozenset({os.__file__, collections.abc.__file__, "<frozen os>", "<frozen _collections_abc>"})
_BETWEEN |= {sys.modules["titan_sdk.replaying.sources"].__file__ or ""}
_lock = allocate_lock()
_open = 0
#: replaced attributes: holder, name and original
_replaced: list[tuple[Any, str, Any]] = []


def freeze() -> None:
    """Replace the functions, unless they are replaced, and seed `random` with a recorded seed."""
    global _open
    with _lock:
        _open += 1
        if _open == 1:
            _replace_all()
    random.seed(sources.new_seed())


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
    real_time, real_ns, real_uuid1, real_uuid4 = time.time, time.time_ns, uuid.uuid1, uuid.uuid4

    def now() -> float:
        return sources.now().timestamp() if _is_own(_getframe(1)) else real_time()

    def now_ns() -> int:
        return round(sources.now().timestamp() * 1e6) * 1000 if _is_own(_getframe(1)) else real_ns()

    def uuid1(*parts: Any, **named: Any) -> uuid.UUID:
        return recorded_uuid1() if _is_own(_getframe(1)) and not (parts or named) else real_uuid1(*parts, **named)

    def uuid4() -> uuid.UUID:
        return sources.uuid4() if _is_own(_getframe(1)) else real_uuid4()

    recorded_uuid1 = action("titan_sdk.uuid1", kind="event")(lambda: real_uuid1())
    moment, day = dates_by(now)
    new_ones: dict[int, Any] = {}  # by the id of what they replace
    for module, name, new in (
        *((time, "time", now), (time, "time_ns", now_ns), (uuid, "uuid1", uuid1), (uuid, "uuid4", uuid4)),
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
    def getitem(environment: Any, name: Any) -> Any:
        if environment is not os.environ or not _is_own(_getframe(1)) or _is_secret(environment, real, name):
            return real(environment, name)
        found = _variable(name)
        if found is None:
            raise KeyError(name)
        return found

    return getitem


def _is_secret(environment: Any, real: Callable[[Any, Any], Any], name: Any) -> bool:
    """Return whether a variable is not to be recorded: its name or value tells of a secret, or it is Titan's own."""
    if not isinstance(name, str) or name.startswith("TITAN_") or field_rule(name) is not None:
        return True
    try:
        return bool(built_in().redact_text(real(environment, name)).taken)
    except KeyError:
        return False


def _is_own(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code.co_filename in _BETWEEN:
        frame = frame.f_back
    return frame is not None and _is_own_file(frame.f_code.co_filename)


def _is_own_file(file: str) -> bool:
    is_standard = file.startswith((_STANDARD, _OURS, "<frozen")) or not file
    return not is_standard and not any(part in file for part in _INSTALLED)
