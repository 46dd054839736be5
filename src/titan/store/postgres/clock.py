"""One time for all servers of a database: the database's own."""

from datetime import UTC, datetime, timedelta
from typing import Final

from titan.store.rows.columns import from_us

# Machines of one network agree to milliseconds by themselves, and a measurement is no better than the way to the
# database is short. A difference below this is taken for none.
NOISE: Final = timedelta(milliseconds=20)


class SharedClock:
    """Implements `titan.ports.Clock`: this machine's clock, moved by what it differs from the database's.

    Leases are granted by one server and written off by another, so both must mean the same moment.
    """

    def __init__(self) -> None:
        self._offset = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def compare(self, database_us: int, *, asked_at: datetime) -> None:
        """Note that the database's clock showed `database_us` between `asked_at`, of the own clock, and now."""
        travel = datetime.now(UTC) - asked_at
        offset = from_us(database_us) - (asked_at + travel / 2)
        if abs(offset - self._offset) > travel / 2 + NOISE:
            self._offset = offset if abs(offset) > NOISE else timedelta(0)
