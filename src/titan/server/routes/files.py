"""Files that jobs hand on: streamed in and out, stored by digest, found by name."""

from functools import partial

from litestar import Response
from litestar.response import Stream

from titan.engine.files import note_artifact
from titan.engine.receipts import once
from titan.model.memory import StoredFile
from titan.ports import Transaction
from titan.rules.names import check_filename
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.content import shown_as_image, stored_content
from titan.server.lookup import attempt_of_caller, find_file, run_of
from titan.wire.files import BlobQuery, FileAnswer


async def upload(call: Call) -> Response[bytes]:
    """Store a file under its base name; a name used before then means the new content."""
    name = check_filename(call.path("name"))
    house = call.house
    call.mark(b"")  # a key that is none is refused before anything is kept
    call.check_announced(house.max_file_bytes)
    digest, size_bytes = await house.blobs.put_stream(call.chunks(), limit_bytes=house.max_file_bytes)

    def act(tx: Transaction) -> object:
        attempt = attempt_of_caller(tx, call.token())
        file = StoredFile(name=name, digest=digest, size_bytes=size_bytes, run_id=run_of(tx, attempt))
        tx.put_file(call.project_id, file)
        if attempt is not None:
            note_artifact(tx, attempt, file)
        return FileAnswer(name=name, digest=digest, size_bytes=size_bytes)

    answer = await house.orchestrator.keep(partial(once, mark=call.mark(digest.encode()), act=act))
    return json_answer(answer, 201)


async def download(call: Call) -> Stream:
    """Give the newest content of a name."""
    name = call.path("name")
    file = await call.house.store.look(lambda reader: find_file(reader, call.project_id, name))
    return stored_content(call, file.digest)


async def download_blob(call: Call) -> Stream:
    """Give the content of a digest; `name` makes it a download of that name, `inline` an image to be shown."""
    query = call.query(BlobQuery)
    if query.inline:
        return stored_content(call, call.path("digest"), name=query.name, headers=shown_as_image(query.name))
    return stored_content(call, call.path("digest"), name=query.name)
