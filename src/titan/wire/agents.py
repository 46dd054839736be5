"""Agents, discovered from their runs, and their trends."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

from titan.wire.base import Estimated, PageLimit, Request, Unpriced


class AgentView(Struct, kw_only=True):
    """An agent, discovered from its runs."""

    agent_id: str
    first_seen_at: datetime
    last_seen_at: datetime
    runs: int
    running: int
    completed: int
    failed: int
    cost_usd: Decimal
    unpriced: Unpriced
    estimated: Estimated
    calls: int
    attempts: int
    success: int


class AgentsQuery(Request):
    """GET /api/v1/agents."""

    q: Annotated[str | None, Meta(description="Part of an id.")] = None
    cursor: str | None = None
    limit: PageLimit = 50


class AgentsAnswer(Struct, kw_only=True):
    """GET /api/v1/agents."""

    data: list[AgentView]
    next_cursor: str | None


class ErrorTypeView(Struct, kw_only=True):
    """A kind of error that an agent's calls have had."""

    type: str
    count: int
    first_seen_at: datetime
    last_seen_at: datetime
    example_run_id: str
    example_action_id: str


class TrendDay(Struct, kw_only=True):
    """An agent's runs that started on one day, in UTC."""

    day: str
    runs: int
    failed: int
    attempts: int
    success: int
    cost_usd: Decimal
    unpriced: Unpriced
    estimated: Estimated
    determinism: Annotated[
        float | None, Meta(description="The mean of the predicted scores; null where no run has one.")
    ]


class TrendView(Struct, kw_only=True):
    """Whether a figure of the last seven days differs from that of the seven before."""

    figure: Literal["success_rate", "cost_per_run", "determinism"]
    verdict: Annotated[
        Literal["up", "down", "same", "too_few", "unpriced"],
        Meta(description="too_few: too few runs to tell a change from chance; unpriced: some costs are not known."),
    ]
    before: float | None
    now: float | None
    text: Annotated[str, Meta(description="For people.")]


class AgentStatsView(Struct, kw_only=True):
    """GET /api/v1/agents/{agent}/stats."""

    agent: AgentView
    days: list[TrendDay]
    trends: list[TrendView]
    errors: list[ErrorTypeView]
