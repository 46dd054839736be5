"""Queries of the job store: the `Reader` port on any database that is a `Session`."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar

from titan.model.attempts import Attempt
from titan.model.dags import Dag
from titan.model.events import JournalEntry
from titan.model.files import LeftFile, Receipt, StoredFile, StoredValue
from titan.model.jobs import (
    HeldPart,
    Job,
    JobStatus,
    QueuePart,
    ReadyJob,
    ReadyPart,
    WaitsFor,
    queue_label,
    split_queue_label,
)
from titan.model.retention import ArtifactKey, FileName, LogOwner, OldEntry, RunKey
from titan.model.run_control import Origin, RunControl
from titan.model.tokens import Organisation, SignIn, Token
from titan.model.workers import Worker
from titan.store.columns import RowReader, from_us, from_us_or_none, methods_read_rows, to_json, to_us, within
from titan.store.rows import (
    ATTEMPTS,
    DAGS,
    FILES,
    JOBS,
    JOURNAL,
    LEFT_FILES,
    ORGANISATIONS,
    RECEIPTS,
    RUNS,
    SIGN_INS,
    TOKENS,
    VALUES,
    WORKERS,
    digests_of_spec,
    ready_job_from_row,
)
from titan.store.session import Value

T = TypeVar("T")

ANY_WORKER: Final = "*"  # the lane of jobs that are bound to no worker; see the table `jobs`
BEHIND_ALL: Final = "\U0010ffff"  # sorts behind every id, by bytes
_OF_WORKER: Final = ("worker", "busy_slots", "live_attempts_of_worker")
NEVER_US: Final = 2**62  # later than every moment


@methods_read_rows
class SqlReader(RowReader):
    """Implements `titan.ports.jobs_store.Reader`; its docstrings stand there."""

    __slots__ = ()

    def look_ahead(
        self,
        *,
        leases: Sequence[str] = (),
        workers: Sequence[str] = (),
        jobs: Sequence[str] = (),
        lanes: Sequence[tuple[str | None, str, int]] = (),
    ) -> None:
        queries: list[tuple[str, Mapping[str, Value]]] = []
        for worker_id in workers:
            queries += [(query, {"worker_id": worker_id}) for query in _OF_WORKER]
        queries += [("job", {"job_id": job_id}) for job_id in jobs]
        for bound_to, requirement, limit in lanes:
            taken: dict[str, Value] = {"lane": bound_to or ANY_WORKER, "requirement": requirement, "limit": limit}
            queries.append(("jobs_to_take", taken))
        self._session.look_ahead(leases, queries)

    # --- jobs ---

    def job(self, job_id: str) -> Job | None:
        return self._first(JOBS, "job", job_id=job_id)

    def newest_job(
        self, project_id: str, name: str, *, dag_id: str | None = None, run_id: str | None = None
    ) -> Job | None:
        if dag_id is not None:
            return self._first(JOBS, "newest_job_of_dag", project_id=project_id, name=name, dag_id=dag_id)
        if run_id is not None:
            return self._first(JOBS, "newest_job_of_run", project_id=project_id, name=name, run_id=run_id)
        return self._first(JOBS, "newest_job", project_id=project_id, name=name)

    def jobs_of_dag(self, dag_id: str) -> list[Job]:
        return self._find(JOBS, "jobs_of_dag", dag_id=dag_id)

    def children(self, job_id: str) -> list[Job]:
        return self._find(JOBS, "children", job_id=job_id)

    def edges_of_dag(self, dag_id: str) -> list[tuple[str, str]]:
        return [(row[0], row[1]) for row in self._all("edges_of_dag", dag_id=dag_id)]

    def gates(self, project_id: str, *, is_open: bool = False, run_id: str | None = None, limit: int) -> list[Job]:
        query = "newest_open_gates" if is_open else "newest_gates"
        return self._find(JOBS, query, project_id=project_id, run_id=run_id, limit=limit)

    def open_gates_called(self, project_id: str, name: str) -> list[Job]:
        return self._find(JOBS, "open_gates_called", project_id=project_id, name=name)

    def active_with_key(self, project_id: str, concurrency_key: str) -> int:
        return int(self._all("active_with_key", project_id=project_id, key=concurrency_key)[0][0])

    def next_held(self, project_id: str, concurrency_key: str) -> Job | None:
        return self._first(JOBS, "first_held", project_id=project_id, key=concurrency_key, limit=1)

    def result(self, job_id: str) -> str | None:
        row = self._one("result", job_id=job_id)
        return None if row is None else str(row[0])

    def ready_jobs(self, requirement: str, *, limit: int) -> list[ReadyJob]:
        return self._jobs_to_take(ANY_WORKER, requirement, limit)

    def ready_jobs_bound_to(self, worker_id: str, requirement: str, *, limit: int) -> list[ReadyJob]:
        return self._jobs_to_take(worker_id, requirement, limit)

    def _jobs_to_take(self, lane: str, requirement: str, limit: int) -> list[ReadyJob]:
        found = self._all("jobs_to_take", lane=lane, requirement=requirement, limit=limit)
        return [ready_job_from_row(row) for row in found]

    def due_jobs(self, now: datetime, *, limit: int) -> list[Job]:
        return self._find(JOBS, "due_jobs", now_us=to_us(now), limit=limit)

    def jobs_due_after(self, due_at: datetime, job_id: str, *, limit: int) -> list[Job]:
        return self._find(JOBS, "jobs_due_after", due_at_us=to_us(due_at), job_id=job_id, limit=limit)

    def next_wakeup(self) -> datetime | None:
        row = self._one("next_wakeup")
        return None if row is None or row[0] is None else from_us(row[0])

    def labels_waited_for(self) -> list[str]:
        labels: list[str] = []
        row = self._one("next_label", after="")
        while row is not None and row[0] is not None:
            labels.append(row[0])
            row = self._one("next_label", after=row[0])
        return labels

    def count_unfinished_jobs(self) -> dict[str, int]:
        counts = Counter[str]()
        for project_id in self.projects():
            counts.update(dict(self._all("count_unfinished_jobs", project_id=project_id)))
        return dict(counts)

    # --- DAGs and runs ---

    def projects(self) -> list[str]:
        found = [*self._all("projects_with_dags"), *self._all("projects_with_tokens")]
        return sorted({str(row[0]) for row in found})

    def dag(self, dag_id: str) -> Dag | None:
        return self._first(DAGS, "dag", dag_id=dag_id)

    def newest_dag(self, project_id: str, name: str) -> Dag | None:
        return next(iter(self.dags(project_id, name=name, limit=1)), None)

    def newest_dag_of_key(self, project_id: str, submission_key: str) -> Dag | None:
        return self._first(DAGS, "newest_dag_of_key", project_id=project_id, submission_key=submission_key)

    def stages(self, project_id: str, run_id: str) -> list[Dag]:
        return self._find(DAGS, "stages", project_id=project_id, run_id=run_id)

    def last_stage(self, project_id: str, run_id: str) -> Dag | None:
        return next(iter(self.dags(project_id, run_id=run_id, limit=1)), None)

    def run_control(self, project_id: str, run_id: str) -> RunControl | None:
        return self._first(RUNS, "run_control", project_id=project_id, run_id=run_id)

    def quiet_runs(self, *, since: datetime, before: datetime, limit: int) -> list[RunControl]:
        return self._find(RUNS, "quiet_runs", since_us=to_us(since), before_us=to_us(before), limit=limit)

    def forgettable_runs(self, *, before: datetime, after: RunControl | None, limit: int) -> list[RunControl]:
        return self._find(
            RUNS,
            "forgettable_runs",
            before_us=to_us(before),
            after_us=-1 if after is None else to_us(after.last_activity_at),
            after_project_id="" if after is None else after.project_id,
            after_id="" if after is None else after.id,
            limit=limit,
        )

    def forgettable_dags(self, *, before: datetime, limit: int) -> list[Dag]:
        return self._find(DAGS, "forgettable_dags", before_us=to_us(before), limit=limit)

    def forgettable_workers(self, *, before: datetime, after_id: str, limit: int) -> list[Worker]:
        return self._find(WORKERS, "forgettable_workers", before_us=to_us(before), after_id=after_id, limit=limit)

    # --- attempts and workers ---

    def attempt(self, lease_id: str) -> Attempt | None:
        return self._first(ATTEMPTS, "attempt", lease_id=lease_id)

    def attempts_of_job(self, job_id: str) -> list[Attempt]:
        return self._find(ATTEMPTS, "attempts_of_job", job_id=job_id)

    def live_attempt_of_job(self, job_id: str) -> Attempt | None:
        return self._first(ATTEMPTS, "live_attempt_of_job", job_id=job_id)

    def live_attempt_by_token(self, token: str) -> Attempt | None:
        return self._first(ATTEMPTS, "live_attempt_by_token", token=token)

    def live_attempts_of_worker(self, worker_id: str) -> list[Attempt]:
        return self._find(ATTEMPTS, "live_attempts_of_worker", worker_id=worker_id)

    def busy_slots(self, worker_id: str) -> dict[str, int]:
        return dict(self._all("busy_slots", worker_id=worker_id))

    def expired_attempts(self, now: datetime) -> list[Attempt]:
        return self._find(ATTEMPTS, "expired_attempts", now_us=to_us(now))

    def worker(self, worker_id: str) -> Worker | None:
        return self._first(WORKERS, "worker", worker_id=worker_id)

    def connected_workers(self) -> list[str]:
        return [str(row[0]) for row in self._all("connected_workers")]

    def workers(self) -> list[Worker]:
        return self._find(WORKERS, "workers")

    # --- tokens ---

    def token(self, token_id: str) -> Token | None:
        return self._first(TOKENS, "token", token_id=token_id)

    def tokens(self) -> list[Token]:
        return self._find(TOKENS, "tokens")

    def organisations(self) -> list[Organisation]:
        return self._find(ORGANISATIONS, "organisations")

    def sign_in(self, hashed: str) -> SignIn | None:
        return self._first(SIGN_INS, "sign_in", hash=hashed)

    # --- files that attempts left ---

    def files_of_job(self, job_id: str, *, attempt: int | None = None, limit: int) -> list[LeftFile]:
        if attempt is None:
            return self._find(LEFT_FILES, "files_of_job", job_id=job_id, limit=limit)
        return self._find(LEFT_FILES, "files_of_job_attempt", job_id=job_id, number=attempt, limit=limit)

    def files_of_dag(self, dag_id: str, *, limit: int) -> list[LeftFile]:
        return self._find(LEFT_FILES, "files_of_dag", dag_id=dag_id, limit=limit)

    def files_of_run(self, project_id: str, run_id: str, *, limit: int) -> list[LeftFile]:
        return self._find(LEFT_FILES, "files_of_run", project_id=project_id, run_id=run_id, limit=limit)

    # --- journal ---

    def journal(
        self,
        project_id: str | None,
        *,
        after_seq: int = 0,
        run_id: str | None = None,
        dag_id: str | None = None,
        job_id: str | None = None,
        limit: int,
    ) -> list[JournalEntry]:
        here: dict[str, Value] = {"project_id": project_id, "after_seq": after_seq, "limit": limit}
        if project_id is None:
            return self._find(JOURNAL, "journal_of_all", after_seq=after_seq, newest=self.last_seq(), limit=limit)
        if job_id is not None:
            return self._find(JOURNAL, "journal_of_job", job_id=job_id, **here)
        if dag_id is not None:
            return self._find(JOURNAL, "journal_of_dag", dag_id=dag_id, run_id=run_id, **here)
        if run_id is not None:
            return self._find(JOURNAL, "journal_of_run", run_id=run_id, **here)
        return self._find(JOURNAL, "journal", **here)

    def last_seq(self) -> int:
        return int(self._all("last_seq")[0][0])

    def journal_cut(self) -> int:
        return int(self.note("journal_cut") or 0)

    def oldest_entries(self, *, after_seq: int, limit: int) -> list[OldEntry]:
        found = self._all("oldest_entries", after_seq=after_seq, last_seq=self.last_seq(), limit=limit)
        return [
            OldEntry(seq=row[0], at=from_us(row[1]), is_live=bool(row[2]), run=_run_key(row[3], row[4]))
            for row in found
        ]

    # --- blobs, logs and notes ---

    def is_blob_named(self, digest: str) -> bool:
        return self._one("blob_is_named", digest=digest) is not None

    def is_blob_within(self, digest: str, reach: str) -> bool:
        return self._one("blob_is_within", digest=digest, **within(reach)) is not None

    def blobs_of_jobs(self, *, after_id: str, limit: int) -> tuple[str | None, set[str]]:
        found = self._all("specs", after_id=after_id, limit=limit)
        return (found[-1][0] if found else None), {digest for row in found for digest in digests_of_spec(row[1])}

    def log_owner(self, lease_id: str) -> LogOwner | None:
        row = self._one("log_owner", lease_id=lease_id)
        return None if row is None else LogOwner(ended_at=from_us_or_none(row[0]), run=_run_key(row[1], row[2]))

    def old_files(self, *, before: datetime, after: FileName, limit: int) -> list[FileName]:
        found = self._all(
            "old_files",
            after_project_id=after.project_id,
            after_name=after.name,
            before_us=to_us(before),
            limit=limit,
        )
        return [FileName(project_id=row[0], name=row[1], run=_run_key(row[0], row[2])) for row in found]

    def old_artifact_keys(self, *, before: datetime, after: ArtifactKey, limit: int) -> list[ArtifactKey]:
        found = self._all(
            "old_artifact_keys",
            before_us=to_us(before),
            after_artifact=after.artifact,
            after_project_id=after.project_id,
            after_key=after.key,
            limit=limit,
        )
        return [
            ArtifactKey(project_id=row[0], key=row[1], artifact=row[2], run=_run_key(row[0], row[3])) for row in found
        ]

    def unused_bytes(self) -> int:
        return int(self._all("unused_bytes")[0][0])

    def note(self, name: str) -> str | None:
        row = self._one("meta", name=name)
        return None if row is None else str(row[0])

    # --- shared store ---

    def value(self, project_id: str, key: str, *, now: datetime) -> StoredValue | None:
        return self._first(VALUES, "value", project_id=project_id, key=key, now_us=to_us(now))

    def present_keys(self, project_id: str, keys: Sequence[str], *, now: datetime) -> list[str]:
        here: dict[str, Value] = {"project_id": project_id, "now_us": to_us(now)}
        return [key for key in keys if self._one("has_value", key=key, **here) is not None]

    def stored_keys(self, project_id: str, *, start: str, limit: int, now: datetime) -> list[str]:
        found = self._all("keys", project_id=project_id, start=start, limit=limit, now_us=to_us(now))
        return [row[0] for row in found]

    def members(self, project_id: str, key: str) -> list[str]:
        return [row[0] for row in self._all("members", project_id=project_id, key=key)]

    def file(self, project_id: str, name: str) -> StoredFile | None:
        return self._first(FILES, "file", project_id=project_id, name=name)

    def receipt(self, project_id: str, key: str) -> Receipt | None:
        return self._first(RECEIPTS, "receipt", project_id=project_id, key=key)

    def home_id(self) -> str:
        return self.note("home_id") or ""

    # --- lists of jobs ---

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
        here: dict[str, Value] = {"project_id": project_id, "before": before or BEHIND_ALL, "limit": limit}
        if dag_id is not None:
            return self._find(JOBS, "newest_jobs_of_dag", dag_id=dag_id, run_id=run_id, status=status, **here)
        if run_id is not None:
            return self._find(JOBS, "newest_jobs_of_run", run_id=run_id, status=status, **here)
        if status is not None:
            return self._find(JOBS, "newest_jobs_with_status", status=status, **here)
        return self._find(JOBS, "newest_jobs", **here)

    def jobs_of_worker(self, project_id: str, worker_id: str, *, before: str | None = None, limit: int) -> list[Job]:
        before_us = NEVER_US
        if before is not None:
            row = self._one("last_lease_of_job_by_worker", worker_id=worker_id, job_id=before)
            if row is None or row[0] is None:
                return []
            before_us = row[0]
        return self._find(
            JOBS,
            "newest_jobs_of_worker",
            project_id=project_id,
            worker_id=worker_id,
            before_us=before_us,
            before=before or BEHIND_ALL,
            limit=limit,
        )

    def jobs_of_ids(self, project_id: str, job_ids: Sequence[str]) -> list[Job]:
        found = self._find(JOBS, "jobs_of_ids", project_id=project_id, ids=to_json(job_ids))
        return _in_order(job_ids, found, lambda job: job.id)

    def jobs_with_result(self, job_ids: Sequence[str]) -> set[str]:
        return {str(row[0]) for row in self._all("jobs_with_result", ids=to_json(job_ids))}

    def queue_parts(self, project_id: str) -> list[QueuePart]:
        here: dict[str, Value] = {"project_id": project_id}
        ready = [
            ReadyPart(
                requirement=requirement,
                bound_to=None if lane == ANY_WORKER else lane,
                count=count,
                since=from_us(since_us),
                confined_to=confined_to,
                organisation_id=organisation_id,
            )
            for lane, label, count, since_us in self._all("queue_ready", **here)
            for requirement, confined_to, organisation_id in [split_queue_label(label)]
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
        here: dict[str, Value] = {"project_id": project_id, "limit": limit}
        match parts[0]:
            case ReadyPart(requirement=requirement, confined_to=confined_to, organisation_id=organisation_id):
                here["requirement"] = queue_label(requirement, confined_to, organisation_id)
                lanes = [part.bound_to or ANY_WORKER for part in parts if isinstance(part, ReadyPart)]
                if len(lanes) == 1:  # however many they are, the index has them in the order of their turn
                    return self._find(JOBS, "first_ready", lane=lanes[0], **here)
                return self._find(JOBS, "first_ready_of_lanes", lanes=to_json(lanes), **here)
            case HeldPart(concurrency_key=str() as key):
                return self._find(JOBS, "first_held", key=key, **here)
            case HeldPart(waits_for=why):
                return self._first_held(project_id, why, limit=limit)

    def _first_held(self, project_id: str, why: WaitsFor, *, limit: int) -> list[Job]:
        here: dict[str, Value] = {"project_id": project_id, "limit": limit}
        if why is WaitsFor.APPROVAL:
            return self._find(JOBS, "first_open_gates", **here)
        if why is WaitsFor.PARENTS:
            return self._find(JOBS, "first_with_parents", **here)
        return self._find(JOBS, "first_due", is_retry=int(why is WaitsFor.RETRY), **here)

    def attempts_of_jobs(self, job_ids: Sequence[str]) -> dict[str, list[Attempt]]:
        found = self._find(ATTEMPTS, "attempts_of_jobs", ids=to_json(job_ids))
        return _grouped(found, lambda attempt: attempt.job_id)

    def last_attempts_of_worker(self, worker_id: str, *, limit: int) -> list[Attempt]:
        return self._find(ATTEMPTS, "last_attempts_of_worker", worker_id=worker_id, limit=limit)

    # --- lists of DAGs and runs ---

    def dags(
        self,
        project_id: str,
        *,
        run_id: str | None = None,
        name: str | None = None,
        origin: Origin | None = None,
        before: str | None = None,
        limit: int,
    ) -> list[Dag]:
        here: dict[str, Value] = {"project_id": project_id, "before": before or BEHIND_ALL, "limit": limit}
        if run_id is not None:
            return self._find(DAGS, "newest_dags_of_run", run_id=run_id, name=name, **here)
        if name is not None:
            return self._find(DAGS, "newest_dags_called", name=name, **here)
        if origin is not None:
            return self._find(DAGS, "newest_dags_of_origin", origin=origin, **here)
        return self._find(DAGS, "newest_dags", **here)

    def dags_made_by(self, job_ids: Sequence[str]) -> list[Dag]:
        return self._find(DAGS, "dags_made_by", ids=to_json(job_ids)) if job_ids else []

    def dags_of_ids(self, project_id: str, dag_ids: Sequence[str]) -> list[Dag]:
        found = self._find(DAGS, "dags_of_ids", project_id=project_id, ids=to_json(dag_ids))
        return _in_order(dag_ids, found, lambda dag: dag.id)

    def dag_names(self, dag_ids: Sequence[str]) -> dict[str, str]:
        return dict(self._all("dag_names", ids=to_json(dag_ids)))

    def runs_of_ids(self, project_id: str, run_ids: Sequence[str]) -> list[RunControl]:
        found = self._find(RUNS, "runs_of_ids", project_id=project_id, ids=to_json(run_ids))
        return _in_order(run_ids, found, lambda run: run.id)

    def last_stages(self, project_id: str, run_ids: Sequence[str]) -> dict[str, Dag]:
        found = self._find(DAGS, "last_stages", project_id=project_id, ids=to_json(run_ids))
        return {dag.run_id: dag for dag in found if dag.run_id is not None}

    def stages_of_runs(self, project_id: str, run_ids: Sequence[str]) -> dict[str, list[Dag]]:
        found = self._find(DAGS, "stages_of_runs", project_id=project_id, ids=to_json(run_ids))
        return _grouped(found, lambda dag: dag.run_id or "")

    # --- workers ---

    def worker_names(self, worker_ids: Sequence[str]) -> dict[str, str]:
        return dict(self._all("worker_names", ids=to_json(worker_ids)))


def _run_key(project_id: str, run_id: str | None) -> RunKey | None:
    return None if run_id is None else (project_id, run_id)


def _in_order(ids: Sequence[str], found: Iterable[T], id_of: Callable[[T], str]) -> list[T]:
    by_id = {id_of(each): each for each in found}
    return [by_id[each] for each in dict.fromkeys(ids) if each in by_id]


def _grouped(found: Iterable[T], key_of: Callable[[T], str]) -> dict[str, list[T]]:
    groups: dict[str, list[T]] = {}
    for each in found:
        groups.setdefault(key_of(each), []).append(each)
    return groups
