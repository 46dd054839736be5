"""Read an export of runs in JSON Lines back into the same runs, actions and notes.

Imported runs continue as the exported ones would: the lines hold the sources of each action, and how a run's end was
known.
"""

from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from msgspec import UnsetType
from msgspec.structs import replace

from titan.ingest.values import check_integers, check_order, checked_cost, in_utc, payload_of
from titan.insight.export_lines import ActionLine, Contents, Line, ManifestLine, NoteLine, RunLine
from titan.model.actions import (
    SHARED_MARK,
    ActionEntry,
    Entry,
    ModelUse,
    Payload,
    RunEnd,
    RunEntry,
    Source,
    Standing,
)
from titan.model.errors import InvalidInput
from titan.model.run_control import RunStatus, StatusSource
from titan.model.shaped import shaped
from titan.rules.names import shown

_DECODER: Final = msgspec.json.Decoder(Line)
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_ANYTHING: Final = msgspec.json.Decoder(msgspec.Raw)
_CUT: Final = "Input data was truncated"  # msgspec's words
_NEXT_STEP: Final = "Nothing of it is kept. Import the JSONL export, unchanged; JSON and CSV are for other programs."
_SOURCES: Final = frozenset(source.value for source in Source)
_ENDS: Final = {
    RunStatus.COMPLETED: RunEnd.COMPLETED,
    RunStatus.FAILED: RunEnd.FAILED,
    RunStatus.CANCELLED: RunEnd.CANCELLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A pin on a run."""

    run_id: str
    at: datetime


Imported = Entry | NoteLine | Pinned


def read_lines(lines: Iterable[bytes], *, is_partial: bool = False) -> Iterator[Imported]:
    """Yield the entries, notes and pins of an export, or of several exports in a row, as they are read.

    A partial export (`is_partial`) may end anywhere; an incomplete last line is ignored.

    Raises:
        InvalidInput: a line is invalid, a manifest does not match the lines before it, or a note precedes its run; the
            message has the line's number. Or the last line is no manifest: the file was cut off. The contents of the
            lines before have been yielded.
    """
    contents, runs = Contents(), set[str]()
    last: RunLine | None = None
    for number, text, line in _lines(lines, is_partial=is_partial):
        if last is not None and not (isinstance(line, ActionLine) and line.run_id == last.run_id):
            yield from _end_of(last)
            last = None
        match line:
            case RunLine():
                runs.add(line.run_id)
                last = line
                yield from _run(line, number)
            case ActionLine():
                runs.add(line.run_id)
                yield from _action(line, number)
            case NoteLine():
                if line.run_id not in runs:
                    raise _unreadable(number, "a note on a run that stands before it", f"one on {shown(line.run_id)}")
                yield line
            case ManifestLine():
                if line != contents.manifest():
                    raise _unreadable(number, "what the manifest names, unchanged", _counted(contents))
                contents = Contents()
                continue
        contents.add(line, text.rstrip(b"\r\n") + b"\n")
    if last is not None:
        yield from _end_of(last)


def _lines(lines: Iterable[bytes], *, is_partial: bool) -> Iterator[tuple[int, bytes, Line]]:
    """Yield the lines that are not blank with their numbers and decoded contents."""
    ending: str | None = "no line at all"  # found in place of the last manifest
    for number, text in enumerate((line.removeprefix(BOM_UTF8) for line in lines), 1):  # some editors write it
        if _breaks_off(text):
            ending = f"line {number}, which breaks off"
            break
        if text.strip():
            line = _read(text, number)
            ending = None if isinstance(line, ManifestLine) else f"none after line {number}"
            yield number, text, line
    if ending is not None and not is_partial:
        raise _cut_off(ending)


def _breaks_off(text: bytes) -> bool:
    """Return whether a line is an incomplete last line."""
    if text.endswith(b"\n") or not text.strip():
        return False
    try:
        _ANYTHING.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return str(error) == _CUT
    return False


def _counted(contents: Contents) -> str:
    found = contents.manifest()
    return f"{found.runs} runs, {found.actions} actions and {found.notes} notes, or other bytes"


def _read(text: bytes, number: int) -> Line:
    try:
        check_integers(text.decode())  # msgspec does not look at what it leaves undecoded
        line: Line = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:  # among them DecodeError and UnicodeDecodeError
        raise _unreadable(number, "a run, an action, a note or a manifest of an export", str(error)) from error
    times = [(name, getattr(line, name)) for name in line.__struct_fields__]
    if isinstance(line, RunLine) and line.reported_end is not None:
        times.append(("reported_end.at", line.reported_end.at))
    for name, at in times:
        if isinstance(at, datetime):
            in_utc(at, what=f"line {number} of the import: {name}")
    if isinstance(line, RunLine | ActionLine) and line.ended_at is not None:
        check_order(
            *(line.started_at, line.ended_at),
            what=f"line {number} of the import: ended_at",
            began="started_at",
            next_step=_NEXT_STEP,
        )
    return line


def _run(line: RunLine, number: int) -> Iterator[RunEntry | Pinned]:
    """Yield the entries of a run's line but for the run's end: see `_end_of`."""
    beside = _details_of_run(line.details, number)
    standing = Standing(last_event_at=line.started_at)
    first = RunEntry(
        run_id=line.run_id,
        source=Source.IMPORT,
        at=line.started_at,
        agent_id=line.agent_id,
        agent_source=line.agent_source,
        agent_at=line.agent_at,
        session_id=line.session_id,
        parent_run_id=line.parent_run_id,
        forked_at_action_id=line.forked_at_action_id,
        origin=line.origin,
        name=line.name,
        tags=line.tags,
        standing=standing,
    )
    further = RunEntry(run_id=line.run_id, source=Source.IMPORT, at=line.started_at, standing=standing)
    if not _is_over(line):
        first = replace(first, done=line.done, total=line.total, standing=_standing(line))
    yield replace(first, details=beside[0]) if beside else first
    for details in beside[1:]:
        yield replace(further, details=details)
    for each in line.processes or ():
        process, program = _details(each.process, number), _text(each.program)
        yield replace(further, at=each.at, process=process, program=program and Payload(program))
    if line.pinned_at is not None:
        yield Pinned(run_id=line.run_id, at=line.pinned_at)


def _end_of(line: RunLine) -> Iterator[RunEntry]:
    """Yield the end of a run. It follows the run's actions, since a report after an inferred end undoes the end."""
    reported = line.reported_end
    if reported is not None and reported.status in _ENDS:
        yield _ended(line, _ENDS[reported.status], reported.source, at=reported.at, reason=reported.reason)
    if _is_over(line) and line.ended_at is not None:
        entry = _ended(line, _ENDS[line.status], line.status_source, at=line.ended_at, reason=line.reason)
        yield replace(entry, done=line.done, total=line.total, standing=_standing(line))


def _is_over(line: RunLine) -> bool:
    return line.status in _ENDS and line.ended_at is not None


def _standing(line: RunLine) -> Standing:
    return Standing(
        last_event_at=line.last_event_at or line.ended_at or line.started_at,
        last_started_at=line.last_started_at,
        last_outcome=line.last_outcome,
        last_ended_at=line.last_ended_at,
        progress_at=line.progress_at or line.started_at,
    )


def _ended(line: RunLine, end: RunEnd | None, source: StatusSource, *, at: datetime, reason: str | None) -> RunEntry:
    return RunEntry(run_id=line.run_id, source=Source.IMPORT, at=at, end=end, end_source=source, reason=reason)


def _action(line: ActionLine, number: int) -> Iterator[ActionEntry]:
    """Yield the entry of an action's line, and an entry for each further source that reported it."""
    name = line.action or line.name
    if not name:
        raise _unreadable(number, "action or name", "neither")
    use = shaped(ModelUse, line)
    first, *others = line.sources or (Source.IMPORT.value,)
    source, scope = _source(first)
    yield shaped(
        ActionEntry,
        line,
        source=source,
        scope=scope,
        name=name,
        duration_ns=_duration_ns(line),
        inputs=_payload(line.inputs),
        outputs=_payload(line.outputs),
        failure=line.error,
        cost=checked_cost(line.cost_usd, what=f"line {number} of the import"),
        use=None if use == ModelUse() else use,
        details=_details(line.details, number),
    )
    for other in others:
        source, scope = _source(other)
        yield ActionEntry(
            id=line.id,
            run_id=line.run_id,
            source=source,
            scope=scope,
            kind=line.kind,
            name=name,
            started_at=line.started_at,
        )


def _source(reporter: str) -> tuple[Source, str | None]:
    """Return the source and scope that `ActionEntry.reporter` joined; other programs' sources are scopes of IMPORT."""
    name, _, scope = reporter.partition(":")
    return (Source(name), scope or None) if name in _SOURCES else (Source.IMPORT, reporter)


def _duration_ns(line: ActionLine) -> int | None:
    if line.duration_ns is not None or line.duration_ms is None:
        return line.duration_ns
    return min(round(line.duration_ms * 1_000_000), 2**63 - 1)


def _text(raw: msgspec.Raw | UnsetType) -> str | None:
    return None if isinstance(raw, UnsetType) else bytes(raw).decode()


def _details_of_run(raw: msgspec.Raw | UnsetType, number: int) -> list[str]:
    """Return the details of a run, which are an object or a list of objects."""
    text = _text(raw)
    pieces = _ITEMS.decode(text) if text is not None and text.startswith("[") else [raw]
    return [details for piece in pieces if (details := _details(piece, number)) is not None]


def _details(raw: msgspec.Raw | UnsetType, number: int) -> str | None:
    text = _text(raw)
    if text is None or text == "null" or text.startswith("{"):
        return None if text == "null" else text
    raise _unreadable(number, "an object at details", f"{text[:60]!a}")


def _payload(raw: msgspec.Raw | UnsetType) -> Payload | None:
    """Return inputs or outputs, with messages apart where the whole text stays the same."""
    text = _text(raw)
    if text is None:
        return None
    if '"messages"' not in text or SHARED_MARK in text:
        return Payload(text)
    apart = payload_of(text)
    return apart if apart.whole == text else Payload(text)


def _cut_off(found: str) -> InvalidInput:
    return InvalidInput(
        "the end of the import",
        expected="its last line, a manifest that counts the runs, actions and notes before it",
        found=found,
        next_step="The file was cut off, and nothing of it is kept. Export it again; or import what there is of it:"
        " tick that below the file in the console, say titan runs import --partial FILE, or ask with ?partial=true.",
    )


def _unreadable(number: int, expected: str, found: str) -> InvalidInput:
    return InvalidInput(
        f"line {number} of the import",
        expected=expected,
        found=found,
        next_step=_NEXT_STEP,
    )
