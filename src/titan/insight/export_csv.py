"""Runs with all their actions as CSV (RFC 4180): a row is an action, with its run's columns repeated.

Notes are text for people, a line for each: `ann, 2026-03-01T12:00:00Z, quality 0.5: fair`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
from msgspec import UnsetType

from titan.insight.export import ExportedRun, action_line, note_line, run_line
from titan.insight.export_lines import ActionLine, NoteLine, RunLine

#: What a spreadsheet may take for a formula: some skip what is unseen before its sign, or read a full-width sign as the
#: plain one. What follows a tab or CR may come to stand in a cell of its own.
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
    "cost_usd",
    "is_cost_estimated",
    "model",
    "provider",
    "input_tokens",
    "output_tokens",
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
    """Return action id → the notes on it, None → those on the run."""
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
    """Return a text that no spreadsheet runs: Excel, LibreOffice and Sheets show what stands behind an apostrophe."""
    return f"'{text}" if _FORMULA.match(text) else text


def _row(cells: Iterable[str]) -> bytes:
    return (",".join(map(_quoted, cells)) + "\r\n").encode()


def _quoted(cell: str) -> str:
    if any(character in cell for character in ',"\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def csv_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """Yield a header and rows of texts, numbers, times and tuples of texts; None is empty."""
    yield _row(header)
    for row in rows:
        yield _row(map(_cell, row))
