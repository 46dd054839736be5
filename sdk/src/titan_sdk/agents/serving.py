"""Serves agents by HTTP, with the standard library, or as an ASGI application."""

from __future__ import annotations

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from titan_sdk.agents.contract import MOST_BODY_BYTES, Answer, Request, answer, answer_later
from titan_sdk.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["TOKEN_VARIABLE", "AgentServer", "asgi", "token_of"]

TOKEN_VARIABLE = "TITAN_AGENT_TOKEN"  # its name, no token
IDLE_SECONDS = 60.0  # a connection that says nothing for so long is closed


def token_of(token: str | None) -> str | None:
    """Return the token that requests have to show: as given, else of the environment; None: none."""
    return token or os.environ.get(TOKEN_VARIABLE) or None


class AgentServer(ThreadingHTTPServer):
    """A server whose agents are asked at `/{name}`, or anywhere where there is one; each request has a thread."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, agents: Mapping[str, Callable[..., Any]], host: str, port: int, *, token: str | None) -> None:
        """Listen.

        Raises:
            InvalidInput: no agent is there, or others than this machine could ask without a token.
            OSError: the port is taken.
        """
        if not agents:
            raise InvalidInput(
                subject="titan_sdk.agent.serve()",
                expected="a function with @titan_sdk.agent",
                found="none",
                next_step="Decorate the agent's function before you serve.",
            )
        if token is None and host not in ("127.0.0.1", "localhost", "::1"):
            raise InvalidInput(
                subject=f"host={host!r}",
                expected=f"token=… or {TOKEN_VARIABLE} where others than this machine can ask",
                found="neither",
                next_step="Set it, and register the agent with the header Authorization: Bearer …",
            )
        self.agents = agents
        self.token = token
        super().__init__((host, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    server: AgentServer

    def do_POST(self) -> None:
        function = _chosen(self.server.agents, self.path)
        length = self.headers.get("Content-Length", "")
        if function is None or not length.isdecimal() or int(length) > MOST_BODY_BYTES:
            self.close_connection = True  # the body is not read
            self._send(_not_found(self.path) if function is None else _length_refused(length))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(headers, self.rfile.read(int(length)))
        self._send(answer(function, request, token=self.server.token))

    def do_GET(self) -> None:
        self._send(Answer(405, {"error": {"type": "Refused", "message": "An agent is asked by POST."}}))

    def log_message(self, format: str, *args: object) -> None:  # as the base class has it
        """Say nothing: requests are shown where Titan runs."""

    def _send(self, said: Answer) -> None:
        body = said.body
        self.send_response(said.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


async def asgi(
    agents: Mapping[str, Callable[..., Any]], scope: Mapping[str, Any], receive: Any, send: Any, *, token: str | None
) -> None:
    """Answer one request of an ASGI server."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["type"] != "http":
        return
    said = await _answered(agents, scope, receive, token)
    body = said.body
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": said.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _answered(
    agents: Mapping[str, Callable[..., Any]], scope: Mapping[str, Any], receive: Any, token: str | None
) -> Answer:
    function = _chosen(agents, scope["path"])
    if function is None:
        return _not_found(scope["path"])
    if scope["method"] != "POST":
        return Answer(405, {"error": {"type": "Refused", "message": "An agent is asked by POST."}})
    body, has_more = bytearray(), True
    while has_more:
        message = await receive()
        body += message.get("body", b"")
        has_more = message.get("more_body", False)
        if len(body) > MOST_BODY_BYTES:
            return _length_refused(str(len(body)))
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return await answer_later(function, Request(headers, bytes(body)), token=token)


def _chosen(agents: Mapping[str, Callable[..., Any]], path: str) -> Callable[..., Any] | None:
    name = path.partition("?")[0].rstrip("/").rpartition("/")[2]
    if name in agents:
        return agents[name]
    return next(iter(agents.values())) if len(agents) == 1 else None


def _not_found(path: str) -> Answer:
    return Answer(404, {"error": {"type": "Refused", "message": f"{path}: no agent of this name"}})


def _length_refused(length: str) -> Answer:
    status = 413 if length.isdecimal() else 411
    message = f"expected a body with Content-Length, of at most {MOST_BODY_BYTES:,} bytes; found {length or 'none'}"
    return Answer(status, {"error": {"type": "Refused", "message": message}})
