"""Run a program in a simulated world, which answers calls of its tools in place of their functions.

A tool call is an action of kind "tool" with the name of one of the world's tools. All other code runs as usual.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import os

from titan_sdk.agents import RunProxy
from titan_sdk.errors import InvalidInput, ToolFailed, ToolTimeout
from titan_sdk.http.address import address_of
from titan_sdk.recording import process
from titan_sdk.replaying.answers import Answers
from titan_sdk.stages import WORLD, WORLD_TOKEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from typing import Any

    from titan_sdk.recording.actions import ActiveAction


class InWorld(Answers):
    """Answers tool calls from the world of an agent run; the program is recorded as usual."""

    is_closed = False
    is_recorder = False

    def __init__(self, proxy: RunProxy) -> None:
        self.has_own_titan = True
        self._proxy = proxy
        self._names: frozenset[str] | None = None

    def call(
        self, act: ActiveAction, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """Return the world's answer to a call, or call its function."""
        is_answered, answer = self._ask(act, function, args, kwargs)
        return answer if is_answered else function(*args, **kwargs)

    async def call_later(
        self, act: ActiveAction, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """Return the same for a coroutine function."""
        is_answered, answer = await self._ask_later(act, function, args, kwargs)
        return answer if is_answered else await function(*args, **kwargs)

    def items(
        self, act: ActiveAction, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Iterator[Any]:
        """Return the items of the world's answer, or of the generator."""
        is_answered, answer = self._ask(act, function, args, kwargs)
        items: Iterator[Any] = _each(answer) if is_answered else function(*args, **kwargs)
        return items

    async def items_later(
        self, act: ActiveAction, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> AsyncIterator[Any]:
        """Yield the same of an asynchronous generator."""
        is_answered, answer = await self._ask_later(act, function, args, kwargs)
        if is_answered:
            for item in _each(answer):
                yield item
            return
        async for item in function(*args, **kwargs):
            yield item

    async def _ask_later(
        self, act: ActiveAction, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[bool, Any]:
        if act.config.kind != "tool":
            return False, None
        import asyncio

        return await asyncio.to_thread(self._ask, act, function, args, kwargs)

    def _ask(
        self, act: ActiveAction, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[bool, Any]:
        """Return whether the world answers a call, and its answer; it answers calls of its tools only.

        Raises:
            ToolFailed: it answers an error.
            TitanError: the world cannot be asked; the function does not run either.
        """
        if act.config.kind != "tool":
            return False, None
        if self._names is None:
            self._names = frozenset(tool["name"] for tool in self._proxy.tools())
        if act.config.name not in self._names:
            return False, None
        name = act.config.name or ""
        if act.config.redact is not None:
            raise InvalidInput(
                subject=f"tool {name!r}",
                expected="an action without redact=: a world needs its arguments",
                found="one with it",
                next_step="Leave redact= out where the program runs in a world.",
            )
        named = _named(function, args, kwargs, is_method=act.config.is_method)
        call = {"id": act.id, "tool": name, "parent_id": act.parent_id, "actor": act.config.actor}
        found = self._proxy.begin(call | {"arguments": json.loads(json.dumps(named, default=_plain))})
        if found["answer"] != "take":
            return False, None
        response = found["response"]
        error = response.get("error") if isinstance(response, dict) else None
        if error:
            raise _failure(name, error, response)
        return True, response


def start() -> None:
    """Have the world that the environment names answer this process's tool calls."""
    address = address_of()
    scheme = "https" if address.is_tls else "http"
    proxy = RunProxy(f"{scheme}://{address}/api/world/runs/{os.environ[WORLD]}", os.environ.get(WORLD_TOKEN, ""))
    process.answer_from_now_on(InWorld(proxy))


def _named(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], *, is_method: bool
) -> dict[str, Any]:
    """Return a call's arguments by name, without defaults.

    Raises:
        TypeError: the call does not fit the function.
    """
    signature = inspect.signature(function)
    bound = signature.bind(*args, **kwargs)
    named = dict(list(bound.arguments.items())[1 if is_method else 0 :])
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            named |= named.pop(parameter.name, {})
    return named


def _plain(value: object) -> object:
    """Return a value that JSON has: dataclasses and models as objects, sets as lists, others as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json")
    return sorted(value, key=str) if isinstance(value, set | frozenset) else str(value)


def _each(answer: Any) -> Iterator[Any]:
    yield from answer if isinstance(answer, list) else [answer]


def _failure(name: str, error: Any, response: object) -> ToolFailed:
    code, message = (
        (str(error.get("code") or "error"), str(error.get("message") or ""))
        if isinstance(error, dict)
        else ("error", str(error))
    )
    kind = ToolTimeout if code == "timeout" else ToolFailed
    failure = kind(
        subject=f"tool {name!r}",
        expected="an answer",
        found=code,
        next_step="The error is the world's: see the agent run.",
        message=message or f"tool {name!r}: {code}",
    )
    failure.response = response
    return failure
