"""Money is right to the last digit: what was spent, what was stopped, what a recording saved, and what nobody knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import pytest

from tests.support.raw_http import ask, ask_json
from tests.support.submissions import a_name

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
    "large and small": ([a_call("a", "123456.7"), a_call("b", "0.000000000003")], spent("123456.700000000003")),
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


def record(port: int, run_id: str, entries: list[dict[str, Any]], agent_id: str = "money") -> None:
    """Tell of each entry in a request of its own, so that each is settled against those before."""
    for entry in entries:
        body = json.dumps({"run_id": run_id, "agent_id": agent_id, "entries": [entry]}).encode()
        assert ask(port, "POST", "/api/v1/actions", body).status == 200


def money_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a tally or an exported run says of money, as numbers: "1E-12" is 0.000000000001."""
    return {name: Decimal(told[name]) for name in (*NOTHING, "unpriced")}


@pytest.mark.parametrize("case", CASES)
def test_money_is_right_to_the_last_digit(port: int, case: str) -> None:
    entries, money = CASES[case]

    record(port, f"money {case}", entries)

    run = ask(port, "GET", f"/api/v1/runs/money%20{case.replace(' ', '%20')}").value
    exported = ask(port, "GET", f"/api/v1/runs/export?format=json&run_id=money%20{case.replace(' ', '%20')}").value
    assert money_of(run["tally"]) == money_of(money)
    assert money_of(exported["runs"][0]) == money_of(money)


def test_an_agent_has_spent_what_its_runs_have_and_lists_look_for_what_was_spent(port: int) -> None:
    for case, (entries, _) in CASES.items():
        record(port, f"all {case}", entries, agent_id="all-money")

    [agent] = ask(port, "GET", "/api/v1/agents?q=all-money").value["data"]
    runs = ask(port, "GET", "/api/v1/runs?agent_id=all-money&window=all&min_cost=0.5&sort=cost").value["data"]

    incurred = sum(Decimal(money["cost_usd"]) for _, money in CASES.values())
    assert (Decimal(agent["cost_usd"]), agent["unpriced"]) == (incurred, 7)
    assert [run["run_id"] for run in runs] == ["all large and small", "all ten cents ten times"]


@pytest.mark.parametrize("cost", ["-1", "NaN", "Infinity", "1e400", "1000000.01", "9300000"])
def test_a_cost_that_no_call_has_is_refused_where_it_stands(port: int, cost: str) -> None:
    body = {"run_id": a_name("run"), "entries": [a_call("a", "1"), a_call("b", cost)]}

    answer = ask_json(port, "POST", "/api/v1/actions", body)

    assert answer.status == 400
    assert "$.entries[1].cost_usd" in answer.value["error"]["message"]


def test_sums_of_money_are_exact_however_large_wherever_they_stand(port: int) -> None:
    run, agent = a_name("run"), a_name("agent")
    entries = [a_call(f"a{number}", "999999.123456789012") for number in range(10)]

    told = ask_json(port, "POST", "/api/v1/actions", {"run_id": run, "agent_id": agent, "entries": entries})
    shown = ask(port, "GET", f"/api/v1/runs/{run}")
    sums = ask(port, "GET", f"/api/v1/ledger/stats?run_id={run}")
    agents = ask(port, "GET", f"/api/v1/agents?q={agent}")
    stats = ask(port, "GET", f"/api/v1/agents/{agent}/stats")

    assert told.status == 200
    whole = Decimal("9999991.23456789012")
    assert Decimal(shown.value["tally"]["cost_usd"]) == whole
    assert Decimal(sums.value["cost_usd"]) == whole
    assert [Decimal(one["cost_usd"]) for one in agents.value["data"]] == [whole]
    assert Decimal(stats.value["agent"]["cost_usd"]) == whole
    for least, found in (("9223372", 1), ("9999991.23456789012", 1), ("9999991.234567890121", 0), ("20000000", 0)):
        listed = ask(port, "GET", f"/api/v1/runs?q={run}&min_cost={least}")
        assert (least, len(listed.value["data"])) == (least, found)


def test_an_odd_cost_of_a_span_is_left_out_and_the_span_is_kept(port: int) -> None:
    run = a_name("run")
    resource = {"attributes": [{"key": "titan.agent_run_id", "value": {"stringValue": run}}]}
    said = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.cost": "9300000"}
    span = {
        "traceId": "0af7651916cd43dd8448eb211c80319c",
        "spanId": "b7ad6b7169203331",
        "name": "chat",
        "startTimeUnixNano": str(BEGAN),
        "endTimeUnixNano": str(BEGAN + 1),
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in said.items()],
    }
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}

    told = ask_json(port, "POST", "/v1/traces", body, {"Content-Type": "application/json"})

    assert told.status == 200
    assert ask(port, "GET", f"/api/v1/runs/{run}").value["tally"]["unpriced"] == 1


def test_a_cost_that_was_computed_is_told_apart_in_every_sum(port: int) -> None:
    run, agent = a_name("run"), a_name("agent")
    computed = a_call("a", use={**GPT, "input_tokens": 1000, "output_tokens": 100})
    record(port, run, [computed, a_call("b", "0.1")], agent)

    told = ask(port, "GET", f"/api/v1/runs/{run}").value["tally"]
    stats = ask(port, "GET", f"/api/v1/ledger/stats?run_id={run}").value
    of_agent = ask(port, "GET", f"/api/v1/agents/{agent}/stats").value
    [exported] = ask(port, "GET", f"/api/v1/runs/export?format=json&run_id={run}").value["runs"]

    assert Decimal(told["cost_usd"]) > Decimal("0.1")
    sums = [told, stats, of_agent["agent"], exported]
    assert [one["estimated"] for one in sums] == [1, 1, 1, 1]
