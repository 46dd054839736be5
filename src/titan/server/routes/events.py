"""Live events: the journal as a stream that a client can resume where it left off.

Events are read from the journal when the client is ready for them, so a slow one costs no memory, and whoever comes
back with the cursor of the last event it saw misses nothing, whichever server answers. Server-sent events and the
WebSocket send the same; only their frames differ.
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

from titan.model.events import JournalEntry
from titan.orchestrator.bus import CALLS, JOURNAL
from titan.ports.jobs_store import Reader
from titan.rules.access import Permission
from titan.server.app_state import AppState
from titan.server.http.call import Call
from titan.server.http.route import Routes
from titan.wire.events import EventsQuery, EventView, QuietFrame, ResyncFrame, RunsChangedFrame, SocketEventsQuery

route = Routes()

BATCH: Final = 500
# Without a word, then a sign of life; the console waits for three of them, and for a late one.
QUIET_SECONDS: Final = 10.0
GATHER_SECONDS: Final = 0.03  # what changes meanwhile is sent together: 33 frames a second at most


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


#: None: the client's cursor is known, or it begins now, and what comes follows without a gap.
Frame: TypeAlias = EventView | RunsChangedFrame | ResyncFrame | QuietFrame | None


@route(
    "GET /api/events",
    Permission.SEE_WORK,
    answer=bytes,
    media_type="text/event-stream",
    frames=(EventView, ResyncFrame, QuietFrame, RunsChangedFrame),
)
async def stream_events(call: Call, query: EventsQuery) -> Stream:
    """Stream what happens; `after` or Last-Event-ID continues behind a cursor seen before.

    Without a cursor the stream begins now. A cursor this journal does not know gives one
    `resync` event with the present cursor: read everything again, then continue from it.
    """
    cursor = query.after if query.after is not None else call.header("last-event-id")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(_sent_events(call, query, cursor), media_type="text/event-stream", headers=headers)


@route.socket("/api/events/ws", Permission.SEE_WORK)
async def send_events(call: Call, socket: WebSocket[Any, Any, Any], query: SocketEventsQuery) -> None:
    """Send what happens as text frames; `after` continues behind a cursor seen before, as in `stream_events`."""
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
            await socket.close(code=CloseCode.RESTARTING if call.app.bus.is_closed else CloseCode.NO_LONGER_ALLOWED)
    except WebSocketDisconnect:
        return  # the client left while it was sent something
    finally:
        sending.cancel()
        leaving.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)


async def _sent_events(call: Call, query: EventsQuery, cursor: str | None) -> AsyncIterator[bytes]:
    """Yield the frames of server-sent events (HTML, 9.2.6)."""
    async for frame in _frames(call, query, cursor):
        match frame:
            case EventView(kind=kind, cursor=here):
                yield _event(kind, here, frame)
            case RunsChangedFrame(cursor=here):
                yield _event("runs_changed", here, frame)
            case ResyncFrame(resync=here):
                yield _event("resync", here, {"cursor": here})
            case QuietFrame():
                yield b": still here\n\n"
            case None:
                yield b": connected\n\n"


def _event(kind: str, cursor: str, data: object) -> bytes:
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (cursor.encode(), kind.encode(), msgspec.json.encode(data))


async def _send_all(call: Call, query: EventsQuery, socket: WebSocket[Any, Any, Any]) -> None:
    """Send the frames of a socket; a page cannot see the server's pings (serve.py), so it is sent those when quiet."""
    async for frame in _frames(call, query, query.after):
        if frame is not None:  # that the handshake succeeded says the same
            await socket.send_text(msgspec.json.encode(frame).decode())


