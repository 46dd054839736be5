"""Arguments of a call from their names: what `Parameters.named` gives is taken apart again."""

from __future__ import annotations

from typing import Any

import pytest

from titan_sdk.recording.calls import parameters_of


def plain(user: str, password: str = "", *groups: str, age: int = 0, **more: object) -> None:
    """Take arguments of each kind."""


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [(["bob"], {}), (["bob", "x", "staff", "ops"], {"age": 7}), (["bob", "x"], {"city": "Graz"})],
)
def test_named_arguments_become_the_same_call_again(args: list[object], kwargs: dict[str, Any]) -> None:
    parameters = parameters_of(plain)

    assert parameters.arguments(parameters.named(args, kwargs)) == (args, kwargs)


def test_arguments_of_a_function_without_known_parameters_are_taken_as_they_are() -> None:
    parameters = parameters_of(dict.update)  # its signature is known to nobody

    assert parameters.arguments({"args": [1], "kwargs": {"a": 2}}) == ([1], {"a": 2})
