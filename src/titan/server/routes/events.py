"""Live events: the journal as a stream that a client can resume where it left off.

Events are read from the journal when the client is ready for them, so a slow one costs no memory, and whoever comes
back with the cursor of the last event it saw misses nothing, whichever server answers. Server-sent events and the
WebSocket tell the same; only their frames differ.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Any, Final, TypeAlias

import msgspec
from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect
from litestar.response import Stream

from titan.engine.bus import CALLS, JOURNAL
from titan.model.events import JournalEntry
from titan.ports import Reader
from titan.server.call import Call
from titan.server.house import House
from titan.server.views import event_view
from titan.wire.events import EventsQuery, QuietFrame, ResyncFrame, RunsHeardFrame, SocketEventsQuery

BATCH: Final = 500
# Without a word, then a sign of life; the console waits for three of them, and for a late one.
QUIET_SECONDS: Final = 10.0
GATHER_SECONDS: Final = 0.03  # what is heard of runs meanwhile is told together: 33 frames a second at most


class CloseCode(IntEnum):
    """Why the server closes a socket (RFC 6455, 7.4.1, and the IANA registry)."""

    NO_LONGER_ALLOWED = 1008  #: its token was revoked or has expired, or its job has ended
    RESTARTING = 1012  #: connect again with the last cursor


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a client stands: in the journal and, if it asked for recorded calls, in the changes of their runs."""

    seq: int
    version: int | None

    def __str__(self) -> str:
        return str(self.seq) if self.version is None else f"{self.seq}.{self.version}"


@dataclass(frozen=True, slots=True)
class Happened:
    """An entry of the journal."""

    entry: JournalEntry
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class RunsHeard:
    """Something was heard of these recorded runs, or they changed otherwise."""

    runs: tuple[str, ...]
    agents: tuple[str, ...]
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class Resync:
    """The client's cursor is none of this server's: it reads everything anew, then goes on from here."""

    cursor: Cursor


@dataclass(frozen=True, slots=True)
class Connected:
    """The client's cursor is known, or it begins now: what comes follows without a gap."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing was told for a while: the client still stands here, and the connection is alive."""

    cursor: Cursor


Telling: TypeAlias = Happened | RunsHeard | Resync | Connected | Quiet


async def stream_events(call: Call) -> Stream:
    """Stream what happens; `after` or Last-Event-ID continues behind a cursor seen before.

    Without a cursor the stream begins now. A cursor this journal does not know gives one
    `resync` event with the present cursor: read everything anew, then go on from it.
    """
    query = call.query(EventsQuery)
    cursor = query.after if query.after is not None else call.header("last-event-id")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(_sent_events(call, query, cursor), media_type="text/event-stream", headers=headers)


async def send_events(call: Call, socket: WebSocket[Any, Any, Any]) -> None:
    """Send what happens as text frames; `after` continues behind a cursor seen before, as in `stream_events`."""
    query = call.query(SocketEventsQuery)
    await send_while_here(call, socket, partial(_send_all, call, query, socket))


async def send_while_here(
    call: Call,
    socket: WebSocket[Any, Any, Any],
    send_all: Callable[[], Coroutine[Any, Any, None]],
    subprotocol: str | None = None,
) -> None:
    """Accept a socket, send it all there is until the client goes, and close it politely when there is no more.

    `send_all` returns when the server ends, or the caller's token does. What the client says is passed over.
    """
    await socket.accept(subprotocols=subprotocol)
    sending = asyncio.ensure_future(send_all())
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


async def _sent_events(call: Call, query: EventsQuery, cursor: str | None) -> AsyncIterator[bytes]:
    """Yield the frames of server-sent events (HTML, 9.2.6)."""
    async for telling in _tellings(call, query, cursor):
        match telling:
            case Happened(entry=entry, cursor=here):
                yield _frame(entry.kind, here, msgspec.json.encode(event_view(entry, str(here))))
            case RunsHeard(cursor=here):
                yield _frame("runs_heard", here, msgspec.json.encode(_runs_frame(telling)))
            case Resync(cursor=here):
                yield _frame("resync", here, msgspec.json.encode({"cursor": str(here)}))
            case Connected():
                yield b": connected\n\n"
            case Quiet():
                yield b": still here\n\n"


def _frame(kind: str, cursor: Cursor, data: bytes) -> bytes:
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (str(cursor).encode(), kind.encode(), data)


def _runs_frame(telling: RunsHeard) -> RunsHeardFrame:
    return RunsHeardFrame(runs=list(telling.runs), agents=list(telling.agents), cursor=str(telling.cursor))


