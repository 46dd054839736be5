"""A span becomes an entry of the action that it tells of."""

from datetime import UTC, datetime, timedelta
from typing import Final

from titan.ingest.otlp.attributes import Gathered, Meaning, gather
from titan.ingest.otlp.contents import asked_with, contents_of
from titan.ingest.otlp.details import details_of, sums_text
from titan.ingest.otlp.failures import failure_of
from titan.ingest.otlp.kinds import kind_of, name_of
from titan.ingest.otlp.telemetry import Span
from titan.ingest.otlp.use import cost_of, use_of
from titan.ingest.values import Value, joined_text
from titan.model.actions import CALLS, ActionEntry, ActionKind, ModelUse, Outcome, Source

MAX_NS: Final = 2**63 - 1  # the year 2262
NO_SPAN: Final = "0" * 16
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PENDING: Final = "pending_span"


def action_of(span: Span, run_id: str) -> tuple[ActionEntry, Gathered]:
    """Return the entry of a span, and its attributes, of which some speak of the run."""
    gathered = gather(span.attributes)
    found = gathered.found
    is_pending = found.get("pending") == _PENDING
    kind = kind_of(gathered)
    inputs, outputs = contents_of(span, gathered, kind)
    has_ended = bool(span.ended_ns) and not is_pending
    failure = failure_of(span, found) if has_ended else None
    use = use_of(gathered, span.origin.scope)
    cost = cost_of(gathered)
    is_counted = kind in CALLS and not sums_up(kind, use)
    agent = found.get("agent")
    beside: dict[str, str] = {}
    if not is_counted and (use is not None or cost is not None):
        beside["sums"] = sums_text(use, cost)
    elif kind is ActionKind.MODEL and inputs is None and (request := asked_with(gathered)):
        beside["request"] = joined_text(request)
    entry = ActionEntry(
        id=span.parent_id if is_pending and span.parent_id else span.id,
        run_id=run_id,
        source=Source.OTLP,
        scope=span.origin.scope[:100] or None,
        kind=kind,
        name=name_of(span, kind, found),
        started_at=time_of(span.started_ns),
        ended_at=time_of(span.ended_ns) if has_ended else None,
        duration_ns=max(0, span.ended_ns - span.started_ns) if has_ended else None,
        outcome=None if not has_ended else Outcome.SUCCESS if failure is None else Outcome.ERROR,
        parent_id=_pending_parent(found) if is_pending else span.parent_id or None,
        actor=agent[:500] if type(agent) is str and agent else None,
        inputs=inputs,
        outputs=outputs,
        failure=failure,
        cost=cost if is_counted else None,
        use=use if is_counted else None,
        tags=texts_of(found.get("span_tags")),
        details=details_of(span, gathered, failure, beside),
        project=span.origin.project,
    )
    return entry, gathered


def sums_up(kind: ActionKind, use: ModelUse | None) -> bool:
    """Tell whether a call says what calls of models took that were made in it: a tool takes no tokens itself."""
    return kind is ActionKind.TOOL and use is not None and (use.input_tokens, use.output_tokens) != (None, None)


def time_of(nanoseconds: int) -> datetime:
    """Return a time, exact to the microsecond."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def texts_of(value: Value) -> tuple[str, ...]:
    """Return tags: a list's texts, or one text."""
    if type(value) is str:
        return (value[:200],) if value else ()
    return tuple([item[:200] for item in value if type(item) is str]) if type(value) is list else ()


def _pending_parent(found: dict[Meaning, Value]) -> str | None:
    parent = found.get("pending_parent")
    return parent if type(parent) is str and parent and parent != NO_SPAN else None
