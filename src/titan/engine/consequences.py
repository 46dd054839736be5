"""What follows for other jobs when one job becomes final."""

from dataclasses import replace

from titan.engine.moves import Moves
from titan.engine.release import release
from titan.model.dags import OnFailure
from titan.model.events import CancelRequested, JobCancelled
from titan.model.jobs import Job, JobStatus
from titan.ports import Reader
from titan.rules.spread import doomed, not_started


def follow(moves: Moves, job: Job, *, worker_id: str | None) -> None:
    """Carry on from a job that an attempt by `worker_id`, or a decision, has just left in a new status.

    Completed: its children lose one remaining parent, and those without any are released. Failed or
    cancelled: its descendants are cancelled, and after a failure, with `on_failure` stop,
    everything of the DAG that has not started. Otherwise nothing follows.
    """
    if job.status is JobStatus.COMPLETED:
        cause = f"parent {job.id} completed"
        for child in moves.tx.count_down_children(job.id, worker_id=worker_id):
            release(moves, child, cause=cause)
    elif job.status.is_final:
        cancel_descendants(moves, job)
        if job.status is JobStatus.FAILED:
            _stop_dag(moves, job)


def cancel_with_descendants(moves: Moves, job: Job, *, cause: str, reason: str) -> list[Job]:
    """Cancel a job that has not started, and all that waits for it; return them, `job` first."""
    cancelled = moves.move(job, JobCancelled(cause=cause, reason=reason))
    return [cancelled, *cancel_descendants(moves, cancelled)]


def ask_to_stop(moves: Moves, job: Job, *, cause: str, reason: str) -> None:
    """Have the worker that holds a job's lease end it; the job ends when the worker confirms."""
    if job.is_cancel_requested:
        return
    attempt = moves.tx.live_attempt_of_job(job.id)
    assert attempt is not None, f"job {job.id} has no live attempt to stop"
    moves.tx.save_attempt(replace(attempt, is_stop_requested=True))
    moves.move(job, CancelRequested(cause=cause, reason=reason))


def cancel_descendants(moves: Moves, job: Job) -> list[Job]:
    """Cancel all that waits, directly or not, for a job that did not complete; return them."""
    ended = {job.id: job.status.value.lower()}
    cancelled = []
    for parent, child in list(doomed(job, moves.tx.children)):
        how = ended.get(parent.id, "cancelled")
        event = JobCancelled(cause=f"parent {parent.id} {how}", reason=f"parent '{parent.name}' {how}")
        cancelled.append(moves.move(child, event))
    return cancelled


def _stop_dag(moves: Moves, failed: Job) -> None:
    dag = moves.tx.dag(failed.dag_id)
    assert dag is not None
    if dag.on_failure is not OnFailure.STOP:
        return
    reason = f"job '{failed.name}' failed, and the DAG stops on failure"
    for job in not_started(moves.tx.jobs_of_dag(dag.id)):
        now = moves.tx.job(job.id)
        assert now is not None
        cause = f"job {failed.id} failed"
        if is_prefetched(moves.tx, now):
            ask_to_stop(moves, now, cause=cause, reason=reason)
        elif not now.status.is_final:  # an earlier one's descendants may have been cancelled on the way
            cancel_with_descendants(moves, now, cause=cause, reason=reason)


def is_prefetched(reader: Reader, job: Job) -> bool:
    """Return whether a worker holds the job's lease and has not said that it began."""
    return job.status is JobStatus.READY and reader.live_attempt_of_job(job.id) is not None
