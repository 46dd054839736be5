"""Uploaded files, stored content, and the files that jobs left."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from titan.model.files import FilePlace
from titan.wire.base import Limit, Request, ScopeQuery
from titan.wire.work import AttemptNumber


class FilesQuery(Request):
    """GET /api/dags/{dag}/files and GET /api/v1/runs/{run}/files."""

    limit: Limit = 10_000


class JobFilesQuery(ScopeQuery):
    """GET /api/jobs/{job}/files."""

    attempt: AttemptNumber | None = None
    limit: Limit = 10_000


class BlobQuery(Request):
    """GET /api/blobs/{digest}."""

    name: Annotated[
        str, Meta(description="What the file is to be called, cleaned; its ending decides its media type.")
    ] = ""
    inline: Annotated[bool, Meta(description="Shown instead of saved: for names that end as those of images do.")] = (
        False
    )


class FileAnswer(Struct, kw_only=True):
    """PUT /api/files/{name}."""

    name: str
    digest: str
    size_bytes: int


class LeftFileView(Struct, kw_only=True):
    """A file that a job left, with the attempt that was last to write it."""

    path: str
    size_bytes: int
    digest: str | None
    reason: str | None
    modified_at: datetime
    place: FilePlace
    job_id: str
    job: str
    attempt: int
    worker: str


class LeftFilesAnswer(Struct, kw_only=True):
    """Files by path; `more` when there are further ones."""

    files: list[LeftFileView]
    more: bool
