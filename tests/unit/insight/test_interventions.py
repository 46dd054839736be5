"""Interventions read back from the events they were recorded as."""

import pytest

from tests.support.recorded import a_call, heard
from titan.insight.bodies import Bodies, intervention_of, is_intervention
from titan.model.actions import ActionEntry, ActionKind, Source
from titan.model.runs import Action


def recorded(entry: ActionEntry) -> Action:
    return heard([entry]).actions[1]


@pytest.mark.parametrize(
    ("source", "kind", "is_one"),
    [
        (Source.SENTINEL, ActionKind.EVENT, True),
        (Source.SENTINEL, ActionKind.TOOL, False),
        (Source.SDK, ActionKind.EVENT, False),
    ],
)
def test_only_an_event_of_a_guard_is_one(source: Source, kind: ActionKind, is_one: bool) -> None:
    assert is_intervention(recorded(a_call(source=source, kind=kind))) is is_one


@pytest.mark.parametrize("details", [None, "{}", "[]", '{"intervention":"[redacted:card]"}'])
def test_one_whose_details_say_nothing_is_shown_all_the_same(details: str | None) -> None:
    event = a_call(source=Source.SENTINEL, kind=ActionKind.EVENT, name="hard_block")

    told = intervention_of(recorded(event), Bodies(details=details))

    assert (told.type, told.outcome, told.action_name, told.estimated_cost) == ("hard_block", "", "", None)
