"""Routes of agents, and what the routes of runs share: finding a run, and filters."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Final, TypeVar

from titan.insight.trends import difference, interval, mean, trends
from titan.model.errors import InvalidInput, UnknownAgent, UnknownRun
from titan.model.evaluations import RegisteredAgent
from titan.model.run_control import Origin, RunStatus
from titan.model.runs import AgentVersion, Run
from titan.model.shaped import shaped
from titan.ports.runs_store import CallReader, RunFilter
from titan.rules.access import Permission
from titan.rules.names import shown
from titan.rules.runs.windows import WINDOWS_ARE, is_window, span_of
from titan.server.http.call import Call
from titan.server.http.route import Routes
from titan.server.lookup import origin_of, parse_ids, unknown
from titan.server.views.runs import agent_view, agent_without_runs, registered_view
from titan.wire import runs as wire
from titan.wire.base import IntervalView

route = Routes()

T = TypeVar("T")

COUNTED: Final = 10_000  # beyond it, lists only say that there are more
TREND_DAYS: Final = 30
ERROR_TYPES: Final = 50
VERSIONS: Final = 20


def find_recorded_run(reader: CallReader, call: Call) -> Run:
    """Return the run that the path names.

    Raises:
        UnknownRun: there is none of this id or alias.
    """
    named, run_id = call.path("run"), call.app.recorder.known_as(call.path("run"))
    for known in dict.fromkeys(
        (named, run_id)
    ):  # a run of stages keeps an id that looks like a secret, others are redacted
        run = reader.run(call.project_id, known)
        if run is not None:
            return run
    raise unknown(UnknownRun, "run", run_id, "List them at /runs or with GET /api/v1/runs?window=all.")


def window_start(call: Call, window: str) -> datetime | None:
    """Return the begin of a window; None for all time.

    Raises:
        InvalidInput: it is none.
    """
    if not is_window(window):
        raise InvalidInput(
            "query: window", expected=WINDOWS_ARE, found=shown(window), next_step="For example window=24h."
        )
    span = span_of(window)
    return None if span is None else call.app.clock.now() - span


def run_filter(call: Call, query: wire.RegistryQuery) -> RunFilter:
    """Return the filter that a query describes.

    Raises:
        InvalidInput: a status, cost or window is invalid.
    """
    return shaped(
        RunFilter,
        query,
        statuses=_statuses(query.status),
        min_cost=checked_cost(query.min_cost, name="min_cost"),
        origin=origin_of(
            query.origin,
            is_named=isinstance(query, wire.ExportQuery) or any((query.ids, query.parent_run_id, query.session_id)),
        ),
        started_since=window_start(call, query.window),
        text=query.q or None,
        is_by_name=query.names_only,
        has_archived=query.include_archived,
        ids=None if query.ids is None else frozenset(parse_ids(query.ids)),
    )


def checked_cost(cost: Decimal | None, *, name: str) -> Decimal | None:
    """Check a cost in a query, and return it.

    Raises:
        InvalidInput: it is below 0, NaN or infinite.
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
def list_agents(call: Call, reader: CallReader, query: wire.AgentsQuery) -> wire.AgentsAnswer:
    """List the agents that runs were recorded of or that are registered, by id."""
    project_id, after = call.project_id, query.cursor or ""
    origin = origin_of(query.origin, is_named=False)
    agents = reader.agents(project_id, part=query.q or None, origin=origin, after=after, limit=query.limit + 1)
    registered = _registered(reader, project_id)
    views = [agent_view(agent, registered.pop(agent.agent_id, ())) for agent in agents]
    until = agents[-1].agent_id if len(agents) > query.limit else None
    part = (query.q or "").casefold()
    views += [
        registered_view(one)
        for name, one in registered.items()
        if name > after and part in name.casefold() and (until is None or name < until)
    ]
    views.sort(key=lambda view: view.agent_id)
    is_last = len(views) <= query.limit
    return wire.AgentsAnswer(
        data=views[: query.limit], next_cursor=None if is_last else views[query.limit - 1].agent_id
    )


