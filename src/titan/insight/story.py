"""Describe a job's history: its journal entries as sentences."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from titan.model.events import JournalEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryLine:
    """A sentence of a history, with the entry that it describes."""

    seq: int
    at: datetime
    event: str  #: the entry's kind: "JobLeased"
    cause: str
    text: str


NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})

#: kind → sentence; `{name}` is a field of the entry's data.
SENTENCES = {
    "DagSubmitted": "submitted in DAG {name} with {job_count} job(s)",
    "DagEnded": "the DAG ended: {status}",
    "JobReady": "ready for a worker",
    "JobDelayed": "waits until {due_at}",
    "JobHeld": "waits for a place under the concurrency key {key}",
    "GateOpened": "waits for approval until {due_at}: {message}",
    "GateApproved": "approved by {decided_by}{comment}",
    "GateRejected": "rejected by {decided_by}{comment}",
    "GateExpired": "nobody decided in time",
    "JobRetried": "to be tried again; {remaining_parents} parent(s) before it",
    "JobLeased": "attempt {attempt} taken by worker {worker_id}",
    "JobSucceeded": "completed",
    "JobFailed": "failed: {reason}",
    "JobRequeued": "attempt {outcome} ({reason}); ready for another at once",
    "JobBackedOff": "attempt {outcome} ({reason}); next attempt at {due_at}",
    "JobCancelled": "cancelled: {reason}",
    "CancelRequested": "asked to stop",
    "AttemptParked": "gave its slot back: its program waits for {what}",
    "AttemptResumed": "goes on: what it waited for is there",
    "FilesNoted": "{count} file(s) it left were listed",
    "JobUnroutable": "still waits: no connected worker offers {label}",
}


def story(entries: Iterable[JournalEntry], names: Mapping[str, str] = NO_NAMES) -> Iterator[StoryLine]:
    """Yield a line per entry, in order; an unknown kind is shown by its name and data.

    `names` says what people call the things that entries name by a random id: worker id → name.
    """
    for entry in entries:
        yield StoryLine(
            seq=entry.seq,
            at=entry.at,
            event=entry.kind,
            cause=_with_names(entry.cause, names),
            text=_with_names(_sentence(entry), names),
        )


def _sentence(entry: JournalEntry) -> str:
    data = json.loads(entry.data)
    if "comment" in data:
        data["comment"] = f": {data['comment']}" if data["comment"] else ""
    pattern = SENTENCES.get(entry.kind)
    if pattern is None:
        return f"{entry.kind} {entry.data}"
    return pattern.format_map(data)


def _with_names(text: str, names: Mapping[str, str]) -> str:
    for identifier, name in names.items():
        text = text.replace(identifier, name)
    return text
