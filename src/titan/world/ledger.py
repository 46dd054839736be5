"""The state of a world: entities, flags and removed entities, as a fold of operations over an initial state.

Maps are persistent: an operation copies no world, and every earlier state stays as it was.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias, TypeVar

import msgspec
from msgspec import Struct
from rpds import HashTrieMap

SEEDED: Final = -1  # the call that the initial state counts as
_HASH_MODULUS: Final = 1 << 256

_T = TypeVar("_T")


class Add(Struct, frozen=True, kw_only=True, tag="add", tag_field="op"):
    """An entity begins to exist."""

    type: str
    id: str
    attrs: dict[str, Any]


class Update(Struct, frozen=True, kw_only=True, tag="update", tag_field="op"):
    """Fields of an entity change; `unset` removes fields."""

    type: str
    id: str
    set: dict[str, Any] = {}
    unset: tuple[str, ...] = ()


class Remove(Struct, frozen=True, kw_only=True, tag="remove", tag_field="op"):
    """An entity is removed; its last attributes stay readable as a tombstone."""

    type: str
    id: str


class SetFlag(Struct, frozen=True, kw_only=True, tag="set_flag", tag_field="op"):
    """A named flag takes a value; null clears it."""

    name: str
    value: Any = True


Operation: TypeAlias = Add | Update | Remove | SetFlag


class Entity(Struct, frozen=True, kw_only=True):
    """One entity, live or removed."""

    attrs: dict[str, Any]
    updated_at_call: int = SEEDED  #: sequence of the call that last changed it


class RemovedEntity(Struct, frozen=True, kw_only=True):
    """A tombstone."""

    attrs: dict[str, Any]
    removed_at_call: int


class Flag(Struct, frozen=True, kw_only=True):
    """A flag that is set."""

    value: Any
    set_at_call: int = SEEDED


class Snapshot(Struct, frozen=True, kw_only=True):
    """A ledger as plain data, its keys sorted."""

    entities: dict[str, dict[str, Entity]]
    flags: dict[str, Flag]
    removed: dict[str, dict[str, RemovedEntity]]


class InitialState(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The state before the first call."""

    entities: dict[str, dict[str, dict[str, Any]]] = {}  #: type, id, attributes
    flags: dict[str, Any] = {}


