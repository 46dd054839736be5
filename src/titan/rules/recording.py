"""What entries come to: each is settled once against what is known of its action and its run.

Entries come late, twice, in any order and from several sources. So: what a source has told is never counted again; what
is missing is filled in from whoever knows it; a call that two sources saw is one action, joined by the provider's id of
the answer or by the span that the other was made in; a call that one source saw within a call is counted once; and of
two costs the one that our own model endpoint saw wins. `rules.merging` says how words about one action are joined.
Whatever the order of entries, counts and sums are the same, but for the case that `rules.past_steps` names.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from titan.model.actions import (
    ATTEMPTS,
    CALLS,
    OWN_ANSWER,
    OWN_LENGTH,
    ActionEntry,
    ActionKind,
    Entry,
    Outcome,
    RunEntry,
    Source,
    Standing,
    digest_of,
    first_tags,
    part_key,
    seen_within,
)
from titan.model.recorded import Action, RecordedRun, is_frame, was_model_call
from titan.model.runs import RunStatus, StatusSource
from titan.ports_calls import KnownCalls, NewEntry, Prices
from titan.rules.bodiless import KEEPS_ALL, Bodiless, told_of_project
from titan.rules.broken_off import IS_BROKEN_OFF, is_broken_off
from titan.rules.ending import as_it_stood, going_on, with_end
from titan.rules.estimating import estimate_told
from titan.rules.first_errors import find_first_errors, forget_error, note_error
from titan.rules.losses import lost_by
from titan.rules.merging import (
    STAYS_FRAME,
    call_of,
    graver,
    has_news,
    have_one_teller,
    later,
    may_be_same,
    merged,
    new_action,
    tellers_of,
)
from titan.rules.nests import settle_nests
from titan.rules.past_steps import parted_past_steps, unnested_past_steps
from titan.rules.retelling import counted_where_named, told_apart
from titan.rules.settling import RunState, Settling
from titan.rules.sureness import order_of

MOST_DETAILS: Final = 32  # different ones about a run; a trace through so many services is rare
MOST_TOLD: Final = 64  # of these and the projects of a run, which are looked at with each word about it
UNKNOWN_AGENT: Final = "unknown"  # whose run it is when no source has said so


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What some entries change."""

    runs: Sequence[RecordedRun]  #: new and changed ones
    actions: Sequence[Action]  #: new and changed ones
    kept: Sequence[NewEntry]  #: in the order they came
    said_new: Sequence[bool]  #: of each entry, in the order they came, whether it said something new

    @property
    def repeated(self) -> int:
        """How many entries said nothing new."""
        return self.said_new.count(False)


def settle(
    entries: Iterable[Entry],
    known: KnownCalls,
    *,
    project_id: str,
    now: datetime,
    prices: Prices | None = None,
    bodiless: Bodiless = KEEPS_ALL,
) -> Settled:
    """Return what `entries` change, taken in the order given; that a run is of one of `bodiless` is noted always."""
    settling = Settling(project_id, now, known, known.next_number, prices=prices, bodiless=bodiless)
    said_new = [
        _take_action(settling, entry) if isinstance(entry, ActionEntry) else _take_run(settling, entry)
        for entry in entries
    ]
    estimate_told(settling)
    parted = parted_past_steps(settling)
    unnested_past_steps(settling, settle_nests(settling, parted))
    counted_where_named(settling)
    find_first_errors(settling)
    runs = [_row(state, now) for state in settling.runs.values() if state.is_changed]
    return Settled(runs=runs, actions=list(settling.changed.values()), kept=settling.kept, said_new=said_new)


# --- runs ---


def _state_of(settling: Settling, entry: Entry, at: datetime) -> RunState:
    state = settling.runs.get(entry.run_id)
    if state is not None:
        return state
    run = settling.known.runs.get(entry.run_id)
    is_new = run is None
    if run is None:
        run = RecordedRun(
            project_id=settling.project_id,
            id=entry.run_id,
            agent_id=UNKNOWN_AGENT,
            status=RunStatus.RUNNING,
            status_source=StatusSource.EXPLICIT,
            started_at=at,
            last_event_at=at,
            heard_at=settling.now,
        )
    state = RunState.of(run, is_new=is_new)
    settling.runs[entry.run_id] = state
    return state


def _row(state: RunState, now: datetime) -> RecordedRun:
    run = state.whole()
    # What is heard of a run that was put away brings it back; what was heard of another one does not.
    archived_at = None if state.entry_count > run.entry_count else run.archived_at
    return replace(run, tally=state.sums.tally(), entry_count=state.entry_count, heard_at=now, archived_at=archived_at)


