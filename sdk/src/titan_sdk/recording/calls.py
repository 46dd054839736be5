"""Describe a recorded call: its call site, its arguments by parameter name, and the traceback of its exception.

What is needed from the caller's thread is taken at once and cheaply; the JSON is written later, on the recorder's
thread.
"""

from __future__ import annotations

import inspect
import linecache
import os
import sys
from importlib import import_module
from sys import _getframe

from titan_sdk.tape import compact_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import CodeType, FrameType
    from typing import Any, TypeAlias

    #: The code, and the instruction in it: asking for the line takes longer, the further down it is.
    Place: TypeAlias = tuple[CodeType, int]
    #: File, line and function.
    Frame: TypeAlias = tuple[str, int, str]

LONGEST_MESSAGE = 64 * 1024
_LONGEST_NAME = 500
_MOST_FRAMES = 100
_MOST_CACHED = 4096
_LONGEST_PATH = 4096
_RECORDING = os.path.dirname(__file__)
_OURS = os.path.dirname(_RECORDING) + os.sep
_STANDARD = os.path.dirname(os.__file__) + os.sep
#: Files that call on behalf of their caller: then the call site is the caller's.
_BETWEEN = (_OURS, *(_STANDARD + name for name in ("contextlib.py", "functools.py")))
#: Files that start calls by themselves.
_STARTERS = tuple(
    _STANDARD + name
    for name in (f"asyncio{os.sep}", f"concurrent{os.sep}futures{os.sep}", f"multiprocessing{os.sep}", "threading.py")
)
_NEVER_PLAIN = (_OURS, _STANDARD)
#: Cached call sites by the code's id and the instruction; holds the code, or another code could get its id.
_sites: dict[tuple[int, int], tuple[CodeType, str]] = {}
#: Hold the arguments of a call that raises because the function takes no such arguments. No parameter has such a name.
_EXTRA_ARGS, _EXTRA_KWARGS = "*", "**"
_EVALUATES_ANNOTATIONS_LATE = sys.hexversion >= 0x030E0000


def line(text: object, limit: int) -> str:
    """Return a text that the server accepts: UTF-8, and at most `limit` characters; "?" for an empty one."""
    short = str(text)[:limit] or "?"
    return short if short.isascii() else short.encode("utf-8", "replace").decode()


def place_of(frame: FrameType | None) -> Place | None:
    """Return the call site of the call that this frame's code makes.

    None for a call that an event loop, a thread or a pool starts by itself. A call by a function in C, such as `map`,
    is attributed to the line that called `map`. Pass `_getframe().f_back`: `_getframe(1)` raises where no Python frame
    is below, as in a thread that C started or at the interpreter's end.
    """
    if frame is None:
        return None
    if not frame.f_code.co_filename.startswith(_NEVER_PLAIN):
        return frame.f_code, frame.f_lasti
    caller: FrameType | None = frame
    while caller is not None and caller.f_code.co_filename.startswith(_BETWEEN):
        caller = caller.f_back
    if caller is None or caller.f_code.co_filename.startswith(_STARTERS):
        return None
    return caller.f_code, caller.f_lasti


def caller_of(file: str) -> FrameType | None:
    """Return the frame that called into `file`; to be called from that file."""
    frame: FrameType | None = _getframe(1)
    while frame is not None and frame.f_code.co_filename == file:
        frame = frame.f_back
    return frame


def site_text(place: Place) -> str:
    """Return a call site as JSON."""
    code, instruction = place
    known = _sites.get((id(code), instruction))
    if known is None:
        if len(_sites) >= _MOST_CACHED:
            _sites.clear()
        known = code, location_text(code.co_filename, _line_of(code, instruction), code.co_qualname)
        _sites[id(code), instruction] = known
    return known[1]


def location_text(file: str, number: int, function: str) -> str:
    """Return a location in a program as JSON: its file, line and function."""
    return compact_json({"file": line(file, _LONGEST_PATH), "line": number, "qualname": line(function, _LONGEST_NAME)})


def file_and_function(place: Place) -> tuple[str, str]:
    """Return the file name of a call site, without its folder, and its function."""
    return os.path.basename(place[0].co_filename), place[0].co_qualname


def _line_of(code: CodeType, instruction: int) -> int:
    for start, end, number in code.co_lines():
        if start <= instruction < end and number is not None:
            return number
    return code.co_firstlineno


