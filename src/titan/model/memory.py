"""The shared store: what jobs pass to each other, and the files they hand on."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredValue:
    """The value of one key."""

    value: str
    artifact: str | None = None  #: SHA-256 of the file published under this key
    expires_at: datetime | None = None  #: from then on the key is absent; None: it stays
    run_id: str | None = None  #: the run whose job wrote it; None when no job did


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file by its base name; the newest upload of a name wins."""

    name: str
    digest: str  #: SHA-256 of its content, 64 hex digits
    size_bytes: int
    run_id: str | None = None  #: the run whose job uploaded it; None when no job did


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The answer a mutation got, kept for a day so that a repeat gets the same."""

    key: str  #: the client's idempotency key
    fingerprint: str  #: of the request, so that a reused key is noticed
    answer: str  #: JSON
