"""Notes of people, replays, and what an agent's runs come to: rows and back."""

from datetime import date, timedelta
from typing import Final

from titan.model.replays import Replay, ReplayLevel, ReplayState
from titan.model.runs import AcceptedIssue, AgentDay, AgentRow, ErrorKind, Note
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


def replay_from_row(row: Row, project_id: str) -> Replay:
    """Return a replay of `replays_of_run` or `replay`."""
    return Replay(
        id=row[0],
        project_id=project_id,
        run_id=row[1],
        with_run=row[2],
        level=ReplayLevel(row[3]),
        state=ReplayState(row[4]),
        author=row[5],
        created_at=from_us(row[6]),
        ended_at=None if row[7] is None else from_us(row[7]),
        error=row[8],
        metrics=row[9],
        result=row[10],
    )


def row_of_replay(replay: Replay, run_no: int, with_run_no: int | None) -> tuple[str | int | None, ...]:
    """Return the columns of `save_replays`."""
    return (
        replay.id,
        replay.project_id,
        run_no,
        with_run_no,
        replay.level.value,
        replay.state.value,
        replay.author,
        to_us(replay.created_at),
        None if replay.ended_at is None else to_us(replay.ended_at),
        replay.error,
        replay.metrics,
        replay.result,
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
