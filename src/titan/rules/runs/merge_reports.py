"""Merge the reports of one action, in whatever order and however often they come.

So each field has a rule that knows no first and last: the earliest start, the latest end, the gravest outcome, the
larger count, of two words the longer, which says more. A report that changes nothing is a repeat.

Nothing runs in a run that has ended. So a call without an end in such a run has failed (its process was killed, or its
report was lost) until its own end is reported after all.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from msgspec.structs import replace

from titan.model.actions import (
    CALLS,
    ActionEntry,
    ActionKind,
    Effect,
    Failure,
    Impact,
    ModelUse,
    Outcome,
    Source,
    first_tags,
    reason_of,
)
from titan.model.runs import Action, counted_alone, lasted_ns
from titan.ports.runtime import Prices

#: What was on its way when its run ended comes within seconds; what comes later still counts.
GRACE: Final = timedelta(seconds=10)
NEVER_ENDED: Final = "NeverEnded"  # the type of error of a call that has no end of its own
_WHY: Final = "Its run ended, and its own end was never reported."
_INTERRUPTED: Final = (
    "Interrupted, so whether it took effect is not known: its run ended, its own end was not reported."
)


def described(never_ended: Sequence[Action]) -> str:
    """Return for people why a run with these actions is not complete: "broke off: 2 calls never ended"."""
    calls = sum(action.kind in CALLS for action in never_ended)
    count, word = (calls, "call") if calls else (len(never_ended), "step")
    return f"broke off: {count} {word}{'' if count == 1 else 's'} never ended"


def closed(action: Action, *, at: datetime) -> Action:
    """Return an unfinished action as failed when its run ended at `at`."""
    ended_at = max(action.started_at, at)
    return replace(
        action,
        outcome=Outcome.ERROR,
        ended_at=ended_at,
        duration_ns=lasted_ns(action.started_at, ended_at),
        error_type=NEVER_ENDED,
        error_message=_INTERRUPTED if action.effect is Effect.EXTERNAL else _WHY,
    )


def is_never_ended(action: Action) -> bool:
    """Return whether nobody has reported the end of an action whose run is over."""
    return action.error_type == NEVER_ENDED


def going_on(action: Action) -> Action:
    """Return an action as it was before it was taken for one that never ends."""
    if not is_never_ended(action):
        return action
    return replace(action, outcome=None, ended_at=None, duration_ns=None, error_type=None, error_message=None)


C = TypeVar("C", int, datetime)

MAX_ERROR_MESSAGE: Final = 500
_NO_USE: Final = ModelUse()
_PRICED_BY: Final = (
    "model",
    "provider",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)
_GRAVITY: Final[Mapping[Outcome | None, int]] = {
    None: 0,
    Outcome.SUCCESS: 1,  # also what an end without an outcome is taken for, so that any other goes before it
    Outcome.ERROR: 2,
    Outcome.REPLAYED: 3,
    Outcome.IDEMPOTENT_REPLAY: 4,
    Outcome.REJECTED: 5,
    Outcome.BLOCKED: 6,
}
#: From the least definite on: who reports a beginning often does not know yet what it is that began.
_DEFINITE: Final = {
    kind: place
    for place, kind in enumerate(
        (
            ActionKind.STEP,
            ActionKind.CALL,
            ActionKind.EVENT,
            ActionKind.TURN,
            ActionKind.THOUGHT,
            ActionKind.HANDOFF,
            ActionKind.AGENT,
            ActionKind.TOOL,
            ActionKind.MODEL,
        )
    )
}
_HARM: Final[Mapping[Impact | None, int]] = {None: 0} | {impact: place for place, impact in enumerate(Impact, start=1)}


def new_action(entry: ActionEntry, *, number: int, project_id: str, agent_id: str) -> Action:
    """Return the action that an entry is the first report of."""
    use, failure = entry.use or _NO_USE, entry.failure
    return Action(
        number=number,
        project_id=project_id,
        run_id=entry.run_id,
        id=entry.id,
        sources=(entry.reporter,),
        kind=entry.kind,
        name=entry.name,
        agent_id=agent_id,
        started_at=entry.started_at,
        parent_id=entry.parent_id,
        actor=entry.actor,
        # Clocks are set back, and senders of OTLP cannot be corrected: nothing ends before it began.
        ended_at=None if entry.ended_at is None else max(entry.started_at, entry.ended_at),
        duration_ns=_duration_ns(entry),
        outcome=outcome_of(entry),
        cost=entry.cost,
        is_cost_estimated=entry.is_cost_estimated,
        model=use.model,
        provider=use.provider,
        input_tokens=use.input_tokens,
        output_tokens=use.output_tokens,
        cache_read_tokens=use.cache_read_tokens,
        cache_write_tokens=use.cache_write_tokens,
        reasoning_tokens=use.reasoning_tokens,
        response_id=use.response_id,
        error_type=failure.type if failure else None,
        error_message=_first_line(failure) if failure else None,
        impact=entry.impact,
        effect=entry.effect,
        tags=entry.tags,
        is_redacted=entry.is_redacted or bool(entry.redacted),
        redaction_version=entry.redaction_version,
        has_inputs=entry.inputs is not None,
        has_outputs=entry.outputs is not None,
        count=counted_alone(entry.kind),
    )


def merged(before: Action, entry: ActionEntry, prices: Prices | None = None) -> Action:
    """Return an action merged with one more report; the action itself when that adds nothing.

    `prices` estimate what no report had all of: the model came with one, the tokens with another.
    """
    is_inferred = entry.failure is not None and entry.failure.type == NEVER_ENDED
    if is_inferred and before.ended_at is not None:
        return before  # of an export: the known end takes precedence
    action = going_on(before) if entry.ended_at is not None else before
    other = new_action(entry, number=action.number, project_id=action.project_id, agent_id=action.agent_id)
    cost, is_estimated = _cost(action, other)
    error_type, error_message = _error(action, other)
    kind = max(action.kind, other.kind, key=_DEFINITE.__getitem__)
    both = replace(
        action,
        sources=action.sources if entry.reporter in action.sources else (*action.sources, entry.reporter),
        kind=kind,
        count=action.count if kind is action.kind else counted_alone(kind),
        name=max(action.name, other.name, key=_fullness),
        parent_id=_parent(action, entry),
        actor=_fuller(action.actor, other.actor),
        started_at=min(action.started_at, other.started_at),
        ended_at=later(action.ended_at, other.ended_at),
        duration_ns=later(action.duration_ns, other.duration_ns),
        outcome=max(action.outcome, other.outcome, key=_GRAVITY.__getitem__),
        cost=cost,
        is_cost_estimated=is_estimated,
        model=_fuller(action.model, other.model),
        provider=_fuller(action.provider, other.provider),
        input_tokens=later(action.input_tokens, other.input_tokens),
        output_tokens=later(action.output_tokens, other.output_tokens),
        cache_read_tokens=later(action.cache_read_tokens, other.cache_read_tokens),
        cache_write_tokens=later(action.cache_write_tokens, other.cache_write_tokens),
        reasoning_tokens=later(action.reasoning_tokens, other.reasoning_tokens),
        response_id=_fuller(action.response_id, other.response_id),
        error_type=error_type,
        error_message=error_message,
        impact=max(action.impact, other.impact, key=_HARM.__getitem__),
        effect=Effect.EXTERNAL if Effect.EXTERNAL in (action.effect, other.effect) else action.effect or other.effect,
        tags=action.tags if action.tags == other.tags else first_tags(action.tags, other.tags),
        is_redacted=action.is_redacted or other.is_redacted,
        redaction_version=min(action.redaction_version, other.redaction_version),
        has_inputs=action.has_inputs or other.has_inputs,
        has_outputs=action.has_outputs or other.has_outputs,
    )
    if both.ended_at is not None and is_never_ended(both):
        both = replace(both, duration_ns=lasted_ns(both.started_at, both.ended_at))
    if both == before:
        return before
    return both if prices is None else _priced(both, before, prices)


def later(one: C | None, other: C | None) -> C | None:
    """Return the larger of two values; None is unknown."""
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def outcome_of(entry: ActionEntry) -> Outcome | None:
    """Return an action's outcome; one that ended without an outcome succeeded, unless it has a failure or a reason.

    A reason is no error either where the source, such as titan_sdk, reports all that is raised as errors.
    """
    is_reason = entry.failure is not None and reason_of(entry.failure.type) is not None
    if is_reason and entry.outcome in (None, Outcome.ERROR):
        return None
    if entry.outcome is not None or entry.ended_at is None:
        return entry.outcome
    return Outcome.ERROR if entry.failure is not None else Outcome.SUCCESS


def _priced(both: Action, before: Action, prices: Prices) -> Action:
    """Return an action with the estimate of its cost, where a report brought a part that an estimate needs."""
    is_open = both.cost is None or both.is_cost_estimated
    if not is_open or both.ended_at is None or all(getattr(both, name) == getattr(before, name) for name in _PRICED_BY):
        return both
    cost = prices.cost_of(ModelUse(**{name: getattr(both, name) for name in _PRICED_BY}), at=both.started_at)
    return both if cost is None else replace(both, cost=cost, is_cost_estimated=True)


def _parent(action: Action, entry: ActionEntry) -> str | None:
    """Return the parent of both: the spans of OpenTelemetry are what other sources' parents are, too."""
    if entry.source is Source.OTLP:
        return entry.parent_id or action.parent_id
    return action.parent_id or entry.parent_id


