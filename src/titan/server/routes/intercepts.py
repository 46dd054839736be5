"""The critical intercepts: recorded runs that need attention, and why."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from litestar import Response

from titan.model.runs import Run, Stops
from titan.ports_calls import CallReader, RunFilter
from titan.rules.intercepts import OWN_SPAN, Thresholds, acknowledgement, depends_on_agent, reasons
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.recorded_views import note_view, run_view
from titan.server.routes.registry import look, since
from titan.wire.notes import InterceptReason, InterceptsAnswer, InterceptsQuery, InterceptView, ThresholdsView

LOOKED_AT: Final = 5_000  # runs with errors, about: most of them may have recovered
LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


async def list_intercepts(call: Call) -> Response[bytes]:
    """List the runs that need attention, the latest first, with the reasons."""
    query = call.query(InterceptsQuery)
    thresholds = call.house.thresholds
    begin = since(call, query.window) or LONG_AGO

    def find(reader: CallReader) -> InterceptsAnswer:
        looked_at, at_once, is_all = 0, 5 * query.limit, False
        found: list[InterceptView] = []
        while len(found) <= query.limit and looked_at < LOOKED_AT and not is_all:
            rows = reader.runs_in_need(
                call.project_id,
                since=begin,
                agent_id=query.agent_id,
                has_acknowledged=query.include_acknowledged,
                skip=looked_at,
                limit=at_once,
            )
            looked_at, at_once, is_all = looked_at + len(rows), 2 * at_once, len(rows) < at_once
            rows = _with_words(reader, call.project_id, rows, query.q) if query.q else rows
            found += _intercepts(reader, rows, thresholds, has_acknowledged=query.include_acknowledged)
        return InterceptsAnswer(
            data=found[: query.limit],
            more=len(found) > query.limit or not is_all,
            thresholds=ThresholdsView(
                least=thresholds.least, rate=float(thresholds.rate), times=float(thresholds.times)
            ),
        )

    return json_answer(await look(call, find))


def _intercepts(
    reader: CallReader, rows: Sequence[tuple[Run, bool]], thresholds: Thresholds, *, has_acknowledged: bool
) -> Iterator[InterceptView]:
    """Yield those runs that need attention, for all that went wrong in them."""
    for run, is_unrecovered in rows:
        of_agent = _stops_of_agent(reader, run) if depends_on_agent(run, thresholds) else None
        if why := reasons(run, has_unrecovered_error=is_unrecovered, thresholds=thresholds, of_agent=of_agent):
            told = [InterceptReason(kind=reason.kind.value, told=reason.told) for reason in why]
            said = acknowledgement(run, reader.notes_of_run(run.project_id, run.id)) if has_acknowledged else None
            yield InterceptView(run=run_view(run), reasons=told, acknowledged=None if said is None else note_view(said))


def _stops_of_agent(reader: CallReader, run: Run) -> Stops:
    """Return how often the agent was stopped in the hours before that of a run: what starts later changes nothing."""
    begin = run.started_at - OWN_SPAN
    return reader.stops_of_agent(run.project_id, run.agent_id, since=begin, until=run.started_at)


def _with_words(reader: CallReader, project_id: str, rows: list[tuple[Run, bool]], text: str) -> list[tuple[Run, bool]]:
    """Return those of the runs in need that a search of the registry finds."""
    wanted = RunFilter(text=text, ids=frozenset(run.id for run, _ in rows))
    found, _ = reader.registry(project_id, wanted, sort="started", is_ascending=False, after=None, limit=len(rows) or 1)
    ids = {run.id for run in found}
    return [(run, is_unrecovered) for run, is_unrecovered in rows if run.id in ids]
