"""Recorded runs and actions as people and programs see them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal
from urllib.parse import quote

import msgspec

from titan.insight.bodies import Bodies
from titan.insight.progress import LOOKED_AT, Progress, progress
from titan.model.actions import Failure, Payload
from titan.model.interventions import Intervention
from titan.model.run_status import RunStatus
from titan.model.runs import Action, AgentRow, Note, Run, Tally
from titan.ports_calls import CallReader, RunFilter
from titan.server.run_details import told_beside
from titan.wire.actions import ActionView, BodiesView, BodyView, CutView, FailureView
from titan.wire.agents import AgentView
from titan.wire.notes import NoteView
from titan.wire.runs import ProgressView, RunDetailView, RunView, TallyView, ToldEndView
from titan.wire.sentinel import InterventionView

_MICROSECOND: Final = timedelta(microseconds=1)

SHOWN_BYTES: Final = 64 * 1024  # of a body; the whole of a longer one is a download


def run_views(reader: CallReader, runs: Sequence[Run]) -> list[RunView]:
    """Return runs; how far one of a known agent is, is told by the agent's earlier runs."""
    unsure = {(run.project_id, run.agent_id) for run in runs if run.status is RunStatus.RUNNING and run.total is None}
    earlier = {key: _earlier_calls(reader, *key) for key in unsure}
    return [run_view(run, earlier.get((run.project_id, run.agent_id), ())) for run in runs]


def _earlier_calls(reader: CallReader, project_id: str, agent_id: str) -> list[int]:
    wanted = RunFilter(statuses=frozenset({RunStatus.COMPLETED}), agent_id=agent_id, has_archived=True)
    found, _ = reader.registry(project_id, wanted, sort="started", is_ascending=False, after=None, limit=LOOKED_AT)
    return [run.tally.calls for run in found]


def run_view(run: Run, earlier_calls: Sequence[int] = ()) -> RunView:
    """Return one run."""
    far = progress(run, earlier_calls)
    return RunView(
        run_id=run.id,
        agent_id=run.agent_id,
        session_id=run.session_id,
        name=run.name,
        status=run.status,
        status_source=run.status_source,
        reason=run.reason,
        told_end=_told_end_view(run),
        started_at=run.started_at,
        ended_at=run.ended_at,
        last_event_at=run.last_event_at,
        duration_ms=None if run.ended_at is None else _milliseconds(run.started_at, run.ended_at),
        tally=tally_view(run.tally),
        progress=None if far is None else _progress_view(run, far),
        has_stages=run.has_stages,
        first_error_id=run.first_error_id,
        first_error=run.first_error,
        lost=run.lost,
        troubles=run.troubles,
        determinism=None if run.status is RunStatus.RUNNING else run.determinism,
        tags=list(run.tags),
        is_pinned=run.pinned_at is not None,
        archived_at=run.archived_at,
        has_details=bool(run.details_told),
    )


def run_detail_view(reader: CallReader, run: Run) -> RunDetailView:
    """Return one run with what was told of it beside its words, which is read from its tape."""
    [view] = run_views(reader, [run])
    known = {name: getattr(view, name) for name in RunView.__struct_fields__}
    return RunDetailView(**known, details=[msgspec.Raw(text.encode()) for text in told_beside(reader, run)])


def _told_end_view(run: Run) -> ToldEndView | None:
    """Return the end that a run was told before it went on; one that has ended says how by its status."""
    told = run.told_end if run.status is RunStatus.RUNNING else None
    return None if told is None else ToldEndView(status=told.status, reason=told.reason, at=told.at)


def _progress_view(run: Run, far: Progress) -> ProgressView:
    source: Literal["told", "estimated"] = "estimated" if far.is_estimated else "told"
    return ProgressView(share=far.share, source=source, done=run.done, total=run.total)


def tally_view(tally: Tally) -> TallyView:
    """Return counts and sums."""
    return TallyView(
        calls=tally.calls,
        running=tally.running,
        attempts=tally.attempts,
        success=tally.success,
        error=tally.error,
        blocked=tally.blocked,
        rejected=tally.rejected,
        replayed=tally.replayed,
        cost_usd=tally.cost,
        unpriced=tally.unpriced,
        estimated=tally.estimated,
        attempted_cost_usd=tally.attempted_cost,
        prevented_cost_usd=tally.prevented,
        saved_cost_usd=tally.saved,
        input_tokens=tally.input_tokens,
        output_tokens=tally.output_tokens,
        success_rate=tally.success / tally.attempts if tally.attempts else None,
    )


