"""The one way a job's status changes: checked by the lifecycle table, stored, journaled and counted."""

from collections import Counter
from dataclasses import replace
from datetime import datetime

from titan.model.dags import Dag, JobCounts
from titan.model.events import DagEnded, Event, JobEvent, JobReady, RunReopened, Subject
from titan.model.jobs import ACTIVE_STATUSES, Job, JobStatus
from titan.model.run_control import RunControl
from titan.ports import Transaction
from titan.rules.lifecycle import advance
from titan.rules.rollup import dag_status


class Moves:
    """Moves of jobs within one transaction; `settle` writes what they mean for DAGs and runs.

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
        """Apply `events`, one after the other, to a stored job and return the job as it stands now.

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
        if job.status in ACTIVE_STATUSES and moved.status not in ACTIVE_STATUSES:
            self.look_for_held(moved)
        return moved

    def look_for_held(self, job: Job) -> None:
        """Have `settle` give the free places under the job's concurrency key to who waits for one."""
        if job.spec.concurrency_key is not None:
            self._freed[job.project_id, job.spec.concurrency_key] = None

    def record(self, job: Job, event: Event) -> None:
        """Append `event` to the journal of a job, its DAG and its run."""
        self.tx.record(subject_of(job), event)

    def settle(self) -> None:
        """Give freed places on, then write the new counts of every DAG touched, and what ended or began with them."""
        while self._freed:
            self._admit(*self._freed.popitem()[0])
        for dag_id, shifts in self._shifts.items():
            dag = self.tx.dag(dag_id)
            assert dag is not None, f"job of unknown dag {dag_id}"
            self._settle_dag(dag, shifts)
        self._shifts.clear()

    def _admit(self, project_id: str, key: str) -> None:
        """Make held jobs ready while there is a place for the next; the places are counted, so none can leak."""
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
