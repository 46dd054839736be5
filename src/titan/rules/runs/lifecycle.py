"""The lifecycle of a run: a table of the events that set its status, from which the guide's diagram is drawn.

The DAGs of a run that submitted some decide its status. Other runs end by a reported end, or by silence. A run in which
something began after its end continues. The reported end is kept, because often only a flush began late and no other
end comes: then the reported end holds again, with its reason.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from msgspec.structs import replace

from titan.model.actions import PREVENTED, Outcome, RunEnd, RunEntry, Source, Standing
from titan.model.dags import Dag, JobCounts, StageStatus
from titan.model.errors import Conflict
from titan.model.run_control import RunControl, RunOutcome, RunStatus, StatusSource
from titan.model.runs import UNKNOWN_AGENT, Action, ReportedEnd, Run
from titan.rules.names import shown
from titan.rules.runs.merge_reports import described

RUN_IDLE: Final = timedelta(seconds=120)  # how long a silent orchestrator is waited for
IDLE: Final = timedelta(seconds=120)  # of a run that has no end of its own
IDLE_WITHIN_CALL: Final = timedelta(minutes=30)  # a call that runs may take long, and reports nothing meanwhile


class RunEvent(StrEnum):
    """What gives a run a status."""

    SUBMITTED = "submitted"  #: it has jobs that are not final, and none has begun
    BEGAN = "began"  #: a job of it began, or a call was reported; after an end too
    COMPLETED = "completed"  #: its program reported it, or it fell silent
    FAILED = "failed"  #: its program reported it, its last stage failed, or it fell silent in or after a failure
    CANCELLED = "cancelled"  #: somebody cancelled it


#: The status that a run has after each event, whatever it had before.
STATUS_AFTER: Final[Mapping[RunEvent, RunStatus]] = {
    RunEvent.SUBMITTED: RunStatus.PENDING,
    RunEvent.BEGAN: RunStatus.RUNNING,
    RunEvent.COMPLETED: RunStatus.COMPLETED,
    RunEvent.FAILED: RunStatus.FAILED,
    RunEvent.CANCELLED: RunStatus.CANCELLED,
}

_BAD: Final = PREVENTED | {Outcome.ERROR}
_WORSE: Final = {RunStatus.COMPLETED: 1, RunStatus.CANCELLED: 2, RunStatus.FAILED: 3}


def not_reported_yet(project_id: str, run_id: str, *, at: datetime, now: datetime, keeps_content: bool) -> Run:
    """Return the row of a run that was named before anything of it was reported; later reports complete it."""
    return Run(
        project_id=project_id,
        id=run_id,
        agent_id=UNKNOWN_AGENT,
        status=STATUS_AFTER[RunEvent.BEGAN],
        status_source=StatusSource.INFERRED,
        started_at=at,
        last_event_at=at,
        received_at=now,
        keeps_content=keeps_content,
    )


def without_recordings(run: Run, *, now: datetime) -> Run:
    """Return the row of a run whose stages are kept longer than what was recorded of it."""
    return replace(
        not_reported_yet(run.project_id, run.id, at=run.started_at, now=now, keeps_content=run.keeps_content),
        agent_id=run.agent_id,
        status=run.status,
        status_source=StatusSource.STAGES,
        last_event_at=run.last_event_at,
        ended_at=run.ended_at,
        reason=run.reason,
        has_stages=True,
        archived_at=run.archived_at,
    )


# --- by its DAGs ---


def run_event(control: RunControl, last_stage: Dag | None, *, now: datetime, idle: timedelta = RUN_IDLE) -> RunEvent:
    """Return what happened last to a run that submitted DAGs.

    Live jobs keep it running. Without any, its orchestrator or a cancel decides; without either, it runs on for `idle`
    after its last activity, then counts as ended. An ended run failed when its last stage failed; PARTIAL is not
    FAILED.
    """
    stage = None if last_stage is None else dag_status(last_stage)
    if control.live_job_count:
        has_begun = control.stage_count > 1 or stage not in (None, StageStatus.WAITING)
        return RunEvent.BEGAN if has_begun else RunEvent.SUBMITTED
    if control.outcome in (RunOutcome.CANCELLED, RunOutcome.FAILED):
        return RunEvent(control.outcome)
    if control.outcome is None and now - control.last_activity_at < idle:
        return RunEvent.BEGAN
    return RunEvent.FAILED if stage is StageStatus.FAILED else RunEvent.COMPLETED


def run_status(control: RunControl, last_stage: Dag | None, *, now: datetime, idle: timedelta = RUN_IDLE) -> RunStatus:
    """Return the status of a run that submitted DAGs."""
    return STATUS_AFTER[run_event(control, last_stage, now=now, idle=idle)]


def run_ended_at(run: RunControl, *, now: datetime, idle: timedelta = RUN_IDLE) -> datetime | None:
    """Return when a run ended: as reported, else its last activity, once idle for `idle`."""
    if run.live_job_count:
        return None
    if run.outcome is not None:
        return run.ended_at
    return run.last_activity_at if now - run.last_activity_at >= idle else None


def with_stages(
    known: Run | None,
    run: RunControl,
    status: RunStatus,
    *,
    ended_at: datetime | None,
    now: datetime,
    keeps_content: bool = True,
) -> Run:
    """Return the row of a run that submitted DAGs; `status` and `ended_at` are derived from those.

    `keeps_content` is decided for one that was not reported yet.
    """
    if known is None:
        known = not_reported_yet(run.project_id, run.id, at=run.started_at, now=now, keeps_content=keeps_content)
    is_unknown = known.agent_id == UNKNOWN_AGENT or not known.has_stages
    return replace(
        known,
        agent_id=run.agent_id if is_unknown else known.agent_id,
        agent_order=0 if is_unknown else known.agent_order,
        status=status,
        status_source=StatusSource.STAGES,
        has_stages=True,
        started_at=min(known.started_at, run.started_at),
        last_event_at=max(known.last_event_at, run.last_activity_at),
        ended_at=ended_at,
        reason=run.reason,
        reported_end=None,
    )


def with_dag_ended(known: Run, dag: Dag) -> Run | None:
    """Return the run that a DAG's jobs recorded, which ends with the DAG; None when it has ended already."""
    if known.status is not RunStatus.RUNNING or dag.ended_at is None:
        return None
    return replace(
        known,
        status=STATUS_AFTER[RunEvent.FAILED if dag_status(dag) is StageStatus.FAILED else RunEvent.COMPLETED],
        status_source=StatusSource.STAGES,
        started_at=max(known.started_at, dag.started_at or dag.submitted_at),
        ended_at=dag.ended_at,
        reported_end=None,
    )


