"""Processes that `multiprocessing` starts: they get the run in whose block they were started.

A forked process has its memory from its parent, and so the run. To one that is spawned, or that a fork server forks, go
the settings of its process object, pickled: the run is one of them, and is asked for as they are pickled, in the thread
that starts the process. The environment would not do: a fork server keeps that of its own start.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["hand_on", "handed_on", "is_child"]

_SETTING = "titan_run"
_PROCESSES = "multiprocessing.process"


def is_child() -> bool:
    """Return whether `multiprocessing` started this process."""
    module = sys.modules.get(_PROCESSES)
    return module is not None and module.parent_process() is not None


def hand_on(facts: Callable[[], tuple[Any, ...]]) -> None:
    """Pass what `facts` returns to the processes that are started from now on.

    Where `multiprocessing` was not imported yet, nothing is done: importing it takes 10 ms.
    """
    global _passed
    settings = _settings()
    if settings is not None:
        _passed = handed_on()  # which is what is replaced here
        settings[_SETTING] = _Facts(facts)


def handed_on() -> tuple[Any, ...]:
    """Return what was passed to this process as it was started; () for nothing."""
    found = (_settings() or {}).get(_SETTING)
    return found if isinstance(found, tuple) else _passed


class _Facts:
    """What becomes a tuple as it is pickled: of built-in types, for who reads it may not know this package."""

    __slots__ = ("_ask",)

    def __init__(self, ask: Callable[[], tuple[Any, ...]]) -> None:
        self._ask = ask

    def __reduce__(self) -> tuple[type[tuple[Any, ...]], tuple[tuple[Any, ...]]]:
        return tuple, (self._ask(),)


def _settings() -> dict[str, Any] | None:
    """Return what every process object that is made here gets a copy of."""
    module = sys.modules.get(_PROCESSES)
    found = None if module is None else getattr(module.current_process(), "_config", None)
    return found if isinstance(found, dict) else None


#: What was passed to this process, once it passes facts on itself.
_passed: tuple[Any, ...] = ()
