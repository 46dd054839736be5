"""Jobs beside recorded calls: whether what is told of agents holds up the work of agents."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

from benchmarks.job_rows import seconds_of, trivial_jobs
from benchmarks.rows import Better, Row, at_least, percentile, ratio_at_most
from benchmarks.steady_spans import steady_spans
from benchmarks.titan_server import running_titan
from titan_sdk import TitanClient

JOBS_PER_SECOND: Final = 20
SPANS_PER_SECOND: Final = 4000
WAITING_AT_ONCE: Final = 16  # jobs: a tenth of a second of them stays far below


def measure_beside(folder: Path, *, rounds: int, seconds: float) -> Iterator[Row]:
    """Yield the rows about jobs with and without spans beside them; each round takes `seconds` of either."""
    alone: list[list[float]] = []
    beside: list[list[float]] = []
    rates: list[float] = []
    with running_titan(folder / "beside") as titan:
        client = titan.client()
        with steady_spans(titan.port, spans_per_second=SPANS_PER_SECOND) as spans:
            with spans.sending(2):  # warm: the process that reads large requests is started with the first one
                _jobs(client, seconds=2)
            for number in range(rounds):
                if number % 2 == 0:
                    alone.append(_jobs(client, seconds=seconds))
                with spans.sending(seconds) as rate:
                    beside.append(_jobs(client, seconds=seconds))
                rates += rate
                if number % 2 == 1:
                    alone.append(_jobs(client, seconds=seconds))
    for percent, target in ((50, {}), (99, {"target": ratio_at_most(2, "≤ 2x")})):
        yield Row(
            what=f"a trivial job, {JOBS_PER_SECOND} a second beside {SPANS_PER_SECOND:,} spans/s, p{percent}",
            unit="ms",
            better=Better.LOWER,
            titan=[percentile(samples, percent) for samples in beside],
            rival_name="the same jobs alone",
            rival=[percentile(samples, percent) for samples in alone],
            **target,
        )
    yield Row(
        what="spans acknowledged beside those jobs",
        unit="spans/s",
        better=Better.HIGHER,
        titan=rates,
        target=at_least(0.95 * SPANS_PER_SECOND, f"{SPANS_PER_SECOND:,} spans/s"),
    )


def _jobs(client: TitanClient, *, seconds: float) -> list[float]:
    """Submit jobs at a steady rate; return the milliseconds of each from when it was due until it was seen done."""
    began = time.perf_counter()

    def done_after(due: float) -> float:
        seconds_of(client, trivial_jobs(1))
        return 1000 * (time.perf_counter() - due)

    with ThreadPoolExecutor(WAITING_AT_ONCE) as clients:
        asked: list[Future[float]] = []
        for number in range(int(seconds * JOBS_PER_SECOND)):
            due = began + number / JOBS_PER_SECOND
            time.sleep(max(0.0, due - time.perf_counter()))
            asked.append(clients.submit(done_after, due))
        return [each.result() for each in asked]
