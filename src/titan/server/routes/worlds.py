"""Routes of an agent run's proxy: tools, model and events, called with the run's own token."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Final, TypeVar

import msgspec
from litestar import Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from titan.evaluate.worlds import PROBE, Begun, LiveRun, Refused
from titan.model.actions import CLOCK_SKEW, ActionEntry, ActionKind, Outcome, Payload, Source
from titan.model.errors import TitanError, TooLarge
from titan.rules.access import Permission
from titan.server.chat_recording import CallRecorder
from titan.server.http.access import token_in
from titan.server.http.call import Call
from titan.server.http.responses import json_answer, status_code_of
from titan.server.http.route import Routes
from titan.server.routes.models import answer_chat, models_json
from titan.wire.base import Problem
from titan.wire.evaluations import AnyObject, BeginAnswer, BeginBody, EventAnswer, ToolAnswer, ToolsAnswer
from titan_sdk.tape import encoded_text

route = Routes()

T = TypeVar("T", bound=Callable[[Call], Awaitable[Response[Any]]])

MOST_ARGUMENT_BYTES: Final = 1024 * 1024
MOST_ANSWER_BYTES: Final = 10 * 1024 * 1024
#: Path of a sub-agent: its name, preceded by those of its callers.
_ACTOR: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}(?:/[A-Za-z0-9_.:-]{1,64}){0,7}")
_MOST_OF_ACTOR: Final = 256
_LABEL: Final = "up to 8 segments of 1 to 64 letters, digits and _.:-, 256 characters in all"
_KINDS: Final[Mapping[str, ActionKind]] = {
    "assistant_message": ActionKind.TURN,
    "thinking": ActionKind.THOUGHT,
    "system_prompt": ActionKind.EVENT,
    "handoff": ActionKind.HANDOFF,
    "subagent_message": ActionKind.TURN,
    "subagent_final": ActionKind.TURN,
    "custom": ActionKind.EVENT,
}


def _refusing(handler: T) -> T:
    """Return the handler with errors answered in the form that agents expect: `detail.error_class`."""

    @wraps(handler)
    async def answer(call: Call) -> Response[Any]:
        try:
            return await handler(call)
        except Refused as refused:
            return _refusal(refused.status, refused.error_class, str(refused))
        except TitanError as error:
            error_class = "payload_too_large" if isinstance(error, TooLarge) else "request_refused"
            return _refusal(status_code_of(error), error_class, str(error))

    return answer  # type: ignore[return-value]  # it has the handler's signature


@route(
    "POST /api/world/runs/{run}/tools/{tool}",
    Permission.ACT,
    body=AnyObject,
    answer=ToolAnswer,
    limit_bytes=MOST_ARGUMENT_BYTES,
)
@_refusing
async def call_tool(call: Call) -> Response[Any]:
    """Call a tool of an agent run's world. A tool's answer is always 200, including its errors."""
    tool = call.path("tool")
    if tool == PROBE:
        raise Refused(401, "run_token_rejected", "This is the proxy of agent runs; it was reached.")
    run, actor = _run(call), _actor(call)
    args = await _object(call, MOST_ARGUMENT_BYTES)
    found = await call.app.worlds.call(run, tool, args, actor=actor, key=call.header("idempotency-key"))
    return json_answer(
        ToolAnswer(
            tool_name=tool,
            response=found.response,
            source=found.source,
            sequence=found.sequence,
            latency_ms=found.latency_ms,
        )
    )


@route(
    "POST /api/world/runs/{run}/begin",
    Permission.ACT,
    body=BeginBody,
    answer=BeginAnswer,
    limit_bytes=MOST_ARGUMENT_BYTES,
)
@_refusing
async def begin_call(call: Call) -> Response[Any]:
    """Answer a tool call that a program in a world records as an action, before its own function runs."""
    run = _run(call)
    body = call.decode(await call.raw_body(MOST_ARGUMENT_BYTES) or b"{}", BeginBody)
    if body.actor is not None and not _is_label(body.actor):
        body.actor = None  # the actor of an action may be any text
    action = Begun(id=body.id, parent_id=body.parent_id)
    found = await call.app.worlds.begin(run, body.tool, body.arguments, action=action, actor=body.actor)
    if found is None:
        return json_answer(BeginAnswer(answer="go_on"))
    return json_answer(
        BeginAnswer(answer="take", response=found.response, source=found.source, sequence=found.sequence)
    )


@route("GET /api/world/runs/{run}/tools", Permission.ACT, answer=ToolsAnswer)
@_refusing
async def list_tools(call: Call) -> Response[Any]:
    """List the tools of an agent run's world with their schemas."""
    return json_answer(ToolsAnswer(tools=tools_of(_run(call))))


