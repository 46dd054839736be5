"""Tools in the mode passthrough: registered HTTP and MCP endpoints answer them."""

import asyncio
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

from tests.support.agent_server import Asked, Raw, agent_server
from tests.support.evaluations import PROJECT, a_workflow, dispatched, ended, http_agent
from tests.support.mcp_service import TOKEN, mcp_service
from tests.support.raw_http import ask_json, given
from tests.unit.world.a_shop import DEFINITION


def a_world(endpoint: str, *tools: str, **more: Any) -> dict[str, Any]:
    """Return the shop, its tools of these names and new ones answered by an endpoint."""
    passthrough = {"mode": "passthrough", "endpoint": endpoint, **more}
    known = [{**tool, **passthrough} if tool["name"] in tools else tool for tool in DEFINITION["tools"]]
    names = {tool["name"] for tool in known}
    return {**DEFINITION, "tools": [*known, *({"name": name, **passthrough} for name in tools if name not in names)]}


def called(port: int, name: str, world: dict[str, Any], *calls: tuple[str, dict[str, Any]]) -> list[Any]:
    """Return what an agent was told that makes these calls in a world, and the ledger after the last."""
    found: list[Any] = []

    def agent(ask: Asked) -> str:
        found.extend(ask.call(tool, **args) for tool, args in calls)
        return "done"

    with agent_server(agent) as url:
        path = a_workflow(port, name, http_agent(url), world=world)
        [run_id] = dispatched(port, path)
        assert ended(port, path, run_id)["status"] == "completed"
    last = given(port, f"{path}/tasks/t0/agent-runs/{run_id}/tool-calls/{len(calls) - 1}")
    return [*found, last["ledger"]]


def registered(port: int, name: str, definition: dict[str, Any], project: str = PROJECT) -> Any:
    answer = ask_json(port, "PUT", f"{project}/endpoints/{name}", {"definition": definition})
    assert answer.status == 200, answer.body
    return answer.value


def test_an_mcp_endpoint_answers_and_where_it_does_not_that_is_a_transport_error(port: int) -> None:
    with mcp_service() as url:
        kind = {"kind": "mcp", "url": url, "allow_loopback": True}
        registered(port, "crm-mcp", {**kind, "headers": {"Authorization": TOKEN}})
        registered(port, "crm-closed", kind)
        order, refund, broken, unknown, ledger = called(
            port,
            "mcp-endpoint",
            a_world("crm-mcp", "get_order", "refund", "broken", "no_such"),
            ("get_order", {"order_id": "O1"}),
            ("refund", {"order_id": "O1", "amount": 5}),
            ("broken", {}),
            ("no_such", {}),
        )
        closed, _ = called(port, "mcp-closed", a_world("crm-closed", "get_order"), ("get_order", {"order_id": "O1"}))

    assert (order["source"], order["response"]["from"]) == ("passthrough", "crm")
    assert (refund["source"], "refunded 5 of O1" in str(refund["response"])) == ("passthrough", True)
    assert ledger["entities"]["order"]["O1"]["attrs"]["refunded"] == 0  # record_only, in whatever way it is declared
    for one, source, code, words in (
        (broken, "passthrough", "tool_failed", "the database is away"),
        (unknown, "passthrough", "tool_failed", "no_such"),
        (closed, "transport_error", "transport_error", "crm-closed"),
    ):
        assert (one["source"], one["response"]["error"]["code"]) == (source, code)
        assert words in one["response"]["error"]["message"]


def test_the_failure_of_an_mcp_tool_reaches_agents_and_the_trace_as_it_was_sent(port: int) -> None:
    found: list[Any] = []

    async def asked(ask: Asked) -> CallToolResult:
        headers = {"Authorization": f"Bearer {ask.headers['X-Titan-Run-Token']}"}
        async with (
            httpx2.AsyncClient(headers=headers, trust_env=False) as http,
            Client(streamable_http_client(f"{ask.body['proxy_url']}/mcp", http_client=http)) as client,
        ):
            return await client.call_tool("refuse", {})

    def agent(ask: Asked) -> str:
        found.extend((ask.call("refuse"), asyncio.run(asked(ask))))
        return "done"

    with mcp_service() as url, agent_server(agent) as agent_url:
        kind = {"kind": "mcp", "url": url, "allow_loopback": True, "headers": {"Authorization": TOKEN}}
        registered(port, "crm-refuses", kind)
        world = a_world("crm-refuses", "refuse", ledger_write_policy="adapter")
        path = a_workflow(port, "mcp-refuses", http_agent(agent_url), world=world)
        run = ended(port, path, dispatched(port, path)[0])

    by_post, by_mcp = found
    structured = {"reason": "closed", "run_id": run["run_id"]}
    assert by_post["source"] == "passthrough"
    assert by_post["response"]["error"] == {"code": "tool_failed", "message": "not today ask again"}
    assert (by_post["response"]["isError"], by_post["response"]["structuredContent"]) == (True, structured)
    assert (by_mcp.is_error, by_mcp.structured_content) == (True, structured)
    assert [block.text for block in by_mcp.content] == ["not today", "ask again"]
    calls = given(port, f"{path}/tasks/t0/agent-runs/{run['run_id']}/tool-calls")["tool_calls"]
    assert [one["response"] for one in calls] == [by_post["response"]] * 2
    action = given(port, f"/api/v1/runs/{run['run_id']}/actions/call-0")["action"]
    assert (action["outcome"], action["error_type"]) == ("error", "tool_failed")


