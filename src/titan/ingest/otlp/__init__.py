"""OpenTelemetry becomes entries: what comes to /v1/traces, /v1/logs and /v1/metrics, as actions and runs.

    read_traces(body, content_type=…, content_encoding=…).entries

The run is the resource's or span's attribute `titan.agent_run_id`, else that of the spans above, else the trace. A span
is one action, whose id is the span's. What a span says first and last comes in any order, twice or never: entries say
what is known, and `titan.rules.recording` what it comes to.
"""

from collections.abc import Iterable
from typing import Final

from titan.ingest.batch import Batch
from titan.ingest.otlp import jsons, protobuf
from titan.ingest.otlp.actions import MAX_NS, NO_SPAN, action_of
from titan.ingest.otlp.bodies import MAX_BODY_BYTES, decompressed, is_json
from titan.ingest.otlp.naming import runs_of
from titan.ingest.otlp.records import entries_of
from titan.ingest.otlp.runs import RunSeen
from titan.ingest.otlp.telemetry import LogRecord, Span, Unread
from titan.model.actions import ActionEntry

__all__ = ["MAX_BODY_BYTES", "Batch", "is_json", "read_logs", "read_metrics", "read_traces"]

_NO_TRACE: Final = "0" * 32


def read_traces(body: bytes, *, content_type: str | None, content_encoding: str | None) -> Batch:
    """Return what a request to /v1/traces says: an entry per span, and one per run.

    Spans without ids or times, or that cannot be read, are rejected; the others are taken.

    Raises:
        InvalidInput: the body is no such request, or packed or encoded in a way that is not known.
        TooLarge: it is over MAX_BODY_BYTES when unpacked.
    """
    plain = decompressed(body, content_encoding)
    spans = jsons.read_spans(plain) if is_json(content_type) else protobuf.read_spans(plain)
    return _batch(spans)


def read_logs(body: bytes, *, content_type: str | None, content_encoding: str | None) -> Batch:
    """Return what a request to /v1/logs says of model calls and named events; other records are dropped.

    Raises:
        InvalidInput, TooLarge: as `read_traces`.
    """
    plain = decompressed(body, content_encoding)
    taken: list[LogRecord] = []
    problems: list[str] = []
    for record in jsons.read_records(plain) if is_json(content_type) else protobuf.read_records(plain):
        if isinstance(record, Unread):
            problems.append(f"log record {record.problem}")
        elif not 0 <= record.at_ns <= MAX_NS:
            problems.append("log records whose time is after the year 2262")
        else:
            taken.append(record)
    return Batch(
        entries=list(entries_of(taken)),
        accepted=len(taken),
        rejected=len(problems),
        problem=problems[0] if problems else "",
    )


def read_metrics(body: bytes, *, content_type: str | None, content_encoding: str | None) -> Batch:
    """Accept a request to /v1/metrics, which says nothing of single actions: no entries.

    Raises:
        InvalidInput, TooLarge: as `read_traces`.
    """
    plain = decompressed(body, content_encoding)
    count = jsons.count_metrics(plain) if is_json(content_type) else protobuf.count_metrics(plain)
    return Batch(entries=(), accepted=count)


def _batch(spans: Iterable[Span | Unread]) -> Batch:
    taken: list[Span] = []
    rejected = 0
    problem = ""
    for span in spans:
        if isinstance(span, Unread) or (wrong := _problem(span)) is not None:
            rejected += 1
            problem = problem or f"span {span.problem if isinstance(span, Unread) else wrong}"
        else:
            taken.append(span)
    entries: list[ActionEntry] = []
    runs: dict[tuple[str | None, str], RunSeen] = {}
    for span, run_id in zip(taken, runs_of(taken), strict=True):
        entry, gathered = action_of(span, run_id)
        place = span.origin.project, run_id
        seen = runs.get(place)
        if seen is None:
            seen = runs[place] = RunSeen(span, entry)
        seen.hear(span, entry, gathered)
        entries.append(entry)
    return Batch(
        entries=[*(run.entry() for run in runs.values()), *entries],
        accepted=len(entries),
        rejected=rejected,
        problem=problem,
    )


def _problem(span: Span) -> str | None:
    """Return which span cannot be taken and why, None when it can."""
    wrong = _wrong(span)
    return None if wrong is None else f"{span.id or '(no id)'} {span.name[:100]!r}: {wrong}"


def _wrong(span: Span) -> str | None:
    if len(span.trace_id) != 32 or span.trace_id == _NO_TRACE:
        return "its trace id is not 16 bytes, or is zero"
    if len(span.id) != 16 or span.id == NO_SPAN:
        return "its span id is not 8 bytes, or is zero"
    if span.parent_id and len(span.parent_id) != 16:
        return "its parent's id is not 8 bytes"
    if not span.started_ns:
        return "it has no start time, or 0"
    if not 0 < span.started_ns <= MAX_NS or not 0 <= span.ended_ns <= MAX_NS:
        return "its times are not between 1970 and 2262"
    return None
