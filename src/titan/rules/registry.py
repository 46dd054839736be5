"""How a run of the registry stands: what silence means, and what the stages it submitted say."""

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from titan.model.dags import Dag, StageStatus
from titan.model.run_control import RunControl
from titan.model.run_status import RunStatus, StatusSource
from titan.model.runs import Run
from titan.rules.recording import UNKNOWN_AGENT
from titan.rules.rollup import dag_status

IDLE: Final = timedelta(seconds=120)  # spec/runs.md 3.1: of a run that has no end of its own
IDLE_WITHIN_CALL: Final = timedelta(minutes=30)  # a call that runs may take long, and tells nothing meanwhile


def not_heard_yet(project_id: str, run_id: str, *, at: datetime, now: datetime, keeps_content: bool) -> Run:
    """Return the row of a run that was spoken of before anything of it was heard; what comes later says the rest."""
    return Run(
        project_id=project_id,
        id=run_id,
        agent_id=UNKNOWN_AGENT,
        status=RunStatus.RUNNING,
        status_source=StatusSource.INFERRED,
        started_at=at,
        last_event_at=at,
        heard_at=now,
        keeps_content=keeps_content,
    )


def silent_since(now: datetime) -> datetime:
    """Return the moment before which a running run must have been heard last to be looked at by `is_silent`."""
    return now - IDLE


def silent_within_call_since(now: datetime) -> datetime:
    """Return that moment for a run with a call that runs."""
    return now - IDLE_WITHIN_CALL


def is_silent(run: Run, *, now: datetime) -> bool:
    """Tell whether a run has ended by its silence, as `fallen_silent` has it: not one with stages."""
    idle = IDLE_WITHIN_CALL if run.tally.running else IDLE
    return run.status is RunStatus.RUNNING and not run.has_stages and now - run.heard_at >= idle


def with_stages(
    known: Run | None,
    run: RunControl,
    status: RunStatus,
    *,
    ended_at: datetime | None,
    now: datetime,
    keeps_content: bool = True,
) -> Run:
    """Return the row of a run that submitted DAGs; `status` and `ended_at` are what those come to.

    `keeps_content` is decided for one that nobody has heard of yet.
    """
    if known is None:
        known = Run(
            project_id=run.project_id,
            id=run.id,
            agent_id=run.agent_id,
            status=status,
            status_source=StatusSource.STAGES,
            started_at=run.started_at,
            last_event_at=run.last_activity_at,
            heard_at=now,
            keeps_content=keeps_content,
        )
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
        told_end=None,
    )


def without_recordings(run: Run, *, now: datetime) -> Run:
    """Return the row of a run whose stages are kept longer than what was recorded of it."""
    return Run(
        project_id=run.project_id,
        id=run.id,
        agent_id=run.agent_id,
        status=run.status,
        status_source=StatusSource.STAGES,
        started_at=run.started_at,
        last_event_at=run.last_event_at,
        heard_at=now,
        ended_at=run.ended_at,
        reason=run.reason,
        has_stages=True,
        archived_at=run.archived_at,
    )


def with_dag_ended(known: Run, dag: Dag) -> Run | None:
    """Return the run that a DAG's jobs recorded, which ends with the DAG; None when it has ended already."""
    if known.status is not RunStatus.RUNNING or dag.ended_at is None:
        return None
    return replace(
        known,
        status=RunStatus.FAILED if dag_status(dag) is StageStatus.FAILED else RunStatus.COMPLETED,
        status_source=StatusSource.STAGES,
        ended_at=max(dag.ended_at, known.last_event_at),
        told_end=None,
    )
