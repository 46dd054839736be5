"""Brings a trace home: into the run that its program named, on one of its spans or in the resource of some.

A trace is a run by its own name until a span of it names another. Then what names the trace alone is in that one: spans
and log records without the attribute, calls of our endpoint with the trace's `traceparent`, scores. What came before,
for children end and are sent before their parents, moves there, and the run by the trace's name goes.

Where spans of one trace name several runs, each has what it names, and what is below it in one request
(`titan.ingest.otlp.naming`); the rest is in the one that was told first. A run by a trace's name that submitted stages,
or of which others tell, too, is somebody's: it stays.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from titan.engine.homing import Housed, MovedRun
from titan.model.actions import Entry, RunEntry, Source
from titan.ports_calls import CallTransaction

_TELLERS: Final = frozenset({Source.OTLP, Source.ENDPOINT})  # who names a run by its trace, for want of another name
_LENGTH: Final = 32  # of a trace's id
_READ_AT_ONCE: Final = 1000


def in_named_runs(tx: CallTransaction, project_id: str, entries: Sequence[Entry]) -> Housed:
    """Return entries in the runs that their traces are in, behind those that came before their trace was named."""
    claims: dict[str, str] = {}
    for entry in entries:
        for trace_id in entry.traces if isinstance(entry, RunEntry) else ():
            claims.setdefault(trace_id, entry.run_id)
    unnamed = {entry.run_id for entry in entries if len(entry.run_id) == _LENGTH and entry.source in _TELLERS}
    known = tx.runs_of_traces(project_id, claims.keys() | unnamed)
    homes = claims | known  # who told first has it
    told_there: list[Entry] = []
    taken: dict[str, str] = {}
    moved: list[MovedRun] = []
    for trace_id in claims.keys() - known.keys():
        run = tx.recorded_run(project_id, trace_id)
        if run is None or run.has_stages:
            continue
        tape = list(_tape(tx, project_id, trace_id))
        if all(entry.source in _TELLERS for entry in tape):
            told_there += tape
            taken[trace_id] = homes[trace_id]
            notes = tx.notes_of_run(project_id, trace_id)
            moved.append(MovedRun(answer=None, home=homes[trace_id], pinned_at=run.pinned_at, notes=notes))
    if not taken and homes.keys().isdisjoint(unnamed):
        return Housed(entries=entries, taken=taken, moved=moved)
    return Housed(entries=list(_in_homes([*told_there, *entries], homes)), taken=taken, moved=moved)


def note_traces(tx: CallTransaction, project_id: str, entries: Iterable[Entry]) -> None:
    """Note in which runs the traces are that stored entries came in, for all that names the trace alone."""
    claims: dict[str, str] = {}
    for entry in entries:
        for trace_id in entry.traces if isinstance(entry, RunEntry) else ():
            claims.setdefault(trace_id, entry.run_id)
    for trace_id in claims.keys() - tx.runs_of_traces(project_id, claims).keys():
        tx.put_trace(project_id, trace_id, claims[trace_id])


def _in_homes(entries: Iterable[Entry], homes: Mapping[str, str]) -> Iterator[Entry]:
    for entry in entries:
        home = homes.get(entry.run_id) if entry.source in _TELLERS else None
        if home is None:
            yield entry
        elif isinstance(entry, RunEntry):  # the end of a trace need not be that of its run
            yield replace(entry, run_id=home, is_part_end=entry.end is not None)
        else:
            yield replace(entry, run_id=home)


def _tape(tx: CallTransaction, project_id: str, run_id: str) -> Iterator[Entry]:
    after = 0
    while read := tx.tape(project_id, run_id, after=after, limit=_READ_AT_ONCE):
        yield from (stored.entry for stored in read)
        after = read[-1].number
