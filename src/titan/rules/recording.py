"""What entries come to: each is settled once against what is known of its action and its run.

Entries come late, twice, in any order and from several tellers. So: what a teller has told is never counted again; what
is missing is filled in from whoever knows it; a call that two tellers saw is one action, joined by the provider's id of
the answer or by the span that the other was made in; and of two costs the one that our own model endpoint saw wins.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from titan.model.actions import CALLS, ActionEntry, ActionKind, Entry, Failure, Outcome, RunEntry, Teller
from titan.model.recorded import Action, RecordedRun, StatusSource
from titan.model.runs import RunStatus
from titan.ports_calls import KnownCalls, NewEntry
from titan.rules.tallying import Sums

UNKNOWN_AGENT: Final = "unknown"  # whose run it is when no teller has said so
MAX_ERROR_MESSAGE: Final = 500
MAX_FIRST_ERROR: Final = 300

#: Two bits for each teller: it has told the beginning, it has told the end.
_BEGAN: Final = {teller: 1 << 2 * place for place, teller in enumerate(Teller)}
_ENDED: Final = {teller: 2 << 2 * place for place, teller in enumerate(Teller)}
HAS_INPUTS: Final = 1 << 30
HAS_OUTPUTS: Final = 1 << 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What some entries change."""

    runs: Sequence[RecordedRun]  #: new and changed ones
    actions: Sequence[Action]  #: new and changed ones
    kept: Sequence[NewEntry]  #: in the order they came
    repeated: int  #: entries that say nothing new


@dataclass(slots=True)
class _RunState:
    """A run while entries are settled: what most entries change stands apart, and is put together once."""

    run: RecordedRun
    sums: Sums
    entry_count: int
    started_at: datetime
    last_event_at: datetime
    last_outcome: Outcome | None
    last_ended_at: datetime | None
    first_error: Action | None = None  #: one that failed before the first that the run knows
    #: Not in the store yet, so that whatever is said of it is new.
    is_new: bool = True

    @classmethod
    def of(cls, run: RecordedRun, *, is_new: bool) -> "_RunState":
        return cls(
            run=run,
            sums=Sums(run.tally),
            entry_count=run.entry_count,
            started_at=run.started_at,
            last_event_at=run.last_event_at,
            last_outcome=run.last_outcome,
            last_ended_at=run.last_ended_at,
            is_new=is_new,
        )

    def whole(self) -> RecordedRun:
        """Return the run's row as it is now, but for what is summed up."""
        error = self.first_error
        first = (
            (self.run.first_error_id, self.run.first_error, self.run.first_error_at)
            if error is None
            else (error.id, _told(error), error.started_at)
        )
        return replace(
            self.run,
            started_at=self.started_at,
            last_event_at=self.last_event_at,
            last_outcome=self.last_outcome,
            last_ended_at=self.last_ended_at,
            first_error_id=first[0],
            first_error=first[1],
            first_error_at=first[2],
        )


@dataclass(slots=True)
class _Settling:
    project_id: str
    now: datetime
    known: KnownCalls
    next_number: int
    runs: dict[str, _RunState] = field(default_factory=dict)
    actions: dict[tuple[str, str], Action] = field(default_factory=dict)
    answers: dict[tuple[str, str], Action] = field(default_factory=dict)
    within: dict[tuple[str, str], Action] = field(default_factory=dict)
    changed: dict[int, Action] = field(default_factory=dict)
    kept: list[NewEntry] = field(default_factory=list)


def settle(entries: Iterable[Entry], known: KnownCalls, *, project_id: str, now: datetime) -> Settled:
    """Return what `entries` change, taken in the order given."""
    settling = _Settling(project_id, now, known, known.next_number)
    repeated = 0
    for entry in entries:
        is_new = _take_action(settling, entry) if isinstance(entry, ActionEntry) else _take_run(settling, entry)
        repeated += not is_new
    runs = [_row(state, now) for state in settling.runs.values() if state.entry_count > state.run.entry_count]
    return Settled(runs=runs, actions=list(settling.changed.values()), kept=settling.kept, repeated=repeated)


