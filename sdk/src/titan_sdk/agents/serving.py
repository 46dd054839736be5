"""Serve agents over HTTP: the contract of a request and its answer, a server of the standard library, and ASGI."""

from __future__ import annotations

import asyncio
import hmac
import inspect
import json
import os
import traceback
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from titan_sdk.agents import RunProxy, probe, under
from titan_sdk.errors import InvalidInput, TitanError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

TOKEN_VARIABLE = "TITAN_AGENT_TOKEN"  # its name, no token
IDLE_SECONDS = 60.0  # idle connections are closed after it
MOST_BODY_BYTES = 16 * 1024 * 1024
DETAIL_CHARACTERS = 2_000  # of a traceback


@dataclass(frozen=True, slots=True)
class Request:
    """A POST; header names are in lower case."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON object."""

    status: int
    value: Mapping[str, Any]

    @property
    def body(self) -> bytes:
        """The object as JSON."""
        return json.dumps(self.value, default=str).encode()


@dataclass(frozen=True, slots=True)
class _Task:
    """An agent's task."""

    input: Mapping[str, Any]
    proxy_url: str
    run_token: str


def answer(function: Callable[..., Any], request: Request, *, token: str | None) -> Answer:
    """Return the answer to a request; the function runs in this thread, a coroutine in its own event loop."""
    found = _read(request, token)
    if isinstance(found, Answer):
        return found
    if isinstance(found, str):
        try:
            return Answer(200, {"ok": True, "outbound": probe(found)})
        except TitanError as error:
            return _refused(400, str(error))
    try:
        with under(RunProxy(found.proxy_url, found.run_token)):
            result = function(dict(found.input), proxy_url=found.proxy_url, run_token=found.run_token)
            return _answer_of(asyncio.run(result) if inspect.iscoroutine(result) else result)
    except Exception as error:  # noqa: BLE001  # the agent's code may raise anything, which becomes the answer
        return _raised(error)


async def answer_later(function: Callable[..., Any], request: Request, *, token: str | None) -> Answer:
    """Return the same from an event loop: a coroutine runs in it, another function in a thread."""
    found = _read(request, token)
    if not isinstance(found, _Task) or not inspect.iscoroutinefunction(function):
        return await asyncio.to_thread(answer, function, request, token=token)
    try:
        with under(RunProxy(found.proxy_url, found.run_token)):
            result = await function(dict(found.input), proxy_url=found.proxy_url, run_token=found.run_token)
    except Exception as error:  # noqa: BLE001  # the agent's code may raise anything, which becomes the answer
        return _raised(error)
    return _answer_of(result)


def _read(request: Request, token: str | None) -> _Task | str | Answer:
    """Return a request's task; the proxy address to probe; or the answer, where it is known already."""
    if token is not None and not _is_authorized(request.headers, token):
        return _refused(401, "the agent's token: expected `Authorization: Bearer …` with the agent's own")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        return _refused(400, f"expected a JSON object; found {error}")
    if not isinstance(body, dict):
        return _refused(400, f"expected a JSON object; found {type(body).__name__}")
    if body.get("ping"):
        return Answer(200, {"ok": True})
    proxy_url = body.get("proxy_url") or body.get("odyssey_proxy_url") or request.headers.get("x-titan-proxy-url")
    if not isinstance(proxy_url, str):
        return _refused(400, "expected proxy_url, the address of the run's proxy")
    if body.get("connectivity_check"):
        return proxy_url
    run_token = request.headers.get("x-titan-run-token")
    if not run_token:
        return _refused(400, "expected the header X-Titan-Run-Token")
    return _Task(body, proxy_url, run_token)


def _is_authorized(headers: Mapping[str, str], token: str) -> bool:
    scheme, _, shown = headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(shown.strip().encode(), token.encode())


def _answer_of(result: Any) -> Answer:
    """Return the answer for a function's result: an object, or its final response."""
    return Answer(200, result if isinstance(result, dict) else {"final_response": result})


def _raised(error: BaseException) -> Answer:
    traceback.print_exception(error)
    lines = "".join(traceback.format_exception(error))
    said = {"type": type(error).__name__, "message": str(error), "traceback": lines[-DETAIL_CHARACTERS:]}
    return Answer(500, {"error": said})


def _refused(status: int, message: str) -> Answer:
    return Answer(status, {"error": {"type": "Refused", "message": message}})


def token_of(token: str | None) -> str | None:
    """Return the token that requests must carry: the given one, else the environment's; None: none."""
    return token or os.environ.get(TOKEN_VARIABLE) or None


class AgentServer(ThreadingHTTPServer):
    """Serves agents at `/{name}`, a single agent at any path; each request has a thread."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, agents: Mapping[str, Callable[..., Any]], host: str, port: int, *, token: str | None) -> None:
        """Listen.

        Raises:
            InvalidInput: there is no agent, or other machines could call it without a token.
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
        """Log nothing: Titan's console shows the requests."""

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
