"""The OpenTelemetry SDK as it comes, in an environment that has it: `python -m benchmarks.stock_sdk`.

Each line of standard input is `PORT SPANS`. So many spans of conversations are made with a tracer, go through the batch
processor and the exporter with their defaults to that port, and the spans acknowledged a second are printed: from the
first one's beginning until the last one's answer. Where the processor's queue is almost full, the program waits for it,
as the SDK itself would drop what is too much.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Told
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, set_span_in_context

from benchmarks.conversations import conversations, spans_of

QUEUED_AT_MOST: Final = 1900  # the processor's queue takes 2048, and a conversation has some ten


class CountingExporter(OTLPSpanExporter):
    """The exporter, and how many spans it is done with."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(endpoint=endpoint)
        self._gone = threading.Condition()
        self.exported = 0
        self.failed = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export, then count."""
        result = super().export(spans)
        with self._gone:
            if result is SpanExportResult.SUCCESS:
                self.exported += len(spans)
            else:
                self.failed += len(spans)
            self._gone.notify()
        return result

    def wait_for(self, count: int) -> None:
        """Return when so many spans have left the queue."""
        with self._gone:
            self._gone.wait_for(lambda: self.exported + self.failed >= count)


@dataclass(frozen=True, slots=True)
class Planned:
    """A span that is to be made."""

    name: str
    kind: SpanKind
    attributes: dict[str, str | int | float | list[str]]
    start_ns: int
    end_ns: int
    error: str | None


def main() -> None:
    """Answer the lines of standard input until there are no more."""
    planned = plan()
    while line := sys.stdin.readline():
        port, spans = map(int, line.split())
        traces = list(islice(planned, spans // 10))
        print(spans_per_second(port, traces), flush=True)


def plan() -> Iterator[list[Planned]]:
    """Yield the spans of one conversation after another, the agent's last."""
    for conversation in conversations(seed=23):
        yield [_planned(span) for span in spans_of(conversation)]


def spans_per_second(port: int, traces: Sequence[Sequence[Planned]]) -> float:
    """Return how many spans a second the SDK brings there.

    Raises:
        RuntimeError: some were not acknowledged.
    """
    exporter = CountingExporter(f"http://127.0.0.1:{port}/v1/traces")
    provider = TracerProvider(resource=Resource.create({"service.name": "agents"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("opentelemetry.instrumentation.openai_v2")
    began, made = time.perf_counter(), 0
    for trace in traces:
        exporter.wait_for(made + len(trace) - QUEUED_AT_MOST)
        _make(tracer, trace)
        made += len(trace)
    provider.shutdown()
    took = time.perf_counter() - began
    if exporter.exported != made:
        raise RuntimeError(f"port {port}: expected {made} spans to be acknowledged; found {exporter.exported}")
    return made / took


def _make(tracer: Tracer, trace: Sequence[Planned]) -> None:
    *calls, agent = trace
    root = tracer.start_span(agent.name, kind=agent.kind, attributes=agent.attributes, start_time=agent.start_ns)
    inside = set_span_in_context(root)
    for call in calls:
        span = tracer.start_span(
            call.name, context=inside, kind=call.kind, attributes=call.attributes, start_time=call.start_ns
        )
        if call.error is not None:
            span.record_exception(ConnectionError(call.error))
            span.set_status(Status(StatusCode.ERROR, call.error))
        span.end(call.end_ns)
    root.end(agent.end_ns)


def _planned(span: Told) -> Planned:
    return Planned(
        name=span.name,
        kind=SpanKind.CLIENT if span.kind == Told.SPAN_KIND_CLIENT else SpanKind.INTERNAL,
        attributes=dict(map(_pair, span.attributes)),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        error=span.status.message or None,
    )


def _pair(told: KeyValue) -> tuple[str, str | int | float | list[str]]:
    return told.key, _value(told.value)


def _value(told: AnyValue) -> str | int | float | list[str]:
    if told.HasField("int_value"):
        return told.int_value
    if told.HasField("double_value"):
        return told.double_value
    if told.HasField("array_value"):
        return [each.string_value for each in told.array_value.values]
    return told.string_value


if __name__ == "__main__":
    main()
