"""Changes the status of jobs: checked by the lifecycle table, stored, journaled and counted, with all that follows."""

from collections import Counter
from dataclasses import replace
from datetime import datetime

from titan.model.dags import Dag, JobCounts, OnFailure
from titan.model.events import (
    CancelRequested,
    DagEnded,
    Event,
    GateOpened,
    JobCancelled,
    JobDelayed,
    JobEvent,
    JobHeld,
    JobReady,
    RunReopened,
    Subject,
)
from titan.model.files import StoredValue
from titan.model.jobs import ACTIVE_STATUSES, GateOutcome, Job, JobStatus
from titan.model.run_control import RunControl
from titan.ports.jobs_store import Reader, Transaction
from titan.rules.jobs import gates, lifecycle
from titan.rules.jobs.lifecycle import advance
from titan.rules.jobs.propagation import doomed, not_started
from titan.rules.runs.lifecycle import dag_status


class Moves:
    """Changes the status of jobs within one transaction; `settle` then updates their DAGs and runs.

    Use as a context manager: leaving it without an error settles.
    """

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx
        self._shifts: dict[str, Counter[JobStatus]] = {}
        #: DAG id → when the first of its jobs began
        self._begun: dict[str, datetime] = {}
        #: (project id, concurrency key) of places that may have become free, in that order.
        self._freed: dict[tuple[str, str], None] = {}

    def __enter__(self) -> "Moves":
        return self

    def __exit__(self, error: type[BaseException] | None, *_rest: object) -> None:
        if error is None:
            self.settle()

    def move(self, job: Job, *events: JobEvent) -> Job:
        """Apply `events`, one after the other, to a stored job and return the job as it is now.

        Raises:
            IllegalTransition: the job's status does not allow one.
        """
        moved = job
        for event in events:
            moved = advance(moved, event, now=self.tx.now)
            self.record(moved, event)
        self.tx.save_job(moved)
        if job.started_at is None and moved.started_at is not None:
            self._begun[job.dag_id] = min(moved.started_at, self._begun.get(job.dag_id, moved.started_at))
        shifts = self._shifts.setdefault(job.dag_id, Counter())
        shifts[job.status] -= 1
        shifts[moved.status] += 1
        if moved.status.is_final or (job.status in ACTIVE_STATUSES and moved.status not in ACTIVE_STATUSES):
            self.look_for_held(moved)  # also behind one that was held and ends: the next one may have a higher limit
        return moved

    def look_for_held(self, job: Job) -> None:
        """Have `settle` give free places under the job's concurrency key to held jobs."""
        if job.spec.concurrency_key is not None:
            self._freed[job.project_id, job.spec.concurrency_key] = None

    def record(self, job: Job, event: Event) -> None:
        """Append `event` to the journal of a job, its DAG and its run."""
        self.tx.record(subject_of(job), event)

    def settle(self) -> None:
        """Release held jobs into freed places, then store the new counts of every DAG that changed, and of its run."""
        while self._freed:
            self._admit(*self._freed.popitem()[0])
        for dag_id, shifts in self._shifts.items():
            dag = self.tx.dag(dag_id)
            assert dag is not None, f"job of unknown dag {dag_id}"
            self._settle_dag(dag, shifts)
        self._shifts.clear()

    def _admit(self, project_id: str, key: str) -> None:
        """Make held jobs ready while there is a place. Places are counted, not stored, so none can leak."""
        held = self.tx.next_held(project_id, key)
        while held is not None and self.tx.active_with_key(project_id, key) < held.spec.concurrency_limit:
            self.move(held, JobReady(cause=f"a place under key '{key}' is free"))
            held = self.tx.next_held(project_id, key)

    def _settle_dag(self, dag: Dag, shifts: Counter[JobStatus]) -> None:
        now = self.tx.now
        counts = shifted(dag.counts, shifts)
        started_at = min((each for each in (dag.started_at, self._begun.get(dag.id)) if each), default=None)
        has_ended = counts.unfinished == 0 and not dag.is_final
        ended_at = None if counts.unfinished else dag.ended_at or now
        goes_on = dag.is_final and counts.unfinished > 0
        cancelled_by = None if goes_on else dag.cancelled_by
        settled = replace(dag, counts=counts, started_at=started_at, ended_at=ended_at, cancelled_by=cancelled_by)
        self.tx.save_dag(settled)
        if has_ended:
            subject = Subject(project_id=dag.project_id, run_id=dag.run_id, dag_id=dag.id)
            status = dag_status(settled).value
            self.tx.record(subject, DagEnded(cause="its last job is final", name=dag.name, status=status))
        became_final = dag.counts.unfinished - counts.unfinished
        if dag.run_id is not None and became_final:
            self._settle_run(dag.project_id, dag.run_id, became_final)

    def _settle_run(self, project_id: str, run_id: str, became_final: int) -> None:
        run = self.tx.run_control(project_id, run_id)
        assert run is not None, f"dag of unknown run {run_id}"
        if became_final < 0:
            run = reopened(self.tx, run, cause="jobs are tried again")
        live = run.live_job_count - became_final
        self.tx.save_run(replace(run, live_job_count=live, last_activity_at=self.tx.now))


