"""What recording costs the code that is recorded: `python -m benchmarks.sdk_recording [--otel PYTHON]`.

A decorated function that does nothing is called with 1 KB of arguments, in bursts, each call timed by itself, with a
server that takes everything and with none. PYTHON is an interpreter that has opentelemetry-sdk and
opentelemetry-exporter-otlp-proto-http: beside ours, a span with the same arguments as an attribute is measured there.
Every figure is the median of five processes, with the lowest and the highest beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.discarding import discarding_server
from benchmarks.rows import percentile

ROUNDS: Final = 5
TARGET_MICROSECONDS: Final = 30.0  # issue 5
SOURCE: Final = Path(__file__).resolve().parents[1] / "src"

LOOP: Final = """
import json, sys, time
ARGS = ("hello world " * 20, {"city": "Vienna", "days": 3, "list": [1, 2, 3, 4], "text": "x" * 300}, ["abc" * 20] * 5)
def noop(*args):
    return None
%s
took = []
for burst in range(80):
    for _ in range(50):
        began = time.perf_counter_ns()
        call(*ARGS)
        took.append(time.perf_counter_ns() - began)
    time.sleep(0.02)
print(json.dumps(took[500:]))
"""
PLAIN: Final = "call = noop"
TITAN: Final = "import titan_sdk\ncall = titan_sdk.action(noop)"
OTEL: Final = """
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("bench")
def call(*args):
    with tracer.start_as_current_span("noop") as span:
        span.set_attribute("input.value", json.dumps({"args": args, "kwargs": {}}))
        result = noop(*args)
        span.set_attribute("output.value", json.dumps(result))
        return result
"""


def main(arguments: Sequence[str]) -> int:
    """Measure and print; return 1 when a median is over the target."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sdk_recording", description=__doc__)
    parser.add_argument("--otel", metavar="PYTHON", help="an interpreter that has opentelemetry-sdk")
    otel = parser.parse_args(arguments).otel
    with discarding_server() as port:
        _report("undecorated", sys.executable, PLAIN, port)
        medians = [
            _report("titan_sdk.action, server up", sys.executable, TITAN, port),
            _report("titan_sdk.action, server away", sys.executable, TITAN, 9),
        ]
        if otel is not None:
            _report("opentelemetry-sdk span, collector up", otel, OTEL, port)
            _report("opentelemetry-sdk span, collector away", otel, OTEL, 9)
    return int(max(medians) > TARGET_MICROSECONDS)


def _report(what: str, python: str, setup: str, port: int) -> float:
    rounds = [_measured(python, setup, port) for _ in range(ROUNDS)]
    figures = {
        "median": [statistics.median(each) for each in rounds],
        "mean": [statistics.mean(each) for each in rounds],
        "p95": [percentile(each, 95) for each in rounds],
        "p99": [percentile(each, 99) for each in rounds],
    }
    words = [
        f"{name} {statistics.median(each):.1f} ({min(each):.1f} … {max(each):.1f})" for name, each in figures.items()
    ]
    sys.stdout.write(f"{what}, µs a call: {', '.join(words)}\n")
    sys.stdout.flush()
    return statistics.median(figures["median"])


def _measured(python: str, setup: str, port: int) -> list[float]:
    """Return how long each call took, in µs, in a process of its own."""
    with tempfile.TemporaryDirectory() as home:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("TITAN_", "OTEL_"))}
        there = {"TITAN_HOME": home, "TITAN_PORT": str(port), "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
        done = subprocess.run(
            [python, "-c", LOOP % setup],
            env={**inherited, **there, "PYTHONPATH": str(SOURCE)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        )
    took: list[int] = json.loads(done.stdout)
    return [each / 1000 for each in took]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