# --- runs ---


def _state_of(settling: _Settling, entry: Entry, at: datetime) -> _RunState:
    state = settling.runs.get(entry.run_id)
    if state is not None:
        return state
    run = settling.known.runs.get(entry.run_id)
    is_new = run is None
    if run is None:
        run = RecordedRun(
            project_id=settling.project_id,
            id=entry.run_id,
            agent_id=(isinstance(entry, RunEntry) and entry.agent_id) or UNKNOWN_AGENT,
            status=RunStatus.RUNNING,
            status_source=StatusSource.EXPLICIT,
            started_at=at,
            last_event_at=at,
            heard_at=settling.now,
        )
    state = _RunState.of(run, is_new=is_new)
    settling.runs[entry.run_id] = state
    return state


def _row(state: _RunState, now: datetime) -> RecordedRun:
    return replace(state.whole(), tally=state.sums.tally(), entry_count=state.entry_count, heard_at=now)


def _take_run(settling: _Settling, entry: RunEntry) -> bool:
    state = _state_of(settling, entry, entry.at)
    changes = _changes(state, entry)
    if not changes and not state.is_new:
        return False
    if changes:
        state.run = replace(state.run, **changes)  # type: ignore[arg-type]  # keywords through a dict are not followed
    state.started_at = min(state.started_at, entry.at)
    state.last_event_at = max(state.last_event_at, entry.at)
    state.is_new = False
    state.entry_count += 1
    settling.kept.append(NewEntry(entry=entry, action_number=None))
    return True


def _changes(state: _RunState, entry: RunEntry) -> dict[str, object]:
    """Return what an entry changes of a run's row."""
    run = state.run
    said: dict[str, object] = {
        "agent_id": (run.agent_id == UNKNOWN_AGENT and entry.agent_id) or run.agent_id,
        "session_id": run.session_id or entry.session_id,
        "name": run.name or entry.name,
        "done": run.done if entry.done is None else entry.done,
        "total": run.total if entry.total is None else entry.total,
        "tags": tuple(dict.fromkeys((*run.tags, *entry.tags))),
    }
    if run.has_stages:
        pass  # the DAGs that it submitted say more: their word counts
    elif entry.end is not None:
        said["status"] = RunStatus(entry.end.value)
        said["status_source"] = StatusSource.EXPLICIT
        said["reason"] = entry.reason or run.reason
        said["ended_at"] = max(entry.at, state.last_event_at)
    elif run.ended_at is not None and entry.at > run.ended_at:
        said |= _REOPENED
    return {name: value for name, value in said.items() if value != getattr(run, name)}


_REOPENED: Final[Mapping[str, object]] = {
    "status": RunStatus.RUNNING,
    "status_source": StatusSource.EXPLICIT,
    "reason": None,
    "ended_at": None,
}


# --- actions ---


def _take_action(settling: _Settling, entry: ActionEntry) -> bool:
    state = _state_of(settling, entry, entry.started_at)
    before = _find(settling, entry)
    if before is None:
        after = _new_action(settling, entry, state.run)
    elif _has_news(before, entry):
        after = _merged(before, entry)
    else:
        return False
    state.sums.move(before, after)
    _note(settling, entry, after)
    _touch(state, entry, after)
    state.is_new = False
    state.entry_count += 1
    settling.kept.append(NewEntry(entry=entry, action_number=after.number))
    return True


def _find(settling: _Settling, entry: ActionEntry) -> Action | None:
    """Return the action that an entry is about: its own, or the same call as another teller saw it."""
    own = _lookup(settling, (entry.run_id, entry.id))
    if own is not None or entry.kind is not ActionKind.MODEL:
        return own
    same = _same_call(settling, entry)
    if same is None or same.kind is not ActionKind.MODEL:
        return None
    # A teller sees one call once: another id of its own is another call, such as a second try.
    return None if same.heard & (_BEGAN[entry.teller] | _ENDED[entry.teller]) else same


