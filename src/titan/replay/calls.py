"""The actions of a recording and of a replay as a comparison takes them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from titan.insight.export_lines import ActionLine
from titan.insight.replay.bodies import Body, body_of
from titan.insight.replay.recorded_action import RecordedAction, call_site_of
from titan.model.actions import CALLS, INCURRED
from titan.replay.execution import CallEntry, ReportedCall

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING: Final = Decimal(0)


def recorded_actions(lines: Sequence[ActionLine], *, is_whole: bool = False) -> list[RecordedAction]:
    """Return the actions of an export that a replay comes to, in the order of their start.

    Where a whole run is replayed, these are calls of the model endpoint, too.
    """
    sources = {"sdk", "endpoint"} if is_whole else {"sdk"}
    own = [line for line in lines if not line.sources or not sources.isdisjoint(line.sources)]
    actions = {line.id: _recorded(line) for line in own}
    for line in own:
        if line.sources == ("endpoint",) and (around := actions.get(line.parent_id or "")) is not None:
            actions[line.id] = replace(actions[line.id], task=around.task)  # the endpoint does not know it
    return sorted(actions.values(), key=_start)


def replayed_actions(calls: Sequence[ReportedCall], recorded: Mapping[str, RecordedAction]) -> list[RecordedAction]:
    """Return what a replay did, in the order of its start; `recorded` are the recording's actions by id."""
    return sorted((_replayed(call, recorded) for call in calls), key=_start)


def _start(action: RecordedAction) -> datetime:
    return action.started_at


def _recorded(line: ActionLine) -> RecordedAction:
    details = _details(line.details)
    return RecordedAction(
        id=line.id,
        name=line.action or line.name or "",
        is_call=line.kind in CALLS if line.is_counted is None else line.is_counted,
        started_at=line.started_at,
        ended_at=line.ended_at,
        parent_id=line.parent_id,
        task=details.get("task") or "",
        call_site=call_site_of(details),
        inputs=_body(line.inputs),
        outputs=_body(line.outputs),
        failure=None if line.error is None else _failure(line.error.type, line.error.message),
        outcome=line.outcome,
        effect=line.effect,
        cost=line.cost_usd or _NOTHING if line.outcome in INCURRED else _NOTHING,
    )


def _replayed(call: ReportedCall, recorded: Mapping[str, RecordedAction]) -> RecordedAction:
    if call.entry is None:  # it was answered, for the same inputs
        original = recorded[call.recorded_id or ""]
        started_at = _time(call.started_at_ns)
        return replace(
            original,
            id=call.id or "",
            parent_id=call.parent_id,
            started_at=started_at,
            ended_at=started_at,
            cost=_NOTHING,
        )
    return _made(call.entry, has_run=call.how == "ran")


def _made(entry: CallEntry, *, has_run: bool) -> RecordedAction:
    details = _details(entry.details)
    return RecordedAction(
        id=entry.id,
        name=entry.name,
        is_call=entry.kind in CALLS,
        started_at=_time(entry.started_at_ns),
        ended_at=_time(entry.started_at_ns + entry.duration_ns),
        parent_id=entry.parent_id,
        task=details.get("task") or "",
        call_site=call_site_of(details),
        inputs=_body(entry.inputs),
        outputs=_body(entry.outputs),
        failure=None if entry.failure is None else _failure(entry.failure.type, entry.failure.message),
        outcome=entry.outcome,
        effect=entry.effect,
        cost=(entry.cost_usd or _NOTHING) if has_run else _NOTHING,
    )


def _time(ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=ns // 1000)


def _body(raw: msgspec.Raw | msgspec.UnsetType) -> Body | None:
    return None if raw is msgspec.UNSET else body_of(bytes(raw).decode())


def _details(raw: msgspec.Raw | msgspec.UnsetType) -> dict[str, Any]:
    found = None if raw is msgspec.UNSET else msgspec.json.decode(raw)
    return found if isinstance(found, dict) else {}


def _failure(kind: str, message: str) -> str:
    return f"{kind}: {message}".removesuffix(": ")
