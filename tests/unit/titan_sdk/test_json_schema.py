"""Validation: every keyword, in words that say where and what."""

from __future__ import annotations

import pytest

from titan_sdk.errors import NotSupported
from titan_sdk.model import problems


@pytest.mark.parametrize(
    ("schema", "good", "bad", "problem"),
    [
        ({"type": "string"}, "x", 1, "$: expected a string, found the number 1"),
        ({"type": "integer"}, 2.0, 2.5, "$: expected an integer, found the number 2.5"),
        ({"type": "number"}, 1, True, "$: expected a number, found true"),
        ({"type": "boolean"}, False, 0, "$: expected true or false, found the number 0"),
        ({"type": ["string", "null"]}, None, [], "$: expected a string or null, found the array []"),
        ({"enum": ["A", 1]}, 1, True, '$: expected one of "A", 1; found true'),
        ({"const": "A"}, "A", "B", '$: expected exactly "A", found the string "B"'),
        ({"minLength": 2}, "ab", "a", "$: expected at least 2 characters, found 1"),
        ({"maxLength": 2}, "ab", "abc", "$: expected at most 2 characters, found 3"),
        ({"minItems": 1, "maxItems": 2}, [1], [], "$: expected at least 1 items, found 0"),
        ({"minimum": 0, "maximum": 1}, 0.5, 2, "$: expected at most 1, found 2"),
        (
            {"pattern": "^[A-Z]+$"},
            "AB",
            "ab",
            '$: expected a text that matches the pattern ^[A-Z]+$, found the string "ab"',
        ),
        ({"required": ["gaps"]}, {"gaps": 1}, {}, '$: the property "gaps" is missing'),
        ({"additionalProperties": False}, {}, {"x": 1}, '$: the property "x" is not allowed'),
        (
            {"additionalProperties": {"type": "string"}},
            {"x": "y"},
            {"x": 1},
            "$.x: expected a string, found the number 1",
        ),
        (
            {"properties": {"a": {"items": {"type": "string"}}}},
            {"a": ["x"], "b": 1},
            {"a": ["x", 2]},
            "$.a[1]: expected a string, found the number 2",
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            None,
            1,
            "$: fits none of 2 allowed forms ($: expected a string, found the number 1; or "
            "$: expected null, found the number 1)",
        ),
    ],
)
def test_a_keyword_accepts_valid_values_and_describes_invalid_ones(
    schema: dict[str, object], good: object, bad: object, problem: str
) -> None:
    assert problems(good, schema) == []
    assert problems(bad, schema) == [problem]


def test_all_problems_are_listed_in_the_order_of_the_schema() -> None:
    schema = {
        "type": "object",
        "title": "A decision",
        "properties": {
            "decision": {"enum": ["SYNTHESIZE", "DEEPEN"]},
            "gaps": {"type": "array", "maxItems": 1},
        },
        "required": ["decision", "reason"],
    }

    assert problems({"decision": "MORE", "gaps": ["a", "b"]}, schema) == [
        '$.decision: expected one of "SYNTHESIZE", "DEEPEN"; found the string "MORE"',
        "$.gaps: expected at most 1 items, found 2",
        '$: the property "reason" is missing',
    ]


def test_long_values_are_shortened() -> None:
    (problem,) = problems("x" * 1000, {"type": "null"})

    assert len(problem) < 150


def test_a_keyword_that_would_be_passed_over_is_refused() -> None:
    with pytest.raises(NotSupported, match="oneOf"):
        problems(1, {"oneOf": [{"type": "string"}]})
