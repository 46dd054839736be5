"""Views of DAGs, jobs and stages; what they refer to is read in bulk."""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from functools import cached_property

import msgspec

from titan.model.attempts import Attempt
from titan.model.dags import Dag
from titan.model.jobs import Job, JobStatus, WaitsFor
from titan.model.projects import organisation_of
from titan.model.shaped import shaped
from titan.model.workers import Worker, WorkerState
from titan.orchestrator.parking import waiters
from titan.ports.jobs_store import Reader
from titan.rules.jobs.parking import Waiter, holders_that_wait, reason_of_wait
from titan.rules.jobs.wait_reason import reason_of, waits_for
from titan.rules.runs.lifecycle import dag_status
from titan.wire.runs import RunView
from titan.wire.work import AttemptView, CountsView, DagView, DecisionView, JobView, OrchestratorView


class Stages(Enum):
    """How much of a run's stages its view includes."""

    COUNTED = "counted"  #: numbers of stages and jobs
    LISTED = "listed"  #: also the stages
    WITH_JOBS = "with jobs"  #: also the jobs of each stage


def dag_view(dag: Dag, jobs: list[JobView] | msgspec.UnsetType = msgspec.UNSET) -> DagView:
    """Return a DAG with its derived status."""
    return shaped(
        DagView,
        dag,
        dag_id=dag.id,
        agent_run_id=dag.run_id,
        status=dag_status(dag),
        counts=shaped(CountsView, dag.counts),
        jobs=jobs,
    )


def dag_with_jobs(reader: Reader, dag: Dag, *, with_attempts: bool = False) -> DagView:
    """Return a DAG with its jobs in submission order."""
    return dag_view(dag, job_views(reader, reader.jobs_of_dag(dag.id), with_attempts=with_attempts))


def add_stages(reader: Reader, project_id: str, runs: Sequence[RunView], *, stages: Stages) -> None:
    """Add counts or stages to the runs that have stages, unless retention has deleted them."""
    ids = [run.run_id for run in runs if run.has_stages]
    known = {run.id: run for run in reader.runs_of_ids(project_id, ids)} if ids else {}
    shown = reader.stages_of_runs(project_id, ids) if ids and stages is not Stages.COUNTED else {}
    for view in runs:
        run = known.get(view.run_id)
        if run is None:
            continue
        view.stage_count, view.job_count, view.live_job_count = run.stage_count, run.job_count, run.live_job_count
        view.orchestrator = shaped(OrchestratorView, run.orchestrator) if run.orchestrator else None
        if stages is not Stages.COUNTED:
            with_jobs = stages is Stages.WITH_JOBS
            dags = shown.get(run.id, [])
            view.stages = [dag_with_jobs(reader, dag) if with_jobs else dag_view(dag) for dag in dags]


def job_views(reader: Reader, jobs: Sequence[Job], *, with_attempts: bool = False) -> list[JobView]:
    """Return jobs, with all their attempts if asked for."""
    around = _Around(reader, jobs, with_attempts=with_attempts)
    views = [around.job_view(job) for job in jobs]
    if with_attempts:
        for view in views:
            view.attempts = [around.attempt_view(attempt) for attempt in around.attempts.get(view.job_id, ())]
    return views


def job_view(reader: Reader, job: Job) -> JobView:
    """Return one job with all its attempts."""
    return job_views(reader, [job], with_attempts=True)[0]


