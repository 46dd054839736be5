"""Which runs traces are in whose programs gave their run another name: what names a trace alone is about those.

Scores are such words, and often come first: they are sent at once, spans in batches. Then they waited in a run by the
trace's name, and go home.
"""

from collections.abc import Iterable
from dataclasses import replace

from titan.model.actions import Entry, RunEntry
from titan.ports_calls import CallTransaction


def note_traces(tx: CallTransaction, project_id: str, entries: Iterable[Entry]) -> None:
    """Note in which runs the traces are that stored entries came in, and bring home what was said of them before."""
    for entry in entries:
        for trace_id in entry.traces if isinstance(entry, RunEntry) else ():
            if tx.run_of_trace(project_id, trace_id) != entry.run_id:
                tx.put_trace(project_id, trace_id, entry.run_id)
                _bring_home(tx, project_id, trace_id, entry.run_id)


def _bring_home(tx: CallTransaction, project_id: str, trace_id: str, run_id: str) -> None:
    waiting = tx.recorded_run(project_id, trace_id)
    if waiting is None or waiting.entry_count or waiting.has_stages or waiting.pinned_at is not None:
        return  # something else is known of it: it is a run
    for note in tx.notes_of_run(project_id, trace_id):
        tx.save_note(replace(note, run_id=run_id))
    tx.forget_run(project_id, trace_id, is_told_elsewhere=True)
