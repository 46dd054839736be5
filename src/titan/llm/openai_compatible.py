"""Call models through OpenAI's chat completions API: at a provider, Ollama, or the local child process."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from titan.llm.addresses import EndpointAddress
from titan.model.errors import ModelError, ModelRefused, ModelUnavailable

if TYPE_CHECKING:
    from openai import APIStatusError, OpenAIError
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from titan.model.language import (
    FinishReason,
    Message,
    ModelAnswer,
    ModelDelta,
    ModelRequest,
    MustCall,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
)

if TYPE_CHECKING:
    from openai.types import CompletionUsage
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessage
import asyncio
import importlib
import re
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from titan.model.language import deltas_of

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletion


_OVERLOADED: Final = frozenset({408, 409, 425, 429})
_KEY_REFUSED: Final = frozenset({401, 403})
_FORM_REFUSED: Final = frozenset({400, 415, 422, 501})


class FormRefused(ModelRefused):
    """The endpoint rejected the form of a request; it may accept the request without its schema."""


def translated(error: "OpenAIError", address: EndpointAddress) -> ModelError:
    """Translate an error of the openai package, which has made its retries."""
    import openai  # imported when first used: it takes 0.5 s

    if isinstance(error, openai.APIStatusError):
        return _translated_status(error, address)
    reason = error.__cause__ or error
    return ModelUnavailable(
        f"model {address.name!r}",
        expected=f"an answer of {address.base_url}",
        found=f"{type(reason).__name__}: {str(reason) or 'the connection broke'}",
        next_step="Check that the server can reach this address.",
    )


def refused(address: EndpointAddress, *, found: str, next_step: str) -> ModelRefused:
    """Return the error of a request that the endpoint will never answer."""
    return ModelRefused(f"model {address.name!r}", expected="an answer", found=found, next_step=next_step)


def _translated_status(error: "APIStatusError", address: EndpointAddress) -> ModelError:
    status = error.status_code
    found = f"HTTP {status}: {_said(error)}"
    if error.code == "insufficient_quota":  # OpenAI's 429 for an account without credit
        return refused(address, found=found, next_step="Add credit to the account of this key.")
    if status in _KEY_REFUSED:
        variables = " or ".join(address.key_variables) or "the endpoint's own settings"
        return refused(address, found=found, next_step=f"Check the key in {variables}.")
    if status in _FORM_REFUSED:
        return FormRefused(
            f"model {address.name!r}",
            expected="a request this endpoint takes",
            found=found,
            next_step="Change the request, or choose another model in TITAN_MODEL.",
        )
    if 300 <= status < 400:
        return refused(address, found=found, next_step="Name the address that it redirects to: none is followed.")
    if status in _OVERLOADED or status >= 500:
        return ModelUnavailable(
            f"model {address.name!r}",
            expected="an answer after all retries",
            found=found,
            next_step="Try again later, or choose another model in TITAN_MODEL.",
        )
    return refused(address, found=found, next_step="Check the model's name in TITAN_MODEL.")


def _said(error: "APIStatusError") -> str:
    """Return the endpoint's message; Gemini wraps it in a list, proxies answer with a page."""
    body = error.body[0] if isinstance(error.body, list) and error.body else error.body
    inner = body.get("error", body) if isinstance(body, Mapping) else body
    message = inner.get("message") if isinstance(inner, Mapping) else inner
    return str(message or error.message)[:400]


def message_json(message: Message) -> dict[str, object]:
    """Return a message of a request in OpenAI's format."""
    written: dict[str, object] = {"role": message.role.value, "content": message.content}
    if message.tool_calls:
        written["content"] = message.content or None
        written["tool_calls"] = [call_json(call) for call in message.tool_calls]
    if message.tool_call_id is not None:
        written["tool_call_id"] = message.tool_call_id
    return written


