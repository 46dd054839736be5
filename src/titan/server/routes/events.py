"""Live events: the journal (server-sent events, WebSocket), and recorded runs as agentsentinel's dashboards read them.

Events are read from the store when the client is ready for them, so a slow client costs no memory. A client that
reconnects with its last cursor or `seq` misses nothing, whichever server answers. A client that is far behind gets
`resync` and must read the lists again; so does every client of the runs after a deletion, which has no event.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from functools import partial
from typing import Any, Final, TypeAlias

import msgspec
from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect
from litestar.response import Stream

from titan.insight.bodies import intervention_of, is_intervention
from titan.model.events import JournalEntry
from titan.model.run_control import RunStatus
from titan.model.runs import Run
from titan.orchestrator.bus import CALLS, JOURNAL, BusClosed
from titan.ports.jobs_store import Reader
from titan.ports.runs_store import CallReader, ChangedRun, ReportedEntry
from titan.ports.runtime import Clock
from titan.rules.access import Permission
from titan.server.app_state import AppState
from titan.server.http.access import STREAM_PROTOCOL, offered
from titan.server.http.call import Call
from titan.server.http.route import Routes
from titan.server.routes.telemetry import content_of
from titan.server.views.runs import action_view, intervention_view, run_view
from titan.wire import events as wire

route = Routes()

BATCH: Final = 500
# Idle time before a keep-alive; the console reconnects after three missed ones.
QUIET_SECONDS: Final = 10.0
GATHER_SECONDS: Final = 0.03  # changes within it are sent together: at most 33 frames a second


class CloseCode(IntEnum):
    """Codes with which the server closes a socket (RFC 6455, 7.4.1, and the IANA registry)."""

    NO_LONGER_ALLOWED = 1008  #: its token was revoked or has expired, or its job has ended
    RESTARTING = 1012  #: connect again with the last cursor


@dataclass(frozen=True, slots=True)
class Cursor:
    """A client's position in the journal and, if it asked for recorded actions, in the changes of runs."""

    seq: int
    version: int | None

    def __str__(self) -> str:
        return str(self.seq) if self.version is None else f"{self.seq}.{self.version}"


#: None: connected; the stream continues the client's cursor without a gap, or begins now.
Frame: TypeAlias = wire.EventView | wire.RunsChangedFrame | wire.ResyncFrame | wire.QuietFrame | None


@route(
    "GET /api/events",
    Permission.SEE_WORK,
    answer=bytes,
    media_type="text/event-stream",
    frames=(wire.EventView, wire.ResyncFrame, wire.QuietFrame, wire.RunsChangedFrame),
)
async def stream_events(call: Call, query: wire.EventsQuery) -> Stream:
    """Stream events; `after` or Last-Event-ID continues after a cursor.

    Without a cursor the stream begins now. A cursor this journal does not know gives one
    `resync` event with the present cursor: read everything again, then continue from it.
    """
    cursor = query.after if query.after is not None else call.header("last-event-id")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(_sent_events(call, query, cursor), media_type="text/event-stream", headers=headers)


@route.socket("/api/events/ws", Permission.SEE_WORK)
async def send_events(call: Call, socket: WebSocket[Any, Any, Any], query: wire.SocketEventsQuery) -> None:
    """Send events as text frames; `after` continues after a cursor, as in `stream_events`."""
    await send_while_here(call, socket, partial(_send_all, call, query, socket))


async def send_while_here(
    call: Call,
    socket: WebSocket[Any, Any, Any],
    send_all: Callable[[], Coroutine[Any, Any, None]],
    subprotocol: str | None = None,
) -> None:
    """Accept a socket and run `send_all` until it returns or the client disconnects.

    `send_all` returns when the server stops or the caller's token expires. Frames of the client are ignored.
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
        return  # the client disconnected during a send
    finally:
        sending.cancel()
        leaving.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)


async def _sent_events(call: Call, query: wire.EventsQuery, cursor: str | None) -> AsyncIterator[bytes]:
    """Yield the stream encoded as server-sent events (HTML, 9.2.6)."""
    async for frame in _frames(call, query, cursor):
        match frame:
            case wire.EventView(kind=kind, cursor=here):
                yield _event(kind, here, frame)
            case wire.RunsChangedFrame(cursor=here):
                yield _event("runs_changed", here, frame)
            case wire.ResyncFrame(resync=here):
                yield _event("resync", here, {"cursor": here})
            case wire.QuietFrame():
                yield b": still here\n\n"
            case None:
                yield b": connected\n\n"


def _event(kind: str, cursor: str, data: object) -> bytes:
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (cursor.encode(), kind.encode(), msgspec.json.encode(data))


async def _send_all(call: Call, query: wire.EventsQuery, socket: WebSocket[Any, Any, Any]) -> None:
    """Send the frames of a socket; keep-alive frames too, as pages cannot see the server's pings."""
    async for frame in _frames(call, query, query.after):
        if frame is not None:  # the accepted handshake says the same
            await socket.send_text(msgspec.json.encode(frame).decode())


