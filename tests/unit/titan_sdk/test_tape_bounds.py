"""No value makes a text longer than its bound, or raises; what is left out is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.titan_sdk.taped_values import VALUES
from titan_sdk.tape import Bounds, Cut, CutReason, Object, decode, encode, snapshot
from titan_sdk.tape.describing import MOST_REPRS

SMALL = Bounds(size_bytes=4096)
FEW = Bounds(nodes=3)


@dataclass
class Node:
    below: Any


class Endless:
    """A model that holds another one, whenever it is asked."""

    def model_dump(self) -> dict[str, object]:
        return {"next": Endless(), "also": [Endless()]}


class Raising(Exception):
    pass


def nested(kind: str, depth: int) -> object:
    """Return containers of one kind within each other."""
    wrap: dict[str, Callable[[Any], object]] = {
        "list": lambda inner: [inner],
        "tuple": lambda inner: (1, inner),
        "dict": lambda inner: {1: inner},
        "node": lambda inner: Node({"$set": inner}),
        "error": lambda inner: Raising({2: inner}),
    }
    value: object = "innermost"
    for _ in range(depth):
        value = wrap[kind](value)
    return value


def levels_of(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(levels_of, inner), default=-1) if isinstance(value, dict | list) else 0


def test_a_long_text_is_kept_as_its_beginning_its_length_and_its_digest() -> None:
    text = "äb" * 50_000

    encoded = encode({"text": text, "after": 1}, bounds=Bounds(size_bytes=100_000))

    kept = decode(encoded)
    assert isinstance(kept, dict)
    assert kept["after"] == 1
    assert kept["text"] == Cut(
        type_name="str",
        reason=CutReason.SIZE,
        size_bytes=150_000,
        sha256=sha256(text.encode()).hexdigest(),
        head=text[: len(kept["text"].head)],
    )
    assert len(kept["text"].head) > 10_000
    assert encoded.count(b'"$cut"') == 1


def test_of_a_text_larger_than_the_bound_sixty_four_kilobytes_are_kept() -> None:
    kept = decode(encode(b"x" * 5_000_000))

    assert isinstance(kept, Cut)
    assert (kept.head, kept.size_bytes) == (b"x" * 65_536, 5_000_000)


@pytest.mark.parametrize("many", [list(range(9000)), tuple(range(9000)), set(range(9000)), dict.fromkeys(range(9000))])
def test_of_many_items_the_first_are_kept_and_all_are_counted(many: Any) -> None:
    encoded = encode(many, bounds=SMALL)

    kept = decode(encoded)
    assert isinstance(kept, Cut)
    assert (kept.type_name, kept.items) == (type(many).__name__, 9000)
    assert isinstance(kept.head, type(many))
    assert set(kept.head) < set(many)
    assert 1024 < len(encoded) <= 4096


def test_an_int_beyond_the_bound_is_cut_before_its_digits_are_made() -> None:
    assert encode(1 << 10**8) == b'{"$cut":{"type":"int","reason":"size"}}'


@pytest.mark.parametrize("kind", ["list", "tuple", "dict", "node", "error"])
@pytest.mark.parametrize("depth", [99, 101, 800])
def test_a_deep_value_is_kept_to_a_depth_that_every_reader_reads(kind: str, depth: int) -> None:
    encoded = encode(nested(kind, depth))

    assert levels_of(json.loads(encoded)) <= 500
    assert decode(encoded) is not None


def test_a_hundred_lists_within_each_other_are_kept_and_the_next_is_not() -> None:
    assert encode(nested("list", 100)).count(b'"$cut"') == 0
    assert encode(nested("list", 101)).count(b'"$cut"') == 1
    assert encode([nested("list", 99), []]).count(b'"$cut"') == 0


def test_a_value_that_holds_itself_is_cut_there() -> None:
    value: list[Any] = [1]
    value.append({"self": value})

    assert decode(encode(value)) == [1, {"self": Cut(type_name="list", reason=CutReason.CYCLE, items=2)}]
    assert encode(snapshot(value)) == encode(value)


def test_a_value_in_two_places_is_written_twice() -> None:
    shared = [1]

    assert encode((shared, shared)) == b'{"$tuple":[[1],[1]]}'


def test_one_that_doubles_at_every_level_ends_at_the_bound() -> None:
    doubling: Any = []
    for _ in range(64):
        doubling = (doubling, doubling)

    assert len(encode(doubling, bounds=SMALL)) <= 4096
    assert encode(snapshot(doubling, bounds=Bounds(nodes=1000))).count(b'"$cut"') > 0


def test_a_model_without_end_ends_at_the_bound() -> None:
    encoded = encode(snapshot(Endless(), bounds=Bounds(nodes=1000)), bounds=SMALL)

    assert len(encoded) <= 4096
    assert isinstance(decode(encoded), Object)


@pytest.mark.parametrize("many", [[1, 2, 3, 4, 5], (1, [2], 3, 4, 5), {"a": 1, "b": [2], "c": 3, "d": 4}])
def test_a_snapshot_of_too_many_values_says_how_many_there_were(many: Any) -> None:
    kept = snapshot(many, bounds=FEW)

    assert isinstance(kept, Cut)
    assert (kept.type_name, kept.items) == (type(many).__name__, len(many))
    assert isinstance(kept.head, type(many))
    assert kept.head == type(many)(list(many.items() if isinstance(many, dict) else many)[: len(kept.head)])


def test_a_snapshot_of_a_large_bytearray_keeps_its_beginning() -> None:
    kept = snapshot(bytearray(10_000), bounds=SMALL)

    assert kept == Cut(type_name="bytearray", reason=CutReason.SIZE, size_bytes=10_000, head=bytearray(10_000))


def test_a_snapshot_asks_a_bounded_number_of_objects_and_keeps_each_in_its_place() -> None:
    class Plain:
        pass

    kept = snapshot([Plain() for _ in range(MOST_REPRS + 1)])
    keys, members = {Plain(): 1, Plain(): 2}, {Plain(), Plain()}

    assert isinstance(kept, list)
    assert len({each.text for each in kept[:MOST_REPRS]}) == 1
    assert kept[-1].text == "<one of more than 1,000 objects>"
    assert encode(snapshot([keys, members])) == encode([keys, members])
    assert encode(snapshot(keys)).count(b"Plain object>") == 2


@pytest.mark.parametrize("name", ["x" * 10_000, "\0" * 10_000, "ü" * 10_000])
def test_names_and_keys_of_any_length_stay_within_the_bound(name: str) -> None:
    named = Object(type_name=name, state={name: type(name, (), {})()} if "\0" not in name else {name: 1})

    for value in (named, [named] * 9, {name: named}, {name: 1, 2: named}):
        assert len(encode(value, bounds=SMALL)) <= 4096


def test_a_cut_mark_is_kept_in_a_set_and_at_the_deepest_level() -> None:
    noted = encode(nested("list", 101))
    long = encode({"x" * 5000, 1}, bounds=SMALL)

    assert encode(snapshot(decode(noted))) == noted
    assert encode(decode(long), bounds=SMALL).count(b'"$cut"') == 1
    assert len(encode(decode(long), bounds=SMALL)) <= 4096


def test_digits_that_prove_too_many_are_cut() -> None:
    assert encode([Decimal(10) ** 4000], bounds=SMALL).count(b'"$cut"') == 0
    assert encode([Decimal("1" * 5000)], bounds=SMALL).count(b'"$cut"') == 1


def test_bounds_too_small_for_a_note_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 4096 bytes"):
        Bounds(size_bytes=100)


LARGE = st.builds(lambda value, times: [value] * times, VALUES, st.integers(1, 40))
LONG = st.builds(lambda text, times: text * times, st.text(min_size=1) | st.binary(min_size=1), st.integers(1, 9000))
INSTANCES: st.SearchStrategy[Any] = st.recursive(
    LARGE | LONG, lambda inner: st.builds(Node, inner) | st.builds(Raising, inner) | st.tuples(inner), max_leaves=4
)


@given(value=INSTANCES, size_bytes=st.integers(4096, 30_000), depth=st.integers(1, 12), nodes=st.integers(1, 2000))
def test_no_value_makes_a_text_longer_than_its_bound(value: object, size_bytes: int, depth: int, nodes: int) -> None:
    bounds = Bounds(size_bytes=size_bytes, depth=depth, nodes=nodes)

    encoded = encode(value, bounds=bounds)

    assert len(encoded) <= size_bytes
    assert b'"$exception"' in encoded or encode(decode(encoded)).count(b'"$cut"') == encoded.count(b'"$cut"')
    assert len(encode(snapshot(value, bounds=bounds), bounds=bounds)) <= size_bytes


def test_of_a_text_that_does_not_fit_as_much_is_kept_as_the_guide_says() -> None:
    guide = Path(__file__).parents[3] / "docs/guide/recording.md"

    kept = decode(encode("x" * 6_000_000))

    assert isinstance(kept, Cut)
    assert isinstance(kept.head, str)
    assert kept.size_bytes == 6_000_000
    assert f"the first {len(kept.head):,} characters or bytes are stored" in guide.read_text("utf-8")