def call_json(call: ToolCall) -> dict[str, object]:
    """Return a tool call of a message in OpenAI's format."""
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def parameters(request: ModelRequest, *, limit_field: str) -> dict[str, object]:
    """Return the parameters of a request beside its messages, without unset ones."""
    possible: dict[str, object] = {
        limit_field: request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
        "tool_choice": None if request.tool_choice is None else _choice(request.tool_choice),
        "parallel_tool_calls": request.has_parallel_calls,
    }
    stated = {name: value for name, value in possible.items() if value is not None}
    if request.tools:
        stated["tools"] = [_tool(tool) for tool in request.tools]
    if request.schema is not None:
        form = {"name": "answer", "schema": dict(request.schema)}
        stated["response_format"] = {"type": "json_schema", "json_schema": form}
    return stated


def with_schema_in_words(request: ModelRequest) -> ModelRequest:
    """Return a request whose last message asks for the schema, for endpoints without `response_format`."""
    words = f"Answer with JSON only, no other word, that fits this JSON Schema:\n{json.dumps(request.schema)}"
    last = request.messages[-1]
    asked = replace(last, content=f"{last.content}\n\n{words}")
    return replace(request, messages=(*request.messages[:-1], asked), schema=None)


def answer_of(
    message: "ChatCompletionMessage",
    *,
    finish_reason: str | None,
    model: str,
    usage: "CompletionUsage | None",
    latency_ns: int,
) -> ModelAnswer:
    """Return an answer that was not streamed."""
    gathered = GatheredAnswer(model=model, usage=usage, finish_reason=finish_reason or "stop")
    gathered.text = message.content or ""
    for call in message.tool_calls or ():
        if call.type != "custom":  # we offer functions only
            name, arguments = call.function.name, call.function.arguments
            gathered.calls.append(ToolCall(id=call.id or _new_id(), name=name, arguments=arguments))
    return gathered.answer(latency_ns=latency_ns)


@dataclass(slots=True)
class GatheredAnswer:
    """An answer assembled from streamed chunks."""

    model: str  #: the requested model, until the endpoint names its own
    text: str = ""
    calls: list[ToolCall] = field(default_factory=list)
    refusal: str = ""
    usage: "CompletionUsage | None" = None
    finish_reason: str | None = None  #: None: it is not whole
    _places: dict[int, int] = field(default_factory=dict)  #: the endpoint's index of a call → its place in `calls`

    def take(self, chunk: "ChatCompletionChunk") -> Iterator[ModelDelta]:
        """Add a chunk; yield its deltas."""
        # The package does not validate: what another kind of endpoint sends has none of these.
        self.model = getattr(chunk, "model", None) or self.model
        self.usage = getattr(chunk, "usage", None) or self.usage
        for choice in (getattr(chunk, "choices", None) or ())[:1]:
            self.finish_reason = choice.finish_reason or self.finish_reason
            delta = choice.delta
            self.refusal += getattr(delta, "refusal", None) or ""
            if text := getattr(delta, "content", None):
                self.text += text
                yield TextDelta(text=text)
            for piece in getattr(delta, "tool_calls", None) or ():
                yield self._called(piece)

    def answer(self, *, latency_ns: int) -> ModelAnswer:
        """Return the complete answer."""
        usage = self.usage
        of_prompt = getattr(usage, "prompt_tokens_details", None)
        of_completion = getattr(usage, "completion_tokens_details", None)
        return ModelAnswer(
            text=self.text,
            model=self.model,
            prompt_tokens=usage.prompt_tokens if usage else None,
            completion_tokens=usage.completion_tokens if usage else None,
            latency_ns=latency_ns,
            finish_reason=_finish_reason(self.finish_reason, has_calls=bool(self.calls)),
            tool_calls=tuple(self.calls),
            cache_read_tokens=getattr(of_prompt, "cached_tokens", None),
            cache_write_tokens=getattr(of_prompt, "cache_write_tokens", None),
            reasoning_tokens=getattr(of_completion, "reasoning_tokens", None),
        )

    def _called(self, piece: Any) -> ToolCallDelta:
        function = piece.function
        arguments = (function.arguments if function else None) or ""
        stated = len(self._places) if piece.index is None else piece.index
        place = self._places.get(stated)
        # Gemini's endpoint gives several calls one index; their ids tell them apart.
        if place is None or (piece.id and piece.id != self.calls[place].id):
            self._places[stated] = place = len(self.calls)
            name = (function.name if function else None) or ""
            self.calls.append(call := ToolCall(id=piece.id or _new_id(), name=name, arguments=arguments))
            return ToolCallDelta(index=place, id=call.id, name=call.name, arguments=arguments)
        call = self.calls[place]
        self.calls[place] = replace(call, arguments=call.arguments + arguments)
        return ToolCallDelta(index=place, arguments=arguments)


