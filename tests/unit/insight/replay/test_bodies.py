"""When two recorded inputs or outputs are equal, and how they read in few words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from titan.insight.replay.recorded_action import (
    LONGEST_PREVIEW,
    MOST_HELD,
    BodyDifference,
    Remark,
    body_of,
    difference,
    input_preview,
    output_preview,
)
from titan_sdk.tape import encode

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def between(original: str, replay: str) -> BodyDifference:
    return difference(body_of(original), body_of(replay))


def test_the_order_of_dicts_does_not_count_that_of_lists_does() -> None:
    assert between('{"a":1,"b":[1,2]}', '{"b": [1, 2], "a": 1}') == BodyDifference()
    assert between('{"b":[1,2]}', '{"b":[2,1]}').path == "$.b[0]"


@pytest.mark.parametrize(
    ("original", "replay", "path"),
    [
        ('{"prompt":"Hello"}', '{"prompt":"Hi"}', "$.prompt"),
        ('{"a":[{"x y":1}]}', '{"a":[{"x y":2}]}', '$.a[0]["x y"]'),
        ('{"a":1}', '{"a":1,"b":2}', "$.b"),
        ("[1]", "[1,2]", "$[1]"),
        ("1", "1.0", "$"),
        ("1", "true", "$"),
        ("[]", "{}", "$"),
        ('{"b":1,"a":1}', '{"b":2,"a":2}', "$.a"),
        ("0.1", "0.2", "$"),
    ],
)
def test_a_difference_is_named_by_its_path(original: str, replay: str, path: str) -> None:
    assert between(original, replay).path == path


def test_the_order_of_sets_does_not_count() -> None:
    assert between('{"a":{"$set":[1,2]},"b":0.5}', '{"a":{"$set":[2,1]},"b":0.6}').path == "$.b"


def test_floats_that_are_nearly_equal_are_noted_as_drift() -> None:
    assert between('{"a":0.30000000000000004}', '{"a":0.3}') == BodyDifference(remarks=frozenset({Remark.FLOAT_DRIFT}))


def test_a_redacted_part_is_no_difference_from_any_value() -> None:
    noted = BodyDifference(remarks=frozenset({Remark.REDACTED}))

    assert between('{"key":"[redacted:aws_key]"}', '{"key":["AKIA"]}') == noted
    assert between('"sent AKIA1 twice: AKIA1"', '"sent [redacted:aws_key] twice: [redacted:aws_key]"') == noted


@pytest.mark.parametrize("other", ['"say x then y"', '"sent x then z"', '"sent x but y"', '"sent  theny"', "7"])
def test_text_around_a_redacted_part_is_compared(other: str) -> None:
    assert between('"sent [redacted:a] then [redacted:a]y"', other).path == "$"


def test_a_body_recorded_on_one_side_alone_is_unknown() -> None:
    assert difference(body_of("1"), None).is_unknown
    assert difference(None, None) == BodyDifference()


def test_long_bodies_are_compared_by_digest() -> None:
    long = f'"{"x" * MOST_HELD}"'

    assert between(long, f" {long}") == BodyDifference()
    assert between(long, long.replace("x", "y", 1)).path == "$"
    assert len(body_of(long).text) == MOST_HELD


def test_a_value_nested_too_deep_to_be_read_is_compared_as_text() -> None:
    deep = "[" * 100_000 + "]" * 100_000

    assert between(deep, deep) == BodyDifference()
    assert between(deep, f" {deep}").path == "$"


@given(values)
def test_a_value_equals_itself(value: object) -> None:
    text = encode(value).decode()

    assert between(text, text) == BodyDifference()


@given(values, values)
def test_two_values_differ_alike_from_both_sides(one: object, other: object) -> None:
    text, other_text = encode(one).decode(), encode(other).decode()

    assert between(text, other_text) == between(other_text, text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"prompt":"Hello"}', '"Hello"'),
        ('{"args":["Hello"],"kwargs":{}}', '"Hello"'),
        ('{"args":[],"kwargs":{"prompt":"Hello"}}', '"Hello"'),
        ('{"args":[1],"kwargs":{"a":2}}', '{"args": [1], "kwargs": {"a": 2}}'),
        ('{"args":[],"kwargs":{}}', None),
        ("{}", None),
        ("[]", "[]"),
        ('{"$tuple":[1,2]}', '{"$tuple": [1, 2]}'),
        ('{"a":1,"b":2}', '{"a": 1, "b": 2}'),
        ("[7]", "7"),
    ],
)
def test_inputs_are_shown_as_the_arguments_of_a_call(text: str, shown: str | None) -> None:
    assert input_preview(body_of(text)) == shown


def test_outputs_read_as_they_are_and_long_ones_are_cut() -> None:
    assert output_preview(body_of('["a"]')) == '["a"]'
    assert output_preview(body_of(f'"{"x" * 500}"')) == f'"{"x" * (LONGEST_PREVIEW - 1)}…'
    assert (output_preview(body_of(f'"{"x" * MOST_HELD}"')) or "").startswith('"\\"xxx')
    assert output_preview(None) is None
    assert input_preview(None) is None
