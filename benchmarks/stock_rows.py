"""The stock OpenTelemetry SDK: what it brings to Titan, beside what it brings to a server that forgets everything."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.discarding import discarding_server
from benchmarks.job_rows import in_turns
from benchmarks.report import ROOT
from benchmarks.rivals.environments import CannotInstall, interpreter, make_environment
from benchmarks.rows import Better, Row, ratio_at_least
from benchmarks.titan_server import BenchmarkFailed, running_titan

WARM_SPANS: Final = 2_000


class StockSdk:
    """A running `stock_sdk`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def spans_per_second(self, port: int, spans: int) -> float:
        """Return how many spans a second it brings to a port of this machine; all of about `spans` must arrive."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{port} {spans}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise BenchmarkFailed(f"the stock SDK: expected a rate; it ended with {self._process.wait(60)}")
        return float(answer)


def measure_stock(folder: Path, *, rounds: int, spans: int) -> Iterator[Row]:
    """Yield the row about the stock SDK."""
    with running_titan(folder / "stock") as titan, discarding_server() as nowhere, _stock_sdk() as sdk:
        for port in (titan.port, nowhere):
            sdk.spans_per_second(port, WARM_SPANS)
        ours, theirs = in_turns(
            rounds,
            lambda: sdk.spans_per_second(titan.port, spans),
            lambda: sdk.spans_per_second(nowhere, spans),
        )
    yield Row(
        what="spans of 2 KB that opentelemetry-sdk makes and exports, all defaults",
        unit="spans/s",
        better=Better.HIGHER,
        titan=ours,
        rival_name="the same SDK, a server that discards",
        rival=theirs,
        target=ratio_at_least(0.9, "≥ 90 %"),
    )


@contextmanager
def _stock_sdk() -> Iterator[StockSdk]:
    try:
        python = interpreter(make_environment("opentelemetry"))
    except CannotInstall as refusal:
        raise BenchmarkFailed(str(refusal)) from refusal
    command = [str(python), "-m", "benchmarks.stock_sdk"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        yield StockSdk(process)
