"""What the store costs by itself, without server and SDK: `python -m benchmarks.store_costs`.

Every figure is the median of five rounds, with the lowest and the highest beside it.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Final

from benchmarks.ceiling import bare_commits_per_second
from titan.model.dags import Dag, JobCounts, OnFailure
from titan.model.files import Receipt, StoredValue
from titan.model.jobs import Job, JobSpec, JobStatus
from titan.ports.jobs_store import Transaction
from titan.store.sqlite import SqliteStore
from titan.system import SystemClock

PROJECT: Final = "default"
ROUNDS: Final = 5
NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


def main() -> int:
    """Measure and print; return 0."""
    with tempfile.TemporaryDirectory() as folder, _opened(Path(folder)) as store:
        _report("bare commits of SQLite, one row each, per second", _floor(Path(folder)))
        _report("put with receipt, one client, per second", _puts(store, clients=1, puts=500))
        _report("put with receipt, 16 clients, per second", _puts(store, clients=16, puts=4000))
        _report("read of a value, µs", _read_of_a_value(store))
        _report("8 ready jobs, alone, µs", _ready_jobs(store))
        _report("submit a DAG of 10,000 jobs and 9,999 edges, ms", _big_dags(store))
        _report("8 ready jobs beside 50,000 of another requirement, µs", _ready_jobs(store))
    return 0


@contextmanager
def _opened(folder: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(folder / "control.db", clock=SystemClock())
    try:
        yield store
    finally:
        store.close()


def _report(what: str, figures: list[float]) -> None:
    middle = statistics.median(figures)
    sys.stdout.write(f"{what}: {middle:,.1f} ({min(figures):,.1f} … {max(figures):,.1f})\n")
    sys.stdout.flush()


def _floor(folder: Path) -> list[float]:
    return [bare_commits_per_second(folder, seconds=0.5) for _ in range(ROUNDS)]


def _puts(store: SqliteStore, *, clients: int, puts: int) -> list[float]:
    numbers = count()

    def put_some(_client: int) -> None:
        for _ in range(puts // clients):
            store.transact(_put(f"{clients}-{next(numbers)}")).result()

    def round_per_second() -> float:
        started = time.perf_counter()
        with ThreadPoolExecutor(clients) as threads:
            list(threads.map(put_some, range(clients)))
        return puts / (time.perf_counter() - started)

    return [round_per_second() for _ in range(ROUNDS)]


def _put(key: str) -> Callable[[Transaction], None]:
    def decide(tx: Transaction) -> None:
        if tx.receipt(PROJECT, key) is None:
            tx.put_value(PROJECT, key, StoredValue(value="x" * 100))
            tx.add_receipt(PROJECT, Receipt(key=key, fingerprint="f" * 64, answer='{"status":"OK"}'))

    return decide


def _read_of_a_value(store: SqliteStore) -> list[float]:
    store.transact(_put("key")).result()
    return _microseconds(lambda: store.read(lambda reader: reader.value(PROJECT, "key", now=NOW)))


def _ready_jobs(store: SqliteStore) -> list[float]:
    if store.read(lambda reader: reader.dag("a")) is None:
        _submit(store, "a", requirement="GENERAL", size=100)
    return _microseconds(lambda: store.read(lambda reader: reader.ready_jobs("GENERAL", limit=8)))


def _microseconds(call: Callable[[], object], *, calls: int = 2000) -> list[float]:
    def round_us() -> float:
        started = time.perf_counter()
        for _ in range(calls):
            call()
        return (time.perf_counter() - started) / calls * 1e6

    return [round_us() for _ in range(ROUNDS)]


def _big_dags(store: SqliteStore) -> list[float]:
    return [_submit(store, f"big{number}", requirement="GPU", size=10_000) for number in range(ROUNDS)]


def _submit(store: SqliteStore, dag_id: str, *, requirement: str, size: int) -> float:
    """Store a DAG of READY jobs that are all children of the first; return the milliseconds it took."""
    jobs = [_a_job(dag_id, position, requirement=requirement) for position in range(size)]
    edges = [(jobs[0].id, job.id) for job in jobs[1:]]
    dag = Dag(
        project_id=PROJECT,
        id=dag_id,
        name=dag_id,
        run_id=None,
        agent_id=None,
        on_failure=OnFailure.CONTINUE,
        submitted_at=NOW,
        counts=JobCounts(ready=size),
    )
    started = time.perf_counter()
    store.transact(lambda tx: tx.add_dag(dag, jobs, edges)).result()
    return (time.perf_counter() - started) * 1e3


def _a_job(dag_id: str, position: int, *, requirement: str) -> Job:
    spec = JobSpec(name=f"job{position}", filename="job.py", script="0" * 64, args=("--fast",), requirement=requirement)
    return Job(
        project_id=PROJECT,
        id=f"{dag_id}.{position:05d}",
        dag_id=dag_id,
        run_id=None,
        spec=spec,
        status=JobStatus.READY,
        submitted_at=NOW,
        ready_at=NOW,
    )


if __name__ == "__main__":
    sys.exit(main())
