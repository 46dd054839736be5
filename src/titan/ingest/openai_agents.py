"""The traces that openai-agents exports: JSON of traces and spans, each sent once, when it has ended.

A trace is a run, its group a session. Of a call through the Responses API the exporter sends only the id and the
tokens; the messages are known where the call went through our endpoint, which the id joins it to.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from titan.ingest.otlp.use import count_of
from titan.ingest.values import Value, conversation, joined_text, json_or_text, object_text, payload_of, pieces_of, text_of
from titan.model.actions import ActionEntry, ActionKind, Entry, Failure, ModelUse, Outcome, Payload, RunEntry, Teller
from titan.model.errors import InvalidInput

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS: Final = {
    "agent": ActionKind.AGENT,
    "generation": ActionKind.MODEL,
    "response": ActionKind.MODEL,
    "transcription": ActionKind.MODEL,
    "speech": ActionKind.MODEL,
    "function": ActionKind.TOOL,
    "mcp_tools": ActionKind.CALL,
    "guardrail": ActionKind.CALL,
    "handoff": ActionKind.HANDOFF,
    "turn": ActionKind.TURN,
}


class _Failure(msgspec.Struct):
    message: str | None = None
    data: Any = None


class _Item(msgspec.Struct):
    object: str = ""
    id: str = ""
    trace_id: str | None = None
    parent_id: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    span_data: dict[str, Any] | None = None
    error: _Failure | None = None
    workflow_name: str | None = None
    group_id: str | None = None
    metadata: Any = None


class _Request(msgspec.Struct):
    data: list[_Item]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a request comes to."""

    entries: Sequence[Entry]
    accepted: int
    rejected: int = 0  #: traces and spans without an id or a time


_DECODER: Final = msgspec.json.Decoder(_Request)


def read(body: bytes) -> Batch:
    """Return what a request to /v1/traces/ingest says: an entry per span, and one per trace.

    Raises:
        InvalidInput: it is no such request.
    """
    try:
        items = _DECODER.decode(body).data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(
            "trace of openai-agents",
            expected='JSON of the form {"data": [{"object": "trace", …}, {"object": "trace.span", …}]}',
            found=f"{len(body)} bytes that are none ({error})",
        ) from None
    entries = list(_entries(items))
    spans = sum(isinstance(entry, ActionEntry) for entry in entries)
    traces = sum(item.object == "trace" and _is_id(item.id) for item in items)
    return Batch(entries=entries, accepted=spans + traces, rejected=len(items) - spans - traces)


def _entries(items: Sequence[_Item]) -> Iterator[Entry]:
    runs: dict[str, RunEntry] = {}
    traces = {item.id: item for item in items if item.object == "trace" and _is_id(item.id)}
    firsts: dict[str, tuple[datetime, str | None]] = {}  # of each trace: when it began, and the outermost agent
    for item in items:
        if item.object != "trace.span" or (entry := _action(item)) is None:
            continue
        yield entry
        at, agent = firsts.get(entry.run_id, (entry.started_at, None))
        if entry.kind is ActionKind.AGENT and (agent is None or entry.started_at <= at):
            agent = entry.name
        firsts[entry.run_id] = (min(at, entry.started_at), agent)
    for run_id in traces.keys() | firsts.keys():
        runs[run_id] = _run(run_id, traces.get(run_id), *firsts.get(run_id, (_EPOCH, None)))
    yield from (runs[run_id] for run_id in sorted(runs))
