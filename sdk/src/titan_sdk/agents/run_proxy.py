"""The proxy of the agent run that is under way: its tools and its events.

A call is sent again when the proxy is away or asks for patience, with the key of the first try, so it happens once.
"""

from __future__ import annotations

import http.client
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
from titan_sdk.http.tls import context_of
from titan_sdk.recording.validation import say_once

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

__all__ = ["EVENT_TYPES", "PROBE_TOKEN", "RunProxy", "Tools", "acting_as", "current_proxy", "probe", "trace", "under"]

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
    """The proxy of one run, asked with its token; threads may share it."""

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
        self._is_tls = parts.scheme == "https"
        self._host, self._port, self._path = parts.hostname, parts.port, parts.path
        self._token = token
        self._idle: list[http.client.HTTPConnection] = []

    def call(self, tool: str, args: Mapping[str, Any], *, actor: str | None = None) -> Any:
        """Return what a tool answers; an error of the tool is an answer, too."""
        headers = {"Idempotency-Key": uuid.uuid4().hex} | ({} if actor is None else {"X-Titan-Actor-Id": actor})
        return self._asked("POST", f"/tools/{quote(tool, safe='')}", args, headers)["response"]

    def begin(self, call: Mapping[str, Any]) -> dict[str, Any]:
        """Return whether a program takes what the world answers to a call, and what that is, or goes on by itself."""
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
        """Return whether the proxy is reached from here: any answer that is about the token says so."""
        began = time.monotonic()
        found: dict[str, Any] = {"reachable": False, "status_code": None, "error": None}
        try:
            status, _ = self._exchange("POST", "/tools/__reachability_probe__", {}, {}, PROBE_SECONDS)
        except (OSError, http.client.HTTPException) as error:
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
            except (OSError, http.client.HTTPException) as cause:
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
        sent = None if body is None else json.dumps(body, default=str).encode()
        named = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json", **headers}
        connection = self._idle.pop() if self._idle else None
        if connection is not None:
            try:
                return self._over(connection, method, target, sent, named, seconds)
            except (OSError, http.client.HTTPException):
                connection.close()  # the server closed it meanwhile; a call's key makes a second try harmless
        connection = self._opened(seconds)
        try:
            return self._over(connection, method, target, sent, named, seconds)
        except BaseException:
            connection.close()
            raise

    def _over(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        sent: bytes | None,
        headers: Mapping[str, str],
        seconds: float,
    ) -> tuple[int, Any]:
        if connection.sock is not None:
            connection.sock.settimeout(seconds)
        connection.request(method, self._path + target, sent, dict(headers))
        answer = connection.getresponse()
        content = answer.read()
        self._idle.append(connection)
        try:
            return answer.status, json.loads(content)
        except ValueError:
            return answer.status, content[:200].decode(errors="replace")

    def _opened(self, seconds: float) -> http.client.HTTPConnection:
        assert self._host is not None
        if not self._is_tls:
            return http.client.HTTPConnection(self._host, self._port, timeout=seconds)
        context = context_of(os.environ.get("TITAN_CA_FILE"))
        return http.client.HTTPSConnection(self._host, self._port, timeout=seconds, context=context)


_current: ContextVar[RunProxy | None] = ContextVar("titan_run_proxy", default=None)
_actor: ContextVar[str | None] = ContextVar("titan_actor", default=None)
_of_environment: dict[tuple[str, str], RunProxy] = {}


@contextmanager
def under(proxy: RunProxy) -> Iterator[None]:
    """Have `proxy` be that of the run that is under way, in a `with` block."""
    before = _current.set(proxy)
    try:
        yield
    finally:
        _current.reset(before)


def current_proxy() -> RunProxy:
    """Return the proxy of the run that is under way: of the agent's function, else of TITAN_PROXY_URL.

    Raises:
        InvalidInput: no run is under way here.
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


@contextmanager
def acting_as(actor: str) -> Iterator[None]:
    """Have the calls and events of a `with` block be a sub-agent's: "triage", or below another "triage/refunds"."""
    before = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(before)


class Tools:
    """The tools of the run that is under way."""

    def call(self, name: str, /, **args: Any) -> Any:
        """Return what a tool answers: JSON, of an error an object with `error`.

        Raises:
            TitanError: the proxy does not take the call: the run is over, or it made too many.
        """
        return current_proxy().call(name, args, actor=_actor.get())

    def list(self) -> list[dict[str, Any]]:
        """Return name, description and input_schema of each tool."""
        return current_proxy().tools()


def trace(event_type: str, payload: Mapping[str, Any] | str) -> None:
    """Add an event to the run that is under way, visible at once; a text is the payload's `text`.

    An event that is not taken is said once on stderr, and the agent goes on.

    Raises:
        ValueError: there is no such type of event.
    """
    if event_type not in EVENT_TYPES:
        raise ValueError(f"event_type={event_type!r}: expected one of {', '.join(map(repr, EVENT_TYPES))}")
    said = {"text": payload} if isinstance(payload, str) else dict(payload)
    said.setdefault("__occurred_at", datetime.now(UTC).isoformat())
    proxy = current_proxy()
    try:
        proxy.add_event(event_type, said, actor=_actor.get())
    except (TitanError, OSError, http.client.HTTPException) as error:
        say_once(f"titan_sdk: an event was not recorded: {error}", about=f"event of {proxy.url}")


def probe(proxy_url: str) -> dict[str, Any]:
    """Return whether a proxy is reached from here."""
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
