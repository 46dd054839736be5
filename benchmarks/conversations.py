"""Conversations of agents with models and tools, made up but realistic: long histories that every call repeats.

    for body in otlp_requests(spans=512, seed=7): ...      # protobuf for POST /v1/traces, without end
    next(conversations(seed=7)).calls                      # the same as plain values, for other clients

A conversation is one trace of some ten spans: an agent, model calls whose messages grow, tools between them. Words come
as in English: few are frequent, most are rare (Zipf), and names, numbers and ids occur once or twice. Equal seeds give
equal bytes. A span takes 2 KB in the middle.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, islice
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

START: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
MODELS: Final = (("openai", "gpt-4o"), ("openai", "gpt-4o-mini"), ("anthropic", "claude-sonnet-4-5"))
AGENTS: Final = ("researcher", "support_agent", "code_reviewer", "travel_planner", "invoice_clerk", "data_analyst")
TOOLS: Final = ("search_web", "read_file", "query_database", "send_email", "get_weather", "run_tests", "fetch_page")
ERROR_SHARE: Final = 0.03  # of tool calls

_COMMON: Final = """
the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which one
you were all her she there would their we him been has when who will no more if out so up said what its about than into
them can only other time new some could these two may first then do any like my now over such our man me even most made
after also did many before must through back years where much your way well down should because each just those people
how too little state good very make world still own see men work long get here between both life being under never day
same another know while last might us great old year off come since against go came right used take three
"""
_RARER: Final = """
customer invoice payment refund order shipment warehouse delivery address account password balance statement contract
supplier deadline meeting calendar flight hotel booking passenger airport luggage weather forecast temperature sunny
rain storm wind research paper author citation abstract hypothesis experiment sample measurement result conclusion
figure table appendix database query index column record schema migration backup latency throughput request response
server client timeout retry cache queue worker deploy release branch commit review test failure exception traceback
module function variable parameter argument return value type class method interface library dependency version
license security token secret certificate encryption permission role policy audit report summary analysis revenue
profit margin forecast quarter budget expense tax salary employee manager department training interview candidate
patient doctor treatment diagnosis symptom medicine dose clinic hospital insurance claim policyholder premium accident
vehicle engine battery charger range mileage tyre brake recipe ingredient oven butter flour sugar dinner restaurant
museum gallery painting sculpture concert ticket festival theatre novel chapter translation language grammar sentence
climate emission carbon energy solar turbine grid storage demand supply market share investor stock bond interest
"""
_SYLLABLES: Final = "ka ro mi len tor va shi du bel nor pa quin es tal gri mon fe sol dan wick ham ber ley ford ston"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A tool as a model asked for it, and what it gave."""

    id: str
    name: str
    arguments: dict[str, object]
    result: str
    error: str | None
    duration_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """A call of a model: the messages of all the conversation so far, and the next one."""

    messages: Sequence[dict[str, object]]
    answer: dict[str, object]
    response_id: str
    input_tokens: int
    output_tokens: int
    duration_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One run of an agent: its calls in their order, a model's first and last."""

    trace_id: bytes
    agent: str
    provider: str
    model: str
    session_id: str
    question: str
    calls: Sequence[ModelCall | ToolCall]
    started_ns: int


def otlp_requests(*, spans: int = 512, seed: int = 1) -> Iterator[bytes]:
    """Yield serialised ExportTraceServiceRequests of `spans` spans each, for ever."""
    stream = (span for conversation in conversations(seed=seed) for span in spans_of(conversation))
    while True:
        yield request_of(list(islice(stream, spans))).SerializeToString()


def conversations(*, seed: int = 1) -> Iterator[Conversation]:
    """Yield conversations for ever, one second after another."""
    writer = _Writer(seed)
    at = int(START.timestamp()) * 10**9
    while True:
        yield writer.conversation(at)
        at += 10**9


def request_of(spans: Sequence[Span]) -> ExportTraceServiceRequest:
    """Return the request that an exporter of the OpenTelemetry SDK sends."""
    request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=spans)])])
    of_resource = request.resource_spans[0]
    of_resource.resource.attributes.extend([_pair("service.name", "agents"), _pair("telemetry.sdk.language", "python")])
    of_resource.scope_spans[0].scope.name = "opentelemetry.instrumentation.openai_v2"
    return request


def spans_of(conversation: Conversation) -> Iterator[Span]:
    """Yield a conversation's spans in the order in which they end: the agent's last."""
    root = conversation.trace_id[:8]
    at = conversation.started_ns
    for number, call in enumerate(conversation.calls, start=1):
        span = _model_span(conversation, call) if isinstance(call, ModelCall) else _tool_span(conversation, call)
        span.trace_id, span.parent_span_id = conversation.trace_id, root
        span.span_id = (int.from_bytes(root, "big") ^ number).to_bytes(8, "big")
        span.start_time_unix_nano, span.end_time_unix_nano = at, at + call.duration_ns
        at += call.duration_ns + 1_000_000
        yield span
    yield Span(
        trace_id=conversation.trace_id,
        span_id=root,
        name=f"invoke_agent {conversation.agent}",
        kind=Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=conversation.started_ns,
        end_time_unix_nano=at,
        attributes=[
            _pair("gen_ai.operation.name", "invoke_agent"),
            _pair("gen_ai.agent.name", conversation.agent),
            _pair("gen_ai.conversation.id", conversation.session_id),
            _pair("input.value", conversation.question),
        ],
    )


