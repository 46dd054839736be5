"""OpenTelemetry becomes entries: what comes to /v1/traces, /v1/logs and /v1/metrics, as actions and runs.

    read_traces(body, content_type=…, content_encoding=…).entries

The run is the resource's or span's attribute `titan.agent_run_id`, else that of the spans above, else the trace. A span
is one action, whose id is the span's. What a span says first and last comes in any order, twice or never: entries say
what is known, and `titan.rules.runs.recording` what it comes to.
"""

import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from titan.ingest.otlp import jsons, protobuf
from titan.ingest.otlp.records import entries_of
from titan.ingest.otlp.spans import MAX_NS, NO_SPAN, action_of, resource_text, texts_of, title_of
from titan.ingest.otlp.telemetry import Gathered, LogRecord, Span, Unread
from titan.ingest.values import Batch, Value, joined_text
from titan.model.actions import CALLS, ActionEntry, ActionKind, AgentSource, Outcome, RunEnd, RunEntry, Source
from titan.model.errors import InvalidInput, TooLarge

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
    runs: dict[tuple[str | None, str], RunSummary] = {}
    for span, run_id in zip(taken, runs_of(taken), strict=True):
        entry, gathered = action_of(span, run_id)
        place = span.origin.project, run_id
        if place not in runs:
            runs[place] = RunSummary(span, entry)
        runs[place].add(span, entry, gathered)
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


# --- which runs spans are in, and what they say of them ---

_Place: TypeAlias = tuple[str, str]  # trace id, span id


def runs_of(spans: Sequence[Span]) -> list[str]:
    """Return the run of each span, in their order; the attribute that names it is taken out."""
    named = [_named(span) for span in spans]
    if None not in named or not any(named):
        return [run_id or span.trace_id for run_id, span in zip(named, spans, strict=True)]
    runs: dict[_Place, str | None] = {
        _place(span): run_id for run_id, span in zip(named, spans, strict=True) if run_id is not None
    }
    above = {_place(span): (span.trace_id, span.parent_id) for span in spans}
    return [_nearest(_place(span), runs, above) or span.trace_id for span in spans]


def _named(span: Span) -> str | None:
    own = span.attributes.pop("titan.agent_run_id", None)
    return str(own)[:200] if own else span.origin.run_id


def _place(span: Span) -> _Place:
    return span.trace_id, span.id


def _nearest(place: _Place, runs: dict[_Place, str | None], above: dict[_Place, _Place]) -> str | None:
    """Return the run that a span or the nearest above it names; what is passed on the way need not be passed again."""
    passed: list[_Place] = []
    while place not in runs and place in above:
        runs[place] = None  # so a cycle has an end
        passed.append(place)
        place = above[place]
    run_id = runs.get(place)
    runs.update(dict.fromkeys(passed, run_id))
    return run_id


class RunSummary:
    """What the spans of one run in one batch come to: one entry."""

    def __init__(self, span: Span, entry: ActionEntry) -> None:
        self._id = entry.run_id
        self._is_named = entry.run_id != span.trace_id  # by its program, which says who it is
        self._origin = span.origin
        self._at = entry.started_at
        self._agent: tuple[datetime, str] | None = None  #: the root's, where the batch holds it
        self._actor = (entry.started_at, entry.actor)
        self._traces: dict[str, None] = {}  #: in the order they came
        self._session: Value = None
        self._name: Value = None
        self._has_root = False
        self._root: str | None = None
        self._title: str | None = None
        self._tags: Value = None
        self._ended_at: datetime | None = None
        self._end: RunEnd | None = None
        self._reason: str | None = None

    def add(self, span: Span, entry: ActionEntry, gathered: Gathered) -> None:
        """Add one more span of the run."""
        found = gathered.found
        if span.trace_id != self._id:
            self._traces[span.trace_id] = None
        self._session = self._session or found.get("session")
        self._name = self._name or found.get("run_name") or (found.get("title") if entry.parent_id is None else None)
        self._tags = self._tags or found.get("tags")
        if entry.actor is not None and (self._actor[1] is None or entry.started_at < self._actor[0]):
            self._actor = (entry.started_at, entry.actor)
        self._at = min(self._at, entry.started_at)
        if entry.parent_id is None:
            self._add_root(span, entry, gathered)

    def entry(self) -> RunEntry:
        """Return the entry."""
        resource = resource_text(self._origin)
        since, agent, named_by = self._agent_of()
        return RunEntry(
            run_id=self._id,
            source=Source.OTLP,
            at=self._ended_at or self._at,
            agent_id=agent,
            agent_source=named_by,
            agent_at=since,
            session_id=_text(self._session, 200),
            name=_text(self._name, 500) or self._title,
            end=self._end,
            reason=self._reason,
            is_part_end=self._is_named and self._end is not None,
            tags=texts_of(self._tags),
            traces=tuple(self._traces),
            details=None if resource is None else joined_text({"resource": resource}),
            project=self._origin.project,
        )

    def _agent_of(self) -> tuple[datetime | None, str | None, AgentSource]:
        """Return since when whose run it is, and how that is known: the root's, else of whoever acted first.

        Before its root arrives, no name holds for all of a run. A run that its program names has no root of ours.
        """
        if self._agent is not None:
            return *self._agent, AgentSource.SAID
        if self._actor[1] is not None:
            return *self._actor, AgentSource.ACTED
        name = self._origin.service or self._root if self._has_root or self._is_named else None
        return (None, None, AgentSource.SAID) if name is None else (self._at, name, AgentSource.NAMED)

    def _add_root(self, span: Span, entry: ActionEntry, gathered: Gathered) -> None:
        if not self._is_named:
            self._add_agent(entry)
        elif entry.kind in CALLS:
            return  # a call that stands alone is neither the name nor the end of a run of many
        title = span.name if entry.kind in CALLS else title_of(span, entry.name, gathered.found)
        self._title = title[:500] or None
        if entry.ended_at is None:
            return
        self._ended_at = max(self._ended_at or entry.ended_at, entry.ended_at)
        if entry.outcome is Outcome.ERROR:
            self._end = RunEnd.FAILED
            self._reason = None if entry.failure is None else entry.failure.message[:500] or entry.failure.type
        elif self._end is None:
            self._end = RunEnd.COMPLETED

    def _add_agent(self, entry: ActionEntry) -> None:
        self._has_root = True
        self._root = None if entry.kind in CALLS else entry.name
        agent = entry.actor or (entry.name if entry.kind is ActionKind.AGENT else None)
        if agent is not None and (self._agent is None or entry.started_at < self._agent[0]):
            self._agent = (entry.started_at, agent)


