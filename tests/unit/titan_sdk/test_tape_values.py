"""What stands in the text, and what comes back from it."""

from __future__ import annotations

import json
import os
import threading
from collections import OrderedDict, deque, namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given

from tests.unit.titan_sdk.taped_values import PLAIN_JSON, VALUES, same
from titan_sdk.tape import Object, Opaque, decode, encode, snapshot


class Color(Enum):
    RED = 1


class Tone(StrEnum):
    WARM = "warm"


class Name(str):
    __slots__ = ()


@dataclass
class Point:
    x: int
    tags: set[str]


class Model:
    """What a pydantic model looks like from outside."""

    def model_dump(self) -> dict[str, object]:
        return {"id": UUID(int=1)}


class Liar:
    """Has every attribute, says that it is a dict, and cannot be shown."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self

    @property  # type: ignore[misc]  # a mock does this
    def __class__(self) -> type:
        return dict

    def __repr__(self) -> str:
        raise KeyError("no repr")


class LostZone(tzinfo):
    def utcoffset(self, _: datetime | None) -> timedelta:
        raise LookupError("no such zone")

    dst = utcoffset

    def tzname(self, _: datetime | None) -> str:
        return "lost"

    def __repr__(self) -> str:
        return "LostZone()"


Pair = namedtuple("Pair", ["a", "b"])
NOON = datetime(2024, 12, 28, 12, tzinfo=UTC)
HERE = __name__

RESTORED: list[tuple[object, str]] = [
    (None, "null"),
    (True, "true"),
    (7, "7"),
    (1.0, "1.0"),
    (-0.0, "-0.0"),
    ("näh\n", '"näh\\n"'),
    ([1, [2]], "[1,[2]]"),
    ({"a": {"b": None}}, '{"a":{"b":null}}'),
    ({}, "{}"),
    ({"$set": 1, "b": 2}, '{"$set":1,"b":2}'),
    ({"$set": 1}, '{"$dict":[["$set",1]]}'),
    ({"$dict": [["a", 1]]}, '{"$dict":[["$dict",[["a",1]]]]}'),
    ({1: "a", None: "b"}, '{"$dict":[[1,"a"],[null,"b"]]}'),
    ({(1, 2): "a"}, '{"$dict":[[{"$tuple":[1,2]},"a"]]}'),
    ((), '{"$tuple":[]}'),
    ((1, "a"), '{"$tuple":[1,"a"]}'),
    ({"b", "a"}, '{"$set":["a","b"]}'),
    (frozenset({frozenset()}), '{"$frozenset":[{"$frozenset":[]}]}'),
    (b"hi", '{"$bytes":"aGk="}'),
    (bytearray(b"\xff"), '{"$bytearray":"/w=="}'),
    (NOON, '{"$datetime":"2024-12-28T12:00:00+00:00"}'),
    (datetime(2024, 1, 1), '{"$datetime":"2024-01-01T00:00:00"}'),  # noqa: DTZ001 (code has those, too)
    (date(2024, 1, 2), '{"$date":"2024-01-02"}'),
    (time(1, 2, tzinfo=timezone(timedelta(hours=-3))), '{"$time":"01:02:00-03:00"}'),
    (timedelta(hours=1), '{"$timedelta":[0,3600,0]}'),
    (Decimal("1.10"), '{"$Decimal":"1.10"}'),
    (Decimal("sNaN7"), '{"$Decimal":"sNaN7"}'),
    (UUID(int=1), '{"$UUID":"00000000-0000-0000-0000-000000000001"}'),
    (complex(0.0, -1), '{"$complex":"-1j"}'),
    (Path("/tmp"), '{"$PosixPath":"/tmp"}'),
    (PurePosixPath("a"), '{"$PurePosixPath":"a"}'),
    (PureWindowsPath("c:\\a"), '{"$PureWindowsPath":"c:\\\\a"}'),
    (float("nan"), '{"$float":"nan"}'),
    (float("-inf"), '{"$float":"-inf"}'),
    (2**53 - 1, "9007199254740991"),
    (2**53, '{"$int":"9007199254740992"}'),
    (-(2**53), '{"$int":"-9007199254740992"}'),
    (range(3), '{"$range":[0,3,1]}'),
    (os.fsdecode(b"caf\xe9"), '{"$str":"caf\\\\udce9"}'),
    ("\\\ud800", '{"$str":"\\\\\\\\\\\\ud800"}'),
    ({"\udc80": 1}, '{"$dict":[[{"$str":"\\\\udc80"},1]]}'),
]

DESCRIBED: list[tuple[object, Object]] = [
    (Point(1, {"a"}), Object(type_name=f"{HERE}:Point", state={"x": 1, "tags": {"a"}})),
    (Color.RED, Object(type_name=f"{HERE}:Color", state={"name": "RED", "value": 1})),
    (Tone.WARM, Object(type_name=f"{HERE}:Tone", state={"name": "WARM", "value": "warm"})),
    (Name("n"), Object(type_name=f"{HERE}:Name", state="n")),
    (Pair(1, (2,)), Object(type_name=f"{HERE}:Pair", state={"a": 1, "b": (2,)})),
    (Model(), Object(type_name=f"{HERE}:Model", state={"id": UUID(int=1)})),
    (OrderedDict(b=1, a=2), Object(type_name="collections:OrderedDict", state={"b": 1, "a": 2})),
    (deque([1, (2,)]), Object(type_name="collections:deque", state=[1, (2,)])),
]


def text_of(value: object) -> str:
    return encode(value).decode()


# Named by their texts: a set shows itself in another order in each process, and a test has one name in all of them.
@pytest.mark.parametrize(("value", "text"), RESTORED, ids=[text for _, text in RESTORED])
def test_a_value_has_this_text_and_comes_back_from_it(value: object, text: str) -> None:
    encoded = encode(value)

    assert encoded.decode() == text
    assert same(decode(text), value)


@pytest.mark.parametrize(("value", "described"), DESCRIBED, ids=lambda value: type(value).__name__)
def test_an_instance_is_restored_with_its_type_and_fields(value: object, described: Object) -> None:
    encoded = encode(value)

    assert decode(encoded) == described
    assert encode(described) == encoded


def test_a_set_of_instances_comes_back_as_a_set() -> None:
    assert decode(encode({Color.RED})) == {DESCRIBED[1][1]}
    assert encode(snapshot({Color.RED, (Color.RED,)})) == encode({Color.RED, (Color.RED,)})


def test_of_any_other_object_the_repr_is_kept_without_its_address() -> None:
    encoded = encode([threading.Thread, object()])

    assert decode(encoded) == [
        Opaque(type_name="type", text="<class 'threading.Thread'>"),
        Opaque(type_name="object", text="<object object>"),
    ]
    assert encoded.count(b'"$opaque"') == 2


@pytest.mark.parametrize(
    ("shown", "kept"),
    [
        ("<C at 0x7f4cb5b34420>", "<C>"),
        ("<C at 0x7F4C; inner D at 0x1>", "<C; inner D>"),
        ("<C(0x7f4cb5b34420)>", "<C(0x…)>"),
        ("<Mock id='139792898077072'>", "<Mock>"),
        ("<colour 0xff00ff id='7'>", "<colour 0xff00ff id='7'>"),
    ],
)
def test_addresses_are_taken_out_and_other_numbers_are_not(shown: str, kept: str) -> None:
    class Shown:
        def __repr__(self) -> str:
            return shown

    read = decode(encode(Shown()))

    assert isinstance(read, Opaque)
    assert read.text == kept


def test_a_repr_is_kept_to_two_thousand_characters() -> None:
    class Wordy:
        def __repr__(self) -> str:
            return "w" * 10**6

    shown = decode(encode(Wordy()))

    assert isinstance(shown, Opaque)
    assert shown.text == "w" * 1999 + "…"


def test_an_exception_of_an_object_being_read_is_not_raised() -> None:
    late = NOON.replace(tzinfo=LostZone())

    assert decode(encode(Liar())) == Opaque(type_name=f"{HERE}:Liar", text="<repr raised KeyError>")
    assert decode(encode([late])) == [
        Opaque(type_name="datetime:datetime", text="datetime.datetime(2024, 12, 28, 12, 0, tzinfo=LostZone())")
    ]
    assert type(snapshot([Liar()])) is list


def test_a_change_of_an_object_being_read_raises_no_exception() -> None:
    outer: dict[object, object] = {}

    class Growing:
        def model_dump(self) -> dict[str, object]:
            outer[len(outer)] = 1
            return {}

    outer["model"] = Growing()

    assert decode(encode(outer)) == Opaque(type_name="dict", text="<it changed while it was read>")
    assert decode(encode(snapshot(outer))) == Opaque(type_name="dict", text="<it changed while it was read>")


def test_an_int_of_any_length_is_kept() -> None:
    assert decode(encode(10**5000)) == 10**5000


def test_a_dict_that_only_resembles_a_tag_stays_a_dict() -> None:
    foreign: list[dict[str, object]] = [
        {"$gt": 5},
        {"$tuple": "ab"},
        {"$set": [[]]},
        {"$int": 7},
        {"$bytes": "?"},
        {"$Decimal": "x"},
        {"$object": {}},
        {"$opaque": {"type": 1, "repr": "r"}},
    ]

    assert decode(json.dumps(foreign)) == foreign


@pytest.mark.parametrize("text", ["", "{", b"\xff", "[" * 100_000])
def test_text_that_is_not_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(text)


@given(VALUES)
def test_every_value_comes_back_the_same(value: object) -> None:
    encoded = encode(value)

    assert same(decode(encoded), value)


@given(PLAIN_JSON)
def test_a_value_of_json_is_written_as_json(value: object) -> None:
    assert same(json.loads(encode(value)), value)


@given(VALUES)
def test_a_value_has_one_text_at_any_place(value: object) -> None:
    assert text_of((value,)) == f'{{"$tuple":[{text_of(value)}]}}'
    assert text_of([value]) == f"[{text_of(value)}]"


@given(VALUES)
def test_a_text_is_a_value_like_any_other(value: object) -> None:
    foreign = json.loads(encode(value))

    assert same(decode(encode(foreign)), foreign)


@given(VALUES)
def test_a_snapshot_has_the_text_of_its_value(value: object) -> None:
    assert encode(snapshot(value)) == encode(value)
