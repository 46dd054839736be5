"""Asking the model: what fits comes back, what does not is sent back with the reason."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

import titan_sdk
from tests.support.fake_titan import FakeTitan, fake_titan
from tests.support.heard import recorded_locally
from titan_sdk import TitanClient, model
from titan_sdk.errors import InvalidInput, ModelUnavailable, NotSupported, UnusableAnswer

TOPICS = {"type": "array", "items": {"type": "string", "maxLength": 20}, "maxItems": 3}


@pytest.fixture
def fake() -> Iterator[FakeTitan]:
    with fake_titan() as running:
        yield running


@pytest.fixture
def client(fake: FakeTitan) -> TitanClient:
    return TitanClient("127.0.0.1", fake.port, retry_for_seconds=2)


def test_without_a_schema_the_text_comes_back(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.append("LoRA adds two small matrices.")

    answer = model.ask("What is LoRA?", system="Be brief.", max_tokens=50, client=client)

    assert answer == "LoRA adds two small matrices."
    assert fake.received[0].json == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is LoRA?"},
        ],
        "max_tokens": 50,
        "temperature": 0.0,
    }


def test_outside_of_a_run_the_token_alone_says_where_a_call_belongs(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.append("blue")

    model.ask("Sky?", client=client)

    assert not [name for name in fake.received[0].headers if name.startswith("x-titan-")]


def test_a_call_is_in_the_current_run_below_the_current_action(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.extend(["blue", "green"])

    with recorded_locally(), titan_sdk.run(agent_id="painter", run_id="r-1"):
        model.ask("Sky?", client=client)
        with titan_sdk.action("look") as look:
            model.ask("Grass?", client=client)

    asked = [one.headers for one in fake.received if one.path == "/v1/chat/completions"]
    assert [one.get("x-titan-parent-id") for one in asked] == [None, look.id]
    assert {(one["x-titan-run-id"], one["x-titan-agent-id"]) for one in asked} == {("r-1", "painter")}


def test_a_run_whose_name_no_header_can_carry_is_left_to_the_token(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.append("blue")

    with recorded_locally(), titan_sdk.run(agent_id="Mälzer", run_id="r-1"):
        model.ask("Sky?", client=client)

    assert "x-titan-run-id" not in fake.received[0].headers


def test_with_a_schema_the_value_comes_back(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.append('["Latency", "Cost"]')

    assert model.ask("Split.", TOPICS, client=client) == ["Latency", "Cost"]

    assert fake.received[0].json["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": TOPICS},
    }


@pytest.mark.parametrize(
    "text",
    ['```json\n["Latency"]\n```', 'Sure! ["Latency"] Anything else?', 'Here:\n```\n["Latency"]\n```\nDone.'],
)
def test_json_is_found_within_text_of_a_model(client: TitanClient, fake: FakeTitan, text: str) -> None:
    fake.model_answers.append(text)

    assert model.ask("Split.", TOPICS, client=client) == ["Latency"]


def test_an_invalid_answer_is_sent_back_with_its_problems(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.extend(["no idea", '["a", 2]', '["a", "b"]'])

    answer = model.ask_with_usage("Split.", TOPICS, client=client)

    _, second, third = (request.json["messages"] for request in fake.received)
    assert (answer.value, answer.attempts, answer.model) == (["a", "b"], 3, "scripted")
    assert (answer.prompt_tokens, answer.completion_tokens) == (30, 15)
    assert [message["role"] for message in second] == ["user", "assistant", "user"]
    assert "it is no JSON" in second[-1]["content"]
    assert "$[1]: expected a string, found the number 2" in third[-1]["content"]
    assert json.dumps(TOPICS) in third[-1]["content"]


def test_a_model_that_never_fits_is_an_error_with_its_last_words(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.extend(["{}", '["' + "x" * 30 + '"]'])

    with pytest.raises(UnusableAnswer, match="at most 20 characters") as caught:
        model.ask("Split.", TOPICS, attempts=2, client=client)

    assert caught.value.text == '["' + "x" * 30 + '"]'


def test_an_empty_text_is_asked_for_again(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.extend(["  ", "Now."])

    assert model.ask("Speak.", client=client) == "Now."


def test_a_model_that_is_away_is_said_to_be_at_once(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.append(503)

    with pytest.raises(ModelUnavailable):
        model.ask("Speak.", client=client)

    assert len(fake.received) == 1


def test_a_schema_that_cannot_be_checked_is_refused_before_the_model_is_asked(
    client: TitanClient, fake: FakeTitan
) -> None:
    with pytest.raises(NotSupported):
        model.ask("Split.", {"oneOf": []}, client=client)

    assert fake.received == []


def test_no_attempts_are_refused(client: TitanClient) -> None:
    with pytest.raises(InvalidInput, match="attempts"):
        model.ask("Speak.", attempts=0, client=client)


def test_a_check_adds_rules_that_a_schema_cannot_express(client: TitanClient, fake: FakeTitan) -> None:
    def repeated(topics: list[str]) -> list[str]:
        return [] if len(set(topics)) == len(topics) else ["two topics are the same"]

    fake.model_answers.extend(['["Cost", "Cost"]', '["Cost", "Latency"]'])

    assert model.ask("Split.", TOPICS, check=repeated, client=client) == ["Cost", "Latency"]

    correction = fake.received[1].json["messages"][-1]["content"]
    assert "- two topics are the same\n" in correction


def test_a_check_is_not_asked_about_a_value_that_does_not_fit(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.extend(['{"no": "list"}', '["Cost"]'])

    answer = model.ask("Split.", TOPICS, check=lambda topics: [] if isinstance(topics, list) else ["?"], client=client)

    assert answer == ["Cost"]
