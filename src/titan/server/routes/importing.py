"""Recorded runs on their way in: an export in JSON Lines, of this server or another."""

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import IO, Final

from litestar import Response

from titan.ingest.jsonl import Pinned, Told, read_lines
from titan.insight.export_lines import NoteLine
from titan.model.actions import ActionEntry, RunEntry, digest_of
from titan.model.runs import Note, Run, righted
from titan.ports_calls import CallTransaction
from titan.rules.storable import storable_time
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.routes.registry import change
from titan.server.routes.runs import pin_imported
from titan.wire.runs import ImportAnswer, ImportQuery

MAX_IMPORT_BYTES: Final = 4 * 1024**3
MEMORY_BYTES: Final = 8 * 1024 * 1024  # of an import; a longer one is kept in a file until it is checked
IMPORTED_AT_ONCE: Final = 1000
PART_BYTES: Final = 2 * 1024 * 1024  # of lines that are kept at once


async def import_runs(call: Call) -> Response[bytes]:
    """Import an export in JSON Lines: the same runs. All of it is read before any of it is kept."""
    is_partial = call.query(ImportQuery).partial
    call.check_announced(MAX_IMPORT_BYTES)
    with tempfile.SpooledTemporaryFile(MEMORY_BYTES, dir=call.house.runs_with.home) as spool:
        async for chunk in call.chunks():
            await asyncio.to_thread(spool.write, chunk)
        spool.seek(0)
        runs = await asyncio.to_thread(_checked, spool, is_partial=is_partial)
        came = ImportAnswer(runs=runs, stored=0, repeated=0, notes=0)
        spool.seek(0)
        parts = parts_of(spool, is_partial=is_partial)
        while part := await asyncio.to_thread(next, parts, None):
            await _keep(call, part, came)
    return json_answer(came)


def parts_of(spool: IO[bytes], *, is_partial: bool) -> Iterator[list[Told]]:
    """Yield what the lines of an import say, a part at a time: so many lines, or as many as so many bytes hold."""
    read = 0

    def lines() -> Iterator[bytes]:
        nonlocal read
        while line := spool.readline():
            read += len(line)
            yield line

    part: list[Told] = []
    for told in read_lines(lines(), is_partial=is_partial):
        part.append(told)
        if len(part) >= IMPORTED_AT_ONCE or read >= PART_BYTES:
            yield part
            part, read = [], 0
    if part:
        yield part


def _checked(spool: IO[bytes], *, is_partial: bool) -> int:
    """Read an import to its end; return how many runs it tells of.

    Raises:
        InvalidInput: a line of it is none of an export, or it was cut off and not said to be.
    """
    return len({told.run_id for told in read_lines(iter(spool.readline, b""), is_partial=is_partial)})


async def _keep(call: Call, part: Sequence[Told], came: ImportAnswer) -> None:
    """Keep what some lines say; count it in `came`."""
    entries = [told for told in part if isinstance(told, RunEntry | ActionEntry)]
    if entries:
        recorded = await call.house.recorder.record(call.project_id, lambda: entries, is_fixed=True)
        came.stored += recorded.stored
        came.repeated += recorded.repeated
    notes = [(_note(call, told), told.troubles) for told in part if isinstance(told, NoteLine)]
    if notes:
        came.notes += await change(call, partial(_keep_notes, notes=notes))
    known_as = call.house.recorder.known_as
    await pin_imported(call, {known_as(told.run_id): told.at for told in part if isinstance(told, Pinned)})


def _note(call: Call, line: NoteLine) -> Note:
    """Return a note as it may be stored: this server takes out other secrets than the one it comes from."""
    clean, known_as = call.house.recorder.without_secrets, call.house.recorder.known_as
    return Note(
        id=known_as(line.id),
        project_id=call.project_id,
        run_id=known_as(line.run_id),
        action_id=line.action_id and known_as(line.action_id),
        author=clean(line.author),
        at=storable_time(line.at),
        name=line.name and clean(line.name),
        score=line.score,
        text=clean(line.text),
        acknowledges=line.acknowledges,
        mutes=line.mutes,
    )


def _keep_notes(tx: CallTransaction, *, notes: Sequence[tuple[Note, int | None]]) -> int:
    """Keep those notes that are not kept yet, on runs that nobody deleted meanwhile; return how many.

    Beside each stands how much of what is wrong in its run was seen.
    """
    count = 0
    for told, seen in notes:
        run = tx.run(told.project_id, told.run_id)
        if run is None:
            continue
        note = _as_of_its_run(tx, replace(told, run_id=run.id))
        if tx.note_said(note.project_id, note.id) is None:
            tx.save_note(replace(note, troubles=_seen_here(run, note, seen)) if note.acknowledges else note)
            count += 1
    return count


def _seen_here(run: Run, note: Note, seen: int | None) -> int:
    """Return how much of what went wrong in a run, as it is counted here, is acknowledged by a note.

    Of an older export it is unknown: whoever spoke when all of the run had happened has seen all.
    """
    if seen is None:
        return run.troubles if note.at >= run.last_event_at else 0
    return righted(run) + seen


def _as_of_its_run(tx: CallTransaction, note: Note) -> Note:
    """Return a note with an id of its own, and always the same, where another run has one with its id: a copy's."""
    kept = tx.note_said(note.project_id, note.id)
    if kept is None or kept.run_id == note.run_id:
        return note
    return replace(note, id=digest_of(f"{note.project_id} import {note.run_id} {note.id}").hex())
