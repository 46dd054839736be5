"""A recorded run as the bundle that agentsentinel-sdk replays: `ReplayMode.from_json` (spec/runs.md 2.4)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct

from titan.ingest.agentsentinel.calls import failure_text
from titan.ingest.values import shallow
from titan.model.actions import Failure, Outcome, Payload
from titan.model.runs import Action
from titan_sdk.tape import decode

MOST_LEVELS: Final = 900  # Python's `json` ends at some 990, the deepest request at 980


class BundleEntry(Struct, kw_only=True):
    """One recorded call."""

    id: str
    action: str
    inputs: dict[str, Any]
    outputs: Any
    cost_usd: float
    duration_ms: float
    outcome: str
    timestamp: str
    tags: tuple[str, ...]
    run_id: str


def bundle_entry(
    action: Action, *, inputs: Payload | None, outputs: Payload | None, failure: Failure | None
) -> BundleEntry:
    """Return a call as that client wrote it: plain JSON, at its end's time; an error is its words as the outputs.

    Types that JSON has not are what Python's `json` and `str` make of them: a tuple is a list, a set a list in order.
    What is nested deeper than the client's `json` reads stands as the text that it is.
    """
    given = None if inputs is None else _value_of(inputs.whole)
    gave = None if outputs is None else _value_of(outputs.whole)
    ended_at = action.ended_at or action.started_at + timedelta(microseconds=(action.duration_ns or 0) // 1000)
    return BundleEntry(
        id=action.id,
        action=action.name,
        inputs=given if isinstance(given, dict) else {} if given is None else {"args": [given], "kwargs": {}},
        outputs=failure_text(failure) if gave is None and failure is not None else gave,
        cost_usd=float(action.cost or 0),
        duration_ms=(action.duration_ns or 0) / 1_000_000,
        outcome=(action.outcome or Outcome.ERROR).value,
        timestamp=_iso(ended_at),
        tags=action.tags,
        run_id=action.run_id,
    )


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _value_of(text: str) -> Any:
    is_deep = text.count("[") + text.count("{") > MOST_LEVELS
    return _plain(decode(shallow(text, levels=MOST_LEVELS) if is_deep else text))


def _plain(value: object) -> Any:
    """Return a value as JSON can say it; what it cannot say becomes text. It walks no deeper than it stands itself."""
    top: list[Any] = [value]
    sets: list[list[Any]] = []
    todo: list[tuple[Any, Any]] = [(top, 0)]  # places whose values are to become plain
    while todo:
        into, place = todo.pop()
        found = into[place]
        if isinstance(found, Mapping):
            into[place] = made = {str(key): part for key, part in found.items()}
            todo.extend((made, key) for key in made)
        elif isinstance(found, list | tuple | set | frozenset):
            into[place] = parts = list(found)
            todo.extend((parts, number) for number in range(len(parts)))
            if isinstance(found, set | frozenset):
                sets.append(parts)
        else:
            into[place] = _leaf(found)
    for parts in reversed(sets):  # those within first
        parts.sort(key=msgspec.json.encode)
    return top[0]


def _leaf(value: object) -> object:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)  # no NaN, no infinity: most readers refuse them
    return str(value)
