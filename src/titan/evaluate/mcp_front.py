"""Serve a world's tools over MCP with the official SDK: by streamable HTTP and by stdio.

Both ways lead to the same calls as `POST {proxy}/tools/{tool}`, with the same sources, order, failures and record.
"""

import asyncio
import contextlib
import logging
import random
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import httpx
import msgspec
from litestar.types import Receive, Scope, Send
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.types import CallToolRequestParams, CallToolResult, ListToolsResult, TextContent, Tool

from titan import __version__
from titan.world.simulation import is_error

#: Waits before the tries after the first, each ± 25 %.
RETRY_SECONDS: Final = (0.5, 1.0, 2.0)
RETRIED: Final = frozenset({429, 503})
ASKED_WITHIN_SECONDS: Final = 600.0  # an injected delay, or a model that simulates

logging.getLogger("mcp").setLevel(logging.WARNING)  # it logs every request


class Tools(Protocol):
    """The tools of a run's world."""

    async def list(self) -> Sequence[Mapping[str, Any]]:
        """Return name, description and input_schema of each."""

    async def call(self, name: str, args: Mapping[str, Any]) -> Any:
        """Return a tool's answer.

        Raises:
            CallRefused: the proxy does not take the call.
        """


class CallRefused(Exception):
    """The proxy refused a call; the message begins with the error class."""


def mcp_server(tools: Tools) -> Server[Any]:
    """Return an MCP server of these tools. An answer with `error` is one with `isError`."""

    async def list_tools(_context: Any, _params: Any) -> ListToolsResult:
        found = await tools.list()
        return ListToolsResult(
            tools=[
                Tool(name=one["name"], description=one["description"] or None, input_schema=one["input_schema"])
                for one in found
            ]
        )

    async def call_tool(_context: Any, params: CallToolRequestParams) -> CallToolResult:
        try:
            answer = await tools.call(params.name, params.arguments or {})
        except CallRefused as refused:
            return CallToolResult(content=[TextContent(text=str(refused))], is_error=True)
        return _result_of(answer)

    return Server("titan", version=__version__, on_list_tools=list_tools, on_call_tool=call_tool)


def _result_of(answer: Any) -> CallToolResult:
    """Return a tool's answer as a result; a failure of an MCP endpoint as that sent it."""
    if isinstance(answer, dict) and answer.get("isError") is True:
        with contextlib.suppress(ValueError):  # of another service, which only looks alike
            return CallToolResult.model_validate({name: answer[name] for name in answer if name != "error"})
    return CallToolResult(
        content=[TextContent(text=answer if isinstance(answer, str) else msgspec.json.encode(answer).decode())],
        structured_content=answer if isinstance(answer, dict) else None,
        is_error=is_error(answer),
    )


async def serve_http(tools: Tools, scope: Scope, receive: Receive, send: Send, *, limit_bytes: int) -> None:
    """Answer a request of streamable HTTP. Requests share their run, but no session."""
    manager = StreamableHTTPSessionManager(
        mcp_server(tools), json_response=True, stateless=True, max_request_body_size=limit_bytes
    )
    async with manager.run():
        await manager.handle_request(scope, receive, send)  # type: ignore[arg-type]  # Starlette's types are looser


async def serve_stdio(proxy_url: str, token: str) -> None:
    """Serve a run's tools on stdin and stdout until stdin ends."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(headers=headers, timeout=ASKED_WITHIN_SECONDS, trust_env=False) as client:
        server = mcp_server(ProxyTools(client, proxy_url.rstrip("/")))
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())


class ProxyTools:
    """The tools of a run, called over HTTP; implements `Tools`."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        proxy_url: str,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._proxy_url = proxy_url
        self._sleep = sleep

    async def list(self) -> Sequence[Mapping[str, Any]]:
        """Return name, description and input_schema of each."""
        found: list[Mapping[str, Any]] = (await self._asked("GET", "/tools"))["tools"]
        return found

    async def call(self, name: str, args: Mapping[str, Any]) -> Any:
        """Return a tool's answer; a retried call has no second effect.

        Raises:
            CallRefused: the proxy does not take the call, or is not reached.
        """
        target = f"/tools/{httpx.URL(path=name).raw_path.decode().replace('/', '%2F')}"
        return (await self._asked("POST", target, args, {"Idempotency-Key": uuid.uuid4().hex}))["response"]

    async def _asked(
        self, method: str, target: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        for wait in (*RETRY_SECONDS, None):
            try:
                answer = await self._client.request(method, self._proxy_url + target, json=body, headers=headers)
            except httpx.HTTPError as error:
                refusal = f"proxy_unreachable: {self._proxy_url}: {str(error) or type(error).__name__}"
            else:
                if answer.is_success:
                    found: dict[str, Any] = answer.json()
                    return found
                refusal = _refusal_in(answer)
                if answer.status_code not in RETRIED:
                    break
            if wait is not None:
                await self._sleep(wait * random.uniform(0.75, 1.25))
        raise CallRefused(refusal)


def _refusal_in(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
        return f"{detail['error_class']}: {detail['message']}"
    except (ValueError, KeyError, TypeError):
        return f"proxy_failed: {answer.status_code}: {answer.text[:200]}"
