"""Reads what an agent run did in its world: its tool calls, and the ledger after each."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from titan.model.actions import ActionEntry, Payload, Source
from titan.ports.runs_store import CallReader, CallStore, StoredEntry
from titan.ports.runtime import Blobs
from titan.wire.evaluations import ToolCallView
from titan.world.ledger import CannotApply, InitialState, Ledger, Operation, seeded
from titan_sdk.tape import decode

_PAGE: Final = 1_000  # entries


def calls_of_run(calls: CallStore, blobs: Blobs, project_id: str, run_id: str) -> list[ToolCallView]:
    """Return the tool calls of an agent run, in their order."""
    found: list[ToolCallView] = []

    def read(reader: CallReader) -> list[StoredEntry]:
        entries: list[StoredEntry] = []
        after = 0
        while page := reader.tape(project_id, run_id, after=after, limit=_PAGE):
            entries += page
            after = page[-1].number
        return entries

    for stored in calls.read(read):
        entry = stored.entry
        if isinstance(entry, ActionEntry) and entry.source is Source.WORLD and entry.details is not None:
            world = msgspec.json.decode(entry.details).get("world")
            if world is not None:
                found.append(_view(entry, world, blobs))
    return sorted(found, key=lambda view: view.sequence)


def ledger_after(initial: InitialState, calls: Sequence[ToolCallView], sequence: int) -> Ledger:
    """Return the ledger as it was after the call of that sequence: the fold of what was applied until then.

    Calls that are under way together change it in the order in which they are answered, not begun.
    """
    ledger = seeded(initial)
    for call in sorted(calls, key=lambda call: call.commit):
        for stored in call.operations:
            if stored["drop_reason"] is None:
                plain = {name: value for name, value in stored.items() if name not in ("origin", "drop_reason")}
                operation: Operation = msgspec.convert(plain, Operation)
                try:
                    ledger = ledger.apply(operation, call=call.sequence)
                except CannotApply:
                    continue  # of a call that came meanwhile and is recorded later
        if call.sequence == sequence:
            break
    return ledger


def _view(entry: ActionEntry, world: dict[str, Any], blobs: Blobs) -> ToolCallView:
    duration = 0.0 if entry.ended_at is None else (entry.ended_at - entry.started_at).total_seconds() * 1000
    return ToolCallView(
        sequence=world["sequence"],
        commit=world["commit"],
        action_id=entry.id,
        tool=entry.name,
        actor=entry.actor,
        source=world["source"],
        detail=world["detail"],
        arguments=_value(entry.inputs, blobs),
        response=_value(entry.outputs, blobs),
        operations=world["operations"],
        violations=world["violations"],
        failure_rule_id=world["failure_rule_id"],
        started_at=entry.started_at,
        latency_ms=duration + world["delay_ms"],
    )


def _value(payload: Payload | None, blobs: Blobs) -> Any:
    if payload is None:
        return None
    text = payload.whole.encode()
    if payload.blob is not None:
        path = blobs.path(payload.blob)
        if path is None:
            return None  # gone
        text = path.read_bytes()
    return decode(text)
