"""Routes that record what agents did: entries of the SDK, OpenTelemetry exports, traces of openai-agents.

Answers are sent when everything is durable, so an exporter that timed out sends again and nothing is doubled.
https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from litestar import Response
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from titan.ingest import openai_agents, otlp
from titan.ingest.actions import entries_of
from titan.ingest.values import Batch
from titan.model.actions import Entry, RunEntry, Source
from titan.model.errors import InvalidInput, UnknownJob
from titan.model.projects import DEFAULT_PROJECT
from titan.model.tokens import Role
from titan.ports.jobs_store import Reader
from titan.recorder.preprocess import LARGE_BYTES
from titan.recorder.recorder import Recorded
from titan.rules.access import Permission
from titan.server.http.authorization import check_may_report, deliver_for, is_limited
from titan.server.http.call import Call
from titan.server.http.responses import PROTOBUF, json_answer
from titan.server.http.route import Routes
from titan.wire.actions import RecordAnswer, RecordBody, RecordQuery

route = Routes()

MAX_RECORD_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RequestRun:
    """The run of entries that name none."""

    id: str
    agent_id: str | None
    project_id: str = DEFAULT_PROJECT


@route("POST /api/v1/actions", Permission.DELIVER, body=RecordBody, adds=True)
async def record_actions(call: Call, query: RecordQuery) -> RecordAnswer:
    """Record actions and runs as the SDK reports them; the answer is sent when they are durable. Idempotent."""
    if call.caller.role is Role.WORKER:
        await deliver_for(call, query.lease)
    raw = await call.raw_body(MAX_RECORD_BYTES)
    own = await call.app.store.look(partial(_own_run, call=call, lease_id=query.lease))
    if own is not None:
        call.project_id, call.is_project_fixed = (
            own.project_id,
            True,
        )  # also of entries that a worker delivers for a job

    def read() -> list[Entry]:
        return reported_in(call.decode(raw, RecordBody), own)

    recorded = await record(call, read)
    return RecordAnswer(stored=recorded.stored, repeated=recorded.repeated)


def reported_in(body: RecordBody, own: RequestRun | None) -> list[Entry]:
    """Return the entries in a body of POST /api/v1/actions; `own` is the run of the job that sends it.

    Raises:
        InvalidInput: an entry has no run, or `entries_of` refuses it.
    """
    run = RequestRun(body.run_id, body.agent_id) if body.run_id else own
    if run is None and any(entry.run_id is None for entry in body.entries):
        raise InvalidInput(
            "entries without a run",
            expected="run_id in the body, or the token of a job, whose run it then is",
            found="neither",
            next_step="Send run_id; titan_sdk.run(...) does.",
        )
    entries = list(entries_of(body, run_id=run.id if run else ""))
    return _with_agent(entries, run)


async def record(call: Call, read: Callable[[], Iterable[Entry]]) -> Recorded:
    """Record the entries that `read` returns, if the caller may; see `Recorder.record`.

    Raises:
        Forbidden: a job may not write to one of the runs; nothing was stored.
    """

    def checked() -> list[Entry]:
        entries = list(read())
        run_ids = list(dict.fromkeys(entry.run_id for entry in entries))
        call.app.store.read(partial(check_may_report, call=call, run_ids=run_ids))
        return entries

    entries = checked if is_limited(call) else read
    return await call.app.recorder.record(call.project_id, entries, is_fixed=call.is_project_fixed)


def _with_agent(entries: list[Entry], run: RequestRun | None) -> list[Entry]:
    """Return entries, preceded by one that names the run's agent if only the request does."""
    if run is None or run.agent_id is None:
        return entries
    own: dict[str | None, list[Entry]] = {}
    for entry in entries:
        if entry.run_id == run.id:
            own.setdefault(entry.project, []).append(entry)
    return [*(_naming(run, project, part) for project, part in own.items() if not _names_agent(part)), *entries]


def _names_agent(entries: Iterable[Entry]) -> bool:
    return any(isinstance(entry, RunEntry) and entry.agent_id for entry in entries)


def _naming(run: RequestRun, project: str | None, entries: Iterable[Entry]) -> RunEntry:
    first = min(entry.at if isinstance(entry, RunEntry) else entry.started_at for entry in entries)
    return RunEntry(run_id=run.id, source=Source.SDK, at=first, agent_id=run.agent_id, project=project)


