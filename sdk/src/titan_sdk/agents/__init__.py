"""`titan_sdk.agent`: serve a function as an agent over HTTP, and call the tools of its world.

@titan_sdk.agent
def run(task, *, proxy_url, run_token):
    order = titan_sdk.agent.tools.call("get_order", order_id="O1")
    titan_sdk.agent.trace("thinking", "It has not left yet.")
    return f"Your order is {order['status']}."

if __name__ == "__main__":
    titan_sdk.agent.serve(port=8700)

The tools and events go through the run's proxy. A call is repeated while the proxy is away or overloaded, with the
idempotency key of the first try.
"""

from __future__ import annotations

import json
import os
import random
import time
import uuid
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from titan_sdk.errors import (
    Forbidden,
    InvalidInput,
    ServerUnavailable,
    TitanError,
    Unauthorized,
    UnexpectedAnswer,
)
from titan_sdk.http import BrokenAnswer, Request, run
from titan_sdk.http.address import Address
from titan_sdk.http.blocking_client import BlockingHttp
from titan_sdk.recording.validation import say_once

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping
    from typing import Any, TypeVar, overload

    from titan_sdk.agents.serving import AgentServer

    F = TypeVar("F", bound=Callable[..., Any])

EVENT_TYPES = (
    *("assistant_message", "thinking", "system_prompt", "handoff"),
    *("subagent_message", "subagent_final", "custom"),
)
PROXY_VARIABLE = "TITAN_PROXY_URL"
TOKEN_VARIABLE = "TITAN_RUN_TOKEN"  # its name, no token
PROBE_TOKEN = "reachability-probe"
RETRY_SECONDS = (0.5, 1.0, 2.0)  # before the second, third and fourth try, each ± 25 %
RETRIED = frozenset({429, 503})
ANSWER_SECONDS = 600.0  # an injected delay, or a model that simulates the tool
EVENT_SECONDS = 10.0
PROBE_SECONDS = 10.0


class RunProxy:
    """A client of one run's proxy; threads may share it."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInput(
                subject=f"proxy_url={url!r}",
                expected="an address of http:// or https://",
                found="another one",
                next_step="Pass on the proxy_url that the agent was given.",
            )
        is_tls = parts.scheme == "https"
        port = parts.port or (443 if is_tls else 80)
        ca_file = os.environ.get("TITAN_CA_FILE")
        self._http = BlockingHttp(Address(parts.hostname, port, is_tls=is_tls, ca_file=ca_file))
        self._path = parts.path
        self._token = token

    def call(self, tool: str, args: Mapping[str, Any], *, actor: str | None = None) -> Any:
        """Return a tool's answer; an error of the tool is an answer, too."""
        headers = {"Idempotency-Key": uuid.uuid4().hex} | ({} if actor is None else {"X-Titan-Actor-Id": actor})
        return self._asked("POST", f"/tools/{quote(tool, safe='')}", args, headers)["response"]

    def begin(self, call: Mapping[str, Any]) -> dict[str, Any]:
        """Return whether the world answers a program's call, and its answer."""
        found: dict[str, Any] = self._asked("POST", "/begin", call)
        return found

    def tools(self) -> list[dict[str, Any]]:
        """Return the tools with their schemas."""
        found: list[dict[str, Any]] = self._asked("GET", "/tools")["tools"]
        return found

    def add_event(self, event_type: str, payload: Mapping[str, Any], *, actor: str | None = None) -> None:
        """Add an event to the run, with one try."""
        headers = {} if actor is None else {"X-Titan-Actor-Id": actor}
        status, answer = self._exchange("POST", f"/traces/{event_type}", payload, headers, EVENT_SECONDS)
        if status != 200:
            raise _refusal(f"the event {event_type}", status, answer)

    def probe(self) -> dict[str, Any]:
        """Return whether the proxy can be reached from here: any answer about the token proves it."""
        began = time.monotonic()
        found: dict[str, Any] = {"reachable": False, "status_code": None, "error": None}
        try:
            status, _ = self._exchange("POST", "/tools/__reachability_probe__", {}, {}, PROBE_SECONDS)
        except (OSError, BrokenAnswer, TitanError) as error:
            found["error"] = f"{type(error).__name__}: {error}"
        else:
            found |= {"reachable": status in (401, 403) or 200 <= status < 300, "status_code": status}
            found["error"] = None if found["reachable"] else f"expected 401, 403 or 2xx; found {status}"
        return found | {"latency_ms": round((time.monotonic() - began) * 1000, 1)}

    def _asked(self, method: str, target: str, body: object = None, headers: Mapping[str, str] | None = None) -> Any:
        error: TitanError
        for wait in (*RETRY_SECONDS, None):
            try:
                status, answer = self._exchange(method, target, body, headers or {}, ANSWER_SECONDS)
            except (OSError, BrokenAnswer) as cause:
                error = ServerUnavailable(
                    subject=f"the proxy {self.url}",
                    expected="an answer",
                    found=f"{type(cause).__name__}: {cause}",
                    next_step="Look whether this machine reaches that address.",
                )
            else:
                if status == 200:
                    return answer
                error = _refusal(target.rpartition("/")[2], status, answer)
                if status not in RETRIED:
                    break
            if wait is not None:
                time.sleep(wait * random.uniform(0.75, 1.25))
        raise error

    def _exchange(
        self, method: str, target: str, body: object, headers: Mapping[str, str], seconds: float
    ) -> tuple[int, Any]:
        sent = b"" if body is None else json.dumps(body, default=str).encode()
        named = {
            "Host": str(self._http.address),
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "Content-Length": str(len(sent)),
            **headers,
        }
        answer = run(self._http.open(Request(method, self._path + target, named, sent), timeout_seconds=seconds))
        try:
            content = run(answer.read())
        finally:
            run(answer.close())
        try:
            return answer.status, json.loads(content)
        except ValueError:
            return answer.status, content[:200].decode(errors="replace")