async def _until_gone(socket: WebSocket[Any, Any, Any]) -> None:
    """Wait until the client disconnects, ignoring its frames."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        continue


async def _frames(call: Call, query: wire.EventsQuery, cursor: str | None) -> AsyncIterator[Frame]:
    """Yield frames, each after the one before was sent, until the server stops or the caller's token expires."""
    app = call.app
    known, present = await _begin(app, query, cursor)
    here = known or present
    yield wire.ResyncFrame(resync=str(here)) if known is None else None
    now = asyncio.get_running_loop().time
    with app.metrics.event_clients.track_inprogress(), app.bus.watch([JOURNAL, CALLS]) as watch, suppress(BusClosed):
        sent_at = now()
        while not app.bus.is_closed and await call.sender.is_still_valid():
            entries, seq = await _after(call, query, here.seq)
            for entry in entries:
                here = Cursor(entry.seq, here.version)
                if call.caller.is_of_the_server or entry.subject.project_id is not None:
                    yield event_view(entry, str(here))  # events of the server only go to its operators
            here = Cursor(seq, here.version)
            before, (here, changed) = here, await _changed_after(call, query, here)
            if changed is not None:
                yield changed
            if entries or here != before:
                sent_at = now()
            if here != before:
                await asyncio.sleep(GATHER_SECONDS)
            # Counted from the last frame: other runs may wake the watch again and again.
            if len(entries) < BATCH and not await watch.wait(max(0.0, sent_at + QUIET_SECONDS - now())):
                yield wire.QuietFrame(cursor=str(here))
                sent_at = now()


async def _begin(app: AppState, query: wire.EventsQuery, cursor: str | None) -> tuple[Cursor | None, Cursor]:
    """Return the client's position, None if its cursor is unknown, and the present position."""
    cut, last = await app.store.look(lambda reader: (reader.journal_cut(), reader.last_seq()))
    version = await asyncio.to_thread(app.calls.read, lambda reader: reader.newest_version()) if query.calls else None
    present = Cursor(last, version)
    return (present if cursor is None else _known(cursor, cut, present)), present


async def _after(call: Call, query: wire.EventsQuery, seq: int) -> tuple[list[JournalEntry], int]:
    """Return the next journal entries, and the position up to which they are complete."""

    def look(reader: Reader) -> tuple[list[JournalEntry], int]:
        newest = reader.last_seq()  # entries of other projects are skipped for good
        page = reader.journal(call.project_id, after_seq=seq, run_id=query.run, dag_id=query.dag, limit=BATCH)
        return page, page[-1].seq if len(page) == BATCH else newest

    return await call.app.store.look(look)


