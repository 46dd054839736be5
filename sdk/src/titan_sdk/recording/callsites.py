"""Where a call was made: noted as it is made, and formatted in the background.

    file, line and function of the code that called; two calls of one function on two lines are two places. What a
    function in C calls, as `map` does, is called where that stands.

Nothing is known of what an event loop, a thread or a pool begins by itself: nobody's line called it.
"""

from __future__ import annotations

import os
from sys import _getframe

from titan_sdk.recording.entry import line
from titan_sdk.tape import compact_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType
    from typing import TypeAlias

    #: The code, and the instruction in it: to ask for the line would take the caller longer, the further down it is.
    Place: TypeAlias = tuple[CodeType, int]

__all__ = ["caller_of", "file_and_function", "place_of", "site_text", "written"]

_MOST_KNOWN = 4096
_LONGEST_PATH = 4096
_LONGEST_NAME = 500
_OURS = os.path.dirname(os.path.dirname(__file__)) + os.sep
_STANDARD = os.path.dirname(os.__file__) + os.sep
#: What calls for somebody: then that is where the call was made.
_BETWEEN = (_OURS, *(_STANDARD + name for name in ("contextlib.py", "functools.py")))
#: What begins something by itself.
_BEGINNERS = tuple(
    _STANDARD + name
    for name in (f"asyncio{os.sep}", f"concurrent{os.sep}futures{os.sep}", f"multiprocessing{os.sep}", "threading.py")
)
_NEVER_PLAIN = (_OURS, _STANDARD)
#: The words of places, by the code's id and the instruction; with the code, or another one could get its id.
_texts: dict[tuple[int, int], tuple[CodeType, str]] = {}


def place_of(frame: FrameType | None) -> Place | None:
    """Return where the call was made that this frame's code makes; None where nobody's line did.

    A recorded function gives `_getframe().f_back`: `_getframe(1)` raises where no Python is below it, as in a thread
    that C began or at the interpreter's end.
    """
    if frame is None:
        return None
    if not frame.f_code.co_filename.startswith(_NEVER_PLAIN):
        return frame.f_code, frame.f_lasti
    caller: FrameType | None = frame
    while caller is not None and caller.f_code.co_filename.startswith(_BETWEEN):
        caller = caller.f_back
    if caller is None or caller.f_code.co_filename.startswith(_BEGINNERS):
        return None
    return caller.f_code, caller.f_lasti


def caller_of(file: str) -> FrameType | None:
    """Return the frame that called into a file's code, from which this is called."""
    frame: FrameType | None = _getframe(1)
    while frame is not None and frame.f_code.co_filename == file:
        frame = frame.f_back
    return frame


def site_text(place: Place) -> str:
    """Return a place as JSON, as `written` does."""
    code, instruction = place
    known = _texts.get((id(code), instruction))
    if known is None:
        if len(_texts) >= _MOST_KNOWN:
            _texts.clear()
        known = code, written(code.co_filename, _line_of(code, instruction), code.co_qualname)
        _texts[id(code), instruction] = known
    return known[1]


def file_and_function(place: Place) -> tuple[str, str]:
    """Return the name of a place's file, without its folder, and the function that it is in."""
    code, _ = place
    return os.path.basename(code.co_filename), code.co_qualname


def written(file: str, number: int, function: str) -> str:
    """Return a place in a program as JSON: its file, line and function."""
    site = {"file": line(file, _LONGEST_PATH), "line": number, "qualname": line(function, _LONGEST_NAME)}
    return compact_json(site)


def _line_of(code: CodeType, instruction: int) -> int:
    for start, end, number in code.co_lines():
        if start <= instruction < end and number is not None:
            return number
    return code.co_firstlineno