# --- by reported ends ---


def going_on(run: Run) -> Run:
    """Return an ended run that continues."""
    return replace(
        run,
        status=STATUS_AFTER[RunEvent.BEGAN],
        status_source=StatusSource.EXPLICIT,
        reason=None,
        ended_at=None,
        reported_end=_reported_end(run),
    )


def with_end(run: Run, entry: RunEntry) -> Run:
    """Return a run with a reported end: the later of two counts, of two at once the worse."""
    assert entry.end is not None
    reported = ReportedEnd(
        status=STATUS_AFTER[RunEvent(entry.end)], source=entry.end_source, at=entry.at, reason=entry.reason
    )
    before = None if run.status_source is StatusSource.STAGES else _reported_end(run)
    if before is not None and _order(reported) <= _order(before):
        return run
    if run.last_started_at is None or reported.at >= run.last_started_at:
        return replace(
            run,
            status=reported.status,
            status_source=reported.source,
            reason=reported.reason,
            ended_at=reported.at,
            reported_end=None,
        )
    if run.status_source is StatusSource.STAGES:
        return run
    kept = replace(run, reported_end=reported)
    return kept if run.ended_at is None else fallen_silent(kept)


def as_it_stood(run: Run, entry: RunEntry, standing: Standing) -> Run:
    """Return a run that had ended where it was exported: as it stood there, unless something later is known of it here.

    Then a reported end is one of several, and one that was only inferred was none.
    """
    assert entry.end is not None
    if run.ended_at is None and run.last_event_at <= standing.last_event_at:
        status = STATUS_AFTER[RunEvent(entry.end)]
        return replace(run, status=status, status_source=entry.end_source, reason=entry.reason, ended_at=entry.at)
    return run if entry.end_source is StatusSource.INFERRED else with_end(run, entry)


