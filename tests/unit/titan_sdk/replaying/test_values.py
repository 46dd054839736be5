"""Recorded values come back as what the program had."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pytest

from titan_sdk.replaying.answers import CannotRevive, revived
from titan_sdk.tape import encoded_text


class Colour(Enum):
    RED = "red"


class Words(list[str]):
    """A list of the program's own."""


class Title(str):
    """A text of the program's own."""


@dataclass(frozen=True, slots=True)
class Frozen:
    at: datetime
    colour: Colour


@dataclass
class Report:
    title: str
    parts: list[Frozen]

    def __post_init__(self) -> None:
        raise AssertionError("no code of the class runs")


Pair = namedtuple("Pair", "left right")


class Plain:
    """Of which only the repr is recorded."""


def a_report(title: str, parts: list[Frozen]) -> Report:
    report = object.__new__(Report)
    report.title, report.parts = title, parts
    return report


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"a": (1, {2, 3}, b"x")},
        Colour.RED,
        Pair(1, Colour.RED),
        Frozen(datetime(2026, 1, 1, tzinfo=UTC), Colour.RED),
        a_report("all", [Frozen(datetime(2026, 1, 1, tzinfo=UTC), Colour.RED)]),
        Words(["a", "b"]),
        Title("one"),
        [{"deep": {"er": Pair(Title("x"), (Colour.RED,))}}],
    ],
    ids=repr,
)
def test_a_value_comes_back_equal_and_of_its_type(value: Any) -> None:
    again = revived(encoded_text(value))

    assert again == value
    assert type(again) is type(value)


def test_a_value_known_by_its_repr_cannot_come_back() -> None:
    with pytest.raises(CannotRevive, match=r"of a .*:Plain only its repr was recorded"):
        revived(encoded_text([Plain()]))


def test_a_value_of_which_a_part_was_recorded_cannot_come_back() -> None:
    with pytest.raises(CannotRevive, match="recorded in part only"):
        revived(encoded_text("x" * 5_000_000))


def test_a_class_that_is_not_loaded_is_named() -> None:
    text = encoded_text(Colour.RED).replace("Colour", "Shade")

    with pytest.raises(CannotRevive, match=r"the class .*:Shade is not loaded; import its module"):
        revived(text)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Pair(1, Colour.RED), {"left": 1, "right": {"name": "RED", "value": "red"}}),
        (a_report("x", [Frozen(datetime(2026, 1, 1, tzinfo=UTC), Colour.RED)]), None),
        (Words(["a", "b"]), ["a", "b"]),
        (Title("t"), "t"),
        ([{"deep": Words(["a"])}], [{"deep": ["a"]}]),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)),
    ],
    ids=repr,
)
def test_a_recording_that_is_not_trusted_makes_no_object_of_a_class_that_it_names(value: Any, plain: Any) -> None:
    found = revived(encoded_text(value), is_trusted=False)

    assert not {kind.__module__ for kind in kinds_in(found)} & {__name__}
    assert plain is None or found == plain


def test_a_class_that_a_recording_names_is_not_even_asked() -> None:
    text = f'{{"$object": {{"type": "{__name__}:Greedy", "state": {{"a": 1}}}}}}'

    assert revived(text, is_trusted=False) == {"a": 1}
    with pytest.raises(AssertionError, match="code of a class"):
        revived(text)


class Greedy:
    """A class that runs code on values."""

    @classmethod
    def model_validate(cls, state: object) -> object:
        raise AssertionError(f"code of a class ran on {state}")


def kinds_in(value: Any) -> set[type]:
    """Return the types of a value and of all in it."""
    parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return {type(value)}.union(*map(kinds_in, parts))
