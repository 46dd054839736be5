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
from titan.ports import LanguageModel
from titan.rules.access import Permission
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.chat_answer import Chunks, answer_json, error_event, error_json, error_status
from titan.server.chat_request import ChatAsked, parse_chat
from titan.server.chat_witness import Witness, check_named_run
from titan.server.route import Routes

route = Routes()

CLIENT_CLOSED_REQUEST: Final = 499  # nginx's word for it; nobody reads the answer
STREAM_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@route("POST /v1/chat/completions", Permission.ASK_MODEL, body=dict, answer=dict)
async def chat(call: Call) -> Response[Any]:
    """Ask the model, for a whole answer or a stream; a client that goes away meanwhile takes its question back."""
    body = await call.raw_body()
    try:
        await check_named_run(call)
        witness = Witness(call, body)
    except (InvalidInput, Forbidden) as error:  # it is not known whose call it is, or it is nobody's to tell of
        return _refusal(error)
    with ExitStack() as leaving:
        leaving.enter_context(witness)
        try:
            model = _model(call)
            asked = parse_chat(body, model_name=model.name)
        except TitanError as error:
            witness.refuse(error)
            return _refusal(error)
        try:
            if not asked.is_streamed:
                return await _answer(call, model, asked, witness)
            stream = _ChatStream(model, asked, witness)
            if not await call.while_connected(stream.begin()):
                return _nobody_there()
        except (NotSupported, ModelNotConfigured) as error:  # the model cannot do that, or was never reached
            witness.refuse(error)
            return _refusal(error)
        except TitanError as error:
            witness.leave(error)
            return _refusal(error)
        leaving.pop_all()
    return ClosingStream(stream, media_type="text/event-stream", headers=STREAM_HEADERS)


@route("GET /v1/models", Permission.READ_SHARED)
async def list_models(call: Call) -> dict[str, object]:
    """Name the model that answers."""
    return models_json(call.house.model)


def models_json(model: LanguageModel | None) -> dict[str, object]:
    """Return GET /v1/models: the one model there is, or none."""
    names = [] if model is None else [model.name]
    return {
        "object": "list",
        "data": [{"id": name, "object": "model", "created": 0, "owned_by": "titan"} for name in names],
    }


class _ChatStream:
    """The answer as server-sent events, as the model says it."""

    def __init__(self, model: LanguageModel, asked: ChatAsked, witness: Witness) -> None:
        self._pieces = model.stream(asked.request)
        self._witness = witness
        self._chunks = Chunks(
            completion_id=witness.id, created=int(time.time()), model=model.name, has_usage=asked.has_usage
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
        self._events = self._told()
        return self._events

    async def aclose(self) -> None:
        """Take the question back, if it is not answered by now."""
        if self._events is not None:
            await self._events.aclose()
        await self._pieces.aclose()
        self._witness.leave()

    async def _told(self) -> AsyncGenerator[bytes, None]:
        assert self._first is not None
        yield self._chunks.first(self._first)
        try:
            yield self._event(self._first)
            async for piece in self._pieces:
                yield self._event(piece)
        except TitanError as error:
            self._witness.leave(error)
            yield error_event(error)
        except Exception as error:
            self._witness.leave(error)
            raise

    def _event(self, piece: ModelDelta | ModelAnswer) -> bytes:
        if isinstance(piece, ModelAnswer):
            self._witness.answered(piece)
            return self._chunks.end(piece)
        self._witness.heard(piece)
        return self._chunks.delta(piece)


async def _answer(call: Call, model: LanguageModel, asked: ChatAsked, witness: Witness) -> Response[bytes]:
    answer = await call.while_connected(model.complete(asked.request))
    if answer is None:
        return _nobody_there()
    witness.answered(answer)
    return json_answer(answer_json(answer, completion_id=witness.id, created=int(time.time())))


def _refusal(error: TitanError) -> Response[bytes]:
    return json_answer(error_json(error), error_status(error))


def _nobody_there() -> Response[bytes]:
    return json_answer(b"{}", CLIENT_CLOSED_REQUEST)


def _model(call: Call) -> LanguageModel:
    if call.house.model is not None:
        return call.house.model
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
        """Stop, and let go of everything."""


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
