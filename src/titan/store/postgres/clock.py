"""One time for all servers of a database: the database's own."""

import logging
from datetime import datetime, timedelta
from typing import Final

from titan.ports.runtime import Clock
from titan.store.rows.columns import from_us
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
