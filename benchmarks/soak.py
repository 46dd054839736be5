"""Hours of steady work, and whether anything grows that must not: `make soak` (ARGS="--minutes 10" for less).

Every second a DAG of so many trivial jobs is submitted, and a key is put. Memory and open files of the server and its
worker are sampled, and how much the database grows per job. What is flat in the second half counts as flat:
the first half fills caches.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Final

import psutil

from benchmarks.job_rows import trivial_jobs
from benchmarks.titan_server import BenchmarkFailed, RunningTitan, end_cleanly_when_told_to, running_titan
from titan_sdk import DagAccepted, TitanClient

JOBS_PER_SECOND: Final = 20
MINUTES: Final = 120.0
SAMPLES: Final = 60
MEGABYTE: Final = 1_000_000
LATE_SECONDS: Final = 30.0  # a queue that grows means that the rate is too high for this machine, and measures nothing

#: figure → by what share its last quarter may exceed its third
MAY_GROW: Final = {
    "server MB": 0.10,
    "worker MB": 0.10,
    "server files": 0.10,
    "worker files": 0.10,
    "bytes a job": 0.20,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How everything stood at one moment."""

    minutes: float
    jobs: int  #: submitted so far
    figures: dict[str, float]


def main(arguments: Sequence[str]) -> int:
    """Soak, print the samples, and return 0 when everything stayed flat."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"default: {MINUTES:g}")
    parser.add_argument("--rate", type=int, default=JOBS_PER_SECOND, help=f"jobs a second; default: {JOBS_PER_SECOND}")
    parser.add_argument("--folder", type=Path, help="where the home lies: choose the disk")
    options = parser.parse_args(arguments)
    end_cleanly_when_told_to()
    with tempfile.TemporaryDirectory(prefix="titan-soak-", dir=options.folder) as folder:
        try:
            verdicts = grown(soak(Path(folder), minutes=options.minutes, rate=options.rate))
        except BenchmarkFailed as failure:
            print(failure, file=sys.stderr)
            return 1
    for figure, (before, after) in verdicts.items():
        is_flat = after <= before * (1 + MAY_GROW[figure]) + 1e-9
        print(f"{figure:12}  {before:12,.1f} → {after:12,.1f}  {'flat' if is_flat else 'GREW'}")
    return int(any(after > before * (1 + MAY_GROW[name]) + 1e-9 for name, (before, after) in verdicts.items()))


def soak(folder: Path, *, minutes: float, rate: int) -> list[Sample]:
    """Submit `rate` jobs a second for so many minutes; return samples at equal distances.

    Raises:
        BenchmarkFailed: jobs fell behind by more than half a minute.
    """
    samples: list[Sample] = []
    with running_titan(folder) as titan:
        client = titan.client()
        began = time.monotonic()
        latest: deque[DagAccepted] = deque(maxlen=int(LATE_SECONDS))  # one a second
        for second in range(int(60 * minutes)):
            if len(latest) == latest.maxlen:
                _check_is_over(client, latest[0])
            latest.append(client.submit_dag(f"soak-{second}", trivial_jobs(rate)))
            client.store_put(f"soak:{second % 1000}", "x" * 1000)
            if second >= (len(samples) + 1) * 60 * minutes / SAMPLES:
                samples.append(_sample(titan, minutes=second / 60, jobs=(second + 1) * rate))
                print(_line(samples[-1]), flush=True)
            time.sleep(max(0.0, began + second + 1 - time.monotonic()))
    return samples


def grown(samples: Sequence[Sample]) -> dict[str, tuple[float, float]]:
    """Return, for each figure, its mean in the third and in the last quarter; bytes are those that came meanwhile.

    Raises:
        BenchmarkFailed: there are too few samples.
    """
    quarter = len(samples) // 4
    if quarter < 2:
        raise BenchmarkFailed(f"expected 8 samples or more; found {len(samples)}. Soak longer.")
    third, last = samples[-2 * quarter : -quarter], samples[-quarter:]
    means = {
        name: (mean(s.figures[name] for s in third), mean(s.figures[name] for s in last))
        for name in MAY_GROW
        if name != "bytes a job"
    }
    return means | {"bytes a job": (_bytes_per_job(third), _bytes_per_job(last))}


def _bytes_per_job(samples: Sequence[Sample]) -> float:
    grown_bytes = samples[-1].figures["database bytes"] - samples[0].figures["database bytes"]
    return grown_bytes / (samples[-1].jobs - samples[0].jobs)


def _check_is_over(client: TitanClient, dag: DagAccepted) -> None:
    status = client.get_dag(dag)["status"]
    if status != "COMPLETED":
        raise BenchmarkFailed(f"dag {dag.name}: expected COMPLETED after {LATE_SECONDS:.0f} s; found {status}.")


def _sample(titan: RunningTitan, *, minutes: float, jobs: int) -> Sample:
    server = psutil.Process(titan.pid)
    worker = next(child for child in server.children() if "titan.worker" in child.cmdline())
    return Sample(
        minutes=minutes,
        jobs=jobs,
        figures={
            "server MB": server.memory_info().rss / MEGABYTE,
            "worker MB": worker.memory_info().rss / MEGABYTE,
            "server files": float(server.num_fds()),
            "worker files": float(worker.num_fds()),
            "database bytes": float((titan.home / "control.db").stat().st_size),
        },
    )


def _line(sample: Sample) -> str:
    figures = "  ".join(f"{name} {value:,.0f}" for name, value in sample.figures.items())
    return f"{sample.minutes:7.1f} min  {sample.jobs:9,} jobs  {figures}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