def _take_run(settling: Settling, entry: RunEntry) -> bool:
    state = _state_of(settling, entry, entry.at)
    began_at, last_at = (None if entry.end is not None else entry.at), entry.at
    has_moved = False
    if entry.standing is not None:
        has_moved = _stands(state, entry.standing)
        began_at, last_at = entry.standing.last_started_at, entry.standing.last_event_at
    changes = _words(settling, state.run, entry)
    if not state.run.has_stages:  # else the DAGs that it submitted say more: their word counts
        changes |= _ending(state, entry)
    changes = {name: value for name, value in changes.items() if value != getattr(state.run, name)}
    is_beyond = entry.at < state.started_at or last_at > state.last_event_at
    if not (changes or has_moved or is_beyond or state.is_new):
        return False
    if changes:
        state.run = replace(state.run, **changes)
    state.started_at = min(state.started_at, entry.at)
    state.last_event_at = max(state.last_event_at, last_at)
    state.last_started_at = later(state.last_started_at, began_at)
    state.is_new = False
    state.entry_count += 1
    settling.kept.append(NewEntry(entry=entry, action_number=None))
    return True


def _stands(state: RunState, standing: Standing) -> bool:
    """Note what an export says of when a run's actions began and ended; return whether that is news."""
    before = (state.last_started_at, state.last_event_at, state.last_outcome, state.last_ended_at)
    state.last_started_at = later(state.last_started_at, standing.last_started_at)
    state.last_event_at = max(state.last_event_at, standing.last_event_at)
    if standing.last_outcome is not None and standing.last_ended_at is not None:
        _note_last(state, standing.last_outcome, standing.last_ended_at)
    return before != (state.last_started_at, state.last_event_at, state.last_outcome, state.last_ended_at)


def _words(settling: Settling, run: RecordedRun, entry: RunEntry) -> dict[str, object]:
    """Return what an entry says of a run; of its session and name the first word that is heard stays."""
    said: dict[str, object] = {
        "session_id": run.session_id or entry.session_id,
        "name": run.name or entry.name,
        "tags": first_tags(run.tags, entry.tags) if entry.tags else run.tags,
        "details_told": _details(settling, run, entry),
        **_agent(run, entry),
    }
    if entry.done is None and entry.total is None:
        return said
    at = entry.at if entry.standing is None else entry.standing.progress_at or entry.at
    is_newest = run.progress_at is None or at >= run.progress_at
    told, else_told = ((entry.done, entry.total), (run.done, run.total))
    first, second = (told, else_told) if is_newest else (else_told, told)
    said["done"] = second[0] if first[0] is None else first[0]
    said["total"] = second[1] if first[1] is None else first[1]
    said["progress_at"] = at if is_newest else run.progress_at
    return said


def _details(settling: Settling, run: RecordedRun, entry: RunEntry) -> tuple[str, ...]:
    """Return what was told beside a run, as digests: OpenTelemetry sends it with every request, and it is kept once.

    A project that keeps no bodies comes in however much was told before: what is kept of the run depends on it.
    """
    if entry.details is None and entry.project is None:
        return run.details_told
    told = set(run.details_told)
    if entry.details is not None and len(told) < MOST_DETAILS:
        told.add(digest_of(entry.details).hex())
    if entry.project is not None:
        noted = told_of_project(entry.project)
        if len(told) < MOST_TOLD or settling.bodiless.is_noted([noted]):
            told.add(noted)
    return run.details_told if len(told) == len(run.details_told) else tuple(sorted(told))


def _agent(run: RecordedRun, entry: RunEntry) -> dict[str, object]:
    """Return what an entry changes of whose run it is: the surest word counts, of equally sure ones the earliest."""
    if not entry.agent_id or entry.agent_id == UNKNOWN_AGENT:
        return {}
    if entry.source is Source.IMPORT and entry.agent_id == run.agent_id:
        return {}  # how it is known stays as it was told here
    since = entry.agent_at or entry.at
    order = order_of(entry.agent_source, since)
    if run.agent_id != UNKNOWN_AGENT and (run.agent_order, run.agent_id) <= (order, entry.agent_id):
        return {}
    return {"agent_id": entry.agent_id, "agent_order": order}


def _ending(state: RunState, entry: RunEntry) -> dict[str, object]:
    """Return what an entry changes of a run's end. An end that something began after was not the end."""
    run = state.run
    if entry.end is None:
        at = entry.at if entry.standing is None else entry.standing.last_started_at
        if run.ended_at is None or at is None or at <= run.ended_at:
            return {}
        after = going_on(run)
    elif entry.standing is not None:
        after = as_it_stood(state.whole(), entry, entry.standing)
    elif entry.is_part_end and state.sums.running:
        return {}  # whoever made that call says more
    else:
        after = with_end(state.whole(), entry)
    return {name: getattr(after, name) for name in _OF_THE_END}


_OF_THE_END: Final = ("status", "status_source", "reason", "ended_at", "told_end")


# --- actions ---


def _take_action(settling: Settling, entry: ActionEntry) -> bool:
    state = _state_of(settling, entry, entry.started_at)
    before = _find(settling, entry)
    if before is None:
        number, settling.next_number = settling.next_number, settling.next_number + 1
        agent_id = state.run.agent_id
        after = new_action(entry, number=number, project_id=settling.project_id, agent_id=agent_id)
        state.lost += lost_by(entry)
    elif has_news(before, entry) or settling.is_new_part(before, entry):
        after = merged(before, entry)
        if entry.source is Source.ENDPOINT and is_frame(after) and _may_be_call(after):
            after = call_of(after)  # which those in it are settled by
    else:
        return False
    twin = None if before is None else _twin(settling, entry, after)
    state.sums.move(before, after)
    _note(settling, entry, after)
    if twin is not None:
        after = told_apart(settling, after, twin)
    if entry.kind is ActionKind.MODEL:
        settling.told_models[after.number] = after
    if before is not None and is_broken_off(before) and not is_broken_off(after):
        forget_error(state, before)
    _touch(state, entry, after)
    state.is_new = False
    state.entry_count += 1
    settling.kept.append(NewEntry(entry=entry, action_number=after.number))
    return True


