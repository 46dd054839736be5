"""Notes of people, and what an agent's runs come to: rows and back."""

from datetime import date, timedelta
from typing import Final

from titan.model.recorded import AcceptedIssue, AgentDay, AgentRow, ErrorKind, Note
from titan.store.calls.rows import exact_sum, from_pico
from titan.store.rows.columns import from_us, to_us
from titan.store.session import Row

_EPOCH: Final = date(1970, 1, 1)


def note_from_row(row: Row, project_id: str, run_id: str) -> Note:
    """Return a note of `notes_of_run` or `note_said`."""
    return Note(
        id=row[0],
        project_id=project_id,
        run_id=run_id,
        action_id=row[1],
        author=row[2],
        at=from_us(row[3]),
        name=row[4],
        score=row[5],
        text=row[6],
        acknowledges=bool(row[7]),
        mutes=bool(row[8]),
        troubles=row[9],
    )


def row_of_note(note: Note, run_no: int) -> tuple[str | int | float | None, ...]:
    """Return the columns of `save_notes`."""
    return (
        note.id,
        note.project_id,
        run_no,
        note.action_id,
        note.author,
        to_us(note.at),
        note.name,
        note.score,
        note.text,
        int(note.acknowledges),
        int(note.mutes),
        note.troubles,
    )


def accepted_from_row(row: Row, project_id: str, agent_id: str) -> AcceptedIssue:
    """Return an acceptance of `accepted_issues`."""
    return AcceptedIssue(
        project_id=project_id, agent_id=agent_id, key=row[0], author=row[1], reason=row[2], at=from_us(row[3])
    )


def agent_from_row(row: Row) -> AgentRow:
    """Return an agent of `agents`."""
    return AgentRow(
        agent_id=row[0],
        first_seen_at=from_us(row[1]),
        last_seen_at=from_us(row[2]),
        runs=row[3],
        running=row[4],
        completed=row[5],
        failed=row[6],
        cost=from_pico(exact_sum(row[7])),
        calls=row[8],
        attempts=row[9],
        success=row[10],
        unpriced=row[11],
        estimated=row[12],
    )


def day_from_row(row: Row) -> AgentDay:
    """Return a day of `days_of_agent`."""
    return AgentDay(
        day=_EPOCH + timedelta(days=row[0]),
        runs=row[1],
        failed=row[2],
        attempts=row[3],
        success=row[4],
        cost=from_pico(exact_sum(row[5])),
        unpriced=row[6],
        estimated=row[7],
        scored=row[8],
        scores=row[9],
    )


def error_kind_from_row(row: Row, place: Row) -> ErrorKind:
    """Return an error type of `errors_of_agent`; `place` is the run and action of its last one."""
    return ErrorKind(
        type=row[0],
        count=row[1],
        first_seen_at=from_us(row[2]),
        last_seen_at=from_us(row[3]),
        run_id=place[0],
        action_id=place[1],
    )
