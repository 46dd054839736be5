"""The sign-in of browsers: one token shown once, and a cookie that no script can read from then on.

The cookie holds a secret of its own, of which the store keeps the hash beside the token's id: so a sign-in outlives a
restart, is known to every server of a database, and ends at the very request after its token is revoked or expires.
Nobody guesses the 256 bits of a token, so nobody is slowed down: a limit that strangers can use up would keep out who
has a token, and the header `Authorization` can be tried as often.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

COOKIE: Final = "titan_session"
PATH: Final = "/api/session"  # the one path that is answered without a token where one is needed


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