def _text(value: Value, longest: int) -> str | None:
    return str(value)[:longest] if value is not None and value != "" else None


# --- the request's body ---

MAX_BODY_BYTES: Final = 64 * 1024 * 1024  # a batch of 512 spans, the SDKs' default, of 128 KB each
_ANY_WINDOW: Final = zlib.MAX_WBITS | 32  # gzip or zlib, whichever the first bytes say


def is_json(content_type: str | None) -> bool:
    """Return whether a body is OTLP/JSON; without a word it is protobuf, which every exporter can.

    Raises:
        InvalidInput: it is said to be something else.
    """
    media = (content_type or "application/x-protobuf").partition(";")[0].strip().lower()
    if media in ("application/json", "text/json"):
        return True
    if media in ("application/x-protobuf", "application/protobuf", "application/octet-stream"):
        return False
    raise InvalidInput(
        "OTLP request",
        expected="Content-Type application/x-protobuf or application/json",
        found=media[:100],
        next_step="Set the exporter's protocol to http/protobuf or http/json.",
    )


def decompressed(body: bytes, content_encoding: str | None, *, limit: int = MAX_BODY_BYTES) -> bytes:
    """Return a body as it was before its compression, at most `limit` bytes.

    Raises:
        InvalidInput: it is not compressed as it says, or in a way that is not known.
        TooLarge: it would come to more; no more than the limit was unpacked.
    """
    coding = (content_encoding or "identity").strip().lower()
    if coding in ("gzip", "deflate", "x-gzip"):
        body = _unpacked(body, limit)
    elif coding != "identity":
        raise InvalidInput(
            "OTLP request",
            expected="Content-Encoding gzip, deflate or none",
            found=coding[:100],
            next_step="Set the exporter's compression to gzip or none.",
        )
    if len(body) > limit:
        raise TooLarge(
            "OTLP request",
            expected=f"at most {limit} bytes",
            found="more",
            next_step="Make the exporter's batches smaller: OTEL_BSP_MAX_EXPORT_BATCH_SIZE.",
        )
    return body


def _unpacked(body: bytes, limit: int) -> bytes:
    """Return at most `limit + 1` bytes of what is packed in one or more members."""
    parts: list[bytes] = []
    room = limit + 1
    while body and room > 0:
        unpacker = zlib.decompressobj(_ANY_WINDOW)
        try:
            part = unpacker.decompress(body, room)
        except zlib.error as error:
            raise _not_packed(len(body), str(error)) from None
        if not unpacker.eof and len(part) < room:
            raise _not_packed(len(body), "its end is missing")
        parts.append(part)
        room -= len(part)
        body = unpacker.unused_data
    return b"".join(parts)


def _not_packed(size: int, problem: str) -> InvalidInput:
    return InvalidInput("OTLP request", expected="a body in gzip or zlib", found=f"{size} bytes: {problem}")
