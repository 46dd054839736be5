"""What is probably wrong with a world or a task."""

from typing import Any

import msgspec
import pytest

from tests.unit.world.a_shop import DEFINITION, a_world
from titan.world.definition import TaskSeed
from titan.world.lint import seed_warnings, world_warnings


def _tool(**fields: Any) -> dict[str, Any]:
    return {"tools": [{"name": "note", "input_schema": {"type": "object", "properties": {"order_id": {}}}, **fields}]}


def _effect(**fields: Any) -> dict[str, Any]:
    return _tool(effects=[{"op": "update", "entity_type": "order", "id_from": "order_id", **fields}])


def test_the_shop_has_no_warning() -> None:
    assert world_warnings(a_world()) == []


@pytest.mark.parametrize("schema", [{}, {"input_schema": {"type": "object"}}])
def test_a_tool_that_names_no_arguments_takes_any(schema: dict[str, Any]) -> None:
    effect = {"op": "update", "entity_type": "order", "id_from": "order_id", "field_map": {"status": "status"}}
    world = a_world(tools=[{"name": "note", **schema, "effects": [effect]}])

    assert world_warnings(world) == []


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"tools": [*DEFINITION["tools"], DEFINITION["tools"][0]]}, "tools.get_order", "several tools"),
        (_tool(input_schema={"type": "obj"}), "tools.note.input_schema", "no JSON schema"),
        (_tool(mode="passthrough"), "tools.note", "names no endpoint"),
        (
            _tool(bindings=[{"arg": "order_id", "entity_type": "ordr"}]),
            "tools.note.bindings[0]",
            "no declared entity type",
        ),
        (_effect(field_map={"status": "cancelled"}), "tools.note.effects[0]", '{"const": "cancelled"}'),
        (_effect(field_map={"status": "$ordr.status"}), "tools.note.effects[0]", "nothing is named $ordr"),
        (_effect(when={"field": "status"}), "tools.note.effects[0].when", "exactly one"),
        (
            {"initial_state": {"entities": {"order": {"O1": {"total": "3"}}}}},
            "initial_state.order.O1",
            "of type number",
        ),
        (
            {"initial_state": {"entities": {"order": {"O1": {"product_id": "P9"}}}}},
            "initial_state.order.O1",
            "no product",
        ),
    ],
)
def test_a_warning_names_its_place(changes: dict[str, Any], place: str, words: str) -> None:
    found = [one for one in world_warnings(a_world(**changes)) if one.place == place]

    assert found
    assert words in found[0].message


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"trigger": "tool_call"}, "needs a tool"),
        ({"trigger": "tool_call", "tool": "refnd"}, "no tool 'refnd'"),
        ({"trigger": "flag_set"}, "needs match.flag"),
        ({"trigger": "any_tool_call", "match": {"nth": 0}}, "never fires"),
        ({"trigger": "any_tool_call", "match": {"nth": 3, "first": 2}}, "never fires"),
        ({"trigger": "any_tool_call", "match": {"probability": 0}}, "never fires"),
    ],
)
def test_a_rule_that_cannot_fire_is_named(rule: dict[str, Any], words: str) -> None:
    seed = msgspec.convert(
        {"user_instruction": "Cancel it.", "failure_rules": [{**rule, "action": {"type": "error"}}]}, TaskSeed
    )

    assert [one.place for one in seed_warnings(a_world(), seed)] == ["failure_rules[0]"]
    assert words in seed_warnings(a_world(), seed)[0].message


def test_a_persona_does_not_belong_into_the_environments_instructions() -> None:
    seed = TaskSeed(user_instruction=" ", behavior_instructions="You are a customer who is angry.")

    assert [one.place for one in seed_warnings(a_world(), seed)] == ["user_instruction", "behavior_instructions"]
