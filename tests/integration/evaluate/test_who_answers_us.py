"""Whoever answers Titan may be slow, cut, endless, wrong, elsewhere or gone: each path ends, and says why."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

import pytest

from tests.support.evaluations import a_workflow, dispatched, ended, http_agent
from tests.support.misbehaving import Fault, misbehaving
from tests.support.raw_http import given
from tests.support.submissions import a_name
from tests.support.waiting import wait_until
from titan.evaluate.contract import Failed, read_exchange
from titan.evaluate.definitions import McpEndpoint
from titan.evaluate.external import AgentClient, read_tool_answer
from titan.evaluate.mcp_client import call_tool
from titan.llm.addresses import EndpointAddress
from titan.llm.openai_compatible import OpenAICompatibleModel
from titan.maintenance.notifications import http_client, post
from titan.model.errors import ModelError
from titan.model.language import Message, ModelRequest, Role

WITHIN_SECONDS = 1.5  # the limit of each path
PATIENCE_SECONDS = 60.0  # of the test: whoever never ends fails by it
MOST_BYTES = 200 * 1024 * 1024  # what a path may take of an endless answer, with what the system buffers
METADATA = "http://169.254.169.254/latest/meta-data"
QUESTION = ModelRequest(messages=(Message(role=Role.USER, content="hm?"),))


async def agent(url: str) -> str:
    client = AgentClient()
    try:
        exchange = await client.ask(url, {}, headers={}, within_seconds=WITHIN_SECONDS, allow_loopback=True)
    finally:
        await client.close()
    found = read_exchange(exchange)
    assert isinstance(found, Failed)
    return f"{found.error_class}: {found.message}"


async def endpoint(url: str) -> str:
    client = AgentClient()
    try:
        exchange = await client.ask(url, {}, headers={}, within_seconds=WITHIN_SECONDS, allow_loopback=True)
    finally:
        await client.close()
    answer, failure = read_tool_answer(exchange)
    return failure or f"text: {answer}"


async def mcp(url: str) -> str:
    answer, failure = await call_tool(McpEndpoint(url=url, allow_loopback=True, timeout_s=WITHIN_SECONDS), "t", {})
    assert answer is None
    return failure or ""


def a_model(url: str) -> OpenAICompatibleModel:
    address = EndpointAddress(name="fake", base_url=url, model="painter-1")
    return OpenAICompatibleModel(address, key="k", timeout_seconds=WITHIN_SECONDS, max_retries=0)


async def model(url: str) -> str:
    asked = a_model(url)
    try:
        await asked.complete(QUESTION)
    except ModelError as error:
        return f"{type(error).__name__}: {error}"
    finally:
        await asked.close()
    return "an answer"


async def streaming_model(url: str) -> str:
    asked = a_model(url)
    try:
        async for _ in asked.stream(QUESTION):
            pass
    except ModelError as error:
        return f"{type(error).__name__}: {error}"
    finally:
        await asked.close()
    return "an answer"


async def receiver(url: str) -> str:
    async with http_client() as client:
        failure, is_retried = await post(client, url, b"{}", {}, within_seconds=WITHIN_SECONDS)
    return f"{failure}, {'again' if is_retried else 'dropped'}" if failure else "accepted"


PATHS: dict[str, Callable[[str], Awaitable[str]]] = {
    "agent": agent,
    "tool endpoint": endpoint,
    "MCP server": mcp,
    "model": model,
    "streaming model": streaming_model,
    "receiver": receiver,
}
SLOW = {
    "agent": "agent_timeout: no answer within 1.5 s",
    "tool endpoint": "no answer within 1.5 s",
    "MCP server": "no answer within 1.5 s",
    "model": "ModelUnavailable",
    "streaming model": "ModelUnavailable",
    "receiver": "no answer within 1.5 s, again",
}
BROKEN = {
    "agent": "transport_error",
    "tool endpoint": "connect",  # it broke, or the server disconnected
    "MCP server": "connect",
    "model": "ModelUnavailable",
    "streaming model": "ModelUnavailable",
    "receiver": "Error",
}
#: What each path says of each fault begins with, or holds, this.
EXPECTED: dict[Fault, dict[str, str]] = {
    Fault.SILENT: SLOW | {"receiver": "again"},
    Fault.DRIPPING_HEAD: SLOW,
    Fault.DRIPPING_BODY: SLOW | {"receiver": "accepted"},
    Fault.CUT_HEAD: BROKEN,
    Fault.CUT_BODY: BROKEN | {"receiver": "accepted"},
    Fault.ENDLESS: {
        "agent": "contract_error: the answer is longer than 10,485,760 bytes",
        "tool endpoint": "longer than 10,485,760 bytes",
        "MCP server": "longer than 10,485,760 bytes",
        "model": "ModelUnavailable",
        "streaming model": "ModelUnavailable",
        "receiver": "accepted",
    },
    Fault.NO_JSON: {
        "agent": "agent_bad_response",
        "tool endpoint": "text: <html>hi</html>",
        "MCP server": "Unexpected content type: text/html",
        "model": "ModelRefused",
        "streaming model": "ModelRefused",
        "receiver": "accepted",
    },
    Fault.REDIRECT: {
        "agent": "transport_error: the agent answered 307",
        "tool endpoint": "it answered 307 (a redirect, which is not followed)",
        "MCP server": "not followed",
        "model": "HTTP 307",
        "streaming model": "HTTP 307",
        "receiver": "HTTP 307, dropped",
    },
    Fault.RESET: BROKEN,
}
EXPECTED[Fault.REDIRECT_REFUSED] = EXPECTED[Fault.REDIRECT]


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("path", PATHS)
def test_each_path_ends_and_says_why(path: str, fault: Fault) -> None:
    content_type = "text/event-stream" if path == "streaming model" else "application/json"

    async def ask(url: str) -> tuple[str, int, int]:
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0.01)
                turns += 1

        other = asyncio.create_task(others())
        async with asyncio.timeout(PATIENCE_SECONDS):
            said = await PATHS[path](url)
        await asyncio.sleep(0.01)
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)
        return said, turns, len(asyncio.all_tasks())

    with misbehaving(Fault.NO_JSON) as elsewhere:
        target = METADATA if fault is Fault.REDIRECT_REFUSED else elsewhere.url
        with misbehaving(fault, content_type=content_type, elsewhere=target) as server:
            asyncio.run(ask(server.url))  # what is imported and opened once
            before = open_files()

            said, turns, tasks = asyncio.run(ask(server.url))

            assert server.asked >= 2
            assert server.sent_bytes < MOST_BYTES
            assert elsewhere.asked == 0
            after = open_files()
    assert EXPECTED[fault][path] in said
    assert turns > 0
    assert tasks == 1
    assert after <= before + 2  # sockets of the server's own side may still be closing


@pytest.mark.parametrize(
    ("fault", "error_class"),
    [
        (Fault.SILENT, "agent_timeout"),
        (Fault.DRIPPING_HEAD, "agent_timeout"),
        (Fault.DRIPPING_BODY, "agent_timeout"),
        (Fault.ENDLESS, "contract_error"),
        (Fault.NO_JSON, "agent_bad_response"),
    ],
)
def test_a_run_of_such_an_agent_fails_by_its_class_and_the_server_answers_others(
    port: int, fault: Fault, error_class: str
) -> None:
    with misbehaving(fault) as server:
        path = a_workflow(port, a_name("agent"), http_agent(server.url), run_timeout_s=2)
        (run,) = dispatched(port, path)
        wait_until(lambda: server.asked > 0, "the agent was asked")

        health = given(port, "/api/health")

        assert health["status"] == "ok"
        assert ended(port, path, run)["error_class"] == error_class
