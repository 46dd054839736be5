"""Implements the server's clock and source of ids."""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, in ASCII order
TIME_DIGITS: Final = 9  # 45 bits of milliseconds: until the year 3084
RANDOM_DIGITS: Final = 8  # 40 bits
STEP: Final = timedelta(seconds=5)  # what NTP corrects from day to day is less
LOOK_SECONDS: Final = 10.0
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STEADY: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # macOS's CLOCK_MONOTONIC counts sleep as well

logger = logging.getLogger(__name__)


def steady_ns() -> int:
    """Return nanoseconds of a clock that counts the machine's sleep, and that nobody can set."""
    return time.clock_gettime_ns(_STEADY)


class SystemClock:
    """Implements `titan.ports.runtime.Clock`: the machine's time when this clock was made, plus what has passed since.

    So no lease and no due time moves when the machine's clock is set while the server runs.
    """

    def __init__(self, *, wall_ns: Callable[[], int] = time.time_ns, steady_ns: Callable[[], int] = steady_ns) -> None:
        self._wall_ns = wall_ns
        self._steady_ns = steady_ns
        self._began_ns = wall_ns() - steady_ns()
        self._reported = timedelta(0)

    def now(self) -> datetime:
        return EPOCH + timedelta(microseconds=(self._began_ns + self._steady_ns()) // 1000)

    def look(self) -> None:
        """Log once that the machine's clock was set."""
        ahead = EPOCH + timedelta(microseconds=self._wall_ns() // 1000) - self.now()
        if abs(ahead - self._reported) > STEP:
            self._reported = ahead
            logger.warning(
                "the machine's clock was set: it is %+.0f s from the server's, which goes on as before, so leases, "
                "delays and retries keep their times. Restart the server to take over the machine's time.",
                ahead.total_seconds(),
            )

    async def keep(self) -> None:
        """Check from time to time, for as long as the server lives."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()


class SystemIds:
    """Implements `titan.ports.runtime.Ids`; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def dag_id(self) -> str:
        """Return `d`, the time in milliseconds and 40 random bits: 18 characters that sort by age."""
        with self._lock:
            self._last = max(self._last + 1, time.time_ns() // 1_000_000)  # never twice the same moment
            moment = self._last
        return "d" + _digits(moment, TIME_DIGITS) + _digits(int.from_bytes(os.urandom(5)), RANDOM_DIGITS)

    def secret(self) -> str:
        return os.urandom(16).hex()


def _digits(number: int, count: int) -> str:
    return "".join(ALPHABET[number >> (5 * place) & 31] for place in reversed(range(count)))
