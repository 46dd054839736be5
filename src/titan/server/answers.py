"""How answers are written: JSON values, bytes and problems."""

import logging
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from titan.model import errors
from titan.server.misplaced import Meant, meant_by
from titan.server.parts import plain
from titan.server.rpc_status import PROTOBUF, is_for_telemetry, is_status_wanted, status_fields, status_message
from titan.wire.problems import Problem, ProblemAnswer

logger = logging.getLogger(__name__)

JSON: Final = "application/json"
BYTES: Final = "application/octet-stream"

#: The most special class that fits decides.
STATUS_CODES: Final[tuple[tuple[type[errors.TitanError], int], ...]] = (
    (errors.RangeRefused, 416),
    (errors.InvalidInput, 400),
    (errors.Unauthorized, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.RequestTimeout, 408),
    (errors.HeadersTooLarge, 431),
    (errors.TooLarge, 413),
    (errors.StoreFull, 507),
    (errors.StoreRefused, 500),  # not 503: clients repeat those, and a repeat never helps here
    (errors.StoreDamaged, 500),
    (errors.StoreError, 503),
    (errors.ModelRefused, 502),
    (errors.ModelError, 503),
)


def json_answer(value: object, status_code: int = 200) -> Response[bytes]:
    """Return `value` as JSON; bytes are taken as JSON already."""
    content = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return Response(content, status_code=status_code, media_type=JSON)


def problem_answer(request: Request[Any, Any, Any], problem: Problem, status_code: int) -> Response[bytes]:
    """Return a problem as JSON, or in protobuf to who reads nothing else; exporters find google.rpc.Status in both."""
    path = plain(request.scope["path"])
    if is_status_wanted(path, request.headers.get("content-type")):
        message = status_message(problem.message, status_code)
        return Response(message, status_code=status_code, media_type=PROTOBUF)
    if is_for_telemetry(path):
        return json_answer(status_fields(problem.message, status_code) | {"error": problem}, status_code)
    return json_answer(ProblemAnswer(error=problem), status_code)


def status_code_of(error: errors.TitanError) -> int:
    """Return the HTTP status that says what kind of refusal it is."""
    return next((code for kind, code in STATUS_CODES if isinstance(error, kind)), 500)


def problem_of(error: errors.TitanError) -> Problem:
    """Return what the answer says of an error."""
    return Problem(
        type=type(error).__name__,
        message=str(error),
        subject=error.subject,
        expected=error.expected,
        found=error.found,
        next_step=error.next_step,
    )


def on_titan_error(request: Request[Any, Any, Any], error: errors.TitanError) -> Response[bytes]:
    """Answer a refusal with its own words and status."""
    status_code = status_code_of(error)
    answer = problem_answer(request, problem_of(error), status_code)
    if status_code == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"  # RFC 9110, 15.5.2
    return answer


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer what the framework refuses (no such route, another method) in our shape."""
    path = plain(request.scope["path"])
    if error.status_code in (404, 405):
        return _no_such_route(request, path, error.status_code)
    problem = Problem(type="InvalidInput", message=f"{request.method} {path}: {error.detail}", found=error.detail)
    return problem_answer(request, problem, error.status_code)


def _no_such_route(request: Request[Any, Any, Any], path: str, status_code: int) -> Response[bytes]:
    """Answer with what the asker may have meant, where that can be told, else with where all routes stand."""
    meant = _meant(request, path) if status_code == 404 else None
    known = "one of the routes in /schema/openapi.json" if meant is None else meant.expected
    found = "a path of none" if status_code == 404 else f"one that does not take {request.method}"
    next_step = "Look up its path and method at /schema/openapi.json." if meant is None else meant.next_step
    problem = Problem(
        type="NoSuchRoute",
        message=f"{request.method} {path}: expected {known}; found {found}. {next_step}",
        subject=f"{request.method} {path}",
        expected=known,
        found=found,
        next_step=next_step,
    )
    if meant is not None and meant.is_model:  # clients of OpenAI's dialect look for these two as well
        fields = msgspec.structs.asdict(problem) | {"param": None, "code": problem.type}
        return json_answer({"error": fields}, status_code)
    return problem_answer(request, problem, status_code)


def _meant(request: Request[Any, Any, Any], path: str) -> Meant | None:
    host = request.headers.get("host", "127.0.0.1")
    return meant_by(
        request.method,
        path,
        content_type=request.headers.get("content-type"),
        base_url=f"{request.scope['scheme']}://{host}",
    )


def on_any_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer a mistake of ours without its innards, and log it whole."""
    logger.error("%s %s failed", request.method, request.scope["path"], exc_info=error)
    message = f"{request.method} {request.scope['path']}: Titan made a mistake; its log says which."
    return problem_answer(request, Problem(type="InternalError", message=message), 500)
