"""How far a large file has come on its way, on stderr: one line that is redrawn on a terminal, else one every 10 s."""

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import BinaryIO, Final

from titan.cli.formats import size
from titan.cli.screen import is_live, remark

REDRAWN_EVERY: Final = 0.2  # seconds
SAID_EVERY: Final = 10.0
_CLEAR_LINE: Final = "\r\x1b[K"


class Transfer(AbstractContextManager["Transfer"]):
    """Counts bytes, and says how many there were so far."""

    def __init__(
        self,
        what: str,
        *,
        total_bytes: int | None = None,
        is_shown: bool = True,
        now: Callable[[], float] | None = None,
    ) -> None:
        """`what` stands before the figures; without `is_shown` nothing is said."""
        self._what = what
        self._total_bytes = total_bytes
        self._now = now or time.monotonic
        self._is_live = is_shown and is_live(sys.stderr)
        self._pause = REDRAWN_EVERY if self._is_live else SAID_EVERY
        self._is_shown = is_shown
        self._say_at = self._now() + (0 if self._is_live else self._pause)
        self.moved_bytes = 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_live:
            print(_CLEAR_LINE, end="", file=sys.stderr, flush=True)

    def moved(self, count: int) -> None:
        """Count bytes that have gone."""
        self.moved_bytes += count
        is_last = self._is_live and self.moved_bytes == self._total_bytes
        if self._is_shown and (is_last or self._now() >= self._say_at):
            self._say_at = self._now() + self._pause
            self._say()

    def begin_anew(self) -> None:
        """Count from nothing: the file goes once more."""
        self.moved_bytes = 0

    def _say(self) -> None:
        of = "" if self._total_bytes is None else f" of {size(self._total_bytes)}"
        text = f"{self._what}: {size(self.moved_bytes)}{of}"
        if self.moved_bytes == self._total_bytes:
            text += " sent; the server checks and keeps it"
        if self._is_live:
            print(f"{_CLEAR_LINE}{text}", end="", file=sys.stderr, flush=True)
        else:
            remark(text)


class CountedFile:
    """A file whose reading is counted."""

    def __init__(self, file: BinaryIO, transfer: Transfer) -> None:
        self._file = file
        self._transfer = transfer

    def read(self, size: int, /) -> bytes:
        """Return what comes next, at most `size` bytes."""
        piece = self._file.read(size)
        self._transfer.moved(len(piece))
        return piece

    def seek(self, place: int, /) -> int:
        """Go to a place, which is the beginning."""
        self._transfer.begin_anew()
        return self._file.seek(place)


__all__ = ["CountedFile", "Transfer"]
