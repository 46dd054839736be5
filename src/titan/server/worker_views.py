"""Workers as people see them: what they offer, run and ran."""

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict
from typing import Final

from titan.model.attempts import Attempt
from titan.model.jobs import Job, JobStatus
from titan.model.workers import Worker, WorkerState
from titan.ports import Reader
from titan.wire.workers import LastJobView, LoadView, RunningView, WorkerStanding, WorkerView

LAST_JOBS: Final = 10

_STANDINGS: Final[Mapping[WorkerState, WorkerStanding]] = {
    WorkerState.CONNECTED: "connected",
    WorkerState.LOST: "lost",
    WorkerState.LEFT: "left",
}


def standing_of(worker: Worker) -> WorkerStanding:
    """Return how a worker stands for people, to whom one that drains is no longer simply connected."""
    is_draining = worker.is_draining and worker.state is WorkerState.CONNECTED
    return "draining" if is_draining else _STANDINGS[worker.state]


def worker_view(
    reader: Reader, worker: Worker, *, within: str | None = None, local_ids: AbstractSet[str] = frozenset()
) -> WorkerView:
    """Return a worker with its busy slots, what it runs and what it ran last, of the project `within` if given."""
    live = reader.live_attempts_of_worker(worker.id)
    ended = reader.last_attempts_of_worker(worker.id, limit=LAST_JOBS)
    of_project: dict[str, list[str]] = {}
    for attempt in (*live, *ended):
        if within in (None, attempt.project_id):
            of_project.setdefault(attempt.project_id, []).append(attempt.job_id)
    jobs = {job.id: job for project_id, ids in of_project.items() for job in reader.jobs_of_ids(project_id, ids)}
    running = [a for a in live if a.job_id in jobs and jobs[a.job_id].status is JobStatus.RUNNING]
    names = reader.dag_names(list({job.dag_id for job in jobs.values()}))
    return WorkerView(
        worker_id=worker.id,
        name=worker.name,
        host=worker.host,
        pid=worker.pid,
        version=worker.version,
        offers=dict(worker.offers),
        busy=Counter(attempt.label for attempt in running),
        state=standing_of(worker),
        is_local=worker.id in local_ids,
        joined_at=worker.joined_at,
        seen_at=worker.seen_at,
        running=[_running_view(attempt, jobs[attempt.job_id], names) for attempt in running],
        last_jobs=_last_jobs(ended, jobs, names),
        load=None if worker.load is None else LoadView(**asdict(worker.load)),
    )


def _running_view(attempt: Attempt, job: Job, dag_names: Mapping[str, str]) -> RunningView:
    return RunningView(
        job_id=job.id,
        name=job.name,
        dag_id=job.dag_id,
        dag_name=dag_names[job.dag_id],
        project=job.project_id,
        started_at=attempt.started_at or attempt.leased_at,
    )


def _last_jobs(ended: Sequence[Attempt], jobs: Mapping[str, Job], dag_names: Mapping[str, str]) -> list[LastJobView]:
    views = []
    for attempt in ended:
        job = jobs.get(attempt.job_id)
        if job is None or attempt.outcome is None or attempt.ended_at is None:
            continue
        views.append(
            LastJobView(
                job_id=job.id,
                name=job.name,
                dag_id=job.dag_id,
                dag_name=dag_names[job.dag_id],
                project=job.project_id,
                attempt=attempt.number,
                outcome=attempt.outcome,
                duration_ns=attempt.duration_ns,
                ended_at=attempt.ended_at,
            )
        )
    return sorted(views, key=lambda view: view.ended_at, reverse=True)