def _find(settling: Settling, entry: ActionEntry) -> Action | None:
    """Return the action that an entry is about: its own, or the same call as another source saw it."""
    own = settling.action_at(entry.run_id, entry.id)
    if own is None and entry.hearsay is not None and entry.hearsay.span_id is not None:
        own = settling.action_at(entry.run_id, entry.hearsay.span_id)
    if own is not None or entry.kind is not ActionKind.MODEL or (entry.hearsay and entry.hearsay.is_frame):
        return own
    same = settling.with_answer(entry)
    if same is not None:
        # A source sees one call once: another id of its own is another call.
        return None if same.heard & tellers_of(entry) else same
    around = settling.within_or_around(entry)
    return around if around is not None and _may_be_call(around) and may_be_same(around, entry) else None


def _twin(settling: Settling, entry: ActionEntry, action: Action) -> Action | None:
    """Return another action that only now turns out to be the same call, as others tell it."""
    if entry.kind is not ActionKind.MODEL:
        return None
    twin = settling.with_answer(entry)
    if twin is None or twin.number == action.number:
        twin = settling.within_or_around(entry)
        if twin is None or not _may_be_call(twin) or not may_be_same(twin, entry):
            return None
    return None if twin.number == action.number or have_one_teller(twin, action) else twin


def _may_be_call(action: Action) -> bool:
    """Tell whether an action is a model call, or a frame that our endpoint's word of it may show to be the call."""
    return was_model_call(action) and not action.heard & STAYS_FRAME


def _note(settling: Settling, entry: ActionEntry, action: Action) -> None:
    if entry.is_part:
        settling.parts.setdefault(action.number, set()).add(part_key(entry))
    settling.changed[action.number] = action
    settling.actions[entry.run_id, entry.id] = action
    if entry.hearsay is not None and entry.hearsay.span_id is not None:
        settling.actions[entry.run_id, entry.hearsay.span_id] = action
    if action.response_id is not None and action.kind is ActionKind.MODEL:
        settling.answers.setdefault((entry.run_id, action.response_id), action)
        if len(action.response_id) == OWN_LENGTH and OWN_ANSWER.fullmatch(action.response_id):
            settling.answered.setdefault(action.response_id, {})[action.number] = action
    if action.response_id is not None and was_model_call(action):
        settling.named.setdefault((entry.run_id, action.response_id), {})[action.number] = action
    if action.parent_id is not None and was_model_call(action):
        settling.nested.setdefault((entry.run_id, action.parent_id), {})[action.number] = action
    span_id = seen_within(entry)
    if span_id is not None:
        place = (entry.run_id, span_id)
        known = settling.current(settling.within.get(place) or settling.known.within.get(place))
        if known is None or action.outcome is not Outcome.ERROR:  # of several tries the span's own is the good one
            settling.within[place] = action


def _touch(state: RunState, entry: ActionEntry, action: Action) -> None:
    """Note at the run what was heard of one of its actions."""
    state.started_at = min(state.started_at, entry.started_at)
    state.last_event_at = max(state.last_event_at, _last_told(entry))
    state.last_started_at = later(state.last_started_at, entry.started_at)
    # A frame was a call until that turned out, and what it was touched for then stays.
    if (action.kind in CALLS or was_model_call(action)) and action.ended_at is not None and action.outcome in ATTEMPTS:
        if not is_broken_off(action):
            _note_last(state, action.outcome, action.ended_at)
        if action.outcome is Outcome.ERROR:
            note_error(state, action)
    if state.run.ended_at is not None and not state.run.has_stages and _goes_on(state.run, entry):
        state.run = going_on(state.run)


def _last_told(entry: ActionEntry) -> datetime:
    """Return the latest time that an entry tells of; an end that an export only inferred is none."""
    is_inferred = entry.hearsay is not None and entry.hearsay.heard & IS_BROKEN_OFF
    return entry.started_at if entry.ended_at is None or is_inferred else entry.ended_at


def _note_last(state: RunState, outcome: Outcome, ended_at: datetime) -> None:
    if state.last_ended_at is None or ended_at > state.last_ended_at:
        state.last_outcome, state.last_ended_at = outcome, ended_at
    elif ended_at == state.last_ended_at:
        state.last_outcome = graver(state.last_outcome, outcome)


def _goes_on(run: RecordedRun, entry: ActionEntry) -> bool:
    """Tell whether an entry shows that an ended run goes on. An end that was only inferred gives way to any entry."""
    assert run.ended_at is not None
    return run.status_source is StatusSource.INFERRED or entry.started_at > run.ended_at
