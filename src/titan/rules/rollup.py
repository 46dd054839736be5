"""How a stage and a run stand as a whole: derived from facts, never stored."""

from datetime import datetime, timedelta
from typing import Final

from titan.model.dags import Dag, JobCounts, StageStatus
from titan.model.run_control import RunControl, RunOutcome
from titan.model.run_status import RunStatus

RUN_IDLE: Final = timedelta(seconds=120)  # spec/titan.md: how long a silent orchestrator is waited for


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
    """Return how a stored DAG stands."""
    return stage_status(dag.counts, has_started=dag.started_at is not None)


def run_status(run: RunControl, last_stage: Dag | None, *, now: datetime, idle: timedelta = RUN_IDLE) -> RunStatus:
    """Return how a run stands.

    Live jobs keep it running (pending before the first attempt). Without live jobs it is what its
    orchestrator or a cancel said; with nothing said, it runs on for `idle` after its last
    activity, then counts as ended. An ended run failed when its last stage failed; PARTIAL is not FAILED.
    """
    if run.live_job_count:
        has_begun = run.stage_count > 1 or (
            last_stage is not None and dag_status(last_stage) is not StageStatus.WAITING
        )
        return RunStatus.RUNNING if has_begun else RunStatus.PENDING
    match run.outcome:
        case RunOutcome.CANCELLED:
            return RunStatus.CANCELLED
        case RunOutcome.FAILED:
            return RunStatus.FAILED
        case None if now - run.last_activity_at < idle:
            return RunStatus.RUNNING
    has_failed = last_stage is not None and dag_status(last_stage) is StageStatus.FAILED
    return RunStatus.FAILED if has_failed else RunStatus.COMPLETED


def run_ended_at(run: RunControl, *, now: datetime, idle: timedelta = RUN_IDLE) -> datetime | None:
    """Return when a run ended: when somebody said so, else its last activity, once idle for `idle`."""
    if run.live_job_count:
        return None
    if run.outcome is not None:
        return run.ended_at
    return run.last_activity_at if now - run.last_activity_at >= idle else None


def agent_of(run_id: str) -> str:
    """Return the agent's name within a run id: what stands before its last `_` or `-` token.

    "RESEARCH_cb5e13" gives "RESEARCH"; an id without either is the agent's name itself.
    """
    cut = max(run_id.rfind("_"), run_id.rfind("-"))
    return run_id[:cut].rstrip() if cut > 0 else run_id
