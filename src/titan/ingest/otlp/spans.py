"""A span becomes an entry of its action: its kind and name, why it failed, and its details."""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from titan.ingest.otlp.calls import asked_with, contents_of, cost_of, is_message_event, use_of
from titan.ingest.otlp.telemetry import Gathered, Meaning, Origin, Span, SpanEvent, SpanLink, gather
from titan.ingest.values import Value, joined_text, json_or_text, object_text, text_of, time_of
from titan.model.actions import (
    CALLS,
    ActionEntry,
    ActionKind,
    Failure,
    ModelUse,
    Outcome,
    Source,
)

MAX_NS: Final = 2**63 - 1  # the year 2262
NO_SPAN: Final = "0" * 16
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
    """Return whether a call says what calls of models took that were made in it: a tool takes no tokens itself."""
    return kind is ActionKind.TOOL and use is not None and (use.input_tokens, use.output_tokens) != (None, None)


def texts_of(value: Value) -> tuple[str, ...]:
    """Return tags: a list's texts, or one text."""
    if type(value) is str:
        return (value[:200],) if value else ()
    return tuple([item[:200] for item in value if type(item) is str]) if type(value) is list else ()


def _pending_parent(found: dict[Meaning, Value]) -> str | None:
    parent = found.get("pending_parent")
    return parent if type(parent) is str and parent and parent != NO_SPAN else None


# --- kind and name ---


def _kinds(names: Mapping[ActionKind, str]) -> dict[str, ActionKind]:
    return {name: kind for kind, of_kind in names.items() for name in of_kind.split()}


#: What a framework says of the span, in small letters: OpenInference, Langfuse, Laminar, Traceloop; the Vercel AI SDK.
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

#: `gen_ai.operation.name`, and before it Traceloop's `llm.request.type`. Semantic Kernel's have a dot; OpenLIT's and
#: Spring AI's "agent", "framework" and "workflow" sum up what the calls within them took.
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

#: What only one kind of span has, where it says nothing plainer. The first that is there decides.
_SIGNS: Final[dict[Meaning, ActionKind]] = {
    "tool": ActionKind.TOOL,
    "model": ActionKind.MODEL,
    "response_id": ActionKind.MODEL,
    "agent": ActionKind.AGENT,
    "all_messages": ActionKind.AGENT,
    "system": ActionKind.MODEL,
}


#: What frameworks put around an agent's or a workflow's name in the names of their spans.
_AROUND_A_NAME: Final = frozenset({"agent", "agent_run", "create_agent", "invoke", "invoke_agent", "run", "workflow"})
_WORD: Final = re.compile(r"\w+")


def kind_of(gathered: Gathered) -> ActionKind:
    """Return what a span is; STEP for what says nothing of agents, such as an HTTP client's span."""
    found = gathered.found
    operation = _OPERATIONS.get(_small(found.get("operation")))
    said = _KINDS.get(_small(found.get("kind")))
    if said is ActionKind.STEP and operation is not None:  # "span" and "DEFAULT" are what frameworks say of anything
        return operation
    if said is not None or operation is not None:
        return said or operation or ActionKind.STEP
    sign = next((meaning for meaning in _SIGNS if meaning in found), None)
    if sign is None or (sign == "system" and "operation" in found):
        return ActionKind.STEP  # Strands and others name a system in all spans: it says no more than the operation
    return _SIGNS[sign]


def name_of(span: Span, kind: ActionKind, found: dict[Meaning, Value]) -> str:
    """Return the tool's, the agent's or the operation's name, or else the span's."""
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
    """Return what a root span calls its run: its own name, or `name` where it says no more than that and what it does.

    "invoke_agent code-reviewer" is the agent's name once more; "review pull request #482" is the run's own.
    """
    known = (name, _small(found.get("agent")), _small(found.get("operation")), _small(found.get("kind")))
    said = _AROUND_A_NAME.union(*map(_words, known))
    return name if _words(span.name) <= said else span.name


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def _small(value: Value) -> str:
    return value.lower() if type(value) is str else ""


# --- failures ---

EXCEPTION: Final = "exception"  #: the name of the event that an SDK's `record_exception` writes
_LONGEST_TYPE: Final = 500


def failure_of(span: Span, found: dict[Meaning, Value]) -> Failure | None:
    """Return why a span failed; None where it says that it did not.

    The last of its exceptions is why: one before it was a try's.
    """
    if not _has_failed(span, found):
        return None
    status = status_of(span, found)
    error_type = found.get("error_type")
    event = last_exception(span)
    if event is not None:
        said = event.attributes
        kind = str(said.get("exception.type") or error_type or "Error")
        stack = said.get("exception.stacktrace")
        return Failure(
            type=kind[:_LONGEST_TYPE],
            message=_message(status, kind, said.get("exception.message")),
            traceback=None if stack is None else str(stack),
        )
    kind, colon, rest = status.partition(": ")
    if not error_type and colon and kind.isidentifier():  # as Python SDKs write a status: "ValueError: nope"
        return Failure(type=kind[:_LONGEST_TYPE], message=rest)
    return Failure(type=str(error_type or "Error")[:_LONGEST_TYPE], message=status)


