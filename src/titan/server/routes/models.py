"""The language model of this server, in OpenAI's dialect, so that a job script needs no key."""

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import ExitStack
from typing import Any, Final, Protocol

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

CLIENT_CLOSED_REQUEST: Final = 499  # nginx's word for it; nobody reads the answer
STREAM_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@route("POST /v1/chat/completions", Permission.ASK_MODEL, body=dict, answer=dict)
async def chat(call: Call) -> Response[Any]:
    """Ask the model, for a whole answer or a stream; a client that goes away meanwhile takes its question back."""
    body = await call.raw_body()
    try:
        await check_named_run(call)
        call_recorder = CallRecorder(call, body)
    except (InvalidInput, Forbidden) as error:  # it is not known whose call it is, or it is nobody's to tell of
        return _refusal(error)
    return await answer_chat(call, body, call_recorder)


async def answer_chat(call: Call, body: bytes, call_recorder: CallRecorder) -> Response[Any]:
    """Return the model's answer to a request in OpenAI's dialect; `call_recorder` has the call recorded."""
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
            stream = _ChatStream(model, asked, call_recorder)
            if not await call.while_connected(stream.begin()):
                return _nobody_there()
        except (NotSupported, ModelNotConfigured) as error:  # the model cannot do that, or was never reached
            call_recorder.refuse(error)
            return _refusal(error)
        except TitanError as error:
            call_recorder.leave(error)
            return _refusal(error)
        leaving.pop_all()
    return ClosingStream(stream, media_type="text/event-stream", headers=STREAM_HEADERS)


@route("GET /v1/models", Permission.READ_SHARED)
async def list_models(call: Call) -> dict[str, object]:
    """Name the model that answers."""
    return models_json(call.app.model)


def models_json(model: LanguageModel | None) -> dict[str, object]:
    """Return GET /v1/models: the one model there is, or none."""
    names = [] if model is None else [model.name]
    return {
        "object": "list",
        "data": [{"id": name, "object": "model", "created": 0, "owned_by": "titan"} for name in names],
    }


class _ChatStream:
    """The answer as server-sent events, as the model says it."""

    def __init__(self, model: LanguageModel, asked: ChatAsked, call_recorder: CallRecorder) -> None:
        self._pieces = model.stream(asked.request)
        self._call_recorder = call_recorder
        self._chunks = Chunks(
            completion_id=call_recorder.id, created=int(time.time()), model=model.name, has_usage=asked.has_usage
        )
        self._first: ModelDelta | ModelAnswer | None = None
        self._events: AsyncGenerator[bytes, None] | None = None

    async def begin(self) -> bool:
        """Wait for the first piece: until then an error is an ordinary answer.

        Raises:
            ModelError, NotSupported: as the model says.
        """
        self._first = await anext(self._pieces)
        return True

    def __aiter__(self) -> AsyncGenerator[bytes, None]:
        self._events = self._chunked()
        return self._events

    async def aclose(self) -> None:
        """Take the question back, if it is not answered by now."""
        if self._events is not None:
            await self._events.aclose()
        await self._pieces.aclose()
        self._call_recorder.leave()

    async def _chunked(self) -> AsyncGenerator[bytes, None]:
        assert self._first is not None
        yield self._chunks.first(self._first)
        try:
            yield self._event(self._first)
            async for piece in self._pieces:
                yield self._event(piece)
        except TitanError as error:
            self._call_recorder.leave(error)
            yield error_event(error)
        except Exception as error:
            self._call_recorder.leave(error)
            raise

    def _event(self, piece: ModelDelta | ModelAnswer) -> bytes:
        if isinstance(piece, ModelAnswer):
            self._call_recorder.answered(piece)
            return self._chunks.end(piece)
        self._call_recorder.add(piece)
        return self._chunks.delta(piece)


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


class Closable(Protocol):
    """What yields the parts of an answer."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Begin. Called once, or not at all when the client has left by then."""

    async def aclose(self) -> None:
        """Stop, and release everything."""


class ClosingStream(Stream):
    """An answer that `content` yields. Litestar's own leaves one whose client has left to the garbage collector."""

    def __init__(self, content: Closable, *, media_type: str, headers: dict[str, str]) -> None:
        super().__init__(content, media_type=media_type, headers=headers)
        self._content = content

    def to_asgi_response(self, app: Any, request: Request[Any, Any, Any], **given: Any) -> ASGIResponse:
        """Return what sends it."""
        made = super().to_asgi_response(app, request, **given)
        return _Closing(made, self._content)


class _Closing(ASGIStreamingResponse):
    def __init__(self, made: ASGIResponse, content: Closable) -> None:
        self._made = made
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._made(scope, receive, send)
        finally:
            await self._content.aclose()
