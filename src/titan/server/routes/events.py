"""Live events: the journal as a stream that a client can resume where it left off.

Events are read from the journal when the client is ready for them, so a slow one costs no memory, and whoever comes
back with the cursor of the last event it saw misses nothing, whichever server answers. Server-sent events and the
WebSocket tell the same; only their frames differ.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, TypeAlias

import msgspec
from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect
from litestar.response import Stream

from titan.engine.bus import JOURNAL
from titan.model.events import JournalEntry
from titan.server import wire
from titan.server.call import Call
from titan.server.house import House
from titan.server.views import event_view

BATCH: Final = 500
# Without a word, then a sign of life; the console waits for three of them, and for a late one.
QUIET_SECONDS: Final = 10.0


class CloseCode(IntEnum):
    """Why the server closes a socket (RFC 6455, 7.4.1, and the IANA registry)."""

    NO_LONGER_ALLOWED = 1008  #: its token was revoked or has expired, or its job has ended
    RESTARTING = 1012  #: connect again with the last cursor


@dataclass(frozen=True, slots=True)
class Resync:
    """The client's cursor is none of this journal's: it reads everything anew, then goes on from here."""

    seq: int


@dataclass(frozen=True, slots=True)
class Connected:
    """The client's cursor is known, or it begins now: what comes follows without a gap."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing was told for a while: the client still stands here, and the connection is alive."""

    seq: int


Telling: TypeAlias = JournalEntry | Resync | Connected | Quiet


async def stream_events(call: Call) -> Stream:
    """Stream what happens; `after` or Last-Event-ID continues behind a cursor seen before.

    Without a cursor the stream begins now. A cursor this journal does not know gives one
    `resync` event with the present cursor: read everything anew, then go on from it.
    """
    query = call.query(wire.EventsQuery)
    cursor = query.after if query.after is not None else call.header("last-event-id")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(_sent_events(call, query, cursor), media_type="text/event-stream", headers=headers)


async def send_events(call: Call, socket: WebSocket[Any, Any, Any]) -> None:
    """Send what happens as text frames; `after` continues behind a cursor seen before, as in `stream_events`."""
    query = call.query(wire.SocketEventsQuery)
    await socket.accept()
    sending = asyncio.ensure_future(_send_all(call, query, socket))
    leaving = asyncio.ensure_future(_until_gone(socket))
    try:
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not leaving.done():
            await sending
            await socket.close(code=CloseCode.RESTARTING if call.house.bus.is_closed else CloseCode.NO_LONGER_ALLOWED)
    except WebSocketDisconnect:
        return  # it went while it was told something
    finally:
        sending.cancel()
        leaving.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)


async def _sent_events(call: Call, query: wire.EventsQuery, cursor: str | None) -> AsyncIterator[bytes]:
    """Yield the frames of server-sent events (HTML, 9.2.6)."""
    async for telling in _tellings(call, query, cursor):
        match telling:
            case JournalEntry():
                data = msgspec.json.encode(event_view(telling))
                yield b"id: %d\nevent: %s\ndata: %s\n\n" % (telling.seq, telling.kind.encode(), data)
            case Resync(seq=seq):
                yield b"event: resync\nid: %d\ndata: %s\n\n" % (seq, msgspec.json.encode({"cursor": str(seq)}))
            case Connected():
                yield b": connected\n\n"
            case Quiet():
                yield b": still here\n\n"


async def _send_all(call: Call, query: wire.EventsQuery, socket: WebSocket[Any, Any, Any]) -> None:
    """Send the frames of a socket; a page cannot see the server's pings (serve.py), so it is told Quiet."""
    async for telling in _tellings(call, query, query.after):
        match telling:
            case JournalEntry():
                await socket.send_text(msgspec.json.encode(event_view(telling)).decode())
            case Resync(seq=seq):
                await socket.send_text(msgspec.json.encode(wire.ResyncFrame(resync=str(seq))).decode())
            case Quiet(seq=seq):
                await socket.send_text(msgspec.json.encode(wire.QuietFrame(cursor=str(seq))).decode())
            case Connected():
                continue  # that the handshake succeeded says the same


async def _until_gone(socket: WebSocket[Any, Any, Any]) -> None:
    """Return when the client has gone; what it says is nothing to us."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        continue


async def _tellings(call: Call, query: wire.EventsQuery, cursor: str | None) -> AsyncIterator[Telling]:
    """Yield what to tell, each when the one before has gone out, until the server ends or the caller's token does."""
    house = call.house
    cut, last = await house.store.look(lambda reader: (reader.journal_cut(), reader.last_seq()))
    known = last if cursor is None else _known(cursor, cut, last)
    seq = last if known is None else known
    yield Resync(seq) if known is None else Connected()
    now = asyncio.get_running_loop().time
    with house.metrics.event_clients.track_inprogress(), house.bus.watch([JOURNAL]) as watch:
        told_at = now()
        while not house.bus.is_closed and await call.is_caller_still_good():
            entries = await _after(house, query, seq)
            for entry in entries:
                seq = entry.seq
                yield entry
            if entries:
                told_at = now()
            # Not each wait has its whole time: where others' runs keep the journal busy, none would come to its end.
            if len(entries) < BATCH and not await watch.heard(max(0.0, told_at + QUIET_SECONDS - now())):
                yield Quiet(seq)
                told_at = now()


async def _after(house: House, query: wire.EventsQuery, seq: int) -> list[JournalEntry]:
    return await house.store.look(
        lambda reader: reader.journal(house.project_id, after_seq=seq, run_id=query.run, dag_id=query.dag, limit=BATCH)
    )


def _known(cursor: str, cut: int, last: int) -> int | None:
    """Return the entry's number behind a cursor; None when it is none of this journal's, or entries after it went."""
    if cursor.isascii() and cursor.isdigit() and len(cursor) <= 18 and cut <= int(cursor) <= last:
        return int(cursor)
    return None