class Parameters:
    """The parameter names of one function, under which the arguments of its calls are recorded.

        def login(user, password="", *groups, **more): …

        login("bob", password="…")          {"user": "bob", "password": "…"}
        login("bob", "…", "staff", age=7)   {"user": "bob", "password": "…", "groups": ["staff"], "more": {"age": 7}}

    So rules for secret fields apply, and calls with equal arguments have equal inputs. Defaults that were not given are
    left out. Where the parameters are not known, arguments are recorded as `args` and `kwargs`.
    """

    __slots__ = ("_by_keyword", "_is_known", "_others", "_rest", "positional", "text")

    def __init__(
        self,
        positional: tuple[str, ...] = (),
        by_keyword: frozenset[str] = frozenset(),
        rest: str | None = "args",
        others: str | None = "kwargs",
        *,
        is_known: bool = False,
    ) -> None:
        #: parameters that can be passed by position, in order
        self.positional = positional
        #: the same as JSON
        self.text = compact_json(positional)
        self._by_keyword = by_keyword
        self._rest = rest or _EXTRA_ARGS
        self._others = others or _EXTRA_KWARGS
        self._is_known = is_known

    def without_first(self) -> Parameters:
        """Return them without the first, which is the object of a method."""
        first, *others = self.positional
        return Parameters(tuple(others), self._by_keyword - {first}, self._rest, self._others, is_known=self._is_known)

    def named(self, args: list[object], kwargs: Mapping[str, object]) -> dict[str, object]:
        """Return a call's arguments by parameter name, including those that the function does not take."""
        if not self._is_known:
            return {"args": args, "kwargs": kwargs}
        named = dict(zip(self.positional, args, strict=False))
        if len(args) > len(self.positional):
            named[self._rest] = args[len(self.positional) :]
        others = {}
        for name, value in kwargs.items():
            if name in self._by_keyword and name not in named:
                named[name] = value
            else:
                others[name] = value
        if others:
            named[self._others] = others
        return named

    def arguments(self, named: Mapping[str, Any]) -> tuple[list[object], dict[str, object]]:
        """Return args and kwargs: the inverse of `named`."""
        if not self._is_known:
            return list(named["args"]), dict(named["kwargs"])
        args = [named[name] for name in self.positional if name in named]
        rest, others = named.get(self._rest, ()), named.get(self._others, {})
        apart = {*self.positional, self._rest, self._others}
        return [*args, *rest], {**{name: value for name, value in named.items() if name not in apart}, **others}


def parameters_of(function: Callable[..., Any]) -> Parameters:
    """Return a function's parameters, looking through other decorators; unknown for some functions in C."""
    try:
        found = _signature(function).parameters.values()
    except (ValueError, TypeError, NameError):
        return Parameters()
    kind = inspect.Parameter
    return Parameters(
        tuple(each.name for each in found if each.kind in (kind.POSITIONAL_ONLY, kind.POSITIONAL_OR_KEYWORD)),
        frozenset(each.name for each in found if each.kind in (kind.KEYWORD_ONLY, kind.POSITIONAL_OR_KEYWORD)),
        next((each.name for each in found if each.kind is kind.VAR_POSITIONAL), None),
        next((each.name for each in found if each.kind is kind.VAR_KEYWORD), None),
        is_known=True,
    )


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    if not _EVALUATES_ANNOTATIONS_LATE:
        return inspect.signature(function)
    read: Any = inspect.signature  # annotations may name what does not exist yet
    found: inspect.Signature = read(function, annotation_format=import_module("annotationlib").Format.FORWARDREF)
    return found


def frames_of(error: BaseException) -> list[Frame]:
    """Return the places that an exception passed, outermost first, without the recorder's own."""
    found: list[Frame] = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if not code.co_filename.startswith(_RECORDING):
            found.append((code.co_filename, trace.tb_lineno, code.co_name))
        trace = trace.tb_next
    return found


def traceback_text(frames: Sequence[Frame], kind: str, message: str) -> str:
    """Return a traceback in Python's format."""
    lines = ["Traceback (most recent call last):"]
    for filename, number, name in frames[-_MOST_FRAMES:]:
        lines.append(f'  File "{filename}", line {number}, in {name}')
        if source := linecache.getline(filename, number).strip():
            lines.append(f"    {source}")
    lines.append(f"{kind}: {message}" if message else kind)
    return line("\n".join(lines), 4 * LONGEST_MESSAGE)
