"""What calls cost: by hand from the list, and as the list's own package reckons."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from titan.llm.prices import ListedPrices
from titan.model.actions import ModelUse
from titan.ports.runtime import Prices

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
PRICES: Prices = ListedPrices()


def a_use(
    model: str | None = "gpt-4o",
    provider: str | None = "openai",
    *,
    input_tokens: int | None = 1000,
    output_tokens: int | None = 200,
    cache_read_tokens: int | None = None,
    cache_write_tokens: int | None = None,
    reasoning_tokens: int | None = None,
) -> ModelUse:
    return ModelUse(
        model=model,
        provider=provider,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read_tokens=cache_read_tokens,
        cache_write_tokens=cache_write_tokens,
        reasoning_tokens=reasoning_tokens,
    )


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        # 1,000 at $2.50 and 200 at $10, each for a million
        (a_use(), "0.0045"),
        # 900 at $2.50, 100 at $1.25, 200 at $10
        (a_use(cache_read_tokens=100), "0.004375"),
        # 3,000 at $3, 6,000 at $0.30, 1,000 at $3.75, 500 at $15
        (
            a_use(
                "claude-sonnet-4-20250514",
                "anthropic",
                input_tokens=10_000,
                output_tokens=500,
                cache_read_tokens=6_000,
                cache_write_tokens=1_000,
            ),
            "0.02205",
        ),
        # beyond 200,000 all tokens at $2.50 and $15; up to there at $1.25 and $10
        (a_use("gemini-2.5-pro", "gcp.gemini", input_tokens=250_000, output_tokens=1000), "0.64"),
        (a_use("gemini-2.5-pro", "gcp.gemini", input_tokens=200_000, output_tokens=1000), "0.26"),
        # $1 for a million either way, and $12 for a thousand calls
        (a_use("sonar", "perplexity"), "0.0132"),
        # reasoning at a rate of its own: 1,000 at $2, 50 at $8, 150 at $3
        (a_use("perplexity/sonar-deep-research", "openrouter", reasoning_tokens=150), "0.00285"),
        # where it has none, it is output like any other
        (a_use(reasoning_tokens=150), "0.0045"),
        (a_use("text-embedding-3-small", output_tokens=None, input_tokens=1), "2E-8"),
        (a_use(input_tokens=0, output_tokens=0), "0"),
    ],
)
def test_a_cost_is_that_of_the_list_to_the_last_digit(use: ModelUse, expected: str) -> None:
    assert PRICES.cost_of(use, at=AT) == Decimal(expected)


def test_a_price_is_the_one_of_the_day() -> None:
    use = a_use("claude-opus-4-6", "anthropic", input_tokens=300_000, output_tokens=0)

    assert PRICES.cost_of(use, at=datetime(2026, 3, 12, 23, 59, tzinfo=UTC)) == 3
    assert PRICES.cost_of(use, at=datetime(2026, 3, 13, tzinfo=UTC)) == Decimal("1.5")


@pytest.mark.parametrize(
    ("model", "provider"),
    [("gpt-4o", None), ("gpt-4o-2024-08-06", "openai"), ("GPT-4o", "azure.ai.openai"), ("gpt-4o", "openai")],
)
def test_a_model_is_recognised_by_the_names_that_sources_give_it(model: str, provider: str | None) -> None:
    assert PRICES.cost_of(a_use(model, provider), at=AT) == Decimal("0.0045")


@pytest.mark.parametrize(
    "use",
    [
        a_use("smollm2", "llama.cpp"),
        a_use("llama3.1:8b", "ollama"),
        a_use("gpt-4o", "ollama"),
        a_use("llama3.1:8b", None),
        a_use("no-such-model"),
        a_use("gpt-4o", "google"),
        a_use("x" * 10_000, None),
        a_use(None),
        a_use(input_tokens=None),
        a_use(output_tokens=None),
        a_use(cache_read_tokens=2000),
        a_use("perplexity/sonar-deep-research", "openrouter", reasoning_tokens=201),
    ],
)
def test_an_unknown_cost_is_none_and_never_zero(use: ModelUse) -> None:
    assert PRICES.cost_of(use, at=AT) is None


LISTED = [(provider.id, model.id) for provider in get_snapshot().providers for model in provider.models if model.prices]


@settings(max_examples=300)
@given(
    listed=st.sampled_from(LISTED),
    counts=st.tuples(*[st.integers(0, 400_000) for _ in range(5)]),
    age=st.timedeltas(timedelta(days=-60), timedelta(days=1000)),
)
def test_the_package_itself_reckons_the_same(
    listed: tuple[str, str], counts: tuple[int, int, int, int, int], age: timedelta
) -> None:
    fresh, reads, writes, words, thoughts = counts
    provider, model = listed
    at = AT - age
    use = a_use(
        model,
        provider,
        input_tokens=fresh + reads + writes,
        output_tokens=words + thoughts,
        cache_read_tokens=reads,
        cache_write_tokens=writes,
        reasoning_tokens=thoughts,
    )
    usage = Usage(
        input_tokens=use.input_tokens,
        output_tokens=use.output_tokens,
        cache_read_tokens=reads,
        cache_write_tokens=writes,
        output_reasoning_tokens=thoughts,
    )

    cost = PRICES.cost_of(use, at=at)

    if cost is not None:
        theirs = calc_price(usage, model, provider_id=provider, genai_request_timestamp=at)
        assert cost == theirs.total_price.quantize(Decimal("1e-12"))


def test_nothing_is_asked_of_the_network() -> None:
    program = """
