"""Where an exception came from: its frames, taken at once and without holding them, and their text, made later."""

from __future__ import annotations

import linecache
import os

from titan_sdk.recording.told import line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    #: File, line and function.
    Frame: TypeAlias = tuple[str, int, str]

__all__ = ["LONGEST_MESSAGE", "frames_of", "traceback_text"]

LONGEST_MESSAGE = 64 * 1024
_MOST_FRAMES = 100
_OURS = os.path.dirname(__file__)


def frames_of(error: BaseException) -> list[Frame]:
    """Return where an exception passed, the outermost first, without what is the recorder's."""
    found: list[Frame] = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if not code.co_filename.startswith(_OURS):
            found.append((code.co_filename, trace.tb_lineno, code.co_name))
        trace = trace.tb_next
    return found


def traceback_text(frames: Sequence[Frame], kind: str, message: str) -> str:
    """Return the text of a traceback as Python writes it."""
    lines = ["Traceback (most recent call last):"]
    for filename, number, name in frames[-_MOST_FRAMES:]:
        lines.append(f'  File "{filename}", line {number}, in {name}')
        if source := linecache.getline(filename, number).strip():
            lines.append(f"    {source}")
    lines.append(f"{kind}: {message}" if message else kind)
    return line("\n".join(lines), 4 * LONGEST_MESSAGE)