@route("POST /api/world/runs/{run}/mcp", Permission.ACT, body=AnyObject, answer=AnyObject)
@_refusing
async def serve_mcp(call: Call) -> Response[Any]:
    """Serve the tools of an agent run's world over MCP: one request of streamable HTTP."""
    tools = _WorldTools(call, _run(call), actor=_actor(call))
    call.check_announced(MOST_ARGUMENT_BYTES)
    return _McpAnswer(tools)


@route("POST /api/world/runs/{run}/v1/chat/completions", Permission.ACT, body=dict, answer=dict)
@_refusing
async def chat_of_run(call: Call) -> Response[Any]:
    """Ask the server's model, as POST /v1/chat/completions does; the call belongs to the agent run."""
    run, worlds = _run(call), call.app.worlds
    worlds.count_model_call(run)
    body = await call.raw_body()
    call.project_id, call.is_project_fixed = run.project_id, True
    call_recorder = CallRecorder(call, body, run_id=run.run_id, on_use=lambda use: worlds.add_model_cost(run, use))
    return await answer_chat(call, body, call_recorder)


@route("GET /api/world/runs/{run}/v1/models", Permission.ACT, answer=dict)
@_refusing
async def list_models_of_run(call: Call) -> Response[Any]:
    """Return the name of the agent run's model."""
    _run(call)
    return json_answer(models_json(call.app.model))


@route("POST /api/world/runs/{run}/traces/{type}", Permission.ACT, body=AnyObject, answer=EventAnswer)
@_refusing
async def add_event(call: Call) -> Response[Any]:
    """Add an event to an agent run: a message, a thought, a handoff."""
    run, event_type, actor = _run(call), call.path("type"), _actor(call)
    kind = _KINDS.get(event_type)
    if kind is None:
        known = ", ".join(_KINDS)
        raise Refused(400, "trace_event_type_invalid", f"expected one of {known}; found {event_type!r}")
    payload = await _object(call, MOST_ARGUMENT_BYTES, error_class="trace_payload_invalid")
    if event_type == "handoff":
        _check_handoff(payload)

    def entry(sequence: int, now: datetime) -> ActionEntry:
        return _event(run, event_type, kind, payload, actor, sequence, now)

    sequence = await call.app.worlds.event(run, entry)
    return json_answer(EventAnswer(accepted=True, sequence=sequence, event_type=event_type))


@route("GET /api/world/runs/{run}/task", Permission.ACT, answer=AnyObject)
@_refusing
async def show_task(call: Call) -> Response[Any]:
    """Return the task of a run, for an agent that runs as a job."""
    run, attempt = _run(call), call.header("x-titan-attempt")
    run.attempt = run.attempt or attempt
    if attempt != run.attempt and attempt is not None:
        run.has_second_attempt = True  # the first one may have acted
        raise Refused(409, "run_begun", f"The agent of the run {run.run_id} has begun before; stop.")
    return json_answer(run.task_input)


@route("POST /api/world/runs/{run}/response", Permission.ACT, body=AnyObject, answer=AnyObject)
@_refusing
async def give_answer(call: Call) -> Response[Any]:
    """Accept the answer of an agent that runs as a job."""
    run = _run(call)
    run.job_answer = await _object(call, MOST_ANSWER_BYTES)
    return json_answer({"accepted": True})


def tools_of(run: LiveRun) -> list[dict[str, Any]]:
    """Return the tools of a run's world as its agent sees them."""
    return [
        {"name": tool.name, "description": tool.description, "input_schema": tool.input_schema}
        for tool in run.environment.world.tools
    ]


class _WorldTools:
    """The tools of a run, for one request; implements `titan.evaluate.mcp_front.Tools`."""

    def __init__(self, call: Call, run: LiveRun, *, actor: str | None) -> None:
        self._call = call
        self._run = run
        self._actor = actor

    async def list(self) -> Sequence[Mapping[str, Any]]:
        return tools_of(self._run)

    async def call(self, name: str, args: Mapping[str, Any]) -> Any:
        from titan.evaluate.mcp_front import CallRefused

        key = self._call.header("idempotency-key")
        try:
            found = await self._call.app.worlds.call(self._run, name, args, actor=self._actor, key=key)
        except Refused as refused:
            raise CallRefused(f"{refused.error_class}: {refused}") from refused
        return found.response


