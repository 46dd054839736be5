"""What a model call took: tokens and money, from texts and numbers, exact."""

import json
import re
from decimal import Decimal
from typing import Any, Final

from msgspec.structs import replace

from titan.ingest.otlp.telemetry import Gathered, Meaning
from titan.ingest.values import Value, count_of, dollars_of, parsed, total_of
from titan.model.actions import ModelUse
from titan.rules.storable import all_input

_OF_A_MODEL: Final = frozenset(
    {"model", "asked_model", "provider", "system", "input_tokens", "output_tokens", "response_id", "usage"}
)

#: What input and output cost, apart: Laminar and Langtrace, OpenInference, LiteLLM.
_PARTS: Final[tuple[dict[Meaning, str], ...]] = (
    {"input_tokens": "gen_ai.usage.input_cost", "output_tokens": "gen_ai.usage.output_cost"},
    {"input_tokens": "llm.cost.prompt", "output_tokens": "llm.cost.completion"},
    {"input_tokens": "gen_ai.cost.input_cost", "output_tokens": "gen_ai.cost.output_cost"},
)
_NAMES_OF_PARTS: Final = frozenset(name for names in _PARTS for name in names.values())

#: Counts within Langfuse's usage and providers' metadata: Langfuse's own names, OpenAI's, Anthropic's, Bedrock's.
_IN: Final = ("input", "prompt_tokens", "input_tokens", "promptTokens")
_OUT: Final = ("output", "completion_tokens", "output_tokens", "completionTokens")
_TOTAL: Final = ("total", "total_tokens", "totalTokens")
_CACHE_READ: Final = (
    *("cache_read_input_tokens", "input_cached_tokens", "input_cache_read", "cached_tokens"),
    "cacheReadInputTokens",
)
_CACHE_WRITE: Final = (
    *("cache_creation_input_tokens", "input_cache_creation", "cacheCreationInputTokens"),
    "cacheWriteInputTokens",
)
_REASONING: Final = ("output_reasoning_tokens", "output_reasoning", "reasoning_tokens")
_ANTHROPIC: Final = frozenset({"cache_read_input_tokens", "cache_creation_input_tokens"})

#: Who hands on counts of Anthropic and Bedrock without what a cache gave: traceloop/openllmetry#4449, and the Vercel AI
#: SDK before its version 6, of which LangSmith's exporter says the same.
_BEDROCK_OF_TRACELOOP: Final = "opentelemetry.instrumentation.bedrock"
_AI_SDK: Final = "ai"
_COUNTS_APART: Final = re.compile("anthropic|bedrock")  # "anthropic.messages", "amazon-bedrock", "vertex.anthropic"


def use_of(gathered: Gathered, scope: str) -> ModelUse | None:
    """Return what a span says of a model call; None where it says nothing of one. `scope` names who wrote the span."""
    found = gathered.found
    if _OF_A_MODEL.isdisjoint(found):
        return None
    model = found.get("model") or found.get("asked_model")
    provider = found.get("provider") or found.get("system")
    use = ModelUse(
        model=_name(model),
        provider=_name(provider),
        input_tokens=count_of(found.get("input_tokens")),
        output_tokens=count_of(found.get("output_tokens")),
        cache_read_tokens=count_of(found.get("cache_read")),
        cache_write_tokens=count_of(found.get("cache_write")),
        reasoning_tokens=count_of(found.get("reasoning")),
        response_id=_name(found.get("response_id")),
    )
    is_apart = scope == _BEDROCK_OF_TRACELOOP
    if scope == _AI_SDK and use.provider is not None and _COUNTS_APART.search(use.provider):
        is_apart = "uncached_input" not in found
        use = _with_metadata(use, gathered.rest.get("ai.response.providerMetadata")) if is_apart else use
    if "usage" in found:
        return _with_details(use, found["usage"])
    return _with_all_input(use, total_tokens=count_of(found.get("total_tokens")), is_apart=is_apart)


