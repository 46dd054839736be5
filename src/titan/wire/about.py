"""The server itself: health, settings, cleaning."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from titan.wire.base import Request


class StorageView(Struct, kw_only=True):
    """The disk of the home."""

    free_bytes: int
    is_low: bool


class HealthAnswer(Struct, kw_only=True):
    """GET /api/health."""

    status: Literal["ok"]
    version: str
    now: datetime
    started_at: datetime
    home_id: str
    model: str | None
    storage: StorageView


class CleanQuery(Request):
    """POST /api/clean."""

    dry_run: Annotated[bool, Meta(description="Whether to say only what would go.")] = False


class CleanAnswer(Struct, kw_only=True):
    """POST /api/clean: what went; in a dry run what would go at least."""

    is_dry_run: bool
    runs: int
    dags: int
    jobs: int
    journal_entries: int
    recorded: int
    archived: int
    workers: int
    files: int
    keys: int
    logs: int
    log_bytes: int
    blobs: int
    blob_bytes: int
    database_unused_bytes: Annotated[int, Meta(description="The database's file keeps its size and fills these again.")]


class RuleView(Struct, kw_only=True):
    """A setting that is a number, and its value on this server."""

    name: Annotated[str, Meta(description="Of the environment variable that sets it.")]
    value: Annotated[int | float, Meta(description="0 is for ever, or no limit.")]
    unit: str
    help: str


class StoreView(Struct, kw_only=True):
    """Where the facts are kept; never a password."""

    kind: Literal["sqlite", "postgresql"]
    place: str


class SettingsAnswer(Struct, kw_only=True):
    """GET /api/settings: what this server runs with."""

    version: str
    home: str
    store: StoreView
    urls: Annotated[list[str], Meta(description="For people first, for SDKs last.")]
    is_encrypted: bool
    needs_token: bool
    allowed_hosts: list[str]
    model: str | None
    runs_local_workers: Annotated[bool, Meta(description="Whether POST /api/workers/local can start one.")]
    retention: list[RuleView]
    limits: list[RuleView]
    thresholds: Annotated[list[RuleView], Meta(description="From where on a run is a critical intercept.")]
    notifications: Annotated[list[str], Meta(description="Addresses, shortened.")]
