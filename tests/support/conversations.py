"""Builders for what is said to a model."""

from collections.abc import Mapping

from titan.model.language import Message, ModelRequest, Role


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
