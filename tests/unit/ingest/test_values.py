"""What foreign clients say stays the text it is, and never passes for something of the tape."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.telemetry import a_span, actions_of
from titan.ingest.values import (
    conversation,
    joined_text,
    json_or_text,
    members_of,
    messages_of,
    object_text,
    parsed,
    payload_of,
    pieces_of,
    text_of,
)
from titan.model.actions import SHARED_MARK, Payload
from titan_sdk import tape


@pytest.mark.parametrize("text", ['{"a": [1, 2.50, "é"]}', '[{"b":null}]', '"text"', ' {"c":1}', '{"a":1,"a":2}'])
def test_json_stays_the_text_it_is(text: str) -> None:
    assert json_or_text(text) == text.strip()


@pytest.mark.parametrize("text", ["", "hello", "42", "true", "{not json}", "[1", "$", '{"a":1} more', "[" * 5000])
def test_text_that_is_no_json_becomes_a_string(text: str) -> None:
    assert json.loads(json_or_text(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        '{"$set":[1]}',
        '{"\\u0024set":[1]}',
        '{ "$shared" : 0 }',
        '[{"$datetime":"x"}]',
        '{"a":{"$bytes":"aGk="}}',
        SHARED_MARK,
        '{"messages":[{"role":"user","content":{"$set":[]}}]}',
    ],
)
def test_nothing_from_elsewhere_passes_for_a_tag_or_the_mark(text: str) -> None:
    payload = payload_of(text)

    assert tape.decode(payload.whole.encode()) == json.loads(text)
    assert payload.text.count(SHARED_MARK) == (1 if payload.shared else 0)


def test_depth_is_cut_before_it_harms_anybody() -> None:
    deep = '{"a":' * 600 + "1" + "}" * 600

    assert len(json_or_text(deep)) < len(deep) + 2000
    assert '"$cut"' in json_or_text(deep)


def test_values_that_python_writes_as_json_keep_their_type() -> None:
    assert json_or_text('{"a": NaN, "b": -Infinity}') == '{"a":{"$float":"nan"},"b":{"$float":"-inf"}}'
    assert json_or_text('["\\ud800"]') == '[{"$str":"\\\\ud800"}]'


@pytest.mark.parametrize(
    "value", [float("nan"), 2**60, b"\x00\xff", ["a", b"b"], {"k": math.inf}, "\ud800", None, True]
)
def test_values_that_json_has_not_are_typed(value: Any) -> None:
    back = tape.decode(object_text({"v": value, "w": 1}).encode())

    assert repr(back) == repr({"v": value, "w": 1})


def test_a_large_text_is_kept_whole() -> None:
    large = json.dumps({"document": "word " * 300_000})

    [action] = actions_of(a_span({"input.value": large}))

    assert action.inputs is not None
    assert action.inputs.text == large


def test_messages_are_separate_alone_and_within_an_object() -> None:
    message = '{"role": "user", "content": "hi"}'

    assert payload_of(f"[{message}]") == Payload(SHARED_MARK, (message,))
    assert payload_of(f'{{"messages": [{message}], "n": 1}}') == Payload(
        f'{{"messages":{SHARED_MARK},"n":1}}', (message,)
    )
    assert payload_of('{"messages": [["user", "hi"]], "content": 1}').shared == ()
    assert conversation([message]).whole == f'{{"messages":[{message}]}}'


@pytest.mark.parametrize("value", ["", "x", "[]", "[1]", '[{"role":1}]', "[", 7, None, {}, [], [{"a": 1}]])
def test_a_value_without_messages_has_none(value: Any) -> None:
    assert messages_of(value) is None


def test_lists_and_objects_are_distinguished_from_other_values() -> None:
    assert pieces_of("[1, [2]]") == ("1", "[2]")
    assert pieces_of([1, "a"]) == ("1", '"a"')
    assert pieces_of("{}") is pieces_of("[1") is pieces_of(7) is None
    assert members_of('{"a": [1]}') == {"a": "[1]"}
    assert members_of({"a": 1}) == {"a": "1"}
    assert members_of("[]") is members_of("{") is members_of(7) is None
    assert (parsed("[1]"), parsed("[1"), parsed("[" * 5000)) == ([1], "[1", "[" * 5000)


def test_one_member_whose_name_begins_as_a_tag_is_none() -> None:
    assert tape.decode(joined_text({"$set": "[1]"}).encode()) == {"$set": [1]}
    assert joined_text({"a": "1", "$b": "2"}) == '{"a":1,"$b":2}'


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["$set", "$shared"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=4) | st.sampled_from(["$set", "role", "content", "messages"]), inner, max_size=3
        )
    ),
    max_leaves=10,
)


@given(JSON)
@settings(max_examples=60)
def test_any_json_comes_back_as_it_was(value: object) -> None:
    text = json.dumps(value)

    if text[0] in '{["':
        assert repr(tape.decode(payload_of(text).whole.encode())) == repr(json.loads(text))
    assert repr(tape.decode(text_of(value).encode())) == repr(value)  # type: ignore[arg-type]  # JSON is


DIALECTS = (
    "gen_ai.input.messages gen_ai.output.messages gen_ai.operation.name gen_ai.prompt gen_ai.prompt.0.content"
    " gen_ai.completion.x llm.input_messages.0.message llm.input_messages.0.message.role input.value output.value"
    " openinference.span.kind langfuse.observation.usage_details langfuse.observation.cost_details events metadata"
    " gen_ai.usage.input_tokens gen_ai.system_instructions gen_ai.tool.definitions session.id tag.tags gen_ai.tool.name"
    " llm.invocation_parameters gen_ai.request.top_p llm.tools.0.tool code.filepath logfire.msg error.type $set"
)
KEYS = st.sampled_from(DIALECTS.split())
TEXTS = st.text(max_size=20).filter(lambda text: text < "\ud800" or text > "\udfff") | JSON.map(json.dumps)
VALUES = st.recursive(
    st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.booleans()
    | st.binary(max_size=5)
    | TEXTS
    | st.sampled_from(["chat", "LLM", "tool", "execute_tool", "invoke_agent"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab$.", max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(KEYS, VALUES, max_size=8))
@settings(max_examples=60)
def test_any_attributes_give_one_action_of_readable_texts(attributes: dict[str, object]) -> None:
    [action] = actions_of(a_span(attributes, events=[("gen_ai.choice", attributes), ("note", attributes)]))

    for text in (action.details, *(payload.whole for payload in (action.inputs, action.outputs) if payload)):
        if text is not None:
            json.loads(text)
            tape.decode(text.encode())
