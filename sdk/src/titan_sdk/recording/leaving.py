"""What is left when a process ends: delivered piece by piece, what matters most first, until its time is over."""

from __future__ import annotations

import time
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from titan_sdk.recording.recorder import Note
    from titan_sdk.recording.told import Lost, Told

__all__ = ["Leftovers"]

PIECE_ENTRIES = 256  # to clean them takes 10 ms: so much later than asked it may end
PIECE_BYTES = 512 * 1024
BYTES_A_SECOND = 4 * 2**20  # that surely are cleaned: what is too large for the time left is not begun with


class Leftovers:
    """Notes that nobody has told yet, and entries that nobody has sent."""

    def __init__(self, notes: Iterable[Note], entries: Iterable[Told]) -> None:
        found = list(notes)
        self._vital = deque(note for note in found if note.is_vital)
        self._others = deque(note for note in found if not note.is_vital)
        self._entries = deque(entries)

    def __len__(self) -> int:
        """Return how many are left."""
        return len(self._vital) + len(self._others) + len(self._entries)

    def deliver(
        self, tell: Callable[[Note], Iterable[Told]], deliver: Callable[[list[Told]], object], *, until: float
    ) -> list[Lost]:
        """Tell and deliver all in pieces, until that monotonic time; return what there was no time for."""
        lost: list[Lost] = []
        while (left := until - time.monotonic()) > 0 and (piece := self._piece(tell)):
            most_bytes = left * BYTES_A_SECOND
            fitting = [told for told in piece if told.size_bytes <= most_bytes]
            lost += [told.lost for told in piece if told.size_bytes > most_bytes]
            if fitting:
                deliver(fitting)
        lost += [note.lost for note in (*self._vital, *self._others)]
        return lost + [told.lost for told in self._entries]

    def _piece(self, tell: Callable[[Note], Iterable[Told]]) -> list[Told]:
        """Return the next entries: the ends of runs and of failed calls, what was told already, and the others."""
        piece: list[Told] = []
        size_bytes = 0
        while len(piece) < PIECE_ENTRIES and size_bytes < PIECE_BYTES:
            if self._vital:
                told = list(tell(self._vital.popleft()))
            elif self._entries:
                told = [self._entries.popleft()]
            elif self._others:
                told = list(tell(self._others.popleft()))
            else:
                break
            piece += told
            size_bytes += sum(each.size_bytes for each in told)
        return piece
