"""What recording costs the code that is recorded: a decorated function that does nothing, with 1 KB of arguments.

It is called in bursts, each call timed by itself, with a server that takes everything and with none. Beside it stands a
span of opentelemetry-sdk with the same arguments as an attribute.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from typing import Final

from benchmarks.discarding import discarding_server
from benchmarks.job_rows import in_turns
from benchmarks.report import PACKAGES
from benchmarks.rivals.environments import CannotInstall, interpreter, make_environment
from benchmarks.rows import Better, Row, at_most
from benchmarks.titan_server import BenchmarkFailed

NO_SERVER: Final = 9  # a port that nobody listens at

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


def measure_decorator(*, rounds: int) -> Iterator[Row]:
    """Yield the rows about the decorator, the median call of each round; a round is a process of its own."""
    otel = _opentelemetry()
    with discarding_server() as up:
        for state, port in (("server up", up), ("server away", NO_SERVER)):
            ours, theirs = in_turns(
                rounds, partial(_median_us, sys.executable, TITAN, port), partial(_median_us, otel, OTEL, port)
            )
            yield Row(
                what=f"a decorator round a no-op with 1 KB of arguments, the caller's time, {state}",
                unit="µs",
                better=Better.LOWER,
                titan=ours,
                rival_name="a span of opentelemetry-sdk",
                rival=theirs,
                target=at_most(30, "≤ 30 µs"),
            )


def _opentelemetry() -> str:
    try:
        return str(interpreter(make_environment("opentelemetry")))
    except CannotInstall as refusal:
        raise BenchmarkFailed(str(refusal)) from refusal


def _median_us(python: str, setup: str, port: int) -> float:
    """Return the median time of a call, in µs, in a process of its own."""
    with tempfile.TemporaryDirectory() as home:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("TITAN_", "OTEL_"))}
        there = {"TITAN_HOME": home, "TITAN_PORT": str(port), "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
        done = subprocess.run(
            [python, "-c", LOOP % setup],
            env={**inherited, **there, "PYTHONPATH": PACKAGES},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
            timeout=120,
        )
    took: list[int] = json.loads(done.stdout)
    return statistics.median(took) / 1000
