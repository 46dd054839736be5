"""How a stage stands as a whole: derived from facts, never stored."""

from titan.model.dags import Dag, JobCounts, StageStatus


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


def agent_of(run_id: str) -> str:
    """Return the agent's name within a run id: what stands before its last `_` or `-` token.

    "RESEARCH_cb5e13" gives "RESEARCH"; an id without either is the agent's name itself.
    """
    cut = max(run_id.rfind("_"), run_id.rfind("-"))
    return run_id[:cut].rstrip() if cut > 0 else run_id
