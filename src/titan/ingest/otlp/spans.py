"""Turn a span into the entry of an action: kind and name, failure, and details."""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from titan.ingest.otlp.attributes import Gathered, Meaning
from titan.ingest.otlp.calls import (
    answered_id,
    asked_with,
    contents_of,
    cost_of,
    is_message_event,
    is_taken_for_apart,
    use_of,
)
from titan.ingest.otlp.requests import Origin, Span, SpanEvent, SpanLink
from titan.ingest.values import Value, joined_text, json_or_text, object_text, text_of, time_of
from titan.model.actions import (
    CALLS,
    ActionEntry,
    ActionKind,
    Failure,
    ModelUse,
    Outcome,
    Source,
    reason_of,
)

MAX_NS: Final = 2**63 - 1  # the year 2262
NO_SPAN: Final = "0" * 16
_APART: Final = "The source does not say whether its input tokens include cached ones; taken as Anthropic counts: not."
_PENDING: Final = "pending_span"


def action_of(span: Span, gathered: Gathered, run_id: str) -> ActionEntry:
    """Return the entry of a span, whose attributes were gathered."""
    found = gathered.found
    is_pending = found.get("pending") == _PENDING
    kind = kind_of(gathered)
    inputs, outputs = contents_of(span.events, gathered, kind)
    has_ended = bool(span.ended_ns) and not is_pending
    failure = failure_of(span, found) if has_ended else None
    use = use_of(gathered, span.origin.scope)
    if kind is ActionKind.MODEL and (use is None or use.response_id is None) and (answer := answered_id(gathered)):
        use = replace(use or ModelUse(), response_id=answer)
    cost = cost_of(gathered)
    # A tool uses no tokens itself: those it reports are sums over the model calls within it. Agents of Strands report
    # all that they used since they were made, in other runs too (strands.telemetry.tracer, `accumulated_usage`).
    is_sum = kind is ActionKind.TOOL and use is not None and (use.input_tokens, use.output_tokens) != (None, None)
    is_of_more = kind not in CALLS and "strands-agents" in (found.get("provider"), found.get("system"))
    is_counted = not (is_sum or is_of_more)
    agent = found.get("agent")
    beside: dict[str, str] = {}
    if not is_counted and (use is not None or cost is not None):
        beside["sums"] = sums_text(use, cost)
    elif kind is ActionKind.MODEL and inputs is None and (request := asked_with(gathered)):
        beside["request"] = joined_text(request)
    if use is not None and is_taken_for_apart(gathered):
        beside["assumed"] = text_of(_APART)
    return ActionEntry(
        id=span.parent_id if is_pending and span.parent_id else span.id,
        run_id=run_id,
        source=Source.OTLP,
        scope=span.origin.scope[:100] or None,
        kind=kind,
        name=name_of(span, kind, found),
        started_at=time_of(span.started_ns),
        ended_at=time_of(span.ended_ns) if has_ended else None,
        duration_ns=max(0, span.ended_ns - span.started_ns) if has_ended else None,
        outcome=_outcome(failure) if has_ended else None,
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


def _outcome(failure: Failure | None) -> Outcome | None:
    if failure is None:
        return Outcome.SUCCESS
    return Outcome.ERROR if reason_of(failure.type) is None else None


def texts_of(value: Value) -> tuple[str, ...]:
    """Return tags from a list of texts or a single text."""
    if type(value) is str:
        return (value[:200],) if value else ()
    return tuple([item[:200] for item in value if type(item) is str]) if type(value) is list else ()


def _pending_parent(found: dict[Meaning, Value]) -> str | None:
    parent = found.get("pending_parent")
    return parent if type(parent) is str and parent and parent != NO_SPAN else None


# --- kind and name ---


def _kinds(names: Mapping[ActionKind, str]) -> dict[str, ActionKind]:
    return {name: kind for kind, of_kind in names.items() for name in of_kind.split()}


#: Span kinds in lower case, as OpenInference, Langfuse, Laminar, Traceloop and the Vercel AI SDK name them.
_KINDS: Final = _kinds(
    {
        ActionKind.MODEL: "llm generation ai.generatetext.dogenerate ai.streamtext.dostream"
        " ai.generateobject.dogenerate ai.streamobject.dostream",
        ActionKind.TOOL: "tool ai.toolcall",
        ActionKind.AGENT: "agent",
        ActionKind.STEP: "chain span workflow task default prompt executor evaluation ai.generatetext ai.streamtext"
        " ai.generateobject ai.streamobject ai.embed ai.embedmany",
        ActionKind.TURN: "conversation",
        ActionKind.EVENT: "event",
        ActionKind.CALL: "retriever embedding reranker guardrail evaluator ai.embed.doembed ai.embedmany.doembed",
    }
)

#: Values of `gen_ai.operation.name` and Traceloop's older `llm.request.type`. Those with a dot are Semantic Kernel's;
#: "agent", "framework" and "workflow" of OpenLIT and Spring AI sum up the calls within them.
_OPERATIONS: Final = _kinds(
    {
        ActionKind.MODEL: "chat text_completion completion generate_content responses chat.completions"
        " chat.streaming_completions text.completions text.streaming_completions",
        ActionKind.CALL: "embeddings embedding rerank retrieval",
        ActionKind.TOOL: "execute_tool",
        ActionKind.AGENT: "invoke_agent create_agent agent",
        ActionKind.STEP: "invoke_workflow framework workflow",
        ActionKind.HANDOFF: "handoff",
    }
)

#: Attributes that show the kind of a span that names none. The first that is present decides.
_SIGNS: Final[dict[Meaning, ActionKind]] = {
    "tool": ActionKind.TOOL,
    "model": ActionKind.MODEL,
    "response_id": ActionKind.MODEL,
    "agent": ActionKind.AGENT,
    "all_messages": ActionKind.AGENT,
    "system": ActionKind.MODEL,
}

#: Words that frameworks add to an agent's or workflow's name in the names of spans.
_AROUND_A_NAME: Final = frozenset({"agent", "agent_run", "create_agent", "invoke", "invoke_agent", "run", "workflow"})
_WORD: Final = re.compile(r"\w+")


def kind_of(gathered: Gathered) -> ActionKind:
    """Return a span's kind; STEP for spans that are not about agents, such as an HTTP client's."""
    found = gathered.found
    operation = _OPERATIONS.get(_small(found.get("operation")))
    named = _KINDS.get(_small(found.get("kind")))
    if operation is not None and named in (None, ActionKind.STEP):  # "span" and "DEFAULT" are used for anything
        return operation
    if named is not None:
        return named
    sign = next((meaning for meaning in _SIGNS if meaning in found), None)
    if sign is None or (sign == "system" and "operation" in found):
        return ActionKind.STEP  # Strands and others name a system in all spans
    return _SIGNS[sign]


def name_of(span: Span, kind: ActionKind, found: dict[Meaning, Value]) -> str:
    """Return the name of the tool, agent or operation, else the span's."""
    name: Value = None
    match kind:
        case ActionKind.TOOL:
            name = found.get("tool") or found.get("entity")
        case ActionKind.AGENT:
            name = found.get("agent") or found.get("entity")
        case ActionKind.MODEL:
            name = found.get("operation")
        case ActionKind.STEP:
            name = found.get("entity")
    return (name if type(name) is str and name else span.name)[:500] or "unnamed"


def title_of(span: Span, name: str, found: dict[Meaning, Value]) -> str:
    """Return a run's title from its root span: the span's name, or `name` where the span's name adds nothing to it.

    "invoke_agent code-reviewer" only repeats the agent's name; "review pull request #482" is a title.
    """
    known = (name, _small(found.get("agent")), _small(found.get("operation")), _small(found.get("kind")))
    return name if _words(span.name) <= _AROUND_A_NAME.union(*map(_words, known)) else span.name


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def _small(value: Value) -> str:
    return value.lower() if type(value) is str else ""


# --- failures ---

EXCEPTION: Final = "exception"  #: the event that an SDK's `record_exception` writes
_LONGEST_TYPE: Final = 500


def failure_of(span: Span, found: dict[Meaning, Value]) -> Failure | None:
    """Return a span's failure, None where it did not fail.

    The last of its exceptions is the cause: the code recovered from those before.
    """
    if not _has_failed(span, found):
        return None
    status = status_of(span, found)
    error_type = found.get("error_type")
    event = last_exception(span)
    if event is not None:
        kind = str(event.attributes.get("exception.type") or error_type or "Error")
        stack = event.attributes.get("exception.stacktrace")
        return Failure(
            type=kind[:_LONGEST_TYPE],
            message=_message(status, kind, event.attributes.get("exception.message")),
            traceback=None if stack is None else str(stack),
        )
    kind, colon, rest = status.partition(": ")
    if not error_type and colon and kind.isidentifier():  # as Python SDKs write a status: "ValueError: nope"
        return Failure(type=kind[:_LONGEST_TYPE], message=rest)
    return Failure(type=str(error_type or "Error")[:_LONGEST_TYPE], message=status)


def status_of(span: Span, found: dict[Meaning, Value]) -> str:
    """Return the span's status message, "" where it has none."""
    return span.status_message or str(found.get("status") or "")


def last_exception(span: Span) -> SpanEvent | None:
    """Return the last exception that a span recorded, None where it recorded none."""
    return next((event for event in reversed(span.events) if event.name == EXCEPTION), None)


def _has_failed(span: Span, found: dict[Meaning, Value]) -> bool:
    if span.has_failed or found.get("level") == "ERROR":
        return True
    # OpenTelemetry defines `error.type` for failed operations; many instrumentations set it and leave the status unset.
    return span.has_failed is None and bool(found.get("error_type"))


def _message(status: str, kind: str, reported: Value) -> str:
    """Return an exception's message, or the status where it adds more than the exception's type to it."""
    if reported is None or reported == "":
        return status
    message = str(reported)
    before, colon, rest = status.partition(": ")
    is_plain = rest == message and colon and kind.endswith(before)  # "openai.RateLimitError", "RateLimitError: slow"
    return status if message in status and not is_plain else message


# --- details: everything that the entry has no field for ---

_OF_THE_MACHINE: Final = ("host.", "os.", "process.", "telemetry.", "titan.", "service.instance.")
_VERDICT: Final[dict[Meaning, str]] = {
    "verdict": "name",
    "score": "score",
    "verdict_label": "label",
    "verdict_reason": "explanation",
}
OF_A_VERDICT: Final = frozenset(_VERDICT)
_CALLSITE: Final[dict[Meaning, str]] = {"file": "file", "line": "line", "function": "function"}
#: Attributes of the exception that the failure holds.
_OF_A_FAILURE: Final = frozenset({"exception.type", "exception.message", "exception.stacktrace", "exception.escaped"})
MOST_LISTED: Final = 128  # events, and links: the default limit of OpenTelemetry's SDKs
MOST_CHARACTERS: Final = 256 * 1024  # of all events, and of all links: a traceback has 2 to 10 thousand


def details_of(span: Span, gathered: Gathered, failure: Failure | None, beside: dict[str, str]) -> str | None:
    """Return the details of a span as a JSON object; `beside` are further members."""
    found = gathered.found
    members: dict[str, str] = {}
    if span.origin.scope:
        members["scope"] = text_of(span.origin.scope)
    if attributes := gathered.rest | _error_type(found, failure):
        members["attributes"] = object_text(attributes)
    if (status := status_of(span, found)) and (failure is None or status not in f"{failure.type}: {failure.message}"):
        members["status"] = text_of(status)
    if (title := found.get("title")) is not None and title != span.name:
        members["title"] = text_of(title)
    if "user" in found:
        members["principal"] = text_of(found["user"])
    if "metadata" in found:
        members["metadata"] = json_or_text(found["metadata"])
    if (verdict := verdict_of(found)) is not None:
        members["verdict"] = verdict
    if "file" in found or "function" in found:
        members["callsite"] = object_text(_named(found, _CALLSITE))
    members |= _events_and_links(span, failure) | beside
    return joined_text(members) if members else None


def verdict_of(found: dict[Meaning, Value]) -> str | None:
    """Return an evaluation's result as JSON, None where there is none."""
    return None if OF_A_VERDICT.isdisjoint(found) else object_text(_named(found, _VERDICT))


def sums_text(use: ModelUse | None, cost: Decimal | None) -> str:
    """Return the tokens and cost of a wrapper span, which are not counted because its children report them again."""
    sums: dict[str, Value] = {} if use is None else {name: getattr(use, name) for name in ModelUse.__struct_fields__}
    if cost is not None:
        sums["cost_usd"] = str(cost)
    return object_text({key: value for key, value in sums.items() if value is not None})


def _named(found: dict[Meaning, Value], names: dict[Meaning, str]) -> dict[str, Value]:
    return {name: found[meaning] for meaning, name in names.items() if found.get(meaning) is not None}


def _error_type(found: dict[Meaning, Value], failure: Failure | None) -> dict[str, Value]:
    """Return the attribute `error.type` where the failure has another type."""
    error_type = found.get("error_type")
    is_known = error_type is None or (failure is not None and failure.type == str(error_type))
    return {} if is_known else {"error.type": error_type}


def _events_and_links(span: Span, failure: Failure | None) -> dict[str, str]:
    """Return the members `events` and `links`; most spans have none."""
    if not span.events and not span.links:
        return {}
    return _listed("events", _events(span, failure)) | _listed("links", map(_link, span.links))


def _events(span: Span, failure: Failure | None) -> Iterable[Value]:
    """Yield the events that are no messages; of the failure's exception only attributes that the failure lacks."""
    cause = None if failure is None else last_exception(span)
    for event in span.events:
        if is_message_event(event.name):
            continue
        attributes = event.attributes
        if event is cause:
            attributes = {key: value for key, value in attributes.items() if key not in _OF_A_FAILURE}
            if not attributes:
                continue
        yield {"name": event.name, "at_ns": str(event.at_ns), "attributes": attributes}


def _link(link: SpanLink) -> Value:
    ids: dict[str, Value] = {"trace_id": link.trace_id, "span_id": link.span_id}
    return ids | {"attributes": link.attributes} if link.attributes else ids


def _listed(name: str, items: Iterable[Value]) -> dict[str, str]:
    """Return the last items as one member, and the number of omitted ones as another; nothing for no items."""
    texts = list(map(text_of, items))
    if not texts:
        return {}
    kept = _last(texts)
    members = {name: f"[{','.join(kept)}]"}
    return members if len(kept) == len(texts) else members | {f"{name}_left_out": str(len(texts) - len(kept))}


def _last(texts: Sequence[str]) -> Sequence[str]:
    """Return as many of the last texts as there is room for, at least one."""
    room, first = MOST_CHARACTERS, len(texts)
    while first > max(0, len(texts) - MOST_LISTED) and (room > len(texts[first - 1]) or first == len(texts)):
        first -= 1
        room -= len(texts[first])
    return texts[first:]


def resource_text(origin: Origin) -> str | None:
    """Return the resource as a JSON object, without what describes the machine and the SDK."""
    kept = {key: value for key, value in origin.resource.items() if not key.startswith(_OF_THE_MACHINE)}
    if origin.service is None:
        kept.pop("service.name", None)
    return object_text(kept) if kept else None
