"""A span comes to the action it tells of, in whichever dialect it tells."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.support.telemetry import PARENT_ID, SPAN_ID, STARTED_NS, TRACE_ID, a_span, actions_of, entries_of, run_of
from titan.model.actions import (
    ActionEntry,
    ActionKind,
    AgentSource,
    ModelUse,
    Outcome,
    Payload,
    RunEnd,
    RunEntry,
    Source,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CHILD_ID = "1111111111111111"


def an_action(attributes: Mapping[str, object], **changes: object) -> ActionEntry:
    [action] = actions_of(a_span(attributes, **changes))  # type: ignore[arg-type]  # what `a_span` takes
    return action


def details(action: ActionEntry) -> dict[str, object]:
    said: dict[str, object] = json.loads(action.details or "{}")
    return said


def said(payload: Payload | None) -> object:
    return None if payload is None else json.loads(payload.whole)


def test_a_plain_span_is_a_step_and_holds_the_tree_together() -> None:
    action = an_action({"http.request.method": "GET"}, name="GET", parent_id=PARENT_ID)

    assert action == ActionEntry(
        id=SPAN_ID,
        run_id=TRACE_ID,
        source=Source.OTLP,
        kind=ActionKind.STEP,
        name="GET",
        started_at=NOON,
        ended_at=NOON + timedelta(seconds=1),
        duration_ns=1_000_000_000,
        outcome=Outcome.SUCCESS,
        parent_id=PARENT_ID,
        details='{"attributes":{"http.request.method":"GET"}}',
    )


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"openinference.span.kind": "LLM"}, ActionKind.MODEL),
        ({"openinference.span.kind": "TOOL"}, ActionKind.TOOL),
        ({"openinference.span.kind": "AGENT"}, ActionKind.AGENT),
        ({"openinference.span.kind": "CHAIN"}, ActionKind.STEP),
        ({"openinference.span.kind": "RETRIEVER"}, ActionKind.CALL),
        ({"openinference.span.kind": "GUARDRAIL"}, ActionKind.CALL),
        ({"langfuse.observation.type": "generation"}, ActionKind.MODEL),
        ({"langfuse.observation.type": "event"}, ActionKind.EVENT),
        ({"langfuse.observation.type": "span", "gen_ai.operation.name": "chat"}, ActionKind.MODEL),
        ({"lmnr.span.type": "DEFAULT"}, ActionKind.STEP),
        ({"traceloop.span.kind": "workflow"}, ActionKind.STEP),
        ({"llm.request.type": "completion"}, ActionKind.MODEL),
        ({"gen_ai.operation.name": "text_completion"}, ActionKind.MODEL),
        ({"gen_ai.operation.name": "embeddings"}, ActionKind.CALL),
        ({"gen_ai.operation.name": "execute_tool"}, ActionKind.TOOL),
        ({"gen_ai.operation.name": "create_agent"}, ActionKind.AGENT),
        ({"gen_ai.operation.name": "invoke_workflow"}, ActionKind.STEP),
        ({"gen_ai.tool.name": "t"}, ActionKind.TOOL),
        ({"gen_ai.system": "openai"}, ActionKind.MODEL),
        ({"agent_name": "a"}, ActionKind.AGENT),
        ({"ai.operationId": "ai.generateText"}, ActionKind.STEP),
        ({"ai.operationId": "ai.generateText.doGenerate"}, ActionKind.MODEL),
        ({"ai.operationId": "ai.toolCall"}, ActionKind.TOOL),
        ({"openinference.span.kind": 7}, ActionKind.STEP),
    ],
)
def test_every_dialect_names_its_kinds(attributes: dict[str, object], kind: ActionKind) -> None:
    assert an_action(attributes).kind is kind


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 3, "gen_ai.usage.cache_read.input_tokens": 2},
        {
            "gen_ai.usage.prompt_tokens": "7",
            "gen_ai.usage.completion_tokens": 3.0,
            "gen_ai.usage.cache_read_input_tokens": 2,
        },
        {
            "llm.token_count.prompt": 7,
            "llm.token_count.completion": 3,
            "llm.token_count.total": 10,
            "llm.token_count.prompt_details.cache_read": 2,
        },
        {"ai.usage.promptTokens": 7, "ai.usage.completionTokens": 3, "ai.usage.cachedInputTokens": 2},
        {"langfuse.observation.usage_details": '{"input": 5, "output": 3, "cache_read_input_tokens": 2}'},
    ],
)
def test_every_dialect_counts_tokens(attributes: dict[str, object]) -> None:
    action = an_action({"gen_ai.operation.name": "chat", "gen_ai.system": "openai"} | attributes)

    assert action.use == ModelUse(provider="openai", input_tokens=7, output_tokens=3, cache_read_tokens=2)


@pytest.mark.parametrize("count", [-1, 10**9 + 1, 2**53, "1000000001", 1e10, "many", "", True, 0.5, "9" * 5000])
def test_an_invalid_token_count_is_ignored(count: object) -> None:
    action = an_action({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": count})

    assert action.use == ModelUse()


def test_an_agents_sums_are_stored_and_those_of_a_tool_kept_in_details() -> None:
    sums = {"gen_ai.usage.input_tokens": 9, "operation.cost": 0.5}
    agent = an_action({"gen_ai.operation.name": "invoke_agent", **sums})
    tool = an_action({"gen_ai.operation.name": "execute_tool", **sums})

    assert (agent.cost, agent.use) == (Decimal("0.5"), ModelUse(input_tokens=9))
    assert (tool.cost, tool.use) == (None, None)
    assert details(tool)["sums"] == {"input_tokens": 9, "cost_usd": "0.5"}


def test_the_accumulated_usage_of_a_strands_agent_is_not_counted() -> None:
    agent = an_action(
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.system": "strands-agents", "gen_ai.usage.input_tokens": 9}
    )

    assert (agent.cost, agent.use) == (None, None)


@pytest.mark.parametrize(
    ("message", "stored"),
    [
        ('{"role":"assistant", "finish_reason" : "stop" }', '{"role":"assistant"}'),
        (
            '{"role":"assistant","finish_reason":"stop","name":"critic"}',
            '{"role":"assistant","name":"critic"}',
        ),
        (
            '{"role":"assistant","finish_reason":"stop","refusal":null,"tool_calls":[]}',
            '{"role":"assistant","refusal":null,"tool_calls":[]}',
        ),
        ('{"role":"assistant","parts":["a","finish_reason"]}',) * 2,
        ('{"role":"assistant","parts":[{"b":1,"finish_reason":"stop"}]}',) * 2,
        ('{"role":"assistant","content":"x,\\"finish_reason\\":\\"stop"}',) * 2,
    ],
)
def test_a_finish_reason_is_removed_from_a_message_and_nothing_else(message: str, stored: str) -> None:
    action = an_action({"gen_ai.operation.name": "chat", "gen_ai.output.messages": f"[{message}]"})

    assert action.outputs is not None
    assert action.outputs.shared == (stored,)


def test_messages_are_separate_pieces() -> None:
    question = '[{"role":"user","parts":[{"type":"text","content":"hi"}]}]'
    action = an_action(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "m",
            "gen_ai.request.temperature": 0.2,
            "gen_ai.system_instructions": '[{"type":"text","content":"Be brief."}]',
            "gen_ai.input.messages": question,
            "gen_ai.output.messages": '[{"role":"assistant","parts":[], "finish_reason": "stop"}]',
            "gen_ai.tool.definitions": '[{"name":"t"}]',
            "input.value": "the same again",
        }
    )

    assert action.inputs is not None
    assert action.inputs.text == '{"messages":{"$shared":0},"model":"m","temperature":0.2,"tools":[{"name":"t"}]}'
    assert action.inputs.shared == (
        '{"role":"system","parts":[{"type":"text","content":"Be brief."}]}',
        '{"role":"user","parts":[{"type":"text","content":"hi"}]}',
    )
    assert action.outputs == Payload('{"messages":{"$shared":0}}', ('{"role":"assistant","parts":[]}',))


@pytest.mark.parametrize(
    "attributes",
    [
        {
            "gen_ai.prompt.0.role": "user",
            "gen_ai.prompt.0.content": "hi",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.content": "ho",
        },
        {
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": "hi",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": "ho",
        },
        {
            "gen_ai.input.messages": [{"role": "user", "content": "hi"}],
            "gen_ai.output.messages": [{"role": "assistant", "content": "ho"}],
        },
        {
            "events": '[{"event.name":"gen_ai.user.message","role":"user","content":"hi"},'
            '{"event.name":"gen_ai.choice","index":0,"message":{"role":"assistant","content":"ho"}}]'
        },
        {
            "request_data": '{"messages":[{"role":"user","content":"hi"}]}',
            "output.value": '{"role":"assistant","content":"ho"}',
        },
        {
            "langfuse.observation.input": '[{"role":"user","content":"hi"}]',
            "langfuse.observation.output": '[{"role":"assistant","content":"ho"}]',
        },
    ],
)
def test_every_dialect_brings_messages(attributes: dict[str, object]) -> None:
    action = an_action({"gen_ai.operation.name": "chat"} | attributes)

    assert said(action.inputs) == {"messages": [{"role": "user", "content": "hi"}]}
    assert said(action.outputs) == {"messages": [{"role": "assistant", "content": "ho"}]}


def test_messages_come_as_events_of_the_span_too() -> None:
    action = an_action(
        {"gen_ai.system": "openai"},
        events=[
            ("gen_ai.user.message", {"content": "hi"}),
            ("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": '{"content":"ho"}'}),
            ("gen_ai.content.completion", {"gen_ai.completion": "hum"}),
            ("checkpoint", {"n": 1}),
        ],
    )

    assert said(action.inputs) == {"messages": [{"role": "user", "content": "hi"}]}
    assert said(action.outputs) == {"messages": [{"role": "assistant", "content": "ho"}, {"content": "hum"}]}
    assert details(action)["events"] == [{"name": "checkpoint", "at_ns": str(STARTED_NS), "attributes": {"n": 1}}]


def test_spread_tool_calls_and_documents_come_together_again() -> None:
    model = an_action(
        {
            "openinference.span.kind": "LLM",
            "llm.input_messages.10.message.content": "later",
            "llm.input_messages.9.message.content": "first",
            "llm.input_messages.9.message.contents.0.message_content.text": "part",
            "llm.input_messages.9.message.tool_calls.0.tool_call.function.name": "t",
            "llm.tools.0.tool.json_schema": "{}",
        }
    )
    search = an_action(
        {
            "openinference.span.kind": "RETRIEVER",
            "retrieval.documents.0.document.content": "found",
            "retrieval.documents.0.document.score": 0.5,
        }
    )

    assert said(model.inputs) == {
        "messages": [
            {"content": "first", "contents": [{"text": "part"}], "tool_calls": [{"function": {"name": "t"}}]},
            {"content": "later"},
        ],
        "tools": [{"json_schema": "{}"}],
    }
    assert said(search.outputs) == {"documents": [{"content": "found", "score": 0.5}]}


def test_a_call_that_says_no_messages_has_no_inputs_yet() -> None:
    action = an_action({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.request.top_p": 1.0})

    assert action.inputs is None
    assert details(action)["request"] == {"model": "m", "top_p": 1.0}


def test_parameters_that_repeat_the_messages_do_not_hide_them() -> None:
    parameters = '{"messages": [1], "top_p": 1}'
    action = an_action(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.input.messages": '[{"role":"user"}]',
            "llm.invocation_parameters": parameters,
        }
    )

    assert said(action.inputs) == {"messages": [{"role": "user"}], "top_p": 1}


def test_a_raw_request_without_messages_is_the_input() -> None:
    action = an_action({"gen_ai.operation.name": "text_completion", "gen_ai.request.model": "m", "gen_ai.prompt": "x"})

    assert said(action.inputs) == {"model": "m", "input": "x"}


def test_a_span_without_an_end_still_runs() -> None:
    run, action = entries_of(a_span(seconds=None, error="no"))

    assert isinstance(action, ActionEntry)
    assert (action.ended_at, action.duration_ns, action.outcome, action.failure) == (None, None, None, None)
    assert isinstance(run, RunEntry)
    assert run.end is None


def test_logfires_pending_span_is_the_beginning_of_its_parent_span() -> None:
    pending = {"logfire.span_type": "pending_span", "logfire.pending_parent_id": PARENT_ID}
    action = an_action(pending, span_id=CHILD_ID, parent_id=SPAN_ID, seconds=0)
    root = an_action(pending | {"logfire.pending_parent_id": "0" * 16}, span_id=CHILD_ID, parent_id=SPAN_ID)

    assert (action.id, action.parent_id, action.ended_at) == (SPAN_ID, PARENT_ID, None)
    assert (root.id, root.parent_id) == (SPAN_ID, None)


def test_a_clock_that_went_back_gives_no_negative_duration() -> None:
    span = a_span()
    span.end_time_unix_nano = STARTED_NS - 5

    [action] = actions_of(span)

    assert action.duration_ns == 0


def test_the_root_names_the_run_and_ends_it() -> None:
    attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a", "session.id": 7}

    run = run_of(a_span(attributes, name="review pull request #482"))

    assert run == RunEntry(
        run_id=TRACE_ID,
        source=Source.OTLP,
        at=NOON + timedelta(seconds=1),
        agent_id="a",
        agent_at=NOON,
        session_id="7",
        name="review pull request #482",
        end=RunEnd.COMPLETED,
    )


@pytest.mark.parametrize("name", ["review pull request #482", "code-reviewer of #482"])
@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "code-reviewer"},
        {"openinference.span.kind": "AGENT", "agent.name": "code-reviewer"},
        {"traceloop.span.kind": "workflow", "traceloop.entity.name": "code-reviewer"},
        {"traceloop.span.kind": "agent", "traceloop.entity.name": "code-reviewer"},
        {"logfire.span_type": "span", "agent_name": "code-reviewer"},
    ],
)
def test_a_run_keeps_the_name_that_its_root_span_was_given(attributes: dict[str, object], name: str) -> None:
    span = a_span(attributes, name=name)

    [action] = actions_of(span)

    assert (run_of(span).name, action.name) == (name, "code-reviewer")


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("code-reviewer", {"openinference.span.kind": "AGENT", "agent.name": "code-reviewer"}),
        ("invoke_agent code-reviewer", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "code-reviewer"}),
        ("invoke_agent", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "code-reviewer"}),
        ("agent run", {"agent_name": "code-reviewer"}),
        ("agent_run [code-reviewer]", {"gen_ai.agent.name": "code-reviewer"}),
        ("code-reviewer.workflow", {"traceloop.span.kind": "workflow", "traceloop.entity.name": "code-reviewer"}),
        ("ai.generateText", {"ai.operationId": "ai.generateText", "ai.telemetry.functionId": "code-reviewer"}),
    ],
)
def test_a_name_that_repeats_kind_and_agent_of_the_root_is_not_doubled(
    name: str, attributes: dict[str, object]
) -> None:
    assert run_of(a_span(attributes, name=name)).name == "code-reviewer"


def test_a_failed_root_fails_the_run_with_its_reason() -> None:
    run = run_of(a_span(error="ValueError: nope"))

    assert (run.end, run.reason) == (RunEnd.FAILED, "nope")


@pytest.mark.parametrize("is_of_resource", [True, False])
def test_the_root_ends_and_names_a_run_that_its_program_names_too(is_of_resource: bool) -> None:
    named = {"titan.agent_run_id": "run-1"}
    root = a_span({"agent_name": "a"} | ({} if is_of_resource else named))

    run = run_of(root, resource=named if is_of_resource else None)

    assert (run.run_id, run.agent_id, run.agent_source) == ("run-1", "a", AgentSource.ACTED)
    assert (run.name, run.end, run.is_part_end) == ("work", RunEnd.COMPLETED, True)


def test_a_single_call_does_not_end_a_run_that_its_program_names() -> None:
    run = run_of(a_span({"gen_ai.operation.name": "chat"}), resource={"titan.agent_run_id": "run-1"})

    assert (run.name, run.end, run.is_part_end) == (None, None, False)


def test_a_run_that_its_program_names_is_the_services_where_no_agent_acts() -> None:
    run = run_of(a_span(name="work"), resource={"titan.agent_run_id": "run-1", "service.name": "shop"})

    assert (run.agent_id, run.agent_source) == ("shop", AgentSource.NAMED)


@pytest.mark.parametrize("parent", [None, PARENT_ID])
def test_the_roots_agent_is_surer_than_another(parent: str | None) -> None:
    run = run_of(a_span({"gen_ai.agent.name": "main"}, parent_id=parent or ""))

    assert (run.agent_id, run.agent_at) == ("main", NOON)
    assert run.agent_source is (AgentSource.SAID if parent is None else AgentSource.ACTED)


def test_before_the_root_arrives_the_run_belongs_to_the_agent_that_acted_first() -> None:
    late = a_span({"gen_ai.agent.name": "helper"}, span_id=CHILD_ID, parent_id=PARENT_ID)
    late.start_time_unix_nano += 5_000
    early = a_span({"gen_ai.agent.name": "main"}, parent_id=PARENT_ID)
    other = a_span({}, parent_id=PARENT_ID)

    assert run_of(late, early, resource={"service.name": "s"}).agent_id == "main"
    assert run_of(other, resource={"service.name": "s"}).agent_id is None


@pytest.mark.parametrize(("service", "agent"), [("shop", "shop"), ("unknown_service:python", "work"), ("a.py", "work")])
def test_without_an_agent_the_run_is_the_services(service: str, agent: str) -> None:
    assert run_of(a_span(name="work"), resource={"service.name": service}).agent_id == agent


def test_tags_groups_and_titles_are_the_runs() -> None:
    run = run_of(a_span({"tag.tags": ["a", "b"], "langfuse.trace.name": "title", "langfuse.session.id": "s"}))

    assert (run.tags, run.name, run.session_id) == (("a", "b"), "title", "s")


def test_an_evaluation_is_a_verdict_and_a_call_site_a_call_site() -> None:
    action = an_action(
        {
            "gen_ai.evaluation.name": "relevance",
            "gen_ai.evaluation.score.value": 0.9,
            "gen_ai.evaluation.score.label": "good",
            "code.file.path": "a.py",
            "code.line.number": 3,
            "logfire.tags": ["x"],
            "logfire.msg": "look",
            "metadata": '{"k": 1}',
        }
    )

    assert details(action) == {
        "title": "look",
        "metadata": {"k": 1},
        "verdict": {"name": "relevance", "score": 0.9, "label": "good"},
        "callsite": {"file": "a.py", "line": 3},
    }
    assert action.tags == ("x",)


def test_of_two_attributes_that_mean_the_same_none_is_lost() -> None:
    action = an_action({"session.id": "a", "langfuse.session.id": "b", "gen_ai.conversation.id": "a"})

    assert details(action) == {"attributes": {"langfuse.session.id": "b"}}


def test_a_name_of_any_length_is_kept() -> None:
    action = an_action({"k" * 300: 1, "input.value": json.dumps({"n" * 300: [1]})})

    assert details(action) == {"attributes": {"k" * 300: 1}}
    assert said(action.inputs) == {"n" * 300: [1]}


def test_headers_that_came_as_pairs_are_members_whose_names_a_rule_can_see() -> None:
    action = an_action({"http.request.header": {"authorization": ["Bearer x"]}})

    assert details(action) == {"attributes": {"http.request.header": {"authorization": ["Bearer x"]}}}
