"""Trace which lines of a program's own files ran and which variables they changed, to compare two executions.

A line event comes before its line runs, so a statement's changes are seen at the next event of its frame. Values are
compared by a digest of their recorded form, of which the beginning is kept for display.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from hashlib import blake2b
from types import BuiltinFunctionType, FunctionType, ModuleType, NoneType

from titan_sdk.tape import Bounds, encoded_text, snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType
    from typing import Any

SHOWN = 200  # characters of a value
_BOUNDS = Bounds(size_bytes=64 * 1024, depth=20, nodes=5_000)  # of one variable
_REPR = re.compile(r'(?<="),"repr":"(?:[^"\\]|\\.)*"')  # of an opaque value
_NOT_OWN = ("site-packages", "dist-packages")
_IMMUTABLE = frozenset({NoneType, bool, int, float, str, bytes})
_PLAIN = frozenset({NoneType, bool, int})
_SHORT = 40  # characters of a text that stands for itself in place of its digest
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
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
        self._places: dict[CodeType, tuple[str, str]] = {}  #: file and function of each code, as JSON
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start in this thread, including its current frames, and in threads that start from now on."""
        self._is_on = True
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if self._is_own(frame.f_code):
                frame.f_trace = self._lines_of(frame)
            frame = frame.f_back
        threading.settrace(self._on_call)
        sys.settrace(self._on_call)

    def stop(self) -> None:
        """Stop in all threads."""
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
        place = self._places.get(code)
        if place is None:
            file = os.path.relpath(code.co_filename, self._folder)
            place = self._places[code] = _JSON(file), _JSON(code.co_qualname)
        with self._lock:
            self._write(f"[{place[0]},{line},{place[1]},{_JSON(changed)}]\n")


class _Variables:
    """The values of one frame's variables at its last event."""

    __slots__ = ("_copies", "_digests", "_held")

    def __init__(self) -> None:
        self._held: dict[str, object] = {}  #: immutable values
        self._digests: dict[str, str] = {}
        self._copies: dict[str, list[object]] = {}  #: copies of lists of immutable values

    def changed(self, frame: FrameType) -> dict[str, tuple[str, str]]:
        """Return the digest and the beginning of each variable whose value has changed."""
        found: dict[str, tuple[str, str]] = {}
        for name, value in list(frame.f_locals.items()):
            if name.startswith("__") or isinstance(value, _CODE) or (name in self._held and self._held[name] is value):
                continue
            if type(value) in _IMMUTABLE:
                self._held[name] = value
            elif type(value) is list and self._is_as_before(name, value):
                continue
            else:
                self._held.pop(name, None)
                if type(value) is not list:
                    self._copies.pop(name, None)
            digest, shown = _digest_of(value)
            if self._digests.get(name) != digest:
                self._digests[name] = digest
                found[name] = digest, shown
        return found

    def _is_as_before(self, name: str, value: list[object]) -> bool:
        """Return whether a list holds the same immutable values as before, which is faster than a digest."""
        kinds = list(map(type, value))
        before = self._copies.get(name)
        if not _IMMUTABLE.issuperset(kinds):
            self._copies.pop(name, None)
            return False
        self._copies[name] = value.copy()
        if name in self._held:
            del self._held[name]
            return False
        if before is None:
            return False
        return before == value and list(map(type, before)) == kinds


def _digest_of(value: object) -> tuple[str, str]:
    """Return a digest of a value, and its beginning. The digest ignores reprs, which may differ at random."""
    if type(value) in _PLAIN or (type(value) is str and len(value) <= _SHORT):
        text = _JSON(value)
        return text, text
    text = encoded_text(snapshot(value), bounds=_BOUNDS)
    stable = _REPR.sub("", text) if "$opaque" in text else text
    return blake2b(stable.encode(), digest_size=8).hexdigest(), text[:SHOWN]
