"""Live events: the journal as a stream that a client can resume where it left off."""

from collections.abc import AsyncIterator
from typing import Final

import msgspec
from litestar.response import Stream

from titan.engine.bus import JOURNAL
from titan.model.events import JournalEntry
from titan.server import wire
from titan.server.call import Call
from titan.server.house import House
from titan.server.views import event_view

BATCH: Final = 500
KEEP_ALIVE_SECONDS: Final = 15.0  # below the idle limit of common proxies


async def stream_events(call: Call) -> Stream:
    """Stream what happens; `after` or Last-Event-ID continues behind a cursor seen before.

    Without a cursor the stream begins now. A cursor this journal does not know gives one
    `resync` event with the present cursor: read everything anew, then go on from it.
    """
    query = call.query(wire.EventsQuery)
    cursor = query.after if query.after is not None else call.header("last-event-id")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(_events(call.house, query, cursor), media_type="text/event-stream", headers=headers)


async def _events(house: House, query: wire.EventsQuery, cursor: str | None) -> AsyncIterator[bytes]:
    cut, last = house.store.read(lambda reader: (reader.journal_cut(), reader.last_seq()))
    seq = last if cursor is None else _known(cursor, cut, last)
    if seq is None:
        seq = last
        yield b"event: resync\nid: %d\ndata: %s\n\n" % (seq, msgspec.json.encode({"cursor": str(seq)}))
    else:
        yield b": connected\n\n"
    with house.metrics.event_clients.track_inprogress(), house.bus.watch([JOURNAL]) as watch:
        while not house.bus.is_closed:
            entries = _after(house, query, seq)
            for entry in entries:
                seq = entry.seq
                yield _frame(entry)
            if len(entries) < BATCH and not await watch.heard(KEEP_ALIVE_SECONDS):
                yield b": still here\n\n"


def _after(house: House, query: wire.EventsQuery, seq: int) -> list[JournalEntry]:
    return house.store.read(
        lambda reader: reader.journal(house.project_id, after_seq=seq, run_id=query.run, dag_id=query.dag, limit=BATCH)
    )


def _known(cursor: str, cut: int, last: int) -> int | None:
    """Return the entry's number behind a cursor; None when it is none of this journal's, or entries after it went."""
    if cursor.isascii() and cursor.isdigit() and len(cursor) <= 18 and cut <= int(cursor) <= last:
        return int(cursor)
    return None


def _frame(entry: JournalEntry) -> bytes:
    data = msgspec.json.encode(event_view(entry))
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (entry.seq, entry.kind.encode(), data)
