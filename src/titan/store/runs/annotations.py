"""Notes of people, replays, and what an agent's runs come to: rows and back."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from titan.model.replays import Replay
from titan.model.runs import AcceptedIssue, AgentDay, AgentRow, AgentVersion, ErrorKind, Note
from titan.store.rows.columns import Columns, from_us
from titan.store.runs.rows import exact_sum, from_pico
from titan.store.session import Row

_EPOCH: Final = date(1970, 1, 1)


#: To be read with the id of its run.
NOTES: Final = Columns(Note, given=("run_id",), called={"text": "content"})
#: To be read with the ids of its run and of the one it is compared with.
REPLAYS: Final = Columns(Replay, given=("run_id", "with_run"))
_REPLAY_FRAGMENTS: Final = REPLAYS.fragments("replay", "replays.")
PEOPLE_FRAGMENTS: Final[Mapping[str, str]] = {
    **NOTES.fragments("note", "notes."),
    **NOTES.updates("note", but=("id", "project_id")),
    **_REPLAY_FRAGMENTS,
    "replay_columns_in_lists": _REPLAY_FRAGMENTS["replay_columns"].replace("replays.result", "null"),
}


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


def version_from_row(row: Row) -> AgentVersion:
    """Return a version of `versions_of_agent`."""
    return AgentVersion(
        digest=row[0],
        first_at=from_us(row[1]),
        last_at=from_us(row[2]),
        runs=row[3],
        scored=row[4],
        scores=row[5],
        squares=row[6],
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