def _lookup(settling: _Settling, place: tuple[str, str]) -> Action | None:
    here = settling.actions.get(place)
    if here is not None:
        return here
    known = settling.known.actions.get(place)
    return None if known is None else settling.changed.get(known.number, known)


def _same_call(settling: _Settling, entry: ActionEntry) -> Action | None:
    """Return the model call that gave the same answer, or that the other was made in."""
    if entry.use is not None and entry.use.response_id is not None:
        answer = (entry.run_id, entry.use.response_id)
        found = settling.answers.get(answer) or settling.known.answers.get(answer)
        if found is not None:
            return settling.changed.get(found.number, found)
    if entry.teller is Teller.ENDPOINT:
        return None if entry.parent_id is None else _lookup(settling, (entry.run_id, entry.parent_id))
    seen = settling.within.get((entry.run_id, entry.id)) or settling.known.within.get((entry.run_id, entry.id))
    return None if seen is None else settling.changed.get(seen.number, seen)


def _has_news(action: Action, entry: ActionEntry) -> bool:
    ended = action.heard & _ENDED[entry.teller]
    told = ended if entry.ended_at is not None else action.heard & _BEGAN[entry.teller] or ended
    if not told:
        return True
    brings_inputs = entry.inputs is not None and not action.heard & HAS_INPUTS
    return brings_inputs or (entry.outputs is not None and not action.heard & HAS_OUTPUTS)


def _heard(entry: ActionEntry) -> int:
    bits = _BEGAN[entry.teller] if entry.ended_at is None else _ENDED[entry.teller]
    if entry.inputs is not None:
        bits |= HAS_INPUTS
    if entry.outputs is not None:
        bits |= HAS_OUTPUTS
    return bits


