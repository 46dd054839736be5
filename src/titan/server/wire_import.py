"""The wire of an import of recorded runs."""

from typing import Annotated

from msgspec import Meta, Struct

from titan.server.wire import Request


class ImportQuery(Request):
    """POST /api/v1/import."""

    partial: Annotated[bool, Meta(description="Import also a file that was cut off: what there is of it.")] = False


class ImportAnswer(Struct, kw_only=True):
    """POST /api/v1/import."""

    runs: Annotated[int, Meta(description="Runs that the lines tell of.")]
    stored: Annotated[int, Meta(description="Entries that were new.")]
    repeated: Annotated[int, Meta(description="Entries that were known already.")]
    notes: Annotated[int, Meta(description="Notes that were new.")]
