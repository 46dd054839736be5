"""Files of attempts, and the values and files of the key-value store."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class FilePlace(StrEnum):
    """Where a file lies."""

    WORKSPACE = "workspace"  #: the working directory that the jobs of a run share on a node
    ARCHIVE = "archive"  #: the attempt's own unpacked copy of its job's archive
    ARTIFACT = "artifact"  #: uploaded or published by the attempt itself: under its base name, on the server alone


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFile:
    """A file that an attempt wrote or changed, as it was found after the attempt's end, or that it uploaded."""

    path: str  #: relative to its place, with `/`; bytes that are no UTF-8 as `\\xNN`
    size_bytes: int
    modified_at: datetime  #: by the worker's clock, and as the job may have set it; of an artifact its upload
    digest: str | None = None  #: SHA-256 of the collected content
    reason: str | None = None  #: why there is no content
    place: FilePlace = FilePlace.WORKSPACE
    #: the node whose disk has it (a worker restarted in its folder is the same node); of an artifact its sender
    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftFile:
    """A file with the attempt that wrote it."""

    file: AttemptFile
    job_id: str
    job_name: str
    attempt: int
    worker_id: str


# --- the key-value store ---


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
