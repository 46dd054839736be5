"""Read agents' answers, and classify failures of the exchange."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec
from msgspec import Struct

from titan.ingest.values import dollars_of
from titan.model.actions import MOST_USD
from titan.model.evaluations import ErrorClass
from titan.model.expectations import misfit_of

MOST_RESPONSE_BYTES: Final = 10 * 1024 * 1024
MOST_SCHEMA_BYTES: Final = 32 * 1024  # of tool schemas within the request
DETAIL_CHARACTERS: Final = 500  # of an agent's body that an error shows
RAW_CHARACTERS: Final = 64 * 1024  # of a body that is stored


class Broken(StrEnum):
    """The stage at which an exchange with an agent failed without an answer."""

    PROXY = "proxy"  #: our own address is missing or malformed
    CONNECT = "connect"  #: no address, no server, refused, or no connection in time
    TRANSPORT = "transport"  #: TLS, a reset, a redirect, a protocol error
    TIMEOUT = "timeout"  #: no answer before the time of the run was over
    TOO_LARGE = "too_large"
    REFUSED = "refused"  #: the address is one that Titan does not ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The result of a request to an agent: a status and a body, or the stage at which it failed."""

    status: int | None = None
    body: bytes = b""
    broken: Broken | None = None
    reason: str = ""  #: of what broke, for people


class Message(Struct, kw_only=True):
    """A message in an agent's answer; unknown keys are dropped."""

    role: str
    content: str | None = None
    thinking: list[Any] | None = None
    tool_calls: list[Any] | None = None
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A usable answer of an agent."""

    final_response: str
    messages: list[Any] | None
    metadata: Mapping[str, Any]
    soft_warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The cause of a missing answer."""

    error_class: ErrorClass
    message: str
    detail: str = ""  #: the beginning of the agent's body


_ROLES: Final = frozenset({"system", "user", "assistant", "tool"})
_BROKEN: Final[Mapping[Broken, ErrorClass]] = {
    Broken.PROXY: ErrorClass.PROXY_MISCONFIGURED,
    Broken.CONNECT: ErrorClass.AGENT_UNREACHABLE,
    Broken.REFUSED: ErrorClass.AGENT_UNREACHABLE,
    Broken.TRANSPORT: ErrorClass.TRANSPORT_ERROR,
    Broken.TIMEOUT: ErrorClass.AGENT_TIMEOUT,
    Broken.TOO_LARGE: ErrorClass.CONTRACT_ERROR,
}
_STATUSES: Final[Mapping[int, ErrorClass]] = {
    401: ErrorClass.AUTH_FAILED,
    403: ErrorClass.AUTH_FAILED,
    408: ErrorClass.AGENT_TIMEOUT,
    504: ErrorClass.AGENT_TIMEOUT,
}


def read_exchange(exchange: Exchange) -> Answered | Failed:
    """Return the answer in an exchange, or its failure: address, connection, status, JSON, contract, in this order."""
    detail = exchange.body[: 4 * DETAIL_CHARACTERS].decode(errors="replace")  # cut when it has no secrets any more
    if exchange.broken is not None:
        return Failed(error_class=_BROKEN[exchange.broken], message=exchange.reason, detail=detail)
    status = exchange.status or 0
    if not 200 <= status < 300:
        return Failed(error_class=_class_of(status), message=f"the agent answered {status}", detail=detail)
    try:
        found = msgspec.json.decode(exchange.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        message = f"the agent answered {status} with a body that is no JSON: {error}"
        return Failed(error_class=ErrorClass.AGENT_BAD_RESPONSE, message=message, detail=detail)
    return read_answer(found, detail=detail)


def read_answer(found: Any, *, detail: str = "") -> Answered | Failed:
    """Return an agent's answer; a text alone is the final response."""
    if isinstance(found, str):
        found = {"final_response": found}
    if not isinstance(found, dict):
        return _breaks("an object with final_response", type(found).__name__, detail)
    final = found.get("final_response")
    if not isinstance(final, str) or not final.strip():
        what = "none" if final is None else "an empty one" if isinstance(final, str) else type(final).__name__
        return _breaks("final_response, a text that is not empty", what, detail)
    warnings: list[str] = []
    messages = _messages(found.get("messages"), warnings)
    metadata = found.get("metadata") or {}
    if not isinstance(metadata, dict):
        warnings.append(f"metadata: expected an object; found {type(metadata).__name__}; it is left out")
        metadata = {}
    if metadata.get("cost_usd") is not None and dollars_of(metadata["cost_usd"]) is None:
        found_cost = repr(metadata["cost_usd"])[:40]
        warnings.append(f"metadata.cost_usd: expected 0 to {MOST_USD:,} US dollars; found {found_cost}; it is unknown")
    return Answered(final_response=final, messages=messages, metadata=metadata, soft_warnings=tuple(warnings))


def is_worth_another_try(error_class: ErrorClass, message: str, *, calls: int, tries: int) -> bool:
    """Return whether an unreachable agent is redispatched: it made no calls yet and had fewer than 2 retries."""
    is_transient = (
        error_class in (ErrorClass.AGENT_UNREACHABLE, ErrorClass.TRANSPORT_ERROR)
        or message == LOST
        or (error_class is ErrorClass.AGENT_5XX and message.endswith((" 502", " 503")))
    )
    return is_transient and calls == 0 and tries < len(REDISPATCH_SECONDS)


LOST: Final = "The agent's job was lost after it had begun: its worker or the process that watches it ended."
REDISPATCH_SECONDS: Final = (5.0, 30.0)  # before the first and the second try


def _class_of(status: int) -> ErrorClass:
    if status in _STATUSES:
        return _STATUSES[status]
    if 500 <= status < 600:
        return ErrorClass.AGENT_5XX
    if 400 <= status < 500:
        return ErrorClass.AGENT_4XX
    return ErrorClass.TRANSPORT_ERROR  # a redirect, which is not followed, or no final status


def _breaks(expected: str, found: str, detail: str) -> Failed:
    message = f"the agent's answer: expected {expected}; found {found}"
    return Failed(error_class=ErrorClass.CONTRACT_ERROR, message=message, detail=detail)


def _messages(found: Any, warnings: list[str]) -> list[Any] | None:
    if found is None:
        return None
    try:
        rows = msgspec.convert(found, list[Message])
    except msgspec.ValidationError as error:
        misfit = misfit_of(error, list[Message], found)
        expected = misfit.expected or "messages of OpenAI's form"
        warnings.append(f"messages{misfit.place_within}: expected {expected}; found {misfit.found}; they are left out")
        return None
    unknown = next((row.role for row in rows if row.role not in _ROLES), None)
    if unknown is not None:
        warnings.append(
            f"messages: expected a role of {', '.join(sorted(_ROLES))}; found {unknown!r}; they are left out"
        )
        return None
    kept: list[Any] = msgspec.to_builtins(rows)
    return kept
