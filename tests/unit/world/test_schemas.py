"""Schemas of tools stand alone, and checking a value by them costs little."""

import json
from typing import Any

import pytest

from tests.unit.world.a_shop import a_world
from titan.world.ledger import seeded
from titan.world.schemas import Schema, SchemaRefused
from titan.world.simulation import Call, Environment, State, drive


def nested(levels: int, around: Any, innermost: Any) -> Any:
    for _ in range(levels):
        innermost = around(innermost)
    return innermost


def doubling(levels: int) -> dict[str, Any]:
    names = {f"d{at}": {"allOf": [{"$ref": f"#/$defs/d{at + 1}"}] * 2} for at in range(levels)}
    return {"$defs": {**names, f"d{levels}": {"type": "object"}}, "$ref": "#/$defs/d0"}


TREE = {
    "$defs": {"node": {"properties": {"left": {"$ref": "#/$defs/node"}, "right": {"$ref": "#/$defs/node"}}}},
    "$ref": "#/$defs/node",
}
TWICE = {
    "$defs": {
        "node": {
            "properties": {"c": {"$ref": "#/$defs/node"}},
            "allOf": [{"properties": {"c": {"$ref": "#/$defs/node"}}}],
        }
    },
    "$ref": "#/$defs/node",
}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"properties": {"a": {"$ref": "http://127.0.0.1:1/x"}}}, "expected #/…"),
        ({"properties": {"a": {"$ref": "https://example.com/x#/y"}}}, "expected #/…"),
        ({"properties": {"a": {"$ref": "file:///etc/hostname"}}}, "expected #/…"),
        ({"properties": {"a": {"$ref": "other.json"}}}, "expected #/…"),
        ({"properties": {"a": {"$dynamicRef": "http://127.0.0.1:1/x"}}}, "expected #/…"),
        ({"$id": "http://127.0.0.1:1/a", "properties": {"a": {"$ref": "b"}}}, "expected #/…"),
        ({"$schema": "http://127.0.0.1:1/x"}, "meta-schema"),
        (doubling(28), "sub-schemas"),
        (nested(40, lambda inner: {"if": inner, "then": {}, "unevaluatedProperties": False}, {}), "sub-schemas"),
        (nested(3000, lambda inner: {"properties": {"a": inner}}, {}), "nested"),
        ({"$ref": "#"}, "leads back to itself"),
        ({"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"}, "leads back to itself"),
        ({"properties": {"a": {"pattern": r"(a)\1"}}}, "regex"),
        ({"properties": {"a": {"pattern": "(.{1,1000}){1,5}x"}}}, "regex"),
        ({"type": "obj"}, "obj"),
        ({"enum": list(range(100_000))}, "sub-schemas"),
        ({"allOf": [{"properties": {f"p{at}": {} for at in range(100)}} for _ in range(3000)]}, "sub-schemas"),
    ],
)
def test_a_schema_that_leaves_its_document_or_costs_too_much_is_refused(schema: Any, words: str) -> None:
    with pytest.raises(SchemaRefused, match=words):
        Schema(schema)


@pytest.mark.parametrize(
    ("schema", "value", "place"),
    [
        ({"$defs": {"n": {"type": "object"}}, "properties": {"a": {"$ref": "#/$defs/n"}}}, {"a": 1}, "a"),
        ({"$defs": {"n": {"$anchor": "n", "type": "object"}}, "properties": {"a": {"$ref": "#n"}}}, {"a": 1}, "a"),
        (
            {"$id": "http://a.example/a", "$defs": {"n": {"$id": "b", "type": "object"}}, "items": {"$ref": "b"}},
            [1],
            "0",
        ),
        (
            {
                "$defs": {"i": {"$id": "http://a.example/i", "$defs": {"n": {"type": "number"}}, "$ref": "#/$defs/n"}},
                "properties": {"a": {"$ref": "http://a.example/i"}},
            },
            {"a": "text"},
            "a",
        ),
        ({"properties": {"a b/c": {"type": "string"}, "d": {"$ref": "#/properties/a%20b~1c"}}}, {"d": 1}, "d"),
        ({"properties": {"a": {"pattern": "^(a+)+$"}}}, {"a": "a" * 100_000 + "!"}, "a"),
        (TREE, nested(90, lambda inner: {"left": inner, "right": {}}, {"left": {}}), None),
        (doubling(8), {}, None),
    ],
)
def test_a_schema_may_refer_to_its_own_parts(schema: Any, value: Any, place: str | None) -> None:
    fault = Schema(schema).fault(value)

    assert (None if fault is None else fault[0]) == place


@pytest.mark.parametrize("depth", [20, 90, 900])
def test_a_value_that_a_schema_checks_again_and_again_is_refused_before_it_is(depth: int) -> None:
    fault = Schema(TWICE).fault(nested(depth, lambda inner: {"c": inner}, {}))

    assert fault is not None
    assert "expected at most" in fault[1]


@pytest.mark.timeout(60)  # 20,000 such integers took half an hour
@pytest.mark.parametrize("digits", [20, 300])
def test_numbers_that_take_long_to_compare_or_divide_are_checked_only_while_they_are_few(digits: int) -> None:
    schema = Schema({"properties": {"a": {"uniqueItems": True}}})

    few = schema.fault({"a": [10**digits, 10**digits + 1, 10**digits]})
    many = schema.fault({"a": [10**digits + at for at in range(20_000)]})

    assert few is not None
    assert "non-unique" in few[1]
    assert many is not None
    assert "expected at most" in many[1]
    far = Schema({"items": {"multipleOf": 1e-300}})  # exact division: it took half a minute
    assert "expected at most" in str(far.fault([1e300] * 240_000))
    assert far.fault([1e300] * 1000) is None
    assert schema.fault({"a": [10**18 + at for at in range(20_000)]}) is None
    assert Schema({"items": {"type": "integer"}}).fault([10**20 + at for at in range(20_000)]) is None


def test_a_tool_with_an_invalid_schema_of_an_earlier_version_answers_with_its_error() -> None:
    tool = {"name": "note", "input_schema": {"properties": {"a": {"$ref": "file:///etc/hostname"}}}}
    environment = Environment(a_world(tools=[tool]))

    answer = drive(
        environment.answer(Call(sequence=0, tool="note", args={"a": 1}), State(ledger=seeded(a_world().initial_state))),
        lambda _ask: None,
    )

    assert "file:///etc/hostname" in json.dumps(answer.response)
    assert answer.response["error"]["code"] == "invalid_arguments"
