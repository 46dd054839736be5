"""Coordinate the servers of one database: a shared clock, and a record of a server's own commits."""

import logging
import threading
from datetime import datetime, timedelta
from typing import Final

from titan.ports.runtime import Clock
from titan.store.columns import from_us
from titan.system import STEP, SystemClock

# Machines of one network agree to milliseconds by themselves, and a measurement is no better than the way to the
# database is short. A difference below this is taken for none.
NOISE: Final = timedelta(milliseconds=20)
MOST_TRAVEL: Final = timedelta(seconds=0.2)  # of a question whose answer has the time

logger = logging.getLogger(__name__)


class SharedClock:
    """Implements `titan.ports.runtime.Clock`: this server's own clock, moved by what it differs from the database's.

    Leases are granted by one server and written off by another, so both must mean the same moment. Setting this
    machine's clock moves nothing; setting the database's moves the time of all servers, each with its next transaction.
    """

    def __init__(self, own: Clock | None = None) -> None:
        self.own: Final = own or SystemClock()
        self._offset = timedelta(0)
        self._is_compared = False

    def now(self) -> datetime:
        return self.own.now() + self._offset

    def compare(self, database_us: int, *, asked_at: datetime) -> None:
        """Note that the database's clock showed `database_us` between `asked_at`, of the own clock, and now."""
        travel = self.own.now() - asked_at
        if travel > MOST_TRAVEL and self._is_compared:
            return  # it waited for its turn: the next one is newer
        offset = from_us(database_us) - (asked_at + travel / 2)
        step = offset - self._offset
        if abs(step) > travel / 2 + NOISE:
            self._offset = offset if abs(offset) > NOISE else timedelta(0)
        if self._is_compared and abs(step) > travel / 2 + STEP:
            logger.warning(
                "the database's clock was set by %+.0f s: all servers go by it, and so does this one",
                step.total_seconds(),
            )
        self._is_compared = True


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
