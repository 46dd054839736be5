"""Which runs need attention, and why (spec/runs.md 3.2). Budgets join with policies."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from titan.model.recorded import Note, RecordedRun
from titan.model.runs import RunStatus

FEWEST_STOPPED: Final = 3  # so that one of one is no alarm
HIGH_RATE: Final = 0.2


class ReasonKind(StrEnum):
    """Why a run needs attention, the most serious first."""

    ERROR = "error"  #: it failed, or a call failed that was not made good
    ENTRIES_LOST = "entries_lost"  #: not all that it did is known
    OVER_BUDGET = "over_budget"  #: it spent more than a policy allows
    HIGH_INTERVENTION = "high_intervention"  #: many of its actions were stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason."""

    kind: ReasonKind
    told: str  #: for people


def reasons(run: RecordedRun, *, has_unrecovered_error: bool) -> tuple[Reason, ...]:
    """Return why a run needs attention; nothing when it does not, as when somebody cancelled it."""
    if run.status is RunStatus.CANCELLED:
        return ()
    tally = run.tally
    found: list[Reason] = []
    if run.status is RunStatus.FAILED or has_unrecovered_error:
        found.append(Reason(kind=ReasonKind.ERROR, told=_why(run)))
    if run.lost:
        told = f"{run.lost:,} {'entry was' if run.lost == 1 else 'entries were'} not recorded"
        found.append(Reason(kind=ReasonKind.ENTRIES_LOST, told=told))
    stopped = tally.blocked + tally.rejected
    if stopped >= FEWEST_STOPPED and stopped >= HIGH_RATE * tally.attempts:
        told = f"{stopped} of {tally.attempts} actions were stopped"
        found.append(Reason(kind=ReasonKind.HIGH_INTERVENTION, told=told))
    return tuple(found)


def acknowledgement(run: RecordedRun, notes: Iterable[Note]) -> Note | None:
    """Return the newest note by which a run needs no attention any more; None where more was heard of it since."""
    said = [note for note in notes if note.acknowledges and note.at >= run.heard_at]
    return max(said, key=lambda note: (note.at, note.id), default=None)


def _why(run: RecordedRun) -> str:
    """Return why a failed run ended, as its program says it: the first error of all may be one that it got over."""
    own = run.reason if run.status is RunStatus.FAILED else None
    return own or run.first_error or "failed without a word"
