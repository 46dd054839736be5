"""Routes of files: upload and download by name or digest, and the files that jobs leave."""

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import BinaryIO, Final
from urllib.parse import quote

from litestar.response import Stream

from titan.model.errors import InvalidInput, RangeRefused, TooLarge
from titan.model.files import AttemptFile, FilePlace, LeftFile, StoredFile
from titan.model.shaped import shaped
from titan.orchestrator.attempts import attempt_that_leaves, note_artifact, note_files
from titan.orchestrator.receipts import once
from titan.ports.jobs_store import Reader, Transaction
from titan.ports.runtime import Blobs
from titan.rules.access import Permission
from titan.rules.names import as_filename, check_filename, check_name, check_path, shown
from titan.server.http.authorization import blobs_within_reach, check_blob
from titan.server.http.call import Call, Json
from titan.server.http.responses import BYTES
from titan.server.http.route import Routes
from titan.server.http.validation import check_moment, check_text
from titan.server.lookup import attempt_of_caller, find_dag, find_file, find_job, find_run, open_blob, run_of
from titan.wire import protocol as wire
from titan.wire.store import BlobQuery, FileAnswer, FilesQuery, JobFilesQuery, LeftFilesAnswer, LeftFileView

route = Routes()

NOT_ARRIVED: Final = "its content has not arrived"
MAX_REASON_CHARACTERS: Final = 1000
MOST_SENT: Final = 100_000  # remembered contents that workers sent and have not noted yet


@route("PUT /api/files/{name}", Permission.WRITE_SHARED, body=bytes, status=201, mutates=True, adds=True)
async def upload(call: Call) -> Json[FileAnswer]:
    """Store a file under its base name; later uploads replace what the name refers to."""
    name = check_filename(call.path("name"))
    app = call.app
    call.mark(b"")  # refuses an invalid key before anything is stored
    call.check_announced(app.max_file_bytes)
    digest, size_bytes = await app.blobs.put_stream(call.chunks(), limit_bytes=app.max_file_bytes)

    def act(tx: Transaction) -> object:
        attempt = attempt_of_caller(tx, call.token())
        file = StoredFile(name=name, digest=digest, size_bytes=size_bytes, run_id=run_of(tx, attempt))
        tx.put_file(call.project_id, file)
        if attempt is not None:
            note_artifact(tx, attempt, file)
        return FileAnswer(name=name, digest=digest, size_bytes=size_bytes)

    return Json(await app.orchestrator.keep(partial(once, mark=call.mark(digest.encode()), act=act)))


@route("GET /api/files/{name}", Permission.READ_SHARED, answer=bytes, media_type="application/octet-stream")
async def download(call: Call) -> Stream:
    """Return the newest content of a name."""
    name = call.path("name")
    file = await call.app.store.look(lambda reader: find_file(reader, call.project_id, name))
    return stored_content(call, file.digest)


@route("GET /api/blobs/{digest}", Permission.FETCH, answer=bytes, media_type="application/octet-stream")
async def download_blob(call: Call, query: BlobQuery) -> Stream:
    """Return the content of a digest; `name` makes it a download of that name, `inline` shows an image."""
    await check_blob(call, call.path("digest"))
    if query.inline:
        return stored_content(call, call.path("digest"), name=query.name, headers=shown_as_image(query.name))
    return stored_content(call, call.path("digest"), name=query.name)


@route("PUT /api/workers/{worker}/files/{lease}", Permission.WORK)
async def note(call: Call, body: wire.NoteFilesRequest) -> wire.NoteFilesAnswer:
    """Record the files of an attempt, and return those whose content is missing."""
    worker_id, lease_id = call.path("worker"), call.path("lease")
    app = call.app
    node = check_name("node", body.node)
    for file in body.files:
        _check(file)
    _check_contents(body.contents)
    await app.store.look(partial(attempt_that_leaves, worker_id=worker_id, lease_id=lease_id, now=app.clock.now()))
    for content in body.contents:
        await asyncio.to_thread(app.blobs.put, content)
    sent = {hashlib.sha256(content).hexdigest() for content in body.contents}
    digests = {file.digest for file in body.files if file.digest is not None} - sent
    sent |= {digest for digest in digests if (lease_id, digest) in app.sent_contents}
    refused = digests - sent - await blobs_within_reach(call, digests - sent)
    files = [_in_our_terms(file, node, app.blobs, refused) for file in body.files]
    await app.orchestrator.keep(partial(note_files, worker_id=worker_id, lease_id=lease_id, files=files))
    missing = [noted.digest for noted, file in zip(body.files, files, strict=True) if noted.digest != file.digest]
    return wire.NoteFilesAnswer(missing=[digest for digest in dict.fromkeys(missing) if digest])


