"""Files that jobs left: noted by workers, listed by job, DAG and run. Their content is a blob like any other."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from litestar import Response

from titan.engine.files import attempt_that_leaves, note_files
from titan.model.errors import InvalidInput, TooLarge
from titan.model.files import AttemptFile, FilePlace, LeftFile
from titan.ports import Blobs, Reader
from titan.rules.names import check_name, check_path, shown
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.lookup import find_dag, find_job, find_run
from titan.server.texts import check_moment, check_text
from titan.server.views import left_file_views
from titan.wire.files import FilesQuery, JobFilesQuery, LeftFilesAnswer
from titan.wire.protocol import (
    MAX_CONTENTS_BYTES,
    SMALL_CONTENT_BYTES,
    ContentAnswer,
    NotedFile,
    NoteFilesAnswer,
    NoteFilesRequest,
)

NOT_ARRIVED: Final = "its content has not arrived"
MAX_REASON_CHARACTERS: Final = 1000


async def note(call: Call) -> Response[bytes]:
    """Note files that an attempt left, and say whose content is missing."""
    body = await call.body(NoteFilesRequest)
    worker_id, lease_id = call.path("worker"), call.path("lease")
    house = call.house
    node = check_name("node", body.node)
    for file in body.files:
        _check(file)
    _check_contents(body.contents)
    await house.store.look(partial(attempt_that_leaves, worker_id=worker_id, lease_id=lease_id, now=house.clock.now()))
    for content in body.contents:
        await asyncio.to_thread(house.blobs.put, content)
    files = [_in_our_terms(file, node, house.blobs) for file in body.files]
    await house.orchestrator.keep(partial(note_files, worker_id=worker_id, lease_id=lease_id, files=files))
    missing = [noted.digest for noted, file in zip(body.files, files, strict=True) if noted.digest != file.digest]
    return json_answer(NoteFilesAnswer(missing=[digest for digest in dict.fromkeys(missing) if digest]))


async def take_content(call: Call) -> Response[bytes]:
    """Store the content of a file that an attempt left."""
    house, digest = call.house, call.path("digest")
    now = house.clock.now()
    await house.store.look(
        partial(attempt_that_leaves, worker_id=call.path("worker"), lease_id=call.path("lease"), now=now)
    )
    call.check_announced(house.max_file_bytes)
    found, size_bytes = await house.blobs.put_stream(call.chunks(), limit_bytes=house.max_file_bytes)
    if found != digest:
        raise InvalidInput(
            f"content {shown(digest)}",
            expected="content with that SHA-256",
            found=f"{size_bytes} bytes with {found}",
            next_step="Read the file again: it changed meanwhile.",
        )
    return json_answer(ContentAnswer(digest=digest, size_bytes=size_bytes))


async def files_of_job(call: Call) -> Response[bytes]:
    """List the files that a job left."""
    query = call.query(JobFilesQuery)

    def look(reader: Reader) -> list[LeftFile]:
        job = find_job(reader, call.project_id, call.path("job"), dag_id=query.dag, run_id=query.run)
        return reader.files_of_job(job.id, attempt=query.attempt, limit=query.limit + 1)

    return await _listed(call, look, query.limit)


async def files_of_dag(call: Call) -> Response[bytes]:
    """List the files that a DAG's jobs left."""
    query = call.query(FilesQuery)

    def look(reader: Reader) -> list[LeftFile]:
        dag = find_dag(reader, call.project_id, call.path("dag"))
        return reader.files_of_dag(dag.id, limit=query.limit + 1)

    return await _listed(call, look, query.limit)


async def files_of_run(call: Call) -> Response[bytes]:
    """List the files that a run's jobs left, each path once for each node."""
    query = call.query(FilesQuery)

    def look(reader: Reader) -> list[LeftFile]:
        run = find_run(reader, call.project_id, call.path("run"))
        return reader.files_of_run(run.project_id, run.id, limit=query.limit + 1)

    return await _listed(call, look, query.limit)


async def _listed(call: Call, look: Callable[[Reader], list[LeftFile]], limit: int) -> Response[bytes]:
    def view(reader: Reader) -> LeftFilesAnswer:
        found = look(reader)  # one more than asked for, to know whether there is more
        return LeftFilesAnswer(files=left_file_views(reader, found[:limit]), more=len(found) > limit)

    return json_answer(await asyncio.to_thread(call.house.store.read, view))


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
    return AttemptFile(
        path=file.path,
        size_bytes=file.size_bytes,
        modified_at=file.modified_at,
        digest=file.digest if is_here else None,
        reason=file.reason if is_here else NOT_ARRIVED,
        place=file.place,
        node=node,
    )
