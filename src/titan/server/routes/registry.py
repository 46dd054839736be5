"""Agents; and what the routes of runs share: reading, changing, finding one, filtering."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from titan.insight.trends import trends
from titan.model.errors import InvalidInput, UnknownAgent, UnknownRun
from titan.model.run_status import RunStatus
from titan.model.runs import Run
from titan.model.shaped import shaped
from titan.ports_calls import CallReader, RunFilter
from titan.rules.access import Permission
from titan.rules.names import shown
from titan.rules.windows import WINDOWS_ARE, is_window, span_of
from titan.server.call import Call
from titan.server.lists import given
from titan.server.recorded_views import agent_view
from titan.server.route import Routes
from titan.wire.agents import AgentsAnswer, AgentsQuery, AgentStatsView, ErrorTypeView, TrendDay, TrendView
from titan.wire.runs import RegistryQuery

route = Routes()

T = TypeVar("T")

COUNTED: Final = 10_000  # further, lists only say that there are more
TREND_DAYS: Final = 30
ERROR_TYPES: Final = 50


def find_recorded(reader: CallReader, call: Call) -> Run:
    """Return the run that the path names.

    Raises:
        UnknownRun: nothing is known of it, under this name or another.
    """
    named, run_id = call.path("run"), call.house.recorder.known_as(call.path("run"))
    for known in dict.fromkeys((named, run_id)):  # a run of stages keeps an id that looks like a secret
        run = reader.run(call.project_id, known)
        if run is not None:
            return run
    raise UnknownRun(
        f"run {shown(run_id)}",
        expected="the id of a run",
        found="none such",
        next_step="List them at /runs or with GET /api/v1/runs?window=all.",
    )


def since(call: Call, window: str) -> datetime | None:
    """Return when a window begins; None for all time.

    Raises:
        InvalidInput: it is none.
    """
    if not is_window(window):
        raise InvalidInput(
            "query: window", expected=WINDOWS_ARE, found=shown(window), next_step="For example window=24h."
        )
    span = span_of(window)
    return None if span is None else call.house.clock.now() - span


def run_filter(call: Call, query: RegistryQuery) -> RunFilter:
    """Return which runs a query asks for.

    Raises:
        InvalidInput: a status is none, a cost or a window.
    """
    return shaped(
        RunFilter,
        query,
        statuses=_statuses(query.status),
        min_cost=asked_cost(query.min_cost, name="min_cost"),
        started_since=since(call, query.window),
        text=query.q or None,
        is_by_name=query.names_only,
        has_archived=query.include_archived,
        ids=None if query.ids is None else frozenset(given(query.ids)),
    )


def asked_cost(cost: Decimal | None, *, name: str) -> Decimal | None:
    """Return a cost that a query asks for; one that no call has finds none, or all.

    Raises:
        InvalidInput: it is below 0, or no number, as NaN and Infinity are none.
    """
    if cost is None or (cost.is_finite() and cost >= 0):
        return cost
    raise InvalidInput(
        f"query: {name}",
        expected="US dollars from 0, as 0.05",
        found=str(cost)[:40],
        next_step="Correct it, or leave it out.",
    )


def _statuses(text: str | None) -> frozenset[RunStatus]:
    if not text:
        return frozenset()
    try:
        return frozenset(map(RunStatus, text.split(",")))
    except ValueError as error:
        raise InvalidInput(
            "query of GET /api/v1/runs: status",
            expected=", ".join(RunStatus),
            found=text[:100],
            next_step="Give one of these, or several with commas between.",
        ) from error


@route("GET /api/v1/agents", Permission.SEE_ALL)
def list_agents(call: Call, reader: CallReader, query: AgentsQuery) -> AgentsAnswer:
    """List the agents that runs were recorded of, by id."""
    agents = reader.agents(call.project_id, part=query.q or None, after=query.cursor or "", limit=query.limit + 1)
    is_last = len(agents) <= query.limit
    shown_agents = agents[: query.limit]
    return AgentsAnswer(
        data=[agent_view(agent) for agent in shown_agents],
        next_cursor=None if is_last else shown_agents[-1].agent_id,
    )


@route("GET /api/v1/agents/{agent}/stats", Permission.SEE_ALL)
def show_agent(call: Call, reader: CallReader) -> AgentStatsView:
    """Show an agent: its runs by day, whether its figures changed, and the types of its errors."""
    now = call.house.clock.now()
    agent_id = call.house.recorder.known_as(call.path("agent"))
    project_id = call.project_id
    agents = reader.agents(project_id, agent_id=agent_id, limit=1)
    if not agents:
        raise UnknownAgent(
            f"agent {shown(agent_id)}",
            expected="an agent that runs were recorded of",
            found="none",
            next_step="List them with GET /api/v1/agents.",
        )
    days = reader.days_of_agent(project_id, agent_id, since=now - timedelta(days=TREND_DAYS))
    return AgentStatsView(
        agent=agent_view(agents[0]),
        days=[
            shaped(
                TrendDay,
                day,
                day=day.day.isoformat(),
                cost_usd=day.cost,
                determinism=day.scores / day.scored if day.scored else None,
            )
            for day in days
        ],
        trends=[shaped(TrendView, trend, verdict=trend.verdict.value) for trend in trends(days, today=now.date())],
        errors=[
            shaped(ErrorTypeView, error, example_run_id=error.run_id, example_action_id=error.action_id)
            for error in reader.errors_of_agent(project_id, agent_id, limit=ERROR_TYPES)
        ],
    )
