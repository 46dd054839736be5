"""Calls of all runs on their way out: the ledger under its filters, streamed, as they started."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Final

import msgspec
from litestar.response import Stream

from titan.insight.export_csv import csv_table
from titan.model.runs import Action
from titan.ports_calls import CallFilter, CallReader
from titan.server.call import Call
from titan.server.recorded_views import action_view
from titan.server.routes.exporting import MEDIA, streamed
from titan.server.routes.telemetry import call_filter
from titan.wire.actions import ActionView, LedgerExportQuery

CALLS_AT_ONCE: Final = 2000
COLUMNS: Final = tuple(name for name in ActionView.__struct_fields__ if name != "number")


async def export_ledger(call: Call) -> Stream:
    """Export the calls of all runs under the ledger's filters, without inputs and outputs: JSON Lines, JSON or CSV."""
    query = call.query(LedgerExportQuery)
    calls = _calls(call, call_filter(query))
    pieces = _pieces(query.format, calls, call)
    name = f"titan-ledger-{call.house.clock.now():%Y%m%dT%H%M%SZ}.{query.format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Stream(streamed(pieces), media_type=MEDIA[query.format], headers=headers)


def _calls(call: Call, wanted: CallFilter) -> Iterator[ActionView]:
    """Yield calls page by page: each page is a snapshot of its own."""
    page: list[Action] = []
    while True:
        after = (page[-1].started_at, page[-1].number) if page else None
        page = call.house.calls.read(partial(_page, project_id=call.project_id, wanted=wanted, after=after))
        yield from map(action_view, page)
        if len(page) < CALLS_AT_ONCE:
            return


def _page(
    reader: CallReader, *, project_id: str, wanted: CallFilter, after: tuple[datetime, int] | None
) -> list[Action]:
    return reader.calls_after(project_id, wanted, after=after, limit=CALLS_AT_ONCE)


def _pieces(form: str, calls: Iterator[ActionView], call: Call) -> Iterator[bytes]:
    match form:
        case "csv":
            return csv_table(COLUMNS, ([_cell(getattr(one, name)) for name in COLUMNS] for one in calls))
        case "json":
            return _document(calls, call)
        case _:
            return (msgspec.json.encode(one) + b"\n" for one in calls)


def _cell(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _document(calls: Iterator[ActionView], call: Call) -> Iterator[bytes]:
    head = {"exported_at": call.house.clock.now(), "filters": call.asked_for()}
    yield msgspec.json.encode(head)[:-1] + b',"calls":['
    separator = b"\n"
    for one in calls:
        yield separator + msgspec.json.encode(one)
        separator = b",\n"
    yield b"\n]}\n"