def test_the_schema_that_an_mcp_server_lists_costs_this_server_nothing(port: int) -> None:
    with mcp_service() as url:
        kind = {"kind": "mcp", "url": url, "allow_loopback": True}
        registered(port, "crm-doubtful", {**kind, "headers": {"Authorization": TOKEN}})
        world = a_world("crm-doubtful", "slow_schema")
        answer, _ = called(port, "mcp-doubtful", world, ("slow_schema", {}))

    assert (answer["source"], answer["response"]) == ("passthrough", {"text": "a" * 60 + "!"})


def test_an_http_endpoint_answers_and_an_adapter_applies_the_declared_effects(port: int) -> None:
    runs: list[str] = []

    def service(ask: Asked) -> Any:
        runs.append(ask.headers["X-Titan-Run-Id"])
        return {"told": ask.body, "by": ask.headers.get("X-Key")}

    with agent_server(service) as url:
        definition = {"kind": "http", "url": f"{url}/{{tool}}", "headers": {"X-Key": "k"}, "allow_loopback": True}
        shown = registered(port, "crm", definition)
        world = a_world("crm", "cancel_order", ledger_write_policy="adapter")
        answer, ledger = called(port, "http-endpoint", world, ("cancel_order", {"order_id": "O1"}))

    assert runs == [one["run_id"] for one in given(port, f"{PROJECT}/workflows/http-endpoint/agent-runs")["agent_runs"]]
    assert shown["definition"]["headers"] == {"X-Key": "[not shown]"}
    assert given(port, f"{PROJECT}/endpoints")["endpoints"]
    assert (answer["source"], answer["response"]) == ("passthrough", {"told": {"order_id": "O1"}, "by": "k"})
    assert ledger["entities"]["order"]["O1"]["attrs"]["status"] == "cancelled"
    assert "order_cancelled:O1" in ledger["flags"]


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        (None, "is not registered in the project 'default'"),
        ({"active": False}, "is not active"),
        ({"url": "http://127.0.0.1:1/"}, ""),
        ({"url": "http://127.1:1/", "allow_loopback": False}, "allow_loopback"),
    ],
)
def test_an_endpoint_that_cannot_be_asked_is_a_transport_error(
    port: int, definition: dict[str, Any] | None, words: str
) -> None:
    name = f"away-{len(words)}"
    whole = {"kind": "http", "url": "http://127.0.0.1:1/", "allow_loopback": True, **(definition or {})}
    registered(port, name, whole, PROJECT if definition is not None else "/api/projects/another")

    answer, _ = called(port, name, a_world(name, "get_order"), ("get_order", {"order_id": "O1"}))

    assert answer["source"] == "transport_error"
    assert words in answer["response"]["error"]["message"]


def test_a_live_error_of_an_endpoint_is_a_transport_error_and_injected_failures_come_before_it(port: int) -> None:
    asked: list[Any] = []

    def service(ask: Asked) -> Any:
        asked.append(ask.body)
        return Raw(status=503, body=b"closed for today")

    rule = {"trigger": "tool_call", "tool": "get_order", "match": {"nth": 1}, "action": {"type": "error"}}
    found: list[Any] = []

    def agent(ask: Asked) -> str:
        found.extend(ask.call("get_order", order_id="O1") for _ in range(2))
        return "done"

    with agent_server(service) as url, agent_server(agent) as agent_url:
        registered(port, "closed", {"kind": "http", "url": url, "allow_loopback": True})
        seed = {"failure_rules": [rule]}
        path = a_workflow(port, "closed", http_agent(agent_url), world=a_world("closed", "get_order"), seed=seed)
        ended(port, path, dispatched(port, path)[0])

    assert [one["source"] for one in found] == ["injected", "transport_error"]
    assert found[1]["response"]["error"]["message"] == "the endpoint 'closed': it answered 503: closed for today"
    assert len(asked) == 1


def test_an_address_of_this_machine_is_refused_when_it_is_registered(port: int) -> None:
    for path, definition in (
        ("endpoints/inside", {"kind": "http", "url": "http://169.254.169.254/latest"}),
        ("endpoints/inside", {"kind": "mcp", "url": "http://localhost:8000/mcp"}),
        ("endpoints/inside", {"kind": "http", "url": "ftp://crm.example"}),
        ("agents/inside", {"kind": "http", "url": "http://[::1]:80/"}),
    ):
        answer = ask_json(port, "PUT", f"{PROJECT}/{path}", {"definition": definition})
        assert (answer.status, "definition.url" in answer.message) == (400, True)


def test_a_deleted_endpoint_is_gone(port: int) -> None:
    registered(port, "brief", {"kind": "http", "url": "https://crm.example"})

    assert ask_json(port, "DELETE", f"{PROJECT}/endpoints/brief", {}).status == 200
    assert ask_json(port, "DELETE", f"{PROJECT}/endpoints/brief", {}).status == 404
