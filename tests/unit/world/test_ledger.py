"""The ledger of a world: a fold of operations, whose digest follows its content."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from titan.world.ledger import (
    Add,
    CannotApply,
    InitialState,
    Ledger,
    Operation,
    Remove,
    SetFlag,
    Snapshot,
    Update,
    seeded,
)


def test_a_removed_entity_keeps_its_last_attributes() -> None:
    ledger = seeded(InitialState(entities={"order": {"O1": {"status": "placed"}}}))

    ledger = ledger.apply(Remove(type="order", id="O1"), call=4)

    snapshot = msgspec.to_builtins(ledger.snapshot())
    assert snapshot == {
        "entities": {},
        "flags": {},
        "removed": {"order": {"O1": {"attrs": {"status": "placed"}, "removed_at_call": 4}}},
    }
    with pytest.raises(CannotApply) as refusal:
        ledger.apply(Update(type="order", id="O1", set={"status": "shipped"}), call=5)
    assert refusal.value.reason == "use_after_remove"


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (Add(type="order", id="O1", attrs={}), "add_existing"),
        (Update(type="order", id="O9", set={}), "update_missing"),
        (Remove(type="customer", id="O1"), "remove_missing"),
    ],
)
def test_an_operation_that_does_not_fit_changes_nothing(operation: Operation, reason: str) -> None:
    ledger = seeded(InitialState(entities={"order": {"O1": {}}}))
    before = ledger.snapshot()

    with pytest.raises(CannotApply) as refusal:
        ledger.apply(operation, call=0)

    assert refusal.value.reason == reason
    assert ledger.snapshot() == before


def test_an_entity_of_a_removed_ones_id_has_no_tombstone_any_more() -> None:
    ledger = seeded(InitialState(entities={"order": {"O1": {"status": "placed"}}}))

    for operation in (Remove(type="order", id="O1"), Add(type="order", id="O1", attrs={"status": "new"})):
        ledger = ledger.apply(operation, call=1)

    assert ledger.snapshot().removed == {}
    assert ledger.entities["order"]["O1"].attrs == {"status": "new"}


_IDS = st.sampled_from(["a", "b", "c"])
_ATTRS = st.dictionaries(st.sampled_from(["x", "y"]), st.integers(0, 3))
_OPERATIONS = st.one_of(
    st.builds(lambda i, a: Add(type="t", id=i, attrs=a), _IDS, _ATTRS),
    st.builds(lambda i, a, u: Update(type="t", id=i, set=a, unset=tuple(u)), _IDS, _ATTRS, st.lists(st.just("y"))),
    st.builds(lambda i: Remove(type="t", id=i), _IDS),
    st.builds(lambda n, v: SetFlag(name=n, value=v), _IDS, st.sampled_from([True, 1, None])),
)


@given(st.lists(_OPERATIONS, max_size=20))
def test_the_digest_is_that_of_the_same_content_however_it_came_about(operations: list[Operation]) -> None:
    ledger = Ledger()
    for call, operation in enumerate(operations):
        try:
            ledger = ledger.apply(operation, call=call)
        except CannotApply:
            continue

    assert ledger.digest == _built(ledger.snapshot()).digest
    assert (ledger.digest == Ledger().digest) == (not ledger.snapshot().entities and not ledger.snapshot().flags)


def _built(snapshot: Snapshot) -> Ledger:
    entities = {kind: {one: entity.attrs for one, entity in found.items()} for kind, found in snapshot.entities.items()}
    return seeded(InitialState(entities=entities, flags={name: flag.value for name, flag in snapshot.flags.items()}))