def _cost(action: Action, other: Action) -> tuple[Decimal | None, bool]:
    """Return the cost that counts, and whether it is estimated: reported before estimated, end before start."""
    if action.cost is None or other.cost is None:
        known = action if other.cost is None else other
    elif action.is_cost_estimated is not other.is_cost_estimated:
        known = other if action.is_cost_estimated else action
    elif (action.ended_at is None) is not (other.ended_at is None):
        known = other if action.ended_at is None else action
    else:
        return max(action.cost, other.cost), action.is_cost_estimated
    return known.cost, known.is_cost_estimated


def _error(action: Action, other: Action) -> tuple[str | None, str | None]:
    """Return type and message of one report, so that they belong together."""
    return max(
        ((said.error_type, said.error_message) for said in (action, other)),
        key=lambda said: (len(said[1] or ""), len(said[0] or ""), said[1] or "", said[0] or ""),
    )


def _fuller(one: str | None, other: str | None) -> str | None:
    """Return the longer of two texts; None is unknown."""
    if one is None or other is None:
        return other if one is None else one
    return max(one, other, key=_fullness)


def _fullness(word: str) -> tuple[int, str]:
    """Return the sort key of texts: by length, then by the text itself."""
    return len(word), word


def _duration_ns(entry: ActionEntry) -> int | None:
    if entry.duration_ns is not None or entry.ended_at is None:
        return entry.duration_ns
    return lasted_ns(entry.started_at, entry.ended_at)


def _first_line(failure: Failure) -> str | None:
    return failure.message.strip().split("\n", 1)[0][:MAX_ERROR_MESSAGE] or None
