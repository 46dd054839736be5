"""Builders of model requests and messages."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing

from titan.model.language import Message, ModelAnswer, ModelDelta, ModelRequest, Role
from titan.ports.runtime import LanguageModel


def a_request(
    question: str = "Which colour has the sky?",
    *,
    schema: Mapping[str, object] | None = None,
    max_tokens: int | None = None,
    temperature: float | None = None,
) -> ModelRequest:
    """Return a request of one question."""
    return ModelRequest(
        messages=(Message(role=Role.USER, content=question),),
        schema=schema,
        max_tokens=max_tokens,
        temperature=temperature,
    )


async def pieces_of(model: LanguageModel, request: ModelRequest) -> list[ModelDelta | ModelAnswer]:
    """Return all that a stream yields."""
    async with aclosing(model.stream(request)) as pieces:
        return [piece async for piece in pieces]


def streamed(model: LanguageModel, request: ModelRequest) -> list[ModelDelta | ModelAnswer]:
    """Return all that a stream yields, in an event loop of its own, and close the model."""

    async def listen() -> list[ModelDelta | ModelAnswer]:
        try:
            return await pieces_of(model, request)
        finally:
            await model.close()

    return asyncio.run(listen())
