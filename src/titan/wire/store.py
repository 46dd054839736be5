"""The shared key-value store, uploaded files, stored content, and the files that jobs left."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from titan.model.files import FilePlace
from titan.wire.base import Limit, Request, ScopeQuery, Wait
from titan.wire.work import AttemptNumber

MAX_VALUE_BYTES = 10 * 1024 * 1024  # the original's largest frame
Ttl = Annotated[float, Meta(gt=0, le=3.2e9, description="Seconds until the key is absent again; at most a century.")]


class KeyQuery(Request):
    """GET /api/store, DELETE /api/store and GET /api/store/sets."""

    key: str


class PutBody(Request):
    """PUT /api/store."""

    key: str
    value: str
    artifact: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None
    ttl_seconds: Ttl | None = None


class IncrementBody(Request):
    """POST /api/store/incr."""

    key: str
    by: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] = 1


class SwapBody(Request):
    """POST /api/store/cas: null means that the key is absent, or shall be."""

    key: str
    expected: str | None
    value: str | None
    ttl_seconds: Ttl | None = None
    keep_ttl: Annotated[bool, Meta(description="Keep the time at which the key expires.")] = False


class KeysQuery(Request):
    """GET /api/store/keys."""

    prefix: str = ""
    after: Annotated[str, Meta(description="Only keys that sort behind this one.")] = ""
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000


class AddBody(Request):
    """POST /api/store/sets."""

    key: str
    member: str


class SignalsBody(Request):
    """POST /api/store/wait."""

    keys: Annotated[list[str], Meta(min_length=1, max_length=10_000)]
    dags: Annotated[tuple[str, ...], Meta(max_length=10_000)] = ()
    jobs: Annotated[tuple[str, ...], Meta(max_length=10_000)] = ()
    timeout_seconds: Wait = 25.0


class ValueAnswer(Struct, kw_only=True):
    """GET /api/store; `value` is null when the key is absent, `expires_at` when it stays."""

    key: str
    value: str | None
    artifact: str | None
    expires_at: datetime | None


class DeletedAnswer(Struct, kw_only=True):
    """DELETE /api/store: whether there was anything under the key."""

    deleted: bool


class IncrementedAnswer(Struct, kw_only=True):
    """POST /api/store/incr."""

    value: int


class SwappedAnswer(Struct, kw_only=True):
    """POST /api/store/cas: `value` is what the key holds now."""

    swapped: bool
    value: str | None


class KeysAnswer(Struct, kw_only=True):
    """GET /api/store/keys; send `next` as `after` for the next page."""

    keys: list[str]
    next: str | None


class AddedAnswer(Struct, kw_only=True):
    """POST /api/store/sets: 1 when the member is new, else 0."""

    added: int


class MembersAnswer(Struct, kw_only=True):
    """GET /api/store/sets, in the order the members were added."""

    members: list[str]


class SignalsAnswer(Struct, kw_only=True):
    """POST /api/store/wait."""

    present: list[str]
    ended: bool


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
