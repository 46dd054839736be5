"""The stream of recorded runs as agentsentinel's dashboards read it (spec/runs.md 3.6): an envelope for every event."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

from titan.model.run_status import RunStatus
from titan.wire.actions import ActionView
from titan.wire.base import MAX_NUMBER, Request
from titan.wire.runs import RunView
from titan.wire.sentinel import InterventionView

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
        Meta(description="Go on behind the event of this `seq`; without it, now."),
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
    """That so many actions of a run were heard of at once: what a page then reads anew."""

    run_id: str
    agent_id: str
    count: int


class NothingView(Struct, kw_only=True):
    """An event that says all by its type and its `seq`."""


EventData = RunView | RunEndedView | ActionView | ManyActionsView | InterventionView | NothingView


class Envelope(Struct, kw_only=True):
    """One event."""

    event_type: EventType
    data: EventData
    timestamp: datetime
    seq: Annotated[int, Meta(description="Ascending. With it as `since`, the stream goes on behind this event.")]
