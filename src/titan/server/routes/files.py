"""Files that jobs hand on: streamed in and out, stored by digest, found by name."""

import os
from collections.abc import AsyncIterator
from functools import partial
from typing import BinaryIO, Final

from litestar import Response
from litestar.response import Stream

from titan.engine.receipts import once
from titan.model.memory import StoredFile
from titan.ports import Transaction
from titan.rules.names import check_filename
from titan.server import wire
from titan.server.answers import BYTES, json_answer
from titan.server.call import Call
from titan.server.lookup import find_file, open_blob, run_of_caller

CHUNK_BYTES: Final = 256 * 1024


async def upload(call: Call) -> Response[bytes]:
    """Store a file under its base name; a name used before then means the new content."""
    name = check_filename(call.path("name"))
    house = call.house
    call.mark(b"")  # a key that is none is refused before anything is kept
    call.check_announced(house.max_file_bytes)
    digest, size_bytes = await house.blobs.put_stream(call.chunks(), limit_bytes=house.max_file_bytes)

    def act(tx: Transaction) -> object:
        run_id = run_of_caller(tx, call.token())
        file = StoredFile(name=name, digest=digest, size_bytes=size_bytes, run_id=run_id)
        tx.put_file(house.project_id, file)
        return wire.FileAnswer(name=name, digest=digest, size_bytes=size_bytes)

    answer = await house.orchestrator.keep(partial(once, mark=call.mark(digest.encode()), act=act))
    return json_answer(answer, 201)


async def download(call: Call) -> Stream:
    """Give the newest content of a name."""
    name = call.path("name")
    file = call.house.store.read(lambda reader: find_file(reader, call.house.project_id, name))
    return _content(call, file.digest)


async def download_blob(call: Call) -> Stream:
    """Give the content of a digest."""
    return _content(call, call.path("digest"))


def _content(call: Call, digest: str) -> Stream:
    file = open_blob(call.house.blobs, digest)
    size_bytes = os.fstat(file.fileno()).st_size
    headers = {"Content-Length": str(size_bytes), "Titan-Digest": digest, "ETag": f'"{digest}"'}
    return Stream(_chunks(file), media_type=BYTES, headers=headers)


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
