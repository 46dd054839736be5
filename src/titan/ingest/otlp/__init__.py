"""Read OTLP requests to /v1/traces, /v1/logs and /v1/metrics into entries of actions and runs.

    read_traces(body, content_type=…, content_encoding=…).entries

A span's run is named by the attribute `titan.agent_run_id` of the span, its resource or an ancestor, else it is the
trace. A span is one action with the span's id. Reports of a span may come in any order and repeatedly: entries hold
what each report knows, and `titan.rules.runs.recording` merges them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from titan.ingest.otlp.attributes import Gathered, gather
from titan.ingest.otlp.logs import entries_of
from titan.ingest.otlp.requests import (
    MAX_BODY_BYTES,
    LogRecord,
    Span,
    Unread,
    count_metrics,
    decompressed,
    is_json,
    read_records,
    read_spans,
)
from titan.ingest.otlp.spans import MAX_NS, NO_SPAN, action_of, resource_text, texts_of, title_of
from titan.ingest.values import Batch, Value, joined_text
from titan.model.actions import (
    CALLS,
    ActionEntry,
    ActionKind,
    AgentSource,
    Outcome,
    Reason,
    RunEnd,
    RunEntry,
    Source,
    reason_of,
)

__all__ = ["MAX_BODY_BYTES", "Batch", "is_json", "read_logs", "read_metrics", "read_traces"]

_OF_A_REQUEST: Final = ("http.", "rpc.", "messaging.", "faas.")  # OpenTelemetry's conventions
_NO_TRACE: Final = "0" * 32
#: A span with its entry and its attributes by meaning.
_Reported: TypeAlias = tuple[Span, ActionEntry, Gathered]
_SpanKey: TypeAlias = tuple[str, str]  # trace id, span id


def read_traces(body: bytes, *, content_type: str | None, content_encoding: str | None) -> Batch:
    """Return the entries of a request to /v1/traces: one per span and one per run.

    Spans that cannot be read, or have invalid ids or times, are rejected; the others are taken.

    Raises:
        InvalidInput: the body cannot be decoded.
        TooLarge: the decompressed body is over MAX_BODY_BYTES.
    """
    taken: list[Span] = []
    problems: list[str] = []
    for span in read_spans(decompressed(body, content_encoding), content_type):
        if isinstance(span, Unread):
            problems.append(f"span {span.problem}")
        elif (problem := _problem(span)) is None:
            taken.append(span)
        else:
            problems.append(f"span {span.id or '(no id)'} {span.name[:100]!r}: {problem}")
    runs: dict[tuple[str | None, str], list[_Reported]] = {}
    entries: list[ActionEntry] = []
    for span, run_id in zip(taken, runs_of(taken), strict=True):
        gathered = gather(span.attributes)
        entry = action_of(span, gathered, run_id)
        runs.setdefault((span.origin.project, run_id), []).append((span, entry, gathered))
        entries.append(entry)
    return Batch(
        entries=[*(_run_entry(run_id, reported) for (_, run_id), reported in runs.items()), *entries],
        accepted=len(entries),
        rejected=len(problems),
        problem=problems[0] if problems else "",
    )


def read_logs(body: bytes, *, content_type: str | None, content_encoding: str | None) -> Batch:
    """Return the entries of a request to /v1/logs: model calls and named events. Other records are dropped.

    Raises:
        InvalidInput, TooLarge: as `read_traces`.
    """
    taken: list[LogRecord] = []
    problems: list[str] = []
    for record in read_records(decompressed(body, content_encoding), content_type):
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
    """Accept a request to /v1/metrics and drop it: metrics describe no single action.

    Raises:
        InvalidInput, TooLarge: as `read_traces`.
    """
    return Batch(entries=(), accepted=count_metrics(decompressed(body, content_encoding), content_type))


def _problem(span: Span) -> str | None:
    """Return why a span cannot be taken, None when it can."""
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


# --- the run of each span ---


def runs_of(spans: Sequence[Span]) -> list[str]:
    """Return the run id of each span, in order, and remove the attribute that names it."""
    named = [_named(span) for span in spans]
    if None not in named or not any(named):
        return [run_id or span.trace_id for run_id, span in zip(named, spans, strict=True)]
    keys = [(span.trace_id, span.id) for span in spans]
    runs: dict[_SpanKey, str | None] = {
        key: run_id for key, run_id in zip(keys, named, strict=True) if run_id is not None
    }
    parents = {(span.trace_id, span.id): (span.trace_id, span.parent_id) for span in spans}
    return [_nearest(key, runs, parents) or span.trace_id for key, span in zip(keys, spans, strict=True)]


def _named(span: Span) -> str | None:
    own = span.attributes.pop("titan.agent_run_id", None)
    return str(own)[:200] if own else span.origin.run_id


def _nearest(key: _SpanKey, runs: dict[_SpanKey, str | None], parents: dict[_SpanKey, _SpanKey]) -> str | None:
    """Return the run that a span or its nearest ancestor names, and remember it for the spans between."""
    passed: list[_SpanKey] = []
    while key not in runs and key in parents:
        runs[key] = None  # ends a cycle
        passed.append(key)
        key = parents[key]
    run_id = runs.get(key)
    runs.update(dict.fromkeys(passed, run_id))
    return run_id


def _run_entry(run_id: str, reported: Sequence[_Reported]) -> RunEntry:
    """Return the entry of a run from its spans in one batch."""
    origin = reported[0][0].origin
    is_named = run_id != reported[0][0].trace_id  # by its program, which also names its agent
    roots = [one for one in reported if one[1].parent_id is None]
    # In a run that its program names, a call without a parent is neither the name nor the end of the run.
    framing = [one for one in roots if not (is_named and one[1].kind in CALLS)]
    ended = [entry for _, entry, _ in framing if entry.ended_at is not None]
    failed = [entry for entry in ended if entry.outcome is Outcome.ERROR]
    unfinished = [entry for entry in ended if entry.outcome is None]  # with a reason
    is_left = unfinished and all(_reason(entry) is Reason.CANCELLED for entry in ended)
    end = RunEnd.FAILED if failed else RunEnd.CANCELLED if is_left else RunEnd.COMPLETED if ended else None
    failure = (failed or unfinished)[-1].failure if failed or unfinished else None
    started_at = min(entry.started_at for _, entry, _ in reported)
    agent_at, agent, agent_source = _agent(reported, [] if is_named else roots)
    if agent is None and (roots or is_named):
        root_name = None if is_named or not roots or roots[-1][1].kind in CALLS else roots[-1][1].name
        agent = origin.service or root_name
        agent_at, agent_source = (None, AgentSource.SAID) if agent is None else (started_at, AgentSource.NAMED)
    names = (gathered.found.get("run_name") or _root_title(entry, gathered) for _, entry, gathered in reported)
    # The request that an agent was called by says less than the agent, and before its root is reported a run has none.
    is_request = bool(framing) and _is_request(framing[-1])
    name = _text(_first(names), 500) or (_title(framing[-1]) if framing and not is_request else None)
    guessed = None if is_named and not framing else agent or (_title(framing[-1]) if framing else None)
    resource = resource_text(origin)
    return RunEntry(
        run_id=run_id,
        source=Source.OTLP,
        at=max((entry.ended_at for entry in ended if entry.ended_at is not None), default=started_at),
        agent_id=agent,
        agent_source=agent_source,
        agent_at=agent_at,
        session_id=_text(_first(gathered.found.get("session") for _, _, gathered in reported), 200),
        name=name or guessed,
        is_name_guessed=name is None and guessed is not None,
        end=end,
        reason=None if failure is None else failure.message[:500] or failure.type,
        is_part_end=is_named and end is not None,
        tags=texts_of(_first(gathered.found.get("tags") for _, _, gathered in reported)),
        traces=tuple(dict.fromkeys(span.trace_id for span, _, _ in reported if span.trace_id != run_id)),
        details=None if resource is None else joined_text({"resource": resource}),
        project=origin.project,
    )


def _reason(entry: ActionEntry) -> Reason | None:
    return reason_of(entry.failure.type) if entry.failure is not None else None


def _agent(
    reported: Iterable[_Reported], roots: Iterable[_Reported]
) -> tuple[datetime | None, str | None, AgentSource]:
    """Return the run's agent, since when, and how it is known: from the first root, else the first span with one."""
    named = [(entry.started_at, agent) for _, entry, _ in roots if (agent := _agent_of_root(entry)) is not None]
    if named:
        return *min(named, key=lambda pair: pair[0]), AgentSource.SAID
    acting = [(entry.started_at, entry.actor) for _, entry, _ in reported if entry.actor is not None]
    if acting:
        return *min(acting, key=lambda pair: pair[0]), AgentSource.ACTED
    return None, None, AgentSource.SAID


def _agent_of_root(entry: ActionEntry) -> str | None:
    return entry.actor or (entry.name if entry.kind is ActionKind.AGENT else None)


def _root_title(entry: ActionEntry, gathered: Gathered) -> Value:
    return gathered.found.get("title") if entry.parent_id is None else None


def _is_request(root: _Reported) -> bool:
    """Return whether a root is what a web framework or a queue reports of a request: "POST /chat"."""
    return any(key.startswith(_OF_A_REQUEST) for key in root[2].rest)


def _title(root: _Reported) -> str | None:
    span, entry, gathered = root
    return (span.name if entry.kind in CALLS else title_of(span, entry.name, gathered.found))[:500] or None


def _first(values: Iterable[Value]) -> Value:
    return next((value for value in values if value), None)


def _text(value: Value, longest: int) -> str | None:
    return str(value)[:longest] if value is not None and value != "" else None