def reopened(tx: Transaction, run: RunControl, *, cause: str) -> RunControl:
    """Return a run without its end, which is journaled if it had one; the caller stores it."""
    if run.outcome is None:
        return run
    tx.record(Subject(project_id=run.project_id, run_id=run.id), RunReopened(cause=cause))
    return replace(run, outcome=None, ended_at=None, reason=None)


def subject_of(job: Job) -> Subject:
    """Return what a journal entry about `job` is about."""
    return Subject(project_id=job.project_id, run_id=job.run_id, dag_id=job.dag_id, job_id=job.id)


def shifted(counts: JobCounts, shifts: Counter[JobStatus]) -> JobCounts:
    """Return `counts` with `shifts` added per status."""
    return JobCounts(**{status.lower(): counts.of(status) + shifts[status] for status in JobStatus})


# --- Release of waiting jobs ---


def release(moves: Moves, job: Job, *, cause: str) -> Job:
    """Release a WAITING job whose last parent has completed; return it as it is now."""
    return _carry_on(moves, job, lifecycle.release(job, cause=cause, now=moves.tx.now))


def release_after_delay(moves: Moves, job: Job, *, cause: str) -> Job:
    """Release a WAITING job whose delay, or pause before a retry, is over; return it as it is now."""
    return _carry_on(moves, job, lifecycle.after_delay(job, cause=cause, now=moves.tx.now))


def _carry_on(moves: Moves, job: Job, event: JobReady | JobDelayed | GateOpened) -> Job:
    moved = moves.move(job, _held_back(moves, job, event))
    if isinstance(event, GateOpened):
        announce_gate(moves.tx, moved)
    return moved


def _held_back(moves: Moves, job: Job, event: JobReady | JobDelayed | GateOpened) -> JobEvent:
    """Return `event`, or JobHeld when every place under the job's concurrency key is taken."""
    key = job.spec.concurrency_key
    if key is None or not isinstance(event, JobReady):
        return event
    tx = moves.tx
    has_place = tx.active_with_key(job.project_id, key) < job.spec.concurrency_limit
    before = tx.next_held(job.project_id, key)
    if has_place and (before is None or before.id == job.id):
        return event
    moves.look_for_held(job)  # one that was held before may have a lower limit than this one
    return JobHeld(cause=event.cause, key=key)


# --- Consequences for other jobs when one job becomes final ---


def follow(moves: Moves, job: Job, *, worker_id: str | None) -> None:
    """Apply the consequences of a job's new status, which an attempt by `worker_id` or a decision has brought about.

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
    """Cancel a job that has not started, and its descendants; return them, `job` first."""
    cancelled = moves.move(job, JobCancelled(cause=cause, reason=reason))
    return [cancelled, *cancel_descendants(moves, cancelled)]


def ask_to_stop(moves: Moves, job: Job, *, cause: str, reason: str) -> None:
    """Ask the worker that holds a job's lease to end it; the job ends when the worker confirms."""
    if job.is_cancel_requested:
        return
    attempt = moves.tx.live_attempt_of_job(job.id)
    assert attempt is not None, f"job {job.id} has no live attempt to stop"
    moves.tx.save_attempt(replace(attempt, is_stop_requested=True))
    moves.move(job, CancelRequested(cause=cause, reason=reason))


def cancel_descendants(moves: Moves, job: Job) -> list[Job]:
    """Cancel all descendants of a job that did not complete; return them."""
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
    """Return whether a worker holds the job's lease and has not reported that it began."""
    return job.status is JobStatus.READY and reader.live_attempt_of_job(job.id) is not None


# --- Keys `titan:hitl:*` of the shared store, which scripts of the original read: kept in step with the gates ---


def clear_gate_keys(tx: Transaction, gate: Job) -> None:
    """Write that a gate has not opened yet, in place of the outcome of an earlier one of its name."""
    _put(tx, gate, gates.STATUS_PREFIX, gates.CLEARED)


def announce_gate(tx: Transaction, gate: Job) -> None:
    """Write that a gate has opened, when, and its message."""
    opened_ms = str(int(tx.now.timestamp() * 1000))
    _put(tx, gate, gates.MESSAGE_PREFIX, gate.spec.hitl_message or "")
    _put(tx, gate, gates.OPENED_PREFIX, opened_ms)
    _put(tx, gate, gates.STATUS_PREFIX, gates.WAITING)
    tx.add_member(gate.project_id, gates.QUEUE_KEY, gate.name)


def write_outcome(tx: Transaction, gate: Job, outcome: GateOutcome) -> None:
    """Write how a gate was decided."""
    _put(tx, gate, gates.STATUS_PREFIX, gates.STATUS_WORDS[outcome])


def _put(tx: Transaction, gate: Job, prefix: str, value: str) -> None:
    tx.put_value(gate.project_id, prefix + gate.name, StoredValue(value=value))