class _McpAnswer(Response[bytes]):
    """An answer that the MCP SDK writes from the raw request."""

    def __init__(self, tools: _WorldTools) -> None:
        super().__init__(b"")
        self._tools = tools

    def to_asgi_response(self, app: Any, request: Any, **_: Any) -> ASGIResponse:
        """Return what reads the request and answers it."""
        return _McpExchange(self._tools)


class _McpExchange(ASGIResponse):
    def __init__(self, tools: _WorldTools) -> None:
        super().__init__()
        self._tools = tools

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from titan.evaluate.mcp_front import serve_http  # imported late: it takes half a second

        await serve_http(self._tools, scope, receive, send, limit_bytes=MOST_ARGUMENT_BYTES)


def _run(call: Call) -> LiveRun:
    bearer, own = token_in(call.header("authorization")), call.header("x-titan-run-token")
    if bearer is not None and own is not None and bearer != own:
        raise Refused(401, "run_token_mismatch", "Authorization and X-Titan-Run-Token hold two different tokens.")
    return call.app.worlds.find(call.path("run"), own or bearer)


def _actor(call: Call) -> str | None:
    actor = call.header("x-titan-actor-id") or None
    if actor is not None and not _is_label(actor):
        raise Refused(400, "actor_id_invalid", f"X-Titan-Actor-Id: expected {_LABEL}")
    return actor


def _is_label(label: object) -> bool:
    return isinstance(label, str) and len(label) <= _MOST_OF_ACTOR and _ACTOR.fullmatch(label) is not None


def _check_handoff(payload: Mapping[str, Any]) -> None:
    for name in ("from_sub_agent", "to_sub_agent"):
        if not _is_label(payload.get(name)):
            raise Refused(400, "trace_payload_invalid", f"a handoff's {name}: expected {_LABEL}")


async def _object(call: Call, limit_bytes: int, *, error_class: str = "arguments_invalid") -> dict[str, Any]:
    raw = await call.raw_body(limit_bytes)
    try:
        return msgspec.json.decode(raw or b"{}", type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        found = "other JSON" if isinstance(error, msgspec.ValidationError) else str(error)
        raise Refused(400, error_class, f"expected a JSON object; found {found}") from error


def _event(
    run: LiveRun,
    event_type: str,
    kind: ActionKind,
    payload: dict[str, Any],
    actor: str | None,
    sequence: int,
    now: datetime,
) -> ActionEntry:
    reported, note = _occurred_at(payload)
    at = now if reported is None else run.time_of(reported, actor, now)
    is_outside = at is None
    if is_outside and reported is not None:
        note = f"__occurred_at: {reported.isoformat()} is not within the run; when it came counts"
    if note is not None:
        run.warnings.append(note)
    said = {name: value for name, value in payload.items() if not name.startswith("__")}
    event: dict[str, object] = {"type": event_type, "sequence": sequence, "received_at": now.isoformat()}
    if reported not in (None, at):
        event["occurred_at"] = payload["__occurred_at"]
    return ActionEntry(
        id=f"event-{sequence}",
        run_id=run.run_id,
        source=Source.WORLD,
        kind=kind,
        name=event_type,
        started_at=at or now,
        ended_at=at or now,
        outcome=Outcome.SUCCESS,
        actor=actor,
        outputs=Payload(encoded_text(said)),
        tags=(CLOCK_SKEW,) if is_outside else (),
        details=msgspec.json.encode({"event": event}).decode(),
    )


def _occurred_at(payload: Mapping[str, Any]) -> tuple[datetime | None, str | None]:
    """Return when an event happened, as its agent says, and a warning if that is invalid."""
    said = payload.get("__occurred_at")
    if said is None:
        return None, None
    try:
        at = datetime.fromisoformat(said)
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).astimezone(UTC), None
    except (TypeError, ValueError, OverflowError):
        return None, f"__occurred_at: expected a time of ISO 8601; found {str(said)[:60]!r}; when it came counts"


def _refusal(status: int, error_class: str, message: str) -> Response[bytes]:
    problem = Problem(type="ProxyRefused", message=message, found=error_class)
    return json_answer({"detail": {"error_class": error_class, "message": message}, "error": problem}, status)