_current: ContextVar[RunProxy | None] = ContextVar("titan_run_proxy", default=None)
_actor: ContextVar[str | None] = ContextVar("titan_actor", default=None)
_of_environment: dict[tuple[str, str], RunProxy] = {}


@contextmanager
def under(proxy: RunProxy) -> Iterator[None]:
    """Make `proxy` the current run's proxy in a `with` block."""
    before = _current.set(proxy)
    try:
        yield
    finally:
        _current.reset(before)


def current_proxy() -> RunProxy:
    """Return the current run's proxy: that of the agent's function, else of TITAN_PROXY_URL.

    Raises:
        InvalidInput: there is no current run.
    """
    proxy = _current.get()
    if proxy is not None:
        return proxy
    named = os.environ.get(PROXY_VARIABLE), os.environ.get(TOKEN_VARIABLE)
    if named[0] and named[1]:
        return _of_environment.setdefault((named[0], named[1]), RunProxy(named[0], named[1]))
    raise InvalidInput(
        subject="titan_sdk.agent",
        expected="to be called while an agent's function runs, in its thread or task",
        found="no agent run here",
        next_step="In a thread of your own, call it in a copy of the context (contextvars.copy_context().run).",
    )


class Tools:
    """The tools of the current run."""

    def call(self, name: str, /, **args: Any) -> Any:
        """Return a tool's answer: JSON; for an error an object with `error`.

        Raises:
            TitanError: the proxy rejects the call: the run is over, or it made too many calls.
        """
        return current_proxy().call(name, args, actor=_actor.get())

    def list(self) -> list[dict[str, Any]]:
        """Return name, description and input_schema of each tool."""
        return current_proxy().tools()


def probe(proxy_url: str) -> dict[str, Any]:
    """Return whether a proxy can be reached from here."""
    return RunProxy(proxy_url, PROBE_TOKEN).probe()


def _refusal(what: str, status: int, answer: Any) -> TitanError:
    try:
        error_class, message = answer["detail"]["error_class"], answer["detail"]["message"]
    except (TypeError, KeyError):
        error_class, message = "no answer of Titan's proxy", str(answer)[:200]
    kind = {401: Unauthorized, 403: Forbidden, 404: Unauthorized}.get(status, UnexpectedAnswer)
    return kind(
        subject=what,
        expected="an answer of the run's proxy",
        found=f"{status} {error_class}",
        next_step=message,
    )


