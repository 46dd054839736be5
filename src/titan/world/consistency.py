"""Find violations: operations that do not fit the ledger or its schema, and responses that contradict it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from titan.world.definition import EntityType, FieldType, LedgerSchema
from titan.world.ledger import Add, CannotApply, Ledger, Operation, Remove, SetFlag, Update
from titan.world.values import equal, is_among

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list, tuple),
}


class ViolationKind(StrEnum):
    """The kind of a violation."""

    UNKNOWN_ENTITY_TYPE = "unknown_entity_type"
    UNDECLARED_FIELD = "undeclared_field"
    UNDECLARED_FLAG = "undeclared_flag"
    TYPE_MISMATCH = "type_mismatch"
    ENUM_VIOLATION = "enum_violation"
    ADD_EXISTING = "add_existing"
    UPDATE_MISSING = "update_missing"
    REMOVE_MISSING = "remove_missing"
    USE_AFTER_REMOVE = "use_after_remove"
    DANGLING_REF = "dangling_ref"
    ID_MUTATED = "id_mutated"
    RESPONSE_CONTRADICTS_LEDGER = "response_contradicts_ledger"
    PHANTOM_ENTITY = "phantom_entity"
    SILENT_WRITE = "silent_write"
    READ_MUTATED = "read_mutated"
    OUTPUT_SCHEMA_VIOLATION = "output_schema_violation"
    EFFECT_DROPPED = "effect_dropped"


@dataclass(frozen=True, slots=True)
class Violation:
    """A violation, described so that a model can correct its answer."""

    kind: ViolationKind
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerOperation:
    """An operation of a call, and whether it was applied."""

    operation: Operation
    origin: str  #: simulator, effect, rule
    drop_reason: str | None = None  #: why the ledger did not take it

    @property
    def applied(self) -> bool:
        """Whether it is part of the ledger."""
        return self.drop_reason is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The result of applying a call's operations."""

    ledger: Ledger
    operations: tuple[LedgerOperation, ...]
    violations: tuple[Violation, ...]


def apply_all(
    ledger: Ledger, operations: Iterable[Operation], schema: LedgerSchema, *, call: int, origin: str
) -> Applied:
    """Apply operations in order; drop those that do not fit the ledger, and report each as a violation."""
    done: list[LedgerOperation] = []
    violations: list[Violation] = []
    operations = tuple(operations)
    created = {(one.type, one.id) for one in operations if isinstance(one, Add)}
    for operation in operations:
        violations += _faults(ledger, operation, schema, created)
        drop_reason = None
        try:
            ledger = ledger.apply(operation, call=call)
        except CannotApply as refusal:
            drop_reason = refusal.reason
            violations.append(Violation(ViolationKind(refusal.reason), str(refusal)))
        done.append(LedgerOperation(operation=operation, origin=origin, drop_reason=drop_reason))
    return Applied(ledger=ledger, operations=tuple(done), violations=tuple(violations))


def schema_faults(schema: LedgerSchema, entity_type: str, attrs: Mapping[str, Any]) -> Iterator[Violation]:
    """Yield how attributes differ from their entity type, except references."""
    declared = schema.entities.get(entity_type)
    if declared is None:
        if schema.entities:
            yield Violation(ViolationKind.UNKNOWN_ENTITY_TYPE, f"{entity_type!r} is no declared entity type")
        return
    for name, value in attrs.items():
        if name in declared.fields:
            yield from _value_faults(f"{entity_type}.{name}", declared.fields[name], value)
        elif declared.closed and name != declared.id_field:
            yield Violation(ViolationKind.UNDECLARED_FIELD, f"{entity_type} has no field {name!r}")


def response_faults(before: Ledger, after: Ledger, schema: LedgerSchema, response: Any) -> Iterator[Violation]:
    """Yield where a response contradicts the ledger after the call.

    A part of it counts as an entity when it has the id field of a declared type and no other type has that one.
    """
    by_id_field: dict[str, list[str]] = {}
    for name, declared in schema.entities.items():
        if declared.id_field is not None:
            by_id_field.setdefault(declared.id_field, []).append(name)
    known = {id_field: names[0] for id_field, names in by_id_field.items() if len(names) == 1}
    for part in _objects(response):
        for id_field in known.keys() & part.keys():
            if isinstance(part[id_field], str):
                yield from _stated(before, after, known[id_field], id_field, part)


