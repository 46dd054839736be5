"""The inputs of a call stand under the names of the function's parameters, however they were given."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.heard import FLUSH_SECONDS, Away, Heard, recorded_locally, spooled
from titan_sdk import Redact, action
from titan_sdk.recording.process import recording_to


@pytest.fixture
def heard() -> Iterator[Heard]:
    with recorded_locally() as heard:
        yield heard


def plain(left: int, right: int = 2) -> None: ...


def with_more(left: int, /, *rest: int, flag: bool = False, **more: int) -> None: ...


def anything(*args: object, **kwargs: object) -> None: ...


def nothing() -> None: ...


def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that only says by `__wrapped__` what it takes."""

    @functools.wraps(function)
    def call(*args: object, **kwargs: object) -> object:
        return function(*args, **kwargs)

    return call


class Door:
    """Its method is given along with the object that it belongs to."""

    def open(self, code: str, tries: int = 3) -> None: ...


class Scales:
    """An object that is called."""

    def __call__(self, weight: int) -> None: ...


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "inputs"),
    [
        (plain, (1,), {}, {"left": 1}),
        (plain, (1, 4), {}, {"left": 1, "right": 4}),
        (plain, (), {"right": 4, "left": 1}, {"left": 1, "right": 4}),
        (with_more, (1,), {}, {"left": 1}),
        (
            with_more,
            (1, 2, 3),
            {"flag": True, "left": 7, "x": 4},
            {"left": 1, "rest": [2, 3], "flag": True, "more": {"left": 7, "x": 4}},
        ),
        (anything, (1,), {}, {"args": [1]}),
        (anything, (1,), {"a": 2}, {"args": [1], "kwargs": {"a": 2}}),
        (nothing, (), {}, {}),
        (wrapped(plain), (1, 4), {}, {"left": 1, "right": 4}),
        (functools.partial(plain, 1), (4,), {}, {"right": 4}),
        (Door().open, ("7",), {"tries": 1}, {"code": "7", "tries": 1}),
        (Scales(), (5,), {}, {"weight": 5}),
        (max, (1, 2), {}, {"args": [1, 2], "kwargs": {}}),
    ],
)
def test_each_input_is_under_the_name_of_its_parameter(
    heard: Heard,
    function: Callable[..., Any],
    args: tuple[object, ...],
    kwargs: dict[str, object],
    inputs: dict[str, object],
) -> None:
    action(function)(*args, **kwargs)

    assert heard.action()["inputs"] == inputs


@pytest.mark.parametrize(
    ("args", "kwargs", "inputs"),
    [
        ((1, 2, 3, 4), {}, {"left": 1, "right": 2, "*": [3, 4]}),
        ((1,), {"left": 5, "wrong": 6}, {"left": 1, "**": {"left": 5, "wrong": 6}}),
        ((), {"right": 6}, {"right": 6}),
    ],
)
def test_a_call_with_wrong_arguments_is_recorded_by_name_too(
    heard: Heard, args: tuple[int, ...], kwargs: dict[str, int], inputs: dict[str, object]
) -> None:
    call: Callable[..., None] = action(plain)
    with pytest.raises(TypeError):
        call(*args, **kwargs)

    told = heard.action()
    assert (told["inputs"], told["failure"]["type"]) == (inputs, "TypeError")


def test_a_method_called_without_its_object_raises_the_same_error_as_without_recording(heard: Heard) -> None:
    class Shop:
        @action
        def buy(self, what: str) -> None: ...

    with pytest.raises(TypeError, match="missing 2 required positional arguments"):
        Shop.buy()  # type: ignore[call-arg]  # that is the mistake

    assert heard.action()["inputs"] == {}


def test_a_field_is_taken_out_wherever_its_argument_was_given(heard: Heard) -> None:
    @action(redact=Redact(fields=["pin"]))
    def unlock(user: str, pin: str) -> None: ...

    unlock("bob", "open sesame")
    unlock(pin="open sesame", user="bob")

    assert [each["inputs"] for each in heard.actions()] == [{"user": "bob", "pin": "[redacted:pin]"}] * 2
    assert b"open sesame" not in b"".join(heard.bodies)


def test_a_password_by_place_does_not_come_to_the_disk(heard: Heard, tmp_path: Path) -> None:
    @action
    def login(user: str, password: str) -> None: ...

    away = Away(tmp_path)
    with recording_to(away.recorder):
        login("bob", "correct horse")
        away.recorder.close(FLUSH_SECONDS)

    inputs = [each["inputs"] for each in spooled(tmp_path) if "inputs" in each]
    assert inputs == [{"user": "bob", "password": "[redacted:password]"}]