class AgentApi:
    """See `titan_sdk.agent`."""

    def __init__(self) -> None:
        self._functions: dict[str, Callable[..., Any]] = {}
        #: The tools of the current run: `call(name, **args)` and `list()`.
        self.tools = Tools()
        #: An ASGI application; its token is TITAN_AGENT_TOKEN.
        self.app = _application(self._functions)

    if TYPE_CHECKING:

        @overload
        def __call__(self, function: F, /) -> F: ...
        @overload
        def __call__(self, name: str, /) -> Callable[[F], F]: ...

    def __call__(self, named: Any, /) -> Any:
        """Register a function `run(task, *, proxy_url, run_token)` as an agent, and return it unchanged.

        It returns a text, or an object with `final_response`, and optionally `messages` and `metadata`. It may be a
        coroutine function. Several agents are served at `/{name}`, a single one at any path.

        Raises:
            TypeError: the decorated object is no function.
        """
        if isinstance(named, str):
            return lambda function: self._added(named, function)
        return self._added(getattr(named, "__name__", ""), named)

    def trace(self, event_type: str, payload: Mapping[str, Any] | str) -> None:
        """Add an event to the current run, visible at once; a text becomes the payload's `text`.

        `event_type` is one of assistant_message, thinking, system_prompt, handoff, subagent_message, subagent_final and
        custom. A failure is printed once on stderr, and the agent goes on.

        Raises:
            ValueError: there is no such type of event.
        """
        if event_type not in EVENT_TYPES:
            raise ValueError(f"event_type={event_type!r}: expected one of {', '.join(map(repr, EVENT_TYPES))}")
        event = {"text": payload} if isinstance(payload, str) else dict(payload)
        event.setdefault("__occurred_at", datetime.now(UTC).isoformat())
        proxy = current_proxy()
        try:
            proxy.add_event(event_type, event, actor=_actor.get())
        except (TitanError, OSError, BrokenAnswer) as error:
            say_once(f"titan_sdk: an event was not recorded: {error}", about=f"event of {proxy.url}")

    @contextmanager
    def acting_as(self, actor: str) -> Iterator[None]:
        """Attribute the calls and events of a block to a sub-agent: "triage", or below another "triage/refunds"."""
        before = _actor.set(actor)
        try:
            yield
        finally:
            _actor.reset(before)

    def serve(self, *, port: int = 8700, host: str = "127.0.0.1", token: str | None = None) -> None:
        """Serve the agents until Ctrl-C.

        Args:
            port: 0 for any free one; the address is printed.
            host: one that other machines can reach needs a token.
            token: required as `Authorization: Bearer …`; by default TITAN_AGENT_TOKEN.

        Raises:
            InvalidInput: no function is an agent, or a token is missing.
            OSError: the port is taken.
        """
        with self.server(port=port, host=host, token=token) as server:
            names = ", ".join(server.agents)
            print(f"titan_sdk: {names} at http://{host}:{server.server_address[1]}", flush=True)
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                return

    def server(self, *, port: int = 0, host: str = "127.0.0.1", token: str | None = None) -> AgentServer:
        """Return a listening `socketserver` of the agents; call its `serve_forever()`. See `serve`."""
        from titan_sdk.agents.serving import AgentServer, token_of

        return AgentServer(dict(self._functions), host, port, token=token_of(token))

    def _added(self, name: str, function: Any) -> Any:
        if not callable(function) or isinstance(function, type):
            raise TypeError(
                f"@titan_sdk.agent: expected a function run(task, *, proxy_url, run_token); found {function!r}"
            )
        self._functions[name] = function
        return function


def _application(functions: Mapping[str, Callable[..., Any]]) -> Callable[[Any, Any, Any], Coroutine[Any, Any, None]]:
    async def app(scope: Any, receive: Any, send: Any) -> None:  # a function: uvicorn takes no bound method for ASGI 3
        from titan_sdk.agents.serving import asgi, token_of

        await asgi(functions, scope, receive, send, token=token_of(None))

    return app


agent = AgentApi()
