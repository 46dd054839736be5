"""The registry of recorded runs: lists, one run, agents."""

import asyncio
import dataclasses
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from litestar import Response
from msgspec import structs

from titan.ingest.sentinel_fields import REPLAY_TAG, replay_session
from titan.insight.likeness import similar_names
from titan.insight.trends import trends
from titan.model.errors import Conflict, InvalidInput, UnknownAgent, UnknownRun
from titan.model.recorded import RecordedRun
from titan.model.runs import RunStatus
from titan.ports_calls import CallReader, CallTransaction, RunFilter
from titan.rules.names import shown
from titan.rules.windows import WINDOWS_ARE, is_window, span_of
from titan.server import wire
from titan.server import wire_runs as views
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.lists import given
from titan.server.recorded_views import agent_view, run_detail_view, run_view, run_views

T = TypeVar("T")

COUNTED: Final = 10_000  # further, lists only say that there are more
TREND_DAYS: Final = 30
ERROR_TYPES: Final = 50


async def look(call: Call, query: Callable[[CallReader], T]) -> T:
    """Return what a question to the store of calls finds, without holding up the loop."""
    return await asyncio.to_thread(call.house.calls.read, query)


async def change(call: Call, decide: Callable[[CallTransaction], T]) -> T:
    """Return what a change to the store of calls comes to, when it is durable."""
    return await asyncio.wrap_future(call.house.calls.transact(decide))


