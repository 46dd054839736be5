"""Runs with all their actions and notes, as JSON Lines or as one JSON document, piece by piece.

Nothing is held but the line that is written, so an export may be longer than the memory.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from titan.insight.bodies import Bodies
from titan.insight.export_lines import (
    ActionLine,
    Contents,
    EndLine,
    FailureLine,
    Line,
    NoteLine,
    RedactionLine,
    RunLine,
)
from titan.model.actions import CALLS, Failure, Payload
from titan.model.runs import Action, Note, Run, ToldEnd, righted
from titan.rules.recording import known_by
from titan.rules.reports import is_never_ended

_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedRun:
    """A run and its actions, which are asked for when they are written.

    Payloads come whole: one whose content stands apart (`Payload.blob`) is to be fetched before.
    """

    run: Run
    actions: Iterable[tuple[Action, Bodies]]
    ids: Mapping[int, str] = field(default_factory=dict)  #: number → id, of its actions
    details: Sequence[str] = ()  #: JSON objects of what else was told of the run: see `insight.run_details`
    notes: Sequence[Note] = ()  #: on the run and its actions


def json_lines(runs: Iterable[ExportedRun]) -> Iterator[bytes]:
    """Yield a line for each run, behind it those of its actions and of its notes, and a manifest at the end."""
    contents = Contents()
    for exported in runs:
        for line in _lines_of(exported):
            encoded = _encoded(line)
            contents.add(line, encoded)
            yield encoded
    yield _encoded(contents.manifest())


def json_document(runs: Iterable[ExportedRun], *, exported_at: datetime, filters: Mapping[str, str]) -> Iterator[bytes]:
    """Yield the pieces of `{"exported_at": …, "filters": {…}, "runs": [{…, "actions": […], "notes": […]}, …], …}`."""
    head = {"exported_at": exported_at, "filters": dict(filters)}
    yield msgspec.json.encode(head)[:-1] + b',"runs":['
    run_count = action_count = note_count = 0
    for exported in runs:
        separator = b"," if run_count else b""
        run_count += 1
        yield separator + msgspec.json.encode(run_line(exported))[:-1] + b',"actions":['
        for place, (action, bodies) in enumerate(exported.actions):
            action_count += 1
            yield (b"," if place else b"") + msgspec.json.encode(action_line(action, bodies, exported.ids))
        notes = [note_line(note, exported) for note in exported.notes]
        note_count += len(notes)
        yield b'],"notes":%b}' % msgspec.json.encode(notes)
    counts = {"runs": run_count, "actions": action_count, "notes": note_count}
    yield b"],%b" % msgspec.json.encode({"counts": counts})[1:]


def run_line(exported: ExportedRun) -> RunLine:
    """Return a run as a line."""
    run, tally = exported.run, exported.run.tally
    lasted = None if run.ended_at is None else run.ended_at - run.started_at
    agent_source, agent_at = known_by(run.agent_order)
    return RunLine(
        run_id=run.id,
        agent_id=run.agent_id,
        agent_source=agent_source,
        agent_at=agent_at,
        session_id=run.session_id,
        name=run.name,
        status=run.status,
        status_source=run.status_source,
        reason=run.reason,
        started_at=run.started_at,
        ended_at=run.ended_at,
        last_event_at=run.last_event_at,
        last_started_at=run.last_started_at,
        last_outcome=run.last_outcome,
        last_ended_at=run.last_ended_at,
        told_end=_end_line(run.told_end),
        duration_ms=None if lasted is None else lasted / _MICROSECOND / 1000,
        cost_usd=tally.cost,
        unpriced=tally.unpriced,
        estimated=tally.estimated,
        attempted_cost_usd=tally.attempted_cost,
        prevented_cost_usd=tally.prevented,
        saved_cost_usd=tally.saved,
        calls=tally.calls,
        attempts=tally.attempts,
        success=tally.success,
        error=tally.error,
        blocked=tally.blocked,
        rejected=tally.rejected,
        replayed=tally.replayed,
        success_rate=tally.success / tally.attempts if tally.attempts else None,
        input_tokens=tally.input_tokens,
        output_tokens=tally.output_tokens,
        done=run.done,
        total=run.total,
        progress_at=run.progress_at,
        tags=run.tags,
        pinned_at=run.pinned_at,
        details=_raw_details(exported.details),
    )


def action_line(action: Action, bodies: Bodies, ids: Mapping[int, str]) -> ActionLine:
    """Return an action as a line."""
    failure = bodies.failure or _never_ended(action)
    return ActionLine(
        id=action.id,
        run_id=action.run_id,
        action=action.name,
        name=action.name,
        kind=action.kind,
        agent_id=action.agent_id,
        parent_id=action.parent_id,
        sources=action.sources,
        is_counted=action.count.is_call if action.kind in CALLS else None,
        duplicate_of=None if action.count.duplicate_of is None else ids.get(action.count.duplicate_of),
        actor=action.actor,
        started_at=action.started_at,
        ended_at=action.ended_at,
        duration_ms=None if action.duration_ns is None else action.duration_ns / 1_000_000,
        duration_ns=action.duration_ns,
        outcome=action.outcome,
        cost_usd=action.cost,
        is_cost_estimated=action.is_cost_estimated,
        model=action.model,
        provider=action.provider,
        input_tokens=action.input_tokens,
        output_tokens=action.output_tokens,
        cache_read_tokens=action.cache_read_tokens,
        cache_write_tokens=action.cache_write_tokens,
        reasoning_tokens=action.reasoning_tokens,
        response_id=action.response_id,
        error=None
        if failure is None
        else FailureLine(type=failure.type, message=failure.message, traceback=failure.traceback),
        impact=action.impact,
        effect=action.effect,
        tags=action.tags,
        is_redacted=action.is_redacted,
        redacted=tuple(
            RedactionLine(path=one.path, name=one.name, fingerprint=one.fingerprint) for one in bodies.redacted
        ),
        inputs=_raw_payload(bodies.inputs),
        outputs=_raw_payload(bodies.outputs),
        details=_raw(bodies.details),
    )


def _never_ended(action: Action) -> Failure | None:
    """Return why an action failed that never ended: nobody has told it, so it stands in no entry."""
    if not is_never_ended(action) or action.error_type is None:
        return None
    return Failure(type=action.error_type, message=action.error_message or "")


def note_line(note: Note, exported: ExportedRun) -> NoteLine:
    """Return a note as a line."""
    seen = note.troubles - righted(exported.run)
    return NoteLine(
        id=note.id,
        run_id=note.run_id,
        action_id=note.action_id,
        author=note.author,
        at=note.at,
        name=note.name,
        score=note.score,
        text=note.text,
        acknowledges=note.acknowledges,
        troubles=max(0, seen) if note.acknowledges else 0,
        mutes=note.mutes,
    )


def _lines_of(exported: ExportedRun) -> Iterator[Line]:
    yield run_line(exported)
    for action, bodies in exported.actions:
        yield action_line(action, bodies, exported.ids)
    for note in exported.notes:
        yield note_line(note, exported)


def _encoded(line: Line) -> bytes:
    return msgspec.json.encode(line) + b"\n"


def _end_line(told: ToldEnd | None) -> EndLine | None:
    return None if told is None else EndLine(status=told.status, source=told.source, at=told.at, reason=told.reason)


def _raw_payload(payload: Payload | None) -> msgspec.Raw | UnsetType:
    return UNSET if payload is None else _raw(payload.whole)


def _raw_details(told: Sequence[str]) -> msgspec.Raw | UnsetType:
    """Return what was told at once as the object that it is; what was told piece by piece as a list of these."""
    if len(told) < 2:
        return _raw(told[0]) if told else UNSET
    return _raw(f"[{','.join(told)}]")


def _raw(text: str | None) -> msgspec.Raw | UnsetType:
    if text is None:
        return UNSET
    if "\n" in text or "\r" in text:  # between its tokens: within them JSON writes \n
        text = text.replace("\n", " ").replace("\r", " ")
    return msgspec.Raw(text.encode())
