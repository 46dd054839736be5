"""Align the ids that a world made: two runs that make the same entities in another order give them other ids."""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from titan.world.definition import World
from titan.world.ledger import SEEDED, Add, Ledger, Remove, SetFlag

ROUNDS: Final = 4  # of refinement: entities are told apart by others over so many references
_WORD: Final = re.compile(r"[\w-]+")


def with_ids_of(expected: Ledger, found: Ledger, initial: Ledger, world: World) -> Ledger:
    """Return `found` with the ids that the world made during the run replaced by those of equal entities in `expected`.

    Entities are equal when their values are, and those of the entities that they refer to or that refer to them
    (colour refinement). The others are paired in the order of their ids, so that a comparison shows what differs.
    """
    prefixes = _prefixes(world)
    wanted, had = _made(expected, initial, prefixes), _made(found, initial, prefixes)
    if not wanted or not had:
        return found
    wanted_facts, facts = _changed(expected, initial), _changed(found, initial)
    renamed = _paired(_by_type_and_colour(wanted, wanted_facts), _by_type_and_colour(had, facts))
    return _renamed(found, facts, renamed) if any(one != other for one, other in renamed.items()) else found


def _prefixes(world: World) -> dict[str, tuple[str, ...]]:
    """Return the beginnings of the ids that tools make, by entity type."""
    prefixes: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for effect in (effect for tool in world.tools for effect in tool.effects if effect.op == "add"):
        match effect.id_from:
            # One without a letter makes ids such as "1", for which any number in a text would be taken.
            case {"next": str(prefix)} if effect.entity_type is not None and re.search("[A-Za-z]", prefix):
                prefixes[effect.entity_type] += (prefix,)
    return prefixes


def _made(ledger: Ledger, initial: Ledger, prefixes: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Return the ids that were made during the run, each with its entity type, in the order in which they are made."""
    made = {
        entity_id: entity_type
        for entity_type, beginnings in prefixes.items()
        for entity_id in ledger.ids(entity_type)
        if initial.entity(entity_type, entity_id) is None
        and any(entity_id.startswith(one) and entity_id[len(one) :].isdigit() for one in beginnings)
    }
    return dict(sorted(made.items(), key=lambda one: (len(one[0]), one[0])))


def _changed(ledger: Ledger, initial: Ledger) -> list[str]:
    """Return the entities and flags that are not as they were initially, each as JSON: ["order", "O1", {…}]."""
    entities = (
        [entity_type, entity_id, entity.attrs]
        for entity_type, of_type in ledger.entities.items()
        for entity_id, entity in of_type.items()
        if initial.entity(entity_type, entity_id) is not entity
    )
    flags = ([name, flag.value] for name, flag in ledger.flags.items() if initial.flags.get(name) is not flag)
    return [_as_text(one) for one in (*entities, *flags)]


def _as_text(value: Any) -> str:
    """Return JSON that is equal for equal values: 25.0 is written as 25."""
    plain = json.loads(json.dumps(value), parse_float=lambda text: _whole(float(text)))
    return json.dumps(plain, sort_keys=True, ensure_ascii=False)


def _whole(number: float) -> int | float:
    return int(number) if number.is_integer() else number


def _by_type_and_colour(made: Mapping[str, str], facts: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return for each id its type and a digest of what the facts say of it, whatever the ids are."""
    about = {one: [fact for fact in facts if one in _WORD.findall(fact)] for one in made}
    colours: Mapping[str, str] = made
    for _ in range(ROUNDS):
        colours = {one: _digest(sorted(_without_ids(fact, one, colours) for fact in about[one])) for one in made}
    return {one: (made[one], colours[one]) for one in made}


def _without_ids(fact: str, own: str, colours: Mapping[str, str]) -> str:
    return _replaced(fact, lambda word: "<self>" if word == own else colours.get(word, word))


def _replaced(fact: str, replacement: Callable[[str], str]) -> str:
    return _WORD.sub(lambda found: replacement(found[0]), fact)


def _digest(facts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()


def _paired(wanted: Mapping[str, tuple[str, str]], had: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Return a permutation: found id → the id that it gets."""
    renamed: dict[str, str] = {}
    free = list(wanted)
    for known in (2, 1):  # type and colour; then the type alone
        for found_id in [one for one in had if one not in renamed]:
            match = next((one for one in free if wanted[one][:known] == had[found_id][:known]), None)
            if match is not None:
                renamed[found_id] = match
                free.remove(match)
    left = (one for one in [*had, *wanted] if one not in renamed.values())
    return renamed | {one: next(left) for one in had if one not in renamed}


def _renamed(ledger: Ledger, facts: Sequence[str], renamed: Mapping[str, str]) -> Ledger:
    changes = [(json.loads(fact), json.loads(_replaced(fact, lambda word: renamed.get(word, word)))) for fact in facts]
    for operation in _operations(changes):
        ledger = ledger.apply(operation, call=SEEDED)
    return ledger


def _operations(changes: Sequence[tuple[list[Any], list[Any]]]) -> Iterator[Remove | Add | SetFlag]:
    """Yield what replaces entities and flags: everything is removed before anything is added."""
    for before, _ in changes:
        yield SetFlag(name=before[0], value=None) if len(before) == 2 else Remove(type=before[0], id=before[1])
    for _, after in changes:
        match after:
            case [name, value]:
                yield SetFlag(name=name, value=value)
            case [entity_type, entity_id, attrs]:
                yield Add(type=entity_type, id=entity_id, attrs=attrs)
