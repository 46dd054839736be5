"""Spans in which instrumentations report calls twice, in part, or in their own words; a case is a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.telemetry import SECOND_NS, STARTED_NS, a_span

IN, OUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
CACHED = "gen_ai.usage.cache_read.input_tokens"
#: A span with the instrumentation that reports it.
Reported = tuple[str, Span]


def _chat(id: int, model: str, tokens: tuple[int, int], **more: Any) -> Span:
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": model, IN: tokens[0], OUT: tokens[1]}
    return _span(id, {**attributes, **more.pop("attributes", {})}, **more)


def _span(
    id: int, attributes: Mapping[str, object], *, begins: float = 0, parent: int | None = None, **more: Any
) -> Span:
    parent_id = "" if parent is None else f"{parent:016x}"
    span = a_span(attributes, span_id=f"{id:016x}", parent_id=parent_id, **more)
    span.start_time_unix_nano = STARTED_NS + int(begins * SECOND_NS)
    return span


def _agent(id: int, *, cost: float | None = None, operation: str = "invoke_agent") -> Span:
    attributes = {"gen_ai.operation.name": operation} | ({} if cost is None else {"gen_ai.usage.cost": cost})
    return _chat(id, "gpt-5.1", (14_426, 771), attributes=attributes, seconds=9)


def _alone(*spans: Span) -> Sequence[Reported]:
    return [("", span) for span in spans]


def _cached(attributes: Mapping[str, object], *, model: str = "gpt-4o", asked: int = 17_903) -> Sequence[Reported]:
    return _alone(_chat(1, model, (asked, 100), attributes=attributes))


ONE_CHILD: Final = _chat(2, "gpt-5.1", (7000, 400), parent=1, seconds=3)
ANTHROPIC: Final = {
    "gen_ai.system": "anthropic",
    "gen_ai.usage.cache_read_input_tokens": 3000,
    "gen_ai.usage.cache_creation_input_tokens": 1000,
}


def _by_anthropic_and_openinference() -> Sequence[Reported]:
    """Three calls, of which a stream's two spans are not one below the other: 3,400 (600 cached) / 210, $0.01173."""
    model, spans = "claude-sonnet-4-5", list[Reported]()
    for number, (tokens, cached) in enumerate((((1000, 50), 0), ((1200, 80), 300), ((1200, 80), 300))):
        message = {"id": f"msg_{number}", "type": "message", "stop_reason": "end_turn", "usage": {}}
        traced = {
            "openinference.span.kind": "LLM",
            "llm.model_name": model,
            "llm.token_count.prompt": tokens[0],
            "llm.token_count.completion": tokens[1],
            "llm.token_count.prompt_details.cache_read": cached,
            "output.value": json.dumps(message),
        }
        own = {"gen_ai.system": "anthropic", "gen_ai.response.id": f"msg_{number}", CACHED: cached}
        at, place = number * 10, number * 2 + 1
        parent = None if number == 2 else place
        ends = {"seconds": at + 5}
        spans.append(("openinference.instrumentation.anthropic", _span(place, traced, begins=at, **ends)))
        spans.append(
            (
                "com.anthropic.sdk.python",
                _chat(place + 1, model, tokens, begins=at + 1, parent=parent, attributes=own, seconds=at + 4),
            )
        )
    return spans


def _of_answer(id: int, tokens: tuple[int, int]) -> Span:
    return _chat(id, "gpt-4o", tokens, attributes={"gen_ai.response.id": "resp_1"})


_INTERRUPT: Final = {"exception.type": "langgraph.errors.GraphInterrupt", "exception.message": "(Interrupt(),)"}
_CANCELLED: Final = {"exception.type": "asyncio.exceptions.CancelledError"}

CASES: Final[Mapping[str, Sequence[Reported]]] = {
    "cached tokens as gen_ai.usage.cached_tokens": _cached({"gen_ai.usage.cached_tokens": 17_817}),
    "cached tokens as gen_ai.usage.details.cached_tokens": _cached({"gen_ai.usage.details.cached_tokens": 17_817}),
    "cached tokens as gen_ai.usage.cache_read_tokens": _cached({"gen_ai.usage.cache_read_tokens": 17_817}),
    "tokens written to a cache as gen_ai.usage.cache_write.input_tokens": _cached(
        {"gen_ai.usage.cache_write.input_tokens": 1000}, model="claude-sonnet-4-5", asked=5000
    ),
    "Anthropic's counts without a total, beside the input": _cached(ANTHROPIC, model="claude-sonnet-4-5", asked=5000),
    "Anthropic's counts with a total, within the input": _cached(
        ANTHROPIC | {"gen_ai.usage.total_tokens": 5100}, model="claude-sonnet-4-5", asked=5000
    ),
    "a cost as gen_ai.usage.cost_usd": _cached({"gen_ai.usage.cost_usd": 0.25}),
    "an agent with both calls": _alone(
        _agent(1), ONE_CHILD, _chat(3, "gpt-5.1", (7426, 371), parent=1, begins=4, seconds=8)
    ),
    "an agent of which a call was lost": _alone(_agent(1), ONE_CHILD),
    "an agent with a cost of which a call was lost": _alone(_agent(1, cost=0.0257425), ONE_CHILD),
    "an agent with a cost of which all calls were lost": _alone(_agent(1, cost=0.0257425)),
    "a model span with a cost of which a call was lost": _alone(_agent(1, cost=0.0257425, operation="chat"), ONE_CHILD),
    "Anthropic's own spans and OpenInference's": _by_anthropic_and_openinference(),
    "a report that is exported again with another id": _alone(_of_answer(1, (1000, 100)), _of_answer(2, (1000, 100))),
    "two reports of one answer that contradict one another": _alone(
        _of_answer(1, (1000, 100)), _of_answer(2, (1000, 200))
    ),
    "a tool that waits for a person": _alone(
        _span(1, {"openinference.span.kind": "CHAIN"}, is_ok=True),
        _span(2, {"openinference.span.kind": "TOOL"}, parent=1, error="x", events=[("exception", _INTERRUPT)]),
    ),
    "a call whose caller left": _alone(
        _chat(1, "gpt-4o", (1000, 20), error="x", events=[("exception", _CANCELLED)]),
    ),
}
