"""Responses: JSON, bytes, and errors in the form that the client reads."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from titan.insight.suggestions import similar_names
from titan.model import errors
from titan.model.shaped import shaped
from titan.wire.base import Problem, ProblemAnswer

# --- errors in OTLP: google.rpc.Status ---

# https://opentelemetry.io/docs/specs/otlp/#failures-1


PROTOBUF: Final = "application/x-protobuf"
OTLP_PATHS: Final = frozenset({"/v1/traces", "/v1/logs", "/v1/metrics", "/api/public/otel/v1/traces"})

_UNKNOWN: Final = 2
#: HTTP's statuses → google.rpc.Code.
_CODES: Final[Mapping[int, int]] = {
    400: 3,  # INVALID_ARGUMENT
    401: 16,  # UNAUTHENTICATED
    403: 7,  # PERMISSION_DENIED
    404: 5,  # NOT_FOUND
    405: 12,  # UNIMPLEMENTED
    409: 10,  # ABORTED
    413: 3,
    500: 13,  # INTERNAL
    503: 14,  # UNAVAILABLE
    507: 8,  # RESOURCE_EXHAUSTED
}


#: Paths that an exporter posts to when its endpoint lacks the signal's path.
_BASES: Final = frozenset({"/", "/v1", "/v1/"})


def is_for_telemetry(path: str) -> bool:
    """Return whether a path is one of an OTLP exporter, also a wrong one such as `/v1/v1/traces`."""
    return path.rstrip("/").endswith(("/v1/traces", "/v1/logs", "/v1/metrics"))


def is_status_wanted(path: str, content_type: str | None) -> bool:
    """Return whether the client is an OTLP exporter that sends protobuf; all others get JSON."""
    speaks_protobuf = "protobuf" in (content_type or "").lower()
    return speaks_protobuf and (is_for_telemetry(path) or path in _BASES)


def status_fields(message: str, status_code: int) -> dict[str, object]:
    """Return a google.rpc.Status as JSON fields."""
    return {"code": _CODES.get(status_code, _UNKNOWN), "message": message}


def status_message(message: str, status_code: int) -> bytes:
    """Return a google.rpc.Status in protobuf: field 1 is the code, field 2 the message."""
    text = message.encode("utf-8", "replace")
    return bytes([1 << 3, _CODES.get(status_code, _UNKNOWN), 2 << 3 | 2]) + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    if number < 128:
        return bytes([number])
    return bytes([number & 127 | 128]) + _varint(number >> 7)


logger = logging.getLogger(__name__)
JSON: Final = "application/json"
BYTES: Final = "application/octet-stream"
#: The first class that fits decides: subclasses stand first.
STATUS_CODES: Final[tuple[tuple[type[errors.TitanError], int], ...]] = (
    (errors.RangeRefused, 416),
    (errors.NotDispatchable, 422),
    (errors.InvalidInput, 400),
    (errors.Unauthorized, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.RequestTimeout, 408),
    (errors.HeadersTooLarge, 431),
    (errors.TooLarge, 413),
    (errors.StoreFull, 507),
    (errors.StoreRefused, 500),  # not 503, which clients retry: a retry never helps here
    (errors.StoreDamaged, 500),
    (errors.StoreError, 503),
    (errors.ModelRefused, 502),
    (errors.ModelError, 503),
)
_SIGNALS: Final = re.compile(r"/v1/(traces|logs|metrics)/?")
_MODEL: Final = re.compile(r"(?:/v1)*/(chat/completions|responses|embeddings|completions|messages|models)(?:/.*)?")
_CHAT: Final = "POST /v1/chat/completions, or GET /v1/models"
_INSTEAD: Final = {
    "responses": "Use chat completions: client.chat.completions.create(…) of openai,"
    ' set_default_openai_api("chat_completions") of openai-agents, or another framework\'s setting for it.',
    "completions": "Use chat completions: client.chat.completions.create(…) of openai.",
    "embeddings": "This server makes no embeddings: ask a provider for them under its own address.",
    "messages": "Use a client of OpenAI's dialect, or ask Anthropic under its own address.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Intention:
    """The probable intention of a request to an unknown path."""

    expected: str
    next_step: str
    is_model: bool  #: whether the client expects OpenAI's errors


def json_answer(value: object, status_code: int = 200) -> Response[bytes]:
    """Return `value` as JSON; bytes are taken as JSON already."""
    content = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return Response(content, status_code=status_code, media_type=JSON)


def asked_path(request: Request[Any, Any, Any]) -> str:
    """Return the decoded path of a request."""
    return unquote(request.scope["raw_path"].decode("latin-1"))


def problem_answer(request: Request[Any, Any, Any], problem: Problem, status_code: int) -> Response[bytes]:
    """Return an error as JSON, or in protobuf to exporters that send it; exporters get a google.rpc.Status in both."""
    path = asked_path(request)
    if is_status_wanted(path, request.headers.get("content-type")):
        message = status_message(problem.message, status_code)
        return Response(message, status_code=status_code, media_type=PROTOBUF)
    if is_for_telemetry(path):
        return json_answer(status_fields(problem.message, status_code) | {"error": problem}, status_code)
    return json_answer(ProblemAnswer(error=problem), status_code)


def status_code_of(error: errors.TitanError) -> int:
    """Return the HTTP status of an error."""
    return next((code for kind, code in STATUS_CODES if isinstance(error, kind)), 500)


def problem_of(error: errors.TitanError) -> Problem:
    """Return the body of an error."""
    return shaped(Problem, error, type=type(error).__name__, message=str(error))


def on_titan_error(request: Request[Any, Any, Any], error: errors.TitanError) -> Response[bytes]:
    """Answer a TitanError with its message and status."""
    status_code = status_code_of(error)
    answer = problem_answer(request, problem_of(error), status_code)
    if status_code == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"  # RFC 9110, 15.5.2
    return answer


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer an error of the framework (no such route, another method) in the usual form."""
    path = asked_path(request)
    if error.status_code in (404, 405):
        return _no_such_route(request, path, error.status_code)
    problem = Problem(type="InvalidInput", message=f"{request.method} {path}: {error.detail}", found=error.detail)
    return problem_answer(request, problem, error.status_code)