def _tool(tool: Tool) -> dict[str, object]:
    stated = {"description": tool.description, "parameters": tool.parameters, "strict": tool.is_strict}
    function = {name: value for name, value in stated.items() if value is not None}
    return {"type": "function", "function": {"name": tool.name, **function}}


def _choice(choice: ToolChoice) -> object:
    if isinstance(choice, MustCall):
        return {"type": "function", "function": {"name": choice.name}}
    return choice.value


def _finish_reason(stated: str | None, *, has_calls: bool) -> FinishReason:
    if has_calls and stated != "length":
        return FinishReason.TOOL_CALLS  # many endpoints send "stop"
    try:
        return FinishReason(stated or "stop")
    except ValueError:  # endpoints have words of their own: "eos", "end_turn"
        return FinishReason.STOP


def _new_id() -> str:
    return f"call_{uuid.uuid4().hex}"  # Ollama gives none


#: For one try; a reasoning model may think for two minutes before its first word.
TIMEOUT_SECONDS: Final = 180.0
#: Of 408, 409, 429, 5xx and broken connections; waits about 0.5, 1, 2, 4 s, or as Retry-After demands.
MAX_RETRIES: Final = 4
#: The openai package insists on a key; an endpoint without keys ignores it.
LISTING_SECONDS: Final = 10.0  # somebody looks at the screen meanwhile
_NO_KEY: Final = "none"
_FENCED: Final = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*", re.DOTALL)


