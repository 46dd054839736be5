"""Writes of the job store: the `Transaction` port on any database that is a `Session`."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from titan.model.attempts import Attempt
from titan.model.dags import Dag
from titan.model.events import Event, JournalEntry, Subject
from titan.model.files import AttemptFile, Receipt, StoredFile, StoredValue
from titan.model.jobs import Job
from titan.model.retention import ArtifactKey, FileName
from titan.model.run_control import RunControl
from titan.model.tokens import Organisation, SignIn, Token
from titan.model.workers import Worker
from titan.store.columns import reads_rows, to_us
from titan.store.reader import SqlReader
from titan.store.rows import (
    ATTEMPT_FILES,
    ATTEMPTS,
    DAGS,
    FILES,
    JOBS,
    JOURNAL,
    ORGANISATIONS,
    RECEIPTS,
    RUNS,
    SIGN_INS,
    TOKENS,
    VALUES,
    WORKERS,
    changes_of_job,
    entry_of_event,
    row_of_job,
)
from titan.store.session import Session, Value


class SqlTransaction(SqlReader):
    """Implements `titan.ports.jobs_store.Transaction`; its docstrings are there.

    Journal entries are gathered and written by `flush`, many in one go; a question about the
    journal flushes first, so that a transaction reads what it recorded.
    """

    __slots__ = ("_flushed_count", "_next_seq", "_now", "_now_us", "entries", "keys")

    def __init__(self, session: Session, now: datetime, *, last_seq: int) -> None:
        super().__init__(session)
        self._now = now
        self._now_us = to_us(now)
        self._next_seq = last_seq + 1
        self._flushed_count = 0
        #: What was recorded so far, in order.
        self.entries: list[JournalEntry] = []
        #: (project id, key) of the values and sets that were written.
        self.keys: set[tuple[str, str]] = set()

    @property
    def now(self) -> datetime:
        return self._now

    # --- jobs, DAGs, runs ---

    def add_dag(self, dag: Dag, jobs: Sequence[Job], edges: Iterable[tuple[str, str]]) -> None:
        self._session.run("add_dag", DAGS.row(dag))
        self._session.run_many("add_job", map(row_of_job, jobs))
        self._session.run_many(
            "add_edge",
            ({"project_id": dag.project_id, "parent_id": parent, "child_id": child} for parent, child in edges),
        )

    def save_dag(self, dag: Dag) -> None:
        self._session.run("save_dag", DAGS.row(dag))

    def save_job(self, job: Job) -> None:
        self._session.run("save_job", changes_of_job(job))

    @reads_rows
    def count_down_children(self, parent_id: str, *, worker_id: str | None) -> list[Job]:
        children = self._find(JOBS, "count_down_children", parent_id=parent_id, worker_id=worker_id)
        return sorted((job for job in children if job.remaining_parents == 0), key=lambda job: job.id)

    def add_run(self, run: RunControl) -> None:
        self._session.run("add_run", RUNS.row(run))

    def save_run(self, run: RunControl) -> None:
        self._session.run("save_run", RUNS.row(run))

    # --- attempts and workers ---

    def add_attempt(self, attempt: Attempt) -> None:
        self._session.run("add_attempt", ATTEMPTS.row(attempt))

    def save_attempt(self, attempt: Attempt) -> None:
        self._session.run("save_attempt", ATTEMPTS.row(attempt))

    def forget_attempt(self, lease_id: str) -> None:
        self._session.run("forget_files_of_lease", {"lease_id": lease_id})
        self._session.run("forget_attempt", {"lease_id": lease_id})

    def renew_leases(self, worker_id: str, lease_ids: Sequence[str], *, expires_at: datetime) -> set[str]:
        expires_at_us = to_us(expires_at)
        return {
            lease_id
            for lease_id in lease_ids
            if self._one("renew_lease", lease_id=lease_id, worker_id=worker_id, expires_at_us=expires_at_us)
        }

    def renew_all_leases(self, *, expires_at: datetime) -> None:
        self._session.run("renew_all_leases", {"expires_at_us": to_us(expires_at)})

    def save_worker(self, worker: Worker) -> None:
        self._session.run("save_worker", WORKERS.row(worker))

    # --- tokens ---

    def add_token(self, token: Token) -> None:
        self._session.run("add_token", TOKENS.row(token))

    def add_organisation(self, organisation: Organisation) -> None:
        self._session.run("add_organisation", ORGANISATIONS.row(organisation))

    def save_token(self, token: Token) -> None:
        self._session.run("save_token", TOKENS.row(token))

    def add_sign_in(self, sign_in: SignIn) -> None:
        self._session.run("add_sign_in", SIGN_INS.row(sign_in))

    def forget_sign_in(self, hashed: str) -> bool:
        return self._session.count("forget_sign_in", hash=hashed) > 0

    def forget_sign_ins(self, *, before: datetime) -> int:
        return self._session.count("forget_sign_ins", before_us=to_us(before))

    # --- what goes ---

    def forget_entries(
        self, project_id: str, *, run_id: str | None = None, dag_id: str | None = None, limit: int
    ) -> int:
        newest = super().last_seq()
        if run_id is not None:
            gone = self._all(
                "forget_entries_of_run", project_id=project_id, run_id=run_id, last_seq=newest, limit=limit
            )
        else:
            gone = self._all("forget_entries_of_dag", dag_id=dag_id, last_seq=newest, limit=limit)
        self._note_cut([row[0] for row in gone])
        return len(gone)

    def cut_journal(self, seqs: Sequence[int]) -> None:
        self._session.run_many("forget_entry", ({"seq": seq} for seq in seqs))
        self._note_cut(seqs)

    def _note_cut(self, seqs: Sequence[int]) -> None:
        if seqs:
            self.put_note("journal_cut", str(max(self.journal_cut(), *seqs)))

    def forget_jobs(self, dag_id: str, *, limit: int) -> int:
        jobs = [{"job_id": row[0]} for row in self._all("first_jobs_of_dag", dag_id=dag_id, limit=limit)]
        for query in _FORGETTING_JOBS:
            self._session.run_many(query, jobs)
        return len(jobs)

    def forget_dag(self, dag_id: str) -> None:
        self._session.run("forget_dag", {"dag_id": dag_id})

    def forget_run(self, project_id: str, run_id: str) -> None:
        self._session.run("forget_run", {"project_id": project_id, "run_id": run_id})

    def forget_workers(self, worker_ids: Sequence[str], *, before: datetime) -> int:
        before_us = to_us(before)
        return sum(self._session.count("forget_worker", worker_id=each, before_us=before_us) for each in worker_ids)

    def forget_files(self, names: Sequence[FileName], *, before: datetime) -> int:
        count, before_us = self._session.count, to_us(before)
        return sum(
            count("forget_file", project_id=each.project_id, name=each.name, before_us=before_us) for each in names
        )

    def forget_artifact_keys(self, keys: Sequence[ArtifactKey], *, before: datetime) -> int:
        self.keys.update((each.project_id, each.key) for each in keys)
        count, before_us = self._session.count, to_us(before)
        return sum(
            count("forget_value", project_id=each.project_id, key=each.key, before_us=before_us) for each in keys
        )

    def put_note(self, name: str, value: str) -> None:
        self._session.run("set_meta", {"name": name, "value": value})

    # --- files that attempts left ---

    def note_files(self, attempt: Attempt, files: Iterable[AttemptFile]) -> None:
        whose = {"lease_id": attempt.lease_id, "project_id": attempt.project_id, "now_us": self._now_us}
        self._session.run_many("note_attempt_file", (ATTEMPT_FILES.row(file) | whose for file in files))

    # --- journal ---

    def record(self, subject: Subject, event: Event) -> None:
        self.entries.append(entry_of_event(self._next_seq, self._now, subject, event))
        self._next_seq += 1

    def flush(self) -> None:
        """Write the entries that were recorded since the last flush."""
        if len(self.entries) > self._flushed_count:
            self._session.run_many("add_entry", map(JOURNAL.row, self.entries[self._flushed_count :]))
            self._flushed_count = len(self.entries)

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
        self.flush()
        return super().journal(
            project_id, after_seq=after_seq, run_id=run_id, dag_id=dag_id, job_id=job_id, limit=limit
        )

    def last_seq(self) -> int:
        return self._next_seq - 1

    # --- results and shared store ---

    def put_result(self, job_id: str, project_id: str, value: str) -> None:
        self._session.run(
            "put_result", {"job_id": job_id, "project_id": project_id, "value": value, "now_us": self._now_us}
        )

    def clear_result(self, job_id: str) -> None:
        self._session.run("clear_result", {"job_id": job_id})

    def put_value(self, project_id: str, key: str, value: StoredValue) -> None:
        here = {"project_id": project_id, "key": key, "now_us": self._now_us}
        self._session.run("put_value", VALUES.row(value) | here)
        self.keys.add((project_id, key))

    def delete_key(self, project_id: str, key: str) -> bool:
        here: dict[str, Value] = {"project_id": project_id, "key": key}
        deleted = self._session.count("delete_value", **here) + self._session.count("delete_set", **here)
        if deleted:
            self.keys.add((project_id, key))
        return deleted > 0

    def forget_expired_values(self, *, limit: int = 1000) -> int:
        return self._session.count("forget_expired_values", now_us=self._now_us, limit=limit)

    def add_member(self, project_id: str, key: str, member: str) -> bool:
        row = self._one("add_member", project_id=project_id, key=key, member=member, now_us=self._now_us)
        if row is None:
            return False
        self.keys.add((project_id, key))
        return True

    def put_file(self, project_id: str, file: StoredFile) -> None:
        self._session.run("put_file", FILES.row(file) | {"project_id": project_id, "now_us": self._now_us})

    def add_receipt(self, project_id: str, receipt: Receipt) -> None:
        self._session.run("add_receipt", RECEIPTS.row(receipt) | {"project_id": project_id, "now_us": self._now_us})

    def forget_receipts(self, *, before: datetime, limit: int = 1000) -> int:
        return self._session.count("forget_receipts", before_us=to_us(before), limit=limit)


_FORGETTING_JOBS: Final = (
    "forget_edges_from",
    "forget_edges_to",
    "forget_attempt_files",
    "forget_attempts",
    "clear_result",
    "forget_maker",
    "forget_job",
)
