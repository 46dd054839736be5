"""How far a running run is: as its program tells it, else as runs of its agent went before (spec/runs.md 3.6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from titan.model.run_status import RunStatus
from titan.model.runs import Run

LOOKED_AT: Final = 20  # completed runs of the agent
HIGHEST_ESTIMATE: Final = 0.95  # an estimate never says that it is done


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A share from 0 to 1."""

    share: float
    is_estimated: bool


def progress(run: Run, earlier_calls: Sequence[int]) -> Progress | None:
    """Return how far a running run is; None for one that ended, and where nothing tells.

    `earlier_calls` are the numbers of calls of the agent's last completed runs.
    """
    if run.status is not RunStatus.RUNNING:
        return None
    if run.done is not None and run.total:
        return Progress(share=min(1.0, run.done / run.total), is_estimated=False)
    usual = median(earlier_calls) if earlier_calls else 0
    if not usual:
        return None
    return Progress(share=min(HIGHEST_ESTIMATE, run.tally.calls / usual), is_estimated=True)
