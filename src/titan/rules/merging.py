"""What is said of one action, joined into the action: whatever the order it comes in, and however often.

So each field has a rule that knows no first and last: the earliest start, the latest end, the gravest outcome, the
larger count, of two words the longer, which says more. What an action has been told stands in its bits `heard`.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeVar

from msgspec.structs import replace

from titan.model.actions import ActionEntry, ActionKind, Effect, Failure, Impact, ModelUse, Outcome, Source, first_tags
from titan.model.recorded import IS_RETOLD, Action, is_frame, lasted_ns, was_model_call
from titan.rules.broken_off import IS_BROKEN_OFF, broken_off, going_on, is_broken_off
from titan.rules.lending import COST_BITS, COST_PLACE, ESTIMATED, PRICED, SAID_FIRST, SAID_LAST, SEEN, own

C = TypeVar("C", int, datetime)

MAX_ERROR_MESSAGE: Final = 500
_NOTHING: Final = Decimal(0)
_NO_USE: Final = ModelUse()

#: Two bits for each source: it has told the beginning, it has told the end.
BEGAN: Final = {source: 1 << 2 * place for place, source in enumerate(Source)}
ENDED: Final = {source: 2 << 2 * place for place, source in enumerate(Source)}
_SEEN_BITS: Final = BEGAN[Source.ENDPOINT] | ENDED[Source.ENDPOINT]
_BEGINNINGS: Final = sum(BEGAN.values())
TOLD: Final = sum(BEGAN.values()) | sum(ENDED.values())
IS_COVERED: Final = 1 << 18  # our endpoint saw the call that it was made in and says again
STAYS_FRAME: Final = 1 << 19  # it is a frame whatever else is heard
#: Of two that are one call with nothing but steps between them (`rules.retelling`): the frame, and the call.
FRAMES_PAST_STEPS: Final = 1 << 22
CALL_PAST_STEPS: Final = 1 << 23
#: 1 << 28 is `model.recorded.IS_RETOLD`, 1 << 29 is `rules.broken_off.IS_BROKEN_OFF`.
HAS_INPUTS: Final = 1 << 30
HAS_OUTPUTS: Final = 1 << 31

_DATE: Final = re.compile(r"-20\d\d-?\d\d-?\d\d")  # gpt-4o-2024-08-06, claude-3-5-haiku-20241022

_GRAVITY: Final[Mapping[Outcome | None, int]] = {
    None: 0,
    Outcome.SUCCESS: 1,  # also what an end without a word is taken for, so that any word goes before it
    Outcome.ERROR: 2,
    Outcome.REPLAYED: 3,
    Outcome.IDEMPOTENT_REPLAY: 4,
    Outcome.REJECTED: 5,
    Outcome.BLOCKED: 6,
}
#: What an export's word of an action adds to one that is known: what else stands in its bits is settled here.
_IS_NEWS: Final = TOLD | HAS_INPUTS | HAS_OUTPUTS
_OF_TELLERS: Final = _IS_NEWS | COST_BITS | IS_BROKEN_OFF
#: How what gave no answer ended.
_FUTILE: Final = frozenset({Outcome.ERROR, Outcome.BLOCKED, Outcome.REJECTED})
#: From the least definite on: who tells only of a beginning often does not know yet what it is that began.
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
    """Return the action that an entry is the first word of."""
    use, failure = entry.use, entry.failure
    action = Action(
        number=number,
        project_id=project_id,
        run_id=entry.run_id,
        id=entry.id,
        kind=entry.kind if entry.hearsay is None or not entry.hearsay.is_frame else ActionKind.STEP,
        name=entry.name,
        agent_id=agent_id,
        started_at=entry.started_at,
        heard=_heard(entry) | _cost_rank(entry) << COST_PLACE if entry.hearsay is None else _heard_elsewhere(entry),
        span_id=None if entry.hearsay is None else entry.hearsay.span_id,
        parent_id=entry.parent_id,
        actor=entry.actor,
        # Clocks are set back, and senders of OTLP cannot be corrected: nothing ends before it began.
        ended_at=None if entry.ended_at is None else max(entry.started_at, entry.ended_at),
        duration_ns=_duration_ns(entry),
        outcome=outcome_of(entry),
        cost=entry.cost,
        is_cost_estimated=entry.is_cost_estimated,
        model=use.model if use else None,
        provider=use.provider if use else None,
        input_tokens=use.input_tokens if use else None,
        output_tokens=use.output_tokens if use else None,
        response_id=use.response_id if use else None,
        error_type=failure.type if failure else None,
        error_message=_first_line(failure) if failure else None,
        impact=entry.impact,
        effect=entry.effect,
        tags=entry.tags,
        is_redacted=entry.is_redacted or bool(entry.redacted),
    )
    return action if action.ended_at is None or not is_broken_off(action) else broken_off(action, at=action.ended_at)


def has_news(action: Action, entry: ActionEntry) -> bool:
    """Tell whether an entry says what its source has not said of the action before; of an export, what its have not."""
    if entry.hearsay is not None:
        return bool(entry.hearsay.heard & _IS_NEWS & ~action.heard)
    if entry.source is Source.IMPORT and _is_known(action, entry):
        return False
    if not action.heard & (BEGAN if entry.ended_at is None else ENDED)[entry.source]:
        return True
    brings_inputs = entry.inputs is not None and not action.heard & HAS_INPUTS
    return brings_inputs or (entry.outputs is not None and not action.heard & HAS_OUTPUTS)


def _is_known(action: Action, entry: ActionEntry) -> bool:
    """Tell whether an action has all that an entry of its export says: who exported it may have it still.

    A cost that only the price list knows is none: of two costs that are one it may stand at the other call.
    """
    use, said = entry.use or _NO_USE, None if entry.is_cost_estimated else entry.cost
    pairs = (
        (entry.ended_at, _told_end(action, entry)),
        (entry.outcome, action.outcome),
        (entry.inputs, action.heard & HAS_INPUTS or None),
        (entry.outputs, action.heard & HAS_OUTPUTS or None),
        (entry.failure, action.error_type),
        (said, action.cost),
        (use.model, action.model),
        (use.response_id, action.response_id),
        (use.input_tokens, action.input_tokens),
        (use.output_tokens, action.output_tokens),
    )
    is_by_name = entry.id in (action.id, action.span_id)
    return is_by_name and all(told is None or known is not None for told, known in pairs)


def _told_end(action: Action, entry: ActionEntry) -> datetime | None:
    """Return when an action ended; that nobody told its end gives way to any word that says another."""
    if is_broken_off(action) and entry.ended_at != action.ended_at:
        return None
    return action.ended_at


def merged(action: Action, entry: ActionEntry) -> Action:
    """Return an action with what an entry knows beyond it."""
    action = _as_told(action)
    if entry.ended_at is not None:
        action = going_on(action)
    if _is_of_another_try(action, entry):
        return replace(action, heard=action.heard | _heard(entry))
    use = entry.use
    other = new_action(entry, number=action.number, project_id=action.project_id, agent_id=action.agent_id)
    if entry.hearsay is not None:
        other = _as_told_elsewhere(other, action)
    cost_from, cost, is_estimated = _cost(action, other)
    error_type, error_message = _error(action, other)
    both = replace(
        action,
        heard=(action.heard | other.heard) & ~COST_BITS | cost_from,
        kind=action.kind if is_frame(action) else max(action.kind, other.kind, key=_DEFINITE.__getitem__),
        name=max(action.name, other.name, key=_fullness),
        span_id=action.span_id or (entry.id if entry.id != action.id else other.span_id),
        parent_id=_parent(action, entry),
        actor=_fuller(action.actor, other.actor),
        started_at=min(action.started_at, other.started_at),
        ended_at=later(action.ended_at, other.ended_at),
        duration_ns=later(action.duration_ns, other.duration_ns),
        outcome=graver(action.outcome, other.outcome),
        cost=cost,
        is_cost_estimated=is_estimated,
        model=_fuller(action.model, other.model),
        provider=_fuller(action.provider, other.provider),
        input_tokens=later(action.input_tokens, other.input_tokens),
        output_tokens=later(action.output_tokens, other.output_tokens),
        response_id=_fuller(action.response_id, use.response_id if use else None),
        error_type=error_type,
        error_message=error_message,
        impact=max(action.impact, other.impact, key=_HARM.__getitem__),
        effect=Effect.EXTERNAL if Effect.EXTERNAL in (action.effect, other.effect) else action.effect or other.effect,
        tags=action.tags if action.tags == other.tags else first_tags(action.tags, other.tags),
        is_redacted=action.is_redacted or other.is_redacted,
    )
    if both.ended_at is None or not is_broken_off(both):
        return both
    return replace(both, duration_ns=lasted_ns(both.started_at, both.ended_at))


def frame_of(action: Action) -> Action:
    """Return an action that turned out to stand around the call that another action is: it is counted no more."""
    return replace(action, kind=ActionKind.STEP, heard=action.heard | IS_RETOLD)


def call_of(frame: Action) -> Action:
    """Return what was taken for a frame as the call that it turned out to be of its own."""
    return replace(frame, kind=ActionKind.MODEL, heard=frame.heard | IS_RETOLD)


def is_seen(action: Action) -> bool:
    """Tell whether our endpoint saw a call."""
    return bool(action.heard & _SEEN_BITS)


def says_same(outer: Action, inner: Action) -> bool:
    """Tell whether two model calls, one made in the other, are one call that was told twice.

    Two instrumentations of one program, of a framework and of the client it uses, tell of a call twice. They are two
    where they name two answers, or our endpoint saw both, or the inner one came to nothing and the outer one succeeded:
    then that was a try before.
    """
    if outer.number == inner.number or not (was_model_call(outer) and was_model_call(inner)):
        return False
    if not _tellers(outer.heard) & _tellers(inner.heard) & ~_SEEN_BITS or (is_seen(outer) and is_seen(inner)):
        return False
    inner = own(inner)
    if outer.response_id is not None and inner.response_id is not None:
        return outer.response_id == inner.response_id
    return outer.outcome is not Outcome.SUCCESS or going_on(inner).outcome not in _FUTILE


def have_one_teller(one: Action, other: Action) -> bool:
    """Tell whether somebody told of both: then they are two calls, for a source sees one call once."""
    return bool(_tellers(one.heard) & _tellers(other.heard))


def is_around(outer: Action, inner: Action) -> bool:
    """Tell whether a call that gave the same answer as another was going on all the while, and is not beside it."""
    if outer.number == inner.number or outer.parent_id == inner.parent_id:
        return False
    if outer.ended_at is None or inner.ended_at is None:
        return False
    # A child may end late or start at the same microsecond, but never starts first: so no child is taken for the frame.
    return outer.started_at < inner.started_at and inner.ended_at <= outer.ended_at


def is_same_within(outer: Action, inner: Action) -> bool:
    """Tell whether a model call with nothing but steps between it and the one it was made in says what that one says.

    A framework's span of a call (LangChain's ChatOpenAI) and the span of the client it uses often have a chain's or a
    wrapper's span between them. No convention marks the two as one call; what both say is how backends know them:
    DataDog/dd-trace-js#8936 has the pair with the same tokens and costs counted 2.2 times. That alone is no proof, for
    equal questions have equal tokens. So all of it is asked for: the same model and tokens, known and not 0; the same
    outcome; the inner one within the outer one's time; and not two answers. An aggregate over several calls has other
    tokens than any of them, and a call that a tool or agent made in between is its own: neither is taken for this.
    """
    used = (outer.input_tokens, outer.output_tokens)
    if not all(used) or used != (inner.input_tokens, inner.output_tokens) or outer.outcome is not inner.outcome:
        return False
    if outer.ended_at is None or inner.ended_at is None:
        return False
    if outer.started_at > inner.started_at or inner.ended_at > outer.ended_at:
        return False
    return not _gave_another(outer, inner) and _is_same_model(outer.model, inner.model)


def may_be_same(action: Action, entry: ActionEntry) -> bool:
    """Tell whether two model calls, of which one was made within the other, may be one.

    A client's span stands around all its tries, and each try comes to our endpoint as a call of its own. So a source
    sees one call once; another answer is another call; and what failed within what succeeded was a try before.
    """
    if action.heard & tellers_of(entry):
        return False
    answer, known = entry.use.response_id if entry.use else None, own(action).response_id
    if answer is not None and known is not None:
        return answer == known
    tried, whole = (entry, action) if entry.source is Source.ENDPOINT else (action, entry)
    return not (_how(tried) is Outcome.ERROR and _how(whole) is Outcome.SUCCESS)


def tellers_of(entry: ActionEntry) -> int:
    """Return the bits of who told what an entry says; one source sees one call once."""
    if entry.hearsay is not None:
        began = _tellers(entry.hearsay.heard)
        return began | began << 1
    return BEGAN[entry.source] | ENDED[entry.source]


def graver(one: Outcome | None, other: Outcome | None) -> Outcome | None:
    """Return the outcome that counts when sources differ; None is no word at all."""
    return max(one, other, key=_GRAVITY.__getitem__)


def later(one: C | None, other: C | None) -> C | None:
    """Return the larger of two values; None is unknown."""
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def outcome_of(entry: ActionEntry) -> Outcome | None:
    """Return how an action ended; one that ended without a word succeeded, unless it failed."""
    if entry.outcome is not None or entry.ended_at is None:
        return entry.outcome
    return Outcome.ERROR if entry.failure is not None else Outcome.SUCCESS


def _tellers(heard: int) -> int:
    """Return who has told of an action, as the bits of their beginnings."""
    return (heard | heard >> 1) & _BEGINNINGS


def _as_told(action: Action) -> Action:
    """Return an action with what its sources told alone: neither lent nor reckoned."""
    action = own(action)
    if not action.heard & PRICED:
        return action
    return replace(action, cost=None, is_cost_estimated=False, heard=action.heard & ~(PRICED | COST_BITS))


def _gave_another(one: Action, other: Action) -> bool:
    """Tell whether two calls name two answers."""
    return None not in (one.response_id, other.response_id) and one.response_id != other.response_id


def _is_same_model(one: str | None, other: str | None) -> bool:
    """Tell whether two names are of one model: a gateway puts its provider before it, an answer its date behind it."""
    if one is None or other is None:
        return False
    short, long = sorted((one.rpartition("/")[2], other.rpartition("/")[2]), key=len)
    return long.startswith(short) and (long == short or _DATE.fullmatch(long, len(short)) is not None)


def _how(said: Action | ActionEntry) -> Outcome | None:
    return going_on(said).outcome if isinstance(said, Action) else outcome_of(said)


def _is_of_another_try(action: Action, entry: ActionEntry) -> bool:
    """Tell whether an entry is about a later try than the one that our endpoint has seen the end of."""
    if entry.source is Source.ENDPOINT or not action.heard & ENDED[Source.ENDPOINT]:
        return False
    answer = entry.use.response_id if entry.use else None
    if answer is not None:
        return answer != action.response_id
    return action.outcome is Outcome.ERROR and outcome_of(entry) is Outcome.SUCCESS


def _heard(entry: ActionEntry) -> int:
    bits = BEGAN[entry.source] if entry.ended_at is None else ENDED[entry.source]
    if entry.inputs is not None:
        bits |= HAS_INPUTS
    if entry.outputs is not None:
        bits |= HAS_OUTPUTS
    return bits


def _heard_elsewhere(entry: ActionEntry) -> int:
    """Return the bits of an action that an export tells: those that it has there, so that it goes on alike here."""
    assert entry.hearsay is not None
    bits = entry.hearsay.heard
    if entry.ended_at is None:
        bits &= ~IS_BROKEN_OFF
    return bits if entry.cost is not None else bits & ~COST_BITS


def _as_told_elsewhere(other: Action, action: Action) -> Action:
    """Return what an export tells of an action that is known here: as its sources told it, without what was settled."""
    other = _as_told(other)
    if action.ended_at is not None:
        other = going_on(other)  # that it never ended was wrong
    return replace(other, heard=other.heard & _OF_TELLERS)


def _parent(action: Action, entry: ActionEntry) -> str | None:
    """Return the parent of both; where one was made within the other, that of the outer one."""
    if entry.source is Source.ENDPOINT:
        is_within = entry.parent_id in (action.id, action.span_id)
        return action.parent_id if is_within else action.parent_id or entry.parent_id
    if entry.id == action.parent_id:
        return entry.parent_id
    if entry.source is Source.OTLP:  # its spans are what the others' parents are, too
        return entry.parent_id or action.parent_id
    return action.parent_id or entry.parent_id


def _cost(action: Action, other: Action) -> tuple[int, Decimal | None, bool]:
    """Return where the cost is from, as bits, the cost, and whether it is estimated."""
    ours, theirs = (
        (said.heard & COST_BITS, said.cost or _NOTHING, not said.is_cost_estimated) for said in (action, other)
    )
    if ours >= theirs:
        return ours[0], action.cost, action.is_cost_estimated
    return theirs[0], other.cost, other.is_cost_estimated


def _cost_rank(entry: ActionEntry) -> int:
    if entry.cost is None:
        return 0
    if entry.source is Source.ENDPOINT:
        return SEEN
    if entry.is_cost_estimated:
        return ESTIMATED
    return SAID_FIRST if entry.ended_at is None else SAID_LAST


def _error(action: Action, other: Action) -> tuple[str | None, str | None]:
    """Return type and message of one source, so that they belong together."""
    return max(
        ((said.error_type, said.error_message) for said in (action, other)),
        key=lambda said: (len(said[1] or ""), len(said[0] or ""), said[1] or "", said[0] or ""),
    )


def _fuller(one: str | None, other: str | None) -> str | None:
    """Return the word that says more; None says nothing."""
    if one is None or other is None:
        return other if one is None else one
    return max(one, other, key=_fullness)


def _fullness(word: str) -> tuple[int, str]:
    """Return an order of words: a longer one says more, and of two as long one has to be chosen."""
    return len(word), word


def _duration_ns(entry: ActionEntry) -> int | None:
    if entry.duration_ns is not None or entry.ended_at is None:
        return entry.duration_ns
    return lasted_ns(entry.started_at, entry.ended_at)


def _first_line(failure: Failure) -> str | None:
    return failure.message.strip().split("\n", 1)[0][:MAX_ERROR_MESSAGE] or None
