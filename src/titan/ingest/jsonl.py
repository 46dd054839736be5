"""An export of runs as JSON Lines, read back: what comes out are the same runs, actions and notes.

Not what a run's tape says of who told what, and of how an end was known: whoever reads an export back says it all.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from msgspec import UnsetType

from titan.ingest.costs import checked_cost
from titan.ingest.moments import in_utc
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
    Teller,
)
from titan.model.errors import InvalidInput
from titan.model.runs import RunStatus
from titan.rules.names import shown

_DECODER: Final = msgspec.json.Decoder(Line)
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_TIMES: Final[Mapping[type[Line], tuple[str, ...]]] = {
    RunLine: ("started_at", "ended_at", "last_event_at", "pinned_at"),
    ActionLine: ("started_at", "ended_at"),
    NoteLine: ("at",),
    ManifestLine: (),
}
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


def read_lines(lines: Iterable[bytes]) -> Iterator[Told]:
    """Yield what the lines of an export say, as they are read; several exports may stand behind each other.

    A note comes behind something of its run.

    Raises:
        InvalidInput: a line is none of an export, a manifest does not fit what stands before it, or a note is on a run
            of which nothing does; the message has the line's number. What the lines before it say was yielded.
    """
    contents, runs = Contents(), set[str]()
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        line = _read(text, number)
        match line:
            case RunLine():
                runs.add(line.run_id)
                yield from _run(line, number)
            case ActionLine():
                runs.add(line.run_id)
                yield _action(line, number)
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
    return line


def _run(line: RunLine, number: int) -> Iterator[RunEntry | Pinned]:
    """Yield what a run's line says; its end comes before its actions, which all began before it."""
    details = _details_of_run(line.details, number)
    yield RunEntry(
        run_id=line.run_id,
        teller=Teller.IMPORT,
        at=line.started_at,
        agent_id=line.agent_id,
        session_id=line.session_id,
        name=line.name,
        done=line.done,
        total=line.total,
        tags=line.tags,
        details=details[0] if details else None,
    )
    for further in details[1:]:
        yield RunEntry(run_id=line.run_id, teller=Teller.IMPORT, at=line.started_at, details=further)
    end = _ENDS.get(line.status)
    at = line.last_event_at if end is None else line.ended_at
    if at is not None:
        yield RunEntry(run_id=line.run_id, teller=Teller.IMPORT, at=at, end=end, reason=line.reason)
    if line.pinned_at is not None:
        yield Pinned(run_id=line.run_id, at=line.pinned_at)


def _action(line: ActionLine, number: int) -> ActionEntry:
    name = line.action or line.name
    if not name:
        raise _unreadable(number, "action or name", "neither")
    return ActionEntry(
        id=line.id,
        run_id=line.run_id,
        teller=Teller.IMPORT,
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


def _unreadable(number: int, expected: str, found: str) -> InvalidInput:
    return InvalidInput(
        f"line {number} of the import",
        expected=expected,
        found=found,
        next_step="Nothing of it is kept. Import the JSONL export, unchanged; JSON and CSV are for other programs.",
    )
