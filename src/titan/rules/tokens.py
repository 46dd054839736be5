"""The format of tokens, and the check of a presented token.

`titan_<id>_<secret>`: the prefix lets scanners of leaked secrets find it, the id finds its row, the secret proves it.
The secret is 256 random bits, so its plain SHA-256 is kept: salt and a slow hash protect what people choose and might
choose twice, and nobody guesses 256 bits. It also keeps the check at a microsecond, for every request makes it.

A key is a token for programs: `pk_live_` and 160 random bits. It is found by the beginning of its hash.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from titan.model.tokens import Token
from titan.model.workers import Worker

ID_DIGITS: Final = 12
SECRET_DIGITS: Final = 64  # 256 bits
_TEXT: Final = re.compile(rf"titan_([0-9a-f]{{{ID_DIGITS}}})_([0-9a-f]{{{SECRET_DIGITS}}})")
KEY_DIGITS: Final = 40
_KEY: Final = re.compile(rf"pk_live_([0-9a-f]{{{KEY_DIGITS}}})")
_ATTEMPT: Final = re.compile(r"(?:titan_job_)?[0-9a-f]{32}")  # what `Ids.secret` makes; older ones have no prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A token that somebody showed, in its two parts."""

    id: str
    secret: str


def written(token_id: str, secret: str) -> str:
    """Return the text that is handed out, once."""
    return f"titan_{token_id}_{secret}"


def written_key(secret: str) -> str:
    """Return the text of a key that is handed out, once."""
    return f"pk_live_{secret}"


def written_attempts(secret: str) -> str:
    """Return the text of the token that a running job is given."""
    return f"titan_job_{secret}"


def key_id(secret: str) -> str:
    """Return the id of the key with this secret."""
    return hash_of(secret)[:ID_DIGITS]


def read(text: str) -> Shown | None:
    """Return the parts of a token's or key's text; None when it is none."""
    if (key := _KEY.fullmatch(text)) is not None:
        return Shown(id=key_id(key[1]), secret=key[1])
    match = _TEXT.fullmatch(text)
    return None if match is None else Shown(id=match[1], secret=match[2])


def is_an_attempts(text: str) -> bool:
    """Return whether the text has the form of the token that a running job is given."""
    return _ATTEMPT.fullmatch(text) is not None


def hash_of(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def fits(token: Token, secret: str) -> bool:
    """Return whether the secret is the token's; takes the same time wherever they differ."""
    return hmac.compare_digest(token.hash, hash_of(secret))


def may_act_as(worker: Worker, bound: Token | None, shown: Token | None, *, now: datetime) -> bool:
    """Return whether somebody who shows the token `shown` may act as `worker`, which registered with `bound`.

    A worker belongs to the token that it registered with. Once that has ended, or where there was none, a token of
    its organisation that is trusted may take the worker over: the home's is replaced while its worker runs.
    """
    if worker.token_id == (None if shown is None else shown.id):
        return True
    if shown is None or shown.confines or shown.organisation_id != worker.organisation_id:
        return False
    return bound is None or why_over(bound, now=now) is not None


def why_over(token: Token, *, now: datetime) -> str | None:
    """Return why a token is no longer valid ("revoked …", "expired …"), or None while it is."""
    if token.revoked_at is not None:
        return f"one that was revoked at {token.revoked_at:%Y-%m-%d %H:%M} UTC"
    if token.expires_at is not None and token.expires_at <= now:
        return f"one that expired at {token.expires_at:%Y-%m-%d %H:%M} UTC"
    return None