import sys
sys.addaudithook(lambda event, _: sys.exit(f"network: {event}") if event.startswith("socket.") else None)
from datetime import UTC, datetime
from titan.llm.prices import ListedPrices
from titan.model.actions import ModelUse
use = ModelUse(model="gpt-4o", provider="openai", input_tokens=1000, output_tokens=200)
print(ListedPrices().cost_of(use, at=datetime.now(UTC)))
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120)

    assert (done.stdout.strip(), done.stderr) == ("0.0045", "")


def test_ten_dollars_are_written_as_ten() -> None:
    assert str(PRICES.cost_of(a_use(input_tokens=4_000_000, output_tokens=0), at=AT)) == "10"


@pytest.mark.parametrize(
    ("model", "provider", "listed_model", "listed_provider"),
    [
        ("openai/gpt-4o", None, "gpt-4o", "openai"),
        ("openai/gpt-4o", "openai", "gpt-4o", "openai"),
        ("openai/gpt-4o", "litellm", "gpt-4o", "openai"),
        ("openrouter/openai/gpt-4o", None, "openai/gpt-4o", "openrouter"),
        ("models/gemini-2.5-flash", "google", "gemini-2.5-flash", "google"),
        ("models/gemini-2.5-flash", None, "gemini-2.5-flash", "google"),
        ("gemini/gemini-2.5-flash", None, "gemini-2.5-flash", "google"),
        ("text-embedding-3-small", None, "text-embedding-3-small", "openai"),
    ],
)
def test_a_name_with_its_provider_before_it_is_known(
    model: str, provider: str | None, listed_model: str, listed_provider: str
) -> None:
    cost = PRICES.cost_of(a_use(model, provider), at=AT)

    assert cost is not None
    assert cost == PRICES.cost_of(a_use(listed_model, listed_provider), at=AT)


@pytest.mark.parametrize(
    ("model", "provider"),
    [("openai/gpt-4o", "groq"), ("nobody/gpt-4o", None), ("openai/", None), ("/gpt-4o", None), ("models/", "google")],
)
def test_a_name_whose_price_would_be_a_guess_has_none(model: str, provider: str | None) -> None:
    assert PRICES.cost_of(a_use(model, provider), at=AT) is None
