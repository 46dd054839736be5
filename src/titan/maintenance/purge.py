"""Old facts are deleted: each function is one transaction of a few milliseconds, and asks again whether it may.

A run or DAG that is larger than one transaction goes in several: its journal entries first, then its jobs, then itself.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from titan.model.retention import ArtifactKey, FileName, Freed, OldEntry, RunKey
from titan.ports.jobs_store import Transaction
from titan.rules.retention import may_cut, may_forget_dag, may_forget_run

ENTRIES: Final = 100  # of one transaction; 10 µs each
JOBS: Final = 10  # of one transaction; 0.1 ms each with edges and attempts
ROWS: Final = 100  # of names and keys in one transaction


def forget_of_run(tx: Transaction, project_id: str, run_id: str, *, before: datetime) -> Freed | None:
    """Delete some facts of a run that is not pinned; None when nothing is left of it, or it may not go any more."""
    run = tx.run_control(project_id, run_id)
    if run is None or not may_forget_run(run, before=before):
        return None
    entries = tx.forget_entries(project_id, run_id=run_id, limit=ENTRIES)
    if entries:
        return Freed(journal_entries=entries)
    dag = tx.last_stage(project_id, run_id)
    if dag is None:
        tx.forget_run(project_id, run_id)
        return Freed(runs=1)
    return _forget_of_dag(tx, dag.id)


def forget_of_dag(tx: Transaction, dag_id: str, *, before: datetime) -> Freed | None:
    """Delete some of the facts of a DAG without a run; None when nothing is left, or it may not go any more."""
    dag = tx.dag(dag_id)
    if dag is None or not may_forget_dag(dag, before=before):
        return None
    entries = tx.forget_entries(dag.project_id, dag_id=dag_id, limit=ENTRIES)
    return Freed(journal_entries=entries) if entries else _forget_of_dag(tx, dag_id)


def cut(tx: Transaction, entries: list[OldEntry], *, before: datetime, pinned: Collection[RunKey]) -> Freed:
    """Delete those of these journal entries that may go."""
    seqs = [entry.seq for entry in entries if may_cut(entry, before=before, pinned=pinned)]
    tx.cut_journal(seqs)
    return Freed(journal_entries=len(seqs))


def forget_workers(tx: Transaction, worker_ids: list[str], *, before: datetime) -> Freed:
    """Delete workers that are gone."""
    return Freed(workers=tx.forget_workers(worker_ids, before=before))


def forget_files(tx: Transaction, names: list[FileName], *, before: datetime) -> Freed:
    """Delete names of files."""
    return Freed(files=tx.forget_files(names, before=before))


def forget_keys(tx: Transaction, keys: list[ArtifactKey], *, before: datetime) -> Freed:
    """Delete published keys."""
    return Freed(keys=tx.forget_artifact_keys(keys, before=before))


def _forget_of_dag(tx: Transaction, dag_id: str) -> Freed:
    jobs = tx.forget_jobs(dag_id, limit=JOBS)
    if jobs == JOBS:
        return Freed(jobs=jobs)
    tx.forget_dag(dag_id)
    return Freed(jobs=jobs, dags=1)
