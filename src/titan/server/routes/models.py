"""Routes of the server's language model, compatible with OpenAI's API, so that job scripts need no key."""

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import ExitStack
from typing import Any, Final

from litestar import Request, Response
from litestar.response import Stream
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import Receive, Scope, Send

from titan.model.errors import Forbidden, InvalidInput, ModelNotConfigured, NotSupported, TitanError
from titan.model.language import ModelAnswer, ModelDelta
from titan.ports.runtime import LanguageModel
from titan.rules.access import Permission
from titan.server.chat_completions import (
    ChatAsked,
    Chunks,
    answer_json,
    error_event,
    error_json,
    error_status,
    parse_chat,
)
from titan.server.chat_recording import CallRecorder, check_named_run
from titan.server.http.call import Call
from titan.server.http.responses import json_answer
from titan.server.http.route import Routes

route = Routes()

CLIENT_CLOSED_REQUEST: Final = 499  # as nginx; nobody reads the answer
STREAM_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@route("POST /v1/chat/completions", Permission.ASK_MODEL, body=dict, answer=dict)
async def chat(call: Call) -> Response[Any]:
    """Ask the model for an answer or a stream; if the client disconnects, the request to the model is cancelled."""
    body = await call.raw_body()
    try:
        await check_named_run(call)
        call_recorder = CallRecorder(call, body)
    except (InvalidInput, Forbidden) as error:  # not recorded: its run is invalid or forbidden
        return _refusal(error)
    return await answer_chat(call, body, call_recorder)


async def answer_chat(call: Call, body: bytes, call_recorder: CallRecorder) -> Response[Any]:
    """Return the model's answer to a chat request; `call_recorder` records the call."""
    with ExitStack() as leaving:
        leaving.enter_context(call_recorder)
        try:
            model = _model(call)
            asked = parse_chat(body, model_name=model.name)
        except TitanError as error:
            call_recorder.refuse(error)
            return _refusal(error)
        try:
            if not asked.is_streamed:
                return await _answer(call, model, asked, call_recorder)
            chunks = Chunks(
                completion_id=call_recorder.id, created=int(time.time()), model=model.name, has_usage=asked.has_usage
            )
            events = _events(model.stream(asked.request), chunks, call_recorder)
            first = await call.while_connected(anext(events))
            if first is None:
                return _nobody_there()
        except (NotSupported, ModelNotConfigured) as error:  # the model cannot do that, or was never reached
            call_recorder.refuse(error)
            return _refusal(error)
        except TitanError as error:
            call_recorder.abandon(error)
            return _refusal(error)
        leaving.pop_all()
    return _ClosingStream(first, events)


class _ClosingStream(Stream):
    """Streams events and closes their generator at the end, which Litestar leaves to the garbage collector."""

    def __init__(self, first: bytes, events: AsyncGenerator[bytes, None]) -> None:
        super().__init__(_joined(first, events), media_type="text/event-stream", headers=STREAM_HEADERS)
        self._events = events

    def to_asgi_response(self, app: Any, request: Request[Any, Any, Any], **given: Any) -> ASGIResponse:
        """Return the response that closes the generator."""
        return _Closing(super().to_asgi_response(app, request, **given), self._events)


class _Closing(ASGIStreamingResponse):
    def __init__(self, made: ASGIResponse, events: AsyncGenerator[bytes, None]) -> None:
        self._made = made
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._made(scope, receive, send)
        finally:
            await self._events.aclose()


@route("GET /v1/models", Permission.READ_SHARED)
async def list_models(call: Call) -> dict[str, object]:
    """Return the name of the model."""
    return models_json(call.app.model)


def models_json(model: LanguageModel | None) -> dict[str, object]:
    """Return the body of GET /v1/models: the configured model, or none."""
    names = [] if model is None else [model.name]
    return {
        "object": "list",
        "data": [{"id": name, "object": "model", "created": 0, "owned_by": "titan"} for name in names],
    }


async def _events(
    pieces: AsyncGenerator[ModelDelta | ModelAnswer, None], chunks: Chunks, call_recorder: CallRecorder
) -> AsyncGenerator[bytes, None]:
    """Yield the answer as server-sent events.

    Raises:
        ModelError, NotSupported: the model failed before its first piece; later errors become events.
    """

    def event(piece: ModelDelta | ModelAnswer) -> bytes:
        if isinstance(piece, ModelAnswer):
            call_recorder.answered(piece)
            return chunks.end(piece)
        call_recorder.add(piece)
        return chunks.delta(piece)

    first = await anext(pieces)
    try:
        yield chunks.first(first)
        yield event(first)
        async for piece in pieces:
            yield event(piece)
    except TitanError as error:
        call_recorder.abandon(error)
        yield error_event(error)
    except Exception as error:
        call_recorder.abandon(error)
        raise
    finally:  # also when the client disconnects: cancels the request to the model
        await pieces.aclose()
        call_recorder.abandon()


async def _joined(first: bytes, events: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    yield first
    async for event in events:
        yield event


async def _answer(call: Call, model: LanguageModel, asked: ChatAsked, call_recorder: CallRecorder) -> Response[bytes]:
    answer = await call.while_connected(model.complete(asked.request))
    if answer is None:
        return _nobody_there()
    call_recorder.answered(answer)
    return json_answer(answer_json(answer, completion_id=call_recorder.id, created=int(time.time())))


def _refusal(error: TitanError) -> Response[bytes]:
    return json_answer(error_json(error), error_status(error))


def _nobody_there() -> Response[bytes]:
    return json_answer(b"{}", CLIENT_CLOSED_REQUEST)


def _model(call: Call) -> LanguageModel:
    if call.app.model is not None:
        return call.app.model
    raise ModelNotConfigured(
        "language model",
        expected="one behind this server",
        found="none",
        next_step="Start Titan with TITAN_MODEL, for example gemini/gemini-2.5-flash with GEMINI_API_KEY in"
        " .env; or install titan[local].",
    )
