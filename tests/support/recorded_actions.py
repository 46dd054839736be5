"""Builders of recorded actions with what they were given and gave, as determinism is predicted from."""

import json
from datetime import datetime, timedelta

from titan.insight.bodies import Bodies
from titan.insight.determinism.model import Recorded
from titan.model.actions import ActionKind, Effect, Impact, Outcome, Payload
from titan.model.runs import Action, counted_alone
from titan_sdk import tape

AT = datetime.fromisoformat("2024-12-28T14:30:00+00:00")


def recorded(
    number: int,
    name: str = "step",
    *,
    inputs: object = None,
    outputs: object = None,
    kind: ActionKind = ActionKind.CALL,
    parent: int | None = None,
    started: float | None = None,
    seconds: float | None = 0.5,
    outcome: Outcome | None = Outcome.SUCCESS,
    effect: Effect | None = None,
    impact: Impact | None = None,
    tags: tuple[str, ...] = (),
    details: dict[str, object] | None = None,
    has_content: bool = True,
) -> Recorded:
    """Return an action that started so many seconds after `AT`: one after the other, where nothing else is said."""
    started_at = AT + timedelta(seconds=number if started is None else started)
    ended_at = None if seconds is None else started_at + timedelta(seconds=seconds)
    action = Action(
        number=number,
        project_id="default",
        run_id="r",
        id=str(number),
        sources=("sdk",),
        kind=kind,
        name=name,
        agent_id="a",
        started_at=started_at,
        ended_at=ended_at,
        outcome=outcome,
        parent_id=None if parent is None else str(parent),
        effect=effect,
        impact=impact,
        tags=tags,
        count=counted_alone(kind),
    )
    bodies = Bodies(
        inputs=a_payload(inputs) if has_content else None,
        outputs=a_payload(outputs) if has_content else None,
        details=None if details is None else json.dumps(details),
    )
    return Recorded(action=action, bodies=bodies)


def a_payload(value: object) -> Payload:
    """Return a value as the SDK sends it."""
    return Payload(tape.encoded_text(value))
