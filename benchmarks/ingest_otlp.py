"""What reading OTLP costs by itself, without server and store: `python -m benchmarks.ingest_otlp`.

Requests are serialised before the clock starts. Every figure is processor time, the median of five rounds, with the
lowest and the highest beside it.
"""

from __future__ import annotations

import base64
import cProfile
import gzip
import json
import pstats
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.conversations import otlp_requests
from titan.ingest.otlp import read_traces
from titan.ingest.otlp.requests import read_spans

SPANS: Final = 512  # the batch of the OpenTelemetry SDKs
REQUESTS: Final = 20
ROUNDS: Final = 5


def main(arguments: Sequence[str]) -> int:
    """Measure and print; with `--profile` say where the time goes. Return 0."""
    bodies = list(islice(otlp_requests(spans=SPANS), REQUESTS))
    size = sum(map(len, bodies)) / (SPANS * REQUESTS)
    sys.stdout.write(f"{REQUESTS} requests of {SPANS} spans of {size:,.0f} bytes\n")
    if "--profile" in arguments:
        _profile(bodies)
        return 0
    packed = [gzip.compress(body) for body in bodies]
    texts = [_as_json(body) for body in bodies[:4]]
    _report("parse protobuf", bodies, lambda body: len(ExportTraceServiceRequest.FromString(body).resource_spans))
    _report("decode to spans", bodies, lambda body: sum(1 for _ in read_spans(body)))
    _report("decode and map", bodies, _read)
    _report("gunzip, decode and map", packed, lambda body: _read(body, encoding="gzip"))
    _report("OTLP/JSON, decode and map", texts, lambda body: _read(body, media="application/json"))
    return 0


def _read(body: bytes, *, media: str = "application/x-protobuf", encoding: str | None = None) -> int:
    return len(read_traces(body, content_type=media, content_encoding=encoding).entries)


def _report(what: str, bodies: Sequence[bytes], read: Callable[[bytes], int]) -> None:
    rounds: list[float] = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        for body in bodies:
            read(body)
        rounds.append((time.process_time() - begin) / (len(bodies) * SPANS) * 1e6)
    middle = statistics.median(rounds)
    sys.stdout.write(
        f"{what}: {middle:.1f} µs a span ({min(rounds):.1f} … {max(rounds):.1f}), {1e6 / middle:,.0f} spans/s\n"
    )
    sys.stdout.flush()


def _as_json(body: bytes) -> bytes:
    """Return a request as an exporter for OTLP/JSON writes it: ids are hexadecimal."""
    request = MessageToDict(ExportTraceServiceRequest.FromString(body))
    for span in request["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for key in {"traceId", "spanId", "parentSpanId"} & span.keys():
            span[key] = base64.b64decode(span[key]).hex()
    return json.dumps(request).encode()


def _profile(bodies: Sequence[bytes]) -> None:
    profile = cProfile.Profile()
    profile.enable()
    for body in bodies:
        _read(body)
    profile.disable()
    pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