def find_recorded(reader: CallReader, call: Call) -> RecordedRun:
    """Return the run that the path names.

    Raises:
        UnknownRun: nothing is known of it, under this name or another.
    """
    run_id = call.house.recorder.known_as(call.path("run"))
    run = reader.recorded_run(call.house.project_id, run_id)
    if run is not None:
        return run
    raise UnknownRun(
        f"run {shown(run_id)}",
        expected="the id of a recorded run",
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


def run_filter(call: Call, query: views.RegistryQuery) -> RunFilter:
    """Return which runs a query asks for.

    Raises:
        InvalidInput: a status is none, a cost or a window.
    """
    return RunFilter(
        statuses=_statuses(query.status),
        min_cost=asked_cost(query.min_cost, name="min_cost"),
        started_since=since(call, query.window),
        agent_id=query.agent_id,
        session_id=query.session_id,
        tag=query.tag,
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


async def list_recorded_runs(call: Call) -> Response[bytes]:
    """List recorded runs under filters, sorted."""
    query = call.query(views.RegistryQuery)
    wanted = run_filter(call, query)

    def find(reader: CallReader) -> views.RegistryAnswer:
        project_id = call.house.project_id
        runs, cursor = reader.registry(
            project_id,
            wanted,
            sort=query.sort,
            is_ascending=query.order == "asc",
            after=query.cursor,
            limit=query.limit,
        )
        total = reader.count_runs(project_id, wanted, up_to=COUNTED + 1)
        is_search_capped = reader.is_search_capped(wanted)
        return views.RegistryAnswer(
            data=run_views(reader, runs),
            next_cursor=cursor,
            total=min(total, COUNTED),
            is_total_capped=total > COUNTED or is_search_capped,
            is_search_capped=is_search_capped,
            elsewhere=None if total or wanted.ids is not None else _elsewhere(reader, project_id, wanted),
        )

    return json_answer(await look(call, find))


def _elsewhere(reader: CallReader, project_id: str, wanted: RunFilter) -> views.ElsewhereView:
    """Return where a filter that found nothing would have found something."""
    ever = dataclasses.replace(wanted, started_since=None)
    meant = wanted.agent_id or wanted.text or ""
    agents = reader.agents(project_id, limit=COUNTED) if meant else []
    return views.ElsewhereView(
        in_all_time=reader.count_runs(project_id, ever, up_to=COUNTED),
        similar_agents=similar_names(meant, [agent.agent_id for agent in agents]),
    )


async def show_recorded_run(call: Call) -> Response[bytes]:
    """Show a recorded run, with what was told of it beside its words."""
    return json_answer(await look(call, lambda reader: run_detail_view(reader, find_recorded(reader, call))))


async def list_agents(call: Call) -> Response[bytes]:
    """List the agents that runs were recorded of, by id."""
    query = call.query(views.AgentsQuery)

    def find(reader: CallReader) -> views.AgentsAnswer:
        agents = reader.agents(
            call.house.project_id, part=query.q or None, after=query.cursor or "", limit=query.limit + 1
        )
        is_last = len(agents) <= query.limit
        shown_agents = agents[: query.limit]
        return views.AgentsAnswer(
            data=[agent_view(agent) for agent in shown_agents],
            next_cursor=None if is_last else shown_agents[-1].agent_id,
        )

    return json_answer(await look(call, find))


async def show_agent(call: Call) -> Response[bytes]:
    """Show an agent: its runs by day, whether its figures changed, and the types of its errors."""
    now = call.house.clock.now()
    agent_id = call.house.recorder.known_as(call.path("agent"))

    def find(reader: CallReader) -> views.AgentStatsView:
        project_id = call.house.project_id
        agents = reader.agents(project_id, agent_id=agent_id, limit=1)
        if not agents:
            raise UnknownAgent(
                f"agent {shown(agent_id)}",
                expected="an agent that runs were recorded of",
                found="none",
                next_step="List them with GET /api/v1/agents.",
            )
        days = reader.days_of_agent(project_id, agent_id, since=now - timedelta(days=TREND_DAYS))
        return views.AgentStatsView(
            agent=agent_view(agents[0]),
            days=[
                views.TrendDay(
                    day=day.day.isoformat(),
                    runs=day.runs,
                    failed=day.failed,
                    attempts=day.attempts,
                    success=day.success,
                    cost_usd=day.cost,
                    unpriced=day.unpriced,
                    estimated=day.estimated,
                )
                for day in days
            ],
            trends=[
                views.TrendView(
                    figure=trend.figure,
                    verdict=trend.verdict.value,
                    before=trend.before,
                    now=trend.now,
                    told=trend.told,
                )
                for trend in trends(days, today=now.date())
            ],
            errors=[
                views.ErrorTypeView(
                    type=error.type,
                    count=error.count,
                    first_seen_at=error.first_seen_at,
                    last_seen_at=error.last_seen_at,
                    example_run_id=error.run_id,
                    example_action_id=error.action_id,
                )
                for error in reader.errors_of_agent(project_id, agent_id, limit=ERROR_TYPES)
            ],
        )

    return json_answer(await look(call, find))


async def restore_run(call: Call) -> Response[bytes]:
    """Bring an archived run back into the lists and the search."""

    def act(tx: CallTransaction) -> RecordedRun:
        run = find_recorded(tx, call)
        if run.archived_at is not None:
            tx.restore_run(run)
        return structs.replace(run, archived_at=None)

    return json_answer(run_view(await change(call, act)))


async def archive_run(call: Call) -> Response[bytes]:
    """Take a run that has ended out of the lists and the search, until it is restored."""

    def act(tx: CallTransaction) -> RecordedRun:
        run = _ended(find_recorded(tx, call))
        if run.archived_at is None:
            tx.archive_run(run)
        return structs.replace(run, archived_at=run.archived_at or tx.now)

    return json_answer(run_view(await change(call, act)))


def _ended(run: RecordedRun) -> RecordedRun:
    """Return a run that has ended.

    Raises:
        Conflict: it goes on.
    """
    if run.status not in (RunStatus.PENDING, RunStatus.RUNNING):
        return run
    how = (
        "cancel it with POST /api/runs/{run}/cancel (titan cancel --run RUN)"
        if run.has_stages
        else "say it with POST /api/v1/runs/{run}/end (titan runs end RUN)"
    )
    raise Conflict(
        f"run {shown(run.id)}",
        expected="a run that has ended",
        found=f"one that is {run.status.value}",
        next_step=f"Wait for its end, or {how}; what it still tells would make it anew.",
    )


def _unpinned(run: RecordedRun) -> RecordedRun:
    """Return a run that nobody wants kept.

    Raises:
        Conflict: it is pinned.
    """
    if run.pinned_at is None:
        return run
    raise Conflict(
        f"run {shown(run.id)}",
        expected="a run that is not pinned",
        found="one that is pinned, to be kept",
        next_step="Unpin it with POST /api/v1/runs/{run}/unpin (titan runs unpin RUN), then delete it.",
    )


async def forget_run(call: Call) -> Response[bytes]:
    """Delete a recorded run with every byte that was recorded of it, replays too. What jobs left is not touched."""

    def act(tx: CallTransaction) -> set[str]:
        left: set[str] = set()
        for run in [find_recorded(tx, call), *_replays(tx, call)]:
            _unpinned(_ended(run))
            left |= tx.blobs_of_run(run.project_id, run.id)
            tx.forget_run(run.project_id, run.id)
        return left

    await call.house.cleaner.discard(await change(call, act))
    return json_answer(wire.OkAnswer())


def _replays(tx: CallTransaction, call: Call) -> Iterator[RecordedRun]:
    """Yield what agentsentinel-sdk told of replays of the run that the path names: its content once more."""
    run_id = call.path("run")
    while True:
        run_id = replay_session(run_id)
        run = tx.recorded_run(call.house.project_id, call.house.recorder.known_as(run_id))
        if run is None or REPLAY_TAG not in run.tags:
            return
        yield run
