"""Call tools at MCP servers with the official SDK, at addresses that Titan may reach."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolRequest, CallToolRequestParams, CallToolResult, TextContent

from titan.evaluate.contract import MOST_RESPONSE_BYTES
from titan.evaluate.definitions import McpEndpoint
from titan.evaluate.external import CONNECT_SECONDS, AddressRefused, checked_address

SHOWN_CHARACTERS: Final = 300


async def call_tool(endpoint: McpEndpoint, tool: str, args: Mapping[str, Any]) -> tuple[Any, str | None]:
    """Return a tool's answer, or None and the failure. Each call has its own session."""
    try:
        async with asyncio.timeout(endpoint.timeout_s):
            return await _called(endpoint, tool, args)
    except TimeoutError:
        return None, f"no answer within {endpoint.timeout_s:g} s"
    except Exception as error:  # noqa: BLE001  # task groups raise whatever their tasks did, and it is the agent's answer
        return None, _words(error)


async def _called(endpoint: McpEndpoint, tool: str, args: Mapping[str, Any]) -> tuple[Any, str | None]:
    transport = _CheckedTransport(allow_loopback=endpoint.allow_loopback)
    timeout = httpx2.Timeout(None, connect=CONNECT_SECONDS)
    async with (
        httpx2.AsyncClient(headers=endpoint.headers, transport=transport, timeout=timeout, trust_env=False) as http,
        Client(streamable_http_client(endpoint.url, http_client=http)) as client,
    ):
        # `call_tool` of the SDK checks answers by the schema that the server lists, whose patterns may take hours.
        asked = CallToolRequest(params=CallToolRequestParams(name=tool, arguments=dict(args)))
        return read_result(await client.session.send_request(asked, CallToolResult))


def read_result(result: CallToolResult) -> tuple[Any, str | None]:
    """Return a tool's answer: its structured content, else its text, parsed where it is JSON.

    Of a tool that failed it is the whole result beside `error`, so that it is an error as those of other tools are.
    """
    texts = [block.text for block in result.content if isinstance(block, TextContent)]
    if result.is_error:
        error = {"code": "tool_failed", "message": " ".join(texts)[:SHOWN_CHARACTERS]}
        return {"error": error, **result.model_dump(mode="json", by_alias=True, exclude_none=True)}, None
    if result.structured_content is not None:
        return result.structured_content, None
    if len(texts) != len(result.content):
        return [block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.content], None
    text = "\n".join(texts)
    try:
        return json.loads(text), None
    except (ValueError, RecursionError):
        return text, None


class _CheckedTransport(httpx2.AsyncHTTPTransport):
    """Connects to checked addresses only, as `AgentClient` does, also after redirects."""

    def __init__(self, *, allow_loopback: bool) -> None:
        super().__init__(trust_env=False)
        self._allow_loopback = allow_loopback

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        host = request.url.host
        try:
            address = await checked_address(host, allow_loopback=self._allow_loopback)
        except (OSError, AddressRefused) as error:
            raise httpx2.ConnectError(str(error), request=request) from error
        request.headers["host"] = request.url.netloc.decode("ascii")
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=address)
        response = await super().handle_async_request(request)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Limited(response.stream)
        return response


class _Limited(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > MOST_RESPONSE_BYTES:
                raise httpx2.ReadError(f"the answer is longer than {MOST_RESPONSE_BYTES:,} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def _words(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    words = str(error) or f"the connection broke ({type(error).__name__})"
    return f"it answered: {words}" if isinstance(error, MCPError) else words
