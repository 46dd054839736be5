"""An export of runs as JSON Lines, read back: what comes out are the same runs, actions and notes.

They go on as they would have where they were exported: who had told what of an action, and how the end of a run was
known, stands in the lines. Lines of an export that was made before it held this say it all themselves.
"""

from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from msgspec import UnsetType
from msgspec.structs import replace

from titan.ingest.values import check_order, checked_cost, in_utc
from titan.insight.export_lines import ActionLine, Contents, Line, ManifestLine, NoteLine, RunLine
from titan.model.actions import (
    SHARED_MARK,
    ActionEntry,
    Entry,
    Failure,
    ModelUse,
    Payload,
    Redaction,
    RunEnd,
    RunEntry,
    Source,
    Standing,
)
from titan.model.errors import InvalidInput
from titan.model.run_status import RunStatus, StatusSource
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


Told = Entry | NoteLine | Pinned


def read_lines(lines: Iterable[bytes], *, is_partial: bool = False) -> Iterator[Told]:
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
                    raise _unreadable(number, "what the manifest tells of, unchanged", _counted(contents))
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
    """Tell whether a line is the last of a file, and the beginning of one."""
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
    if isinstance(line, RunLine) and line.told_end is not None:
        in_utc(line.told_end.at, what=f"line {number} of the import: told_end.at")
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
    standing = Standing(last_event_at=line.started_at) if _is_whole(line) else None
    first = RunEntry(
        run_id=line.run_id,
        source=Source.IMPORT,
        at=line.started_at,
        agent_id=line.agent_id,
        agent_source=line.agent_source,
        agent_at=line.agent_at,
        session_id=line.session_id,
        name=line.name,
        tags=line.tags,
        standing=standing,
    )
    further = RunEntry(run_id=line.run_id, source=Source.IMPORT, at=line.started_at, standing=standing)
    if not _is_over(line):
        first = replace(first, done=line.done, total=line.total, standing=_standing(line))
    yield replace(first, details=beside[0]) if beside else first
    for told in beside[1:]:
        yield replace(further, details=told)
    if line.pinned_at is not None:
        yield Pinned(run_id=line.run_id, at=line.pinned_at)


def _end_of(line: RunLine) -> Iterator[RunEntry]:
    """Yield how a run ended. It comes behind its actions: what is heard after an inferred end undoes that."""
    told = line.told_end
    if told is not None and told.status in _ENDS:
        yield _ended(line, _ENDS[told.status], told.source, at=told.at, reason=told.reason)
    if _is_over(line) and line.ended_at is not None:
        entry = _ended(line, _ENDS[line.status], line.status_source, at=line.ended_at, reason=line.reason)
        yield replace(entry, done=line.done, total=line.total, standing=_standing(line))


def _is_over(line: RunLine) -> bool:
    return line.status in _ENDS and line.ended_at is not None


def _standing(line: RunLine) -> Standing:
    last_event_at = line.last_event_at or line.ended_at or line.started_at
    return Standing(
        last_event_at=last_event_at,
        last_started_at=line.last_started_at if _is_over(line) or _is_whole(line) else last_event_at,
        last_outcome=line.last_outcome,
        last_ended_at=line.last_ended_at,
        progress_at=line.progress_at or line.started_at,
    )


def _is_whole(line: RunLine) -> bool:
    """Return whether a line says how what it says is known: those of an export that was made before it did do not."""
    return line.agent_at is not None


def _ended(line: RunLine, end: RunEnd | None, source: StatusSource, *, at: datetime, reason: str | None) -> RunEntry:
    return RunEntry(run_id=line.run_id, source=Source.IMPORT, at=at, end=end, end_source=source, reason=reason)


def _action(line: ActionLine, number: int) -> Iterator[ActionEntry]:
    """Yield what an action's line says, and that further sources reported it."""
    name = line.action or line.name
    if not name:
        raise _unreadable(number, "action or name", "neither")
    first, *others = line.sources or (Source.IMPORT.value,)
    source, scope = _source(first)
    yield ActionEntry(
        id=line.id,
        run_id=line.run_id,
        source=source,
        scope=scope,
        kind=line.kind,
        name=name,
        started_at=line.started_at,
        ended_at=line.ended_at,
        duration_ns=_duration_ns(line),
        outcome=line.outcome,
        parent_id=line.parent_id,
        actor=line.actor,
        inputs=_payload(line.inputs),
        outputs=_payload(line.outputs),
        failure=_failure(line),
        cost=checked_cost(line.cost_usd, what=f"line {number} of the import"),
        is_cost_estimated=line.is_cost_estimated,
        use=_use(line),
        tags=line.tags,
        impact=line.impact,
        effect=line.effect,
        is_redacted=line.is_redacted,
        redacted=tuple(Redaction(path=one.path, name=one.name, fingerprint=one.fingerprint) for one in line.redacted),
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
    """Return what `ActionEntry.reporter` put together; of another program's export, its own name."""
    name, _, scope = reporter.partition(":")
    return (Source(name), scope or None) if name in _SOURCES else (Source.IMPORT, reporter)


def _duration_ns(line: ActionLine) -> int | None:
    if line.duration_ns is not None or line.duration_ms is None:
        return line.duration_ns
    return min(round(line.duration_ms * 1_000_000), 2**63 - 1)


def _failure(line: ActionLine) -> Failure | None:
    if line.error is None:
        return None
    return Failure(type=line.error.type, message=line.error.message, traceback=line.error.traceback)


def _use(line: ActionLine) -> ModelUse | None:
    use = ModelUse(
        model=line.model,
        provider=line.provider,
        input_tokens=line.input_tokens,
        output_tokens=line.output_tokens,
        cache_read_tokens=line.cache_read_tokens,
        cache_write_tokens=line.cache_write_tokens,
        reasoning_tokens=line.reasoning_tokens,
        response_id=line.response_id,
    )
    return None if use == ModelUse() else use


def _text(raw: msgspec.Raw | UnsetType) -> str | None:
    return None if isinstance(raw, UnsetType) else bytes(raw).decode()


def _details_of_run(raw: msgspec.Raw | UnsetType, number: int) -> list[str]:
    """Return what was told of a run beside its words, as it was told: at once, or piece by piece."""
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
