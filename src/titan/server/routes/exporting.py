"""Recorded runs on their way out and in: exports under the registry's filters, streamed, and their import."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import IO, Any, Final

from litestar import Response
from litestar.response import Stream

from titan.ingest.jsonl import read_lines
from titan.ingest.sentinel_bundle import bundle_entry
from titan.insight.bodies import Bodies, bodies_of
from titan.insight.export import ExportedRun, json_document, json_lines
from titan.insight.export_csv import csv_rows
from titan.model.actions import CALLS, Entry, Payload
from titan.model.recorded import Action, RecordedRun
from titan.ports_calls import CallReader, RunFilter
from titan.server import wire_runs as views
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.house import House
from titan.server.lookup import open_blob
from titan.server.routes.registry import find_recorded, look, run_filter

RUNS_AT_ONCE: Final = 50
ENTRIES_AT_ONCE: Final = 5000
CHUNK_BYTES: Final = 64 * 1024
MAX_IMPORT_BYTES: Final = 4 * 1024**3
MEMORY_BYTES: Final = 8 * 1024 * 1024  # of an import; a longer one is kept in a file until it is checked
IMPORTED_AT_ONCE: Final = 1000
#: The framework adds the charset of a text.
MEDIA: Final = {"csv": "text/csv", "json": "application/json", "jsonl": "application/jsonl"}


async def export_runs(call: Call) -> Stream:
    """Export runs with all their actions, under the registry's filters: JSON Lines, JSON or CSV."""
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
        actions = house.calls.read(partial(_actions_of, run=run))
        spans = {action.span_id: action.id for action in actions if action.span_id is not None}
        yield ExportedRun(run=run, actions=_with_bodies(house, run, actions), spans=spans)


def _actions_of(reader: CallReader, *, run: RecordedRun) -> list[Action]:
    return reader.actions_of_run(run.project_id, run.id)


def _with_bodies(house: House, run: RecordedRun, actions: Iterable[Action]) -> Iterator[tuple[Action, Bodies]]:
    """Yield actions of a run, each with its bodies whole."""
    told: dict[int, list[Entry]] = {}
    after = 0
    while True:
        read = partial(_part_of_tape, run=run, after=after)
        entries = house.calls.read(read)
        for stored in entries:
            if stored.action_number is not None:
                told.setdefault(stored.action_number, []).append(stored.entry)
        if len(entries) < ENTRIES_AT_ONCE:
            break
        after = entries[-1].number
    for action in actions:
        yield action, _whole(house, bodies_of(told.pop(action.number, [])))


def _part_of_tape(reader: CallReader, *, run: RecordedRun, after: int) -> list[Any]:
    return list(reader.tape(run.project_id, run.id, after=after, limit=ENTRIES_AT_ONCE))


def _whole(house: House, bodies: Bodies) -> Bodies:
    return replace(bodies, inputs=_fetched(house, bodies.inputs), outputs=_fetched(house, bodies.outputs))


def _fetched(house: House, payload: Payload | None) -> Payload | None:
    if payload is None or payload.blob is None:
        return payload
    with open_blob(house.blobs, payload.blob) as content:
        return Payload(content.read().decode())


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


async def import_runs(call: Call) -> Response[bytes]:
    """Import an export in JSON Lines: the same runs. All of it is read before any of it is kept."""
    call.check_announced(MAX_IMPORT_BYTES)
    with tempfile.SpooledTemporaryFile(MEMORY_BYTES, dir=call.house.runs_with.home) as spool:
        async for chunk in call.chunks():
            await asyncio.to_thread(spool.write, chunk)
        spool.seek(0)
        runs = await asyncio.to_thread(_checked, spool)
        spool.seek(0)
        stored = repeated = 0
        entries = read_lines(iter(spool.readline, b""))
        while part := await asyncio.to_thread(lambda: list(islice(entries, IMPORTED_AT_ONCE))):
            recorded = await call.house.recorder.record(call.house.project_id, lambda: part)  # awaited here
            stored += recorded.stored
            repeated += recorded.repeated
    return json_answer(views.ImportAnswer(runs=runs, stored=stored, repeated=repeated))


def _checked(spool: IO[bytes]) -> int:
    """Read an import to its end; return how many runs it tells of.

    Raises:
        InvalidInput: a line of it is none of an export.
    """
    return len({entry.run_id for entry in read_lines(iter(spool.readline, b""))})


async def show_bundle(call: Call) -> Response[bytes]:
    """Show a recorded run as the bundle that agentsentinel-sdk replays."""
    run = await look(call, partial(find_recorded, call=call))
    return json_answer(await asyncio.to_thread(_bundle, call.house, run))


def _bundle(house: House, run: RecordedRun) -> dict[str, object]:
    actions = house.calls.read(partial(_actions_of, run=run))
    entries = [
        bundle_entry(action, inputs=bodies.inputs, outputs=bodies.outputs, failure=bodies.failure)
        for action, bodies in _with_bodies(house, run, actions)
        if action.kind in CALLS
    ]
    return {"run_id": run.id, "agent_id": run.agent_id, "entries": entries}
