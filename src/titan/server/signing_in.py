"""The sign-in of browsers: one token shown once, and a cookie that no script can read from then on.

The cookie holds a secret of its own, of which the store keeps the hash beside the token's id: so a sign-in outlives a
restart, is known to every server of a database, and ends at the very request after its token is revoked or expires.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final, TypeVar

from titan.model.errors import TooMany, Unauthorized

T = TypeVar("T")

COOKIE: Final = "titan_session"
PATH: Final = "/api/session"  # the one path that is answered without a token where one is needed
PAUSE_SECONDS: Final = 0.2  # after one that failed: at most five a second, whoever tries
MOST_WAITING: Final = 25  # five seconds' worth


class Turns:
    """Lets sign-ins be looked at one after the other, with a pause after each that failed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._clock = clock
        self._pause_seconds = pause_seconds
        self._lock = asyncio.Lock()
        self._next = 0.0
        self._waiting = 0

    async def take(self, look: Callable[[], Awaitable[T]]) -> T:
        """Return what `look` returns, when it is its turn.

        Raises:
            TooMany: so many wait already that this one was not looked at.
            Unauthorized: as `look` raised; the next one waits for it.
        """
        if self._waiting >= MOST_WAITING:
            raise TooMany(
                "sign-in",
                expected=f"fewer than {MOST_WAITING} that wait",
                found=f"{self._waiting}: somebody tries tokens",
                next_step="Try again in some seconds.",
            )
        self._waiting += 1
        try:
            async with self._lock:
                await asyncio.sleep(max(0.0, self._next - self._clock()))
                try:
                    return await look()
                except Unauthorized:
                    self._next = self._clock() + self._pause_seconds
                    raise
        finally:
            self._waiting -= 1


def cookie_of(headers: Mapping[bytes, str]) -> str | None:
    """Return what a browser that is signed in shows."""
    for part in headers.get(b"cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value or None
    return None


def set_cookie(secret: str, lasts: timedelta, *, is_encrypted: bool) -> str:
    """Return the header that has a browser show `secret` to this server alone, and to no script."""
    secure = "; Secure" if is_encrypted else ""
    return f"{COOKIE}={secret}; Path=/; Max-Age={int(lasts.total_seconds())}; HttpOnly; SameSite=Strict{secure}"
