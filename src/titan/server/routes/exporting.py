"""Recorded runs on their way out: exports under the registry's filters, streamed, and bundles to replay."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final

import msgspec
from litestar.response import Stream

from titan.ingest.agentsentinel.bundle import bundle_entry
from titan.insight.export import ExportedRun, json_document, json_lines
from titan.insight.export_csv import csv_rows
from titan.model.actions import CALLS
from titan.model.runs import Run
from titan.ports.runs_store import CallReader, RunFilter
from titan.rules.access import Permission
from titan.server.app_state import AppState
from titan.server.http.call import Call
from titan.server.http.responses import JSON
from titan.server.http.route import Routes
from titan.server.routes.registry import find_recorded, run_filter
from titan.server.views.exported import exported
from titan.wire.runs import ExportQuery

route = Routes()

RUNS_AT_ONCE: Final = 50
CHUNK_BYTES: Final = 64 * 1024
#: The framework adds the charset of a text.
MEDIA: Final = {
    "csv": "text/csv",
    "json": "application/json",
    "jsonl": "application/jsonl",
}


@route("GET /api/v1/runs/export", Permission.SEE_ALL)
async def export_runs(call: Call, query: ExportQuery) -> Stream:
    """Export runs with all their actions and notes, under the registry's filters: JSON Lines, JSON or CSV."""
    wanted = replace(run_filter(call, query), is_searched_whole=True)
    if query.run_id is not None:
        found = await call.read_runs(partial(_one_run, call=call, run_id=query.run_id))
        runs: Iterable[Run] = [found]
    else:
        runs = _all_runs(call, wanted, query)
    pieces = _pieces(query.format, exported(call.app.calls, call.app.blobs, runs), call, call.asked_for())
    name = f"titan-runs-{call.app.clock.now():%Y%m%dT%H%M%SZ}.{query.format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Stream(streamed(pieces), media_type=MEDIA[query.format], headers=headers)


def _one_run(reader: CallReader, *, call: Call, run_id: str) -> Run:
    call.fix_path("run", run_id)
    return find_recorded(reader, call)


def _pieces(form: str, runs: Iterable[ExportedRun], call: Call, filters: dict[str, str]) -> Iterator[bytes]:
    match form:
        case "csv":
            return csv_rows(runs)
        case "json":
            return json_document(runs, exported_at=call.app.clock.now(), filters=filters)
        case _:
            return json_lines(runs)


def _all_runs(call: Call, wanted: RunFilter, query: ExportQuery) -> Iterator[Run]:
    """Yield the runs of the registry, page by page: each page is a snapshot of its own."""
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
        project_id,
        wanted,
        sort=query.sort,
        is_ascending=query.order == "asc",
        after=cursor,
        limit=RUNS_AT_ONCE,
    )


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


@route("GET /api/v1/replay/{run}/bundle", Permission.SEE_ALL, answer=dict)
async def show_bundle(call: Call) -> Stream:
    """Show a recorded run as the bundle that agentsentinel-sdk replays."""
    run = await call.read_runs(partial(find_recorded, call=call))
    return Stream(streamed(_bundle(call.app, run)), media_type=JSON)


def _bundle(app: AppState, run: Run) -> Iterator[bytes]:
    """Yield the pieces of the bundle, made where the stack is low: what is deeply nested needs all that is left."""
    [whole] = exported(app.calls, app.blobs, [run])
    yield msgspec.json.encode({"run_id": run.id, "agent_id": run.agent_id})[:-1] + b',"entries":['
    separator = b""
    for action, bodies in whole.actions:
        if action.kind in CALLS:
            entry = bundle_entry(action, inputs=bodies.inputs, outputs=bodies.outputs, failure=bodies.failure)
            yield separator + msgspec.json.encode(entry)
            separator = b","
    yield b"]}"