def status_of(span: Span, found: dict[Meaning, Value]) -> str:
    """Return the message of a span's status, "" where it has none."""
    return span.status_message or str(found.get("status") or "")


def last_exception(span: Span) -> SpanEvent | None:
    """Return the exception that a span recorded last, None where it recorded none."""
    return next((event for event in reversed(span.events) if event.name == EXCEPTION), None)


def _has_failed(span: Span, found: dict[Meaning, Value]) -> bool:
    if span.has_failed or found.get("level") == "ERROR":
        return True
    # `error.type` is for operations that failed, says OpenTelemetry; many instrumentations set it and leave the status.
    return span.has_failed is None and bool(found.get("error_type"))


def _message(status: str, kind: str, said: Value) -> str:
    """Return an exception's message, or the status that has it and says more than its type besides."""
    if said is None or said == "":
        return status
    message = str(said)
    before, colon, rest = status.partition(": ")
    is_plain = rest == message and colon and kind.endswith(before)  # "openai.RateLimitError", "RateLimitError: slow"
    return status if message in status and not is_plain else message


# --- details: what the entry has no field for ---

_OF_THE_MACHINE: Final = ("host.", "os.", "process.", "telemetry.", "titan.", "service.instance.")
_VERDICT: Final[dict[Meaning, str]] = {
    "verdict": "name",
    "score": "score",
    "verdict_label": "label",
    "verdict_reason": "explanation",
}
OF_A_VERDICT: Final = frozenset(_VERDICT)
_CALLSITE: Final[dict[Meaning, str]] = {"file": "file", "line": "line", "function": "function"}
#: Of a span's last exception, what its failure has.
_OF_A_FAILURE: Final = frozenset({"exception.type", "exception.message", "exception.stacktrace", "exception.escaped"})
MOST_LISTED: Final = 128  # events, and links: what OpenTelemetry's SDKs keep of either
MOST_CHARACTERS: Final = 256 * 1024  # of all events, and of all links: a traceback has 2 to 10 thousand


def details_of(span: Span, gathered: Gathered, failure: Failure | None, beside: dict[str, str]) -> str | None:
    """Return all that a span says and its entry has no field for; `beside` are further members."""
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
    """Return the result of an evaluation, as JSON; None where there is none."""
    return None if OF_A_VERDICT.isdisjoint(found) else object_text(_named(found, _VERDICT))


def sums_text(use: ModelUse | None, cost: Decimal | None) -> str:
    """Return the tokens and the cost of a wrapper span: its children report the same again, so it counts nowhere."""
    sums: dict[str, Value] = {} if use is None else {name: getattr(use, name) for name in ModelUse.__struct_fields__}
    if cost is not None:
        sums["cost_usd"] = str(cost)
    return object_text({key: value for key, value in sums.items() if value is not None})


def _named(found: dict[Meaning, Value], names: dict[Meaning, str]) -> dict[str, Value]:
    return {name: found[meaning] for meaning, name in names.items() if found.get(meaning) is not None}


def _error_type(found: dict[Meaning, Value], failure: Failure | None) -> dict[str, Value]:
    """Return the attribute `error.type` where the failure is not called so."""
    error_type = found.get("error_type")
    is_known = error_type is None or (failure is not None and failure.type == str(error_type))
    return {} if is_known else {"error.type": error_type}


def _events_and_links(span: Span, failure: Failure | None) -> dict[str, str]:
    """Return what events and links say; most spans have none."""
    if not span.events and not span.links:
        return {}
    return _listed("events", _events(span, failure)) | _listed("links", map(_link, span.links))


def _events(span: Span, failure: Failure | None) -> Iterable[Value]:
    """Yield the events that are no messages, and of the exception that is the failure what that does not say."""
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
    said: dict[str, Value] = {"trace_id": link.trace_id, "span_id": link.span_id}
    return said | {"attributes": link.attributes} if link.attributes else said


def _listed(name: str, items: Iterable[Value]) -> dict[str, str]:
    """Return the last items as a member, whole ones only, and how many are left out as another; none for no items."""
    texts = list(map(text_of, items))
    if not texts:
        return {}
    kept = _last(texts)
    members = {name: f"[{','.join(kept)}]"}
    return members if len(kept) == len(texts) else members | {f"{name}_left_out": str(len(texts) - len(kept))}


def _last(texts: Sequence[str]) -> Sequence[str]:
    """Return the last texts, as many as there is room for; at least one."""
    room, first = MOST_CHARACTERS, len(texts)
    while first > max(0, len(texts) - MOST_LISTED) and (room > len(texts[first - 1]) or first == len(texts)):
        first -= 1
        room -= len(texts[first])
    return texts[first:]


def resource_text(origin: Origin) -> str | None:
    """Return what is known of the sender, as a JSON object, but for what every program on its machine says."""
    kept = {key: value for key, value in origin.resource.items() if not key.startswith(_OF_THE_MACHINE)}
    if origin.service is None:
        kept.pop("service.name", None)
    return object_text(kept) if kept else None
