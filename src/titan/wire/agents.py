"""Agents, discovered from their runs, and their trends."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

from titan.wire.base import Estimated, IntervalView, PageLimit, Request, Unpriced


class RegistrationView(Struct, kw_only=True):
    """How an agent that can be tried is registered."""

    version: int
    kind: Literal["http", "python"]
    registered_at: datetime


class AgentView(Struct, kw_only=True):
    """An agent, discovered from its runs or registered; one that has not run was seen when it was registered."""

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
    registered: Annotated[RegistrationView | None, Meta(description="Its newest version; null where it is not.")] = None


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
    determinism: Annotated[float | None, Meta(description="The mean of the runs' scores; null where no run has one.")]


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


class AgentVersionsQuery(Request):
    """GET /api/v1/agents/{agent}/versions."""

    before: Annotated[str | None, Meta(description="The digest of a version, or its beginning.")] = None
    after: Annotated[str | None, Meta(description="Of the version to compare with it.")] = None


class AgentVersionView(Struct, kw_only=True):
    """An agent's runs of one code."""

    digest: Annotated[str, Meta(description="SHA-256 over the modules of its programs and jobs.")]
    first_at: datetime
    last_at: datetime
    runs: int
    scored: Annotated[int, Meta(description="Runs with a determinism score.")]
    mean: Annotated[float | None, Meta(description="Of their scores; null where there is none.")]
    interval: Annotated[IntervalView | None, Meta(description="Of the mean; null of fewer than 3 runs.")]


class VersionDifferenceView(Struct, kw_only=True):
    """How the mean scores of two versions differ."""

    before: str
    after: str
    verdict: Annotated[
        Literal["up", "down", "same", "too_few"],
        Meta(description="same: by less than 5, or no more than chance explains; too_few: fewer than 3 runs."),
    ]
    change: float | None
    text: Annotated[str, Meta(description="For people.")]


class AgentVersionsAnswer(Struct, kw_only=True):
    """GET /api/v1/agents/{agent}/versions."""

    data: Annotated[list[AgentVersionView], Meta(description="The 20 that ran last, the latest first.")]
    difference: Annotated[
        VersionDifferenceView | None,
        Meta(description="Of the versions asked for, else of the last two; null where there are no two."),
    ]