def cost_of(gathered: Gathered) -> Decimal | None:
    """Return what a span says that it cost, in US dollars: in all, else the sum of what its parts did."""
    found = gathered.found
    said = dollars_of(found.get("cost"))
    if said:
        return said
    prices = _prices(found.get("cost_details"))
    if total := prices.get("total"):
        return total
    parts = list(prices.values()) or _parts(gathered)
    return total_of(parts) if parts else said


def _parts(gathered: Gathered) -> list[Decimal]:
    """Return what input and output cost; one of them alone only where the other one took no tokens."""
    if _NAMES_OF_PARTS.isdisjoint(gathered.rest):
        return []
    for names in _PARTS:
        amounts = {kind: dollars_of(gathered.rest.get(name)) for kind, name in names.items()}
        if all(amount is not None or not count_of(gathered.found.get(kind)) for kind, amount in amounts.items()):
            parts = [amount for amount in amounts.values() if amount is not None]
            if parts:
                return parts
    return []


def _prices(details: Value) -> dict[str, Decimal]:
    if type(details) is str:
        details = _exact(details)
    if type(details) is not dict:
        return {}
    amounts = ((key, dollars_of(value)) for key, value in details.items())
    return {key: amount for key, amount in amounts if amount is not None}


def _exact(text: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        return None


def _with_metadata(use: ModelUse, metadata: Value) -> ModelUse:
    """Return a call with the counts of the provider's own answer, which the AI SDK has for what it does not say."""
    counts = _flat(parsed(metadata) if type(metadata) is str else None)
    read, written = use.cache_read_tokens, use.cache_write_tokens
    return replace(
        use,
        cache_read_tokens=_first(counts, _CACHE_READ) if read is None else read,
        cache_write_tokens=_first(counts, _CACHE_WRITE) if written is None else written,
    )


def _with_details(use: ModelUse, details: Value) -> ModelUse:
    counts = _flat(parsed(details) if type(details) is str else details)
    asked = use.input_tokens
    use = replace(
        use,
        input_tokens=_first(counts, _IN) if asked is None else asked,
        output_tokens=_first(counts, _OUT) if use.output_tokens is None else use.output_tokens,
        cache_read_tokens=_first(counts, _CACHE_READ, use.cache_read_tokens),
        cache_write_tokens=_first(counts, _CACHE_WRITE, use.cache_write_tokens),
        reasoning_tokens=_first(counts, _REASONING, use.reasoning_tokens),
    )
    # Langfuse's own `input` is without what a cache gave or took, and so is `input_tokens` in Anthropic's own usage.
    is_apart = asked is None and ("input" in counts or ("input_tokens" in counts and not _ANTHROPIC.isdisjoint(counts)))
    return _with_all_input(use, total_tokens=_first(counts, _TOTAL), is_apart=is_apart)


def _with_all_input(use: ModelUse, *, total_tokens: int | None, is_apart: bool) -> ModelUse:
    cached = (use.cache_read_tokens or 0) + (use.cache_write_tokens or 0)
    if use.input_tokens is None or not cached:
        return use
    output = use.output_tokens or 0
    everything = all_input(use.input_tokens, cached, output_tokens=output, total_tokens=total_tokens, is_apart=is_apart)
    return use if everything == use.input_tokens else replace(use, input_tokens=count_of(everything))


def _flat(details: Any) -> dict[str, int]:
    """Return the counts in an object, and in those within it."""
    if type(details) is not dict:
        return {}
    counts: dict[str, int] = {}
    for key, value in details.items():
        if type(value) is dict:
            counts |= _flat(value)
        elif (count := count_of(value)) is not None:
            counts[key] = count
    return counts


def _first(counts: dict[str, int], names: tuple[str, ...], otherwise: int | None = None) -> int | None:
    return next((counts[name] for name in names if name in counts), otherwise)


def _name(value: Value) -> str | None:
    return value[:200] if type(value) is str and value else None
