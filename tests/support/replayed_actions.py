"""Builders of recorded and replayed actions for comparisons."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count

from tests.support.builders import NOON
from titan.insight.replay.recorded_action import RecordedAction, body_of
from titan.model.actions import Outcome

_numbers = count(1)


def a_call(
    name: str = "call_llm",
    given: object = None,
    gave: object = None,
    *,
    id: str | None = None,
    parent: str | None = None,
    cost: str = "0",
    error: str | None = None,
) -> RecordedAction:
    """Return a call; `in_turn` and `at_once` say when it was made."""
    return RecordedAction(
        id=id or f"{name}-{next(_numbers)}",
        name=name,
        is_call=True,
        started_at=NOON,
        parent_id=parent,
        inputs=None if given is None else body_of(json.dumps(given)),
        outputs=None if gave is None else body_of(json.dumps(gave)),
        failure=error,
        outcome=Outcome.ERROR if error else Outcome.SUCCESS,
        cost=Decimal(cost),
    )


def a_group(name: str, *, id: str, parent: str | None = None) -> RecordedAction:
    """Return an agent or a step, which groups calls."""
    return replace(a_call(name, id=id, parent=parent), is_call=False)


def in_turn(*actions: RecordedAction) -> list[RecordedAction]:
    """Return actions that began one after the other had ended."""
    seconds = [timedelta(seconds=place) for place in range(len(actions))]
    return [
        replace(action, started_at=NOON + at, ended_at=NOON + at + timedelta(milliseconds=500))
        for action, at in zip(actions, seconds, strict=True)
    ]


def at_once(*actions: RecordedAction) -> list[RecordedAction]:
    """Return actions that began one after the other and all ended together."""
    return [replace(action, ended_at=NOON + timedelta(hours=1)) for action in in_turn(*actions)]
