"""Questions about stored facts: the `Reader` port on any database that is a `Session`."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from titan.model.attempts import Attempt
from titan.model.dags import Dag
from titan.model.events import JournalEntry
from titan.model.files import AttemptFile, LeftFile
from titan.model.jobs import Job, ReadyJob
from titan.model.memory import Receipt, StoredFile, StoredValue
from titan.model.retention import ArtifactKey, FileName, LogOwner, OldEntry, RunKey
from titan.model.run_control import RunControl
from titan.model.tokens import Organisation, SignIn, Token
from titan.model.workers import Worker
from titan.store.list_reader import ANY_WORKER, SqlListReader
from titan.store.rows.columns import from_us, from_us_or_none, methods_read_rows, to_us
from titan.store.rows.files import (
    attempt_file_from_row,
    file_from_row,
    left_file_from_row,
    receipt_from_row,
    value_from_row,
)
from titan.store.rows.jobs import DAGS, JOBS, RUNS, digests_of_spec, ready_job_from_row
from titan.store.rows.journal import entry_from_row
from titan.store.rows.workers import ATTEMPTS, ORGANISATIONS, SIGN_INS, TOKENS, WORKERS
from titan.store.session import Parameter


@methods_read_rows
class SqlReader(SqlListReader):
    """Implements `titan.ports.jobs_store.Reader`; its docstrings stand there."""

    __slots__ = ()

    def look_ahead(
        self,
        *,
        leases: Sequence[str] = (),
        workers: Sequence[str] = (),
        lanes: Sequence[tuple[str | None, str, int]] = (),
    ) -> None:
        return  # a question to a file beside the process costs no more when it is asked alone

    # --- jobs ---

    def job(self, job_id: str) -> Job | None:
        row = self._one("job", job_id=job_id)
        return None if row is None else JOBS.of(row)

    def newest_job(
        self, project_id: str, name: str, *, dag_id: str | None = None, run_id: str | None = None
    ) -> Job | None:
        if dag_id is not None:
            row = self._one("newest_job_of_dag", project_id=project_id, name=name, dag_id=dag_id)
        elif run_id is not None:
            row = self._one("newest_job_of_run", project_id=project_id, name=name, run_id=run_id)
        else:
            row = self._one("newest_job", project_id=project_id, name=name)
        return None if row is None else JOBS.of(row)

    def jobs_of_dag(self, dag_id: str) -> list[Job]:
        return [JOBS.of(row) for row in self._all("jobs_of_dag", dag_id=dag_id)]

    def children(self, job_id: str) -> list[Job]:
        return [JOBS.of(row) for row in self._all("children", job_id=job_id)]

    def edges_of_dag(self, dag_id: str) -> list[tuple[str, str]]:
        return [(row[0], row[1]) for row in self._all("edges_of_dag", dag_id=dag_id)]

    def gates(self, project_id: str, *, is_open: bool = False, run_id: str | None = None, limit: int) -> list[Job]:
        here: dict[str, Parameter] = {"project_id": project_id, "run_id": run_id, "limit": limit}
        found = self._all("newest_open_gates", **here) if is_open else self._all("newest_gates", **here)
        return [JOBS.of(row) for row in found]

    def open_gates_called(self, project_id: str, name: str) -> list[Job]:
        return [JOBS.of(row) for row in self._all("open_gates_called", project_id=project_id, name=name)]

    def active_with_key(self, project_id: str, concurrency_key: str) -> int:
        row = self._one("active_with_key", project_id=project_id, key=concurrency_key)
        return 0 if row is None else int(row[0])

    def next_held(self, project_id: str, concurrency_key: str) -> Job | None:
        row = self._one("first_held", project_id=project_id, key=concurrency_key, limit=1)
        return None if row is None else JOBS.of(row)

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
        found = self._all("due_jobs", now_us=to_us(now), limit=limit)
        return [JOBS.of(row) for row in found]

    def jobs_due_after(self, due_at: datetime, job_id: str, *, limit: int) -> list[Job]:
        found = self._all("jobs_due_after", due_at_us=to_us(due_at), job_id=job_id, limit=limit)
        return [JOBS.of(row) for row in found]

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
        row = self._one("dag", dag_id=dag_id)
        return None if row is None else DAGS.of(row)

    def newest_dag(self, project_id: str, name: str) -> Dag | None:
        return next(iter(self.dags(project_id, name=name, limit=1)), None)

    def newest_dag_of_key(self, project_id: str, submission_key: str) -> Dag | None:
        row = self._one("newest_dag_of_key", project_id=project_id, submission_key=submission_key)
        return None if row is None else DAGS.of(row)

    def stages(self, project_id: str, run_id: str) -> list[Dag]:
        found = self._all("stages", project_id=project_id, run_id=run_id)
        return [DAGS.of(row) for row in found]

    def last_stage(self, project_id: str, run_id: str) -> Dag | None:
        return next(iter(self.dags(project_id, run_id=run_id, limit=1)), None)

    def run_control(self, project_id: str, run_id: str) -> RunControl | None:
        row = self._one("run_control", project_id=project_id, run_id=run_id)
        return None if row is None else RUNS.of(row)

    def quiet_runs(self, *, since: datetime, before: datetime, limit: int) -> list[RunControl]:
        found = self._all("quiet_runs", since_us=to_us(since), before_us=to_us(before), limit=limit)
        return [RUNS.of(row) for row in found]

    def forgettable_runs(self, *, before: datetime, after: RunControl | None, limit: int) -> list[RunControl]:
        found = self._all(
            "forgettable_runs",
            before_us=to_us(before),
            after_us=-1 if after is None else to_us(after.last_activity_at),
            after_project_id="" if after is None else after.project_id,
            after_id="" if after is None else after.id,
            limit=limit,
        )
        return [RUNS.of(row) for row in found]

    def forgettable_dags(self, *, before: datetime, limit: int) -> list[Dag]:
        return [DAGS.of(row) for row in self._all("forgettable_dags", before_us=to_us(before), limit=limit)]

    def forgettable_workers(self, *, before: datetime, after_id: str, limit: int) -> list[Worker]:
        found = self._all("forgettable_workers", before_us=to_us(before), after_id=after_id, limit=limit)
        return [WORKERS.of(row) for row in found]

    # --- attempts and workers ---

    def attempt(self, lease_id: str) -> Attempt | None:
        row = self._one("attempt", lease_id=lease_id)
        return None if row is None else ATTEMPTS.of(row)

    def attempts_of_job(self, job_id: str) -> list[Attempt]:
        return [ATTEMPTS.of(row) for row in self._all("attempts_of_job", job_id=job_id)]

    def live_attempt_of_job(self, job_id: str) -> Attempt | None:
        row = self._one("live_attempt_of_job", job_id=job_id)
        return None if row is None else ATTEMPTS.of(row)

    def live_attempt_by_token(self, token: str) -> Attempt | None:
        row = self._one("live_attempt_by_token", token=token)
        return None if row is None else ATTEMPTS.of(row)

    def live_attempts_of_worker(self, worker_id: str) -> list[Attempt]:
        found = self._all("live_attempts_of_worker", worker_id=worker_id)
        return [ATTEMPTS.of(row) for row in found]

    def busy_slots(self, worker_id: str) -> dict[str, int]:
        return dict(self._all("busy_slots", worker_id=worker_id))

    def expired_attempts(self, now: datetime) -> list[Attempt]:
        found = self._all("expired_attempts", now_us=to_us(now))
        return [ATTEMPTS.of(row) for row in found]

    def worker(self, worker_id: str) -> Worker | None:
        row = self._one("worker", worker_id=worker_id)
        return None if row is None else WORKERS.of(row)

    def connected_workers(self) -> list[str]:
        return [str(row[0]) for row in self._all("connected_workers")]

    def workers(self) -> list[Worker]:
        return [WORKERS.of(row) for row in self._all("workers")]

    # --- tokens ---

    def token(self, token_id: str) -> Token | None:
        row = self._one("token", token_id=token_id)
        return None if row is None else TOKENS.of(row)

    def tokens(self) -> list[Token]:
        return [TOKENS.of(row) for row in self._all("tokens")]

    def organisations(self) -> list[Organisation]:
        return [ORGANISATIONS.of(row) for row in self._all("organisations")]

    def sign_in(self, hashed: str) -> SignIn | None:
        row = self._one("sign_in", hash=hashed)
        return None if row is None else SIGN_INS.of(row)

    # --- files that attempts left ---

    def files_of_attempt(self, lease_id: str) -> list[AttemptFile]:
        return [attempt_file_from_row(row) for row in self._all("files_of_attempt", lease_id=lease_id)]

    def files_of_job(self, job_id: str, *, attempt: int | None = None, limit: int) -> list[LeftFile]:
        if attempt is None:
            found = self._all("files_of_job", job_id=job_id, limit=limit)
        else:
            found = self._all("files_of_job_attempt", job_id=job_id, number=attempt, limit=limit)
        return [left_file_from_row(row) for row in found]

    def files_of_dag(self, dag_id: str, *, limit: int) -> list[LeftFile]:
        return [left_file_from_row(row) for row in self._all("files_of_dag", dag_id=dag_id, limit=limit)]

    def files_of_run(self, project_id: str, run_id: str, *, limit: int) -> list[LeftFile]:
        found = self._all("files_of_run", project_id=project_id, run_id=run_id, limit=limit)
        return [left_file_from_row(row) for row in found]

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
        here: dict[str, Parameter] = {"project_id": project_id, "after_seq": after_seq, "limit": limit}
        if project_id is None:
            found = self._all("journal_of_all", after_seq=after_seq, newest=self.last_seq(), limit=limit)
        elif job_id is not None:
            found = self._all("journal_of_job", job_id=job_id, **here)
        elif dag_id is not None:
            found = self._all("journal_of_dag", dag_id=dag_id, run_id=run_id, **here)
        elif run_id is not None:
            found = self._all("journal_of_run", run_id=run_id, **here)
        else:
            found = self._all("journal", **here)
        return [entry_from_row(row) for row in found]

    def last_seq(self) -> int:
        row = self._one("last_seq")
        return 0 if row is None else int(row[0])

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
        row = self._one("unused_bytes")
        return 0 if row is None else int(row[0])

    def note(self, name: str) -> str | None:
        row = self._one("meta", name=name)
        return None if row is None else str(row[0])

    # --- shared store ---

    def value(self, project_id: str, key: str, *, now: datetime) -> StoredValue | None:
        row = self._one("value", project_id=project_id, key=key, now_us=to_us(now))
        return None if row is None else value_from_row(row)

    def present_keys(self, project_id: str, keys: Sequence[str], *, now: datetime) -> list[str]:
        here: dict[str, Parameter] = {"project_id": project_id, "now_us": to_us(now)}
        return [key for key in keys if self._one("has_value", key=key, **here) is not None]

    def stored_keys(self, project_id: str, *, start: str, limit: int, now: datetime) -> list[str]:
        found = self._all("keys", project_id=project_id, start=start, limit=limit, now_us=to_us(now))
        return [row[0] for row in found]

    def members(self, project_id: str, key: str) -> list[str]:
        return [row[0] for row in self._all("members", project_id=project_id, key=key)]

    def file(self, project_id: str, name: str) -> StoredFile | None:
        row = self._one("file", project_id=project_id, name=name)
        return None if row is None else file_from_row(row)

    def receipt(self, project_id: str, key: str) -> Receipt | None:
        row = self._one("receipt", project_id=project_id, key=key)
        return None if row is None else receipt_from_row(row)

    def home_id(self) -> str:
        return self.note("home_id") or ""


def _run_key(project_id: str, run_id: str | None) -> RunKey | None:
    return None if run_id is None else (project_id, run_id)
