"""An MCP server in a thread, by streamable HTTP, that stands for a service outside of Titan."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from tests.support.ports import a_held_port, port_of

TOKEN = "Bearer mcp-secret"


class Doubtful(BaseModel):
    """An answer whose schema has a pattern that Python's `re` tries for longer than the universe lasts."""

    text: str = Field(json_schema_extra={"pattern": "^(a+)+$"})


@contextmanager
def mcp_service() -> Iterator[str]:
    """Give the address of a server with five tools, which asks for `TOKEN`."""
    service = MCPServer("crm")
    run_ids: list[str | None] = []

    @service.tool()
    def get_order(order_id: str) -> dict[str, object]:
        return {"order_id": order_id, "status": "placed", "from": "crm"}

    @service.tool()
    def refund(order_id: str, amount: float) -> str:
        return f"refunded {amount:g} of {order_id}"

    @service.tool()
    def slow_schema() -> Doubtful:
        return Doubtful(text="a" * 60 + "!")

    @service.tool()
    def broken() -> str:
        raise ToolError("the database is away")

    @service.tool()
    def refuse() -> CallToolResult:
        return CallToolResult(
            content=[TextContent(text="not today"), TextContent(text="ask again")],
            structured_content={"reason": "closed", "run_id": run_ids[-1]},
            is_error=True,
        )

    app: Starlette = service.streamable_http_app()

    async def guarded(scope, receive, send):  # type: ignore[no-untyped-def]
        if scope["type"] == "http" and Request(scope).headers.get("authorization") != TOKEN:
            await Response("who are you?", 401)(scope, receive, send)
            return
        if scope["type"] == "http":
            run_ids.append(Request(scope).headers.get("x-titan-run-id"))
        await app(scope, receive, send)

    with a_held_port() as held:
        server = uvicorn.Server(uvicorn.Config(guarded, log_level="warning", lifespan="on"))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([held])), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{port_of(held)}/mcp"
        server.should_exit = True
        thread.join(10)
