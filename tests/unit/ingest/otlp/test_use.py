"""What a call cost and took, exact, in whichever way its dialect counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.support.telemetry import a_request, a_span
from titan.ingest.otlp import read_traces
from titan.llm.prices import ListedPrices
from titan.model.actions import ActionEntry, ModelUse
from titan.rules.runs.sanitize import storable

HAIKU = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "claude-3-5-haiku-20241022"}
READ, WRITTEN = "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_creation.input_tokens"
IN, OUT, TOTAL = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.total_tokens"
AI_SDK = {"ai.operationId": "ai.generateText.doGenerate", "ai.model.provider": "anthropic.messages"}


def an_action(attributes: Mapping[str, object], scope: str = "") -> ActionEntry:
    """Return what a span comes to, as it is stored."""
    body = a_request(a_span(attributes), scope=scope).SerializeToString()
    entries = read_traces(body, content_type="application/x-protobuf", content_encoding=None).entries
    [action] = [stored for entry in entries if isinstance(stored := storable(entry), ActionEntry)]
    return action


def price_of(action: ActionEntry) -> Decimal | None:
    """Return what the list says that a call cost: Claude 3.5 Haiku $0.80, $0.08 read, $1 written, $4 for the answer."""
    assert action.use is not None
    return ListedPrices().cost_of(action.use, at=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("attributes", "cost"),
    [
        ({"gen_ai.usage.cost": 9.675e-06}, Decimal("0.000009675")),
        ({"operation.cost": "0.1"}, Decimal("0.1")),
        ({"gen_ai.usage.cost_usd": 0.25}, Decimal("0.25")),
        ({"llm.cost.total": 1}, Decimal(1)),
        ({"gen_ai.usage.cost": 1e-13}, Decimal("0")),
        ({"gen_ai.usage.cost": float("nan")}, None),
        ({"gen_ai.usage.cost": -1.0}, None),
        ({"gen_ai.usage.cost": "free"}, None),
        ({"gen_ai.usage.cost": True}, None),
        ({"langfuse.observation.cost_details": '{"input": 0.1, "output": 0.2}'}, Decimal("0.3")),
        ({"langfuse.observation.cost_details": '{"total": 0.123456789012}'}, Decimal("0.123456789012")),
        ({"langfuse.observation.cost_details": '{"input": 0.1, "output": 0.2, "total": 0}'}, Decimal("0.3")),
        ({"langfuse.observation.cost_details": '{"input": 900000, "output": 900000}'}, None),
        ({"langfuse.observation.cost_details": "none"}, None),
        ({"langfuse.observation.cost_details": "[]"}, None),
        ({"gen_ai.cost.total_cost": 0.25, "gen_ai.cost.input_cost": 0.1}, Decimal("0.25")),
        ({"gen_ai.cost.input_cost": 0.1, "gen_ai.cost.output_cost": 0.2}, Decimal("0.3")),
        ({"llm.cost.prompt": 0.1, "llm.cost.completion": 0.2}, Decimal("0.3")),
        ({"gen_ai.usage.input_cost": "0.000001", "gen_ai.usage.output_cost": 2e-12}, Decimal("0.000001000002")),
        ({"gen_ai.usage.cost": "unknown", "llm.cost.prompt": 0.1, "llm.cost.completion": 0}, Decimal("0.1")),
        ({"gen_ai.usage.cost": 0, "llm.cost.prompt": 0.1, "llm.cost.completion": 0.2}, Decimal("0.3")),
        ({"gen_ai.usage.cost": 0}, Decimal(0)),
    ],
)
def test_money_is_exact(attributes: dict[str, object], cost: Decimal | None) -> None:
    assert an_action({"gen_ai.operation.name": "chat"} | attributes).cost == cost


@pytest.mark.parametrize(
    ("taken", "cost"),
    [
        ({IN: 1000}, Decimal("0.1")),  # an embedding: nothing comes out
        ({IN: 1000, OUT: 0}, Decimal("0.1")),
        ({IN: 1000, OUT: 5}, None),  # what those cost is not said: the price list has to
    ],
)
def test_the_cost_of_a_part_is_that_of_the_call_only_where_there_is_no_other(
    taken: dict[str, object], cost: Decimal | None
) -> None:
    action = an_action(HAIKU | taken | {"llm.cost.prompt": 0.1})

    assert action.cost == cost
    assert json.loads(action.details or "")["attributes"] == {"llm.cost.prompt": 0.1}


@pytest.mark.parametrize(
    ("scope", "attributes", "use", "cost"),
    [
        # 4,900 at $0.80, 5,000 at $0.08, 100 at $1, 10 at $4: within, as the conventions have it
        ("", {IN: 10_000, OUT: 10, READ: 5000, WRITTEN: 100}, (10_000, 5000, 100), "0.00446"),
        # 100 at $0.80, 5,000 at $0.08, 10 at $4: more was read than was asked
        ("", {IN: 100, OUT: 10, READ: 5000}, (5100, 5000, None), "0.00052"),
        # 6,000 at $0.80, 5,000 at $0.08, 1,000 at $1, 10 at $4: the total has all of them
        ("", {IN: 6000, OUT: 10, READ: 5000, WRITTEN: 1000, TOTAL: 12_010}, (12_000, 5000, 1000), "0.00624"),
        # 1,000 at $0.80, 5,000 at $0.08, 10 at $4: the total says that they are within
        ("", {IN: 6000, OUT: 10, READ: 5000, TOTAL: 6010}, (6000, 5000, None), "0.00124"),
        # 6,000 at $0.80, 5,000 at $0.08, 10 at $4: Traceloop hands on what Bedrock says
        (
            "opentelemetry.instrumentation.bedrock",
            {IN: 6000, OUT: 10, READ: 5000, TOTAL: 6010},
            (11_000, 5000, None),
            "0.00524",
        ),
        # The same from the AI SDK 5 with Anthropic, which has what was written in the provider's own words only
        (
            "ai",
            AI_SDK
            | {
                "ai.usage.inputTokens": 6000,
                "ai.usage.outputTokens": 10,
                "ai.usage.cachedInputTokens": 5000,
                "ai.response.providerMetadata": '{"anthropic": {"cacheCreationInputTokens": 1000}}',
            },
            (12_000, 5000, 1000),
            "0.00624",
        ),
        # … where it does not even say what was read
        (
            "ai",
            AI_SDK
            | {
                "ai.usage.promptTokens": 6000,
                "ai.usage.completionTokens": 10,
                "ai.response.providerMetadata": '{"anthropic": {"usage": {"cache_read_input_tokens": 5000}}}',
            },
            (11_000, 5000, None),
            "0.00524",
        ),
        # … and from its version 6, which counts all: 1,000 at $0.80, 5,000 at $0.08, 10 at $4
        (
            "ai",
            AI_SDK
            | {
                "ai.usage.inputTokens": 6000,
                "ai.usage.outputTokens": 10,
                "ai.usage.inputTokenDetails.noCacheTokens": 1000,
                "ai.usage.inputTokenDetails.cacheReadTokens": 5000,
                "ai.usage.cachedInputTokens": 5000,
            },
            (6000, 5000, None),
            "0.00124",
        ),
        # Anthropic's own usage given to Langfuse: 6,000 at $0.80, 5,000 at $0.08, 10 at $4
        (
            "langfuse-sdk",
            {
                "langfuse.observation.usage_details": json.dumps(
                    {"input_tokens": 6000, "output_tokens": 10, "cache_read_input_tokens": 5000}
                )
            },
            (11_000, 5000, None),
            "0.00524",
        ),
    ],
)
def test_what_a_cache_gave_is_counted_and_priced_once(
    scope: str, attributes: dict[str, object], use: tuple[int, int | None, int | None], cost: str
) -> None:
    action = an_action(HAIKU | attributes, scope)

    assert action.use is not None
    assert (action.use.input_tokens, action.use.cache_read_tokens, action.use.cache_write_tokens) == use
    assert price_of(action) == Decimal(cost)


def test_openais_own_usage_given_to_langfuse_counts_the_cache_within() -> None:
    usage = {"input_tokens": 6000, "output_tokens": 10, "input_tokens_details": {"cached_tokens": 5000}}

    action = an_action(HAIKU | {"langfuse.observation.usage_details": json.dumps(usage)})

    assert action.use is not None
    assert (action.use.input_tokens, action.use.cache_read_tokens) == (6000, 5000)


def test_the_ai_sdk_with_another_provider_counts_the_cache_within() -> None:
    said = {"ai.model.provider": "openai.chat", "ai.usage.inputTokens": 6000, "ai.usage.cachedInputTokens": 5000}

    action = an_action(HAIKU | AI_SDK | said, "ai")

    assert action.use == ModelUse(
        model="claude-3-5-haiku-20241022", provider="openai.chat", input_tokens=6000, cache_read_tokens=5000
    )


@pytest.mark.parametrize(
    "name",
    [
        "gen_ai.usage.cached_tokens",
        "gen_ai.usage.cached_input_tokens",
        "gen_ai.usage.cache_read_tokens",
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.details.cache_read_tokens",
        "gen_ai.usage.details.cached_tokens",
        "gen_ai.usage.details.cache_read_input_tokens",
        "gen_ai.usage.prompt_tokens_details.cached_tokens",
        "gen_ai.usage.input_tokens_details.cached_tokens",
        "gen_ai.usage.input_token_details.cache_read",
        "gen_ai.usage.input_tokens.cached",
        "llm.usage.cache_read_input_tokens",
        "llm.usage.prompt_cache_hit_tokens",
        "llm.token_count.prompt_details.cache_read",
        "ai.usage.cachedInputTokens",
        "ai.usage.inputTokenDetails.cacheReadTokens",
    ],
)
def test_tokens_from_a_cache_are_read_in_every_spelling(name: str) -> None:
    action = an_action({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", IN: 17_903, name: 17_817})

    assert action.use == ModelUse(model="gpt-4o", input_tokens=17_903, cache_read_tokens=17_817)


@pytest.mark.parametrize(
    "name",
    [
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_write_tokens",
        "gen_ai.usage.details.cache_write_tokens",
        "gen_ai.usage.prompt_tokens_details.cache_creation_tokens",
        "llm.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
    ],
)
def test_tokens_written_to_a_cache_are_read_in_every_spelling(name: str) -> None:
    action = an_action({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", IN: 900, name: 800})

    assert action.use == ModelUse(model="gpt-4o", input_tokens=900, cache_write_tokens=800)


@pytest.mark.parametrize(
    "name",
    [
        "gen_ai.usage.cache_creation.ephemeral_1h_input_tokens",
        "gen_ai.usage.cached_input_cost",
        "gen_ai.usage.details.cache_audio_read_tokens",
        "llm.usage.prompt_cache_miss_tokens",
        "my.cached_tokens",
    ],
)
def test_parts_and_prices_of_cached_tokens_are_no_counts_of_them(name: str) -> None:
    action = an_action({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", IN: 900, name: 800})

    assert action.use == ModelUse(model="gpt-4o", input_tokens=900)
    assert name in (action.details or "")


def test_langsmiths_metadata_has_the_cached_tokens() -> None:
    usage = {"input_tokens": 1200, "output_tokens": 80, "input_token_details": {"cache_read": 300}}

    action = an_action(HAIKU | {IN: 1200, OUT: 80, "langsmith.metadata.usage_metadata": json.dumps(usage)})

    assert action.use is not None
    assert (action.use.input_tokens, action.use.cache_read_tokens) == (1200, 300)


#: As Anthropic's API has them; the sums of openllmetry and its kin have a total besides.
OF_ANTHROPIC = {
    "gen_ai.system": "anthropic",
    IN: 5000,
    OUT: 100,
    "gen_ai.usage.cache_read_input_tokens": 3000,
    "gen_ai.usage.cache_creation_input_tokens": 1000,
}


def test_anthropics_own_counts_without_a_total_are_taken_as_exclusive_and_marked() -> None:
    action = an_action(HAIKU | OF_ANTHROPIC)

    assert action.use is not None
    assert action.use.input_tokens == 9000
    assert "assumed" in json.loads(action.details or "{}")


@pytest.mark.parametrize(
    ("changes", "input_tokens"),
    [
        ({TOTAL: 5100}, 5000),
        ({TOTAL: 9100}, 9000),
        ({"gen_ai.system": "openai"}, 5000),
    ],
)
def test_counts_that_a_total_or_the_provider_tells_apart_are_not_marked(
    changes: dict[str, object], input_tokens: int
) -> None:
    action = an_action(HAIKU | OF_ANTHROPIC | changes)

    assert action.use is not None
    assert action.use.input_tokens == input_tokens
    assert "assumed" not in (action.details or "")


CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
COMPLETION = {"id": "chatcmpl-1", "object": "chat.completion", "choices": [{"message": {"id": "x"}}], "usage": {}}
MESSAGE = {"id": "msg_1", "type": "message", "model": "m", "content": [], "stop_reason": "end_turn", "usage": {}}
OF_LANGCHAIN = {
    "generations": [[{"id": "run-1"}]],
    "llm_output": {"id": "chatcmpl-1", "token_usage": {"prompt_tokens": 3}},
}


@pytest.mark.parametrize(
    ("attributes", "response_id"),
    [
        ({"output.value": json.dumps(COMPLETION)}, "chatcmpl-1"),
        ({"output.value": json.dumps(MESSAGE)}, "msg_1"),
        ({"output.value": json.dumps({"id": "resp_1", "object": "response", "usage": None})}, "resp_1"),
        ({"output.value": json.dumps(OF_LANGCHAIN)}, "chatcmpl-1"),
        ({"output.value": json.dumps(MESSAGE), "gen_ai.response.id": "msg_2"}, "msg_2"),
        ({"output.value": json.dumps({"id": "x1", "model": "m", "choices": []})}, "x1"),
        ({"output.value": json.dumps({"id": "x1", "usage": {"input_tokens": 3}})}, "x1"),
        ({"output.value": json.dumps({"id": "order-7", "state": "open"})}, None),
        ({"output.value": json.dumps({"id": "order-7", "stop_reason": "customer left"})}, None),
        ({"output.value": json.dumps({"id": "1", "usage": "daily", "choices": ["a", "b"]})}, None),
        ({"output.value": json.dumps({"id": "1", "usage": {"per": "day"}, "object": "order"})}, None),
        ({"output.value": json.dumps([MESSAGE])}, None),
        ({"output.value": json.dumps({"content": json.dumps(MESSAGE), "usage": {}})}, None),
        ({"output.value": json.dumps(MESSAGE | {"id": 7})}, None),
        ({"output.value": "the id is " + json.dumps(MESSAGE)}, None),
        ({"output.value": json.dumps(MESSAGE)[:-1]}, None),
        ({"input.value": json.dumps(MESSAGE)}, None),
        ({"gen_ai.output.messages": json.dumps([MESSAGE])}, None),
        ({"gen_ai.operation.name": "execute_tool", "output.value": json.dumps(MESSAGE)}, None),
    ],
)
def test_a_response_id_is_that_of_an_answer_in_outputs_only(
    attributes: dict[str, object], response_id: str | None
) -> None:
    use = an_action(CHAT | attributes).use

    assert (use and use.response_id) == response_id
