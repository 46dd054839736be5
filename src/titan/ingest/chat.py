"""Turn calls of Titan's model endpoint into entries."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec
from msgspec.structs import replace

from titan.ingest.values import conversation, payload_of, pieces_of, safe
from titan.model.actions import (
    ActionEntry,
    ActionKind,
    AgentSource,
    Entry,
    Failure,
    ModelUse,
    Outcome,
    Payload,
    RunEnd,
    RunEntry,
    Source,
    reason_of,
)
from titan.model.language import ModelAnswer, ModelDelta, TextDelta, ToolCall
from titan_sdk import tape

OPERATION: Final = "chat"  # OpenTelemetry's gen_ai.operation.name
CLIENT_LEFT: Final = "ClientDisconnected"  # the type of failure of a call whose caller closed its connection
MOST_OF_MODEL: Final = 500  # characters of its name: a request may hold anything there
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceParent:
    """The trace and span of a caller."""

    trace_id: str
    span_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRun:
    """The run that a call belongs to."""

    id: str
    agent_id: str | None = None
    agent_source: AgentSource = AgentSource.SAID
    name: str | None = None
    is_own: bool = False  #: the call is the whole run, as no run was named


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCall:
    """A call of the endpoint at its start."""

    id: str  #: of the completion
    body: bytes  #: the request's
    started_at: datetime
    model: str | None = None  #: None: the server has none
    provider: str | None = None
    parent_id: str | None = None  #: the caller's span


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatEnd:
    """The end of a call."""

    at: datetime
    duration_ns: int
    first_ns: int | None = None  #: from the start to the first streamed chunk
    answer: ModelAnswer | None = None
    partial: "PartialAnswer | None" = None  #: of a stream that broke off
    failure: Failure | None = None
    has_asked: bool = True  #: a model was asked; otherwise the cost is 0


@dataclass(slots=True)
class PartialAnswer:
    """The answer of a stream so far."""

    text: str = ""
    calls: list[ToolCall] = field(default_factory=list)

    def take(self, delta: ModelDelta) -> None:
        """Add a chunk."""
        if isinstance(delta, TextDelta):
            self.text += delta.text
        elif delta.index == len(self.calls):
            self.calls.append(ToolCall(id=delta.id or "", name=delta.name or "", arguments=delta.arguments))
        else:
            call = self.calls[delta.index]
            self.calls[delta.index] = ToolCall(id=call.id, name=call.name, arguments=call.arguments + delta.arguments)


def read_traceparent(header: str | None) -> TraceParent | None:
    """Return the content of a W3C `traceparent` header; None where it is missing or invalid."""
    match = _TRACEPARENT.fullmatch(header or "")
    return None if match is None else TraceParent(trace_id=match[1], span_id=match[2])


def message_json(text: str, tool_calls: Sequence[ToolCall]) -> dict[str, object]:
    """Return a model's message in OpenAI's format."""
    if not tool_calls:
        return {"role": "assistant", "content": text}
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in tool_calls
    ]
    return {"role": "assistant", "content": text or None, "tool_calls": calls}


def asked_model(body: bytes) -> str | None:
    """Return the model that a request names, None where it names none."""
    try:
        named = msgspec.json.decode(_MEMBERS.decode(body).get("model", b"null"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return named[:MOST_OF_MODEL] if isinstance(named, str) and named else None


def beginning(call: ChatCall, run: ChatRun) -> list[Entry]:
    """Return the entries of a running call."""
    return [*_run_entries(call, run), _action(call, run, end=None, inputs=_inputs(call.body))]


def ending(call: ChatCall, run: ChatRun, end: ChatEnd, *, has_begun: bool) -> list[Entry]:
    """Return the entries of a call that has ended; `has_begun` when `beginning` was recorded, with the inputs."""
    first = [] if has_begun else _run_entries(call, run)
    action = _action(call, run, end=end, inputs=None if has_begun else _inputs(call.body))
    return [*first, action, *([_end_of(run, end)] if run.is_own else [])]


def _run_entries(call: ChatCall, run: ChatRun) -> list[Entry]:
    if run.agent_id is None and run.name is None:
        return []
    return [
        RunEntry(
            run_id=run.id,
            source=Source.ENDPOINT,
            at=call.started_at,
            agent_id=run.agent_id,
            agent_source=run.agent_source,
            name=run.name,
        )
    ]


def _end_of(run: ChatRun, end: ChatEnd) -> RunEntry:
    failure = end.failure
    return RunEntry(
        run_id=run.id,
        source=Source.ENDPOINT,
        at=end.at,
        end=RunEnd.COMPLETED if failure is None else RunEnd.CANCELLED if _outcome(end) is None else RunEnd.FAILED,
        reason=None if failure is None else f"{failure.type}: {failure.message}",
    )


def _action(call: ChatCall, run: ChatRun, *, end: ChatEnd | None, inputs: Payload | None) -> ActionEntry:
    begun = ActionEntry(
        id=call.id,
        run_id=run.id,
        source=Source.ENDPOINT,
        kind=ActionKind.MODEL,
        name=OPERATION,
        started_at=call.started_at,
        parent_id=call.parent_id,
        inputs=inputs,
        use=ModelUse(model=_asked_for(call), provider=call.provider),
    )
    if end is None:
        return begun
    return replace(
        begun,
        ended_at=end.at,
        duration_ns=end.duration_ns,
        outcome=_outcome(end),
        outputs=_outputs(end),
        failure=end.failure,
        cost=None if end.has_asked else Decimal(0),
        use=_use(call, end),
        details=_details(end),
    )


def _outcome(end: ChatEnd) -> Outcome | None:
    """Return a call's outcome, None where its caller left."""
    if end.failure is None:
        return Outcome.SUCCESS
    return Outcome.ERROR if reason_of(end.failure.type) is None else None


