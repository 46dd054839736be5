"""Routes that export runs as JSON Lines, JSON, CSV or a replay bundle, and import them."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import IO, Final

import msgspec
from litestar.response import Stream

from titan.ingest.agentsentinel import bundle_entry
from titan.ingest.jsonl import Imported, Pinned, read_lines
from titan.insight.export import ExportedRun, csv_rows, json_document, json_lines
from titan.insight.export_lines import NoteLine
from titan.model.actions import CALLS, ActionEntry, RunEntry, digest_of
from titan.model.runs import Note, Run, righted
from titan.model.shaped import shaped
from titan.ports.runs_store import CallReader, CallTransaction, RunFilter
from titan.rules.access import Permission
from titan.rules.runs.sanitize import storable_time
from titan.server.app_state import AppState
from titan.server.http.call import Call
from titan.server.http.responses import JSON
from titan.server.http.route import Routes
from titan.server.routes.registry import find_recorded_run, run_filter
from titan.server.routes.runs import pin_imported
from titan.server.views.runs import exported_runs
from titan.wire.runs import ExportQuery, ImportAnswer, ImportQuery

route = Routes()

RUNS_AT_ONCE: Final = 50
CHUNK_BYTES: Final = 64 * 1024
#: The framework adds the charset of a text.
MEDIA: Final = {"csv": "text/csv", "json": "application/json", "jsonl": "application/jsonl"}


@route("GET /api/v1/runs/export", Permission.SEE_ALL)
async def export_runs(call: Call, query: ExportQuery) -> Stream:
    """Export runs with all their actions and notes, filtered like the list: JSON Lines, JSON or CSV."""
    wanted = replace(run_filter(call, query), is_searched_whole=True)
    if query.run_id is not None:
        found = await call.read_runs(partial(_one_run, call=call, run_id=query.run_id))
        runs: Iterable[Run] = [found]
    else:
        runs = _all_runs(call, wanted, query)
    pieces = _pieces(query.format, exported_runs(call.app.calls, call.app.blobs, runs), call, call.query_fields())
    return download(call, pieces, "runs", query.format)


def download(call: Call, pieces: Iterator[bytes], what: str, form: str) -> Stream:
    """Return an export in this format as a download."""
    name = f"titan-{what}-{call.app.clock.now():%Y%m%dT%H%M%SZ}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Stream(_streamed(pieces), media_type=MEDIA[form], headers=headers)


def _one_run(reader: CallReader, *, call: Call, run_id: str) -> Run:
    call.fix_path("run", run_id)
    return find_recorded_run(reader, call)


def _pieces(form: str, runs: Iterable[ExportedRun], call: Call, filters: dict[str, str]) -> Iterator[bytes]:
    match form:
        case "csv":
            return csv_rows(runs)
        case "json":
            return json_document(runs, exported_at=call.app.clock.now(), filters=filters)
        case _:
            return json_lines(runs)


def _all_runs(call: Call, wanted: RunFilter, query: ExportQuery) -> Iterator[Run]:
    """Yield the runs of the registry, read page by page, each in its own snapshot."""
    cursor: str | None = None
    while True:
        page: Callable[[CallReader], tuple[list[Run], str | None]] = partial(
            _page, project_id=call.project_id, wanted=wanted, query=query, cursor=cursor
        )
        runs, cursor = call.app.calls.read(page)
        yield from runs
        if cursor is None:
            return


def _page(
    reader: CallReader, *, project_id: str, wanted: RunFilter, query: ExportQuery, cursor: str | None
) -> tuple[list[Run], str | None]:
    return reader.registry(
        project_id, wanted, sort=query.sort, is_ascending=query.order == "asc", after=cursor, limit=RUNS_AT_ONCE
    )


async def _streamed(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield larger chunks, each produced on a thread, so that a large export does not block the event loop."""
    while chunk := await asyncio.to_thread(_chunk, pieces):
        yield chunk


def _chunk(pieces: Iterator[bytes]) -> bytes:
    parts: list[bytes] = []
    size = 0
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size >= CHUNK_BYTES:
            break
    return b"".join(parts)


@route("GET /api/v1/replay/{run}/bundle", Permission.SEE_ALL, answer=dict)
async def show_bundle(call: Call) -> Stream:
    """Return a recorded run as the bundle that agentsentinel-sdk replays."""
    run = await call.read_runs(partial(find_recorded_run, call=call))
    return Stream(_streamed(_bundle(call.app, run)), media_type=JSON)


