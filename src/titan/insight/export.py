"""Export runs with their actions and notes as JSON Lines, JSON or CSV (RFC 4180), piece by piece.

Nothing is held but the line that is written, so an export may be longer than the memory.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from titan.insight.bodies import Bodies
from titan.insight.export_lines import (
    ActionLine,
    Contents,
    Line,
    NoteLine,
    ProcessLine,
    RunLine,
)
from titan.model.actions import CALLS, INCURRED, Failure, Payload, RunEntry
from titan.model.runs import Action, Note, Run, righted
from titan.model.shaped import shaped
from titan.rules.runs.merge_reports import is_never_ended
from titan.rules.runs.recording import known_by

_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedRun:
    """A run and its actions, which are read when they are written.

    Payloads come whole: one whose content stands apart (`Payload.blob`) is to be fetched before.
    """

    run: Run
    actions: Iterable[tuple[Action, Bodies]]
    ids: Mapping[int, str] = field(default_factory=dict)  #: number → id, of its actions
    details: Sequence[str] = ()  #: JSON objects of what else was reported of the run: see `details_of`
    processes: Sequence[RunEntry] = ()  #: with their programs whole
    notes: Sequence[Note] = ()  #: on the run and its actions


def json_lines(runs: Iterable[ExportedRun]) -> Iterator[bytes]:
    """Yield a line for each run, followed by its actions and notes, and a manifest at the end."""
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
        **_of(run, RunLine),
        **_of(tally, RunLine)
        | {"input_tokens": tally.input_tokens or None, "output_tokens": tally.output_tokens or None},
        run_id=run.id,
        agent_source=agent_source,
        agent_at=agent_at,
        duration_ms=None if lasted is None else lasted / _MICROSECOND / 1000,
        cost_usd=tally.cost,
        attempted_cost_usd=tally.attempted_cost,
        prevented_cost_usd=tally.prevented,
        saved_cost_usd=tally.saved,
        attempts=tally.attempts,
        success_rate=tally.success / tally.attempts if tally.attempts else None,
        details=_raw_details(exported.details),
        processes=tuple(map(_process_line, exported.processes)) or UNSET,
    )


def _process_line(entry: RunEntry) -> ProcessLine:
    program = _raw_payload(entry.program)
    return ProcessLine(at=entry.at, process=msgspec.Raw((entry.process or "{}").encode()), program=program)


def action_line(action: Action, bodies: Bodies, ids: Mapping[int, str]) -> ActionLine:
    """Return an action as a line."""
    return ActionLine(
        **_of(action, ActionLine),
        action=action.name,
        is_counted=action.count.is_call if action.kind in CALLS else None,
        duplicate_of=None if action.count.duplicate_of is None else ids.get(action.count.duplicate_of),
        duration_ms=None if action.duration_ns is None else action.duration_ns / 1_000_000,
        cost_usd=action.cost,
        counted_cost_usd=action.cost if action.count.has_cost and _is_spent(action) else None,
        counted_input_tokens=action.input_tokens if action.count.has_tokens else None,
        counted_output_tokens=action.output_tokens if action.count.has_tokens else None,
        error=bodies.failure or _never_ended(action),
        redacted=bodies.redacted,
        inputs=_raw_payload(bodies.inputs),
        outputs=_raw_payload(bodies.outputs),
        details=_raw(bodies.details),
    )


def _is_spent(action: Action) -> bool:
    """Return whether an action's cost was incurred, also by one that was cancelled; not prevented, saved or to come."""
    return action.outcome in INCURRED or (action.outcome is None and action.ended_at is not None)


def _of(source: Struct, line: type[Struct]) -> dict[str, Any]:
    """Return the fields of a run, its totals or an action that a line also has."""
    return {name: getattr(source, name) for name in _in_both(type(source), line)}


@cache
def _in_both(source: type[Struct], line: type[Struct]) -> tuple[str, ...]:
    return tuple(name for name in source.__struct_fields__ if name in line.__struct_fields__)


def _never_ended(action: Action) -> Failure | None:
    """Return the failure of an action that never ended, which no entry reports."""
    if not is_never_ended(action) or action.error_type is None:
        return None
    return Failure(type=action.error_type, message=action.error_message or "")


def note_line(note: Note, exported: ExportedRun) -> NoteLine:
    """Return a note as a line."""
    seen = note.troubles - righted(exported.run)
    return shaped(NoteLine, note, troubles=max(0, seen) if note.acknowledges else 0)


def _lines_of(exported: ExportedRun) -> Iterator[Line]:
    yield run_line(exported)
    for action, bodies in exported.actions:
        yield action_line(action, bodies, exported.ids)
    for note in exported.notes:
        yield note_line(note, exported)


def _encoded(line: Line) -> bytes:
    return msgspec.json.encode(line) + b"\n"


def _raw_payload(payload: Payload | None) -> msgspec.Raw | UnsetType:
    return UNSET if payload is None else _raw(payload.whole)


