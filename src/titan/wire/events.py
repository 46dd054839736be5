"""Live events."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from titan.model.events import KINDS
from titan.wire.base import Request

EventKind = Annotated[str, Meta(extra_json_schema={"enum": sorted(KINDS)})]


class EventsQuery(Request):
    """GET /api/events."""

    after: str | None = None
    run: str | None = None
    dag: str | None = None
    calls: Annotated[bool, Meta(description="Tell also of which recorded runs something was heard.")] = False


class SocketEventsQuery(EventsQuery):
    """WS /api/events/ws."""


class ResyncFrame(Struct, kw_only=True):
    """A frame of /api/events/ws: read everything anew, then go on from this cursor."""

    resync: str


class QuietFrame(Struct, kw_only=True):
    """A frame of /api/events/ws: nothing was told for 10 s, and the connection is alive."""

    cursor: str


class RunsHeardFrame(Struct, kw_only=True):
    """Something was heard of these recorded runs, or they changed otherwise: read again what shows them."""

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
