"""Events to journal entries, and entries to rows and back."""

from datetime import datetime

from titan.model.events import Event, JournalEntry, Subject
from titan.store.rows.columns import from_us, to_json, to_us
from titan.store.session import Parameter, Row


def entry_of_event(seq: int, at: datetime, subject: Subject, event: Event) -> JournalEntry:
    """Return the journal entry that records `event`."""
    kind = type(event)
    data = {name: getattr(event, name) for name in kind.__dataclass_fields__ if name != "cause"}
    return JournalEntry(
        seq=seq,
        at=at,
        subject=subject,
        kind=kind.__name__,
        cause=event.cause,
        data=to_json(data),
    )


def row_of_entry(entry: JournalEntry) -> dict[str, Parameter]:
    """Return every column of a journal entry."""
    subject = entry.subject
    return {
        "seq": entry.seq,
        "project_id": subject.project_id,
        "at_us": to_us(entry.at),
        "run_id": subject.run_id,
        "dag_id": subject.dag_id,
        "job_id": subject.job_id,
        "kind": entry.kind,
        "cause": entry.cause,
        "data": entry.data,
    }


def entry_from_row(row: Row) -> JournalEntry:
    """Return the journal entry of `entry_columns`."""
    return JournalEntry(
        seq=row[0],
        at=from_us(row[2]),
        subject=Subject(project_id=row[1], run_id=row[3], dag_id=row[4], job_id=row[5]),
        kind=row[6],
        cause=row[7],
        data=row[8],
    )