def _raw_details(details: Sequence[str]) -> msgspec.Raw | UnsetType:
    """Return one object of details unchanged, several as a list."""
    if len(details) < 2:
        return _raw(details[0]) if details else UNSET
    return _raw(f"[{','.join(details)}]")


def _raw(text: str | None) -> msgspec.Raw | UnsetType:
    if text is None:
        return UNSET
    if "\n" in text or "\r" in text:  # between its tokens: within them JSON writes \n
        text = text.replace("\n", " ").replace("\r", " ")
    return msgspec.Raw(text.encode())


#: Texts that a spreadsheet may take for a formula: some skip invisible characters, or accept full-width signs. What
#: follows a tab or CR may become a cell of its own.
_FORMULA: Final = re.compile("[\t\r]|[\\s\0-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]*[-=+@＝＋－＠]")

_RUN_COLUMNS: Final = (
    "run_id",
    "agent_id",
    "session_id",
    "parent_run_id",
    "forked_at_action_id",
    "name",
    "status",
    "reason",
    "started_at",
    "ended_at",
    "duration_ms",
    "cost_usd",
    "unpriced",
    "estimated",
    "attempted_cost_usd",
    "calls",
    "attempts",
    "success_rate",
    "tags",
)
_ACTION_COLUMNS: Final = (
    "id",
    "action",
    "name",
    "kind",
    "parent_id",
    "actor",
    "started_at",
    "ended_at",
    "duration_ms",
    "duration_ns",
    "outcome",
    "sources",
    "is_counted",
    "duplicate_of",
    "cost_usd",
    "is_cost_estimated",
    "counted_cost_usd",
    "counted_input_tokens",
    "counted_output_tokens",
    "model",
    "provider",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "impact",
    "effect",
    "tags",
    "inputs",
    "outputs",
    "details",
)
#: The run's columns have its name before them where an action has one of the same name.
HEADER: Final = (
    *(name if name == "run_id" else f"run_{name}" for name in _RUN_COLUMNS),
    *(f"action_{name}" if name == "id" else name for name in _ACTION_COLUMNS),
    "error_type",
    "error_message",
    "run_notes",
    "notes",
)


def csv_rows(runs: Iterable[ExportedRun]) -> Iterator[bytes]:
    """Yield the header and a row for each action; a run without actions has one row, with those columns empty."""
    yield _row(HEADER)
    for exported in runs:
        of_run = _cells(run_line(exported), _RUN_COLUMNS)
        notes = _notes(exported)
        run_notes = notes.pop(None, "")
        has_actions = False
        for action, bodies in exported.actions:
            has_actions = True
            line = action_line(action, bodies, exported.ids)
            yield _row([*of_run, *_of_action(line), run_notes, notes.get(action.id, "")])
        if not has_actions:
            yield _row([*of_run, *[""] * (len(HEADER) - len(of_run) - 2), run_notes, ""])


def _notes(exported: ExportedRun) -> dict[str | None, str]:
    """Return the notes by action id; None for those on the run."""
    found: dict[str | None, list[str]] = {}
    for note in exported.notes:
        line = note_line(note, exported)
        found.setdefault(line.action_id, []).append(_words(line))
    return {action_id: _guarded("\n".join(words)) for action_id, words in found.items()}


def _words(note: NoteLine) -> str:
    scored = [] if note.name is None else [" ".join([note.name, *([] if note.score is None else [f"{note.score:g}"])])]
    said = ", ".join([note.author, _cell(note.at), *scored])
    return f"{said}: {note.text}" if note.text else said


def _of_action(line: ActionLine) -> list[str]:
    error = ["", ""] if line.error is None else [_guarded(line.error.type), _guarded(line.error.message)]
    return [*_cells(line, _ACTION_COLUMNS), *error]


def _cells(line: RunLine | ActionLine, names: Iterable[str]) -> list[str]:
    return [_cell(getattr(line, name)) for name in names]


def _cell(value: object) -> str:
    match value:
        case None | UnsetType():
            return ""
        case msgspec.Raw():
            return _guarded(bytes(value).decode())
        case tuple():
            return _guarded(", ".join(map(str, value)))
        case str():
            return _guarded(value)
        case bool():
            return "true" if value else "false"
        case _:  # a number or a time: never below 0, so never a formula
            return msgspec.json.encode(value).decode().strip('"')


def _guarded(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe is put before it."""
    return f"'{text}" if _FORMULA.match(text) else text


def _row(cells: Iterable[str]) -> bytes:
    return (",".join(map(_quoted, cells)) + "\r\n").encode()


def _quoted(cell: str) -> str:
    if any(character in cell for character in ',"\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def csv_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """Yield a CSV table of texts, numbers, times and tuples of texts; None is empty."""
    yield _row(header)
    for row in rows:
        yield _row(map(_cell, row))
