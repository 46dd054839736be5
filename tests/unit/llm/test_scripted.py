"""Prepared answers."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.support.conversations import a_request
from titan.llm.scripted import ScriptedAnswer, ScriptedModel, read_script
from titan.model.errors import ModelNotConfigured, ModelRefused, ModelUnavailable


def ask(model: ScriptedModel, *questions: str) -> list[str]:
    """Return the texts of the answers to each question in turn."""
    return [asyncio.run(model.complete(a_request(question))).text for question in questions]


def test_answers_are_given_in_their_order() -> None:
    model = ScriptedModel([ScriptedAnswer(text="first"), ScriptedAnswer(text="second")])

    assert ask(model, "a", "b") == ["first", "second"]


def test_an_answer_may_wait_for_the_conversation_that_holds_its_words() -> None:
    model = ScriptedModel([ScriptedAnswer(text="blue", contains=("sky",)), ScriptedAnswer(text="green")])

    assert ask(model, "the grass?", "the sky?") == ["green", "blue"]


def test_all_words_must_stand_in_the_conversation() -> None:
    model = ScriptedModel([ScriptedAnswer(text="red", contains=("sky", "evening")), ScriptedAnswer(text="blue")])

    assert ask(model, "the sky?", "the sky in the evening?") == ["blue", "red"]


def test_a_repeated_answer_is_given_again_and_again() -> None:
    model = ScriptedModel([ScriptedAnswer(text="blue", repeat=True)])

    assert ask(model, "a", "b", "c") == ["blue", "blue", "blue"]


def test_a_conversation_that_nothing_matches_is_refused() -> None:
    model = ScriptedModel([ScriptedAnswer(text="blue", contains=("sky",))])

    with pytest.raises(ModelRefused, match="a conversation that one of its 1 answers left matches"):
        ask(model, "the grass?")


def test_a_script_may_hold_errors() -> None:
    model = ScriptedModel([ScriptedAnswer(error=ModelUnavailable), ScriptedAnswer(text="here again")])

    with pytest.raises(ModelUnavailable):
        ask(model, "a")
    assert ask(model, "b") == ["here again"]


def test_a_file_holds_texts_and_rules(tmp_path: Path) -> None:
    file = tmp_path / "answers.json"
    rule = {"contains": "plan", "answer": {"subtopics": ["Größe"]}, "repeat": True}
    file.write_text(json.dumps(["plain", rule, {"contains": ["a", "b"], "error": "ModelRefused"}]), encoding="utf-8")

    assert read_script(file) == [
        ScriptedAnswer(text="plain"),
        ScriptedAnswer(text='{"subtopics": ["Größe"]}', contains=("plan",), repeat=True),
        ScriptedAnswer(error=ModelRefused, contains=("a", "b")),
    ]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("{", "Expecting property name"),
        ('{"answer": "x"}', "a JSON dict"),
        ('["fine", 7]', "entry 2: 7"),
        ('[{"contains": "x"}]', 'entry 1: {"contains": "x"}'),
        ('[{"answer": "x", "error": "ModelRefused"}]', "entry 1"),
        ('[{"answer": "x", "once": true}]', "entry 1"),
        ('[{"error": "SystemExit"}]', "the error 'SystemExit'"),
    ],
)
def test_a_file_of_another_form_is_refused_and_says_where(tmp_path: Path, content: str, found: str) -> None:
    file = tmp_path / "answers.json"
    file.write_text(content)

    with pytest.raises(ModelNotConfigured) as refused:
        read_script(file)

    assert found in refused.value.found


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelNotConfigured, match=r"missing\.json"):
        read_script(tmp_path / "missing.json")