@route("PUT /api/workers/{worker}/files/{lease}/{digest}", Permission.WORK, body=bytes)
async def take_content(call: Call) -> wire.ContentAnswer:
    """Store the content of a file of an attempt."""
    app, digest = call.app, call.path("digest")
    now = app.clock.now()
    await app.store.look(
        partial(attempt_that_leaves, worker_id=call.path("worker"), lease_id=call.path("lease"), now=now)
    )
    call.check_announced(app.max_file_bytes)
    found, size_bytes = await app.blobs.put_stream(call.chunks(), limit_bytes=app.max_file_bytes)
    if found != digest:
        raise InvalidInput(
            f"content {shown(digest)}",
            expected="content with that SHA-256",
            found=f"{size_bytes} bytes with {found}",
            next_step="Read the file again: it changed meanwhile.",
        )
    if len(app.sent_contents) >= MOST_SENT:
        app.sent_contents.clear()  # what is noted afterwards is asked for again
    app.sent_contents.add((call.path("lease"), digest))
    return wire.ContentAnswer(digest=digest, size_bytes=size_bytes)


@route("GET /api/jobs/{job}/files", Permission.SEE_WORK)
def files_of_job(call: Call, reader: Reader, query: JobFilesQuery) -> LeftFilesAnswer:
    """List the files that a job left."""
    job = find_job(reader, call.project_id, call.path("job"), dag_id=query.dag, run_id=query.run)
    return _listed(reader, reader.files_of_job(job.id, attempt=query.attempt, limit=query.limit + 1), query.limit)


@route("GET /api/dags/{dag}/files", Permission.SEE_WORK)
def files_of_dag(call: Call, reader: Reader, query: FilesQuery) -> LeftFilesAnswer:
    """List the files that a DAG's jobs left."""
    dag = find_dag(reader, call.project_id, call.path("dag"))
    return _listed(reader, reader.files_of_dag(dag.id, limit=query.limit + 1), query.limit)


@route("GET /api/v1/runs/{run}/files", Permission.SEE_WORK)
def files_of_run(call: Call, reader: Reader, query: FilesQuery) -> LeftFilesAnswer:
    """List the files that a run's jobs left, each path once for each node."""
    run = find_run(reader, call.project_id, call.path("run"))
    return _listed(reader, reader.files_of_run(run.project_id, run.id, limit=query.limit + 1), query.limit)


def _listed(reader: Reader, found: list[LeftFile], limit: int) -> LeftFilesAnswer:
    """Return up to `limit` files; `found` has one more if there are more."""
    return LeftFilesAnswer(files=left_file_views(reader, found[:limit]), more=len(found) > limit)


def _check(file: wire.NotedFile) -> None:
    check_path(file.path)
    check_moment(f"modified_at of file {shown(file.path)}", file.modified_at)
    check_text(f"reason of file {shown(file.path)}", file.reason or "", limit_characters=MAX_REASON_CHARACTERS)
    if file.place is FilePlace.ARTIFACT:
        raise InvalidInput(
            f"file {shown(file.path)}",
            expected=f"place {FilePlace.WORKSPACE} or {FilePlace.ARCHIVE}",
            found=f"{file.place}, which the server notes itself when a job uploads one",
        )
    if (file.digest is None) == (file.reason is None):
        raise InvalidInput(
            f"file {shown(file.path)}",
            expected="either a digest, or the reason why there is none",
            found="both" if file.digest else "neither",
        )


def _check_contents(contents: list[bytes]) -> None:
    too_large = [len(content) for content in contents if len(content) > wire.SMALL_CONTENT_BYTES]
    if too_large or sum(map(len, contents)) > wire.MAX_CONTENTS_BYTES:
        raise TooLarge(
            "contents beside a note of files",
            expected=f"at most {wire.SMALL_CONTENT_BYTES} bytes each, {wire.MAX_CONTENTS_BYTES} in all",
            found=f"{too_large[0] if too_large else sum(map(len, contents))} bytes",
            next_step="Send larger ones by PUT /api/workers/{worker}/files/{lease}/{digest}.",
        )


def _in_our_terms(file: wire.NotedFile, node: str, blobs: Blobs, refused: AbstractSet[str]) -> AttemptFile:
    """Return the file as it is listed, without its digest if its content is missing, or not the worker's to name."""
    is_here = file.digest is None or (file.digest not in refused and blobs.touch(file.digest))
    return shaped(
        AttemptFile,
        file,
        digest=file.digest if is_here else None,
        reason=file.reason if is_here else NOT_ARRIVED,
        node=node,
    )


