"""Warn about probable mistakes in worlds and tasks that are valid."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import UNSET

from titan.world.consistency import schema_faults
from titan.world.definition import Comparison, Effect, FailureRule, Mode, TaskSeed, Tool, When, World
from titan.world.ledger import InitialState
from titan.world.schemas import MOST_STEPS, Schema, SchemaRefused

_ARGUMENT: Final = re.compile(r"[A-Za-z_]\w*")
_LONG_INSTRUCTION: Final = 1_500  # characters: longer ones tend to give the goal away
_SCHEMAS: Final = 5  # of the largest size, in a world
_NEEDED: Final[Mapping[str, str]] = {"flag_set": "flag", "entity_state": "entity", "turn": "turn"}


@dataclass(frozen=True, slots=True)
class Remark:
    """A warning and its location."""

    place: str  #: "tools.refund_order.effects[0]"
    message: str


def world_warnings(world: World) -> list[Remark]:
    """Return warnings about a world."""
    found = [*_initial_state("initial_state", world, world.initial_state)]
    names = [tool.name for tool in world.tools]
    for name in sorted({name for name in names if names.count(name) > 1}):
        found.append(Remark(f"tools.{name}", "there are several tools of this name; only the last one answers"))
    for tool in world.tools:
        found += _tool(world, tool)
    return [*found, *unusable_schemas(world)]


def unusable_schemas(world: World) -> Iterator[Remark]:
    """Yield why schemas of tools cannot be used; a workflow with such a tool is not stored."""
    steps = 0
    for tool in world.tools:
        for name, schema in (("input_schema", tool.input_schema), ("output_schema", tool.output_schema or {})):
            try:
                steps += Schema(schema).steps
            except SchemaRefused as refused:
                yield Remark(f"tools.{tool.name}.{name}", f"it is no JSON schema that can be used: {refused}")
                return
            if steps > _SCHEMAS * MOST_STEPS:
                yield Remark(f"tools.{tool.name}.{name}", "the schemas of all tools are too large together")
                return


def seed_warnings(world: World, seed: TaskSeed) -> list[Remark]:
    """Return warnings about a task in a world."""
    found = [*_initial_state("initial_state", world, seed.initial_state)]
    for place, rule in enumerate(seed.failure_rules):
        found += (Remark(f"failure_rules[{place}]", message) for message in _rule(world, rule))
    if not seed.user_instruction.strip():
        found.append(Remark("user_instruction", "it is empty: the agent has nothing to do"))
    if len(seed.user_instruction) > _LONG_INSTRUCTION:
        found.append(
            Remark(
                "user_instruction",
                f"it has {len(seed.user_instruction):,} characters; a long one often gives the expected steps away",
            )
        )
    if re.search(r"\b(the|you are a|act as a) (user|customer)\b", seed.behavior_instructions, re.IGNORECASE):
        found.append(
            Remark(
                "behavior_instructions",
                "they say how the environment behaves; who the user is belongs to user_simulator_persona",
            )
        )
    return found


# --- state ---


def _initial_state(place: str, world: World, state: InitialState) -> Iterator[Remark]:
    for entity_type, entities in state.entities.items():
        for entity_id, attrs in entities.items():
            for fault in schema_faults(world.ledger, entity_type, attrs):
                yield Remark(f"{place}.{entity_type}.{entity_id}", fault.message)
            declared = world.ledger.entities.get(entity_type)
            for name, kind in declared.fields.items() if declared is not None else ():
                if kind.required and attrs.get(name) is None:
                    yield Remark(f"{place}.{entity_type}.{entity_id}", f"the required field {name!r} is missing")
                target = attrs.get(name)
                if kind.ref is not None and isinstance(target, str) and not _is_there(world, state, kind.ref, target):
                    yield Remark(f"{place}.{entity_type}.{entity_id}", f"{name}: there is no {kind.ref} {target!r}")


def _is_there(world: World, state: InitialState, entity_type: str, entity_id: str) -> bool:
    return any(entity_id in one.entities.get(entity_type, {}) for one in (state, world.initial_state))


# --- tools ---


def _tool(world: World, tool: Tool) -> Iterator[Remark]:
    place = f"tools.{tool.name}"
    if tool.mode is Mode.PASSTHROUGH and tool.endpoint is None:
        yield Remark(place, "it passes through and names no endpoint: each call is a transport_error")
    for inner, entity_type in _entity_types(tool):
        if world.ledger.entities and entity_type not in world.ledger.entities:
            yield Remark(f"{place}.{inner}", f"{entity_type!r} is no declared entity type")
    if tool.ledger_read is not None and tool.effects:
        yield Remark(f"{place}.ledger_read", "it is ignored: a tool with effects answers by `response`")
    for position, effect in enumerate(tool.effects):
        yield from _effect(f"{place}.effects[{position}]", tool, effect)


def _effect(place: str, tool: Tool, effect: Effect) -> Iterator[Remark]:
    if effect.when is not None and _comparisons(effect.when) != 1:
        yield Remark(f"{place}.when", "it has to have exactly one of eq, neq, exists, empty")
    known = {"args", "entity", "", *(one.name or one.entity_type for one in tool.bindings)}
    arguments = tool.input_schema.get("properties", {}).keys()
    takes_any = "properties" not in tool.input_schema
    for value in [effect.id_from, *effect.field_map.values(), *effect.increment.values(), *effect.decrement.values()]:
        if isinstance(value, str) and _ARGUMENT.fullmatch(value) and value not in arguments and not takes_any:
            yield Remark(place, f'{value!r} is no argument; write {{"const": "{value}"}} for the text')
        if isinstance(value, str) and value.startswith("$") and value[1:].split(".")[0] not in known:
            yield Remark(place, f"nothing is named {value.split('.')[0]}")


def _entity_types(tool: Tool) -> Iterator[tuple[str, str]]:
    for position, binding in enumerate(tool.bindings):
        yield f"bindings[{position}]", binding.entity_type
    for position, precondition in enumerate(tool.preconditions):
        if precondition.entity_type is not None:
            yield f"preconditions[{position}]", precondition.entity_type
    for position, effect in enumerate(tool.effects):
        if effect.entity_type is not None:
            yield f"effects[{position}]", effect.entity_type
    if tool.ledger_read is not None:
        yield "ledger_read", tool.ledger_read.entity_type


def _comparisons(when: When) -> int:
    return len({name for name in ("eq", "neq", "exists", "empty") if getattr(when, name) is not UNSET})


# --- failure rules ---


def _rule(world: World, rule: FailureRule) -> Iterator[str]:
    tools = {tool.name for tool in world.tools}
    if rule.trigger == "tool_call" and rule.tool is None:
        yield "the trigger tool_call needs a tool; any_tool_call takes all"
    if rule.tool is not None and rule.tool not in tools:
        yield f"there is no tool {rule.tool!r}, so it never fires"
    needed = _NEEDED.get(rule.trigger)
    if needed is not None and getattr(rule.match, needed) is None:
        yield f"the trigger {rule.trigger} needs match.{needed}"
    for why, is_so in _NEVER:
        if is_so(rule):
            yield f"it never fires: {why}"
    for condition in rule.match.entity.where if rule.match.entity is not None else ():
        if condition.cmp is Comparison.IN and not isinstance(condition.value, list):
            yield f"match.entity.where: {condition.field} in … needs a list"


def _below(value: int | None) -> bool:
    return value is not None and value < 1


_NEVER: Final[Sequence[tuple[str, Callable[[FailureRule], bool]]]] = (
    ("nth is below 1", lambda rule: _below(rule.match.nth)),
    ("first is below 1", lambda rule: _below(rule.match.first)),
    ("every is below 1", lambda rule: _below(rule.match.every)),
    ("max_fires is below 1", lambda rule: _below(rule.max_fires)),
    ("its probability is 0", lambda rule: rule.match.probability is not None and rule.match.probability <= 0),
    (
        "nth is not among the first ones",
        lambda rule: rule.match.nth is not None and rule.match.first is not None and rule.match.nth > rule.match.first,
    ),
    (
        "nth is among the ones that it leaves out",
        lambda rule: rule.match.nth is not None and rule.match.after is not None and rule.match.nth <= rule.match.after,
    ),
)
