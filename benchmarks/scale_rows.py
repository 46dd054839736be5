"""What a job and a claim cost when a million jobs are stored, on both databases, beside the same with a thousand.

Decisions of the engine are run on the store alone, without server, worker and processes: a job is submitted, leased
and completed, each in a transaction of its own.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

import apsw
import psycopg

from benchmarks.job_rows import in_turns
from benchmarks.rivals.services import postgres
from benchmarks.rows import Better, Row, at_most, ratio_between
from titan.model.attempts import AttemptOutcome, AttemptReport
from titan.model.dags import NewDag, OnFailure
from titan.model.jobs import JobSpec
from titan.model.workers import Worker, WorkerState
from titan.orchestrator import worker_registry
from titan.orchestrator.attempts import Progress, complete, dispatch
from titan.orchestrator.submit import Submitter, submit
from titan.ports.jobs_store import Store, Transaction
from titan.store.postgres import PostgresStore
from titan.store.postgres.address import Address
from titan.store.sqlite import SqliteStore
from titan.system import SystemClock, SystemIds

#: Stores so many jobs of DAGs whose ids begin with the prefix; READY ones, which nobody can run, or COMPLETED ones.
Fill = Callable[[str, int, bool], None]

PROJECT: Final = "default"
FEW: Final = 1_000
CLAIMS: Final = 500
JOBS: Final = 200
ROUNDS: Final = 9
IDS: Final = SystemIds()

#: A DAG of 1,000 jobs each: READY ones of a requirement that nobody offers here, or COMPLETED ones.
_ADD_DAGS: Final = """
    insert into dags (id, project_id, name, on_failure, submitted_at_us, waiting, waiting_approval, ready, running,
        completed, failed, cancelled, depth, ended_at_us)
    select '{prefix}' || substr('00000' || n, -5), 'default', 'stored', 'continue', n, 0, 0, {ready}, 0, {completed},
        0, 0, 0, {ended_at_us}
    from ({dags}) as dags
"""
_ADD_JOBS: Final = """
    insert into jobs (id, project_id, dag_id, name, kind, requirement, priority, affinity, status, submitted_at_us,
        remaining_parents, ready_at_us, ended_at_us, is_cancel_requested, attempt_count, failed_count, lost_count, spec)
    select dag_id || '.' || substr('00000' || n, -5), 'default', dag_id, 'job' || n, 'work', 'GENERAL', n % 10, 'none',
        '{status}', n, 0, n, {ended_at_us}, 0, 0, 0, 0,
        '{{"name":"job","filename":"job.py","script":"' || substr('{zeros}', 1, 64) || '"}}'
    from (select id as dag_id from dags where id like '{prefix}%') as of_dags, ({jobs}) as numbers
"""

#: Made anew behind the rows: in seconds, where row by row takes minutes.
_INDEXES_OF_JOBS: Final = """
    select relname, pg_get_indexdef(oid) from pg_class
    where oid in (select indexrelid from pg_index where indrelid = 'jobs'::regclass)
        and oid not in (select conindid from pg_constraint)
