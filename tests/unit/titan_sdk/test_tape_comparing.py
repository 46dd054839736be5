"""Which values are equal, and what stands for them."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.titan_sdk.taped_values import VALUES, same
from titan_sdk.tape import CHAIN_START, canonical, chain, decode, encode


def form(value: object) -> bytes:
    return canonical(encode(value))


def shuffled(value: Any, chance: Random) -> Any:
    """Return JSON that says the same with the entries of all dicts, and the items of all sets, in another order."""
    if isinstance(value, list):
        return [shuffled(item, chance) for item in value]
    if not isinstance(value, dict):
        return value
    entries = list(value.items())
    chance.shuffle(entries)
    mixed = {key: shuffled(item, chance) for key, item in entries}
    for tag in {"$set", "$frozenset", "$dict"} & set(mixed):
        if len(mixed) == 1:
            chance.shuffle(mixed[tag])
    return mixed


EQUAL: list[tuple[str, str]] = [
    ('{"b":1,"a":[2]}', ' { "a" : [ 2 ], "b" : 1 } '),
    ('"\\u00e4\\/"', '"ä/"'),
    ("1e2", "100.0"),
    ('{"$set":[3,1,[2]]}', '{"$set":[[2],1,3]}'),
    ('{"$set":[{"$frozenset":[2,1]}]}', '{"$set":[{"$frozenset":[1,2]}]}'),
    ('{"$dict":[[1,"a"],[null,"b"]]}', '{"$dict":[[null,"b"],[1,"a"]]}'),
    ('{"$dict":[["$set",[1]]]}', '{ "$dict" : [["$set",[1]]]}'),
]

DIFFERENT: list[tuple[object, object]] = [
    ([1, 2], [2, 1]),
    ([1, 2], (1, 2)),
    ({1}, frozenset({1})),
    (1, 1.0),
    (1, True),
    (0.0, -0.0),
    (0.1 + 0.2, 0.3),
    (b"a", "a"),
    (Decimal("1.1"), Decimal("1.10")),
    ({1: "a"}, {"1": "a"}),
    ({"a": None}, {}),
    ({"$set": [1, 2]}, {1, 2}),
    ({"$set": [1, 2]}, {"$set": [2, 1]}),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_two_texts_of_one_value_have_one_form(one: str, other: str) -> None:
    assert canonical(one) == canonical(other.encode())


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=repr)
def test_distinguishable_values_have_two_forms(one: object, other: object) -> None:
    assert form(one) != form(other)


def test_nan_is_equal_to_nan() -> None:
    assert form(float("nan")) == form(-float("nan"))


@pytest.mark.parametrize("text", ["", "[" * 100_000, b"\xff"])
def test_text_that_is_not_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical(text)


def test_the_deepest_text_that_is_written_has_a_form() -> None:
    deep = '{"$cut":{"head":{"$dict":[[1,' * 100 + "0" + "]]}}}" * 100

    assert canonical(deep)


@given(value=VALUES, chance=st.randoms(use_true_random=False))
def test_the_form_does_not_hang_on_any_order_but_that_of_lists(value: object, chance: Random) -> None:
    text = encode(value)

    mixed = json.dumps(shuffled(json.loads(text), chance), indent=1)

    assert canonical(mixed) == canonical(text)


@given(one=VALUES, other=VALUES)
def test_equal_forms_are_forms_of_the_same_value(one: object, other: object) -> None:
    assert canonical(form(one)) == form(one)
    assert form(decode(form(one))) == form(one)
    assert same(one, other) <= (form(one) == form(other))


def test_a_chain_reveals_a_changed_moved_or_removed_entry() -> None:
    def last(*entries: bytes) -> str:
        link = CHAIN_START
        for entry in entries:
            link = chain(link, entry)
        return link

    assert last(b"a", b"b") == last(b"a", b"b")
    assert len({last(), last(b"a"), last(b"a", b"b"), last(b"b", b"a"), last(b"ab"), last(b"a", b""), last(b"b")}) == 7


def test_a_link_is_the_digest_of_the_one_before_and_the_entry() -> None:
    assert chain(CHAIN_START, b"entry") == hashlib.sha256(bytes(32) + b"entry").hexdigest()


@pytest.mark.parametrize("previous", ["", "00", "g" * 64, "0" * 66])
def test_an_invalid_link_is_refused(previous: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        chain(previous, b"entry")