def _bundle(app: AppState, run: Run) -> Iterator[bytes]:
    """Yield the pieces of the bundle."""
    [whole] = exported_runs(app.calls, app.blobs, [run])
    yield msgspec.json.encode({"run_id": run.id, "agent_id": run.agent_id})[:-1] + b',"entries":['
    separator = b""
    for action, bodies in whole.actions:
        if action.kind in CALLS:
            entry = bundle_entry(action, inputs=bodies.inputs, outputs=bodies.outputs, failure=bodies.failure)
            yield separator + msgspec.json.encode(entry)
            separator = b","
    yield b"]}"


MAX_IMPORT_BYTES: Final = 4 * 1024**3
MEMORY_BYTES: Final = 8 * 1024 * 1024  # of an import; a longer one is spooled to a file until it is checked
IMPORTED_AT_ONCE: Final = 1000
PART_BYTES: Final = 2 * 1024 * 1024  # of lines stored at once


@route("POST /api/v1/import", Permission.CURATE, body=bytes, adds=True)
async def import_runs(call: Call, query: ImportQuery) -> ImportAnswer:
    """Import an export in JSON Lines. All of it is read before anything is stored."""
    is_partial = query.partial
    with tempfile.SpooledTemporaryFile(MEMORY_BYTES, dir=call.app.server_info.home) as spool:
        async for chunk in call.chunks_within(MAX_IMPORT_BYTES):
            await asyncio.to_thread(spool.write, chunk)
        spool.seek(0)
        runs = await asyncio.to_thread(_checked, spool, is_partial=is_partial)
        came = ImportAnswer(runs=runs, stored=0, repeated=0, notes=0)
        spool.seek(0)
        parts = parts_of(spool, is_partial=is_partial)
        while part := await asyncio.to_thread(next, parts, None):
            await _keep(call, part, came)
    return came


def parts_of(spool: IO[bytes], *, is_partial: bool) -> Iterator[list[Imported]]:
    """Yield the lines of an import in parts, limited by number and bytes."""
    read = 0

    def lines() -> Iterator[bytes]:
        nonlocal read
        while line := spool.readline():
            read += len(line)
            yield line

    part: list[Imported] = []
    for line in read_lines(lines(), is_partial=is_partial):
        part.append(line)
        if len(part) >= IMPORTED_AT_ONCE or read >= PART_BYTES:
            yield part
            part, read = [], 0
    if part:
        yield part


def _checked(spool: IO[bytes], *, is_partial: bool) -> int:
    """Parse a whole import; return the number of its runs.

    Raises:
        InvalidInput: a line is not one of an export, or the file is cut off and `partial` is not set.
    """
    return len({line.run_id for line in read_lines(iter(spool.readline, b""), is_partial=is_partial)})


async def _keep(call: Call, part: Sequence[Imported], came: ImportAnswer) -> None:
    """Store some lines of an import; add to the counts in `came`."""
    entries = [line for line in part if isinstance(line, RunEntry | ActionEntry)]
    if entries:
        recorded = await call.app.recorder.record(call.project_id, lambda: entries, is_fixed=True, is_imported=True)
        came.stored += recorded.stored
        came.repeated += recorded.repeated
    notes = [_note(call, line) for line in part if isinstance(line, NoteLine)]
    if notes:
        came.notes += await call.change_runs(partial(_keep_notes, notes=notes))
    known_as = call.app.recorder.known_as
    await pin_imported(call, {known_as(line.run_id): line.at for line in part if isinstance(line, Pinned)})


def _note(call: Call, line: NoteLine) -> Note:
    """Return a note to store, redacted by this server's patterns."""
    clean, known_as = call.app.recorder.without_secrets, call.app.recorder.known_as
    return shaped(
        Note,
        line,
        id=known_as(line.id),
        project_id=call.project_id,
        run_id=known_as(line.run_id),
        action_id=line.action_id and known_as(line.action_id),
        author=clean(line.author),
        at=storable_time(line.at),
        name=line.name and clean(line.name),
        text=clean(line.text),
    )


def _keep_notes(tx: CallTransaction, *, notes: Sequence[Note]) -> int:
    """Store the notes that are new, on runs that still exist; return their number.

    `troubles` of an acknowledgement continue from those that the run has recovered from here.
    """
    count = 0
    for reported in notes:
        run = tx.run(reported.project_id, reported.run_id)
        if run is None:
            continue
        note = _as_of_its_run(tx, replace(reported, run_id=run.id))
        if tx.note_by_id(note.project_id, note.id) is None:
            tx.save_note(replace(note, troubles=righted(run) + note.troubles if note.acknowledges else 0))
            count += 1
    return count


def _as_of_its_run(tx: CallTransaction, note: Note) -> Note:
    """Return the note, with a derived id if another run has a note with its id."""
    kept = tx.note_by_id(note.project_id, note.id)
    if kept is None or kept.run_id == note.run_id:
        return note
    return replace(note, id=digest_of(f"{note.project_id} import {note.run_id} {note.id}").hex())
