"""What a model call took: tokens and money, from texts and numbers, exact."""

import json
from decimal import Decimal
from typing import Any, Final

from titan.ingest.costs import dollars_of
from titan.ingest.counts import count_of
from titan.ingest.otlp.attributes import Gathered
from titan.ingest.values import Value, parsed
from titan.model.actions import ModelUse

_OF_A_MODEL: Final = frozenset(
    {"model", "asked_model", "provider", "system", "input_tokens", "output_tokens", "response_id", "usage"}
)

#: Counts within Langfuse's usage, its own names and OpenAI's.
_IN: Final = ("input", "prompt_tokens", "input_tokens", "promptTokens")
_OUT: Final = ("output", "completion_tokens", "output_tokens", "completionTokens")
_CACHE_READ: Final = ("cache_read_input_tokens", "input_cached_tokens", "input_cache_read", "cached_tokens")
_CACHE_WRITE: Final = ("cache_creation_input_tokens", "input_cache_creation")
_REASONING: Final = ("output_reasoning_tokens", "output_reasoning", "reasoning_tokens")


def use_of(gathered: Gathered) -> ModelUse | None:
    """Return what a span says of a model call; None where it says nothing of one."""
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
    if "usage" in found:
        use = _with_details(use, found["usage"])
    return use


def cost_of(gathered: Gathered) -> Decimal | None:
    """Return what a span says that it cost, in US dollars."""
    found = gathered.found
    if (cost := found.get("cost")) is not None:
        return dollars_of(cost)
    details = found.get("cost_details")
    prices = _prices(details)
    return prices.get("total") or (sum(prices.values(), Decimal(0)) if prices else None)


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


def _with_details(use: ModelUse, details: Value) -> ModelUse:
    counts = _flat(parsed(details) if type(details) is str else details)
    read, written = _first(counts, _CACHE_READ), _first(counts, _CACHE_WRITE)
    asked = _first(counts, _IN)
    if asked is not None and "input" in counts:  # Langfuse counts what a cache gave apart
        asked += (read or 0) + (written or 0)
    return ModelUse(
        model=use.model,
        provider=use.provider,
        input_tokens=asked if use.input_tokens is None else use.input_tokens,
        output_tokens=_first(counts, _OUT) if use.output_tokens is None else use.output_tokens,
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=_first(counts, _REASONING),
        response_id=use.response_id,
    )


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


def _first(counts: dict[str, int], names: tuple[str, ...]) -> int | None:
    return next((counts[name] for name in names if name in counts), None)


def _name(value: Value) -> str | None:
    return value[:200] if type(value) is str and value else None
