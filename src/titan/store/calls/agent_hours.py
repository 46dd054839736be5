"""What an agent's runs come to by the hour in which they started: kept beside the runs, for their rows are many."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, TypeAlias

from titan.model.runs import Run
from titan.store.rows.columns import to_us

#: Project, agent, hour, attempts that were stopped, attempts.
HourRow: TypeAlias = tuple[str, str, int, int, int]

HOUR_US: Final = 3_600_000_000


def hour_of(at: datetime) -> int:
    """Return the hour of a moment, in hours since 1970 in UTC."""
    return to_us(at) // HOUR_US


def hours_changed(changes: Iterable[tuple[Run | None, Run | None]]) -> list[HourRow]:
    """Return the rows of `add_to_hours` by which runs change sums, each before and after: it may come, or go."""
    sums: dict[tuple[str, str, int], tuple[int, int]] = {}
    for change in changes:
        for run, sign in zip(change, (-1, 1), strict=True):
            if run is not None:
                place = run.project_id, run.agent_id, hour_of(run.started_at)
                stopped, attempts = sums.get(place, (0, 0))
                sums[place] = stopped + sign * run.tally.stopped, attempts + sign * run.tally.attempts
    return [(*place, *changed) for place, changed in sums.items() if any(changed)]