async def _changed_after(call: Call, query: wire.EventsQuery, here: Cursor) -> tuple[Cursor, Frame]:
    """Return the client's new position, and the runs that changed since; None if none did, or nobody asked.

    After a deletion the client must read everything again, as deleted runs cannot be named.
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
        return there, wire.ResyncFrame(resync=str(there))
    if not changed:
        return here, None
    there = Cursor(here.seq, changed[-1].version)
    asked_for += named.values()
    wanted = [run for run in changed if run.run_id in asked_for] if asked_for else changed
    agents = list(dict.fromkeys(run.agent_id for run in wanted))
    frame = wire.RunsChangedFrame(runs=[run.run_id for run in wanted], agents=agents, cursor=str(there))
    return there, frame if wanted else None


def _known(cursor: str, cut: int, present: Cursor) -> Cursor | None:
    """Return the position of a cursor; None if it is invalid, or journal entries after it were deleted."""
    seq, dot, version = cursor.partition(".")
    if not _is_number(seq) or not cut <= int(seq) <= present.seq:
        return None
    if present.version is None:
        return None if dot else Cursor(int(seq), None)
    return Cursor(int(seq), int(version)) if dot and _is_number(version) and int(version) <= present.version else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


def event_view(entry: JournalEntry, cursor: str) -> wire.EventView:
    """Return a journal entry as a live event; `cursor` is the client's position after it.

    Lease ids are removed: they authorize reports about the attempt.
    """
    data = msgspec.json.decode(entry.data, type=dict[str, msgspec.Raw])
    data.pop("lease_id", None)
    return wire.EventView(
        cursor=cursor,
        at=entry.at,
        kind=entry.kind,
        cause=entry.cause,
        agent_run_id=entry.subject.run_id,
        dag_id=entry.subject.dag_id,
        job_id=entry.subject.job_id,
        data=data,
    )


STREAM_BATCH: Final = 200  # changes per batch, held in memory for a slow client
FAR_BEHIND: Final = 20_000  # versions, some 10,000 events: reading the lists again is faster
STREAM_GATHER_SECONDS: Final = 0.1  # reports within it are sent together
MANY: Final = 50  # actions of one run in one batch; of more, only the number is sent
REMEMBERED: Final = 10_000  # runs of one connection with the newest end that was sent
_OVER: Final = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED})


@route.socket("/api/v1/ws", Permission.SEE_ALL)
async def stream_runs(call: Call, socket: WebSocket[Any, Any, Any], query: wire.StreamQuery) -> None:
    """Send events of recorded runs and their actions."""
    await _stream(call, socket, query, with_actions=True)


@route.socket("/api/v1/ws/dashboard", Permission.SEE_ALL)
@route.socket("/ws/dashboard", Permission.SEE_ALL)
async def stream_dashboard(call: Call, socket: WebSocket[Any, Any, Any], query: wire.StreamQuery) -> None:
    """Send events of recorded runs, without their actions."""
    await _stream(call, socket, query, with_actions=False)


async def _stream(call: Call, socket: WebSocket[Any, Any, Any], query: wire.StreamQuery, *, with_actions: bool) -> None:
    subprotocol = STREAM_PROTOCOL if STREAM_PROTOCOL in offered(call.header("sec-websocket-protocol")) else None

    async def send_all() -> None:
        async for envelope in _envelopes(call, query, with_actions=with_actions):
            await socket.send_text(msgspec.json.encode(envelope).decode())

    await send_while_here(call, socket, send_all, subprotocol)


async def _envelopes(call: Call, query: wire.StreamQuery, *, with_actions: bool) -> AsyncIterator[wire.Envelope]:
    """Yield events, each after the one before was sent, until the server stops or the caller's token expires."""
    app = call.app
    now = asyncio.get_running_loop().time
    with app.metrics.event_clients.track_inprogress(), app.bus.watch([CALLS]) as watch, suppress(BusClosed):
        newest = await asyncio.to_thread(app.calls.read, lambda reader: reader.newest_version())
        here, sent_at = newest if query.since is None else query.since, now()
        subscription = _Subscription(call.project_id, query.run_id, with_actions, app.clock, since=here)
        while not app.bus.is_closed and await call.sender.is_still_valid():
            news = await asyncio.to_thread(app.calls.read, partial(subscription.after, here))
            for event in news.events:
                yield event
            here = news.seq
            if news.events:
                sent_at = now()
                await asyncio.sleep(STREAM_GATHER_SECONDS)
            if news.is_last and not await watch.wait(max(0.0, sent_at + QUIET_SECONDS - now())):
                yield _plain("heartbeat", here, app.clock)
                sent_at = now()


def _plain(event_type: wire.EventType, seq: int, clock: Clock) -> wire.Envelope:
    return wire.Envelope(event_type=event_type, data=wire.NothingView(), timestamp=clock.now(), seq=seq)


@dataclass(frozen=True, slots=True)
class _News:
    """Events after a position, up to `seq`."""

    seq: int
    events: Sequence[wire.Envelope] = ()
    is_last: bool = True  #: whether nothing more has happened


