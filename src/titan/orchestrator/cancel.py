"""Cancels jobs, DAGs and runs: what has not started ends at once, what runs when its worker confirms."""

from collections.abc import Iterable
from dataclasses import replace

from titan.model.dags import Dag
from titan.model.events import RunEnded, Subject
from titan.model.jobs import Job, JobStatus
from titan.model.run_control import RunControl, RunOutcome
from titan.orchestrator.transitions import Moves, ask_to_stop, cancel_with_descendants, is_prefetched
from titan.ports.jobs_store import Transaction
from titan.wire.work import Cancelled

CAUSE = "cancel by client"
REASON = "cancelled on request"


def cancel_jobs(tx: Transaction, jobs: Iterable[Job], *, by: str) -> Cancelled:
    """Cancel each of `jobs`, with its descendants and with all DAGs that those have submitted, to any depth.

    A job that has ended stays as it is, and what it submitted is cancelled all the same.
    """
    ended: dict[str, str] = {}
    stopping: dict[str, str] = {}
    skipped: list[str] = []
    with Moves(tx) as moves:
        asked = list(jobs)
        reached = _cancel_each(moves, asked, ended, stopping, skipped)
        made: list[Dag] = []
        while dags := tx.dags_made_by(sorted(reached)):
            made += dags
            theirs = [job for dag in dags for job in tx.jobs_of_dag(dag.id)]
            reached = _cancel_each(moves, theirs, ended, stopping, [])
    _note_who(tx, made, by=by)
    return Cancelled(
        cancelled=tuple(ended[job_id] for job_id in sorted(ended)),
        stopping=tuple(stopping.values()),
        skipped=tuple(skipped),
    )


def _cancel_each(
    moves: Moves, jobs: Iterable[Job], ended: dict[str, str], stopping: dict[str, str], skipped: list[str]
) -> set[str]:
    """Cancel jobs, note in the last three what became of each, and return the ids of those and their descendants."""
    reached: set[str] = set()
    for job in jobs:
        reached.add(job.id)
        if job.id in ended or job.id in stopping:
            continue
        if job.status.is_final:
            skipped.append(job.name)
        elif job.status is JobStatus.RUNNING or is_prefetched(moves.tx, job):
            ask_to_stop(moves, job, cause=CAUSE, reason=REASON)
            stopping[job.id] = job.name
        else:
            gone = cancel_with_descendants(moves, job, cause=CAUSE, reason=REASON)
            ended |= {each.id: each.name for each in gone}
            reached.update(each.id for each in gone)
    return reached


def cancel_dags(tx: Transaction, dags: Iterable[Dag], *, by: str) -> Cancelled:
    """Cancel every job of these DAGs and what they submitted; store in DAGs that had not ended who cancelled them."""
    all_of_them = list(dags)
    answer = cancel_jobs(tx, [job for dag in all_of_them for job in tx.jobs_of_dag(dag.id)], by=by)
    _note_who(tx, all_of_them, by=by)
    return answer


def _note_who(tx: Transaction, dags: Iterable[Dag], *, by: str) -> None:
    """Store who cancelled in those of `dags`, as they were before, that had not ended."""
    for dag in dags:
        after = tx.dag(dag.id)
        if after is not None and not dag.is_final:
            tx.save_dag(replace(after, cancelled_by=by))


def cancel_run(tx: Transaction, run: RunControl, *, by: str) -> Cancelled:
    """Cancel every job of a run and end the run; an ended run without live jobs keeps its outcome."""
    answer = cancel_dags(tx, tx.stages(run.project_id, run.id), by=by)
    if run.outcome is None or run.live_job_count:
        end_run(tx, run.project_id, run.id, RunOutcome.CANCELLED, reason=REASON, cause=CAUSE)
    return answer


def end_run(
    tx: Transaction,
    project_id: str,
    run_id: str,
    outcome: RunOutcome,
    *,
    reason: str,
    cause: str = "orchestrator",
) -> RunControl:
    """End a run with an outcome; a cancelled one stays cancelled."""
    run = tx.run_control(project_id, run_id)
    assert run is not None, f"end of unknown run {run_id}"
    if run.outcome is RunOutcome.CANCELLED:
        return run
    ended = replace(run, outcome=outcome, ended_at=tx.now, reason=reason or None)
    tx.save_run(ended)
    event = RunEnded(cause=cause, outcome=outcome.value, reason=reason)
    tx.record(Subject(project_id=project_id, run_id=run_id), event)
    return ended
