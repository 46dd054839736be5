"""What is expected is said by name: the values of a choice, the fields of an object."""

from typing import Any

import msgspec
import pytest

from titan.server.expectations import OTHERWISE, expected_of
from titan.server.wire_actions import RecordBody
from titan.server.wire_runs import InterceptsQuery, RegistryQuery

KINDS = "one of model, tool, call, agent, step, turn, thought, handoff, event"


def refused(shape: Any, given: object) -> str:
    """Return what is expected instead of what was given."""
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(given, shape, strict=False)
    return expected_of(shape, caught.value)


@pytest.mark.parametrize(
    ("shape", "given", "expected"),
    [
        (InterceptsQuery, {"window": "1d"}, "one of 24h, 30d, 7d, all"),
        (RegistryQuery, {"order": "up"}, "one of asc, desc"),
        (InterceptsQuery, {"windw": "7d"}, "no fields but window, agent_id, q, limit"),
        (RecordBody, {"run_id": "R", "entries": [{"type": "action", "kind": "x"}]}, KINDS),
        (dict[str, list[InterceptsQuery]], {"a": [{"window": "1d"}]}, "one of 24h, 30d, 7d, all"),
        (RegistryQuery, {"limit": 0}, OTHERWISE),
    ],
)
def test_what_is_allowed_is_listed(shape: Any, given: object, expected: str) -> None:
    assert refused(shape, given) == expected


def test_what_is_no_json_is_referred_to_the_document() -> None:
    assert expected_of(RegistryQuery, ValueError("no")) == OTHERWISE
