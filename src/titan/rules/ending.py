"""How a run ends by what it was told, goes on after that, and stands when it falls silent.

An end that something began after was not the end: the run goes on. What was told then is kept beside it, for often it
was only a flush that began late, and no other end comes: then the end that was told stands again, with its reason.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from titan.model.actions import PREVENTED, Outcome, RunEnd, RunEntry, Source, Standing
from titan.model.errors import Conflict
from titan.model.recorded import Action
from titan.model.run_status import RunStatus, StatusSource
from titan.model.runs import Run, ToldEnd
from titan.rules.names import shown
from titan.rules.never_ended import described

_BAD: Final = PREVENTED | {Outcome.ERROR}
_WORSE: Final = {RunStatus.COMPLETED: 1, RunStatus.CANCELLED: 2, RunStatus.FAILED: 3}


def going_on(run: Run) -> Run:
    """Return a run that had ended and goes on."""
    return replace(
        run,
        status=RunStatus.RUNNING,
        status_source=StatusSource.EXPLICIT,
        reason=None,
        ended_at=None,
        told_end=_told(run),
    )


def with_end(run: Run, entry: RunEntry) -> Run:
    """Return a run that was told its end: the later of two counts, of two at once the worse."""
    assert entry.end is not None
    told = ToldEnd(status=RunStatus(entry.end.value), source=entry.end_source, at=entry.at, reason=entry.reason)
    before = None if run.status_source is StatusSource.STAGES else _told(run)
    if before is not None and _order(told) <= _order(before):
        return run
    if run.last_started_at is None or told.at >= run.last_started_at:
        return replace(
            run, status=told.status, status_source=told.source, reason=told.reason, ended_at=told.at, told_end=None
        )
    if run.status_source is StatusSource.STAGES:
        return run
    kept = replace(run, told_end=told)
    return kept if run.ended_at is None else fallen_silent(kept)


def as_it_stood(run: Run, entry: RunEntry, standing: Standing) -> Run:
    """Return a run that had ended where it was exported: as it stood there, unless something later is known of it here.

    Then an end that was told is one of several, and one that was only inferred was none.
    """
    assert entry.end is not None
    if run.ended_at is None and run.last_event_at <= standing.last_event_at:
        status = RunStatus(entry.end.value)
        return replace(run, status=status, status_source=entry.end_source, reason=entry.reason, ended_at=entry.at)
    return run if entry.end_source is StatusSource.INFERRED else with_end(run, entry)


def end_by_hand(run: Run, *, end: RunEnd, reason: str | None, now: datetime) -> RunEntry | None:
    """Return what says that a run ended so; None where that was told already.

    Of one that fell silent, its last event stays its end. A reason may still come to an end without one.

    Raises:
        Conflict: it was told to have ended otherwise, and that stands.
    """
    # Its program's clock may be ahead of ours.
    at = max(now, run.last_event_at) if run.ended_at is None else run.ended_at
    said = RunEntry(run_id=run.id, source=Source.SDK, at=at, end=end, reason=reason)
    if run.ended_at is None or run.status_source is not StatusSource.EXPLICIT:
        return said
    if run.status.value == end.value and reason in (None, run.reason):
        return None
    if run.status.value == end.value and run.reason is None:
        return said
    why = f": {shown(run.reason)}" if run.reason else ""
    raise Conflict(
        f"run {shown(run.id)}",
        expected="one that goes on, or its end once more as it was told",
        found=f"one that ended at {run.ended_at.isoformat()}, {run.status.value}{why}",
        next_step="An end that was told stands. Say what was wrong with it in a note: POST /api/v1/runs/{run}/notes, or"
        " titan runs note RUN TEXT.",
    )


def fallen_silent(run: Run, open_actions: Sequence[Action] = ()) -> Run:
    """Return a run as it has ended by its silence: as it was told last, else by how its last attempt ended.

    That it was complete says nothing of what began later: where that failed, or was stopped, the run failed. So it did
    when something in it never ended, `open_actions`, for then it broke off.
    """
    told = run.told_end
    is_later = told is None or run.last_ended_at is None or run.last_ended_at > told.at
    has_failed = bool(open_actions) or (run.last_outcome in _BAD and is_later)
    if told is None or (has_failed and told.status is RunStatus.COMPLETED):
        return replace(
            run,
            status=RunStatus.FAILED if has_failed else RunStatus.COMPLETED,
            status_source=StatusSource.INFERRED,
            reason=described(open_actions) if open_actions else None,
            ended_at=run.last_event_at,
        )
    return replace(
        run,
        status=told.status,
        status_source=told.source,
        reason=told.reason,
        ended_at=max(told.at, run.last_event_at),
    )


def _told(run: Run) -> ToldEnd | None:
    """Return the end that a run was told last; one that was kept may stand again."""
    if run.told_end is not None or run.ended_at is None or run.status_source is StatusSource.INFERRED:
        return run.told_end
    return ToldEnd(status=run.status, source=run.status_source, at=run.ended_at, reason=run.reason)


def _order(told: ToldEnd) -> tuple[datetime, int, str]:
    return told.at, _WORSE[told.status], told.reason or ""
