"""Gates, and how people decide them."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from titan.wire.base import Limit, Request


class GatesQuery(Request):
    """GET /api/gates."""

    status: Literal["open", "all"] = "open"
    run: str | None = None
    limit: Limit = 200


class DecideBody(Request):
    """POST /api/gates/{gate}/approve and /reject."""

    comment: Annotated[str, Meta(max_length=10_000)] = ""
    by: Annotated[str, Meta(max_length=200, description="Who decides, where no token says so.")] | None = None


class GateView(Struct, kw_only=True):
    """A gate."""

    gate_id: str
    name: str
    dag_id: str
    dag_name: str
    agent_run_id: str | None
    message: str
    state: Literal["waiting", "open", "approved", "rejected", "expired", "cancelled"]
    parents: tuple[str, ...]
    opened_at: datetime | None
    expires_at: datetime | None
    decided_at: datetime | None
    decided_by: str | None
    comment: str | None


class GatesAnswer(Struct, kw_only=True):
    """GET /api/gates."""

    gates: list[GateView]
