"""Check from its recording whether a run can be replayed, without executing code."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from titan.insight.replay.recorded_action import Lack, RecordedAction
from titan.model.actions import Effect, Outcome
from titan.model.run_control import RunStatus
from titan.model.runs import Run
from titan.rules.runs.merge_reports import NEVER_ENDED

MOST_ACTIONS: Final = 100  # that one finding names


class Reason(StrEnum):
    """A reason why a run cannot be replayed, or only with limits."""

    RUN_INCOMPLETE = "run_incomplete"  #: it has not ended
    NOTHING_RECORDED = "nothing_recorded"  #: it has no calls
    RECORDING_CHANGED = "recording_changed"  #: an entry was changed or deleted
    ENTRIES_LOST = "entries_lost"  #: its program could not deliver some
    CALLS_UNFINISHED = "calls_unfinished"  #: their end was not reported
    OUTPUTS_MISSING = "outputs_missing"  #: of calls that succeeded; content capture was off, or the source has none
    OUTPUTS_CUT = "outputs_cut"  #: too large to be recorded whole
    OUTPUTS_OPAQUE = "outputs_opaque"  #: only the repr of a value was recorded
    OUTPUTS_REDACTED = "outputs_redacted"  #: a secret was taken away, which the code would need
    OUTPUTS_UNREADABLE = "outputs_unreadable"  #: they cannot be decoded
    SIDE_EFFECTS = "side_effects"  #: calls change something outside: a replay answers them, and does not repeat them
    PARENTS_MISSING = "parents_missing"  #: what made these actions was not recorded


#: What a replay is possible beside.
REMARKS: Final = frozenset({Reason.SIDE_EFFECTS, Reason.PARENTS_MISSING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A reason and the actions that it concerns."""

    reason: Reason
    count: int = 0  #: of actions or entries; 0: it concerns the run
    action_ids: tuple[str, ...] = ()  #: the first MOST_ACTIONS

    @property
    def blocks(self) -> bool:
        """Whether it prevents a replay."""
        return self.reason not in REMARKS


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfCheck:
    """The result of a check."""

    original_cost: Decimal  #: US dollars, which a replay does not spend
    calls: int
    replayable: int  #: calls that can be answered from the recording
    findings: tuple[Finding, ...]

    @property
    def is_available(self) -> bool:
        """Whether a replay is possible."""
        return not any(finding.blocks for finding in self.findings)


def self_check(run: Run, actions: Sequence[RecordedAction], *, is_intact: bool) -> SelfCheck:
    """Check whether a run can be replayed; `is_intact` is whether its hash chain and contents are complete."""
    calls = [action for action in actions if action.is_call]
    unusable = {action.id for action in calls if any(finds(action) for finds in _OF_CALLS.values())}
    return SelfCheck(
        original_cost=sum((action.cost for action in actions), Decimal(0)),
        calls=len(calls),
        replayable=len(calls) - len(unusable),
        findings=(*_of_run(run, calls, is_intact=is_intact), *_of_calls(calls), *_remarks(actions)),
    )


def _of_run(run: Run, calls: Sequence[RecordedAction], *, is_intact: bool) -> Iterator[Finding]:
    if run.status in (RunStatus.PENDING, RunStatus.RUNNING):
        yield Finding(reason=Reason.RUN_INCOMPLETE)
    if not calls:
        yield Finding(reason=Reason.NOTHING_RECORDED)
    if not is_intact:
        yield Finding(reason=Reason.RECORDING_CHANGED)
    if run.lost:
        yield Finding(reason=Reason.ENTRIES_LOST, count=run.lost)


def _of_calls(calls: Sequence[RecordedAction]) -> Iterator[Finding]:
    for reason, finds in _OF_CALLS.items():
        yield from _about(reason, [action for action in calls if finds(action)])


def _remarks(actions: Sequence[RecordedAction]) -> Iterator[Finding]:
    ids = {None, *(action.id for action in actions)}
    yield from _about(Reason.SIDE_EFFECTS, [one for one in actions if one.is_call and one.effect is Effect.EXTERNAL])
    yield from _about(Reason.PARENTS_MISSING, [one for one in actions if one.parent_id not in ids])


def _about(reason: Reason, actions: Sequence[RecordedAction]) -> Iterator[Finding]:
    if actions:
        ids = tuple(action.id for action in actions[:MOST_ACTIONS])
        yield Finding(reason=reason, count=len(actions), action_ids=ids)


def _is_unfinished(action: RecordedAction) -> bool:
    return (action.outcome or action.failure) is None or (action.failure or "").startswith(NEVER_ENDED)


def _is_without_output(action: RecordedAction) -> bool:
    return action.outcome is Outcome.SUCCESS and action.outputs is None


def _lacks(lack: Lack) -> Callable[[RecordedAction], bool]:
    return lambda action: lack in action.output_lacks


#: Reason → whether a call cannot be answered for it.
_OF_CALLS: Final[Mapping[Reason, Callable[[RecordedAction], bool]]] = {
    Reason.CALLS_UNFINISHED: _is_unfinished,
    Reason.OUTPUTS_MISSING: _is_without_output,
    Reason.OUTPUTS_CUT: _lacks(Lack.CUT),
    Reason.OUTPUTS_OPAQUE: _lacks(Lack.OPAQUE),
    Reason.OUTPUTS_REDACTED: _lacks(Lack.REDACTED),
    Reason.OUTPUTS_UNREADABLE: _lacks(Lack.UNREADABLE),
}
