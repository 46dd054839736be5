"""An export of runs as JSON Lines, read back: what comes out are the same runs, actions and notes.

They go on as they would have where they were exported: which source reported what of an action, and how the end
of a run was known, stands in the lines.
"""

from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct, UnsetType
from msgspec.structs import replace

from titan.ingest.values import check_order, checked_cost, in_utc
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
from titan.rules.names import shown

_DECODER: Final = msgspec.json.Decoder(Line)
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_NAMES: Final = msgspec.json.Decoder(dict[str, str])
_ANYTHING: Final = msgspec.json.Decoder(msgspec.Raw)
_CUT: Final = "Input data was truncated"  # msgspec's words
_TIMES: Final[Mapping[type[Line], tuple[str, ...]]] = {
    RunLine: (
        *("started_at", "ended_at", "last_event_at", "last_started_at", "last_ended_at", "pinned_at"),
        *("progress_at", "agent_at"),
    ),
    ActionLine: ("started_at", "ended_at"),
    NoteLine: ("at",),
    ManifestLine: (),
}
_NEXT_STEP: Final = "Nothing of it is kept. Import the JSONL export, unchanged; JSON and CSV are for other programs."
_SOURCES: Final = frozenset(source.value for source in Source)
_ENDS: Final = {
    RunStatus.COMPLETED: RunEnd.COMPLETED,
    RunStatus.FAILED: RunEnd.FAILED,
    RunStatus.CANCELLED: RunEnd.CANCELLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """That a person wants a run kept."""

    run_id: str
    at: datetime


Imported = Entry | NoteLine | Pinned


def read_lines(lines: Iterable[bytes], *, is_partial: bool = False) -> Iterator[Imported]:
    """Yield what the lines of an export say, as they are read; several exports may stand behind each other.

    A note comes behind something of its run. One that `is_partial` may end anywhere: a last line that breaks off is
    left out.

    Raises:
        InvalidInput: a line is none of an export, a manifest does not fit what stands before it, or a note is on a run
            of which nothing does; the message has the line's number. Or the last line is no manifest: the file was cut
            off. What the lines before it say was yielded.
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
    """Yield the lines that are not blank, with their numbers and what they say, as long as they end as they should."""
    ending: str | None = "no line at all"  # what stands where the last manifest should
    for number, text in enumerate((line.removeprefix(BOM_UTF8) for line in lines), 1):  # as an editor may begin a file
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
    """Return whether a line is the last of a file, and the beginning of one."""
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
        line: Line = _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(number, "a run, an action, a note or a manifest of an export", str(error)) from error
    for name in _TIMES[type(line)]:
        at = getattr(line, name)
        if at is not None:
            in_utc(at, what=f"line {number} of the import: {name}")
    if isinstance(line, RunLine) and line.reported_end is not None:
        in_utc(line.reported_end.at, what=f"line {number} of the import: reported_end.at")
    if isinstance(line, RunLine | ActionLine) and line.ended_at is not None:
        check_order(
            *(line.started_at, line.ended_at),
            what=f"line {number} of the import: ended_at",
            began="started_at",
            next_step=_NEXT_STEP,
        )
    return line


def _run(line: RunLine, number: int) -> Iterator[RunEntry | Pinned]:
    """Yield what a run's line says, but for how it ended: see `_end_of`."""
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
    """Yield how a run ended. It comes behind its actions: what is reported after an inferred end undoes that."""
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
    """Yield what an action's line says, and that further sources reported it."""
    name = line.action or line.name
    if not name:
        raise _unreadable(number, "action or name", "neither")
    said = _of(line, ActionEntry) | {"name": name, "duration_ns": _duration_ns(line)}
    said |= {"inputs": _payload(line.inputs), "outputs": _payload(line.outputs), "failure": line.error}
    said |= {"cost": checked_cost(line.cost_usd, what=f"line {number} of the import"), "use": _use(line)}
    said["details"] = _details(line.details, number)
    first, *others = line.sources or (Source.IMPORT.value,)
    source, scope = _source(first)
    yield ActionEntry(**said, source=source, scope=scope)
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


def _of(line: ActionLine, entry: type[Struct]) -> dict[str, Any]:
    """Return what a line says under the names that an entry, or a part of one, has for it."""
    return {name: getattr(line, name) for name in entry.__struct_fields__ if name in line.__struct_fields__}


def _source(reporter: str) -> tuple[Source, str | None]:
    """Return what `ActionEntry.reporter` put together; of another program's export, its own name."""
    name, _, scope = reporter.partition(":")
    return (Source(name), scope or None) if name in _SOURCES else (Source.IMPORT, reporter)


def _duration_ns(line: ActionLine) -> int | None:
    if line.duration_ns is not None or line.duration_ms is None:
        return line.duration_ns
    return min(round(line.duration_ms * 1_000_000), 2**63 - 1)


def _use(line: ActionLine) -> ModelUse | None:
    use = ModelUse(**_of(line, ModelUse))
    return None if use == ModelUse() else use


def _text(raw: msgspec.Raw | UnsetType) -> str | None:
    return None if isinstance(raw, UnsetType) else bytes(raw).decode()


def _details_of_run(raw: msgspec.Raw | UnsetType, number: int) -> list[str]:
    """Return the details that were reported of a run, as they came: at once, or piece by piece."""
    text = _text(raw)
    pieces = _ITEMS.decode(text) if text is not None and text.startswith("[") else [raw]
    return [details for piece in pieces if (details := _details(piece, number)) is not None]


def _details(raw: msgspec.Raw | UnsetType, number: int) -> str | None:
    text = _text(raw)
    if text is None or text == "null" or text.startswith("{"):
        return None if text == "null" else text
    raise _unreadable(number, "an object at details", f"{text[:60]!a}")


def _payload(raw: msgspec.Raw | UnsetType) -> Payload | None:
    """Return a body as it stands, with the messages of a model call apart where leaving them out changes nothing."""
    text = _text(raw)
    if text is None:
        return None
    if '"messages"' not in text or SHARED_MARK in text:
        return Payload(text)
    apart = _apart(text)
    return apart if apart is not None and apart.whole == text else Payload(text)


def _apart(text: str) -> Payload | None:
    """Return `{"messages": […]}` or `{"args": […], "kwargs": {"messages": […]}}` with the messages apart."""
    try:
        fields = _FIELDS.decode(text)
        if "messages" in fields:
            shared = tuple(bytes(piece).decode() for piece in _ITEMS.decode(fields["messages"]))
            fields["messages"] = msgspec.Raw(SHARED_MARK.encode())
        elif "kwargs" in fields:
            inner = _apart(bytes(fields["kwargs"]).decode())
            if inner is None:
                return None
            shared, fields["kwargs"] = inner.shared, msgspec.Raw(inner.text.encode())
        else:
            return None
    except msgspec.DecodeError:
        return None
    return Payload(msgspec.json.encode(fields).decode(), shared)


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
