"""Files: uploaded and handed on by name, stored by digest; those that jobs left, noted by workers."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from litestar.response import Stream

from titan.model.errors import InvalidInput, TooLarge
from titan.model.files import AttemptFile, FilePlace, LeftFile, StoredFile
from titan.model.shaped import shaped
from titan.orchestrator.attempts import attempt_that_leaves, note_artifact, note_files
from titan.orchestrator.receipts import once
from titan.ports.jobs_store import Reader, Transaction
from titan.ports.runtime import Blobs
from titan.rules.access import Permission
from titan.rules.names import check_filename, check_name, check_path, shown
from titan.server.http.call import Call, Json
from titan.server.http.content import shown_as_image, stored_content
from titan.server.http.route import Routes
from titan.server.http.validation_messages import check_moment, check_text
from titan.server.lookup import attempt_of_caller, find_dag, find_file, find_job, find_run, run_of
from titan.wire.files import BlobQuery, FileAnswer, FilesQuery, JobFilesQuery, LeftFilesAnswer, LeftFileView
from titan.wire.protocol import (
    MAX_CONTENTS_BYTES,
    SMALL_CONTENT_BYTES,
    ContentAnswer,
    NotedFile,
    NoteFilesAnswer,
    NoteFilesRequest,
)

route = Routes()

NOT_ARRIVED: Final = "its content has not arrived"
MAX_REASON_CHARACTERS: Final = 1000


@route("PUT /api/files/{name}", Permission.WRITE_SHARED, body=bytes, status=201, mutates=True, adds=True)
async def upload(call: Call) -> Json[FileAnswer]:
    """Store a file under its base name; a name used before then means the new content."""
    name = check_filename(call.path("name"))
    app = call.app
    call.mark(b"")  # a key that is none is refused before anything is kept
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
    """Give the newest content of a name."""
    name = call.path("name")
    file = await call.app.store.look(lambda reader: find_file(reader, call.project_id, name))
    return stored_content(call, file.digest)


@route("GET /api/blobs/{digest}", Permission.FETCH, answer=bytes, media_type="application/octet-stream")
async def download_blob(call: Call, query: BlobQuery) -> Stream:
    """Give the content of a digest; `name` makes it a download of that name, `inline` an image to be shown."""
    if query.inline:
        return stored_content(call, call.path("digest"), name=query.name, headers=shown_as_image(query.name))
    return stored_content(call, call.path("digest"), name=query.name)


@route("PUT /api/workers/{worker}/files/{lease}", Permission.WORK)
async def note(call: Call, body: NoteFilesRequest) -> NoteFilesAnswer:
    """Note files that an attempt left, and say whose content is missing."""
    worker_id, lease_id = call.path("worker"), call.path("lease")
    app = call.app
    node = check_name("node", body.node)
    for file in body.files:
        _check(file)
    _check_contents(body.contents)
    await app.store.look(partial(attempt_that_leaves, worker_id=worker_id, lease_id=lease_id, now=app.clock.now()))
    for content in body.contents:
        await asyncio.to_thread(app.blobs.put, content)
    files = [_in_our_terms(file, node, app.blobs) for file in body.files]
    await app.orchestrator.keep(partial(note_files, worker_id=worker_id, lease_id=lease_id, files=files))
    missing = [noted.digest for noted, file in zip(body.files, files, strict=True) if noted.digest != file.digest]
    return NoteFilesAnswer(missing=[digest for digest in dict.fromkeys(missing) if digest])


@route("PUT /api/workers/{worker}/files/{lease}/{digest}", Permission.WORK, body=bytes)
async def take_content(call: Call) -> ContentAnswer:
    """Store the content of a file that an attempt left."""
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
    return ContentAnswer(digest=digest, size_bytes=size_bytes)


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
    """Return the files that were `found`: one more than was asked for, where there is more."""
    return LeftFilesAnswer(files=left_file_views(reader, found[:limit]), more=len(found) > limit)


def _check(file: NotedFile) -> None:
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
    too_large = [len(content) for content in contents if len(content) > SMALL_CONTENT_BYTES]
    if too_large or sum(map(len, contents)) > MAX_CONTENTS_BYTES:
        raise TooLarge(
            "contents beside a note of files",
            expected=f"at most {SMALL_CONTENT_BYTES} bytes each, {MAX_CONTENTS_BYTES} in all",
            found=f"{too_large[0] if too_large else sum(map(len, contents))} bytes",
            next_step="Send larger ones by PUT /api/workers/{worker}/files/{lease}/{digest}.",
        )


def _in_our_terms(file: NotedFile, node: str, blobs: Blobs) -> AttemptFile:
    """Return the file as it is listed: with its content only if that is here."""
    is_here = file.digest is None or blobs.touch(file.digest)
    return shaped(
        AttemptFile,
        file,
        digest=file.digest if is_here else None,
        reason=file.reason if is_here else NOT_ARRIVED,
        node=node,
    )


def left_file_views(reader: Reader, files: Sequence[LeftFile]) -> list[LeftFileView]:
    """Return files with the names of who left them."""
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