@route("GET /api/v1/agents/{agent}/stats", Permission.SEE_ALL)
def show_agent(call: Call, reader: CallReader, query: wire.AgentQuery) -> wire.AgentStatsView:
    """Show an agent: its runs by day, whether its figures changed, and the types of its errors."""
    now, project_id = call.app.clock.now(), call.project_id
    origin = origin_of(query.origin, is_named=False)
    agent = _found_agent(call, reader, origin)
    agent_id = agent.agent_id
    days = reader.days_of_agent(project_id, agent_id, since=now - timedelta(days=TREND_DAYS), origin=origin)
    return wire.AgentStatsView(
        agent=agent,
        days=[
            shaped(
                wire.TrendDay,
                day,
                day=day.day.isoformat(),
                cost_usd=day.cost,
                determinism=day.scores / day.scored if day.scored else None,
            )
            for day in days
        ],
        trends=[shaped(wire.TrendView, trend, verdict=trend.verdict.value) for trend in trends(days, today=now.date())],
        errors=[
            shaped(wire.ErrorTypeView, error, example_run_id=error.run_id, example_action_id=error.action_id)
            for error in reader.errors_of_agent(project_id, agent_id, limit=ERROR_TYPES, origin=origin)
        ],
    )


@route("GET /api/v1/agents/{agent}/versions", Permission.SEE_ALL)
def show_versions(call: Call, reader: CallReader, query: wire.AgentVersionsQuery) -> wire.AgentVersionsAnswer:
    """Show an agent's versions by their code, with the determinism of their runs, and compare two of them."""
    origin = origin_of(query.origin, is_named=False)
    agent = _found_agent(call, reader, origin)
    found = reader.versions_of_agent(call.project_id, agent.agent_id, limit=VERSIONS, origin=origin)
    after = found[0] if found and query.after is None else _version(found, query.after)
    older = [one for one in found if one is not after]
    before = older[0] if older and query.before is None else _version(found, query.before)
    return wire.AgentVersionsAnswer(
        data=[_version_view(one) for one in found],
        difference=None if before is None or after is None else _difference_view(before, after),
    )


def _version(found: Sequence[AgentVersion], digest: str | None) -> AgentVersion | None:
    """Return the version whose digest begins with `digest`; None without a digest.

    Raises:
        InvalidInput: no version matches, or several do.
    """
    if digest is None:
        return None
    named = [one for one in found if one.digest.startswith(digest)]
    if len(named) != 1:
        raise InvalidInput(
            f"version {shown(digest)}",
            expected="the digest of one of the agent's last versions",
            found=f"{len(named)} that begin so",
            next_step="List them with GET /api/v1/agents/{agent}/versions.",
        )
    return named[0]


def _version_view(version: AgentVersion) -> wire.AgentVersionView:
    known = interval(version)
    return shaped(
        wire.AgentVersionView,
        version,
        mean=mean(version),
        interval=None if known is None else IntervalView(low=known[0], high=known[1]),
    )


def _difference_view(before: AgentVersion, after: AgentVersion) -> wire.VersionDifferenceView:
    found = difference(before, after)
    return shaped(
        wire.VersionDifferenceView, found, before=before.digest, after=after.digest, verdict=found.verdict.value
    )


def _registered(reader: CallReader, project_id: str) -> dict[str, Sequence[RegisteredAgent]]:
    """Return by name the agents that are registered, the newest first."""
    by_name = groupby(reader.registered_agents(project_id), key=lambda one: one.id)
    return {name: list(found) for name, found in by_name}


def _found_agent(call: Call, reader: CallReader, origin: Origin | None) -> wire.AgentView:
    """Return the agent that the path names, with totals over its runs of `origin`, which may be none.

    Raises:
        UnknownAgent: it has no runs and is not registered.
    """
    agent_id = call.app.recorder.known_as(call.path("agent"))
    agents = reader.agents(call.project_id, agent_id=agent_id, origin=origin, limit=1)
    registered = _registered(reader, call.project_id).get(agent_id, ())
    if agents:
        return agent_view(agents[0], registered)
    if registered:
        return registered_view(registered)
    if others := reader.agents(call.project_id, agent_id=agent_id, limit=1):
        return agent_without_runs(agent_id, first_seen_at=others[0].first_seen_at, last_seen_at=others[0].last_seen_at)
    raise unknown(UnknownAgent, "agent", agent_id, "List them with GET /api/v1/agents.")
