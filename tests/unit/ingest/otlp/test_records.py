"""Log records say what went into and came out of the spans they name."""

import json
from decimal import Decimal

from tests.support.recorded import a_call, a_span, in_any_order
from tests.support.telemetry import SPAN_ID, STARTED_NS, TRACE_ID, a_record, logged
from titan.model.actions import ActionKind, Outcome, Source
from titan.model.runs import Tally

CHILD_ID = "1111111111111111"


def test_the_messages_of_one_call_are_one_entry() -> None:
    [call] = logged(
        a_record("gen_ai.user.message", {"content": "hi"}, {"gen_ai.system": "openai"}, at_ns=STARTED_NS + 5),
        a_record("gen_ai.system.message", "Be brief."),
        a_record("gen_ai.choice", {"message": {"content": "ho"}, "finish_reason": "stop"}),
    )

    assert (call.id, call.run_id, call.kind, call.ended_at) == (SPAN_ID, TRACE_ID, ActionKind.STEP, None)
    assert call.is_part
    assert call.inputs is not None
    assert call.outputs is not None
    assert json.loads(call.inputs.whole)["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hi"},
    ]
    assert json.loads(call.outputs.whole)["messages"] == [{"role": "assistant", "content": "ho"}]


def test_messages_make_no_model_call_of_the_agent_that_they_name() -> None:
    [messages] = logged(a_record("gen_ai.user.message", {"content": "hi"}, {"gen_ai.system": "openai"}))
    agent = a_call(SPAN_ID, run_id=TRACE_ID, source=Source.OTLP, kind=ActionKind.AGENT, name="researcher")

    for memory in in_any_order(messages, agent):
        assert [(action.kind, action.name) for action in memory.all] == [(ActionKind.AGENT, "researcher")]
        assert memory.run.tally == Tally()


def test_messages_of_a_span_that_is_a_model_call_are_that_one_call() -> None:
    [messages] = logged(a_record("gen_ai.user.message", {"content": "hi"}, {"gen_ai.system": "openai"}))

    for memory in in_any_order(messages, a_span(SPAN_ID, run_id=TRACE_ID, cost="0.1")):
        assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal("0.1"))


def test_messages_that_name_their_operation_have_its_kind() -> None:
    [messages] = logged(a_record("gen_ai.user.message", {"content": "hi"}, {"gen_ai.operation.name": "chat"}))

    assert messages.kind is ActionKind.MODEL


def test_the_details_of_a_call_are_read_as_a_spans_attributes() -> None:
    [call] = logged(
        a_record(
            attributes={
                "event.name": "gen_ai.client.inference.operation.details",
                "gen_ai.operation.name": "chat",
                "gen_ai.usage.input_tokens": 7,
                "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}],
            }
        )
    )

    assert call.name == "chat"
    assert call.use is not None
    assert call.use.input_tokens == 7
    assert call.inputs is not None
    assert call.inputs.shared == ('{"role":"user","parts":[{"type":"text","content":"hi"}]}',)


def test_a_named_event_is_one_and_an_evaluation_a_verdict() -> None:
    evaluated, noted = logged(
        a_record(
            "gen_ai.evaluation.result", None, {"gen_ai.evaluation.name": "tone", "gen_ai.evaluation.score.value": 1}
        ),
        a_record("note", {"k": 1}, {"n": 2}),
    )

    assert json.loads(evaluated.details or "") == {"verdict": {"name": "tone", "score": 1}}
    assert (noted.kind, noted.name, noted.parent_id, noted.outcome) == (
        ActionKind.EVENT,
        "note",
        SPAN_ID,
        Outcome.SUCCESS,
    )
    assert noted.inputs is not None
    assert (noted.inputs.text, json.loads(noted.details or "")) == ('{"k":1}', {"attributes": {"n": 2}})
    assert evaluated.id != noted.id


def test_an_event_keeps_its_attributes_of_an_error_and_its_call() -> None:
    said = {"error.type": "timeout", "gen_ai.response.id": "resp-1", "exception.message": "10 s"}

    [event] = logged(a_record("exception", None, said))

    assert json.loads(event.details or "") == {"attributes": said}


def test_the_same_events_sent_again_have_the_same_ids() -> None:
    records = [a_record("note", 1), a_record("note", 2), a_record("note", 1, span_id=CHILD_ID)]

    first, second = logged(*records), logged(*records)

    assert [entry.id for entry in first] == [entry.id for entry in second]
    assert len({entry.id for entry in first}) == 3


def test_plain_lines_and_records_without_a_span_are_dropped() -> None:
    assert logged(a_record("", "a line"), a_record("note", span_id=""), a_record("gen_ai.choice", span_id="")) == []


def test_a_record_belongs_to_the_run_its_program_named() -> None:
    [of_resource] = logged(a_record("note"), resource={"titan.agent_run_id": "run-1"})
    [of_record] = logged(a_record("note", attributes={"titan.agent_run_id": "run-2"}))

    assert (of_resource.run_id, of_record.run_id) == ("run-1", "run-2")