def _no_such_route(request: Request[Any, Any, Any], path: str, status_code: int) -> Response[bytes]:
    """Answer that there is no such route, with a suggestion if the intention can be guessed."""
    base_url = f"{request.scope['scheme']}://{request.headers.get('host', '127.0.0.1')}"
    content_type = request.headers.get("content-type")
    meant = None
    if status_code == 404:
        meant = intention_of(request.method, path, content_type=content_type, base_url=base_url)
    known = "one of the routes in /schema/openapi.json" if meant is None else meant.expected
    found = "no such path" if status_code == 404 else f"one that does not take {request.method}"
    alike = similar_names(path, [str(route.path_format) for route in request.app.routes]) if status_code == 404 else []
    hint = f"Did you mean {alike[0]}? " if alike else ""
    next_step = f"{hint}Look up paths and methods at /schema/openapi.json." if meant is None else meant.next_step
    problem = Problem(
        type="NoSuchRoute",
        message=f"{request.method} {path}: expected {known}; found {found}. {next_step}",
        subject=f"{request.method} {path}",
        expected=known,
        found=found,
        next_step=next_step,
    )
    if meant is not None and meant.is_model:  # OpenAI's clients read these two
        fields = msgspec.structs.asdict(problem) | {"param": None, "code": problem.type}
        return json_answer({"error": fields}, status_code)
    return problem_answer(request, problem, status_code)


def on_any_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer an unexpected exception without details, and log it."""
    logger.error("%s %s failed", request.method, request.scope["path"], exc_info=error)
    message = f"{request.method} {request.scope['path']}: Titan made a mistake; its log says which."
    return problem_answer(request, Problem(type="InternalError", message=message), 500)


def intention_of(method: str, path: str, *, content_type: str | None, base_url: str) -> Intention | None:
    """Return the probable intention of a request; None if the path gives no hint.

    `base_url` is this server's, such as `http://127.0.0.1:5000`.
    """
    if is_for_telemetry(path) or is_status_wanted(path, content_type):
        return _telemetry(path, base_url)
    found = _MODEL.fullmatch(path)
    if found is None or (method != "POST" and not path.startswith("/v1/")):
        return None
    what = found[1]
    next_step = _INSTEAD.get(what, f"Set the client's base_url, or OPENAI_BASE_URL, to {base_url}/v1.")
    return Intention(expected=_CHAT, next_step=next_step, is_model=True)


def _telemetry(path: str, base_url: str) -> Intention:
    found = _SIGNALS.search(path)
    signal = found[1] if found else "traces"
    return Intention(
        expected=f"POST /v1/{signal}",
        next_step=f"Set OTEL_EXPORTER_OTLP_ENDPOINT to {base_url}, to which exporters add /v1/{signal};"
        f" or OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT to {base_url}/v1/{signal}, to which they add nothing.",
        is_model=False,
    )
