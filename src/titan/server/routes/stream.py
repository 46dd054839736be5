"""The live stream of recorded runs, as agentsentinel's dashboards read it.

Each event is read from the store when the client is ready for it, and its `seq` is the number of the change that it
reports, or one before that was left free for it: a slow reader costs no memory, and a client that returns with the last
`seq` misses nothing. A client that is far behind gets `resync`: it must read the lists anew. So does every client after
a deletion, because deletions have no event.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec
from litestar import WebSocket

from titan.insight.interventions import intervention_of, is_intervention
from titan.model.run_control import RunStatus
from titan.model.runs import Run
from titan.orchestrator.bus import CALLS
from titan.ports.runs_store import CallReader, ChangedRun, ReportedEntry
from titan.ports.runtime import Clock
from titan.rules.access import Permission
from titan.server.http.access import STREAM_PROTOCOL, offered
from titan.server.http.call import Call
from titan.server.http.route import Routes
from titan.server.routes.events import QUIET_SECONDS, send_while_here
from titan.server.routes.telemetry import content_of
from titan.server.views.runs import action_view, intervention_view, run_view
from titan.wire.events import Envelope, EventType, ManyActionsView, NothingView, RunEndedView, StreamQuery

route = Routes()

BATCH: Final = 200  # what a client that reads slowly holds
FAR_BEHIND: Final = 20_000  # numbers, some 10,000 events: reading the lists anew is quicker then
GATHER_SECONDS: Final = 0.1  # what is reported meanwhile is sent together
MANY: Final = 50  # actions of one run in one batch: of more only their number is sent
REMEMBERED: Final = 10_000  # runs of one connection, with the newest end that was sent to it
_OVER: Final = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED})


@route.socket("/api/v1/ws", Permission.SEE_ALL)
async def stream_runs(call: Call, socket: WebSocket[Any, Any, Any], query: StreamQuery) -> None:
    """Send all that happens to recorded runs, actions included."""
    await _stream(call, socket, query, with_actions=True)


@route.socket("/api/v1/ws/dashboard", Permission.SEE_ALL)
@route.socket("/ws/dashboard", Permission.SEE_ALL)
async def stream_dashboard(call: Call, socket: WebSocket[Any, Any, Any], query: StreamQuery) -> None:
    """Send what happens to recorded runs, without their actions: for pages that show all runs."""
    await _stream(call, socket, query, with_actions=False)


async def _stream(call: Call, socket: WebSocket[Any, Any, Any], query: StreamQuery, *, with_actions: bool) -> None:
    subprotocol = STREAM_PROTOCOL if STREAM_PROTOCOL in offered(call.header("sec-websocket-protocol")) else None

    async def send_all() -> None:
        async for envelope in _envelopes(call, query, with_actions=with_actions):
            await socket.send_text(msgspec.json.encode(envelope).decode())

    await send_while_here(call, socket, send_all, subprotocol)


async def _envelopes(call: Call, query: StreamQuery, *, with_actions: bool) -> AsyncIterator[Envelope]:
    """Yield events, each when the one before has been sent, until the server ends or the caller's token does."""
    app = call.app
    now = asyncio.get_running_loop().time
    with app.metrics.event_clients.track_inprogress(), app.bus.watch([CALLS]) as watch:
        newest = await asyncio.to_thread(app.calls.read, lambda reader: reader.newest_version())
        here, sent_at = newest if query.since is None else query.since, now()
        subscription = _Subscription(call.project_id, query.run_id, with_actions, app.clock, since=here)
        while not app.bus.is_closed and await call.is_caller_still_good():
            news = await asyncio.to_thread(app.calls.read, partial(subscription.after, here))
            for event in news.events:
                yield event
            here = news.seq
            if news.events:
                sent_at = now()
                await asyncio.sleep(GATHER_SECONDS)
            if news.is_last and not await watch.wait(max(0.0, sent_at + QUIET_SECONDS - now())):
                yield _plain("heartbeat", here, app.clock)
                sent_at = now()


def _plain(event_type: EventType, seq: int, clock: Clock) -> Envelope:
    return Envelope(event_type=event_type, data=NothingView(), timestamp=clock.now(), seq=seq)


