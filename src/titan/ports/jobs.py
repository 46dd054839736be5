"""What the store of jobs knows of jobs, of their graphs and of the runs that these are stages of."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from titan.model.dags import Dag
from titan.model.jobs import Job, ReadyJob
from titan.model.run_control import RunControl


class JobReader(Protocol):
    """Questions about jobs, and about which of them comes next; unknown ids give None or nothing."""

    def job(self, job_id: str) -> Job | None: ...

    def newest_job(
        self, project_id: str, name: str, *, dag_id: str | None = None, run_id: str | None = None
    ) -> Job | None:
        """Return the newest job called `name` within the DAG, the run, or (neither given) the project."""

    def jobs_of_dag(self, dag_id: str) -> list[Job]:
        """Return a DAG's jobs in submission order."""

    def children(self, job_id: str) -> list[Job]:
        """Return the jobs that have this one as a parent, by id."""

    def edges_of_dag(self, dag_id: str) -> list[tuple[str, str]]:
        """Return (parent id, child id) of every edge with an end in the DAG."""

    def result(self, job_id: str) -> str | None:
        """Return the JSON text that the job's latest attempt set as its result."""

    def gates(self, project_id: str, *, is_open: bool = False, run_id: str | None = None, limit: int) -> list[Job]:
        """Return up to `limit` gates, newest first; with `is_open` only those that wait for a decision."""

    def open_gates_called(self, project_id: str, name: str) -> list[Job]:
        """Return the gates of this name that wait for a decision, oldest first."""

    def active_with_key(self, project_id: str, concurrency_key: str) -> int:
        """Return how many READY and RUNNING jobs have this key."""

    def next_held(self, project_id: str, concurrency_key: str) -> Job | None:
        """Return the job that waits for nothing but a place under this key: highest priority, then oldest."""

    def ready_jobs(self, requirement: str, *, limit: int) -> list[ReadyJob]:
        """Return the first `limit` READY jobs any worker may take: priority descending, ready time, id.

        What a worker has prefetched is left out, here and in the next.
        """

    def ready_jobs_bound_to(self, worker_id: str, requirement: str, *, limit: int) -> list[ReadyJob]:
        """Return, in the same order, READY jobs with required affinity to this worker."""

    def due_jobs(self, now: datetime, *, limit: int) -> list[Job]:
        """Return WAITING jobs whose due time has come, earliest first."""

    def jobs_due_after(self, due_at: datetime, job_id: str, *, limit: int) -> list[Job]:
        """Return, by due time and id, the first `limit` waiting jobs and open gates that come after these two."""

    def next_wakeup(self) -> datetime | None:
        """Return the earliest due time of a waiting job or expiry of a live lease."""


class DagReader(Protocol):
    """Questions about DAGs, and about the runs and projects that hold them; unknown ids give None or nothing."""

    def projects(self) -> list[str]:
        """Return the projects that have a DAG or a token of their own, sorted."""

    def dag(self, dag_id: str) -> Dag | None: ...

    def newest_dag(self, project_id: str, name: str) -> Dag | None: ...

    def newest_dag_of_key(self, project_id: str, submission_key: str) -> Dag | None: ...

    def stages(self, project_id: str, run_id: str) -> list[Dag]:
        """Return a run's DAGs in submission order."""

    def last_stage(self, project_id: str, run_id: str) -> Dag | None:
        """Return the run's most recent DAG."""

    def run_control(self, project_id: str, run_id: str) -> RunControl | None: ...


class JobTransaction(Protocol):
    """Changes of jobs, DAGs and runs."""

    def add_dag(self, dag: Dag, jobs: Sequence[Job], edges: Iterable[tuple[str, str]]) -> None:
        """Store a DAG with its jobs and (parent id, child id) edges."""

    def save_dag(self, dag: Dag) -> None:
        """Overwrite what changes of a DAG: counts, started_at, ended_at."""

    def save_job(self, job: Job) -> None:
        """Overwrite everything of a job but what its submission fixed."""

    def count_down_children(self, parent_id: str, *, worker_id: str | None) -> list[Job]:
        """Take one off `remaining_parents` of each WAITING child; return the children that reached 0.

        The first call that reaches a child also makes `worker_id` its preferred worker.
        """

    def put_result(self, job_id: str, project_id: str, value: str) -> None:
        """Set a job's result, a JSON text, replacing what it was."""

    def clear_result(self, job_id: str) -> None: ...

    def add_run(self, run: RunControl) -> None: ...

    def save_run(self, run: RunControl) -> None: ...