def _inputs(body: bytes) -> Payload:
    """Return the request with its messages apart; an invalid request as it is."""
    try:
        members = {name: str(raw, "utf-8") for name, raw in _MEMBERS.decode(body).items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return payload_of(body.decode(errors="replace"))
    messages = pieces_of(members.pop("messages", None))
    if not messages:
        return payload_of(body.decode(errors="replace"))
    return conversation(messages, {name: safe(text) for name, text in members.items()})


def _outputs(end: ChatEnd) -> Payload | None:
    answer = end.answer or end.partial
    if answer is None or (end.answer is None and not answer.text and not _calls(answer)):
        return None
    return Payload(tape.encoded_text(message_json(answer.text, _calls(answer))))


def _calls(answer: ModelAnswer | PartialAnswer) -> Sequence[ToolCall]:
    return answer.tool_calls if isinstance(answer, ModelAnswer) else answer.calls


def _use(call: ChatCall, end: ChatEnd) -> ModelUse:
    answer = end.answer
    if answer is None:
        answer_id = None if end.first_ns is None else call.id
        return ModelUse(model=_asked_for(call), provider=call.provider, response_id=answer_id)
    return use_of(answer, provider=call.provider, response_id=call.id)


def use_of(answer: ModelAnswer, *, provider: str | None, response_id: str | None = None) -> ModelUse:
    """Return the model and token counts of an answer."""
    return ModelUse(
        model=answer.model,
        provider=provider,
        input_tokens=answer.prompt_tokens,
        output_tokens=answer.completion_tokens,
        cache_read_tokens=answer.cache_read_tokens,
        cache_write_tokens=answer.cache_write_tokens,
        reasoning_tokens=answer.reasoning_tokens,
        response_id=response_id,
    )


def _asked_for(call: ChatCall) -> str | None:
    """Return the model that was asked for, without the address before it ("http://localhost/v1#small")."""
    return call.model and call.model.rpartition("#")[2]


def _details(end: ChatEnd) -> str | None:
    attributes: dict[str, object] = {}
    if end.answer is not None:
        attributes["gen_ai.response.finish_reasons"] = [end.answer.finish_reason.value]
    if end.first_ns is not None:
        attributes["gen_ai.response.time_to_first_chunk"] = end.first_ns / 1e9
    return json.dumps({"attributes": attributes}) if attributes else None