def _new_action(settling: _Settling, entry: ActionEntry, run: RecordedRun) -> Action:
    use, failure = entry.use, entry.failure
    number = settling.next_number
    settling.next_number += 1
    return Action(
        number=number,
        project_id=settling.project_id,
        run_id=entry.run_id,
        id=entry.id,
        kind=entry.kind,
        name=entry.name,
        agent_id=run.agent_id,
        started_at=entry.started_at,
        heard=_heard(entry),
        parent_id=entry.parent_id,
        actor=entry.actor,
        ended_at=entry.ended_at,
        duration_ns=_duration_ns(entry),
        outcome=_outcome(entry),
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


def _merged(action: Action, entry: ActionEntry) -> Action:
    """Return an action with what an entry knows beyond it."""
    fresh = _Fresh.of(entry)
    is_first_end = action.ended_at is None
    takes_cost = _is_better_cost(action, entry)
    is_other_id = entry.id != action.id and action.span_id is None and entry.teller is not Teller.ENDPOINT
    joins_span = entry.teller is Teller.ENDPOINT and entry.parent_id in (action.id, action.span_id)
    return replace(
        action,
        heard=action.heard | _heard(entry),
        span_id=entry.id if is_other_id else action.span_id,
        parent_id=_parent(action, entry, is_other_id=is_other_id, joins_span=joins_span),
        actor=action.actor or entry.actor,
        started_at=min(action.started_at, entry.started_at),
        ended_at=entry.ended_at if is_first_end else action.ended_at,
        duration_ns=_duration_ns(entry) if is_first_end else action.duration_ns,
        outcome=_outcome(entry) if is_first_end else action.outcome,
        cost=entry.cost if takes_cost else action.cost,
        is_cost_estimated=entry.is_cost_estimated if takes_cost else action.is_cost_estimated,
        model=action.model or fresh.model,
        provider=action.provider or fresh.provider,
        input_tokens=fresh.input_tokens if action.input_tokens is None else action.input_tokens,
        output_tokens=fresh.output_tokens if action.output_tokens is None else action.output_tokens,
        response_id=action.response_id or fresh.response_id,
        error_type=action.error_type or fresh.error_type,
        error_message=action.error_message or fresh.error_message,
        impact=action.impact or entry.impact,
        effect=action.effect or entry.effect,
        tags=tuple(dict.fromkeys((*action.tags, *entry.tags))),
        is_redacted=action.is_redacted or entry.is_redacted or bool(entry.redacted),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fresh:
    """What an entry says of model and error, flat as an action has it."""

    model: str | None
    provider: str | None
    input_tokens: int | None
    output_tokens: int | None
    response_id: str | None
    error_type: str | None
    error_message: str | None

    @classmethod
    def of(cls, entry: ActionEntry) -> "_Fresh":
        use, failure = entry.use, entry.failure
        return cls(
            model=use.model if use else None,
            provider=use.provider if use else None,
            input_tokens=use.input_tokens if use else None,
            output_tokens=use.output_tokens if use else None,
            response_id=use.response_id if use else None,
            error_type=failure.type if failure else None,
            error_message=_first_line(failure) if failure else None,
        )


def _parent(action: Action, entry: ActionEntry, *, is_other_id: bool, joins_span: bool) -> str | None:
    """Return the parent of a joined action: the span's own, for the endpoint only knows the span itself."""
    if joins_span:
        return action.parent_id
    if is_other_id and entry.parent_id is not None:
        return entry.parent_id
    return action.parent_id or entry.parent_id


def _is_better_cost(action: Action, entry: ActionEntry) -> bool:
    if entry.cost is None:
        return False
    if action.cost is None or entry.teller is Teller.ENDPOINT:
        return True
    return action.is_cost_estimated and not entry.is_cost_estimated


def _duration_ns(entry: ActionEntry) -> int | None:
    if entry.duration_ns is not None or entry.ended_at is None:
        return entry.duration_ns
    lasted = entry.ended_at - entry.started_at
    return max(0, (lasted.days * 86_400 + lasted.seconds) * 1_000_000_000 + lasted.microseconds * 1000)


def _outcome(entry: ActionEntry) -> Outcome | None:
    """Return how an action ended; one that ended without a word succeeded, unless it failed."""
    if entry.outcome is not None or entry.ended_at is None:
        return entry.outcome
    return Outcome.ERROR if entry.failure is not None else Outcome.SUCCESS


def _first_line(failure: Failure) -> str | None:
    return failure.message.strip().split("\n", 1)[0][:MAX_ERROR_MESSAGE] or None


def _note(settling: _Settling, entry: ActionEntry, action: Action) -> None:
    settling.changed[action.number] = action
    settling.actions[entry.run_id, entry.id] = action
    if action.response_id is not None:
        settling.answers[entry.run_id, action.response_id] = action
    if entry.teller is Teller.ENDPOINT and entry.parent_id is not None:
        settling.within[entry.run_id, entry.parent_id] = action


def _touch(state: _RunState, entry: ActionEntry, action: Action) -> None:
    """Note at the run what was heard of one of its actions."""
    state.started_at = min(state.started_at, entry.started_at)
    state.last_event_at = max(state.last_event_at, entry.ended_at or entry.started_at)
    if action.kind in CALLS and action.outcome is not None and action.ended_at is not None:
        if state.last_ended_at is None or action.ended_at >= state.last_ended_at:
            state.last_outcome, state.last_ended_at = action.outcome, action.ended_at
        if action.outcome is Outcome.ERROR:
            earlier = state.run.first_error_at if state.first_error is None else state.first_error.started_at
            if earlier is None or action.started_at < earlier:
                state.first_error = action
    if state.run.ended_at is not None and not state.run.has_stages and _goes_on(state.run, entry):
        state.run = replace(state.run, **_REOPENED)  # type: ignore[arg-type]  # as in _take_run


def _goes_on(run: RecordedRun, entry: ActionEntry) -> bool:
    """Tell whether an entry shows that an ended run goes on. An end that was only inferred gives way to any entry."""
    assert run.ended_at is not None
    return run.status_source is StatusSource.INFERRED or entry.started_at > run.ended_at


def _told(action: Action) -> str:
    parts = [part for part in (action.error_type, action.error_message) if part]
    return (": ".join(parts) or "failed without a word")[:MAX_FIRST_ERROR]
