"""Prepared answers."""

import asyncio
import json
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.conversations import a_request, streamed
from titan.llm.scripted import ScriptedAnswer, ScriptedCall, ScriptedModel, read_script
from titan.model.errors import ModelNotConfigured, ModelRefused, ModelUnavailable
from titan.model.language import (
    FinishReason,
    ModelAnswer,
    ModelDelta,
    MustCall,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
    ToolUse,
)

LOOK, LISTEN = Tool(name="look"), Tool(name="listen")


def ask(model: ScriptedModel, *questions: str) -> list[str]:
    """Return the texts of the answers to each question in turn."""
    return [asyncio.run(model.complete(a_request(question))).text for question in questions]


def test_answers_are_given_in_their_order() -> None:
    model = ScriptedModel([ScriptedAnswer(text="first"), ScriptedAnswer(text="second")])

    assert ask(model, "a", "b") == ["first", "second"]


def test_an_answer_may_wait_for_the_conversation_that_holds_its_words() -> None:
    model = ScriptedModel([ScriptedAnswer(text="blue", contains=("sky",)), ScriptedAnswer(text="green")])

    assert ask(model, "the grass?", "the sky?") == ["green", "blue"]


def test_all_words_must_be_in_the_conversation() -> None:
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


def test_tools_are_called_by_the_script_with_ids_of_their_own() -> None:
    calls = (ScriptedCall(name="look", arguments='{"at": "sky"}'), ScriptedCall(name="look"))
    model = ScriptedModel([ScriptedAnswer(text="I look.", tool_calls=calls)])

    answer = asyncio.run(model.complete(replace(a_request(), tools=(LOOK,))))

    assert (answer.text, answer.finish_reason) == ("I look.", FinishReason.TOOL_CALLS)
    assert answer.tool_calls == (
        ToolCall(id="call_1", name="look", arguments='{"at": "sky"}'),
        ToolCall(id="call_2", name="look", arguments="{}"),
    )


@pytest.mark.parametrize(
    ("tools", "choice"), [((), None), ((LOOK,), ToolUse.NONE), ((LOOK, LISTEN), MustCall(name="listen"))]
)
def test_a_tool_that_may_not_be_called_is_refused(tools: tuple[Tool, ...], choice: ToolChoice | None) -> None:
    model = ScriptedModel([ScriptedAnswer(tool_calls=(ScriptedCall(name="look"),))])

    with pytest.raises(ModelRefused, match="tool 'look' among those it is offered and may call"):
        asyncio.run(model.complete(replace(a_request(), tools=tools, tool_choice=choice)))


def test_a_stream_says_word_by_word_and_ends_with_the_whole_answer() -> None:
    calls = (ScriptedCall(name="look", arguments="{}"),)
    model = ScriptedModel([ScriptedAnswer(text="I  look.\n", tool_calls=calls)])

    *pieces, answer = streamed(model, replace(a_request(), tools=(LOOK,)))

    assert pieces == [
        TextDelta(text="I"),
        TextDelta(text="  look."),
        TextDelta(text="\n"),
        ToolCallDelta(index=0, id="call_1", name="look", arguments="{"),
        ToolCallDelta(index=0, arguments="}"),
    ]
    assert isinstance(answer, ModelAnswer)
    assert (answer.text, answer.completion_tokens) == ("I  look.\n", 4)


def test_a_stream_may_break_off() -> None:
    model = ScriptedModel([ScriptedAnswer(text="The sky", error=ModelUnavailable)])
    heard: list[ModelDelta | ModelAnswer] = []

    async def listen() -> None:
        async with aclosing(model.stream(a_request())) as pieces:
            async for piece in pieces:
                heard.append(piece)

    with pytest.raises(ModelUnavailable):
        asyncio.run(listen())
    assert heard == [TextDelta(text="The"), TextDelta(text=" sky")]


def test_calls_of_a_file_have_arguments_as_json_or_as_raw_text(tmp_path: Path) -> None:
    file = tmp_path / "answers.json"
    calls = [{"name": "f", "arguments": {"a": 1}}, {"name": "f", "arguments": "{broken"}, {"name": "f"}]
    file.write_text(json.dumps([{"tool_calls": calls, "answer": "Hm."}]))

    (answer,) = read_script(file)

    assert [call.arguments for call in answer.tool_calls] == ['{"a": 1}', "{broken", "{}"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("{", "Expecting property name"),
        ('{"answer": "x"}', "a JSON dict"),
        ('["fine", 7]', "entry 2: 7"),
        ('[{"contains": "x"}]', 'entry 1: {"contains": "x"}'),
        ('[{"tool_calls": {"name": "f"}}]', "entry 1: tool_calls that are no list"),
        ('[{"tool_calls": ["f"]}]', 'entry 1: the tool call "f"'),
        ('[{"tool_calls": [{"arguments": {}}]}]', "entry 1: the tool call"),
        ('[{"tool_calls": [{"name": "f", "args": {}}]}]', "entry 1: the tool call"),
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
