"""An agent run: one invocation of one agent, with what it recorded and the stages that it submitted."""

from datetime import datetime
from typing import Final

from msgspec import Struct

from titan.model.actions import Outcome
from titan.model.recorded import Tally
from titan.model.run_status import RunStatus, StatusSource

UNKNOWN_AGENT: Final = "unknown"  # whose run it is when no source has said so


class ToldEnd(Struct, frozen=True, kw_only=True):
    """An end that a run was told to have, before something of it began again."""

    status: RunStatus
    source: StatusSource
    at: datetime
    reason: str | None = None


class Run(Struct, frozen=True, kw_only=True):
    """A run, whoever began it: what was recorded of it, and what the DAGs that it submitted come to."""

    project_id: str
    id: str
    agent_id: str
    status: RunStatus
    status_source: StatusSource
    started_at: datetime
    last_event_at: datetime  #: the latest time that its entries name
    heard_at: datetime  #: when something was heard of it last, by our clock
    ended_at: datetime | None = None
    session_id: str | None = None
    name: str | None = None
    reason: str | None = None  #: why it ended as it did
    told_end: ToldEnd | None = None  #: kept while it goes on after that; it stands again when the run falls silent
    tally: Tally = Tally()
    has_stages: bool = False  #: it submitted DAGs; then the idle rule is the orchestrator's
    last_outcome: Outcome | None = None  #: of the attempt that ended last
    last_ended_at: datetime | None = None  #: when that was
    first_error_id: str | None = None  #: the call that failed first; where none did, the first that never ended
    first_error: str | None = None  #: "ValueError: nope", at most 300 characters
    #: When that call started. None where it never ended: any that failed of itself is told before it.
    first_error_at: datetime | None = None
    last_started_at: datetime | None = None  #: when something of it began last: an end told for before was not the end
    done: int | None = None  #: progress, as its program tells it
    total: int | None = None
    progress_at: datetime | None = None  #: when it was so far
    tags: tuple[str, ...] = ()
    entry_count: int = 0  #: entries of its tape
    lost: int = 0  #: entries that its program could not deliver, as far as it told
    troubles: int = 0  #: how much went wrong so far, which never falls; a store counts it: `troubles_after`
    #: How well it is known whose run it is: of several words the smallest counts. 0: for certain.
    agent_order: int = 0
    keeps_content: bool = True  #: whether its inputs and outputs are stored: decided when it was first heard of
    details_told: tuple[str, ...] = ()  #: digests of what was told beside it, so that each is kept once
    pinned_at: datetime | None = None
    archived_at: datetime | None = None


def troubles_after(before: Run | None, after: Run) -> int:
    """Return how much went wrong in a run until it became `after`, a count that only grows; `before` a new run is None.

    So whoever acknowledged so much has seen all that came until then. What is wrong now may become less: a call that
    was taken for never ended reports its end, two calls turn out to be one, a run that failed goes on. Were that taken
    from the count, the next error would not raise it above what was acknowledged.
    """
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
    """Return how much of what went wrong has been recovered since: what an export of the run does not show."""
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
