"""Compute the cost of model calls from the price list of genai-prices.

The list is part of that package, with the dates from which each price is good; nothing is fetched, ever. Only its data
is used: its own reckoning takes 90 µs a call, ours 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from genai_prices.data_snapshot import DataSnapshot, find_provider_by_id, get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, Provider, StartDateConstraint, TieredPrices, TimeOfDateConstraint

from titan.model.actions import MOST_USD, ModelUse

_PICODOLLAR: Final = Decimal("1e-12")
_PER_MILLION: Final = Decimal("1e-6")
_PER_THOUSAND: Final = Decimal("1e-3")
_LONGEST_NAME: Final = 200  # characters; the list's longest has 76
_REMEMBERED: Final = 4096  # models and providers that calls named; the list has 2,330

#: OpenTelemetry's names of providers that the list does not know by those.
_LISTED_AS: Final = {"x_ai": "x-ai", "azure.ai.inference": "azure", "gcp.gen_ai": "google"}

#: LiteLLM's prefixes of model names that differ from the list's provider ids.
_LISTED_AS_PREFIX: Final = {"gemini": "google", "vertex_ai": "google", "bedrock": "aws", "xai": "x-ai"}
_OF_GOOGLE: Final = "models/"  # before every name that Google's own API gives
_EMBEDDINGS_OF_OPENAI: Final = ("text-embedding-3-", "text-embedding-ada-")  # which the list knows by provider only


class ListedPrices:
    """The prices of the installed list: the port `Prices`."""

    def cost_of(self, use: ModelUse, *, at: datetime) -> Decimal | None:
        """Return the cost of a call in US dollars, exact to the picodollar, at the prices of its time.

        None when the model is not listed (one that runs here is not: its cost is unknown, not nothing), when a
        count that has a price is unknown, or for more than a call may cost.
        """
        if use.model is None or use.input_tokens is None:
            return None
        for listed in _listed(use.model, use.provider):
            if listed.constraint is None or listed.constraint.active(at):
                return _cost(listed.rates, use, use.input_tokens)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rates:
    """Prices in US dollars per million tokens; None where a kind of tokens has no own price."""

    input: Decimal | TieredPrices
    output: Decimal | TieredPrices | None
    cache_read: Decimal | TieredPrices | None
    cache_write: Decimal | TieredPrices | None
    reasoning: Decimal | TieredPrices | None
    request: Decimal  #: US dollars for the call itself


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    constraint: StartDateConstraint | TimeOfDateConstraint | None  #: None: always
    rates: _Rates


def _cost(rates: _Rates, use: ModelUse, input_tokens: int) -> Decimal | None:
    output_tokens = use.output_tokens
    if output_tokens is None:
        if rates.output is not None:
            return None
        output_tokens = 0
    reads = use.cache_read_tokens or 0 if rates.cache_read is not None else 0
    writes = use.cache_write_tokens or 0 if rates.cache_write is not None else 0
    thoughts = use.reasoning_tokens or 0 if rates.reasoning is not None else 0
    if reads + writes > input_tokens or thoughts > output_tokens:
        return None  # counts that do not fit each other
    dollars = (
        _price(rates.input, input_tokens - reads - writes, input_tokens)
        + _price(rates.output, output_tokens - thoughts, input_tokens)
        + _price(rates.cache_read, reads, input_tokens)
        + _price(rates.cache_write, writes, input_tokens)
        + _price(rates.reasoning, thoughts, input_tokens)
    )
    exact = (dollars * _PER_MILLION + rates.request).quantize(_PICODOLLAR).normalize()
    if exact > MOST_USD:
        return None
    return exact.quantize(Decimal(1)) if exact == exact.to_integral_value() else exact  # 10, not 1E+1


def _price(rate: Decimal | TieredPrices | None, tokens: int, input_tokens: int) -> Decimal | int:
    """Return millionths of US dollars; of tiered prices, the tier that the input reaches applies to all tokens."""
    if not tokens or rate is None:
        return 0
    if isinstance(rate, TieredPrices):
        reached = [tier.price for tier in rate.tiers if input_tokens > tier.start]
        rate = reached[-1] if reached else rate.base
    return rate * tokens


@lru_cache(maxsize=_REMEMBERED)
def _listed(model_name: str, provider_name: str | None) -> Sequence[_Listed]:
    """Return a model's prices in the order in which they are tried; none for an unlisted model."""
    model = _find(get_snapshot(), model_name, provider_name)
    if model is None:
        return ()
    if isinstance(model.prices, ModelPrice):
        rates = _rates(model.prices)
        return () if rates is None else (_Listed(constraint=None, rates=rates),)
    listed = [(price.constraint, _rates(price.prices)) for price in reversed(model.prices)]
    listed.append((None, _rates(model.prices[0].prices)))  # for a time before all of them
    return [_Listed(constraint=constraint, rates=rates) for constraint, rates in listed if rates is not None]


def _find(prices: DataSnapshot, model_name: str, provider_name: str | None) -> ModelInfo | None:
    # Not by the snapshot's own look-up, which remembers every name for ever: names come from outside.
    name = model_name.lower().removeprefix(_OF_GOOGLE)
    if len(name) > _LONGEST_NAME:
        return None
    provider = _provider_of(prices, name, provider_name)
    found = None if provider is None else provider.find_model(name, all_providers=prices.providers)
    prefix, slash, rest = name.partition("/")
    if found is not None or not slash:
        return found
    named = find_provider_by_id(prices.providers, _LISTED_AS_PREFIX.get(prefix, prefix))
    if named is None or (provider is not None and provider.id != named.id):
        return None  # another one's model has a price of its own at this provider, which the list does not have
    return named.find_model(rest, all_providers=prices.providers)


def _provider_of(prices: DataSnapshot, name: str, provider_name: str | None) -> Provider | None:
    if provider_name is not None:
        return find_provider_by_id(prices.providers, _LISTED_AS.get(provider_name, provider_name))
    if name.startswith(_EMBEDDINGS_OF_OPENAI):
        return find_provider_by_id(prices.providers, "openai")
    known = (one for one in prices.providers if one.model_match is not None and one.model_match.is_match(name))
    return next(known, None)


def _rates(price: ModelPrice) -> _Rates | None:
    """Return the prices of tokens; None for a model that is billed by the second, page or picture."""
    if price.input_mtok is None:
        return None
    request = price.requests_kcount
    return _Rates(
        input=price.input_mtok,
        output=price.output_mtok,
        cache_read=price.cache_read_mtok,
        cache_write=price.cache_write_mtok,
        reasoning=price.output_reasoning_mtok,
        request=request * _PER_THOUSAND if isinstance(request, Decimal) else Decimal(0),
    )