def _model_span(conversation: Conversation, call: ModelCall) -> Span:
    return Span(
        name=f"chat {conversation.model}",
        kind=Span.SPAN_KIND_CLIENT,
        attributes=[
            _pair("gen_ai.operation.name", "chat"),
            _pair("gen_ai.provider.name", conversation.provider),
            _pair("gen_ai.request.model", conversation.model),
            _pair("gen_ai.response.model", conversation.model),
            _pair("gen_ai.response.id", call.response_id),
            _pair("gen_ai.request.temperature", 0.2),
            _pair("gen_ai.request.max_tokens", 2048),
            _pair("gen_ai.conversation.id", conversation.session_id),
            _pair("gen_ai.usage.input_tokens", call.input_tokens),
            _pair("gen_ai.usage.output_tokens", call.output_tokens),
            _pair("gen_ai.response.finish_reasons", ["stop"]),
            _pair("server.address", "api.example.com"),
            _pair("server.port", 443),
            _pair("gen_ai.input.messages", json.dumps(call.messages, separators=(",", ":"))),
            _pair("gen_ai.output.messages", json.dumps([call.answer | {"finish_reason": "stop"}])),
        ],
    )


def _tool_span(conversation: Conversation, call: ToolCall) -> Span:
    span = Span(
        name=f"execute_tool {call.name}",
        kind=Span.SPAN_KIND_INTERNAL,
        attributes=[
            _pair("gen_ai.operation.name", "execute_tool"),
            _pair("gen_ai.tool.name", call.name),
            _pair("gen_ai.tool.call.id", call.id),
            _pair("gen_ai.tool.type", "function"),
            _pair("gen_ai.agent.name", conversation.agent),
            _pair("gen_ai.tool.call.arguments", json.dumps(call.arguments)),
            _pair("gen_ai.tool.call.result", call.result),
        ],
    )
    if call.error is not None:
        span.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message=call.error))
        exception = [_pair("exception.type", "ConnectionError"), _pair("exception.message", call.error)]
        span.events.add(name="exception", attributes=exception)
    return span


def _pair(key: str, value: str | float | list[str]) -> KeyValue:
    match value:
        case str():
            return KeyValue(key=key, value=AnyValue(string_value=value))
        case int():
            return KeyValue(key=key, value=AnyValue(int_value=value))
        case float():
            return KeyValue(key=key, value=AnyValue(double_value=value))
        case _:
            items = [AnyValue(string_value=item) for item in value]
            return KeyValue(key=key, value=AnyValue(array_value=ArrayValue(values=items)))


class _Writer:
    """Writes one conversation after another with its own source of chance."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._syllables = _SYLLABLES.split()
        names = [self._name() for _ in range(8000)]
        self._words = [*_COMMON.split(), *_RARER.split(), *names]
        self._weights = list(accumulate(1 / rank for rank in range(1, len(self._words) + 1)))

    def conversation(self, started_ns: int) -> Conversation:
        chance = self._chance
        provider, model = chance.choice(MODELS)
        question = self._text(chance.randint(20, 60))
        messages: list[dict[str, object]] = [
            _message("system", "You are a careful assistant. Answer briefly and say where you looked."),
            _message("user", question),
        ]
        calls: list[ModelCall | ToolCall] = []
        for _ in range(chance.randint(2, 6)):
            tool = self._tool_call()
            wanted = {"type": "tool_call", "id": tool.id, "name": tool.name, "arguments": tool.arguments}
            calls += [self._model_call(messages, {"role": "assistant", "parts": [wanted]}), tool]
            came = {"type": "tool_call_response", "id": tool.id, "response": tool.result}
            messages = [*messages, {"role": "assistant", "parts": [wanted]}, {"role": "tool", "parts": [came]}]
        calls.append(self._model_call(messages, _message("assistant", self._text(chance.randint(40, 160)))))
        return Conversation(
            trace_id=chance.randbytes(16),
            agent=chance.choice(AGENTS),
            provider=provider,
            model=model,
            session_id=f"session-{chance.getrandbits(32):08x}",
            question=question,
            calls=calls,
            started_ns=started_ns,
        )

    def _model_call(self, messages: Sequence[dict[str, object]], answer: dict[str, object]) -> ModelCall:
        return ModelCall(
            messages=messages,
            answer=answer,
            response_id=f"chatcmpl-{self._chance.getrandbits(64):016x}",
            input_tokens=len(json.dumps(messages)) // 4,
            output_tokens=len(json.dumps(answer)) // 4,
            duration_ns=self._chance.randint(300, 4000) * 1_000_000,
        )

    def _tool_call(self) -> ToolCall:
        chance = self._chance
        has_failed = chance.random() < ERROR_SHARE
        arguments: dict[str, object] = {"query": self._text(chance.randint(3, 9)), "limit": chance.randint(1, 50)}
        return ToolCall(
            id=f"call_{chance.getrandbits(48):012x}",
            name=chance.choice(TOOLS),
            arguments=arguments,
            result="" if has_failed else self._text(chance.randint(30, 90)),
            error=f"{self._name()} did not answer within 30 s" if has_failed else None,
            duration_ns=chance.randint(5, 900) * 1_000_000,
        )

    def _text(self, words: int) -> str:
        chosen = self._chance.choices(self._words, cum_weights=self._weights, k=words)
        if self._chance.random() < 0.5:
            chosen.insert(self._chance.randrange(words), f"{self._chance.randint(1, 99_999)}")
        return " ".join(chosen).capitalize() + "."

    def _name(self) -> str:
        return "".join(self._chance.choices(self._syllables, k=self._chance.randint(2, 4)))


def _message(role: str, text: str) -> dict[str, object]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}
