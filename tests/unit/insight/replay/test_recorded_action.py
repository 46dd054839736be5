"""What a comparison takes of an action and its bodies."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.support.builders import NOON, PROJECT
from titan.insight.bodies import Bodies
from titan.insight.replay.recorded_action import Lack, RecordedAction, recorded_action
from titan.model.actions import ActionKind, Failure, Outcome, Payload, Redaction
from titan.model.runs import COUNTS_ALL, Action

ACTION = Action(
    number=1,
    project_id=PROJECT,
    run_id="r",
    id="a",
    sources=("sdk",),
    kind=ActionKind.CALL,
    name="search",
    agent_id="agent",
    started_at=NOON,
    outcome=Outcome.SUCCESS,
    cost=Decimal("0.5"),
    count=COUNTS_ALL,
)


def test_bodies_are_put_together_and_secrets_are_known_by_their_fingerprints() -> None:
    taken = Redaction(path="$.inputs", name="aws_key", fingerprint="f1")
    bodies = Bodies(inputs=Payload('{"a":1}'), outputs=Payload("2"), redacted=(taken,))

    found = recorded_action(ACTION, bodies)

    assert (found.inputs and found.inputs.text, found.outputs and found.outputs.text) == ('{"a":1}', "2")
    assert found.fingerprints == ("f1",)
    assert found.output_lacks == frozenset()


@pytest.mark.parametrize(
    ("details", "site"),
    [
        ('{"callsite":{"file":"/home/me/agent.py","line":7,"qualname":"plan"}}', "agent.py:plan"),
        ('{"callsite":{"file":"C:\\\\me\\\\agent.py","line":9,"function":"plan"}}', "agent.py:plan"),
        ('{"callsite":{"file":"agent.py","line":9}}', "agent.py:"),
        ('{"callsite":{"line":9}}', None),
        ('{"callsite":"agent.py"}', None),
        ("[1]", None),
        (None, None),
    ],
)
def test_a_call_site_is_file_and_function_and_never_the_line(details: str | None, site: str | None) -> None:
    assert recorded_action(ACTION, Bodies(details=details)).call_site == site


def test_a_task_has_the_name_its_source_gives() -> None:
    assert recorded_action(ACTION, Bodies(details='{"task":"main/1"}')).task == "main/1"
    assert recorded_action(ACTION, Bodies(details='{"task":1}')).task is None


@pytest.mark.parametrize(
    ("outcome", "has_cost", "cost"),
    [
        (Outcome.SUCCESS, True, "0.5"),
        (Outcome.ERROR, True, "0.5"),
        (Outcome.SUCCESS, False, "0"),
        (Outcome.BLOCKED, True, "0"),
        (Outcome.REPLAYED, True, "0"),
    ],
)
def test_cost_is_the_incurred_cost_counted_once(outcome: Outcome, has_cost: bool, cost: str) -> None:
    action = replace(ACTION, outcome=outcome, count=replace(COUNTS_ALL, has_cost=has_cost))

    assert recorded_action(action, Bodies()).cost == Decimal(cost)


def test_a_cost_that_is_unknown_is_none_that_is_added() -> None:
    assert recorded_action(replace(ACTION, cost=None), Bodies()).cost == 0


def test_a_failure_is_read_from_its_entry_or_else_from_its_row() -> None:
    def told(action: Action, failure: Failure | None) -> RecordedAction:
        return recorded_action(action, Bodies(failure=failure))

    never_ended = replace(ACTION, error_type="NeverEnded")

    assert told(ACTION, Failure(type="ValueError", message="nope")).failure == "ValueError: nope"
    assert told(ACTION, Failure(type="ValueError")).failure == "ValueError"
    assert told(never_ended, None).failure == "NeverEnded"
    assert told(ACTION, None).failure is None


@pytest.mark.parametrize(
    ("outputs", "lacks"),
    [
        ('{"$cut":{"type":"str","reason":"size"}}', {Lack.CUT}),
        ('[{"$opaque":{"type":"_thread:lock","repr":"<lock>"}}]', {Lack.OPAQUE}),
        ('"Bearer [redacted:jwt]"', {Lack.REDACTED}),
        ("{", {Lack.UNREADABLE}),
        ('"{\\"$cut\\":{}}"', set()),
        ('{"text":"[redacted]"}', set()),
    ],
)
def test_outputs_that_code_could_not_be_given_say_why(outputs: str, lacks: set[Lack]) -> None:
    assert recorded_action(ACTION, Bodies(outputs=Payload(outputs))).output_lacks == lacks
