"""What is expected is said by name: the values of a choice, the fields of an object."""

from typing import Any

import msgspec
import pytest

from titan.model.expectations import OTHERWISE, expected_of, found_of
from titan.wire.actions import EndRunBody, FindQuery, LedgerQuery, RecordBody
from titan.wire.notes import InterceptsQuery, NewNoteBody
from titan.wire.runs import RegistryQuery

KINDS = "one of model, tool, call, agent, step, turn, thought, handoff, event"

AT_NS = f"entries[0].at_ns: a whole number from 0 to {2**63 - 1}"


def refused(shape: Any, given: object) -> str:
    """Return what is expected instead of what was given."""
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(given, shape, strict=False)
    return expected_of(shape, caught.value, given)


@pytest.mark.parametrize(
    ("shape", "given", "expected"),
    [
        (RegistryQuery, {"sort": "age"}, "one of actions, cost, determinism, duration, started, success_rate"),
        (RegistryQuery, {"order": "up"}, "one of asc, desc"),
        (InterceptsQuery, {"windw": "7d"}, "no fields but window, agent_id, origin, q, include_acknowledged, limit"),
        (RecordBody, {"run_id": "R", "entries": [{"type": "action", "kind": "x"}]}, f"entries[0].kind: {KINDS}"),
        (dict[str, list[RegistryQuery]], {"a": [{"order": "up"}]}, "a[0].order: one of asc, desc"),
        (RegistryQuery, {"limit": 0}, "limit: a whole number from 1 to 200"),
        (RegistryQuery, {"min_cost": "lots"}, "min_cost: a decimal number, as 0.05"),
        (RegistryQuery, {"include_archived": "perhaps"}, "include_archived: true or false"),
        (LedgerQuery, {"page": "one"}, "page: a whole number from 1 to 200"),
        (LedgerQuery, {"start_date": "yesterday"}, "start_date: a date and time, as 2026-03-01T12:00:00Z"),
        (FindQuery, {}, "q: a text of 1 to 500 characters"),
        (FindQuery, {"q": ""}, "q: a text of 1 to 500 characters"),
        (NewNoteBody, {"name": "n" * 101}, "name: a text of at most 100 characters"),
        (NewNoteBody, {"score": "good"}, "score: a number"),
        (NewNoteBody, {"action_id": 1}, "action_id: a text"),
        (RecordBody, {"run_id": "R"}, "entries: a list of at most 10000 items"),
        (RecordBody, {"entries": [{"type": "run", "at_ns": "x"}]}, AT_NS),
        (RecordBody, {"entries": ["x"]}, "entries[0]: an object"),
        (RecordBody, {"entries": [{"x": 1}]}, "entries[0].type: one of action, run"),
        (RecordBody, {"entries": [{"type": "acton"}]}, "entries[0].type: one of action, run"),
        (RecordBody, {"entries": [{"type": "run", "at_ns": 1}, {"type": 1}]}, "entries[1].type: one of action, run"),
        (EndRunBody, {}, "status: one of completed, failed, cancelled"),
        (dict[str, float], {"a": "x"}, "a: a number"),
        (NewNoteBody, "note", OTHERWISE),
    ],
)
def test_allowed_values_are_listed(shape: Any, given: object, expected: str) -> None:
    assert refused(shape, given) == expected


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"limit": "1000"}, "'1000'"),
        ({"limit": "9" * 61}, "61 characters"),
        ({"windw": "7d"}, "the field windw"),
    ],
)
def test_the_found_value_of_a_query_is_its_text(given: dict[str, str], found: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(given, RegistryQuery, strict=False)

    assert found_of(caught.value, RegistryQuery, given) == found


def test_a_field_that_is_missing_is_found_to_be_none() -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({}, FindQuery)

    assert (found_of(caught.value, FindQuery, {}), found_of(ValueError(), None, {})) == ("none", "ValueError")


def test_invalid_json_is_referred_to_the_document() -> None:
    assert expected_of(RegistryQuery, ValueError("no")) == OTHERWISE
