"""Spans that report a call which Titan's model endpoint has recorded too."""

from __future__ import annotations

from time import time_ns
from typing import Final

from openai.types.chat import ChatCompletionMessageParam

from tests.support.raw_http import ask
from tests.support.telemetry import a_request, a_span

SKY: Final[ChatCompletionMessageParam] = {"role": "user", "content": "Which colour has the sky?"}
AGENT: Final = "00f067aa0ba902b7"  #: the span around the call
CALL: Final = "b7ad6b7169203331"


def send_spans(port: int, trace_id: str, response_id: str | None, *, began_ns: int) -> None:
    """Send the spans of an agent and of its call, as an instrumentation of the openai package does."""
    used = {"gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 2}
    named = {} if response_id is None else {"gen_ai.response.id": response_id}
    answered = {"gen_ai.operation.name": "chat", "gen_ai.response.model": "gpt-4o-mini", **named}
    agent = a_span({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "painter"}, span_id=AGENT)
    call = a_span({**answered, **used}, span_id=CALL, parent_id=AGENT)
    for span in (agent, call):
        span.trace_id = bytes.fromhex(trace_id)
        span.start_time_unix_nano, span.end_time_unix_nano = began_ns, time_ns()
    body = a_request(agent, call).SerializeToString()
    assert ask(port, "POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"}).status == 200
