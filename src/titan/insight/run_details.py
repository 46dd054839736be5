"""The details that were reported of a run: resource attributes, the result of a replay, a traceback; its processes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from titan.model.actions import Entry, RunEntry
from titan.model.run_control import RunStatus
from titan.model.runs import Run

# --- How far a running run is ---


LOOKED_AT: Final = 20  # completed runs of the agent
HIGHEST_ESTIMATE: Final = 0.95  # an estimate never says that it is done


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A share from 0 to 1."""

    share: float
    is_estimated: bool


def progress(run: Run, earlier_calls: Sequence[int]) -> Progress | None:
    """Return how far a running run is; None for one that ended, and where nothing is known.

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


def details_of(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Return the JSON objects that entries about a run have as details, each once, in the order they came."""
    reported = (entry.details for entry in entries if isinstance(entry, RunEntry) and entry.details is not None)
    return tuple(dict.fromkeys(details for details in reported if details.startswith("{")))


def processes_of(entries: Iterable[Entry]) -> tuple[RunEntry, ...]:
    """Return the entries that report processes which acted in a run, in the order they came."""
    return tuple(entry for entry in entries if isinstance(entry, RunEntry) and entry.process is not None)
