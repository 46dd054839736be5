"""How reproducible a run is predicted to be, and what of it people accept."""

import asyncio
from collections.abc import Mapping

from titan.engine.determinism import Prediction
from titan.insight.determinism.model import Issue, band_of
from titan.model.errors import UnknownIssue
from titan.model.runs import AcceptedIssue, Run
from titan.model.shaped import shaped
from titan.ports_calls import CallTransaction
from titan.rules.access import Permission
from titan.rules.names import shown
from titan.server.call import Call
from titan.server.route import Routes
from titan.server.routes.registry import find_recorded
from titan.wire.base import OkAnswer
from titan.wire.determinism import (
    AcceptedIssueView,
    AcceptIssueBody,
    Band,
    CodePlaceView,
    DeterminismAnswer,
    FlowView,
    IssueView,
    PredictedView,
    RecommendationView,
)

route = Routes()


@route("GET /api/v1/runs/{run}/determinism", Permission.SEE_ALL)
async def show_determinism(call: Call) -> DeterminismAnswer:
    """Show what makes a run's executions differ, and the score that follows from it."""
    return _answer(*await _predicted(call))


@route("PUT /api/v1/runs/{run}/determinism/accepted/{issue}", Permission.ADMINISTER)
async def accept_issue(call: Call, body: AcceptIssueBody) -> AcceptedIssueView:
    """Accept an issue in all runs of the run's agent: it lowers no score any more."""
    key = call.path("issue")
    run, prediction = await _predicted(call)
    if key not in {issue.key for issue in prediction.analysis.issues}:
        raise _unknown(run, key)
    clean = call.house.recorder.without_secrets

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


@route("DELETE /api/v1/runs/{run}/determinism/accepted/{issue}", Permission.ADMINISTER)
def withdraw_acceptance(call: Call, tx: CallTransaction) -> OkAnswer:
    """Let an accepted issue count again in all runs of the run's agent."""
    key, run = call.path("issue"), find_recorded(tx, call)
    accepted = next((one for one in tx.accepted_issues(run.project_id, run.agent_id) if one.key == key), None)
    if accepted is None:
        raise _unknown(run, key)
    tx.withdraw_acceptance(accepted)
    return OkAnswer()


async def _predicted(call: Call) -> tuple[Run, Prediction]:
    run = await call.read_runs(lambda reader: find_recorded(reader, call))
    return run, await asyncio.to_thread(call.house.determinism.predict, run)


def _unknown(run: Run, key: str) -> UnknownIssue:
    return UnknownIssue(
        f"issue {shown(key)}",
        expected=f"the key of an issue of run {shown(run.id)}",
        found="none such",
        next_step="List them with GET /api/v1/runs/{run}/determinism.",
    )


def _answer(run: Run, prediction: Prediction) -> DeterminismAnswer:
    score, analysis = prediction.score, prediction.analysis
    band: Band | None = None if score is None else band_of(score).value
    accepted = {one.key: one for one in prediction.accepted}
    return DeterminismAnswer(
        run_id=run.id,
        score=score,
        band=band,
        source="predicted",
        predicted=shaped(PredictedView, analysis, score=score, band=band, files=list(analysis.files)),
        measured=None,
        unavailable=None if score is not None else "outputs_missing" if analysis.attempts else "no_calls",
        issues=[_issue_view(issue, accepted) for issue in analysis.issues],
        accepted=[shaped(AcceptedIssueView, one) for one in prediction.accepted],
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