async def run_of_caller(call: Call) -> RequestRun | None:
    """Return the run of the calling job; None if the caller is not a job."""
    return await call.app.store.look(partial(_own_run, call=call, lease_id=None))


def _own_run(reader: Reader, *, call: Call, lease_id: str | None) -> RequestRun | None:
    """Return the run of the calling attempt, or of the one with this lease."""
    attempt = call.caller.attempt
    if attempt is None and lease_id is not None:
        attempt = reader.attempt(lease_id)
        if attempt is None or not call.caller.owns(attempt.project_id):
            raise UnknownJob(
                f"lease {lease_id[:60]!a}",
                expected="the lease of an attempt",
                found="none",
                next_step="What an attempt left is posted while its job is stored.",
            )
    job = None if attempt is None else reader.job(attempt.job_id)
    if job is None:
        return None
    if job.run_id is not None:
        run = reader.run_control(job.project_id, job.run_id)
        return RequestRun(job.run_id, run.agent_id if run else None, job.project_id)
    dag = reader.dag(job.dag_id)
    return RequestRun(job.dag_id, dag.name if dag else None, job.project_id)  # an implicit run, named after its DAG


class _ReadBatch(Protocol):
    def __call__(self, body: bytes, *, content_type: str | None, content_encoding: str | None) -> Batch: ...


@route("POST /v1/traces", Permission.RECORD, body=bytes, adds=True)
@route("POST /api/public/otel/v1/traces", Permission.RECORD, body=bytes, adds=True)
async def take_traces(call: Call) -> Response[bytes]:
    """Record OpenTelemetry spans, in protobuf or JSON."""
    return await _export(call, otlp.read_traces, ExportTraceServiceResponse(), "rejected_spans", "rejectedSpans")


@route("POST /v1/logs", Permission.RECORD, body=bytes, adds=True)
async def take_logs(call: Call) -> Response[bytes]:
    """Record model calls from OpenTelemetry log records; other records are dropped."""
    answer = ExportLogsServiceResponse()
    return await _export(call, otlp.read_logs, answer, "rejected_log_records", "rejectedLogRecords")


@route("POST /v1/metrics", Permission.RECORD, body=bytes, adds=True)
async def take_metrics(call: Call) -> Response[bytes]:
    """Accept OpenTelemetry metrics; nothing is stored."""
    answer = ExportMetricsServiceResponse()
    return await _export(call, otlp.read_metrics, answer, "rejected_data_points", "rejectedDataPoints")


@route("POST /v1/traces/ingest", Permission.RECORD, body=dict, adds=True)
async def take_openai_agents(call: Call) -> dict[str, object]:
    """Record traces and spans of openai-agents; unreadable ones are named in the answer."""
    raw = await call.raw_body(otlp.MAX_BODY_BYTES)
    batch = await _record_batch(call, partial(openai_agents.read, raw, received_at=call.app.clock.now()))
    return _partial(batch, "rejectedSpans")


async def _export(call: Call, read: _ReadBatch, answer: Any, rejected: str, rejected_in_json: str) -> Response[bytes]:
    """Record an OTLP request and return the answer in its encoding; `rejected` names the count in `answer`."""
    raw = await call.raw_body(otlp.MAX_BODY_BYTES)
    media, encoding = call.header("content-type"), call.header("content-encoding")
    reading = partial(read, raw, content_type=media, content_encoding=encoding)
    if len(raw) >= LARGE_BYTES and not is_limited(call):
        batch = await call.app.recorder.record_large(call.project_id, reading, is_fixed=call.is_project_fixed)
    else:
        batch = await _record_batch(call, reading)
    if otlp.is_json(media):
        return json_answer(_partial(batch, rejected_in_json))
    if batch.rejected:
        setattr(answer.partial_success, rejected, batch.rejected)
        answer.partial_success.error_message = batch.problem
    return Response(answer.SerializeToString(), media_type=PROTOBUF)


async def _record_batch(call: Call, reading: Callable[[], Batch]) -> Batch:
    """Record what `reading` returns, and return it."""
    batches: list[Batch] = []

    def entries() -> Sequence[Entry]:
        batches.append(reading())
        return batches[0].entries

    await record(call, entries)
    return batches[0]


def _partial(batch: Batch, rejected: str) -> dict[str, object]:
    """Return OTLP's partial success; empty if everything was accepted."""
    if not batch.rejected:
        return {}
    return {"partialSuccess": {rejected: batch.rejected, "errorMessage": batch.problem}}