def action_view(action: Action) -> ActionView:
    """Return one action without its bodies."""
    return ActionView(
        id=action.id,
        number=action.number,
        run_id=action.run_id,
        agent_id=action.agent_id,
        kind=action.shown_kind,
        is_possible_duplicate=action.is_possible_duplicate,
        name=action.name,
        parent_id=action.parent_id,
        actor=action.actor,
        started_at=action.started_at,
        ended_at=action.ended_at,
        duration_ms=None if action.duration_ns is None else action.duration_ns / 1e6,
        outcome=action.outcome,
        cost_usd=action.cost,
        is_cost_estimated=action.is_cost_estimated,
        model=action.model,
        provider=action.provider,
        input_tokens=action.input_tokens,
        output_tokens=action.output_tokens,
        error_type=action.error_type,
        error_message=action.error_message,
        impact=action.impact,
        effect=action.effect,
        tags=list(action.tags),
        is_redacted=action.is_redacted,
    )


def intervention_view(told: Intervention) -> InterventionView:
    """Return what a guard did about a call."""
    return InterventionView(
        id=told.id,
        run_id=told.run_id,
        agent_id=told.agent_id,
        timestamp=told.at,
        intervention_type=told.type,
        outcome=told.outcome,
        action_name=told.action_name,
        reason=told.reason,
        estimated_cost=told.estimated_cost,
        risk_level=told.risk_level,
    )


def note_view(note: Note) -> NoteView:
    """Return what a person said."""
    return NoteView(
        id=note.id,
        action_id=note.action_id,
        author=note.author,
        at=note.at,
        name=note.name,
        score=note.score,
        text=note.text,
        acknowledges=note.acknowledges,
        mutes=note.mutes,
    )


def agent_view(agent: AgentRow) -> AgentView:
    """Return an agent."""
    return AgentView(
        agent_id=agent.agent_id,
        first_seen_at=agent.first_seen_at,
        last_seen_at=agent.last_seen_at,
        runs=agent.runs,
        running=agent.running,
        completed=agent.completed,
        failed=agent.failed,
        cost_usd=agent.cost,
        unpriced=agent.unpriced,
        estimated=agent.estimated,
        calls=agent.calls,
        attempts=agent.attempts,
        success=agent.success,
    )


def bodies_view(action: Action, bodies: Bodies, limit_bytes: int = SHOWN_BYTES) -> BodiesView:
    """Return what an action was given and gave, each cut at `limit_bytes`."""
    base = f"/api/v1/runs/{quote(action.run_id, safe='')}/actions/{quote(action.id, safe='')}"
    return BodiesView(
        id=action.id,
        inputs=_body(bodies.inputs, f"{base}/inputs", limit_bytes),
        outputs=_body(bodies.outputs, f"{base}/outputs", limit_bytes),
        failure=_failure_view(action, bodies.failure),
    )


def _failure_view(action: Action, failure: Failure | None) -> FailureView | None:
    """Return why an action failed: as it was told, or, of one whose end nobody told, as its run's end shows."""
    if failure is not None:
        return FailureView(type=failure.type, message=failure.message, traceback=failure.traceback)
    if action.error_type is None:
        return None
    return FailureView(type=action.error_type, message=action.error_message or "", traceback=None)


def _body(payload: Payload | None, url: str, limit_bytes: int) -> BodyView | None:
    if payload is None:
        return None
    if payload.blob is not None:
        stands_in = msgspec.json.decode(payload.text, type=_StandsIn).blob
        cut = CutView(size_bytes=stands_in.size_bytes, sha256=stands_in.sha256, url=url)
        return BodyView(text=stands_in.head[:limit_bytes], cut=cut)
    content = payload.whole.encode()
    if len(content) <= limit_bytes:
        return BodyView(text=content.decode())
    cut = CutView(size_bytes=len(content), sha256=None, url=url)
    return BodyView(text=content[:limit_bytes].decode("utf-8", "ignore"), cut=cut)


class _Blob(msgspec.Struct):
    sha256: str
    size_bytes: int
    head: str


class _StandsIn(msgspec.Struct):
    blob: _Blob = msgspec.field(name="$blob")


def _milliseconds(start: datetime, end: datetime) -> float:
    return (end - start) / _MICROSECOND / 1000  # a product of seconds would end in 713.4300000000001
