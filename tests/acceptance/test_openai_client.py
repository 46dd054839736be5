"""The openai package, as anybody uses it, against Titan's model endpoint."""

import json
from collections.abc import Iterator

import openai
import pytest

from tests.support.running_titan import running_titan

ANSWERS = [
    {"contains": "sky", "answer": "blue", "repeat": True},
    {"contains": "away", "error": "ModelUnavailable", "repeat": True},
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    folder = tmp_path_factory.mktemp("endpoint")
    script = folder / "answers.json"
    script.write_text(json.dumps(ANSWERS))
    with running_titan(folder / "home", model=f"scripted:{script}") as titan:
        url = f"http://127.0.0.1:{titan.sdk_port}/v1"
        with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as connected:
            yield connected


def test_a_chat_completion_comes_with_its_tokens(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(
        model="default", messages=[{"role": "user", "content": "Which colour has the sky?"}]
    )

    assert completion.choices[0].message.content == "blue"
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (5, 1)


def test_the_model_is_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["scripted:answers.json"]


def test_a_stream_is_refused_in_words_the_package_shows(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="expected no 'stream'") as refused:
        client.chat.completions.create(
            model="default", messages=[{"role": "user", "content": "Which colour has the sky?"}], stream=True
        )

    assert (refused.value.code, refused.value.type) == ("NotSupported", "NotSupported")


def test_a_model_that_is_away_is_an_error_the_package_would_retry(client: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as failed:
        client.chat.completions.create(model="default", messages=[{"role": "user", "content": "Are you away?"}])

    assert (failed.value.status_code, failed.value.code) == (503, "ModelUnavailable")
