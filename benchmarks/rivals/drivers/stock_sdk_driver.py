"""OpenTelemetry's own SDK: replays the spans of a file through its batch processor and its OTLP exporter for HTTP."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import opentelemetry.trace as trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from benchmarks.rivals.drivers.serve import Start, serve

QUEUE: Final = 2048  # of the batch processor, which drops what it has no place for
FLUSH_MILLIS: Final = 600_000


class StockSdk:
    """A tracer whose spans are the file's, with new ids and the file's times."""

    def __init__(self, provider: TracerProvider, spans: list[Any]) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("benchmarks")
        self._spans = spans

    def wide(self, _kind: str, _count: int) -> None:
        """Make all spans and hand them over; each time a queue may be full, wait until it is empty."""
        children: list[Any] = []
        made = 0
        for span in self._spans:
            children.append(span)
            if span.parent_span_id:
                continue
            self._replay(children)
            made += len(children)
            children = []
            if made > QUEUE - 64:  # a conversation has 14 spans at most
                self._flush()
                made = 0
        self._flush()

    def fan(self, kind: str, count: int) -> None:
        """Do the same: a graph means nothing here."""
        self.wide(kind, count)

    def _replay(self, spans: list[Any]) -> None:
        """Make the spans of one conversation; its root ends last."""
        *children, root = spans
        outer = self._tracer.start_span(root.name, attributes=_attributes(root), start_time=root.start_time_unix_nano)
        context = trace.set_span_in_context(outer)
        for child in children:
            inner = self._tracer.start_span(
                child.name, context, attributes=_attributes(child), start_time=child.start_time_unix_nano
            )
            if child.status.code == trace.StatusCode.ERROR.value:
                inner.set_status(trace.StatusCode.ERROR, child.status.message)
            inner.end(child.end_time_unix_nano)
        outer.end(root.end_time_unix_nano)

    def _flush(self) -> None:
        if not self._provider.force_flush(FLUSH_MILLIS):
            raise RuntimeError("expected the batch processor to send everything; it gave up")


@contextmanager
def running(start: Start) -> Iterator[StockSdk]:
    """Keep a provider that exports to `endpoint` what stands in `bodies`."""
    headers = {name: value for name, value in start.services.items() if name.startswith("x-")}
    exporter = OTLPSpanExporter(endpoint=start.services["endpoint"], headers=headers, timeout=600)
    provider = TracerProvider(resource=Resource.create({"service.name": "agents"}))
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=QUEUE))
    yield StockSdk(provider, list(_spans(Path(start.services["bodies"]))))
    provider.shutdown()


def _spans(file: Path) -> Iterator[Any]:
    """Yield the spans of requests that stand one after another, each behind its length."""
    content, at = file.read_bytes(), 0
    while at < len(content):
        [length] = struct.unpack_from(">I", content, at)
        request = ExportTraceServiceRequest.FromString(content[at + 4 : at + 4 + length])
        yield from request.resource_spans[0].scope_spans[0].spans
        at += 4 + length


def _attributes(span: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in span.attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind)


if __name__ == "__main__":
    serve("opentelemetry-sdk", running)
