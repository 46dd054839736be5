"""Writes down which lines of a program's own files ran and which variables they changed, to compare two executions.

A line event comes before its line runs, so what a statement changed is seen with the next event of its frame: each
record names the statement that ran and the variables that it changed. Values are compared by a digest of what the
tape would record of them; of each the beginning is kept, to be shown.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from hashlib import blake2b
from types import BuiltinFunctionType, FunctionType, ModuleType, NoneType

from titan_sdk.tape import encoded_text, snapshot
from titan_sdk.tape.values import Bounds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType
    from typing import Any

__all__ = ["Tracer"]

SHOWN = 200  # characters of a value
_BOUNDS = Bounds(size_bytes=64 * 1024, depth=20, nodes=5_000)  # of one variable
_REPR = re.compile(r'(?<="),"repr":"(?:[^"\\]|\\.)*"')  # of an opaque value
_NOT_OWN = ("site-packages", "dist-packages")
_IMMUTABLE = frozenset({NoneType, bool, int, float, str, bytes})
_CODE = (ModuleType, FunctionType, BuiltinFunctionType, type)  # a program's own, the same in each execution


class Tracer:
    """Traces the lines of files below `folder` between two moments, in all threads.

    `write` takes a line of JSON per statement: file, line, function, and the variables that it changed, each with a
    digest and the beginning of its value.
    """

    def __init__(self, folder: str, write: Callable[[str], object]) -> None:
        self._folder = os.path.join(os.path.realpath(folder), "")
        self._write = write
        self._is_on = False
        self._own: dict[CodeType, bool] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin, in this thread with the frames that are under way, and in threads that start from now on."""
        self._is_on = True
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if self._is_own(frame.f_code):
                frame.f_trace = self._lines_of(frame)
            frame = frame.f_back
        threading.settrace(self._on_call)
        sys.settrace(self._on_call)

    def stop(self) -> None:
        """End, everywhere."""
        self._is_on = False
        sys.settrace(None)
        threading.settrace(None)

    def _on_call(self, frame: FrameType, _event: str, _argument: object) -> Any:
        if not self._is_on or not self._is_own(frame.f_code):
            return None
        return self._lines_of(frame)

    def _is_own(self, code: CodeType) -> bool:
        known = self._own.get(code)
        if known is None:
            path = os.path.realpath(code.co_filename)
            is_library = any(f"{os.sep}{name}{os.sep}" in path for name in _NOT_OWN)
            known = self._own[code] = path.startswith(self._folder) and not is_library and os.path.isfile(path)
        return known

    def _lines_of(self, frame: FrameType) -> Callable[[FrameType, str, object], Any]:
        variables = _Variables()
        variables.changed(frame)
        line = frame.f_lineno

        def on_event(frame: FrameType, event: str, argument: object) -> Any:
            nonlocal line
            if not self._is_on:
                return None
            if event in ("line", "return"):
                changed = variables.changed(frame)
                if event == "return":
                    changed["return"] = _digest_of(argument)
                self._note(frame.f_code, line, changed)
                line = frame.f_lineno
            return on_event

        return on_event

    def _note(self, code: CodeType, line: int, changed: dict[str, tuple[str, str]]) -> None:
        said = [os.path.relpath(code.co_filename, self._folder), line, code.co_qualname, changed]
        with self._lock:
            self._write(json.dumps(said, ensure_ascii=False) + "\n")


class _Variables:
    """What the variables of one frame held when it was looked at last."""

    __slots__ = ("_digests", "_held")

    def __init__(self) -> None:
        self._held: dict[str, object] = {}  #: of values that cannot change: the value itself
        self._digests: dict[str, str] = {}

    def changed(self, frame: FrameType) -> dict[str, tuple[str, str]]:
        """Return the digest and the beginning of each variable that holds something else than before."""
        found: dict[str, tuple[str, str]] = {}
        for name, value in list(frame.f_locals.items()):
            if name.startswith("__") or isinstance(value, _CODE) or (name in self._held and self._held[name] is value):
                continue
            if type(value) in _IMMUTABLE:
                self._held[name] = value
            else:
                self._held.pop(name, None)
            digest, shown = _digest_of(value)
            if self._digests.get(name) != digest:
                self._digests[name] = digest
                found[name] = digest, shown
        return found


def _digest_of(value: object) -> tuple[str, str]:
    """Return what tells a value from others, and its beginning. Of what has a repr only, the type: a state may pass."""
    text = encoded_text(snapshot(value), bounds=_BOUNDS)
    told = _REPR.sub("", text) if "$opaque" in text else text
    return blake2b(told.encode(), digest_size=8).hexdigest(), text[:SHOWN]
