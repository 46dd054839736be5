"""Which calls a failure rule takes."""

from typing import Any

import msgspec
import pytest

from tests.unit.world.a_shop import a_world
from titan.world.definition import FailureRule
from titan.world.failure_rules import Counts, fire, next_turn
from titan.world.ledger import seeded


def _rules(*match: dict[str, Any], **fields: Any) -> list[FailureRule]:
    plain = [{"trigger": "any_tool_call", "action": {"type": "error"}, "match": one, **fields} for one in match]
    return msgspec.convert(plain, list[FailureRule])


def _fired(rules: list[FailureRule], calls: int = 6, **args: Any) -> list[int]:
    """The ordinals, from 1, of the calls at which a rule fires."""
    ledger = seeded(a_world().initial_state)
    counts, found = Counts(), []
    for number in range(1, calls + 1):
        rule, counts = fire(rules, "get_order", args, ledger, counts)
        if rule is not None:
            found.append(number)
    return found


@pytest.mark.parametrize(
    ("match", "fired"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"nth": 2}, [2]),
        ({"first": 2}, [1, 2]),
        ({"after": 4}, [5, 6]),
        ({"every": 3}, [3, 6]),
        ({"after": 2, "every": 2}, [4, 6]),
        ({"args": {"$.order_id": "O1"}}, [1, 2, 3, 4, 5, 6]),
        ({"args": {"order_id": "O2"}}, []),
        ({"flag": "escalated"}, []),
        (
            {"entity": {"entity_type": "order", "id": "O2", "where": [{"field": "status", "value": "shipped"}]}},
            [1, 2, 3, 4, 5, 6],
        ),
        ({"entity": {"entity_type": "order", "where": [{"field": "status", "value": "cancelled"}]}}, []),
        ({"turn": 1}, []),
        ({"probability": 0.0}, []),
        ({"probability": 1.0}, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_a_rule_fires_where_all_of_its_conditions_hold(match: dict[str, Any], fired: list[int]) -> None:
    assert _fired(_rules(match), order_id="O1") == fired


def test_the_first_rule_wins_and_the_others_count_nevertheless() -> None:
    rules = _rules({"nth": 1}, {"nth": 2})

    assert _fired(rules, calls=3) == [1, 2]


def test_a_rule_fires_no_more_often_than_it_may() -> None:
    assert _fired(_rules({}, max_fires=2)) == [1, 2]


def test_a_probability_draws_the_same_each_time_and_another_seed_draws_otherwise() -> None:
    drawn = [_fired(_rules({"probability": 0.5, "seed": seed}), calls=100) for seed in (1, 1, 2)]

    assert drawn[0] == drawn[1] != drawn[2]
    assert 30 < len(drawn[0]) < 70


def test_counts_of_a_turn_begin_anew_with_the_next_one() -> None:
    rules = _rules({"nth": 1}, scope="turn") + _rules({"nth": 1})
    ledger = seeded(a_world().initial_state)
    _, counts = fire(rules, "get_order", {}, ledger, Counts())

    rule, _ = fire(rules, "get_order", {}, ledger, next_turn(rules, counts))

    assert rule is rules[0]