@dataclass(frozen=True, slots=True)
class _News:
    """What happened behind a place, up to `seq`."""

    seq: int
    events: Sequence[Envelope] = ()
    is_last: bool = True  #: nothing more has happened by now


@dataclass(slots=True)
class _Subscription:
    """What one client has been sent, and is to be sent."""

    project_id: str
    run_id: str | None
    with_actions: bool
    clock: Clock
    since: int  #: what ended before is no news: an ended run changes too, when it is pinned or a late report comes
    #: Runs that were sent → the number of the newest end that was; 0: none was.
    sent: OrderedDict[str, int] = field(default_factory=OrderedDict)

    def after(self, seq: int, reader: CallReader) -> _News:
        """Return what happened behind `seq`, as much as goes into one batch."""
        newest = reader.newest_version()
        if not newest - FAR_BEHIND <= seq <= newest:
            self.since = newest
            return _News(newest, [_plain("resync", newest, self.clock)])
        if self.run_id is not None:  # it may have been named since it was asked for
            self.run_id = reader.aliases(self.project_id, [self.run_id]).get(self.run_id, self.run_id)
        entries = reader.reported_after(self.project_id, after=seq, limit=BATCH)
        changed = reader.runs_changed(self.project_id, after=seq, limit=BATCH)
        # A list that is full goes on elsewhere: this batch ends where the first of them does.
        last = [one.number for one in entries[BATCH - 1 :]] + [run.version for run in changed[BATCH - 1 :]]
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

    def _of_entries(self, reader: CallReader, entries: Sequence[ReportedEntry]) -> Iterator[Envelope]:
        counts = Counter(one.run_id for one in entries if one.action is not None)
        counted: set[str] = set()
        for one in entries:
            run = self._run(reader, one.run_id) if one.is_first_of_run and one.run_id not in self.sent else None
            if run is not None:
                self._remember(run.id, 0)
                yield _created(run, one.at, one.number - 1)  # so that a client that resumes here gets the action, too
            if one.action is None or not self.with_actions or self.run_id not in (None, one.run_id):
                continue
            if counts[one.run_id] <= MANY:
                yield _of_action(reader, one)
            elif one.run_id not in counted:
                counted.add(one.run_id)
                yield _of_many(one, counts[one.run_id])

    def _of_run(self, run: Run, change: ChangedRun) -> Iterator[Envelope]:
        before = self.sent.get(run.id)
        has_news = run.status in _OVER and change.status_version > max(self.since, before or 0)
        self._remember(run.id, change.status_version if has_news else before or 0)
        if before is None and not run.entry_count:  # it submitted a DAG, and has reported nothing
            yield _created(run, run.started_at, change.version - 2)
        stats = run_view(run)
        yield Envelope(event_type="stats_updated", data=stats, timestamp=run.received_at, seq=change.version - 1)
        if has_news:  # under the number of the end: whoever leaves off at a later change of the run knows of it
            yield _ended(run, change.status_version)

    def _remember(self, run_id: str, end: int) -> None:
        self.sent[run_id] = end
        if len(self.sent) > REMEMBERED:
            self.sent.popitem(last=False)


def _created(run: Run, at: datetime, seq: int) -> Envelope:
    return Envelope(event_type="run_created", data=run_view(run), timestamp=at, seq=seq)


def _ended(run: Run, seq: int) -> Envelope:
    view = run_view(run)
    return Envelope(
        event_type="run_completed" if run.status is RunStatus.COMPLETED else "run_failed",
        data=RunEndedView(
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


def _of_action(reader: CallReader, entry: ReportedEntry) -> Envelope:
    assert entry.action is not None
    if not is_intervention(entry.action):
        event_type: EventType = "action_created" if entry.is_first_of_action else "action_updated"
        return Envelope(event_type=event_type, data=action_view(entry.action), timestamp=entry.at, seq=entry.number)
    intervention = intervention_of(entry.action, content_of(reader, entry.action))
    return Envelope(
        event_type="intervention_created", data=intervention_view(intervention), timestamp=entry.at, seq=entry.number
    )


def _of_many(entry: ReportedEntry, count: int) -> Envelope:
    assert entry.action is not None
    data = ManyActionsView(run_id=entry.run_id, agent_id=entry.action.agent_id, count=count)
    return Envelope(event_type="action_created", data=data, timestamp=entry.at, seq=entry.number)
