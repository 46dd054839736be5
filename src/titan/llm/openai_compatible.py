"""A model at an endpoint that speaks OpenAI's chat completions: a provider's, Ollama's, our own child's."""

import asyncio
import importlib
import re
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from titan.llm.addresses import EndpointAddress
from titan.llm.endpoint_errors import FormRefused, refused, translated
from titan.llm.openai_words import GatheredAnswer, answer_of, message_json, parameters, with_schema_in_words
from titan.model.errors import ModelRefused, ModelUnavailable
from titan.model.language import ModelAnswer, ModelDelta, ModelRequest, deltas_of

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

    @property
    def provider(self) -> str | None:
        """The provider that the address names."""
        return self._address.provider

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Return the endpoint's answer; a schema-bound one is taken out of its code fence, if it has one."""
        if request.schema is None:
            return await self._ask(request)
        answer = await self._ask_with_schema(request)
        return replace(answer, text=_out_of_its_fence(answer.text))

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelAnswer, None]:
        """Yield the endpoint's pieces as they come.

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
