"""Read the traces that openai-agents exports: a trace when it begins, a span when it has ended.

A trace is a run, its group a session. A trace reports no end: the run ends with its outermost task, in versions that
report tasks. A call through the Responses API has only the answer's id and the tokens; its messages are known where it
went through our model endpoint, by the same id.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from titan.ingest.values import (
    Batch,
    Value,
    conversation,
    count_of,
    in_utc,
    joined_text,
    json_or_text,
    messages_of,
    payload_of,
    read_json,
    text_of,
)
from titan.model.actions import (
    CALLS,
    ActionEntry,
    ActionKind,
    Failure,
    ModelUse,
    Outcome,
    Payload,
    RunEnd,
    RunEntry,
    Source,
)
from titan.model.errors import InvalidInput

_KINDS: Final = {
    "agent": ActionKind.AGENT,
    "generation": ActionKind.MODEL,
    "response": ActionKind.MODEL,
    "transcription": ActionKind.MODEL,
    "speech": ActionKind.MODEL,
    "function": ActionKind.TOOL,
    "mcp_tools": ActionKind.CALL,
    "guardrail": ActionKind.CALL,
    "handoff": ActionKind.HANDOFF,
    "turn": ActionKind.TURN,
}
#: Members of a span that its entry has fields for.
_LIFTED: Final = frozenset({"type", "name", "input", "output", "usage", "response_id", "model", "model_config"})
_WHAT: Final = "trace of openai-agents"
_NEEDED: Final = {"trace": ("id",), "trace.span": ("id", "trace_id", "started_at")}


class Failed(msgspec.Struct):
    """The error of a span."""

    message: str | None = None
    data: Any = None


class Item(msgspec.Struct):
    """A trace or a span, with the fields that are read."""

    object: str = ""
    id: str = ""
    trace_id: str | None = None
    parent_id: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    span_data: dict[str, Any] | None = None
    error: Failed | None = None
    workflow_name: str | None = None
    group_id: str | None = None
    metadata: Any = None


def read(body: bytes, *, received_at: datetime) -> Batch:
    """Return the entries of a request to /v1/traces/ingest: one per span and one per trace.

    Invalid traces and spans are rejected; the others are taken.

    Raises:
        InvalidInput: the body is no such request, or nothing in it is valid.
    """
    traces: dict[str, Item] = {}
    spans: dict[str, list[tuple[Item, ActionEntry]]] = {}  #: by run, also for runs of which only the trace is here
    actions: list[ActionEntry] = []
    rejected: list[InvalidInput] = []
    for place, value in enumerate(_values(body)):
        try:
            item = _item(value, place)
            if item.object == "trace":
                traces[item.id[:200]] = item
                spans.setdefault(item.id[:200], [])
            else:
                actions.append(_action(item))
                spans.setdefault(actions[-1].run_id, []).append((item, actions[-1]))
        except InvalidInput as error:
            rejected.append(error)
    if rejected and not spans:
        raise rejected[0]
    return Batch(
        entries=[
            *(_run(run_id, traces.get(run_id), of_run, received_at) for run_id, of_run in spans.items()),
            *actions,
        ],
        accepted=len(traces) + len(actions),
        rejected=len(rejected),
        problem=str(rejected[0]) if rejected else "",
    )


def _values(body: bytes) -> list[Any]:
    value = read_json(body, what=_WHAT)
    if not isinstance(value, dict) or not isinstance(values := value.get("data"), list):
        expected = 'JSON such as {"data": [{"object": "trace", …}, {"object": "trace.span", …}]}'
        raise _wrong(_WHAT, expected=expected, found="other JSON")
    return values


def _item(value: Any, place: int) -> Item:
    """Return a value of the request as a trace or span with the fields that it needs."""
    try:
        item = msgspec.convert(value, Item)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise _wrong(f"{_WHAT}: $.data[{place}]", expected="a trace or a span", found=f"other JSON ({error})") from None
    needed = _NEEDED.get(item.object)
    missing = [f"no {name}" for name in needed or () if not getattr(item, name)]
    if needed is None or missing:
        raise _wrong(
            f"{_WHAT}: {item.id[:200] or 'one without an id'}",
            expected='"object": "trace" with an id, or "trace.span" with an id, a trace_id and a started_at',
            found=", ".join(missing) if needed else f"object {item.object[:60]!r}",
        )
    return item


def _wrong(subject: str, *, expected: str, found: str) -> InvalidInput:
    return InvalidInput(
        subject, expected=expected, found=found, next_step="Correct it and send it again; it was not stored."
    )


def _run(run_id: str, trace: Item | None, spans: Sequence[tuple[Item, ActionEntry]], received_at: datetime) -> RunEntry:
    """Return the entry of a run. A trace has no time: without spans, the run began when the trace was received."""
    of_run = sorted(spans, key=lambda pair: pair[1].started_at)
    task = next((action for span, action in of_run if span.parent_id is None and _is_task(span)), None)
    at = of_run[0][1].started_at if of_run else received_at
    metadata = None if trace is None or trace.metadata is None else joined_text({"metadata": text_of(trace.metadata)})
    return RunEntry(
        run_id=run_id[:200],
        source=Source.OPENAI_AGENTS,
        at=at if task is None or task.ended_at is None else task.ended_at,
        agent_id=next((action.name for _, action in of_run if action.kind is ActionKind.AGENT), None),
        session_id=None if trace is None else _text(trace.group_id),
        name=None if trace is None else _text(trace.workflow_name),
        end=None if task is None else RunEnd.FAILED if task.outcome is Outcome.ERROR else RunEnd.COMPLETED,
        details=metadata,
    )


def _is_task(span: Item) -> bool:
    data = (span.span_data or {}).get("data")
    return span.ended_at is not None and type(data) is dict and data.get("sdk_span_type") == "task"


def _action(span: Item) -> ActionEntry:
    what = f"{_WHAT}: {span.id[:200]}"
    data = dict(span.span_data or {})
    if data.get("type") == "custom" and type(data.get("data")) is dict and "sdk_span_type" in data["data"]:
        inner = data["data"]
        data = inner | {"type": inner["sdk_span_type"], "name": _task_name(inner)}
    kind = _KINDS.get(str(data.get("type")), ActionKind.STEP)
    assert span.started_at is not None
    failure = None if span.error is None else _failure(span.error)
    has_ended = span.ended_at is not None
    inputs, outputs = _contents(data, kind)
    use = _use(data)
    return ActionEntry(
        id=span.id[:200],
        run_id=(span.trace_id or "")[:200],
        source=Source.OPENAI_AGENTS,
        kind=kind,
        name=_name(data, kind),
        started_at=in_utc(span.started_at, what=f"{what}: started_at"),
        ended_at=span.ended_at and in_utc(span.ended_at, what=f"{what}: ended_at"),
        outcome=None if not has_ended else Outcome.SUCCESS if failure is None else Outcome.ERROR,
        parent_id=span.parent_id or None,
        actor=_text(data.get("agent_name")) or (_text(data.get("name")) if kind is ActionKind.AGENT else None),
        inputs=inputs,
        outputs=outputs,
        failure=failure,
        use=use if kind in CALLS else None,
        details=_details(data, kind, span.error),
    )


def _name(data: dict[str, Any], kind: ActionKind) -> str:
    if kind is ActionKind.MODEL:
        operation = str(data["type"])
        return {"generation": "chat", "response": "responses"}.get(operation, operation)
    if kind is ActionKind.HANDOFF:
        return f"{data.get('from_agent')} → {data.get('to_agent')}"[:500]
    return str(data.get("name") or data.get("type") or "unnamed")[:500]


def _task_name(inner: dict[str, Any]) -> str:
    return str(inner.get("name") or f"{inner['sdk_span_type']} {inner.get('turn', '')}".strip())


def _contents(data: dict[str, Any], kind: ActionKind) -> tuple[Payload | None, Payload | None]:
    asked, answered = data.get("input"), data.get("output")
    if kind is not ActionKind.MODEL:
        return (
            None if asked is None else payload_of(asked),
            None if answered is None else payload_of(answered),
        )
    members = {"model": text_of(data["model"])} if data.get("model") is not None else {}
    if type(data.get("model_config")) is dict:
        set_ones = {key: value for key, value in data["model_config"].items() if value is not None}
        members |= {key: text_of(value) for key, value in set_ones.items()}
    return _messages(asked, members), _messages(answered, {})


def _messages(value: Value, members: dict[str, str]) -> Payload | None:
    if (messages := messages_of(value)) is not None:
        return conversation(messages, members)
    if value is None:
        return Payload(joined_text(members)) if members else None
    return Payload(joined_text(members | {"input": json_or_text(value)})) if members else payload_of(value)


def _use(data: dict[str, Any]) -> ModelUse | None:
    usage = data.get("usage")
    if type(usage) is not dict and "response_id" not in data and "model" not in data:
        return None
    counts = usage if type(usage) is dict else {}
    read, written = counts.get("input_tokens_details"), counts.get("output_tokens_details")
    return ModelUse(
        model=_text(data.get("model")),
        provider="openai" if data.get("type") == "response" else None,
        input_tokens=count_of(counts.get("input_tokens", counts.get("prompt_tokens"))),
        output_tokens=count_of(counts.get("output_tokens", counts.get("completion_tokens"))),
        cache_read_tokens=count_of(read.get("cached_tokens")) if type(read) is dict else None,
        cache_write_tokens=count_of(read.get("cache_write_tokens")) if type(read) is dict else None,
        reasoning_tokens=count_of(written.get("reasoning_tokens")) if type(written) is dict else None,
        response_id=_text(data.get("response_id")),
    )


def _failure(failed: Failed) -> Failure:
    cause = failed.data.get("error") if type(failed.data) is dict else None
    message = failed.message or ""
    return Failure(type="Error", message=f"{message}: {cause}" if cause else message)


def _details(data: dict[str, Any], kind: ActionKind, failed: Failed | None) -> str | None:
    members: dict[str, str] = {}
    rest = {key: value for key, value in data.items() if key not in _LIFTED and value is not None}
    if rest:
        members["attributes"] = text_of(rest)
    if data.get("type") == "guardrail":
        members["verdict"] = text_of({"name": data.get("name"), "passed": not data.get("triggered")})
    if kind not in CALLS and data.get("usage") is not None:
        members["sums"] = text_of(data["usage"])
    if failed is not None and failed.data is not None:
        members["error"] = text_of(failed.data)
    return joined_text(members) if members else None


def _text(value: object) -> str | None:
    return value[:500] if type(value) is str and value else None
