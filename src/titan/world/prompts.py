"""Prompts and answer schema for a model that simulates a tool."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import Struct

from titan.world.consistency import Violation
from titan.world.definition import Access, Tool, World
from titan.world.ledger import Entity, Ledger, Operation

MOST_SHOWN: Final = 24_000  # characters of entities; about 6,000 tokens


class ModelAnswer(Struct, frozen=True, kw_only=True):
    """The model's answer."""

    tool_response: Any
    ledger_updates: tuple[Operation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The part of a ledger that a model sees: entities that the arguments name, then others by type and id."""

    entities: Mapping[tuple[str, str], Entity]
    flags: Mapping[str, Any]
    is_all: bool  #: nothing was left out

    def is_current(self, ledger: Ledger) -> bool:
        """Return whether a later ledger still has the same entities."""
        if self.is_all and sum(len(found) for found in ledger.entities.values()) != len(self.entities):
            return False
        flags = {name: flag.value for name, flag in ledger.flags.items()}
        return flags == self.flags and all(ledger.entity(*place) is one for place, one in self.entities.items())


def shown_to_model(args: Mapping[str, Any], ledger: Ledger) -> Shown:
    """Return the part of a ledger that a model sees to simulate a call with these arguments."""
    named = set(_texts(args))
    places = [(name, one) for name in sorted(ledger.entities) for one in sorted(ledger.entities[name])]
    places.sort(key=lambda place: place[1] not in named)
    shown: dict[tuple[str, str], Entity] = {}
    left = MOST_SHOWN
    for place in places:
        entity = ledger.entities[place[0]][place[1]]
        left -= len(msgspec.json.encode(entity.attrs)) + len(place[1])
        if left < 0:
            break
        shown[place] = entity
    flags = {name: ledger.flags[name].value for name in sorted(ledger.flags)}
    return Shown(entities=shown, flags=flags, is_all=len(shown) == len(places))


def messages(
    world: World, tool: Tool, args: Mapping[str, Any], shown: Shown, instructions: str
) -> Sequence[Mapping[str, str]]:
    """Return the conversation that asks for a tool's answer."""
    access = {Access.READ: "It reads: ledger_updates stays empty.", Access.WRITE: "It changes the ledger."}
    system = "\n".join(
        [
            "You simulate one tool of an environment in which an agent is tested. Answer as the real service would.",
            "The ledger is the truth: never contradict it. Report every change that the call makes as ledger_updates.",
            'Where the service would refuse, answer {"error": {"code": …, "message": …}} and change nothing.',
            f"Environment: {world.description or world.name}",
            *([f"How it behaves: {instructions}"] if instructions else []),
            f"Entity types: {_json(world.ledger)}",
        ]
    )
    entities: dict[str, dict[str, Any]] = {}
    for (entity_type, entity_id), entity in shown.entities.items():
        entities.setdefault(entity_type, {})[entity_id] = entity.attrs
    user = "\n".join(
        [
            f"Ledger{'' if shown.is_all else ' (a part of it)'}: {_json(entities)}",
            f"Flags: {_json(shown.flags)}",
            f"Tool: {tool.name}: {tool.description} {access[tool.access] if tool.access else ''}".rstrip(),
            f"Its answers: {_json(tool.output_schema or {})}",
            f"Arguments: {_json(args)}",
        ]
    )
    return [{"role": "system", "content": system}, {"role": "user", "content": user}]


def correction(answered: str, faults: Iterable[Violation]) -> Sequence[Mapping[str, str]]:
    """Return the messages that ask for a correction of an unusable answer."""
    wrong = "\n".join(f"- {one.message}" for one in faults)
    return [
        {"role": "assistant", "content": answered},
        {"role": "user", "content": f"That cannot be used:\n{wrong}\nAnswer again, whole, without these faults."},
    ]


def answer_schema(tool: Tool) -> Mapping[str, Any]:
    """Return the JSON schema of the model's answer."""
    update = {
        "type": "object",
        "properties": {
            "op": {"enum": ["add", "update", "remove", "set_flag"]},
            "type": {"type": "string"},
            "id": {"type": "string"},
            "attrs": {"type": "object"},
            "set": {"type": "object"},
            "unset": {"type": "array", "items": {"type": "string"}},
            "name": {"type": "string"},
            "value": {},
        },
        "required": ["op"],
    }
    refusal = {"type": "object", "properties": {"error": {"type": "object"}}, "required": ["error"]}
    response = {} if tool.output_schema is None else {"anyOf": [tool.output_schema, refusal]}
    return {
        "type": "object",
        "properties": {
            "tool_response": response,
            "ledger_updates": {"type": "array", "items": update, "maxItems": 20},
        },
        "required": ["tool_response", "ledger_updates"],
    }


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()