class _Around:
    """Records that the jobs of a list refer to, read in bulk: DAG names, attempts, workers, results."""

    def __init__(self, reader: Reader, jobs: Sequence[Job], *, with_attempts: bool) -> None:
        self._reader = reader
        self._dag_names = reader.dag_names(_each(job.dag_id for job in jobs))
        tried = [job.id for job in jobs if with_attempts or job.started_at is not None]
        self.attempts: Mapping[str, list[Attempt]] = reader.attempts_of_jobs(tried) if tried else {}
        self._with_result = reader.jobs_with_result([job.id for job in jobs]) if jobs else set()
        worker_ids = _each(attempt.worker_id for attempts in self.attempts.values() for attempt in attempts)
        self._worker_names = reader.worker_names(worker_ids) if worker_ids else {}
        self._workers: list[Worker] | None = None

    def job_view(self, job: Job) -> JobView:
        latest = self._latest_attempt(job)
        why = self._waits_for(job)
        spec = job.spec
        return shaped(
            JobView,
            spec,
            job_id=job.id,
            dag_id=job.dag_id,
            dag_name=self._dag_names[job.dag_id],
            agent_run_id=job.run_id,
            status=job.status,
            waits_for=why,
            reason=self._reason(job, why, latest),
            env=sorted(spec.env),
            cancel_requested=job.is_cancel_requested,
            submitted_at=job.submitted_at,
            ready_at=job.ready_at,
            started_at=job.started_at,
            leased_at=latest.leased_at if latest else None,
            ended_at=job.ended_at,
            result_is_set=job.id in self._with_result,
            worker=self._worker_name(latest.worker_id) if latest else None,
            exit_code=latest.exit_code if latest else None,
            signal=latest.signal if latest else None,
            duration_ns=latest.duration_ns if latest else None,
            peak_memory_bytes=latest.peak_memory_bytes if latest else None,
            parked_at=latest.parked_at if latest else None,
            parked_ns=latest.parked_ns if latest else None,
            decision=_decision_view(job),
        )

    def attempt_view(self, attempt: Attempt) -> AttemptView:
        return shaped(AttemptView, attempt, attempt=attempt.number, worker=self._worker_name(attempt.worker_id))

    def _worker_name(self, worker_id: str) -> str:
        return self._worker_names.get(worker_id, worker_id)

    def _latest_attempt(self, job: Job) -> Attempt | None:
        attempts = self.attempts.get(job.id)
        return attempts[-1] if attempts and job.started_at is not None else None

    def _waits_for(self, job: Job) -> WaitsFor | None:
        return waits_for(job, self._all_workers() if job.status is JobStatus.READY else ())

    def _reason(self, job: Job, why: WaitsFor | None, latest: Attempt | None) -> str | None:
        if job.status is JobStatus.RUNNING and latest is not None:
            return reason_of_wait(latest) or job.reason
        reason, held = reason_of(job, why), None
        if why is WaitsFor.SLOTS:
            slots = (each.offers.get(job.spec.requirement, 0) for each in self._all_workers() if _may_run(each, job))
            held = holders_that_wait([each for each in self._waiters if _holds_slot_for(each, job)], places=sum(slots))
        elif why is WaitsFor.CONCURRENCY:
            key = (job.project_id, job.spec.concurrency_key)
            holders = [each for each in self._waiters if (each[0].project_id, each[0].spec.concurrency_key) == key]
            held = holders_that_wait(holders, places=job.spec.concurrency_limit)
        return reason if held is None else f"{reason}, {held}"

    @cached_property
    def _waiters(self) -> list[Waiter]:
        return waiters(self._reader)

    def _all_workers(self) -> list[Worker]:
        if self._workers is None:
            self._workers = self._reader.workers()
        return self._workers


def _may_run(worker: Worker, job: Job) -> bool:
    is_own = worker.organisation_id == organisation_of(job.project_id)
    return worker.state is WorkerState.CONNECTED and is_own and job.spec.confined_to in (None, worker.confines_to)


def _holds_slot_for(waiter: Waiter, job: Job) -> bool:
    other, attempt = waiter
    is_alike = organisation_of(other.project_id) == organisation_of(job.project_id)
    return is_alike and attempt.parked_at is None and attempt.label == job.spec.requirement


def _each(ids: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(ids))


def _decision_view(job: Job) -> DecisionView | None:
    decision = job.decision
    if decision is None:
        return None
    return shaped(DecisionView, decision, decided_at=job.ended_at)