def end_by_hand(run: Run, *, end: RunEnd, reason: str | None, now: datetime) -> RunEntry | None:
    """Return the entry that ends a run so; None when that end was reported already.

    Of one that fell silent, its last event stays its end. A reason may still come to an end without one.

    Raises:
        Conflict: another end was reported before.
    """
    # Its program's clock may be ahead of ours.
    at = max(now, run.last_event_at) if run.ended_at is None else run.ended_at
    said = RunEntry(run_id=run.id, source=Source.SDK, at=at, end=end, reason=reason)
    if run.ended_at is None or run.status_source is not StatusSource.EXPLICIT:
        return said
    if run.status.value == end.value and reason in (None, run.reason):
        return None
    if run.status.value == end.value and run.reason is None:
        return said
    why = f": {shown(run.reason)}" if run.reason else ""
    raise Conflict(
        f"run {shown(run.id)}",
        expected="one that goes on, or its end once more as it was reported",
        found=f"one that ended at {run.ended_at.isoformat()}, {run.status.value}{why}",
        next_step="A reported end cannot be changed. Add a note instead: POST /api/v1/runs/{run}/notes, or"
        " titan runs note RUN TEXT.",
    )


# --- by silence ---


def silent_since(now: datetime) -> datetime:
    """Return the time before which a running run must have been reported last for `is_silent` to apply."""
    return now - IDLE


def silent_within_call_since(now: datetime) -> datetime:
    """Return that moment for a run with a call that runs."""
    return now - IDLE_WITHIN_CALL


def is_silent(run: Run, *, now: datetime) -> bool:
    """Return whether a run has ended by its silence, as `fallen_silent` has it: not one with stages."""
    idle = IDLE_WITHIN_CALL if run.tally.running else IDLE
    return run.status is RunStatus.RUNNING and not run.has_stages and now - run.received_at >= idle


def fallen_silent(run: Run, open_actions: Sequence[Action] = ()) -> Run:
    """Return a run as it has ended by its silence: as its last reported end says, else by how its last attempt ended.

    That it was complete says nothing of what began later: where that failed, or was stopped, the run failed. So it did
    when something in it never ended, `open_actions`, for then it broke off.
    """
    reported = run.reported_end
    is_later = reported is None or run.last_ended_at is None or run.last_ended_at > reported.at
    has_failed = bool(open_actions) or (run.last_outcome in _BAD and is_later)
    if reported is None or (has_failed and reported.status is RunStatus.COMPLETED):
        return replace(
            run,
            status=STATUS_AFTER[RunEvent.FAILED if has_failed else RunEvent.COMPLETED],
            status_source=StatusSource.INFERRED,
            reason=described(open_actions) if open_actions else None,
            ended_at=run.last_event_at,
        )
    return replace(
        run,
        status=reported.status,
        status_source=reported.source,
        reason=reported.reason,
        ended_at=max(reported.at, run.last_event_at),
    )


def _reported_end(run: Run) -> ReportedEnd | None:
    """Return the end that was reported last for a run; one that was kept may stand again."""
    if run.reported_end is not None or run.ended_at is None or run.status_source is StatusSource.INFERRED:
        return run.reported_end
    return ReportedEnd(status=run.status, source=run.status_source, at=run.ended_at, reason=run.reason)


def _order(reported: ReportedEnd) -> tuple[datetime, int, str]:
    return reported.at, _WORSE[reported.status], reported.reason or ""


# --- status of stages ---


def stage_status(counts: JobCounts, *, has_started: bool) -> StageStatus:
    """Return a stage's status; `has_started` tells whether any attempt of it ever began.

    Unfinished: RUNNING once an attempt began or while a gate is open, else WAITING. Finished: COMPLETED when all jobs
    completed, PARTIAL when some did, else FAILED.
    """
    if counts.unfinished:
        return StageStatus.RUNNING if has_started or counts.waiting_approval else StageStatus.WAITING
    if counts.completed == counts.total:
        return StageStatus.COMPLETED
    return StageStatus.PARTIAL if counts.completed else StageStatus.FAILED


def dag_status(dag: Dag) -> StageStatus:
    """Return the status of a stored DAG."""
    return stage_status(dag.counts, has_started=dag.started_at is not None)


def agent_of(run_id: str) -> str:
    """Return the agent's name within a run id: what stands before its last `_` or `-` token.

    "RESEARCH_cb5e13" gives "RESEARCH"; an id without either is the agent's name itself.
    """
    cut = max(run_id.rfind("_"), run_id.rfind("-"))
    return run_id[:cut].rstrip() if cut > 0 else run_id
