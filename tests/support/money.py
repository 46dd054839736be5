"""Calls with every kind of cost, and the money that a run of them shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

BEGAN: Final = 1_772_366_400_000_000_000
GPT: Final = {"model": "gpt-4o", "provider": "openai"}
CLAUDE: Final = {"model": "claude-3-5-sonnet-20241022", "provider": "anthropic"}
NOTHING: Final = {"cost_usd": "0", "attempted_cost_usd": "0", "prevented_cost_usd": "0", "saved_cost_usd": "0"}


def a_call(id: str, cost: str | None = None, outcome: str | None = "success", **more: Any) -> dict[str, Any]:
    """Return what is told of a model call that lasted a second; one without an outcome still runs."""
    ended = None if outcome is None else BEGAN + 10**9
    told = {"type": "action", "id": id, "name": "chat", "kind": "model", "started_at_ns": BEGAN, "ended_at_ns": ended}
    return {**told, "outcome": outcome, "cost_usd": cost, **more}


def spent(cost: str, *, unpriced: int = 0) -> dict[str, Any]:
    """Return the money of a tally without anything stopped or replayed."""
    return {**NOTHING, "cost_usd": cost, "attempted_cost_usd": cost, "unpriced": unpriced}


def stopped(cost: str) -> dict[str, Any]:
    """Return the money of a tally of which all was prevented."""
    return {**NOTHING, "attempted_cost_usd": cost, "prevented_cost_usd": cost, "unpriced": 0}


def saved(cost: str) -> dict[str, Any]:
    """Return the money of a tally of which all was answered from a recording."""
    return {**NOTHING, "saved_cost_usd": cost, "unpriced": 0}


#: What is told of a run → the money that its tally shows.
CASES: Final[Mapping[str, tuple[list[dict[str, Any]], dict[str, Any]]]] = {
    "a picodollar": ([a_call("a", "0.000000000001")], spent("0.000000000001")),
    "ten cents ten times": ([a_call(f"a{n}", "0.1") for n in range(10)], spent("1")),
    "large and small": ([a_call("a", "99456.7"), a_call("b", "0.000000000003")], spent("99456.700000000003")),
    "failed": ([a_call("a", "0.02", "error", failure={"type": "Timeout"})], spent("0.02")),
    "blocked": ([a_call("a", "1.03", "blocked")], stopped("1.03")),
    "rejected": ([a_call("a", "1.04", "rejected")], stopped("1.04")),
    "replayed": ([a_call("a", "0.5", "replayed")], saved("0.5")),
    "an earlier answer": ([a_call("a", "0.6", "idempotent_replay")], saved("0.6")),
    "spent, stopped and saved": (
        [a_call("a", "0.031"), a_call("b", "1", "blocked"), a_call("c", "0.03", "replayed")],
        {
            "cost_usd": "0.031",
            "attempted_cost_usd": "1.031",
            "prevented_cost_usd": "1",
            "saved_cost_usd": "0.03",
            "unpriced": 0,
        },
    ),
    "running": ([a_call("a", "5", None)], spent("0")),
    "begun, then ended": ([a_call("a", None, None), a_call("a", "0.25")], spent("0.25")),
    "told twice": ([a_call("a", "0.1"), a_call("a", "0.1")], spent("0.1")),
    "an agent's sum": ([a_call("g", "0.3", kind="agent"), a_call("a", "0.3", parent_id="g")], spent("0.3")),
    "of tokens": ([a_call("a", use={**GPT, "input_tokens": 1000, "output_tokens": 100})], spent("0.0035")),
    "of tokens read from a cache": (
        [a_call("a", use={**GPT, "input_tokens": 1001, "output_tokens": 100, "cache_read_tokens": 401})],
        spent("0.00300125"),
    ),
    "of tokens written to a cache": (
        [
            a_call(
                "a",
                use={
                    **CLAUDE,
                    "input_tokens": 1000,
                    "output_tokens": 100,
                    "cache_read_tokens": 500,
                    "cache_write_tokens": 300,
                },
            )
        ],
        spent("0.003375"),
    ),
    "said, though tokens would say more": (
        [a_call("a", "0.001", use={**GPT, "input_tokens": 1000, "output_tokens": 100})],
        spent("0.001"),
    ),
    "an embedding of a model that is not listed": (
        [a_call("a", kind="call", use={"model": "ours", "input_tokens": 9})],
        spent("0", unpriced=1),
    ),
    "free": ([a_call("a", "0")], spent("0")),
    "unknown": ([a_call("a", use={"model": "our-own", "input_tokens": 9, "output_tokens": 9})], spent("0", unpriced=1)),
    "failed, and unknown": ([a_call("a", None, "error")], spent("0", unpriced=1)),
    "partly known": ([a_call("a", "0.12"), a_call("b"), a_call("c"), a_call("d")], spent("0.12", unpriced=3)),
    "unknown, then said": ([a_call("a", None, None), a_call("a"), a_call("b", "0.1")], spent("0.1", unpriced=1)),
    "blocked, and unknown": ([a_call("a", None, "blocked")], spent("0")),
    "a tool that costs nothing": ([a_call("a", kind="tool")], spent("0")),
}