async def _send_all(call: Call, query: EventsQuery, socket: WebSocket[Any, Any, Any]) -> None:
    """Send the frames of a socket; a page cannot see the server's pings (serve.py), so it is told Quiet."""
    async for telling in _tellings(call, query, query.after):
        match telling:
            case Happened(entry=entry, cursor=here):
                await socket.send_text(msgspec.json.encode(event_view(entry, str(here))).decode())
            case RunsHeard():
                await socket.send_text(msgspec.json.encode(_runs_frame(telling)).decode())
            case Resync(cursor=here):
                await socket.send_text(msgspec.json.encode(ResyncFrame(resync=str(here))).decode())
            case Quiet(cursor=here):
                await socket.send_text(msgspec.json.encode(QuietFrame(cursor=str(here))).decode())
            case Connected():
                continue  # that the handshake succeeded says the same


async def _until_gone(socket: WebSocket[Any, Any, Any]) -> None:
    """Return when the client has gone; what it says is nothing to us."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        continue


async def _tellings(call: Call, query: EventsQuery, cursor: str | None) -> AsyncIterator[Telling]:
    """Yield what to tell, each when the one before has gone out, until the server ends or the caller's token does."""
    house = call.house
    known, present = await _begin(house, query, cursor)
    here = known or present
    yield Resync(here) if known is None else Connected()
    now = asyncio.get_running_loop().time
    with house.metrics.event_clients.track_inprogress(), house.bus.watch([JOURNAL, CALLS]) as watch:
        told_at = now()
        while not house.bus.is_closed and await call.is_caller_still_good():
            entries, seq = await _after(call, query, here.seq)
            for entry in entries:
                here = Cursor(entry.seq, here.version)
                if call.caller.project_id is None or entry.subject.project_id is not None:
                    yield Happened(entry, here)  # what is of the organisation, not to who is limited to a project
            here = Cursor(seq, here.version)
            heard = await _heard_after(call, query, here)
            if heard is not None:
                here = heard.cursor
                if isinstance(heard, Resync) or heard.runs:
                    yield heard
            if entries or heard is not None:
                told_at = now()
            if heard is not None:
                await asyncio.sleep(GATHER_SECONDS)
            # Not each wait has its whole time: where others' runs keep the journal busy, none would come to its end.
            if len(entries) < BATCH and not await watch.heard(max(0.0, told_at + QUIET_SECONDS - now())):
                yield Quiet(here)
                told_at = now()


async def _begin(house: House, query: EventsQuery, cursor: str | None) -> tuple[Cursor | None, Cursor]:
    """Return where the client stands, None when its cursor is unknown, and where everything stands now."""
    cut, last = await house.store.look(lambda reader: (reader.journal_cut(), reader.last_seq()))
    version = await asyncio.to_thread(house.calls.read, lambda reader: reader.newest_version()) if query.calls else None
    present = Cursor(last, version)
    return (present if cursor is None else _known(cursor, cut, present)), present


async def _after(call: Call, query: EventsQuery, seq: int) -> tuple[list[JournalEntry], int]:
    """Return what happened next, and up to where that is all."""

    def look(reader: Reader) -> tuple[list[JournalEntry], int]:
        newest = reader.last_seq()  # others' entries are passed by, and not looked at again
        page = reader.journal(call.project_id, after_seq=seq, run_id=query.run, dag_id=query.dag, limit=BATCH)
        return page, page[-1].seq if len(page) == BATCH else newest

    return await call.house.store.look(look)


async def _heard_after(call: Call, query: EventsQuery, here: Cursor) -> RunsHeard | Resync | None:
    """Return which recorded runs changed since; None when none did, or nobody asked.

    One that was deleted cannot be named any more: then everything is to be read anew.
    """
    version = here.version
    if version is None or query.dag is not None:
        return None
    asked_for = [] if query.run is None else [query.run]
    deleted, newest, changed, named = await asyncio.to_thread(
        call.house.calls.read,
        lambda reader: (
            reader.newest_deletion(),
            reader.newest_version(),
            reader.runs_changed(call.project_id, after=version, limit=BATCH),
            reader.aliases(call.project_id, asked_for),
        ),
    )
    if deleted > version:
        return Resync(Cursor(here.seq, newest))
    if not changed:
        return None
    asked_for += named.values()
    wanted = [run for run in changed if run.run_id in asked_for] if asked_for else changed
    return RunsHeard(
        runs=tuple(run.run_id for run in wanted),
        agents=tuple(dict.fromkeys(run.agent_id for run in wanted)),
        cursor=Cursor(here.seq, changed[-1].version),
    )


def _known(cursor: str, cut: int, present: Cursor) -> Cursor | None:
    """Return where a cursor stands; None when it is none of this server's, or journal entries after it went."""
    seq, dot, version = cursor.partition(".")
    if not _is_number(seq) or not cut <= int(seq) <= present.seq:
        return None
    if present.version is None:
        return None if dot else Cursor(int(seq), None)
    return Cursor(int(seq), int(version)) if dot and _is_number(version) and int(version) <= present.version else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18
