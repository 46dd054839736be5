"""What speaks OpenTelemetry's protocol, and the trace exporter of openai-agents.

The answer comes when everything is durable, so an exporter that gave up waiting sends again, and nothing is doubled.
https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from litestar import Response
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from titan.ingest import openai_agents, otlp
from titan.ingest.values import Batch
from titan.model.actions import Entry
from titan.recorder.preprocess import LARGE_BYTES
from titan.rules.access import Permission
from titan.server.http.authorization import is_limited
from titan.server.http.call import Call
from titan.server.http.responses import PROTOBUF, json_answer
from titan.server.http.route import Routes
from titan.server.routes.recording import record

route = Routes()


class _Reader(Protocol):
    def __call__(self, body: bytes, *, content_type: str | None, content_encoding: str | None) -> Batch: ...


@route("POST /v1/traces", Permission.RECORD, body=bytes, adds=True)
@route("POST /api/public/otel/v1/traces", Permission.RECORD, body=bytes, adds=True)
async def take_traces(call: Call) -> Response[bytes]:
    """Record the spans of an OpenTelemetry exporter, in protobuf or JSON."""
    batch = await _recorded(call, otlp.read_traces)
    answer = ExportTraceServiceResponse()
    if batch.rejected:
        answer.partial_success.rejected_spans = batch.rejected
        answer.partial_success.error_message = batch.problem
    return _answer(call, batch, answer.SerializeToString, "rejectedSpans")


@route("POST /v1/logs", Permission.RECORD, body=bytes, adds=True)
async def take_logs(call: Call) -> Response[bytes]:
    """Record what log records of an OpenTelemetry exporter say of model calls; others are dropped."""
    batch = await _recorded(call, otlp.read_logs)
    answer = ExportLogsServiceResponse()
    if batch.rejected:
        answer.partial_success.rejected_log_records = batch.rejected
        answer.partial_success.error_message = batch.problem
    return _answer(call, batch, answer.SerializeToString, "rejectedLogRecords")


@route("POST /v1/metrics", Permission.RECORD, body=bytes, adds=True)
async def take_metrics(call: Call) -> Response[bytes]:
    """Accept the metrics of an OpenTelemetry exporter; nothing of them is stored."""
    batch = await _recorded(call, otlp.read_metrics)
    return _answer(call, batch, ExportMetricsServiceResponse().SerializeToString, "rejectedDataPoints")


@route("POST /v1/traces/ingest", Permission.RECORD, body=dict, adds=True)
async def take_openai_agents(call: Call) -> dict[str, object]:
    """Record traces and spans as openai-agents exports them; what cannot be read is named in the answer."""
    raw = await call.raw_body(otlp.MAX_BODY_BYTES)
    batch = await _record(call, partial(openai_agents.read, raw, received_at=call.app.clock.now()))
    return _partial(batch, "rejectedSpans")


async def _recorded(call: Call, read: _Reader) -> Batch:
    raw = await call.raw_body(otlp.MAX_BODY_BYTES)
    media, encoding = call.header("content-type"), call.header("content-encoding")
    reading = partial(read, raw, content_type=media, content_encoding=encoding)
    if len(raw) >= LARGE_BYTES and not is_limited(call):
        return await call.app.recorder.record_large(call.project_id, reading, is_fixed=call.is_project_fixed)
    return await _record(call, reading)


async def _record(call: Call, reading: Callable[[], Batch]) -> Batch:
    """Record what is read; return it."""
    batches: list[Batch] = []

    def entries() -> Sequence[Entry]:
        batches.append(reading())
        return batches[0].entries

    await record(call, entries)
    return batches[0]


def _answer(call: Call, batch: Batch, serialised: Callable[[], bytes], rejected: str) -> Response[bytes]:
    """Return the answer in the encoding that was asked in, as the protocol has it."""
    if otlp.is_json(call.header("content-type")):
        return json_answer(_partial(batch, rejected))
    return Response(serialised(), media_type=PROTOBUF)


def _partial(batch: Batch, rejected: str) -> dict[str, object]:
    """Return what of a request could not be taken; nothing where all was."""
    if not batch.rejected:
        return {}
    return {"partialSuccess": {rejected: batch.rejected, "errorMessage": batch.problem}}
