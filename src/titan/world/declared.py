"""Answer calls of declared tools without a model."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec import UNSET

from titan.world.definition import (
    Binding,
    Comparison,
    Condition,
    Effect,
    EntityType,
    ErrorAnswer,
    LedgerRead,
    LedgerSchema,
    Precondition,
    Tool,
    When,
)
from titan.world.ledger import Add, CannotApply, Ledger, Operation, Remove, SetFlag, Update
from titan.world.values import RESPONSE, Missing, Scope, at, entity_view, equal, is_among, meets

_DIGITS: Final = 9  # decimals of sums: 0.1 + 0.2 is 0.3


class Refused(Exception):
    """A tool refuses a call with an error, and changes nothing."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Effects:
    """The effects of a tool on a ledger."""

    operations: tuple[Operation, ...]
    dropped: tuple[str, ...]  #: effects that could not happen, and why
    has_skipped: bool  #: the condition of one, its `when`, does not hold: as declared, so no violation
    entity: tuple[str, str] | None  #: type and id of the first effect's entity


def bound(tool: Tool, args: Mapping[str, Any], ledger: Ledger) -> Scope:
    """Return the scope of a tool's declarations: the arguments and the entities that they name.

    Raises:
        Refused: an argument names an entity that is not there.
    """
    scope = Scope({"args": args})
    for binding in tool.bindings:
        scope = _with_binding(scope, binding, ledger)
    return scope


def check(tool: Tool, scope: Scope, ledger: Ledger) -> None:
    """Check the preconditions of a tool.

    Raises:
        Refused: a precondition does not hold.
    """
    for precondition in tool.preconditions:
        entity = _looked_at(precondition, scope, ledger)
        if precondition.require == "absent":
            holds = entity is None
        elif precondition.entity_type is not None and entity is None:
            holds = False
        else:
            conditions = precondition.where
            holds = meets(entity or {}, conditions, scope, skips_missing=False) and _holds_elements(
                precondition, entity or {}, scope
            )
        if not holds:
            raise _refusal(precondition.error, scope if entity is None else scope.with_name("entity", entity))


def read(declared: LedgerRead, scope: Scope, ledger: Ledger) -> Any:
    """Return the answer of a tool that reads the ledger.

    Raises:
        Refused: the one entity that it is to get is not there.
    """
    if declared.op == "get":
        return _get(declared, scope, ledger)
    rows = [
        view for view in _views(declared.entity_type, ledger) if meets(view, declared.where, scope, skips_missing=True)
    ]
    if declared.order_by is not None:
        name = declared.order_by.removeprefix("-")
        rows.sort(key=lambda view: _sort_key(view.get(name)), reverse=declared.order_by.startswith("-"))
    found = [_projected(view, declared.project) for view in rows[: declared.limit]]
    return found if declared.wrap is None else {declared.wrap: found}


def effects_of(tool: Tool, scope: Scope, ledger: Ledger, schema: LedgerSchema, *, is_error: bool = False) -> Effects:
    """Return the operations of a tool's effects, each computed on the ledger after those before it."""
    operations: list[Operation] = []
    dropped: list[str] = []
    has_skipped = False
    first: tuple[str, str] | None = None
    for effect in tool.effects:
        if is_error and effect.on_error == "skip":
            continue
        try:
            found = _operations(effect, scope, ledger, schema)
        except _Dropped as reason:
            dropped.append(str(reason))
            continue
        has_skipped = has_skipped or found is None
        for operation in found or ():
            if first is None and not isinstance(operation, SetFlag):
                first = (operation.type, operation.id)
            operations.append(operation)
            ledger = _after(ledger, operation)
    return Effects(tuple(operations), tuple(dropped), has_skipped, first)


def response_of(tool: Tool, args: Mapping[str, Any], before: Scope, effects: Effects, after: Ledger) -> Any:
    """Return the answer of a declared write: its template, filled from the ledger after its effects."""
    scope = before
    for binding in tool.bindings:
        try:
            scope = _with_binding(scope, binding, after)
        except Refused:
            continue  # removed by this call: as it was
    entity = _entity_view(effects.entity, after)
    if entity is not None:
        scope = scope.with_name("entity", entity)
    if tool.response is not UNSET:
        return scope.filled(tool.response)
    return {"status": "ok"} if entity is None else entity


# --- entities ---


