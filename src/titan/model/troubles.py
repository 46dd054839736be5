"""How much went wrong in a run: a count that only grows, so that whoever saw so much has seen all that came until then.

What is wrong now may become less: a call that was taken for never ended tells its end, two calls turn out to be one, a
run that failed goes on. Were that taken from the count, the next error would not raise it above what was acknowledged.
"""

from datetime import datetime

from titan.model.run_status import RunStatus
from titan.model.runs import Run


def troubles_after(before: Run | None, after: Run) -> int:
    """Return how much went wrong in a run until it became what it is; None before it was heard of."""
    if before is None:
        return wrong_now(after)
    more = (
        after.tally.error - before.tally.error,
        after.tally.stopped - before.tally.stopped,
        after.lost - before.lost,
        _has_failed_anew(before, after),
    )
    return before.troubles + sum(max(0, growth) for growth in more)


def wrong_now(run: Run) -> int:
    """Return how much is wrong in a run: its failed and stopped actions, its lost entries, and that it failed."""
    return run.tally.error + run.tally.stopped + run.lost + (_failed_at(run) is not None)


def righted(run: Run) -> int:
    """Return how much of what went wrong is wrong no more: what a run that is told as it stands does not know of."""
    return run.troubles - wrong_now(run)


def _has_failed_anew(before: Run, after: Run) -> bool:
    """Tell whether a run failed; not by an end that stands again, nor where it is told once more."""
    end = _failed_at(after)
    return end is not None and before.status is not RunStatus.FAILED and end != _failed_at(before)


def _failed_at(run: Run) -> datetime | None:
    """Return the end as which a run failed, also while it goes on after that."""
    if run.told_end is not None and run.told_end.status is RunStatus.FAILED:
        return run.told_end.at
    return run.ended_at if run.status is RunStatus.FAILED else None
