"""How reproducible a run is predicted to be, and what of it people accept."""

import asyncio
from collections.abc import Mapping

from litestar import Response

from titan.engine.determinism import Prediction
from titan.insight.determinism.model import Issue, band_of
from titan.model.errors import UnknownIssue
from titan.model.runs import AcceptedIssue, Run
from titan.ports_calls import CallTransaction
from titan.rules.names import shown
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.routes.registry import change, find_recorded, look
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


async def show_determinism(call: Call) -> Response[bytes]:
    """Show what makes a run's executions differ, and the score that follows from it."""
    run = await look(call, lambda reader: find_recorded(reader, call))
    prediction = await asyncio.to_thread(call.house.determinism.predict, run)
    return json_answer(_answer(run, prediction))


async def accept_issue(call: Call) -> Response[bytes]:
    """Accept an issue in all runs of the run's agent: it lowers no score any more."""
    raw = await call.raw_body()
    body, key = call.decode(raw, AcceptIssueBody), call.path("issue")
    run = await look(call, lambda reader: find_recorded(reader, call))
    prediction = await asyncio.to_thread(call.house.determinism.predict, run)
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

    return json_answer(_accepted_view(await change(call, act)))


async def withdraw_acceptance(call: Call) -> Response[bytes]:
    """Let an accepted issue count again in all runs of the run's agent."""
    key = call.path("issue")

    def act(tx: CallTransaction) -> None:
        run = find_recorded(tx, call)
        accepted = next((one for one in tx.accepted_issues(run.project_id, run.agent_id) if one.key == key), None)
        if accepted is None:
            raise _unknown(run, key)
        tx.withdraw_acceptance(accepted)

    await change(call, act)
    return json_answer(OkAnswer())


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
        predicted=PredictedView(
            score=score, band=band, attempts=analysis.attempts, unread=analysis.unread, files=list(analysis.files)
        ),
        measured=None,
        unavailable=None if score is not None else "outputs_missing" if analysis.attempts else "no_calls",
        issues=[_issue_view(issue, accepted) for issue in analysis.issues],
        accepted=[_accepted_view(one) for one in prediction.accepted],
    )


def _issue_view(issue: Issue, accepted: Mapping[str, AcceptedIssue]) -> IssueView:
    place, acceptance = issue.place, accepted.get(issue.key)
    return IssueView(
        key=issue.key,
        type=issue.kind.value,
        title=issue.title,
        severity=issue.severity.value,
        action_id=issue.action_ids[0],
        action_name=issue.action_name,
        action_count=len(issue.action_ids),
        side=issue.side.value,
        path=issue.path,
        value=issue.value,
        description=issue.description,
        code=None if place is None else CodePlaceView(file=place.file, line=place.line, function=place.function),
        flows=[FlowView(action_id=flow.action_id, action_name=flow.name, path=flow.path) for flow in issue.flows],
        recommendation=RecommendationView(
            text=issue.advice.recommendation,
            before=issue.advice.before,
            after=issue.advice.after,
            docs=f"/help/determinism#{issue.kind.value}",
        ),
        accepted=None if acceptance is None else _accepted_view(acceptance),
    )


def _accepted_view(accepted: AcceptedIssue) -> AcceptedIssueView:
    return AcceptedIssueView(key=accepted.key, author=accepted.author, reason=accepted.reason, at=accepted.at)
