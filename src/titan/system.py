"""The machine's own clock and source of ids."""

import os
import threading
import time
from datetime import UTC, datetime
from typing import Final

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, in ASCII order
TIME_DIGITS: Final = 9  # 45 bits of milliseconds: until the year 3084
RANDOM_DIGITS: Final = 8  # 40 bits


class SystemClock:
    """Implements `titan.ports.Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class SystemIds:
    """Implements `titan.ports.Ids`; safe to use from several threads."""

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
