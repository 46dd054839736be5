"""Results: what JSON can say comes back as it was; what it cannot is refused with its place."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from titan_sdk import set_result
from titan_sdk.errors import InvalidInput

ITSELF: list[object] = []
ITSELF.append(ITSELF)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"scores": [1.0, float("nan")]}, r"\$\.scores\[1\]: expected a number that JSON has; found nan"),
        (float("-inf"), "found -inf"),
        ([2**64], "one of 65 bits. Use a text"),
        ({"a": {1: "x"}}, r"\$\.a: expected keys that are text; found the key 1"),
        ((datetime.date(2024, 5, 1),), r"\$\[0\]: .*found date"),
        (Decimal(1), "found Decimal"),
        (b"x", "found bytes"),
        ({1, 2}, "found set"),
        (ITSELF, "does it contain itself"),
    ],
)
def test_a_value_that_json_cannot_hold_is_refused_with_its_place(value: object, place: str) -> None:
    with pytest.raises(InvalidInput, match=place) as caught:
        set_result(value)

    assert "Nothing was stored" in caught.value.next_step


def test_outside_of_a_job_there_is_no_result_to_set() -> None:
    with pytest.raises(InvalidInput, match="store_put"):
        set_result({"any": [1, 2.5, None, True, "text", -(2**63)]})
