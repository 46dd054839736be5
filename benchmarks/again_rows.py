"""Gates and retries: how soon work starts after a person's word."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from benchmarks.ceiling import cold_start_seconds
from benchmarks.job_rows import Sizes, trivial_job
from benchmarks.rows import Better, Row, at_most, percentile
from benchmarks.titan_server import BenchmarkFailed, running_titan
from titan_sdk import TitanClient, TitanJob
from titan_sdk.http import quote

#: Fails the first time, succeeds the second: the shared store remembers.
FAILS_ONCE = b"""
import sys
from titan_sdk import TitanClient
client = TitanClient(announce=lambda line: None)
sys.exit(0 if client.store_sadd('bench:tried', sys.argv[1]) == 0 else 1)
"""


def measure_again(folder: Path, sizes: Sizes) -> Iterator[Row]:
    """Yield the rows about gates and retries."""
    script = folder / "fails_once.py"
    script.write_bytes(FAILS_ONCE)
    with running_titan(folder / "again") as titan:
        client = titan.client()
        approvals = [[1000 * _approval_seconds(client, n * 1000 + k) for k in range(10)] for n in range(sizes.rounds)]
        cold = [[1000 * cold_start_seconds() for _ in range(10)] for _ in range(sizes.rounds)]
        yield Row(
            what="approval of a gate to the start of the next job, p50",
            unit="ms",
            better=Better.LOWER,
            titan=[percentile(samples, 50) for samples in approvals],
            rival_name="cold start of Python",
            rival=[percentile(samples, 50) for samples in cold],
            target=at_most(20, "≤ 20 ms"),
        )
        yield Row(
            what=f"retry of a DAG of {sizes.fan} jobs with one failure, to the start of that job",
            unit="ms",
            better=Better.LOWER,
            titan=[1000 * _retry_seconds(client, script, sizes.fan, n) for n in range(sizes.rounds)],
            rival_name="cold start of Python",
            rival=[percentile(samples, 50) for samples in cold],
            target=at_most(100, "≤ 100 ms"),
        )


def _approval_seconds(client: TitanClient, number: int) -> float:
    """Return the time from sending an approval to the start of the process behind the gate."""
    first, last = trivial_job(f"draft-{number}"), trivial_job(f"publish-{number}", parents=[f"draft-{number}"])
    first.hitl_message = "Publish?"
    dag = client.submit_dag(f"gate-{number}", [first, last])
    gate = f"{dag.dag_id}.00001"
    _wait_for(client, gate, "WAITING_APPROVAL")
    sent = time.time()
    client.transport.request_json("POST", f"/api/gates/{quote(gate)}/approve", body={"by": "bench"})
    client.wait(dag, timeout=60)
    return _started_at(client, f"{dag.dag_id}.00002") - sent


def _retry_seconds(client: TitanClient, script: Path, size: int, number: int) -> float:
    """Return the time from sending a retry to the second start of the one job that failed."""
    jobs = [trivial_job(f"job-{index}") for index in range(size - 1)]
    jobs.append(TitanJob("fragile", str(script), args=[f"{number}-{time.time_ns()}"]))
    dag = client.submit_dag(f"retry-{number}", jobs)
    if client.wait(dag, timeout=300) != "PARTIAL":
        raise BenchmarkFailed("the job that was to fail once did not")
    fragile = f"{dag.dag_id}.{size - 1:05d}"
    sent = time.time()
    client.transport.request_json("POST", f"/api/dags/{quote(dag.dag_id)}/retry")
    if client.wait(dag, timeout=60) != "COMPLETED":
        raise BenchmarkFailed("the retried job did not complete")
    return _started_at(client, fragile) - sent


def _wait_for(client: TitanClient, job_id: str, status: str) -> None:
    deadline = time.monotonic() + 30
    while client.get_job(job_id)["status"] != status:
        if time.monotonic() > deadline:
            raise BenchmarkFailed(f"{job_id} did not become {status} within 30 s")
        time.sleep(0.005)


def _started_at(client: TitanClient, job_id: str) -> float:
    """Return when the process of the job's last attempt started, by the worker's clock, which is this machine's."""
    started_at = client.get_job(job_id)["attempts"][-1]["started_at"]
    assert started_at is not None
    return datetime.fromisoformat(started_at).timestamp()