class OpenAICompatibleModel:
    """The LanguageModel at `address`; calls overlap freely.

    The openai package, 0.5 s to import, is imported by the first call. An endpoint that refuses
    `response_format` gets the schema in words instead, from then on.
    """

    def __init__(
        self,
        address: EndpointAddress,
        *,
        key: str | None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        max_retries: int = MAX_RETRIES,
    ) -> None:
        self._address = address
        self._key = key
        self._timeout_seconds = timeout_seconds
        self._max_retries = max_retries
        self._client: AsyncOpenAI | None = None
        self._takes_schema = True

    @property
    def name(self) -> str:
        """The address as it was written."""
        return self._address.name

    @property
    def provider(self) -> str | None:
        """The provider that the address names."""
        return self._address.provider

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Return the endpoint's answer; one with a schema without the code fence around it."""
        if request.schema is None:
            return await self._ask(request)
        answer = await self._ask_with_schema(request)
        return replace(answer, text=_out_of_its_fence(answer.text))

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelAnswer, None]:
        """Yield the endpoint's deltas, and the answer at the end.

        In one piece comes what it refuses to stream, and what fits a schema that it only takes in words.
        """
        if request.schema is None or self._takes_schema:
            try:
                async with aclosing(self._pieces(request)) as pieces:
                    async for piece in pieces:
                        yield piece
            except FormRefused:
                pass  # it comes with the answer to the question, before any piece
            else:
                return
        answer = await self.complete(request)
        for delta in deltas_of(answer):
            yield delta
        yield answer

    async def is_listed(self) -> bool:
        """Return whether the endpoint lists this model; the request is free of charge.

        Raises:
            ModelUnavailable: no answer.
            ModelRefused: the key is not accepted.
        """
        openai = await asyncio.to_thread(importlib.import_module, "openai")
        client = self._connected().with_options(timeout=LISTING_SECONDS, max_retries=0)
        try:
            listed = await client.models.list()
        except openai.NotFoundError:
            return False  # it has no such list, and answers
        except openai.OpenAIError as error:
            raise translated(error, self._address) from error
        names = {str(getattr(model, "id", "")).removeprefix("models/") for model in getattr(listed, "data", None) or ()}
        return self._address.model in names

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _ask_with_schema(self, request: ModelRequest) -> ModelAnswer:
        if not self._takes_schema:
            return await self._ask(with_schema_in_words(request))
        try:
            return await self._ask(request)
        except FormRefused as first:
            try:
                answer = await self._ask(with_schema_in_words(request))
            except FormRefused:
                raise first from None  # so the schema was not the reason
        self._takes_schema = False
        return answer

    async def _ask(self, request: ModelRequest) -> ModelAnswer:
        openai = await asyncio.to_thread(importlib.import_module, "openai")
        started = time.monotonic_ns()
        try:
            completion = await self._connected().chat.completions.create(**self._form(request))
        except openai.OpenAIError as error:
            raise translated(error, self._address) from error
        return self._answer(completion, latency_ns=time.monotonic_ns() - started)

    async def _pieces(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelAnswer, None]:
        openai = await asyncio.to_thread(importlib.import_module, "openai")
        started = time.monotonic_ns()
        gathered = GatheredAnswer(model=self._address.model)
        try:
            stream = await self._connected().chat.completions.create(
                **self._form(request), stream=True, stream_options={"include_usage": True}
            )
            async with stream:
                async for chunk in stream:
                    for delta in gathered.take(chunk):
                        yield delta
        except openai.OpenAIError as error:
            raise translated(error, self._address) from error
        except ValueError as error:  # a piece that is no JSON
            raise self._no_choices(str(error)) from error
        self._check_whole(gathered)
        yield gathered.answer(latency_ns=time.monotonic_ns() - started)

    def _form(self, request: ModelRequest) -> dict[str, Any]:
        return {
            "model": self._address.model,
            "messages": [message_json(message) for message in request.messages],
            "extra_body": parameters(request, limit_field=self._address.limit_field),
        }

    def _connected(self) -> "AsyncOpenAI":
        from openai import AsyncOpenAI

        from titan.llm.bounded import BoundedClient

        if self._client is None:
            self._client = AsyncOpenAI(
                base_url=self._address.base_url,
                api_key=self._key or _NO_KEY,
                timeout=self._timeout_seconds,
                max_retries=self._max_retries,
                http_client=BoundedClient(seconds=self._timeout_seconds),
            )
        return self._client

    def _answer(self, completion: "ChatCompletion", *, latency_ns: int) -> ModelAnswer:
        # The package does not validate: another kind of endpoint gives a str, or an object without choices.
        choices = getattr(completion, "choices", None)
        if not choices:
            raise self._no_choices(str(completion))
        message = choices[0].message
        if message.refusal:
            raise self._refusal(message.refusal)
        return answer_of(
            message,
            finish_reason=choices[0].finish_reason,
            model=completion.model or self._address.model,
            usage=completion.usage,
            latency_ns=latency_ns,
        )

    def _check_whole(self, gathered: GatheredAnswer) -> None:
        if gathered.refusal:
            raise self._refusal(gathered.refusal)
        if gathered.finish_reason is not None:
            return
        if not gathered.text and not gathered.calls:
            raise self._no_choices("an empty stream")
        raise ModelUnavailable(
            f"model {self._address.name!r}",
            expected="a stream that says why it ends",
            found=f"its end after {len(gathered.text)} characters",
            next_step="Ask again.",
        )

    def _no_choices(self, found: str) -> ModelRefused:
        return refused(
            self._address,
            found=f"no choices in {found[:200]!r}",
            next_step=f"Check that {self._address.base_url} is an OpenAI-compatible endpoint.",
        )

    def _refusal(self, said: str) -> ModelRefused:
        return refused(self._address, found=f"a refusal: {said}", next_step="Rephrase it.")


def _out_of_its_fence(text: str) -> str:
    fenced = _FENCED.fullmatch(text)
    return fenced[1] if fenced else text
