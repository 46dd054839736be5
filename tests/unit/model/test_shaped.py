"""Facts in the shape of the wire."""

from dataclasses import dataclass

import pytest
from msgspec import Struct

from titan.model.shaped import shaped


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    id: str
    cost: int = 0

    @property
    def is_free(self) -> bool:
        return self.cost == 0


class View(Struct, kw_only=True):
    fact_id: str
    cost: int
    is_free: bool
    note: str | None = None


def test_fields_of_one_name_are_carried_over_and_the_others_given() -> None:
    assert shaped(View, Fact(id="f", cost=3), fact_id="f") == View(fact_id="f", cost=3, is_free=False)


def test_a_given_value_wins_and_a_missing_one_has_its_default() -> None:
    assert shaped(View, Fact(id="f"), fact_id="g", cost=9).cost == 9


def test_a_field_without_a_default_that_nobody_has_is_an_error() -> None:
    with pytest.raises(TypeError, match="fact_id"):
        shaped(View, Fact(id="f"))
