"""The values of keeping house on the wire."""

from typing import Annotated

from msgspec import Meta, Struct

from titan.server.wire import Request


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
    files: int
    keys: int
    logs: int
    log_bytes: int
    blobs: int
    blob_bytes: int
    database_unused_bytes: Annotated[int, Meta(description="The database's file keeps its size and fills these again.")]