@dataclass(slots=True)
class _Subscription:
    """State of one client: what it wants, and what was sent to it."""

    project_id: str
    run_id: str | None
    with_actions: bool
    clock: Clock
    since: int  #: runs that ended before are not sent again when they are pinned or get a late report
    #: run id → version of the newest end that was sent; 0: none
    sent: OrderedDict[str, int] = field(default_factory=OrderedDict)

    def after(self, seq: int, reader: CallReader) -> _News:
        """Return the events after `seq`, one batch at most."""
        newest = reader.newest_version()
        if not newest - FAR_BEHIND <= seq <= newest:
            self.since = newest
            return _News(newest, [_plain("resync", newest, self.clock)])
        if self.run_id is not None:  # its trace may have been assigned to a run meanwhile
            self.run_id = reader.aliases(self.project_id, [self.run_id]).get(self.run_id, self.run_id)
        entries = reader.reported_after(self.project_id, after=seq, limit=STREAM_BATCH)
        changed = reader.runs_changed(self.project_id, after=seq, limit=STREAM_BATCH)
        # If a list is full, the batch ends where the first full list ends.
        last = [one.number for one in entries[STREAM_BATCH - 1 :]] + [
            run.version for run in changed[STREAM_BATCH - 1 :]
        ]
        end = min(last, default=newest)
        events = [*self._of_entries(reader, [one for one in entries if one.number <= end])]
        for change in changed:
            if change.version <= end and (run := self._run(reader, change.run_id)) is not None:
                events += self._of_run(run, change)
        if seq < (deletion := reader.newest_deletion()) <= end:
            events.append(_plain("resync", deletion, self.clock))
        return _News(end, sorted(events, key=lambda event: event.seq), is_last=end == newest)

    def _run(self, reader: CallReader, run_id: str) -> Run | None:
        return reader.run(self.project_id, run_id) if self.run_id in (None, run_id) else None

    def _of_entries(self, reader: CallReader, entries: Sequence[ReportedEntry]) -> Iterator[wire.Envelope]:
        counts = Counter(one.run_id for one in entries if one.action is not None)
        counted: set[str] = set()
        for one in entries:
            run = self._run(reader, one.run_id) if one.is_first_of_run and one.run_id not in self.sent else None
            if run is not None:
                self._remember(run.id, 0)
                yield _created(run, one.at, one.number - 1)  # so that a client that resumes here also gets the action
            if one.action is None or not self.with_actions or self.run_id not in (None, one.run_id):
                continue
            if counts[one.run_id] <= MANY:
                yield _of_action(reader, one)
            elif one.run_id not in counted:
                counted.add(one.run_id)
                yield _of_many(one, counts[one.run_id])

    def _of_run(self, run: Run, change: ChangedRun) -> Iterator[wire.Envelope]:
        before = self.sent.get(run.id)
        has_news = run.status in _OVER and change.status_version > max(self.since, before or 0)
        self._remember(run.id, change.status_version if has_news else before or 0)
        if before is None and not run.entry_count:  # it submitted a DAG, and has recorded nothing
            yield _created(run, run.started_at, change.version - 2)
        stats = run_view(run)
        yield wire.Envelope(event_type="stats_updated", data=stats, timestamp=run.received_at, seq=change.version - 1)
        if has_news:  # with the version of the end, so that a client that reconnects later does not get it again
            yield _ended_event(run, change.status_version)

    def _remember(self, run_id: str, end: int) -> None:
        self.sent[run_id] = end
        if len(self.sent) > REMEMBERED:
            self.sent.popitem(last=False)


def _created(run: Run, at: datetime, seq: int) -> wire.Envelope:
    return wire.Envelope(event_type="run_created", data=run_view(run), timestamp=at, seq=seq)


def _ended_event(run: Run, seq: int) -> wire.Envelope:
    view = run_view(run)
    return wire.Envelope(
        event_type="run_completed" if run.status is RunStatus.COMPLETED else "run_failed",
        data=wire.RunEndedView(
            run_id=run.id,
            agent_id=run.agent_id,
            status=run.status,
            ended_at=run.ended_at,
            duration_ms=view.duration_ms,
            cost_usd=run.tally.cost,
            success_rate=view.tally.success_rate,
            first_error=run.first_error,
        ),
        timestamp=run.ended_at or run.received_at,
        seq=seq,
    )


def _of_action(reader: CallReader, entry: ReportedEntry) -> wire.Envelope:
    assert entry.action is not None
    if not is_intervention(entry.action):
        event_type: wire.EventType = "action_created" if entry.is_first_of_action else "action_updated"
        return wire.Envelope(
            event_type=event_type, data=action_view(entry.action), timestamp=entry.at, seq=entry.number
        )
    intervention = intervention_of(entry.action, content_of(reader, entry.action))
    return wire.Envelope(
        event_type="intervention_created", data=intervention_view(intervention), timestamp=entry.at, seq=entry.number
    )


def _of_many(entry: ReportedEntry, count: int) -> wire.Envelope:
    assert entry.action is not None
    data = wire.ManyActionsView(run_id=entry.run_id, agent_id=entry.action.agent_id, count=count)
    return wire.Envelope(event_type="action_created", data=data, timestamp=entry.at, seq=entry.number)
