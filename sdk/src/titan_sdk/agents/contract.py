"""The contract of an agent that Titan asks over HTTP: what each request is answered with."""

from __future__ import annotations

import asyncio
import hmac
import inspect
import json
import traceback
from dataclasses import dataclass
from functools import partial

from titan_sdk.agents.run_proxy import RunProxy, probe, under
from titan_sdk.errors import TitanError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["MOST_BODY_BYTES", "Answer", "Request", "answer", "answer_later"]

MOST_BODY_BYTES = 16 * 1024 * 1024
DETAIL_CHARACTERS = 2_000  # of a traceback


@dataclass(frozen=True, slots=True)
class Request:
    """A POST: header names are in small letters."""

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
    """What an agent is asked to do."""

    input: Mapping[str, Any]
    proxy_url: str
    run_token: str


def answer(function: Callable[..., Any], request: Request, *, token: str | None) -> Answer:
    """Return what a request is answered with; the function runs in this thread, a coroutine in a loop of its own."""
    found = _read(request, token)
    if isinstance(found, Answer):
        return found
    if isinstance(found, str):
        return _probed(found)
    return _performed(partial(_call, function, found))


async def answer_later(function: Callable[..., Any], request: Request, *, token: str | None) -> Answer:
    """Return the same in an event loop: a coroutine runs in it, another function in a thread."""
    found = _read(request, token)
    if isinstance(found, Answer):
        return found
    if isinstance(found, str):
        return await asyncio.to_thread(_probed, found)
    if not inspect.iscoroutinefunction(function):
        return await asyncio.to_thread(_performed, partial(_call, function, found))
    try:
        with under(RunProxy(found.proxy_url, found.run_token)):
            said = await function(dict(found.input), proxy_url=found.proxy_url, run_token=found.run_token)
    except Exception as error:  # noqa: BLE001  # whatever the agent's code raises is its answer
        return _raised(error)
    return _said(said)


def _read(request: Request, token: str | None) -> _Task | str | Answer:
    """Return the task of a request; the address that it wants looked at; or its answer, where that is known."""
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


def _probed(proxy_url: str) -> Answer:
    try:
        return Answer(200, {"ok": True, "outbound": probe(proxy_url)})
    except TitanError as error:
        return _refused(400, str(error))


def _call(function: Callable[..., Any], task: _Task) -> Any:
    with under(RunProxy(task.proxy_url, task.run_token)):
        said = function(dict(task.input), proxy_url=task.proxy_url, run_token=task.run_token)
        return asyncio.run(said) if inspect.iscoroutine(said) else said


def _performed(call: Callable[[], Any]) -> Answer:
    try:
        return _said(call())
    except Exception as error:  # noqa: BLE001  # whatever the agent's code raises is its answer
        return _raised(error)


def _said(said: Any) -> Answer:
    """Return the answer of a function that returned: of a text or an object; anything else breaks the contract."""
    return Answer(200, said if isinstance(said, dict) else {"final_response": said})


def _raised(error: BaseException) -> Answer:
    traceback.print_exception(error)
    lines = "".join(traceback.format_exception(error))
    said = {"type": type(error).__name__, "message": str(error), "traceback": lines[-DETAIL_CHARACTERS:]}
    return Answer(500, {"error": said})


def _refused(status: int, message: str) -> Answer:
    return Answer(status, {"error": {"type": "Refused", "message": message}})