async def _until_gone(socket: WebSocket[Any, Any, Any]) -> None:
    """Return when the client has gone; what it says is nothing to us."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        continue


async def _frames(call: Call, query: EventsQuery, cursor: str | None) -> AsyncIterator[Frame]:
    """Yield what to send, each when the one before has gone out, until the server ends or the caller's token does."""
    app = call.app
    known, present = await _begin(app, query, cursor)
    here = known or present
    yield ResyncFrame(resync=str(here)) if known is None else None
    now = asyncio.get_running_loop().time
    with app.metrics.event_clients.track_inprogress(), app.bus.watch([JOURNAL, CALLS]) as watch:
        sent_at = now()
        while not app.bus.is_closed and await call.is_caller_still_good():
            entries, seq = await _after(call, query, here.seq)
            for entry in entries:
                here = Cursor(entry.seq, here.version)
                if call.caller.is_of_the_server or entry.subject.project_id is not None:
                    yield event_view(
                        entry, str(here)
                    )  # what is of the server, not to who is limited to a project or of another organisation
            here = Cursor(seq, here.version)
            before, (here, changed) = here, await _changed_after(call, query, here)
            if changed is not None:
                yield changed
            if entries or here != before:
                sent_at = now()
            if here != before:
                await asyncio.sleep(GATHER_SECONDS)
            # Not each wait has its whole time: where others' runs keep the journal busy, none would come to its end.
            if len(entries) < BATCH and not await watch.wait(max(0.0, sent_at + QUIET_SECONDS - now())):
                yield QuietFrame(cursor=str(here))
                sent_at = now()


async def _begin(app: AppState, query: EventsQuery, cursor: str | None) -> tuple[Cursor | None, Cursor]:
    """Return where the client stands, None when its cursor is unknown, and where everything stands now."""
    cut, last = await app.store.look(lambda reader: (reader.journal_cut(), reader.last_seq()))
    version = await asyncio.to_thread(app.calls.read, lambda reader: reader.newest_version()) if query.calls else None
    present = Cursor(last, version)
    return (present if cursor is None else _known(cursor, cut, present)), present


async def _after(call: Call, query: EventsQuery, seq: int) -> tuple[list[JournalEntry], int]:
    """Return what happened next, and up to where that is all."""

    def look(reader: Reader) -> tuple[list[JournalEntry], int]:
        newest = reader.last_seq()  # others' entries are passed by, and not looked at again
        page = reader.journal(call.project_id, after_seq=seq, run_id=query.run, dag_id=query.dag, limit=BATCH)
        return page, page[-1].seq if len(page) == BATCH else newest

    return await call.app.store.look(look)


async def _changed_after(call: Call, query: EventsQuery, here: Cursor) -> tuple[Cursor, Frame]:
    """Return where the client stands then, and which runs changed since; None when none did, or nobody asked.

    One that was deleted cannot be named any more: then everything is to be read anew.
    """
    version = here.version
    if version is None or query.dag is not None:
        return here, None
    asked_for = [] if query.run is None else [query.run]
    deleted, newest, changed, named = await asyncio.to_thread(
        call.app.calls.read,
        lambda reader: (
            reader.newest_deletion(),
            reader.newest_version(),
            reader.runs_changed(call.project_id, after=version, limit=BATCH),
            reader.aliases(call.project_id, asked_for),
        ),
    )
    if deleted > version:
        there = Cursor(here.seq, newest)
        return there, ResyncFrame(resync=str(there))
    if not changed:
        return here, None
    there = Cursor(here.seq, changed[-1].version)
    asked_for += named.values()
    wanted = [run for run in changed if run.run_id in asked_for] if asked_for else changed
    agents = list(dict.fromkeys(run.agent_id for run in wanted))
    frame = RunsChangedFrame(runs=[run.run_id for run in wanted], agents=agents, cursor=str(there))
    return there, frame if wanted else None


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


def event_view(entry: JournalEntry, cursor: str) -> EventView:
    """Return a journal entry as a live event; `cursor` says where a client stands that has seen it.

    Lease ids stay here: whoever knows one could speak for the attempt.
    """
    data = msgspec.json.decode(entry.data, type=dict[str, msgspec.Raw])
    data.pop("lease_id", None)
    return EventView(
        cursor=cursor,
        at=entry.at,
        kind=entry.kind,
        cause=entry.cause,
        agent_run_id=entry.subject.run_id,
        dag_id=entry.subject.dag_id,
        job_id=entry.subject.job_id,
        data=data,
    )
