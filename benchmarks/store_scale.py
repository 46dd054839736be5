"""What a job and a claim cost when a million jobs are stored: `python -m benchmarks.store_scale [--store URL]`.

Without a URL the store is a file; with one an empty database of PostgreSQL's, which is left full. Decisions of the
engine are run on the store alone, without server, worker and processes: a job is submitted, leased and completed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

import apsw
import psycopg

from titan.engine import attendance
from titan.engine.attempts import complete, dispatch
from titan.engine.submit import Submitter, submit
from titan.model.attempts import AttemptOutcome, AttemptReport
from titan.model.dags import NewDag, OnFailure
from titan.model.jobs import JobSpec
from titan.model.workers import Worker, WorkerState
from titan.ports import Store, Transaction
from titan.store.postgres import PostgresStore
from titan.store.postgres.address import Address
from titan.store.sqlite import SqliteStore
from titan.system import SystemClock, SystemIds

PROJECT: Final = "default"
FEW: Final = 1_000
MANY: Final = 1_000_000
CLAIMS: Final = 500
JOBS: Final = 300
ROUNDS: Final = 5
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


def main(arguments: Sequence[str]) -> int:
    """Measure and print; return 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store_scale", description=__doc__)
    parser.add_argument("--store", metavar="URL", help="an empty database: postgres://USER@HOST/DATABASE")
    parser.add_argument("--many", type=int, default=MANY, help="how many jobs are stored at last")
    given = parser.parse_args(arguments)
    with ExitStack() as opened:
        home = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        store, fill = _postgres(given.store) if given.store else _sqlite(home)
        opened.callback(store.close)
        _join(store, "worker", "OTHER")
        fill("c", FEW, False)
        _report("job with 1,000 stored, ms", few := _costs_of_jobs(store))
        fill("d", given.many, False)
        _report(f"job with {given.many:,} stored, ms", many := _costs_of_jobs(store))
        _report("ratio", [statistics.median(many) / statistics.median(few)])
        fill("r", given.many, True)
        _report(f"claim statement with {given.many:,} waiting, ms, p50", _costs_of_claims(store))
        _report(f"job beside {given.many:,} waiting, ms", _costs_of_jobs(store))
    return 0


def _sqlite(home: Path) -> tuple[Store, Callable[[str, int, bool], None]]:
    store = SqliteStore(home / "control.db", clock=SystemClock())
    series = (
        "with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < {}) select n from numbers"
    )

    def fill(prefix: str, size: int, is_ready: bool) -> None:
        connection = apsw.Connection(str(home / "control.db"))
        with connection:
            for text in _texts(prefix, size, is_ready=is_ready, series=series):
                connection.execute(text)
        connection.execute("analyze")
        connection.close()

    return store, fill


def _postgres(url: str) -> tuple[Store, Callable[[str, int, bool], None]]:
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
        project_id=PROJECT,
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
    store.transact(partial(attendance.join, worker=worker)).result()


def _costs_of_claims(store: Store) -> list[float]:
    """Return the median milliseconds of the statement that finds the first eight jobs, for each round."""

    def once(tx: Transaction) -> float:
        started = time.perf_counter()
        assert len(tx.ready_jobs("GENERAL", limit=8)) == 8
        return (time.perf_counter() - started) * 1e3

    def of_a_round() -> float:
        return statistics.median(store.transact(once).result() for _ in range(CLAIMS))

    return [of_a_round() for _ in range(ROUNDS)]


def _costs_of_jobs(store: Store) -> list[float]:
    """Return the milliseconds for a job from its submission to its end, for each round."""

    def of_a_round() -> float:
        started = time.perf_counter()
        for _ in range(JOBS):
            _run_a_job(store)
        return (time.perf_counter() - started) / JOBS * 1e3

    _run_a_job(store)
    return [of_a_round() for _ in range(ROUNDS)]


def _run_a_job(store: Store) -> None:
    spec = JobSpec(name="job", filename="job.py", script="0" * 64, requirement="OTHER")
    new = NewDag(name="one", jobs=(spec,), on_failure=OnFailure.CONTINUE, agent_run_id=None, agent_id=None)
    submitter = Submitter(project_id=PROJECT)
    store.transact(partial(submit, new=new, submitter=submitter, dag_id=IDS.dag_id())).result()
    [attempt] = store.transact(lambda tx: dispatch(tx, ["worker"], IDS.secret)).result()
    report = AttemptReport(lease_id=attempt.lease_id, outcome=AttemptOutcome.SUCCEEDED)
    store.transact(partial(complete, worker_id="worker", reports=[report])).result()


def _report(what: str, figures: list[float]) -> None:
    middle = statistics.median(figures)
    sys.stdout.write(f"{what}: {middle:,.3f} ({min(figures):,.3f} … {max(figures):,.3f})\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
