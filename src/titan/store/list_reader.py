"""Questions about many stored facts at once: the `ListReader` port on any database that is a `Session`."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from titan.model.attempts import Attempt
from titan.model.dags import Dag
from titan.model.jobs import HeldPart, Job, JobStatus, QueuePart, ReadyPart, WaitsFor, queue_label, split_queue_label
from titan.model.run_control import RunControl
from titan.store.rows.columns import from_us, methods_read_rows, to_json
from titan.store.rows.jobs import DAGS, JOBS, RUNS
from titan.store.rows.workers import ATTEMPTS
from titan.store.session import Parameter, Row, Session

T = TypeVar("T")

ANY_WORKER: Final = "*"  # the lane of jobs that are bound to no worker; see the table `jobs`
BEHIND_ALL: Final = "\U0010ffff"  # sorts behind every id, by bytes
NEVER_US: Final = 2**62  # later than every moment


@methods_read_rows
class SqlListReader:
    """Implements `titan.ports.lists.ListReader`; its docstrings stand there."""

    __slots__ = ("_all", "_one", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._all = session.all
        self._one = session.one

    # --- jobs ---

    def jobs(
        self,
        project_id: str,
        *,
        status: str | None = None,
        run_id: str | None = None,
        dag_id: str | None = None,
        before: str | None = None,
        limit: int,
    ) -> list[Job]:
        here: dict[str, Parameter] = {"project_id": project_id, "before": before or BEHIND_ALL, "limit": limit}
        if dag_id is not None:
            found = self._all("newest_jobs_of_dag", dag_id=dag_id, run_id=run_id, status=status, **here)
        elif run_id is not None:
            found = self._all("newest_jobs_of_run", run_id=run_id, status=status, **here)
        elif status is not None:
            found = self._all("newest_jobs_with_status", status=status, **here)
        else:
            found = self._all("newest_jobs", **here)
        return [JOBS.of(row) for row in found]

    def jobs_of_worker(self, project_id: str, worker_id: str, *, before: str | None = None, limit: int) -> list[Job]:
        before_us = NEVER_US
        if before is not None:
            row = self._one("last_lease_of_job_by_worker", worker_id=worker_id, job_id=before)
            if row is None or row[0] is None:
                return []
            before_us = row[0]
        found = self._all(
            "newest_jobs_of_worker",
            project_id=project_id,
            worker_id=worker_id,
            before_us=before_us,
            before=before or BEHIND_ALL,
            limit=limit,
        )
        return [JOBS.of(row) for row in found]

    def jobs_of_ids(self, project_id: str, job_ids: Sequence[str]) -> list[Job]:
        found = self._all("jobs_of_ids", project_id=project_id, ids=to_json(job_ids))
        return _in_order(job_ids, map(JOBS.of, found), lambda job: job.id)

    def jobs_with_result(self, job_ids: Sequence[str]) -> set[str]:
        return {str(row[0]) for row in self._all("jobs_with_result", ids=to_json(job_ids))}

    def queue_parts(self, project_id: str) -> list[QueuePart]:
        here: dict[str, Parameter] = {"project_id": project_id}
        ready = [
            ReadyPart(
                requirement=requirement,
                bound_to=None if lane == ANY_WORKER else lane,
                count=count,
                since=from_us(since_us),
                confined_to=confined_to,
            )
            for lane, label, count, since_us in self._all("queue_ready", **here)
            for requirement, confined_to in [split_queue_label(label)]
        ]
        held = [
            HeldPart(waits_for=WaitsFor.CONCURRENCY, concurrency_key=row[0], count=row[1], since=from_us(row[2]))
            for row in self._all("queue_held", **here)
        ]
        due = [
            HeldPart(waits_for=WaitsFor.RETRY if row[0] else WaitsFor.TIME, count=row[1], since=from_us(row[2]))
            for row in self._all("queue_due", **here)
        ]
        return [*ready, *held, *due, *self._rest_of_queue(project_id, sum(part.count for part in (*held, *due)))]

    def _rest_of_queue(self, project_id: str, counted: int) -> list[QueuePart]:
        """Return the gates, and what waits for parents: all WAITING jobs but the `counted` ones.

        Counted by themselves, the row of each would be read: 150 ms for 100,000.
        """
        counts: dict[str, int] = dict(self._all("queue_counts", project_id=project_id))
        parts: list[QueuePart] = []
        for status, why in ((JobStatus.WAITING_APPROVAL, WaitsFor.APPROVAL), (JobStatus.WAITING, WaitsFor.PARENTS)):
            count = counts.get(status.value, 0) - (counted if status is JobStatus.WAITING else 0)
            first = next(iter(self._first_held(project_id, why, limit=1)), None) if count > 0 else None
            if first is not None:
                parts.append(HeldPart(waits_for=why, count=count, since=first.ready_at or first.submitted_at))
        return parts

    def first_of_parts(self, project_id: str, parts: Sequence[QueuePart], *, limit: int) -> list[Job]:
        here: dict[str, Parameter] = {"project_id": project_id, "limit": limit}
        match parts[0]:
            case ReadyPart(requirement=requirement, confined_to=confined_to):
                lanes = [part.bound_to or ANY_WORKER for part in parts if isinstance(part, ReadyPart)]
                found = self._first_ready(lanes, requirement=queue_label(requirement, confined_to), **here)
                return [JOBS.of(row) for row in found]
            case HeldPart(concurrency_key=str() as key):
                return [JOBS.of(row) for row in self._all("first_held", key=key, **here)]
            case HeldPart(waits_for=why):
                return self._first_held(project_id, why, limit=limit)

    def _first_ready(self, lanes: Sequence[str], **here: Parameter) -> Sequence[Row]:
        """Return rows of jobs; those of one lane, however many, lie in the index in the order of their turn."""
        if len(lanes) == 1:
            return self._all("first_ready", lane=lanes[0], **here)
        return self._all("first_ready_of_lanes", lanes=to_json(lanes), **here)

    def _first_held(self, project_id: str, why: WaitsFor, *, limit: int) -> list[Job]:
        here: dict[str, Parameter] = {"project_id": project_id, "limit": limit}
        if why is WaitsFor.APPROVAL:
            found = self._all("first_open_gates", **here)
        elif why is WaitsFor.PARENTS:
            found = self._all("first_with_parents", **here)
        else:
            found = self._all("first_due", is_retry=int(why is WaitsFor.RETRY), **here)
        return [JOBS.of(row) for row in found]

    def attempts_of_jobs(self, job_ids: Sequence[str]) -> dict[str, list[Attempt]]:
        found = self._all("attempts_of_jobs", ids=to_json(job_ids))
        return _grouped(map(ATTEMPTS.of, found), lambda attempt: attempt.job_id)

    def last_attempts_of_worker(self, worker_id: str, *, limit: int) -> list[Attempt]:
        found = self._all("last_attempts_of_worker", worker_id=worker_id, limit=limit)
        return [ATTEMPTS.of(row) for row in found]

    # --- DAGs and runs ---

    def dags(
        self,
        project_id: str,
        *,
        run_id: str | None = None,
        name: str | None = None,
        before: str | None = None,
        limit: int,
    ) -> list[Dag]:
        here: dict[str, Parameter] = {"project_id": project_id, "before": before or BEHIND_ALL, "limit": limit}
        if run_id is not None:
            found = self._all("newest_dags_of_run", run_id=run_id, name=name, **here)
        elif name is not None:
            found = self._all("newest_dags_called", name=name, **here)
        else:
            found = self._all("newest_dags", **here)
        return [DAGS.of(row) for row in found]

    def dags_of_ids(self, project_id: str, dag_ids: Sequence[str]) -> list[Dag]:
        found = self._all("dags_of_ids", project_id=project_id, ids=to_json(dag_ids))
        return _in_order(dag_ids, map(DAGS.of, found), lambda dag: dag.id)

    def dag_names(self, dag_ids: Sequence[str]) -> dict[str, str]:
        return dict(self._all("dag_names", ids=to_json(dag_ids)))

    def runs_of_ids(self, project_id: str, run_ids: Sequence[str]) -> list[RunControl]:
        found = self._all("runs_of_ids", project_id=project_id, ids=to_json(run_ids))
        return _in_order(run_ids, map(RUNS.of, found), lambda run: run.id)

    def last_stages(self, project_id: str, run_ids: Sequence[str]) -> dict[str, Dag]:
        found = self._all("last_stages", project_id=project_id, ids=to_json(run_ids))
        return {dag.run_id: dag for dag in map(DAGS.of, found) if dag.run_id is not None}

    def stages_of_runs(self, project_id: str, run_ids: Sequence[str]) -> dict[str, list[Dag]]:
        found = self._all("stages_of_runs", project_id=project_id, ids=to_json(run_ids))
        return _grouped(map(DAGS.of, found), lambda dag: dag.run_id or "")

    # --- workers ---

    def worker_names(self, worker_ids: Sequence[str]) -> dict[str, str]:
        return dict(self._all("worker_names", ids=to_json(worker_ids)))


def _in_order(ids: Sequence[str], found: Iterable[T], id_of: Callable[[T], str]) -> list[T]:
    by_id = {id_of(each): each for each in found}
    return [by_id[each] for each in dict.fromkeys(ids) if each in by_id]


def _grouped(found: Iterable[T], key_of: Callable[[T], str]) -> dict[str, list[T]]:
    groups: dict[str, list[T]] = {}
    for each in found:
        groups.setdefault(key_of(each), []).append(each)
    return groups