"""


def measure_scale(folder: Path, *, many: int) -> Iterator[Row]:
    """Yield what a job and a claim cost beside `many` stored jobs, in a file and in PostgreSQL."""
    yield from _rows("SQLite", _in_a_file(folder / "few.db"), _in_a_file(folder / "many.db"), many)
    with postgres(folder) as url:
        with psycopg.connect(f"{url}/titan", autocommit=True) as connection:
            for name in ("few", "many"):
                connection.execute(f"create database {name}".encode())
        yield from _rows("PostgreSQL", _in_postgres(f"{url}/few"), _in_postgres(f"{url}/many"), many)


def _rows(kind: str, few_stored: tuple[Store, Fill], many_stored: tuple[Store, Fill], many: int) -> Iterator[Row]:
    (few, fill_few), (store, fill) = few_stored, many_stored
    with closing(few), closing(store):
        fill_few("done", FEW, False)
        fill("done", many, False)
        for each in (few, store):
            _join(each, "worker", "OTHER")
            _run_a_job(each)
        figures = in_turns(ROUNDS, partial(_cost_of_a_job, store), partial(_cost_of_a_job, few))
        yield Row(
            what=f"submit, lease and complete a job with {many:,} stored, {kind}",
            unit="ms",
            better=Better.LOWER,
            titan=figures[0],
            rival_name=f"{FEW:,} stored",
            rival=figures[1],
            target=ratio_between(0.8, 1.2, "± 20 %"),
        )
        fill_few("ready", FEW, True)
        fill("ready", many, True)
        figures = in_turns(ROUNDS, partial(_cost_of_a_claim, store), partial(_cost_of_a_claim, few))
        yield Row(
            what=f"claim statement with {many:,} waiting, {kind}, p50",
            unit="ms",
            better=Better.LOWER,
            titan=figures[0],
            rival_name=f"{FEW:,} waiting",
            rival=figures[1],
            target=at_most(1.0, "≤ 1 ms"),
        )


def _in_a_file(path: Path) -> tuple[Store, Fill]:
    store = SqliteStore(path, clock=SystemClock())
    series = (
        "with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < {}) select n from numbers"
    )

    def fill(prefix: str, size: int, is_ready: bool) -> None:
        connection = apsw.Connection(str(path))
        with connection:
            for text in _texts(prefix, size, is_ready=is_ready, series=series):
                connection.execute(text)
        connection.execute("analyze")
        connection.close()

    return store, fill


def _in_postgres(url: str) -> tuple[Store, Fill]:
    store = PostgresStore(Address(url))
    series = "select n from generate_series(1, {}) as numbers(n)"

    def fill(prefix: str, size: int, is_ready: bool) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("set session_replication_role = replica")  # foreign keys are looked up for no row
            indexes = connection.execute(_INDEXES_OF_JOBS).fetchall()
            for name, _definition in indexes:
                connection.execute(f"drop index {name}".encode())
            for text in _texts(prefix, size, is_ready=is_ready, series=series):
                connection.execute(text.replace("substr('00000' || n, -5)", "right('00000' || n, 5)").encode())
            for _name, definition in indexes:
                connection.execute(definition.encode())
            connection.execute("vacuum analyze")

    return store, fill


def _texts(prefix: str, size: int, *, is_ready: bool, series: str) -> list[str]:
    values: dict[str, Any] = {
        "prefix": prefix,
        "zeros": "0" * 64,
        "status": "READY" if is_ready else "COMPLETED",
        "ready": 1000 if is_ready else 0,
        "completed": 0 if is_ready else 1000,
        "ended_at_us": "null" if is_ready else "n",
        "dags": series.format(size // 1000),
        "jobs": series.format(1000),
    }
    return [_ADD_DAGS.format(**values), _ADD_JOBS.format(**values)]


def _join(store: Store, worker_id: str, requirement: str) -> None:
    now = SystemClock().now()
    worker = Worker(
        id=worker_id,
        name=worker_id,
        host="here",
        pid=1,
        offers={requirement: 4},
        version="1",
        state=WorkerState.CONNECTED,
        joined_at=now,
        seen_at=now,
    )
    store.transact(partial(worker_registry.join, worker=worker)).result()


def _cost_of_a_claim(store: Store) -> float:
    """Return the median milliseconds of the statement that finds the first eight jobs."""

    def once(tx: Transaction) -> float:
        started = time.perf_counter()
        assert len(tx.ready_jobs("GENERAL", limit=8)) == 8
        return (time.perf_counter() - started) * 1e3

    return statistics.median(store.transact(once).result() for _ in range(CLAIMS))


def _cost_of_a_job(store: Store) -> float:
    """Return the milliseconds from a job's submission to its end."""
    started = time.perf_counter()
    for _ in range(JOBS):
        _run_a_job(store)
    return (time.perf_counter() - started) / JOBS * 1e3


def _run_a_job(store: Store) -> None:
    spec = JobSpec(name="job", filename="job.py", script="0" * 64, requirement="OTHER")
    new = NewDag(name="one", jobs=(spec,), on_failure=OnFailure.CONTINUE, agent_run_id=None, agent_id=None)
    submitter = Submitter(project_id=PROJECT)
    store.transact(partial(submit, new=new, submitter=submitter, dag_id=IDS.dag_id())).result()
    [leased] = store.transact(lambda tx: dispatch(tx, {"worker"}, IDS.secret)).result()
    report = AttemptReport(lease_id=leased.attempt.lease_id, outcome=AttemptOutcome.SUCCEEDED)
    store.transact(partial(complete, worker_id="worker", progress=Progress(reports=[report]))).result()
