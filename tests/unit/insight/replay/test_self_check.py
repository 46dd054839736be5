"""Whether a run can be replayed, and the reasons in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec import structs

from tests.support.builders import NOON, PROJECT
from tests.support.replayed_actions import a_call, a_group, in_turn
from titan.insight.replay.recorded_action import Lack, RecordedAction
from titan.insight.replay.self_check import MOST_ACTIONS, Reason, SelfCheck, self_check
from titan.model.actions import Effect
from titan.model.run_control import RunStatus, StatusSource
from titan.model.runs import Run

RUN = Run(
    project_id=PROJECT,
    id="r",
    agent_id="agent",
    status=RunStatus.COMPLETED,
    status_source=StatusSource.EXPLICIT,
    started_at=NOON,
    last_event_at=NOON + timedelta(seconds=9),
    received_at=NOON,
)


def checked(*actions: RecordedAction, run: Run = RUN, is_intact: bool = True) -> SelfCheck:
    return self_check(run, in_turn(*actions), is_intact=is_intact)


def reasons(found: SelfCheck) -> list[str]:
    return [finding.reason.value for finding in found.findings]


def test_a_whole_run_can_be_replayed_for_nothing() -> None:
    found = checked(a_call(given=1, gave=2, cost="0.5"), a_call(error="ValueError: nope", cost="0.25"))

    assert found == SelfCheck(original_cost=Decimal("0.75"), calls=2, replayable=2, findings=())
    assert found.is_available


@pytest.mark.parametrize("status", [RunStatus.PENDING, RunStatus.RUNNING])
def test_an_active_run_cannot_be_self_checked(status: RunStatus) -> None:
    found = checked(a_call(gave=1), run=structs.replace(RUN, status=status))

    assert (reasons(found), found.is_available) == (["run_incomplete"], False)


def test_nothing_recorded_something_lost_or_changed() -> None:
    found = checked(run=structs.replace(RUN, lost=3), is_intact=False)

    assert reasons(found) == ["nothing_recorded", "recording_changed", "entries_lost"]
    assert found.findings[2].count == 3


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (a_call(), Reason.OUTPUTS_MISSING),
        (replace(a_call(gave=1), outcome=None), Reason.CALLS_UNFINISHED),
        (a_call(error="NeverEnded: Its run ended"), Reason.CALLS_UNFINISHED),
        (replace(a_call(gave=1), output_lacks=frozenset({Lack.CUT})), Reason.OUTPUTS_CUT),
        (replace(a_call(gave=1), output_lacks=frozenset({Lack.OPAQUE})), Reason.OUTPUTS_OPAQUE),
        (replace(a_call(gave=1), output_lacks=frozenset({Lack.REDACTED})), Reason.OUTPUTS_REDACTED),
        (replace(a_call(gave=1), output_lacks=frozenset({Lack.UNREADABLE})), Reason.OUTPUTS_UNREADABLE),
    ],
)
def test_a_call_that_cannot_be_answered_is_named_with_the_reason(action: RecordedAction, reason: Reason) -> None:
    found = checked(a_call(gave=1), action)

    assert [(one.reason, one.count, one.action_ids) for one in found.findings] == [(reason, 1, (action.id,))]
    assert (found.calls, found.replayable, found.is_available) == (2, 1, False)


def test_side_effects_and_missing_parents_are_said_and_prevent_nothing() -> None:
    sends = replace(a_call("send", gave=1), effect=Effect.EXTERNAL)

    found = checked(sends, a_call(gave=1, parent="gone"), a_group("step", id="step"))

    assert reasons(found) == ["side_effects", "parents_missing"]
    assert found.is_available


def test_a_finding_names_no_more_actions_than_help() -> None:
    [finding] = checked(*(a_call() for _ in range(MOST_ACTIONS + 1))).findings

    assert (finding.count, len(finding.action_ids)) == (MOST_ACTIONS + 1, MOST_ACTIONS)
