"""How reproducible a run is, what of it people accept, and the report of it."""

import asyncio
import re
from collections.abc import Mapping
from typing import Final

import msgspec
from litestar import Response

from titan import __version__
from titan.insight.determinism.model import Issue, Measurement, band_of, interval
from titan.model.errors import UnknownIssue
from titan.model.runs import AcceptedIssue, Run
from titan.model.shaped import shaped
from titan.ports.runs_store import CallReader, CallTransaction
from titan.recorder.determinism import Judged
from titan.rules.access import Permission
from titan.rules.names import shown
from titan.server.http.call import Call
from titan.server.http.responses import JSON
from titan.server.http.route import Routes
from titan.server.reproducibility import METHOD, html_report
from titan.server.routes.code import code_of
from titan.server.routes.registry import find_recorded
from titan.server.routes.replays import list_replays
from titan.server.routes.telemetry import verified
from titan.server.views.runs import run_view
from titan.wire.base import IntervalView, OkAnswer
from titan.wire.determinism import (
    AcceptedIssueView,
    AcceptIssueBody,
    Band,
    CodePlaceView,
    DeterminismAnswer,
    FlowView,
    IssueView,
    MeasuredView,
    PredictedView,
    RecommendationView,
    ReportAnswer,
    ReportedProgram,
    ReportedReplay,
    ReportQuery,
)
from titan.wire.replays import ReplayResult, ReplaysQuery

route = Routes()

MOST_REPLAYS: Final = 50  # in a report
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._-]")
_MEDIA: Final = {"html": "text/html", "json": JSON}


@route("GET /api/v1/runs/{run}/determinism", Permission.SEE_ALL)
async def show_determinism(call: Call) -> DeterminismAnswer:
    """Show what makes a run's executions differ, and the score that follows from it."""
    return _answer(*await _judged(call))


@route("PUT /api/v1/runs/{run}/determinism/accepted/{issue}", Permission.CURATE)
async def accept_issue(call: Call, body: AcceptIssueBody) -> AcceptedIssueView:
    """Accept an issue in all runs of the run's agent: it lowers no score any more."""
    key = call.path("issue")
    run, judged = await _judged(call)
    if key not in {issue.key for issue in judged.analysis.issues}:
        raise _unknown(run, key)
    clean = call.app.recorder.without_secrets

    def act(tx: CallTransaction) -> AcceptedIssue:
        accepted = AcceptedIssue(
            project_id=run.project_id,
            agent_id=run.agent_id,
            key=key,
            author=clean(body.author) if body.author else call.caller.name,
            reason=clean(body.reason),
            at=tx.now,
        )
        tx.accept_issue(accepted)
        return accepted

    return shaped(AcceptedIssueView, await call.change_runs(act))


@route("DELETE /api/v1/runs/{run}/determinism/accepted/{issue}", Permission.CURATE)
def withdraw_acceptance(call: Call, tx: CallTransaction) -> OkAnswer:
    """Let an accepted issue count again in all runs of the run's agent."""
    key, run = call.path("issue"), find_recorded(tx, call)
    accepted = next((one for one in tx.accepted_issues(run.project_id, run.agent_id) if one.key == key), None)
    if accepted is None:
        raise _unknown(run, key)
    tx.withdraw_acceptance(accepted)
    return OkAnswer()


@route("GET /api/v1/runs/{run}/determinism/report", Permission.SEE_ALL, answer=ReportAnswer)
async def report_determinism(call: Call, query: ReportQuery) -> Response[bytes]:
    """Write a self-contained report of how far a run can be repeated: HTML or JSON."""
    run, judged = await _judged(call)
    code = await code_of(call)
    integrity = await verified(call)
    replays = await call.read_runs(lambda reader: _replays(call, reader, run))
    report = ReportAnswer(
        generated_at=call.app.clock.now(),
        titan_version=__version__,
        method=METHOD,
        run=run_view(run),
        integrity=integrity,
        determinism=_answer(run, judged),
        replays=replays,
        code_digest=judged.code_digest,
        programs=[
            shaped(ReportedProgram, view, files={file.path: file.sha256 for file in view.files}) for view in code.data
        ],
    )
    content = await asyncio.to_thread(html_report, report) if query.format == "html" else msgspec.json.encode(report)
    name = f"reproducibility-{_NOT_IN_NAMES.sub('_', run.id)[:100]}.{query.format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=_MEDIA[query.format], headers=headers)


def _replays(call: Call, reader: CallReader, run: Run) -> list[ReportedReplay]:
    found: list[ReportedReplay] = []
    for view in list_replays(call, reader, ReplaysQuery(limit=MOST_REPLAYS)).data:
        stored = reader.replay(run.project_id, view.id)
        text = None if stored is None else stored.result
        result = None if text is None else msgspec.json.decode(text, type=ReplayResult)
        if result is not None and result.comparison is not None:
            result.comparison.rows, result.comparison.has_more_rows = (), True  # divergences are what counts here
        found.append(ReportedReplay(replay=view, result=result))
    return found


async def _judged(call: Call) -> tuple[Run, Judged]:
    run = await call.read_runs(lambda reader: find_recorded(reader, call))
    return run, await asyncio.to_thread(call.app.determinism.judge, run)


def _unknown(run: Run, key: str) -> UnknownIssue:
    return UnknownIssue(
        f"issue {shown(key)}",
        expected=f"the key of an issue of run {shown(run.id)}",
        found="none such",
        next_step="List them with GET /api/v1/runs/{run}/determinism.",
    )


def _answer(run: Run, judged: Judged) -> DeterminismAnswer:
    analysis, predicted = judged.analysis, judged.predicted
    accepted = {one.key: one for one in judged.accepted}
    return DeterminismAnswer(
        run_id=run.id,
        score=judged.score,
        band=_band(judged.score),
        source=judged.source,
        predicted=shaped(PredictedView, analysis, score=predicted, band=_band(predicted), files=list(analysis.files)),
        measured=None if judged.measured is None else _measured_view(judged.measured),
        unavailable=None if judged.score is not None else "outputs_missing" if analysis.attempts else "no_calls",
        issues=[_issue_view(issue, accepted) for issue in analysis.issues],
        accepted=[shaped(AcceptedIssueView, one) for one in judged.accepted],
    )


def _band(score: int | None) -> Band | None:
    return None if score is None else band_of(score).value


def _measured_view(measured: Measurement) -> MeasuredView:
    low, high = interval(measured.score, measured.executions)
    return shaped(
        MeasuredView,
        measured,
        band=band_of(measured.score).value,
        interval=IntervalView(low=low, high=high),
        changes=list(measured.changes),
        counts=measured.is_of_recorded_program,
    )


def _issue_view(issue: Issue, accepted: Mapping[str, AcceptedIssue]) -> IssueView:
    place, acceptance = issue.place, accepted.get(issue.key)
    return shaped(
        IssueView,
        issue,
        type=issue.kind.value,
        severity=issue.severity.value,
        side=issue.side.value,
        action_id=issue.action_ids[0],
        action_count=len(issue.action_ids),
        code=None if place is None else shaped(CodePlaceView, place),
        flows=[shaped(FlowView, flow, action_name=flow.name) for flow in issue.flows],
        recommendation=shaped(
            RecommendationView,
            issue.advice,
            text=issue.advice.recommendation,
            docs=f"/help/determinism#{issue.kind.value}",
        ),
        accepted=None if acceptance is None else shaped(AcceptedIssueView, acceptance),
    )