class CannotApply(Exception):
    """An operation does not fit the ledger, and was not applied. `reason` is one of `add_existing`, `update_missing`,
    `remove_missing`, `use_after_remove`."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


_Entities: TypeAlias = "HashTrieMap[str, HashTrieMap[str, Entity]]"
_Removed: TypeAlias = "HashTrieMap[str, HashTrieMap[str, RemovedEntity]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The state of a world after a call."""

    entities: _Entities = field(default_factory=HashTrieMap)  #: live ones, by type and id
    flags: "HashTrieMap[str, Flag]" = field(default_factory=HashTrieMap)
    removed: _Removed = field(default_factory=HashTrieMap)
    hash_sum: int = 0  #: of the hashes of entities and flags, so that an operation costs the same in a large world

    @property
    def digest(self) -> str:
        """Return a hash of the live entities and flags, 64 hexadecimal digits: equal for equal content.

        Tombstones and the numbers of calls do not count.
        """
        return f"{self.hash_sum:064x}"

    def entity(self, entity_type: str, entity_id: str) -> Entity | None:
        """Return a live entity."""
        of_type = self.entities.get(entity_type)
        return None if of_type is None else of_type.get(entity_id)

    def was_removed(self, entity_type: str, entity_id: str) -> bool:
        """Return whether an entity with this id was removed."""
        return entity_id in self.removed.get(entity_type, ())

    def ids(self, entity_type: str) -> list[str]:
        """Return the ids of the live entities of a type, sorted."""
        return sorted(self.entities.get(entity_type, ()))

    def apply(self, operation: Operation, *, call: int) -> "Ledger":
        """Return the ledger after an operation of the call with that sequence.

        Raises:
            CannotApply: the entity is there already, is not there, or was removed.
        """
        match operation:
            case Add():
                return self._added(operation, call)
            case Update():
                before = self._existing(operation.type, operation.id, "update_missing")
                attrs = {name: value for name, value in before.attrs.items() if name not in operation.unset}
                after = Entity(attrs=attrs | operation.set, updated_at_call=call)
                return self._with_entity(operation.type, operation.id, before=before, after=after)
            case Remove():
                before = self._existing(operation.type, operation.id, "remove_missing")
                tombstone = RemovedEntity(attrs=before.attrs, removed_at_call=call)
                removed = self.removed.get(operation.type, HashTrieMap()).insert(operation.id, tombstone)
                ledger = replace(self, removed=self.removed.insert(operation.type, removed))
                return ledger._with_entity(operation.type, operation.id, before=before, after=None)
            case SetFlag():
                return self._with_flag(operation, call)

    def snapshot(self) -> Snapshot:
        """Return the whole state."""
        return Snapshot(
            entities={name: _sorted(found) for name, found in _sorted(self.entities).items() if found},
            flags=_sorted(self.flags),
            removed={name: _sorted(found) for name, found in _sorted(self.removed).items() if found},
        )

    def _added(self, operation: Add, call: int) -> "Ledger":
        if self.entity(operation.type, operation.id) is not None:
            raise CannotApply("add_existing", f"{operation.type} {operation.id!r} exists already")
        ledger = self
        if self.was_removed(operation.type, operation.id):
            removed = self.removed[operation.type].remove(operation.id)
            ledger = replace(self, removed=self.removed.insert(operation.type, removed))
        after = Entity(attrs=operation.attrs, updated_at_call=call)
        return ledger._with_entity(operation.type, operation.id, before=None, after=after)

    def _existing(self, entity_type: str, entity_id: str, reason: str) -> Entity:
        found = self.entity(entity_type, entity_id)
        if found is not None:
            return found
        if self.was_removed(entity_type, entity_id):
            raise CannotApply("use_after_remove", f"{entity_type} {entity_id!r} was removed")
        raise CannotApply(reason, f"there is no {entity_type} {entity_id!r}")

    def _with_entity(
        self, entity_type: str, entity_id: str, *, before: Entity | None, after: Entity | None
    ) -> "Ledger":
        of_type = self.entities.get(entity_type, HashTrieMap())
        of_type = of_type.remove(entity_id) if after is None else of_type.insert(entity_id, after)
        change = 0
        if before is not None:
            change -= _hash("entity", entity_type, entity_id, before.attrs)
        if after is not None:
            change += _hash("entity", entity_type, entity_id, after.attrs)
        return replace(self, entities=self.entities.insert(entity_type, of_type), hash_sum=self._summed(change))

    def _with_flag(self, operation: SetFlag, call: int) -> "Ledger":
        before = self.flags.get(operation.name)
        change = 0 if before is None else -_hash("flag", operation.name, before.value)
        if operation.value is None:
            return replace(self, flags=self.flags.discard(operation.name), hash_sum=self._summed(change))
        flags = self.flags.insert(operation.name, Flag(value=operation.value, set_at_call=call))
        change += _hash("flag", operation.name, operation.value)
        return replace(self, flags=flags, hash_sum=self._summed(change))

    def _summed(self, change: int) -> int:
        return (self.hash_sum + change) % _HASH_MODULUS


def seeded(state: InitialState) -> Ledger:
    """Return the ledger of an initial state."""
    ledger = Ledger()
    for entity_type, entities in state.entities.items():
        for entity_id, attrs in entities.items():
            ledger = ledger.apply(Add(type=entity_type, id=entity_id, attrs=attrs), call=SEEDED)
    for name, value in state.flags.items():
        ledger = ledger.apply(SetFlag(name=name, value=value), call=SEEDED)
    return ledger


def _sorted(found: Mapping[str, _T]) -> dict[str, _T]:
    return {name: found[name] for name in sorted(found)}


def _hash(*parts: Any) -> int:
    return int.from_bytes(hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).digest())
