"""The tools of a world by MCP, asked by the official client: over streamable HTTP and over stdio."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent

from tests.support.agent_server import Asked, agent_server
from tests.support.evaluations import http_agent, tried
from tests.support.raw_http import given
from tests.support.sources import PACKAGES

Use = Callable[[Client], Awaitable[Any]]
RULE = {"trigger": "tool_call", "tool": "get_order", "match": {"nth": 2}, "action": {"type": "error", "status": 503}}


async def _over_http(proxy_url: str, token: str, use: Use, mode: Any) -> Any:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False) as http,
        Client(streamable_http_client(f"{proxy_url}/mcp", http_client=http), mode=mode) as client,
    ):
        return await use(client)


async def _over_stdio(proxy_url: str, token: str, use: Use, mode: Any) -> Any:
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "titan.cli", "mcp", "--proxy", proxy_url],
        env={**os.environ, "PYTHONPATH": PACKAGES, "TITAN_RUN_TOKEN": token},
    )
    transport: AbstractAsyncContextManager[Any] = stdio_client(command)
    async with Client(transport, mode=mode) as client:
        return await use(client)


def text_of(result: CallToolResult) -> str:
    """Return the text of a result."""
    [block] = result.content
    assert isinstance(block, TextContent)
    return block.text


async def _act(client: Client) -> tuple[list[Any], list[CallToolResult]]:
    tools = (await client.list_tools()).tools
    results = [
        await client.call_tool(name, arguments)
        for name, arguments in (
            ("get_order", {"order_id": "O1"}),
            ("get_order", {"order_id": "O1"}),
            ("cancel_order", {"order_id": "O2"}),
            ("cancel_order", {"order_id": "O1"}),
            ("no_such", {}),
            ("get_order", {}),
        )
    ]
    return tools, results


@pytest.mark.parametrize("mode", ["legacy", "auto"])
@pytest.mark.parametrize("connect", [_over_http, _over_stdio])
def test_an_unmodified_mcp_agent_is_tried_like_any_other(port: int, connect: Any, mode: str) -> None:
    found: list[Any] = []

    def agent(ask: Asked) -> str:
        token = ask.headers["X-Titan-Run-Token"]
        found.append(asyncio.run(connect(ask.body["proxy_url"], token, _act, mode)))
        return "done"

    name = f"mcp-{connect.__name__.strip('_')}-{mode}"
    with agent_server(agent) as url:
        run = tried(port, name, http_agent(url), seed={"failure_rules": [RULE]})

    assert (run["status"], run["verdict"]) == ("completed", "PASS"), run
    [(tools, results)] = found
    assert next(tool for tool in tools if tool.name == "get_order").input_schema["required"] == ["order_id"]
    assert results[0].structured_content["status"] == "placed"
    assert '"status":"placed"' in text_of(results[0])
    assert [result.is_error for result in results] == [False, True, True, False, True, True]
    assert "Order O2 is shipped." in text_of(results[2])
    path = f"/api/projects/default/workflows/{name}/tasks/t0/agent-runs/{run['run_id']}/tool-calls"
    calls = given(port, path)["tool_calls"]
    assert [(one["sequence"], one["source"], one["detail"]) for one in calls] == [
        (0, "odyssey", "ledger_read"),
        (1, "injected", None),
        (2, "odyssey", "ledger_write"),
        (3, "odyssey", "ledger_write"),
        (4, "error", "unknown_tool"),
        (5, "odyssey", "arguments"),
    ]


def test_a_wrong_token_or_too_much_is_refused_before_mcp_begins(port: int) -> None:
    found: list[int] = []

    def agent(ask: Asked) -> str:
        for token in ("wrong", "titan_run_" + "x" * 43):
            url = f"{ask.body['proxy_url']}/mcp"
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
            headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
            found.append(httpx2.post(url, json=body, headers=headers, trust_env=False).status_code)
        headers = {"Authorization": f"Bearer {ask.headers['X-Titan-Run-Token']}", "Accept": "application/json"}
        found.append(httpx2.post(url, content=b" " * 1_100_000, headers=headers, trust_env=False).status_code)
        return "done"

    with agent_server(agent) as url:
        tried(port, "mcp-token", http_agent(url))

    assert found == [401, 401, 413]


def test_calls_after_the_end_of_the_run_say_so_over_stdio(port: int) -> None:
    kept: list[tuple[str, str]] = []

    def agent(ask: Asked) -> str:
        kept.append((ask.body["proxy_url"], ask.headers["X-Titan-Run-Token"]))
        return "done"

    async def call(client: Client) -> CallToolResult:
        return await client.call_tool("get_order", {"order_id": "O1"})

    with agent_server(agent) as url:
        tried(port, "mcp-late", http_agent(url))

    result = asyncio.run(_over_stdio(*kept[0], call, "legacy"))
    assert (result.is_error, text_of(result).split(":")[0]) == (True, "run_token_expired")
