"""What an agent's runs come to by the hour in which they started: kept beside the runs, for their rows are many."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final, TypeAlias

from titan.model.recorded import RecordedRun
from titan.store.rows.columns import to_us

#: Project, agent, hour, attempts that were stopped, attempts.
HourRow: TypeAlias = tuple[str, str, int, int, int]

HOUR_US: Final = 3_600_000_000


def hour_of(at: datetime) -> int:
    """Return the hour of a moment, in hours since 1970 in UTC."""
    return to_us(at) // HOUR_US


def hours_changed(before: RecordedRun | None, after: RecordedRun | None) -> Iterator[HourRow]:
    """Yield the rows of `add_to_hours` by which a change of a run, its coming or its going changes sums."""
    left, came = _counted(before), _counted(after)
    if left == came:
        return
    for counted, sign in ((left, -1), (came, 1)):
        if counted is not None:
            project_id, agent_id, hour, stopped, attempts = counted
            yield project_id, agent_id, hour, sign * stopped, sign * attempts


def _counted(run: RecordedRun | None) -> HourRow | None:
    """Return where a run counts, and for how much; None where it comes to nothing."""
    if run is None or not run.tally.attempts:
        return None
    return run.project_id, run.agent_id, hour_of(run.started_at), run.tally.stopped, run.tally.attempts
