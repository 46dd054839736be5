"""Recorded runs on their way out: exports under the registry's filters, streamed, and bundles to replay."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Final

import msgspec
from litestar import Response
from litestar.response import Stream

from titan.ingest.sentinel_bundle import bundle_entry
from titan.insight.bodies import Bodies, bodies_of, details_of
from titan.insight.export import ExportedRun, json_document, json_lines
from titan.insight.export_csv import csv_rows
from titan.model.actions import CALLS, Entry, Payload
from titan.model.errors import UnknownArtifact
from titan.model.recorded import Action, Note, RecordedRun
from titan.ports_calls import CallReader, RunFilter
from titan.server import wire_runs as views
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.house import House
from titan.server.lookup import open_blob
from titan.server.routes.registry import find_recorded, look, run_filter

logger = logging.getLogger(__name__)

RUNS_AT_ONCE: Final = 50
ENTRIES_AT_ONCE: Final = 5000
CHUNK_BYTES: Final = 64 * 1024
#: The framework adds the charset of a text.
MEDIA: Final = {"csv": "text/csv", "json": "application/json", "jsonl": "application/jsonl"}


async def export_runs(call: Call) -> Stream:
    """Export runs with all their actions and notes, under the registry's filters: JSON Lines, JSON or CSV."""
    query = call.query(views.ExportQuery)
    wanted = replace(run_filter(call, query), is_searched_whole=True)
    if query.run_id is not None:
        found = await look(call, partial(_one_run, call=call, run_id=query.run_id))
        runs = partial(_exported, call.house, [found])
    else:
        runs = partial(_exported, call.house, _all_runs(call.house, wanted, query))
    pieces = _pieces(query.format, runs(), call, call.asked_for())
    name = f"titan-runs-{call.house.clock.now():%Y%m%dT%H%M%SZ}.{query.format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Stream(streamed(pieces), media_type=MEDIA[query.format], headers=headers)


def _one_run(reader: CallReader, *, call: Call, run_id: str) -> RecordedRun:
    call.fix_path("run", run_id)
    return find_recorded(reader, call)


def _pieces(form: str, runs: Iterable[ExportedRun], call: Call, filters: dict[str, str]) -> Iterator[bytes]:
    match form:
        case "csv":
            return csv_rows(runs)
        case "json":
            return json_document(runs, exported_at=call.house.clock.now(), filters=filters)
        case _:
            return json_lines(runs)


def _all_runs(house: House, wanted: RunFilter, query: views.ExportQuery) -> Iterator[RecordedRun]:
    """Yield the runs of the registry, page by page: each page is a snapshot of its own."""
    cursor: str | None = None
    while True:
        page: Callable[[CallReader], tuple[list[RecordedRun], str | None]] = partial(
            _page, project_id=house.project_id, wanted=wanted, query=query, cursor=cursor
        )
        runs, cursor = house.calls.read(page)
        yield from runs
        if cursor is None:
            return


def _page(
    reader: CallReader, *, project_id: str, wanted: RunFilter, query: views.ExportQuery, cursor: str | None
) -> tuple[list[RecordedRun], str | None]:
    return reader.registry(
        project_id,
        wanted,
        sort=query.sort,
        is_ascending=query.order == "asc",
        after=cursor,
        limit=RUNS_AT_ONCE,
    )


def _exported(house: House, runs: Iterable[RecordedRun]) -> Iterator[ExportedRun]:
    for run in runs:
        actions, notes = house.calls.read(partial(_told_of, run=run))
        spans = {action.span_id: action.id for action in actions if action.span_id is not None}
        told = _tape_of(house, run)
        details = details_of(told.pop(None, []))
        yield ExportedRun(
            run=run, actions=_with_bodies(house, actions, told), spans=spans, details=details, notes=notes
        )


def _told_of(reader: CallReader, *, run: RecordedRun) -> tuple[list[Action], list[Note]]:
    return _actions_of(reader, run=run), reader.notes_of_run(run.project_id, run.id)


def _actions_of(reader: CallReader, *, run: RecordedRun) -> list[Action]:
    return reader.actions_of_run(run.project_id, run.id)


def _with_bodies(
    house: House, actions: Iterable[Action], told: dict[int | None, list[Entry]]
) -> Iterator[tuple[Action, Bodies]]:
    """Yield actions of a run, each with its bodies whole; what was told of it is let go."""
    for action in actions:
        yield action, _whole(house, bodies_of(told.pop(action.number, [])))


def _tape_of(house: House, run: RecordedRun) -> dict[int | None, list[Entry]]:
    """Return what was told of each of a run's actions, by number, and by None of the run."""
    told: dict[int | None, list[Entry]] = {}
    after = 0
    while True:
        read = partial(_part_of_tape, run=run, after=after)
        entries = house.calls.read(read)
        for stored in entries:
            told.setdefault(stored.action_number, []).append(stored.entry)
        if len(entries) < ENTRIES_AT_ONCE:
            break
        after = entries[-1].number
    return told


def _part_of_tape(reader: CallReader, *, run: RecordedRun, after: int) -> list[Any]:
    return list(reader.tape(run.project_id, run.id, after=after, limit=ENTRIES_AT_ONCE))


def _whole(house: House, bodies: Bodies) -> Bodies:
    return replace(bodies, inputs=_fetched(house, bodies.inputs), outputs=_fetched(house, bodies.outputs))


def _fetched(house: House, payload: Payload | None) -> Payload | None:
    """Return a payload whole; of content that the disk has lost, the beginning that its row holds."""
    if payload is None or payload.blob is None:
        return payload
    try:
        with open_blob(house.blobs, payload.blob) as content:
            return Payload(content.read().decode())
    except UnknownArtifact as error:
        logger.warning("an export lacks the content of a payload: %s", error)
        return Payload(payload.text)


async def streamed(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield larger chunks, each made on a thread: an export of a million actions holds up nobody."""
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


async def show_bundle(call: Call) -> Response[bytes]:
    """Show a recorded run as the bundle that agentsentinel-sdk replays."""
    run = await look(call, partial(find_recorded, call=call))
    return json_answer(await asyncio.to_thread(_bundle, call.house, run))


def _bundle(house: House, run: RecordedRun) -> bytes:
    """Return the bundle as JSON, written here, where the stack is low: what is deeply nested needs all that is left."""
    actions = house.calls.read(partial(_actions_of, run=run))
    entries = [
        bundle_entry(action, inputs=bodies.inputs, outputs=bodies.outputs, failure=bodies.failure)
        for action, bodies in _with_bodies(house, actions, _tape_of(house, run))
        if action.kind in CALLS
    ]
    return msgspec.json.encode({"run_id": run.id, "agent_id": run.agent_id, "entries": entries})
