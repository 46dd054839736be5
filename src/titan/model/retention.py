"""Values of retention: deletable files, keys, logs and entries, and the totals of a round."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import TypeAlias

#: A run: its project and its id.
RunKey: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileName:
    """An uploaded file, by its name."""

    project_id: str
    name: str
    run: RunKey | None = None  #: whose job uploaded it


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactKey:
    """A key of the shared store that a file was published under."""

    project_id: str
    key: str
    artifact: str  #: SHA-256 of the file
    run: RunKey | None = None  #: whose job published it


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOwner:
    """What the store knows of the attempt that wrote a log."""

    ended_at: datetime | None  #: None while it runs
    run: RunKey | None  #: whose job it was


@dataclass(frozen=True, slots=True, kw_only=True)
class OldEntry:
    """One of the oldest entries of the journal."""

    seq: int
    at: datetime
    is_live: bool  #: of something that is not final
    run: RunKey | None  #: what it is about


@dataclass(frozen=True, slots=True, kw_only=True)
class OldBlob:
    """Content as it was found; whether anything names it is for the store to say."""

    digest: str
    size_bytes: int
    mark: int  #: the lease it was found with: `Blobs.discard` refuses when it was renewed since


@dataclass(frozen=True, slots=True, kw_only=True)
class Freed:
    """What one round of retention deleted, or would delete."""

    runs: int = 0
    dags: int = 0  #: those of the runs included
    jobs: int = 0
    journal_entries: int = 0
    recorded: int = 0  #: recorded runs
    archived: int = 0  #: recorded runs that went out of lists and searches, and stay
    workers: int = 0
    files: int = 0  #: names of uploaded files
    keys: int = 0  #: keys that a file was published under
    logs: int = 0
    log_bytes: int = 0
    blobs: int = 0
    blob_bytes: int = 0

    def __add__(self, other: "Freed") -> "Freed":
        """Return the sum of both."""
        return Freed(**{field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(self)})
