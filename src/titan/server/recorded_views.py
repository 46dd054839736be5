"""Recorded runs and actions as people and programs see them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal
from urllib.parse import quote

import msgspec

from titan.insight.bodies import Bodies
from titan.insight.progress import LOOKED_AT, Progress, progress
from titan.insight.run_details import details_of
from titan.model.actions import Entry, Failure, Payload
from titan.model.interventions import Intervention
from titan.model.run_status import RunStatus
from titan.model.runs import Action, AgentRow, Note, Run, Tally
from titan.model.shaped import shaped
from titan.ports_calls import CallReader, RunFilter
from titan.wire.actions import ActionView, BodiesView, BodyView, CutView, FailureView
from titan.wire.agents import AgentView
from titan.wire.notes import NoteView
from titan.wire.runs import ProgressView, ReportedEndView, RunDetailView, RunView, TallyView
from titan.wire.sentinel import InterventionView

_MICROSECOND: Final = timedelta(microseconds=1)
SHOWN_BYTES: Final = 64 * 1024  # of a body; the whole of a longer one is a download
ENTRIES_AT_ONCE: Final = 100  # most tell all of it with their first entry


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
    return shaped(
        RunView,
        run,
        run_id=run.id,
        reported_end=_reported_end_view(run),
        duration_ms=None if run.ended_at is None else _milliseconds(run.started_at, run.ended_at),
        tally=tally_view(run.tally),
        progress=None if far is None else _progress_view(run, far),
        determinism=None if run.status is RunStatus.RUNNING else run.determinism,
        tags=list(run.tags),
        is_pinned=run.pinned_at is not None,
        has_details=bool(run.details_told),
    )


def run_detail_view(reader: CallReader, run: Run) -> RunDetailView:
    """Return one run with what was told of it beside its words, which is read from its tape."""
    [view] = run_views(reader, [run])
    return shaped(RunDetailView, view, details=[msgspec.Raw(text.encode()) for text in told_beside(reader, run)])


def _reported_end_view(run: Run) -> ReportedEndView | None:
    """Return the end that a run was told before it went on; one that has ended says how by its status."""
    told = run.told_end if run.status is RunStatus.RUNNING else None
    return None if told is None else shaped(ReportedEndView, told)


def _progress_view(run: Run, far: Progress) -> ProgressView:
    source: Literal["reported", "estimated"] = "estimated" if far.is_estimated else "reported"
    return ProgressView(share=far.share, source=source, done=run.done, total=run.total)


def tally_view(tally: Tally) -> TallyView:
    """Return counts and sums."""
    return shaped(
        TallyView,
        tally,
        cost_usd=tally.cost,
        attempted_cost_usd=tally.attempted_cost,
        prevented_cost_usd=tally.prevented,
        saved_cost_usd=tally.saved,
        success_rate=tally.success / tally.attempts if tally.attempts else None,
    )


def action_view(action: Action) -> ActionView:
    """Return one action without its bodies."""
    return shaped(
        ActionView,
        action,
        kind=action.shown_kind,
        duration_ms=None if action.duration_ns is None else action.duration_ns / 1e6,
        cost_usd=action.cost,
        tags=list(action.tags),
    )


def intervention_view(told: Intervention) -> InterventionView:
    """Return what a guard did about a call."""
    return shaped(InterventionView, told, timestamp=told.at, intervention_type=told.type)


def note_view(note: Note) -> NoteView:
    """Return what a person said."""
    return shaped(NoteView, note)


def agent_view(agent: AgentRow) -> AgentView:
    """Return an agent."""
    return shaped(AgentView, agent, cost_usd=agent.cost)


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
        return shaped(FailureView, failure)
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


def told_beside(reader: CallReader, run: Run) -> tuple[str, ...]:
    """Return what was told of a run beside its words, as JSON objects; it reads the tape of a run that has such."""
    entries: list[Entry] = []
    found: tuple[str, ...] = ()
    after = 0
    while len(found) < len(run.details_told):
        part = reader.told_of_run(run.project_id, run.id, after=after, limit=ENTRIES_AT_ONCE)
        if not part:
            break
        entries += (stored.entry for stored in part)
        found = details_of(entries)
        after = part[-1].number
    return found