def _with_binding(scope: Scope, binding: Binding, ledger: Ledger) -> Scope:
    try:
        entity_id = scope.argument(binding.arg)
    except Missing:
        return scope  # an argument that was not given
    entity = ledger.entity(binding.entity_type, entity_id) if isinstance(entity_id, str) else None
    if entity is None:
        raise Refused("not_found", f"There is no {binding.entity_type} {entity_id!r}.")
    return scope.with_name(binding.name or binding.entity_type, entity_view(entity_id, entity.attrs))


def _entity_view(place: tuple[str, str] | None, ledger: Ledger) -> dict[str, Any] | None:
    if place is None:
        return None
    entity = ledger.entity(*place)
    attrs = ledger.removed[place[0]][place[1]].attrs if entity is None else entity.attrs
    return entity_view(place[1], attrs)


def _views(entity_type: str, ledger: Ledger) -> Iterator[dict[str, Any]]:
    for entity_id, entity in sorted(ledger.entities.get(entity_type, {}).items()):
        yield entity_view(entity_id, entity.attrs)


def _looked_at(precondition: Precondition, scope: Scope, ledger: Ledger) -> dict[str, Any] | None:
    if precondition.entity_type is None:
        return None
    try:
        entity_id = scope.argument(precondition.id_from)
    except Missing:
        return None
    entity = ledger.entity(precondition.entity_type, entity_id) if isinstance(entity_id, str) else None
    return None if entity is None else entity_view(entity_id, entity.attrs)


def _holds_elements(precondition: Precondition, entity: Mapping[str, Any], scope: Scope) -> bool:
    if precondition.contains is None:
        return True
    wanted = scope.args.get(precondition.contains.param)
    held = entity.get(precondition.contains.field) or []
    return all(is_among(one, held) for one in (wanted if isinstance(wanted, list) else [wanted]))


def _refusal(error: ErrorAnswer, scope: Scope) -> Refused:
    return Refused(error.code, scope.text(error.message))


def _get(declared: LedgerRead, scope: Scope, ledger: Ledger) -> Any:
    try:
        entity_id = scope.argument(declared.id_from)
    except Missing:
        entity_id = None
    entity = ledger.entity(declared.entity_type, entity_id) if isinstance(entity_id, str) else None
    view = None if entity is None else entity_view(entity_id, entity.attrs)
    if view is None or not meets(view, declared.where, scope, skips_missing=True):
        if declared.not_found is not None:
            raise _refusal(declared.not_found, scope.with_name("id", entity_id))
        raise Refused("not_found", f"There is no {declared.entity_type} {entity_id!r}.")
    found = _projected(view, declared.project)
    return found if declared.wrap is None else {declared.wrap: found}


def _projected(view: dict[str, Any], project: Mapping[str, str] | None) -> dict[str, Any]:
    if project is None:
        return view
    found: dict[str, Any] = {}
    for name, path in project.items():
        try:
            found[name] = at(view, path)
        except Missing:
            found[name] = None
    return found


def _sort_key(value: Any) -> tuple[int, Any]:
    if isinstance(value, int | float):
        return (1, value)
    return (2, value) if isinstance(value, str) else (0, 0)


# --- effects ---


class _Dropped(Exception):
    """An effect is dropped; the message has the cause."""


def _operations(effect: Effect, scope: Scope, ledger: Ledger, schema: LedgerSchema) -> list[Operation] | None:
    """Return the operations of an effect, None where its condition does not hold."""
    flags: list[Operation] = [SetFlag(name=scope.text(one)) for one in effect.flags]
    if effect.op == "set_flag":
        return flags if _holds(effect, {}, scope) else None
    if effect.entity_type is None:
        raise _Dropped(f"the effect {effect.op} names no entity type")
    entity_id = _id(effect, scope, ledger)
    entity = ledger.entity(effect.entity_type, entity_id)
    attrs = {} if entity is None else entity.attrs
    if not _holds(effect, entity_view(entity_id, attrs), scope):
        return None
    if effect.op == "remove":
        return [Remove(type=effect.entity_type, id=entity_id), *flags]
    changes = _changes(effect, scope.with_name("entity", entity_view(entity_id, attrs)), attrs)
    if effect.op == "update":
        return [Update(type=effect.entity_type, id=entity_id, set=changes), *flags]
    declared = schema.entities.get(effect.entity_type, EntityType())
    if declared.id_field is not None:
        changes = {declared.id_field: entity_id} | changes
    return [Add(type=effect.entity_type, id=entity_id, attrs=changes), *flags]


