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
