"""Calls of the model endpoint, read into entries."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.builders import NOON
from tests.support.recorded import heard
from titan.ingest.chat import (
    ChatCall,
    ChatEnd,
    ChatRun,
    PartialAnswer,
    TraceParent,
    asked_model,
    beginning,
    ending,
    read_traceparent,
)
from titan.model.actions import ActionEntry, AgentSource, Failure, ModelUse, Outcome, Payload, RunEnd, RunEntry, Source
from titan.model.language import FinishReason, ModelAnswer, TextDelta, ToolCall, ToolCallDelta

SKY = '{"role":"user","content":"Which colour has the sky?"}'
CALL = ChatCall(
    id="chatcmpl-1",
    body=f'{{"model":"default","messages":[{SKY}],"temperature":0}}'.encode(),
    started_at=NOON,
    model="gemini/gemini-2.5-flash",
    provider="gcp.gemini",
    parent_id="b7ad6b7169203331",
)
ANSWER = ModelAnswer(
    text="blue",
    model="gemini-2.5-flash",
    prompt_tokens=7,
    completion_tokens=2,
    latency_ns=5_000_000,
    finish_reason=FinishReason.STOP,
    cache_read_tokens=4,
    reasoning_tokens=1,
)
LATER = NOON + timedelta(seconds=2)
END = ChatEnd(at=LATER, duration_ns=2_000_000_001, answer=ANSWER)
BROKEN = ChatEnd(at=LATER, duration_ns=2_000_000_001, failure=Failure(type="ServerStopped", message="It stopped."))
LEFT = replace(BROKEN, failure=Failure(type="ClientDisconnected", message="It left."))
RUN = ChatRun(id="r1")
OWN = ChatRun(id="chatcmpl-1", agent_id="direct-calls", name="One call", is_own=True)


def action_of(call: ChatCall, end: ChatEnd) -> ActionEntry:
    """Return the one action of a call in a run that somebody named."""
    (action,) = ending(call, RUN, end, has_begun=False)
    assert isinstance(action, ActionEntry)
    return action


def test_an_answered_call_is_an_action_with_all_that_was_said() -> None:
    action = action_of(CALL, END)

    assert (action.id, action.run_id, action.source, action.name) == ("chatcmpl-1", "r1", Source.ENDPOINT, "chat")
    assert (action.started_at, action.ended_at, action.duration_ns) == (NOON, LATER, 2_000_000_001)
    assert (action.outcome, action.parent_id) == (Outcome.SUCCESS, "b7ad6b7169203331")
    assert action.inputs == Payload('{"messages":{"$shared":0},"model":"default","temperature":0}', (SKY,))
    assert action.outputs == Payload('{"role":"assistant","content":"blue"}')
    assert action.use == ModelUse(
        model="gemini-2.5-flash",
        provider="gcp.gemini",
        input_tokens=7,
        output_tokens=2,
        cache_read_tokens=4,
        reasoning_tokens=1,
        response_id="chatcmpl-1",
    )
    assert json.loads(action.details or "") == {"attributes": {"gen_ai.response.finish_reasons": ["stop"]}}


def test_an_assistant_without_content_is_a_message_too() -> None:
    called = '{"role":"assistant","tool_calls":[]}'

    action = action_of(replace(CALL, body=f'{{"messages":[{SKY},{called}]}}'.encode()), END)

    assert action.inputs is not None
    assert action.inputs.shared == (SKY, called)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", '""'),
        (b"no JSON", '"no JSON"'),
        (b'{"messages":[]}', '{"messages":[]}'),
        (b'{"messages":7}', '{"messages":7}'),
        (b"caf\xe9", '"caf\ufffd"'),
    ],
)
def test_an_invalid_request_body_is_stored_unchanged(body: bytes, text: str) -> None:
    assert action_of(replace(CALL, body=body), BROKEN).inputs == Payload(text)


def test_nothing_in_a_request_is_read_as_a_tag_of_the_recording() -> None:
    body = b'{"messages":[{"role":"user","content":[{"$tuple":[]}]}],"metadata":{"$shared":0}}'

    inputs = action_of(replace(CALL, body=body), END).inputs

    assert inputs is not None
    assert inputs.text == '{"messages":{"$shared":0},"metadata":{"$dict":[["$shared",0]]}}'
    assert inputs.shared == ('{"role":"user","content":[{"$dict":[["$tuple",[]]]}]}',)


def test_a_failed_call_says_why_and_names_the_model_that_was_asked() -> None:
    action = action_of(CALL, BROKEN)

    assert (action.outcome, action.failure) == (Outcome.ERROR, BROKEN.failure)
    assert action.use == ModelUse(model="gemini/gemini-2.5-flash", provider="gcp.gemini")
    assert (action.outputs, action.details) == (None, None)


@pytest.mark.parametrize(
    ("body", "model"),
    [
        (b'{"model": "gpt-9", "messages": []}', "gpt-9"),
        (b'{"model": "%s"}' % (b"x" * 501), "x" * 500),
        (b'{"model": ""}', None),
        (b'{"model": 9}', None),
        (b'{"model": "\xff"}', None),
        (b"{}", None),
        (b"[]", None),
        (b"[" * 5000, None),
    ],
)
def test_a_request_names_the_model_it_is_for(body: bytes, model: str | None) -> None:
    assert asked_model(body) == model


def test_a_broken_stream_keeps_its_output_under_the_id_its_client_received() -> None:
    partial = PartialAnswer()
    for delta in (
        TextDelta(text="I "),
        TextDelta(text="look."),
        ToolCallDelta(index=0, id="call_1", name="look", arguments="{"),
        ToolCallDelta(index=0, arguments="}"),
        ToolCallDelta(index=1, id="call_2", name="look", arguments="{"),
    ):
        partial.take(delta)

    action = action_of(CALL, replace(BROKEN, partial=partial, first_ns=500_000_000))

    assert partial.calls == [
        ToolCall(id="call_1", name="look", arguments="{}"),
        ToolCall(id="call_2", name="look", arguments="{"),
    ]
    assert action.outputs is not None
    said = json.loads(action.outputs.text)
    assert (said["content"], [call["id"] for call in said["tool_calls"]]) == ("I look.", ["call_1", "call_2"])
    assert action.use is not None
    assert action.use.response_id == "chatcmpl-1"
    assert json.loads(action.details or "") == {"attributes": {"gen_ai.response.time_to_first_chunk": 0.5}}


def test_a_stream_that_broke_off_before_it_said_anything_has_no_outputs() -> None:
    assert action_of(CALL, replace(BROKEN, partial=PartialAnswer())).outputs is None


def test_a_beginning_brings_the_inputs_and_its_end_does_not_again() -> None:
    begun, ended = beginning(CALL, RUN), ending(CALL, RUN, END, has_begun=True)

    assert [len(begun), len(ended)] == [1, 1]
    assert isinstance(begun[0], ActionEntry)
    assert isinstance(ended[0], ActionEntry)
    assert (begun[0].ended_at, begun[0].outcome, begun[0].inputs is None) == (None, None, False)
    assert (ended[0].inputs, ended[0].outputs is None) == (None, False)


def test_a_call_that_is_all_of_its_run_ends_it() -> None:
    begin, action, end = ending(CALL, OWN, END, has_begun=False)

    assert begin == RunEntry(
        run_id="chatcmpl-1", source=Source.ENDPOINT, at=NOON, agent_id="direct-calls", name="One call"
    )
    assert action.run_id == "chatcmpl-1"
    assert end == RunEntry(run_id="chatcmpl-1", source=Source.ENDPOINT, at=LATER, end=RunEnd.COMPLETED)


@pytest.mark.parametrize(
    ("failure", "expected"), [("ClientDisconnected", RunEnd.CANCELLED), ("ModelError", RunEnd.FAILED)]
)
def test_a_failed_call_that_is_all_of_its_run_fails_it_and_a_caller_that_leaves_cancels_it(
    failure: str, expected: RunEnd
) -> None:
    broken = replace(BROKEN, failure=Failure(type=failure, message="It left."))
    (*_, end) = ending(CALL, OWN, broken, has_begun=True)

    assert isinstance(end, RunEntry)
    assert (end.end, end.reason) == (expected, f"{failure}: It left.")


def test_a_call_whose_client_left_has_no_outcome_and_cancels_the_run_that_it_is_all_of() -> None:
    (*_, end) = ending(CALL, OWN, LEFT, has_begun=True)

    assert action_of(CALL, LEFT).outcome is None
    assert isinstance(end, RunEntry)
    assert (end.end, end.reason) == (RunEnd.CANCELLED, "ClientDisconnected: It left.")
    assert not any(isinstance(entry, RunEntry) and entry.end for entry in ending(CALL, RUN, LEFT, has_begun=True))


def test_the_agent_of_a_run_is_recorded_if_known() -> None:
    said, _action = ending(CALL, replace(RUN, agent_id="painter"), END, has_begun=False)

    assert said == RunEntry(run_id="r1", source=Source.ENDPOINT, at=NOON, agent_id="painter")


def test_a_call_for_which_no_model_was_asked_cost_nothing() -> None:
    assert action_of(CALL, replace(BROKEN, has_asked=False)).cost == 0
    assert action_of(CALL, BROKEN).cost is None


def test_an_agent_that_nobody_said_gives_way_to_any_that_somebody_says() -> None:
    assumed = replace(RUN, agent_id="direct-calls", agent_source=AgentSource.ASSUMED)
    entries = beginning(CALL, assumed)
    later = RunEntry(
        run_id="r1", source=Source.OTLP, at=LATER, agent_id="svc", agent_at=LATER, agent_source=AgentSource.NAMED
    )

    runs = [heard(order).run for order in ([*entries, later], [later, *entries])]

    assert heard(entries).run.agent_id == "direct-calls"
    assert [run.agent_id for run in runs] == ["svc", "svc"]


TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize("header", [f"00-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-what-comes-later"])
def test_a_traceparent_says_trace_and_span(header: str) -> None:
    assert read_traceparent(header) == TraceParent(trace_id=TRACE, span_id=SPAN)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
    ],
)
def test_a_traceparent_that_is_none_is_ignored(header: str | None) -> None:
    assert read_traceparent(header) is None
