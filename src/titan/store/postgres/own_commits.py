"""Which entries of the journal are this server's own, so that its listeners are not notified of them twice."""

import threading


class OwnCommits:
    """Ranges of the journal that this server commits, and notifies its listeners of by itself."""

    def __init__(self) -> None:
        self._ranges: dict[int, int] = {}  # the seq before the first entry → the last
        self._is_in_doubt = False
        self._lock = threading.Lock()

    def add(self, after_seq: int, last_seq: int) -> None:
        """Claim the entries after `after_seq` up to `last_seq`; an empty range claims nothing."""
        if last_seq > after_seq:
            with self._lock:
                self._ranges[after_seq] = last_seq

    def remove(self, after_seq: int, last_seq: int) -> None:
        """Take a claim back: its commit failed, and another server may have used these numbers since."""
        with self._lock:
            self._is_in_doubt = True
            if self._ranges.get(after_seq) == last_seq:
                del self._ranges[after_seq]

    def skip(self, seq: int, *, newest: int) -> int:
        """Return the last of the own entries that directly follow `seq`, up to `newest`; without any, `seq`."""
        with self._lock:
            for after_seq in [after_seq for after_seq in self._ranges if after_seq < seq]:
                del self._ranges[after_seq]
            while (last := self._ranges.get(seq, newest + 1)) <= newest:
                del self._ranges[seq]
                seq = last
            return seq

    def take_doubt(self) -> bool:
        """Return whether a claim was taken back since the last call."""
        with self._lock:
            was_in_doubt, self._is_in_doubt = self._is_in_doubt, False
            return was_in_doubt
