"""What spans around calls of a model sum up is counted with none of them, in every dialect and whatever comes first."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import permutations
from typing import Final, TypeAlias

import pytest

from tests.support.recorded import Memory
from tests.support.telemetry import SECOND_NS, a_span, entries_of
from titan.model.actions import ActionKind, Entry

Said: TypeAlias = Mapping[str, object]

ROOT, MIDDLE, STEP, FIRST, SECOND = (f"{number:016x}" for number in range(1, 6))
TWICE: Final = {"gen_ai.usage.input_tokens": 62, "gen_ai.usage.output_tokens": 18, "gen_ai.usage.cost": 0.5}
ONCE: Final = {"gen_ai.usage.input_tokens": 31, "gen_ai.usage.output_tokens": 9, "gen_ai.usage.cost": 0.25}
GPT: Final = {"gen_ai.request.model": "gpt-4o", "gen_ai.response.model": "gpt-4o-2024-08-06"}
CHAT: Final = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", **GPT, **ONCE}
OLD_CHAT: Final = {
    "gen_ai.system": "openai",
    "llm.request.type": "chat",
    **GPT,
    "gen_ai.usage.prompt_tokens": 31,
    "gen_ai.usage.completion_tokens": 9,
    "gen_ai.usage.cost": 0.25,
}
INFERENCE: Final = {
    "openinference.span.kind": "LLM",
    "llm.model_name": "gpt-4o-2024-08-06",
    "llm.token_count.prompt": 31,
    "llm.token_count.completion": 9,
    "llm.cost.total": 0.25,
}
INFERENCES: Final = {"llm.token_count.prompt": 62, "llm.token_count.completion": 18, "llm.cost.total": 0.5}
GENERATION: Final = {
    "langfuse.observation.type": "generation",
    "langfuse.observation.model.name": "gpt-4o",
    "langfuse.observation.usage_details": '{"input": 31, "output": 9}',
    "langfuse.observation.cost_details": '{"total": 0.25}',
}
GENERATIONS: Final = {
    "langfuse.observation.model.name": "gpt-4o",
    "langfuse.observation.usage_details": '{"input": 62, "output": 18}',
    "langfuse.observation.cost_details": '{"total": 0.5}',
}

#: Name → what the root says, what stands between says, and what each of two calls says.
DIALECTS: Final[Mapping[str, tuple[Said, Said, Said]]] = {
    "GenAI": (
        {"gen_ai.operation.name": "invoke_workflow", "gen_ai.provider.name": "openai", **TWICE},
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a", "gen_ai.response.id": "r", **GPT, **TWICE},
        CHAT,
    ),
    "GenAI before 1.37": (
        {"gen_ai.operation.name": "create_agent", "gen_ai.system": "openai", "gen_ai.agent.name": "a"},
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.system": "openai", "gen_ai.agent.name": "a", **GPT, **TWICE},
        {**CHAT, "gen_ai.system": "openai"},
    ),
    "a tool that an agent works in": (
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a", **TWICE},
        {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "ask_expert", **GPT, **TWICE},
        CHAT,
    ),
    "an operation of the framework's own": (
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.system": "strands-agents", **GPT, **TWICE},
        {"gen_ai.operation.name": "execute_event_loop_cycle", "gen_ai.system": "strands-agents"},
        CHAT,
    ),
    "Spring AI": (
        {"gen_ai.operation.name": "framework", "gen_ai.system": "spring_ai"},
        {"gen_ai.operation.name": "framework", "gen_ai.system": "spring_ai", **TWICE},
        CHAT,
    ),
    "OpenLIT": (
        {"gen_ai.operation.name": "workflow", "gen_ai.system": "crewai", **GPT, **TWICE},
        {"gen_ai.operation.name": "agent", "gen_ai.system": "crewai", "gen_ai.agent.name": "a", **GPT, **TWICE},
        CHAT,
    ),
    "Semantic Kernel": (
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"},
        {},
        {**CHAT, "gen_ai.operation.name": "chat.completions"},
    ),
    "OpenInference": (
        {"openinference.span.kind": "CHAIN", **INFERENCES},
        {"openinference.span.kind": "AGENT", "llm.model_name": "gpt-4o", **INFERENCES},
        INFERENCE,
    ),
    "OpenInference's tool": (
        {"openinference.span.kind": "AGENT", **INFERENCES},
        {"openinference.span.kind": "TOOL", "tool.name": "ask_expert", **INFERENCES},
        INFERENCE,
    ),
    "Traceloop": (
        {"traceloop.span.kind": "workflow", "gen_ai.system": "crewai", **GPT, **TWICE},
        {"traceloop.span.kind": "agent", "gen_ai.system": "crewai", "traceloop.entity.name": "a", **GPT, **TWICE},
        OLD_CHAT,
    ),
    "Langfuse": (
        {"langfuse.observation.type": "agent", **GENERATIONS},
        {"langfuse.observation.type": "span", **GENERATIONS},
        GENERATION,
    ),
    "Langfuse's chain": (
        {"langfuse.observation.type": "chain", **GENERATIONS},
        {"langfuse.observation.type": "tool", **GENERATIONS},
        GENERATION,
    ),
    "Laminar": (
        {"lmnr.span.type": "DEFAULT", **GPT, **TWICE},
        {"lmnr.span.type": "EXECUTOR", **TWICE},
        {"lmnr.span.type": "LLM", **GPT, **ONCE},
    ),
    "Logfire": (
        {"logfire.msg": "a run", "agent_name": "a", "model_name": "gpt-4o", "final_result": "x", **TWICE},
        {"logfire.msg": "running tools", "gen_ai.agent.name": "a"},
        {"logfire.msg": "chat gpt-4o", **CHAT},
    ),
    "Logfire 4": (
        {
            "gen_ai.operation.name": "invoke_agent",
            "agent_name": "a",
            "gen_ai.aggregated_usage.input_tokens": 62,
            **TWICE,
        },
        {"logfire.msg": "graph node"},
        {"logfire.msg": "chat gpt-4o", "operation.cost": 0.25, **CHAT},
    ),
    "Vercel AI": (
        {"ai.operationId": "ai.generateText", "ai.model.id": "gpt-4o", "ai.usage.inputTokens": 62, **TWICE},
        {"ai.operationId": "ai.streamText", "ai.response.model": "gpt-4o", "ai.usage.outputTokens": 18, **TWICE},
        {"ai.operationId": "ai.generateText.doGenerate", **GPT, **ONCE},
    ),
}


def told(root: Said, middle: Said, call: Said) -> list[Sequence[Entry]]:
    """Return the entries of each span: root > middle > a step that says nothing > two calls, one after the other."""
    spans = [
        a_span(root, name="root", span_id=ROOT, seconds=9),
        a_span(middle, name="middle", span_id=MIDDLE, parent_id=ROOT, seconds=8),
        a_span({}, name="POST", span_id=STEP, parent_id=MIDDLE, seconds=7),
        a_span(call, name="call", span_id=FIRST, parent_id=STEP, seconds=2),
        a_span(call, name="call", span_id=SECOND, parent_id=STEP, seconds=5),
    ]
    spans[-1].start_time_unix_nano += 3 * SECOND_NS
    return [entries_of(span) for span in spans]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_sums_over_calls_are_counted_with_none_of_them(dialect: str) -> None:
    for order in permutations(told(*DIALECTS[dialect])):
        memory = Memory()
        for entries in order:
            memory.hear(*entries)  # each span in a request of its own

        tally = memory.run.tally
        assert [action.kind for action in memory.all].count(ActionKind.MODEL) == 2
        assert (tally.cost, tally.input_tokens, tally.output_tokens) == (Decimal("0.5"), 62, 18)
