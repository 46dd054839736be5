"""Decide which runs need attention, and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from titan.model.run_control import RunStatus
from titan.model.runs import Note, Run, Stops, Tally
from titan.rules.intervals import wilson_interval


def wilson_lower(count: int, of: int) -> float:
    """Return the least share that `count` cases of so many stand for with 95 %: 0.57 for 5 of 5, 0.84 for 20 of 20.

    Of none it is 0.
    """
    return wilson_interval(count / of, of)[0] if of else 0.0


OWN_SPAN: Final = timedelta(days=30)  # before a run, of which its agent's other runs say how often they are stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Thresholds from which on a run counts as often stopped."""

    least: int = 3  #: actions that were stopped, so that one of one is no alarm
    rate: Decimal = Decimal("0.2")  #: share of the run's attempts that were stopped
    times: Decimal = Decimal(3)  #: as often as in other runs of its agent, which does for less; 0: that is not asked


DEFAULTS: Final = Thresholds()
FEWEST_ATTEMPTS: Final = 30  # of those: fewer say nothing of a rate


class ReasonKind(StrEnum):
    """Why a run needs attention, the most serious first."""

    ERROR = "error"  #: it failed, or a call failed and was not recovered
    ENTRIES_LOST = "entries_lost"  #: not all that it did is known
    OVER_BUDGET = "over_budget"  #: it spent more than a policy allows
    HIGH_INTERVENTION = "high_intervention"  #: many of its actions were stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason."""

    kind: ReasonKind
    text: str  #: for people


def reasons(
    run: Run, *, has_unrecovered_error: bool, thresholds: Thresholds = DEFAULTS, of_agent: Stops | None = None
) -> tuple[Reason, ...]:
    """Return why a run needs attention; nothing when it does not, as when somebody cancelled it.

    `of_agent` is needed only where `depends_on_agent` says so: the stops of its runs in `OWN_SPAN` before this one.
    """
    if run.status is RunStatus.CANCELLED:
        return ()
    found: list[Reason] = []
    if run.status is RunStatus.FAILED or has_unrecovered_error:
        found.append(Reason(kind=ReasonKind.ERROR, text=_why(run)))
    if run.lost:
        lost = f"{run.lost:,} {'entry was' if run.lost == 1 else 'entries were'} not recorded"
        found.append(Reason(kind=ReasonKind.ENTRIES_LOST, text=lost))
    if (text := _often_stopped(run.tally, thresholds, of_agent)) is not None:
        found.append(Reason(kind=ReasonKind.HIGH_INTERVENTION, text=text))
    return tuple(found)


def depends_on_agent(run: Run, thresholds: Thresholds) -> bool:
    """Return whether a run was stopped often only if its agent's runs before it were stopped less."""
    enough = run.status is not RunStatus.CANCELLED and run.tally.stopped >= thresholds.least
    return enough and thresholds.times > 0 and run.tally.stopped < thresholds.rate * run.tally.attempts


def acknowledgement(run: Run, notes: Iterable[Note]) -> Note | None:
    """Return the note by which a run needs no attention any more, None where it needs some.

    One that mutes the run goes before one that acknowledges it, which counts until more goes wrong; then the newest.
    """
    said = [note for note in notes if note.mutes or (note.acknowledges and note.troubles >= run.troubles)]
    return max(said, key=lambda note: (note.mutes, note.at, note.id), default=None)


def _often_stopped(tally: Tally, thresholds: Thresholds, of_agent: Stops | None) -> str | None:
    """Return how often a run was stopped, where that is often: by itself, or beside the others of its agent."""
    text = f"{tally.stopped} of {tally.attempts} actions were stopped"
    if tally.stopped < thresholds.least:
        return None
    if tally.stopped >= thresholds.rate * tally.attempts:
        return text
    if of_agent is None or not thresholds.times:
        return None
    if not _is_unlike(tally, of_agent, thresholds.times):
        return None
    return (
        f"{text}, over {thresholds.times} times as often as in its agent's other runs of {OWN_SPAN.days} days:"
        f" {of_agent.stopped} of {of_agent.attempts}"
    )


def _is_unlike(tally: Tally, others: Stops, times: Decimal) -> bool:
    """Return whether a run was stopped so many times as often as others, and not by chance.

    Others that made few attempts show no rate that anything is unlike.
    """
    if others.attempts < FEWEST_ATTEMPTS or tally.stopped * others.attempts <= times * others.stopped * tally.attempts:
        return False
    return wilson_lower(tally.stopped, tally.attempts) > others.stopped / others.attempts


def _why(run: Run) -> str:
    """Return why a failed run ended, as its program says it: the first error of all may be one that it got over."""
    own = run.reason if run.status is RunStatus.FAILED else None
    return own or run.first_error or "failed without an error message"
