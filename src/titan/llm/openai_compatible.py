"""A model at an endpoint that speaks OpenAI's chat completions: a provider's, Ollama's, our own child's."""

import asyncio
import importlib
import json
import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from titan.llm.addresses import EndpointAddress
from titan.llm.endpoint_errors import FormRefused, refused, translated
from titan.model.language import FinishReason, Message, ModelAnswer, ModelRequest

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletion

#: For one try; a reasoning model may think for two minutes before its first word.
TIMEOUT_SECONDS: Final = 180.0
#: Of 408, 409, 429, 5xx and broken connections; waits about 0.5, 1, 2, 4 s, or what Retry-After says.
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

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Return the endpoint's answer; a schema-bound one is taken out of its code fence, if it has one."""
        if request.schema is None:
            return await self._ask(request)
        answer = await self._ask_with_schema(request)
        return replace(answer, text=_out_of_its_fence(answer.text))

    async def is_listed(self) -> bool:
        """Return whether the endpoint, asked for the list of its models, names this one; that costs nothing.

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
            return await self._ask(_with_schema_in_words(request))
        try:
            return await self._ask(request)
        except FormRefused as first:
            try:
                answer = await self._ask(_with_schema_in_words(request))
            except FormRefused:
                raise first from None  # so the schema was not the reason
        self._takes_schema = False
        return answer

    async def _ask(self, request: ModelRequest) -> ModelAnswer:
        openai = await asyncio.to_thread(importlib.import_module, "openai")
        started = time.monotonic_ns()
        try:
            completion = await self._connected().chat.completions.create(
                model=self._address.model,
                messages=[{"role": m.role.value, "content": m.content} for m in request.messages],  # type: ignore[misc]  # a TypedDict for each role
                extra_body=_parameters(request, limit_field=self._address.limit_field),
            )
        except openai.OpenAIError as error:
            raise translated(error, self._address) from error
        return self._answer(completion, latency_ns=time.monotonic_ns() - started)

    def _connected(self) -> "AsyncOpenAI":
        from openai import AsyncOpenAI

        if self._client is None:
            self._client = AsyncOpenAI(
                base_url=self._address.base_url,
                api_key=self._key or _NO_KEY,
                timeout=self._timeout_seconds,
                max_retries=self._max_retries,
            )
        return self._client

    def _answer(self, completion: "ChatCompletion", *, latency_ns: int) -> ModelAnswer:
        # The package does not validate: another kind of endpoint gives a str, or an object without choices.
        choices = getattr(completion, "choices", None)
        if not choices:
            raise refused(
                self._address,
                found=f"no choices in {str(completion)[:200]!r}",
                next_step=f"Check that {self._address.base_url} is an OpenAI-compatible endpoint.",
            )
        message = choices[0].message
        if message.refusal:
            raise refused(self._address, found=f"a refusal: {message.refusal}", next_step="Rephrase it.")
        usage = completion.usage
        return ModelAnswer(
            text=message.content or "",
            model=completion.model or self._address.model,
            prompt_tokens=usage.prompt_tokens if usage else None,
            completion_tokens=usage.completion_tokens if usage else None,
            latency_ns=latency_ns,
            finish_reason=_finish_reason(choices[0].finish_reason),
        )


def _parameters(request: ModelRequest, *, limit_field: str) -> dict[str, object]:
    stated = {limit_field: request.max_tokens, "temperature": request.temperature, "seed": request.seed}
    parameters: dict[str, object] = {name: value for name, value in stated.items() if value is not None}
    if request.schema is not None:
        form = {"name": "answer", "schema": dict(request.schema)}
        parameters["response_format"] = {"type": "json_schema", "json_schema": form}
    return parameters


def _with_schema_in_words(request: ModelRequest) -> ModelRequest:
    words = f"Answer with JSON only, no other word, that fits this JSON Schema:\n{json.dumps(request.schema)}"
    last = request.messages[-1]
    asked = Message(role=last.role, content=f"{last.content}\n\n{words}")
    return replace(request, messages=(*request.messages[:-1], asked), schema=None)


def _out_of_its_fence(text: str) -> str:
    fenced = _FENCED.fullmatch(text)
    return fenced[1] if fenced else text


def _finish_reason(stated: str | None) -> FinishReason:
    try:
        return FinishReason(stated or "stop")
    except ValueError:  # endpoints have words of their own: "eos", "end_turn"
        return FinishReason.STOP
