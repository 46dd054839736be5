"""What every LanguageModel promises, on a script, on an OpenAI-compatible endpoint, and on the local model."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, contextmanager
from typing import TypeAlias

import pytest

from tests.support.conversations import a_request, pieces_of
from tests.support.fake_endpoint import a_completion, a_stream, fake_endpoint
from titan.llm.addresses import EndpointAddress
from titan.llm.local import LocalModel, find_model_file
from titan.llm.openai_compatible import OpenAICompatibleModel
from titan.llm.scripted import ScriptedAnswer, ScriptedModel
from titan.model.language import FinishReason, ModelAnswer, ModelRequest, TextDelta
from titan.ports.runtime import LanguageModel

ModelMaker: TypeAlias = Callable[[], AbstractAsyncContextManager[LanguageModel]]

QUESTION = "Name a colour."
SCHEMA = {
    "type": "object",
    "properties": {"colour": {"type": "string", "maxLength": 20}},
    "required": ["colour"],
    "additionalProperties": False,
}
ANSWER = '{"colour": "blue"}'


@contextmanager
def scripted() -> Iterator[LanguageModel]:
    yield ScriptedModel([ScriptedAnswer(text=ANSWER, repeat=True)])


@contextmanager
def endpoint() -> Iterator[LanguageModel]:
    with fake_endpoint() as fake:
        fake.answers_streams_with = a_stream({"content": ANSWER[:5]}, {"content": ANSWER[5:]})
        fake.replies.extend(a_completion(ANSWER) for _ in range(10))
        yield OpenAICompatibleModel(EndpointAddress(name="fake", base_url=fake.url, model="painter-1"), key=None)


@contextmanager
def local() -> Iterator[LanguageModel]:
    model_file = find_model_file()
    assert model_file is not None
    yield LocalModel(model_file)


MAKERS = {"scripted": scripted, "endpoint": endpoint} | ({} if find_model_file() is None else {"local": local})


@pytest.fixture(params=sorted(MAKERS))
def opened(request: pytest.FixtureRequest) -> ModelMaker:
    """Return what opens one implementation and closes it again."""

    @asynccontextmanager
    async def open_and_close() -> AsyncIterator[LanguageModel]:
        with MAKERS[request.param]() as model:
            try:
                yield model
            finally:
                await model.close()

    return open_and_close


def complete(opened: ModelMaker, *, count: int = 1) -> list[ModelAnswer]:
    """Ask the same question so often, all at once."""

    async def ask() -> list[ModelAnswer]:
        async with opened() as model:
            request = a_request(QUESTION, schema=SCHEMA, temperature=0.0, max_tokens=40)
            return await asyncio.gather(*(model.complete(request) for _ in range(count)))

    return asyncio.run(ask())


def test_an_answer_comes_with_model_tokens_time_and_reason(opened: ModelMaker) -> None:
    (answer,) = complete(opened)

    assert answer.model
    assert answer.prompt_tokens is not None
    assert answer.prompt_tokens >= 3
    assert answer.completion_tokens is not None
    assert answer.completion_tokens >= 1
    assert answer.latency_ns > 0
    assert answer.finish_reason is FinishReason.STOP


def test_a_schema_bound_answer_fits_its_schema(opened: ModelMaker) -> None:
    (answer,) = complete(opened)

    value = json.loads(answer.text)
    assert list(value) == ["colour"]
    assert isinstance(value["colour"], str)


def test_calls_may_overlap_and_at_temperature_zero_they_agree(opened: ModelMaker) -> None:
    answers = complete(opened, count=3)

    assert len({answer.text for answer in answers}) == 1


def test_a_cancelled_call_is_gone_and_the_next_is_answered(opened: ModelMaker) -> None:
    async def cancel_one_of_two() -> ModelAnswer:
        async with opened() as model:
            abandoned = asyncio.create_task(model.complete(a_request(QUESTION)))
            await asyncio.sleep(0)
            abandoned.cancel()
            await asyncio.gather(abandoned, return_exceptions=True)
            return await model.complete(a_request(QUESTION, schema=SCHEMA))

    assert asyncio.run(cancel_one_of_two()).text


def a_colour() -> ModelRequest:
    """Return the question of these tests."""
    return a_request(QUESTION, schema=SCHEMA, temperature=0.0, max_tokens=40)


def test_a_stream_says_the_answer_in_pieces_and_ends_with_the_whole(opened: ModelMaker) -> None:
    async def listen() -> tuple[list[object], ModelAnswer]:
        async with opened() as model:
            *said, answer = await pieces_of(model, a_colour())
            assert isinstance(answer, ModelAnswer)
            return list(said), answer

    said, answer = asyncio.run(listen())

    assert len(said) > 1
    assert "".join(piece.text for piece in said if isinstance(piece, TextDelta)) == answer.text
    assert list(json.loads(answer.text)) == ["colour"]
    assert answer.completion_tokens is not None
    assert answer.finish_reason is FinishReason.STOP
    assert answer.latency_ns > 0


def test_a_stream_that_is_closed_early_leaves_the_model_to_the_next(opened: ModelMaker) -> None:
    async def read_one_piece_of_two_streams() -> list[bool]:
        async with opened() as model:
            heard = []
            for _ in range(2):
                async with aclosing(model.stream(a_colour())) as pieces:
                    heard.append(isinstance(await anext(pieces), TextDelta))
            return heard

    assert asyncio.run(read_one_piece_of_two_streams()) == [True, True]


def test_it_has_a_name(opened: ModelMaker) -> None:
    async def name() -> str:
        async with opened() as model:
            return model.name

    assert asyncio.run(name())


def test_it_may_be_closed_without_use_and_twice(opened: ModelMaker) -> None:
    async def close_twice() -> None:
        async with opened() as model:
            await model.close()

    asyncio.run(close_twice())
