"""Money is right to the last digit: what was spent, what was stopped, what a recording saved, and what nobody knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from tests.support.money import BEGAN, CASES, GPT, NOTHING, a_call
from tests.support.raw_http import ask, ask_json
from tests.support.submissions import a_name


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


def test_an_agents_cost_is_the_sum_of_its_runs_and_lists_filter_by_incurred_cost(port: int) -> None:
    for case, (entries, _) in CASES.items():
        record(port, f"all {case}", entries, agent_id="all-money")

    [agent] = ask(port, "GET", "/api/v1/agents?q=all-money").value["data"]
    runs = ask(port, "GET", "/api/v1/runs?agent_id=all-money&window=all&min_cost=0.5&sort=cost").value["data"]

    incurred = sum(Decimal(money["cost_usd"]) for _, money in CASES.values())
    assert (Decimal(agent["cost_usd"]), agent["unpriced"]) == (incurred, 7)
    assert [run["run_id"] for run in runs] == ["all large and small", "all ten cents ten times"]


@pytest.mark.parametrize("cost", ["-1", "NaN", "Infinity", "1e400", "100000.01", "9300000", "1e308", "-0.01"])
def test_an_invalid_cost_is_refused_with_its_place(port: int, cost: str) -> None:
    body = {"run_id": a_name("run"), "entries": [a_call("a", "1"), a_call("b", cost)]}

    answer = ask_json(port, "POST", "/api/v1/actions", body)

    assert answer.status == 400
    assert "$.entries[1].cost_usd" in answer.value["error"]["message"]


def test_sums_of_money_are_exact_at_any_size_on_every_route(port: int) -> None:
    run, agent = a_name("run"), a_name("agent")
    entries = [a_call(f"a{number}", "99999.123456789012") for number in range(9)]

    told = ask_json(port, "POST", "/api/v1/actions", {"run_id": run, "agent_id": agent, "entries": entries})
    shown = ask(port, "GET", f"/api/v1/runs/{run}")
    sums = ask(port, "GET", f"/api/v1/ledger/stats?run_id={run}")
    agents = ask(port, "GET", f"/api/v1/agents?q={agent}")
    stats = ask(port, "GET", f"/api/v1/agents/{agent}/stats")

    assert told.status == 200
    whole = Decimal("899992.111111101108")
    assert Decimal(shown.value["tally"]["cost_usd"]) == whole
    assert Decimal(sums.value["cost_usd"]) == whole
    assert [Decimal(one["cost_usd"]) for one in agents.value["data"]] == [whole]
    assert Decimal(stats.value["agent"]["cost_usd"]) == whole
    for least, found in (("899992", 1), ("899992.111111101108", 1), ("899992.111111101109", 0), ("20000000", 0)):
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


def test_a_computed_cost_is_marked_in_every_sum(port: int) -> None:
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
