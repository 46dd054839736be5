"""Readers and transactions that ask ahead: what a decision will want to know comes in one trip over the network.

They remember rows by their id. A reader's snapshot never changes; and in a transaction nobody else writes, so what it
remembers is true as long as it notes what it writes itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from titan.model.attempts import Attempt
from titan.model.dags import Dag
from titan.model.jobs import Job, ReadyJob
from titan.model.run_control import RunControl
from titan.model.workers import Worker
from titan.store.list_reader import ANY_WORKER
from titan.store.postgres.session import PostgresSession
from titan.store.reader import SqlReader
from titan.store.rows.columns import methods_read_rows
from titan.store.rows.jobs import DAGS, JOBS, RUNS, ready_job_of
from titan.store.rows.workers import ATTEMPTS, WORKERS
from titan.store.session import Parameter, Row
from titan.store.transaction import SqlTransaction

_Question: TypeAlias = tuple[str, Mapping[str, Parameter]]

#: What is asked about a lease, in the order in which `_note_lease` takes the answers.
_OF_LEASE: Final = ("attempt", "job_of_lease", "dag_of_lease", "run_of_lease", "children_of_lease")
_OF_WORKER: Final = ("worker", "busy_slots", "live_attempts_of_worker")


@methods_read_rows
class AheadReader(SqlReader):
    """A reader of one snapshot that remembers what it has read."""

    _session: PostgresSession

    def __init__(self, session: PostgresSession) -> None:
        super().__init__(session)
        self._remember_nothing()

    def _remember_nothing(self) -> None:
        self._jobs: dict[str, Job | None] = {}
        self._dags: dict[str, Dag | None] = {}
        self._runs: dict[tuple[str, str], RunControl | None] = {}
        self._attempts: dict[str, Attempt | None] = {}
        self._workers: dict[str, Worker | None] = {}
        self._busy: dict[str, dict[str, int]] = {}
        self._live: dict[str, list[Attempt]] = {}
        self._lanes: dict[tuple[str, str, int], list[ReadyJob]] = {}
        self._childless: set[str] = set()

    def look_ahead(
        self,
        *,
        leases: Sequence[str] = (),
        workers: Sequence[str] = (),
        lanes: Sequence[tuple[str | None, str, int]] = (),
    ) -> None:
        wanted = [worker_id for worker_id in workers if worker_id not in self._busy or worker_id not in self._workers]
        takes = [(worker_id or ANY_WORKER, requirement, limit) for worker_id, requirement, limit in lanes]
        questions: list[_Question] = [(query, {"lease_id": lease_id}) for lease_id in leases for query in _OF_LEASE]
        questions += [(query, {"worker_id": worker_id}) for worker_id in wanted for query in _OF_WORKER]
        questions += [
            ("whole_jobs_to_take", {"lane": lane, "requirement": requirement, "limit": limit})
            for lane, requirement, limit in takes
        ]
        if not questions:
            return
        answers = iter(self._session.all_of(questions))
        for lease_id in leases:
            self._note_lease(lease_id, [next(answers) for _query in _OF_LEASE])
        for worker_id in wanted:
            found, busy, live = next(answers), next(answers), next(answers)
            self._live[worker_id] = [ATTEMPTS.of(row) for row in live]
            self._workers[worker_id] = WORKERS.of(found[0]) if found else None
            self._busy[worker_id] = dict(busy)
        for take in takes:
            jobs = [self._noted(JOBS.of(row)) for row in next(answers)]
            self._lanes[take] = [ready_job_of(job) for job in jobs]

    def _note_lease(self, lease_id: str, answers: list[list[Row]]) -> None:
        attempts, jobs, dags, runs, children = answers
        self._attempts[lease_id] = ATTEMPTS.of(attempts[0]) if attempts else None
        for job in map(JOBS.of, jobs):
            self._jobs[job.id] = job
            if not children:
                self._childless.add(job.id)
        for dag in map(DAGS.of, dags):
            self._dags[dag.id] = dag
        for run in map(RUNS.of, runs):
            self._runs[run.project_id, run.id] = run

    def _noted(self, job: Job) -> Job:
        self._jobs[job.id] = job
        return job

    # --- questions whose answers are remembered ---

    def job(self, job_id: str) -> Job | None:
        if job_id not in self._jobs:
            self._jobs[job_id] = super().job(job_id)
        return self._jobs[job_id]

    def dag(self, dag_id: str) -> Dag | None:
        if dag_id not in self._dags:
            self._dags[dag_id] = super().dag(dag_id)
        return self._dags[dag_id]

    def run_control(self, project_id: str, run_id: str) -> RunControl | None:
        if (project_id, run_id) not in self._runs:
            self._runs[project_id, run_id] = super().run_control(project_id, run_id)
        return self._runs[project_id, run_id]

    def attempt(self, lease_id: str) -> Attempt | None:
        if lease_id not in self._attempts:
            self._attempts[lease_id] = super().attempt(lease_id)
        return self._attempts[lease_id]

    def worker(self, worker_id: str) -> Worker | None:
        if worker_id not in self._workers:
            self._workers[worker_id] = super().worker(worker_id)
        return self._workers[worker_id]

    def busy_slots(self, worker_id: str) -> dict[str, int]:
        if worker_id not in self._busy:
            self._busy[worker_id] = super().busy_slots(worker_id)
        return self._busy[worker_id]

    def live_attempts_of_worker(self, worker_id: str) -> list[Attempt]:
        if worker_id not in self._live:
            self._live[worker_id] = super().live_attempts_of_worker(worker_id)
        return self._live[worker_id]

    def _jobs_to_take(self, lane: str, requirement: str, limit: int) -> list[ReadyJob]:
        if (lane, requirement, limit) not in self._lanes:
            found = self._all("whole_jobs_to_take", lane=lane, requirement=requirement, limit=limit)
            self._lanes[lane, requirement, limit] = [ready_job_of(self._noted(JOBS.of(row))) for row in found]
        return self._lanes[lane, requirement, limit]


class AheadTransaction(AheadReader, SqlTransaction):
    """A transaction that remembers what it has read and written."""

    def __init__(self, session: PostgresSession, now: datetime, *, last_seq: int) -> None:
        SqlTransaction.__init__(self, session, now, last_seq=last_seq)
        self._remember_nothing()

    def add_dag(self, dag: Dag, jobs: Sequence[Job], edges: Iterable[tuple[str, str]]) -> None:
        super().add_dag(dag, jobs, edges)
        self._remember_nothing()

    def forget_jobs(self, dag_id: str, *, limit: int) -> int:
        self._remember_nothing()
        return super().forget_jobs(dag_id, limit=limit)

    def forget_dag(self, dag_id: str) -> None:
        self._remember_nothing()
        super().forget_dag(dag_id)

    def forget_run(self, project_id: str, run_id: str) -> None:
        self._remember_nothing()
        super().forget_run(project_id, run_id)

    def forget_workers(self, worker_ids: Sequence[str], *, before: datetime) -> int:
        self._remember_nothing()
        return super().forget_workers(worker_ids, before=before)

    def save_dag(self, dag: Dag) -> None:
        super().save_dag(dag)
        self._dags[dag.id] = dag

    def save_job(self, job: Job) -> None:
        super().save_job(job)
        self._jobs[job.id] = job
        self._lanes.clear()

    def count_down_children(self, parent_id: str, *, worker_id: str | None) -> list[Job]:
        if parent_id in self._childless:
            return []
        freed = super().count_down_children(parent_id, worker_id=worker_id)
        self._jobs.clear()  # the others have changed too
        return freed

    def add_run(self, run: RunControl) -> None:
        super().add_run(run)
        self._runs[run.project_id, run.id] = run

    def save_run(self, run: RunControl) -> None:
        super().save_run(run)
        self._runs[run.project_id, run.id] = run

    def add_attempt(self, attempt: Attempt) -> None:
        super().add_attempt(attempt)
        self._attempts[attempt.lease_id] = attempt
        self._forget_leases()

    def forget_attempt(self, lease_id: str) -> None:
        super().forget_attempt(lease_id)
        self._attempts[lease_id] = None
        self._forget_leases()

    def save_attempt(self, attempt: Attempt) -> None:
        super().save_attempt(attempt)
        self._attempts[attempt.lease_id] = attempt
        self._forget_leases()

    def renew_leases(self, worker_id: str, lease_ids: Sequence[str], *, expires_at: datetime) -> set[str]:
        self._attempts.clear()
        self._live.clear()
        return super().renew_leases(worker_id, lease_ids, expires_at=expires_at)

    def renew_all_leases(self, *, expires_at: datetime) -> None:
        self._attempts.clear()
        self._live.clear()
        super().renew_all_leases(expires_at=expires_at)

    def save_worker(self, worker: Worker) -> None:
        super().save_worker(worker)
        self._workers[worker.id] = worker

    def _forget_leases(self) -> None:
        self._busy.clear()
        self._live.clear()
        self._lanes.clear()  # a job with a live attempt is in no queue