def _id(effect: Effect, scope: Scope, ledger: Ledger) -> str:
    match effect.id_from:
        case {"next": str(prefix)}:
            live = ledger.entities.get(effect.entity_type or "", ())
            gone = ledger.removed.get(effect.entity_type or "", ())
            number = len(live) + len(gone) + 1
            while f"{prefix}{number}" in live or f"{prefix}{number}" in gone:
                number += 1
            return f"{prefix}{number}"
    found = _resolved(effect.id_from, scope)
    if not isinstance(found, str | int) or isinstance(found, bool):
        raise _Dropped(f"the effect {effect.op} on {effect.entity_type} found no id at {effect.id_from!r}")
    return str(found)


def _resolved(value: Any, scope: Scope) -> Any:
    try:
        return scope.argument(value)
    except Missing as missing:
        raise _Dropped(str(missing)) from None


def _holds(effect: Effect, entity: Mapping[str, Any], scope: Scope) -> bool:
    if effect.when is None:
        return True
    comparison, value = _comparison(effect.when)
    condition = Condition(field=effect.when.field, cmp=comparison, value=value)
    return meets(entity, [condition], scope, skips_missing=False)


def _comparison(when: When) -> tuple[Comparison, Any]:
    if when.eq is not UNSET:
        return Comparison.EQ, when.eq
    if when.neq is not UNSET:
        return Comparison.NE, when.neq
    if when.exists is not UNSET:
        return Comparison.EXISTS, when.exists
    return Comparison.EMPTY, when.empty


def _changes(effect: Effect, scope: Scope, attrs: Mapping[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for name, value in effect.field_map.items():
        try:
            changes[name] = scope.argument(value)
        except Missing as missing:
            if RESPONSE in scope.names:
                raise _Dropped(str(missing)) from None
            # an argument that was not given
    for sign, numbers in ((1, effect.increment), (-1, effect.decrement)):
        for name, value in numbers.items():
            changes[name] = _sum(changes.get(name, attrs.get(name, 0)), sign, _resolved(value, scope), name)
    for name, value in effect.list_append.items():
        changes[name] = [*_list(changes, attrs, name), _resolved(value, scope)]
    for name, value in effect.list_remove.items():
        changes[name] = _without(_list(changes, attrs, name), _resolved(value, scope))
    for name, change in effect.map_set.items():
        changes[name] = _with_member(changes.get(name, attrs.get(name) or {}), change.key, change.member, change, scope)
    return changes


def _sum(before: Any, sign: int, value: Any, name: str) -> int | float:
    if not isinstance(before, int | float) or not isinstance(value, int | float):
        raise _Dropped(f"{name} is {before!r} and cannot be changed by {value!r}: both have to be numbers")
    total = before + sign * value
    return round(total, _DIGITS) if isinstance(total, float) else total


def _list(changes: Mapping[str, Any], attrs: Mapping[str, Any], name: str) -> Sequence[Any]:
    found = changes.get(name, attrs.get(name)) or []
    if not isinstance(found, list | tuple):
        raise _Dropped(f"{name} is no list")
    return found


def _without(held: Sequence[Any], value: Any) -> list[Any]:
    left = list(held)
    for one in value if isinstance(value, list) else [value]:
        place = next((place for place, element in enumerate(left) if equal(element, one)), None)
        if place is None:
            raise _Dropped(f"list_remove_not_member: {one!r}")
        del left[place]
    return left


def _with_member(held: Any, key: Any, member: str | None, change: Any, scope: Scope) -> dict[str, Any]:
    name = str(_resolved(key, scope))
    if not isinstance(held, dict):
        raise _Dropped(f"{name}: the field is no object")
    inner = held.get(name) or {} if member is not None else held
    place = name if member is None else member
    if change.delta is not UNSET:
        value: Any = _sum(inner.get(place, 0), 1, _resolved(change.delta, scope), place)
    else:
        value = _resolved(change.value, scope)
    changed = inner | {place: value}
    return changed if member is None else held | {name: changed}


def _after(ledger: Ledger, operation: Operation) -> Ledger:
    try:
        return ledger.apply(operation, call=0)
    except CannotApply:
        return ledger