def left_file_views(reader: Reader, files: Sequence[LeftFile]) -> list[LeftFileView]:
    """Return files with the names of their workers."""
    names = reader.worker_names(list({left.worker_id for left in files}))
    return [
        shaped(
            LeftFileView,
            left.file,
            job_id=left.job_id,
            job=left.job_name,
            attempt=left.attempt,
            worker=names.get(left.worker_id, left.worker_id),
        )
        for left in files
    ]


CHUNK_BYTES: Final = 256 * 1024
TEXT: Final = "text/plain"  # the framework adds the charset, UTF-8

#: By file extension. HTML, SVG, XML and scripts, which a browser would run, are served as bytes or plain text.
MEDIA_TYPES: Final = {
    "csv": TEXT,
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "log": TEXT,
    "md": TEXT,
    "png": "image/png",
    "py": TEXT,
    "sh": TEXT,
    "toml": TEXT,
    "tsv": TEXT,
    "txt": TEXT,
    "webp": "image/webp",
    "yaml": TEXT,
    "yml": TEXT,
}
_RANGE: Final = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))")
_PLAIN: Final = re.compile(r"[^A-Za-z0-9 !#$&+.^_`|~()\[\]{}@,;=-]")  # not allowed in a quoted file name, RFC 6266


def stored_content(call: Call, digest: str, *, name: str = "", headers: Mapping[str, str] | None = None) -> Stream:
    """Return the content of `digest`, or the range that the request asks for.

    `name` makes it a download under that name, unless `headers` are given.

    Raises:
        UnknownArtifact: it is not stored.
        RangeRefused: the range begins after the end.
    """
    named = {"Content-Disposition": disposition(as_filename(name))} if name else {}
    how = named if headers is None else headers
    file = open_blob(call.app.blobs, digest)
    size_bytes = os.fstat(file.fileno()).st_size
    headers = {"Accept-Ranges": "bytes", "ETag": f'"{digest}"', "Titan-Digest": digest, **how}
    try:
        part = _asked_part(call, digest, size_bytes)
    except RangeRefused:
        file.close()
        raise
    start, end = part or (0, size_bytes)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size_bytes}"
    headers["Content-Length"] = str(end - start)
    return Stream(
        _chunks(file, start, end), media_type=media_type(name), headers=headers, status_code=206 if part else 200
    )


def shown_as_image(name: str) -> dict[str, str]:
    """Return the headers with which a browser shows an image and runs nothing in it.

    Raises:
        InvalidInput: the name does not have the extension of an image format without scripts.
    """
    if not media_type(name).startswith("image/"):
        raise InvalidInput(
            f"content to be shown as {shown(name)}",
            expected="a name that ends in .png, .jpg, .jpeg, .gif or .webp",
            found="another" if name else "none",
            next_step="Leave out `inline`, and save it.",
        )
    return {
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "private, max-age=31536000, immutable",
    }


def media_type(name: str) -> str:
    """Return the media type of a file name if it is harmless, else that of bytes."""
    return MEDIA_TYPES.get(name.rpartition(".")[2].lower(), BYTES) if "." in name else BYTES


def disposition(name: str) -> str:
    """Return the Content-Disposition of a download (RFC 6266), with an ASCII name for old clients."""
    return f"attachment; filename=\"{_PLAIN.sub('_', name)}\"; filename*=UTF-8''{quote(name, safe='')}"


def _asked_part(call: Call, digest: str, size_bytes: int) -> tuple[int, int] | None:
    """Return begin and end of the requested range; None for all of it.

    Several ranges and invalid ones are answered with the whole, as RFC 9110 (14.2) allows.
    """
    found = _RANGE.fullmatch((call.header("range") or "").strip())
    if found is None or call.header("if-range") not in (None, f'"{digest}"'):
        return None
    first, last, suffix = found.groups()
    start = max(0, size_bytes - int(suffix)) if suffix else int(first)
    end = min(size_bytes, int(last) + 1) if last else size_bytes
    if last and int(last) < start:
        return None
    if start >= size_bytes:
        raise RangeRefused(
            f"content {digest}",
            expected=f"a range that begins before its end at {size_bytes} bytes",
            found=f"{found.group()}",
            next_step="Ask without the header Range for all of it.",
        )
    return start, end


async def _chunks(file: BinaryIO, start: int, end: int) -> AsyncIterator[bytes]:
    with file:
        file.seek(start)
        while start < end and (chunk := file.read(min(CHUNK_BYTES, end - start))):
            start += len(chunk)
            yield chunk
