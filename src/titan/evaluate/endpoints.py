"""Calls the tools of worlds at registered endpoints: by HTTP, or at an MCP server."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec

from titan.evaluate.contract import Exchange
from titan.evaluate.definitions import EndpointDefinition, HttpEndpoint, McpEndpoint
from titan.evaluate.external import AgentClient
from titan.model.evaluations import ToolEndpoint
from titan.ports.runs_store import CallStore

SHOWN_CHARACTERS: Final = 300  # of what an endpoint answered, in an error

_DEFINITIONS: Final[msgspec.json.Decoder[EndpointDefinition]] = msgspec.json.Decoder(EndpointDefinition)


def endpoint_definition_of(endpoint: ToolEndpoint) -> EndpointDefinition:
    """Return what an endpoint is."""
    return _DEFINITIONS.decode(endpoint.definition)


class ToolEndpoints:
    """Implements `titan.evaluate.worlds.Endpoints`."""

    def __init__(self, calls: CallStore) -> None:
        self._calls = calls
        self._client = AgentClient()

    async def call(self, project_id: str, name: str, tool: str, args: Mapping[str, Any]) -> tuple[Any, str | None]:
        """Return what a tool answered, or None and why it did not. An endpoint of another project is none."""
        if not name:
            return None, f"the tool {tool!r} is in the mode passthrough, and names no endpoint"
        found = await asyncio.to_thread(self._calls.read, lambda reader: reader.tool_endpoint(project_id, name))
        if found is None:
            return None, f"the endpoint {name!r} is not registered in the project {project_id!r}"
        definition = endpoint_definition_of(found)
        if not definition.active:
            return None, f"the endpoint {name!r} is not active"
        answer, failure = await self._called(definition, tool, args)
        return answer, None if failure is None else f"the endpoint {name!r}: {failure}"

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _called(
        self, definition: EndpointDefinition, tool: str, args: Mapping[str, Any]
    ) -> tuple[Any, str | None]:
        match definition:
            case HttpEndpoint():
                exchange = await self._client.ask(
                    definition.url.replace("{tool}", quote(tool, safe="")),
                    args,
                    headers=definition.headers,
                    within_seconds=definition.timeout_s,
                    allow_loopback=definition.allow_loopback,
                )
                return read_tool_answer(exchange)
            case McpEndpoint():
                from titan.evaluate.mcp_client import call_tool  # the SDK takes half a second to import

                return await call_tool(definition, tool, args)


def read_tool_answer(exchange: Exchange) -> tuple[Any, str | None]:
    """Return what an HTTP endpoint answered, its JSON or its text; or None and why that is no answer."""
    if exchange.broken is not None:
        return None, exchange.reason
    status = exchange.status or 0
    text = exchange.body.decode(errors="replace")
    if not 200 <= status < 300:
        return None, f"it answered {status}: {text[:SHOWN_CHARACTERS]}"
    if not text.strip():
        return None, None
    try:
        return msgspec.json.decode(exchange.body), None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return text, None
