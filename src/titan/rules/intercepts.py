"""Which runs need attention, and why (spec/runs.md 3.2). Budgets join with policies."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from titan.model.recorded import Note, RecordedRun
from titan.model.runs import RunStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """From where on a run counts as often stopped."""

    least: int = 3  #: actions that were stopped, so that one of one is no alarm
    rate: Decimal = Decimal("0.2")  #: share of the run's attempts that were stopped


DEFAULTS: Final = Thresholds()


class ReasonKind(StrEnum):
    """Why a run needs attention, the most serious first."""

    ERROR = "error"  #: it failed, or a call failed that was not made good
    OVER_BUDGET = "over_budget"  #: it spent more than a policy allows
    HIGH_INTERVENTION = "high_intervention"  #: many of its actions were stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason."""

    kind: ReasonKind
    told: str  #: for people


def reasons(run: RecordedRun, *, has_unrecovered_error: bool, thresholds: Thresholds = DEFAULTS) -> tuple[Reason, ...]:
    """Return why a run needs attention; nothing when it does not, as when somebody cancelled it."""
    if run.status is RunStatus.CANCELLED:
        return ()
    found: list[Reason] = []
    if run.status is RunStatus.FAILED or has_unrecovered_error:
        found.append(Reason(kind=ReasonKind.ERROR, told=_why(run)))
    stopped, attempts = run.tally.stopped, run.tally.attempts
    if stopped >= thresholds.least and stopped >= thresholds.rate * attempts:
        told = f"{stopped} of {attempts} actions were stopped"
        found.append(Reason(kind=ReasonKind.HIGH_INTERVENTION, told=told))
    return tuple(found)


def acknowledgement(run: RecordedRun, notes: Iterable[Note]) -> Note | None:
    """Return the note by which a run needs no attention any more, None where it needs some.

    One that mutes the run goes before one that acknowledges it, which counts until more is heard; then the newest.
    """
    said = [note for note in notes if note.mutes or (note.acknowledges and note.at >= run.heard_at)]
    return max(said, key=lambda note: (note.mutes, note.at, note.id), default=None)


def _why(run: RecordedRun) -> str:
    """Return why a failed run ended, as its program says it: the first error of all may be one that it got over."""
    own = run.reason if run.status is RunStatus.FAILED else None
    return own or run.first_error or "failed without a word"