def _stated(
    before: Ledger, after: Ledger, entity_type: str, id_field: str, part: Mapping[str, Any]
) -> Iterator[Violation]:
    entity_id = part[id_field]
    entity = after.entity(entity_type, entity_id)
    if entity is None:
        if after.was_removed(entity_type, entity_id):
            if not before.was_removed(entity_type, entity_id):
                return  # this call removed it, and its response confirms that
            kind, what = ViolationKind.USE_AFTER_REMOVE, "was removed by an earlier call"
        else:
            kind, what = ViolationKind.PHANTOM_ENTITY, "is not in the ledger"
        yield Violation(kind, f"the response names {entity_type} {entity_id!r}, which {what}")
        return
    for name in sorted(part.keys() & entity.attrs.keys()):
        if not equal(part[name], entity.attrs[name]):
            yield Violation(
                ViolationKind.RESPONSE_CONTRADICTS_LEDGER,
                f"the response says {entity_type} {entity_id!r} has {name} {part[name]!r}; "
                f"the ledger says {entity.attrs[name]!r}",
            )


def _faults(
    ledger: Ledger, operation: Operation, schema: LedgerSchema, created: set[tuple[str, str]]
) -> Iterator[Violation]:
    match operation:
        case SetFlag():
            if schema.flags is not None and not any(_is_flag(operation.name, one) for one in schema.flags):
                yield Violation(ViolationKind.UNDECLARED_FLAG, f"{operation.name!r} is no declared flag")
        case Add(attrs=attrs) | Update(set=attrs):
            yield from schema_faults(schema, operation.type, attrs)
            declared = schema.entities.get(operation.type)
            if declared is None:
                return
            yield from _id_faults(operation, declared, attrs)
            for name in attrs.keys() & declared.fields.keys():
                yield from _ref_faults(ledger, declared.fields[name], attrs[name], created)
        case Remove():
            if schema.entities and operation.type not in schema.entities:
                yield Violation(ViolationKind.UNKNOWN_ENTITY_TYPE, f"{operation.type!r} is no declared entity type")


def _is_flag(name: str, declared: str) -> bool:
    return name.startswith(declared[:-1]) if declared.endswith("*") else name == declared


def _id_faults(operation: Add | Update, declared: EntityType, attrs: Mapping[str, Any]) -> Iterator[Violation]:
    if declared.id_field is None:
        return
    changed = attrs.get(declared.id_field, operation.id) != operation.id
    if changed or (isinstance(operation, Update) and declared.id_field in operation.unset):
        yield Violation(
            ViolationKind.ID_MUTATED, f"{operation.type} {operation.id!r}: {declared.id_field} has to stay its id"
        )


def _value_faults(where: str, declared: FieldType, value: Any) -> Iterator[Violation]:
    if value is None and not declared.required:
        return
    is_number_for_bool = isinstance(value, bool) and declared.type in ("integer", "number")
    if declared.type != "any" and (is_number_for_bool or not isinstance(value, _TYPES[declared.type])):
        yield Violation(ViolationKind.TYPE_MISMATCH, f"{where} is of type {declared.type}, not {value!r}")
    elif declared.enum is not None and not is_among(value, declared.enum):
        allowed = ", ".join(repr(one) for one in declared.enum)
        yield Violation(ViolationKind.ENUM_VIOLATION, f"{where} is one of {allowed}, not {value!r}")
    elif declared.items is not None and isinstance(value, list | tuple):
        for position, item in enumerate(value):
            yield from _value_faults(f"{where}[{position}]", declared.items, item)


def _ref_faults(ledger: Ledger, declared: FieldType, value: Any, created: set[tuple[str, str]]) -> Iterator[Violation]:
    if declared.ref is not None and isinstance(value, str):
        if ledger.entity(declared.ref, value) is None and (declared.ref, value) not in created:
            yield Violation(ViolationKind.DANGLING_REF, f"there is no {declared.ref} {value!r}")
    elif declared.items is not None and isinstance(value, list | tuple):
        for item in value:
            yield from _ref_faults(ledger, declared.items, item, created)


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from _objects(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from _objects(inner)
