"""Shapes of live events: the journal, and recorded runs as agentsentinel's dashboards read them."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from titan.model.events import KINDS
from titan.model.run_control import RunStatus
from titan.wire.actions import ActionView
from titan.wire.base import MAX_NUMBER, Request
from titan.wire.runs import RunView
from titan.wire.sentinel import InterventionView

# --- the stream of recorded runs, as agentsentinel's dashboards read it ---


EventType = Literal[
    "run_created",
    "run_completed",
    "run_failed",
    "stats_updated",
    "action_created",
    "action_updated",
    "intervention_created",
    "resync",
    "heartbeat",
]


class StreamQuery(Request):
    """WS /api/v1/ws and its likes."""

    since: Annotated[
        Annotated[int, Meta(ge=0, le=MAX_NUMBER)] | None,
        Meta(description="Continue after the event of this `seq`; without it, the stream begins now."),
    ] = None
    run_id: Annotated[str | None, Meta(description="Only what is about this run.")] = None
    token: Annotated[str | None, Meta(description="For pages, which cannot send headers with a handshake.")] = None


class RunEndedView(Struct, kw_only=True):
    """How a run ended: `run_completed` and `run_failed`."""

    run_id: str
    agent_id: str
    status: RunStatus
    ended_at: datetime | None
    duration_ms: float | None
    cost_usd: Decimal
    success_rate: float | None
    first_error: str | None


class ManyActionsView(Struct, kw_only=True):
    """So many actions of a run changed at once: read them again."""

    run_id: str
    agent_id: str
    count: int


class NothingView(Struct, kw_only=True):
    """An event without data."""


EventData = RunView | RunEndedView | ActionView | ManyActionsView | InterventionView | NothingView


class Envelope(Struct, kw_only=True):
    """One event."""

    event_type: EventType
    data: EventData
    timestamp: datetime
    seq: Annotated[int, Meta(description="Ascending. Send it as `since` to continue after this event.")]


EventKind = Annotated[str, Meta(extra_json_schema={"enum": sorted(KINDS)})]


class EventsQuery(Request):
    """GET /api/events."""

    after: str | None = None
    run: str | None = None
    dag: str | None = None
    calls: Annotated[bool, Meta(description="Send also which runs changed.")] = False


class SocketEventsQuery(EventsQuery):
    """WS /api/events/ws."""


class ResyncFrame(Struct, kw_only=True):
    """A frame of /api/events/ws: read everything again, then continue from this cursor."""

    resync: str


class QuietFrame(Struct, kw_only=True):
    """A frame of /api/events/ws: nothing happened for 10 s; the connection is alive."""

    cursor: str


class RunsChangedFrame(Struct, kw_only=True):
    """These runs changed: read again what shows them."""

    runs: list[str]
    agents: list[str]
    cursor: str


class EventView(Struct, kw_only=True):
    """One live event."""

    cursor: str
    at: datetime
    kind: EventKind
    cause: str
    agent_run_id: str | None
    dag_id: str | None
    job_id: str | None
    data: dict[str, msgspec.Raw]
