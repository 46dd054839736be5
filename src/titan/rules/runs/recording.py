"""Apply reported entries to the stored runs and actions.

Entries come late, twice, in any order and from several sources. `merge_reports` merges the reports of one action;
`totals` computes a run's totals later, from all its actions.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from titan.model.actions import (
    CALLS,
    ActionEntry,
    ActionKind,
    AgentSource,
    Entry,
    RunEnd,
    RunEntry,
    Source,
    Standing,
    digest_of,
    first_tags,
    is_answer,
    part_key,
    times_of,
)
from titan.model.projects import name_of_project
from titan.model.run_control import Origin, StatusSource
from titan.model.runs import PROCESS, UNKNOWN_AGENT, Action, Run
from titan.ports.runs_store import KnownCalls, NewEntry
from titan.ports.runtime import Prices
from titan.rules.runs.clocks import bounded
from titan.rules.runs.content import without_content
from titan.rules.runs.lifecycle import as_it_stood, going_on, not_reported_yet, with_end
from titan.rules.runs.merge_reports import NEVER_ENDED, later, merged, new_action

MOST_DETAILS: Final = 32  # different ones about a run; a trace through so many services is rare
MOST_PROCESSES: Final = 256  # of which a run holds the code: its orchestrator and its jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentCapture:
    """Whether inputs and outputs are stored: decided when a run is first reported, and noted at the run."""

    is_off: bool = False  #: for the whole server, also of runs that began before
    off_projects: frozenset[str] = frozenset()  #: for these, whatever the case of their names
    _folded: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_folded", frozenset(name.casefold() for name in self.off_projects))

    def keeps_content(self, project_id: str) -> bool:
        """Return whether content is stored of a run of this project that begins now."""
        return not self.is_off and name_of_project(project_id).casefold() not in self._folded


CAPTURES_ALL: Final = ContentCapture()


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The changes that some entries make."""

    runs: Sequence[Run]  #: new and changed ones
    actions: Sequence[Action]  #: new and changed ones
    kept: Sequence[NewEntry]  #: in the order they came
    is_news: Sequence[bool]  #: of each entry, in the order they came, whether it added something

    @property
    def repeated(self) -> int:
        """The number of entries that added nothing."""
        return self.is_news.count(False)


@dataclass(slots=True)
class _RunState:
    """A run while entries are applied: what most entries change stands apart, and is put together once."""

    run: Run
    is_new: bool  #: not in the store yet
    open_calls: set[int]  #: numbers of its calls that run
    entry_count: int
    started_at: datetime
    last_event_at: datetime
    last_started_at: datetime | None
    lost: int

    def whole(self) -> Run:
        """Return the run's row in its present state."""
        return replace(
            self.run,
            started_at=self.started_at,
            last_event_at=self.last_event_at,
            last_started_at=self.last_started_at,
            lost=self.lost,
        )


@dataclass(slots=True)
class _Batch:
    """What is known, and what was reported since."""

    project_id: str
    now: datetime
    known: KnownCalls
    prices: Prices | None
    capture: ContentCapture
    next_number: int
    runs: dict[str, _RunState] = field(default_factory=dict)
    actions: dict[tuple[str, str], Action] = field(default_factory=dict)
    #: What the messages are known by that were reported of an action part by part, by the action's number.
    parts: dict[int, set[bytes]] = field(default_factory=dict)
    kept: list[NewEntry] = field(default_factory=list)

    def is_new_part(self, action: Action, entry: ActionEntry) -> bool:
        """Return whether an entry brings some of an action's messages that no other entry brought."""
        if not entry.is_part:
            return False
        key = part_key(entry)
        return key not in self.known.parts.get(action.number, ()) and key not in self.parts.get(action.number, ())


def apply_entries(
    entries: Sequence[Entry],
    known: KnownCalls,
    *,
    project_id: str,
    now: datetime,
    prices: Prices | None = None,
    capture: ContentCapture = CAPTURES_ALL,
) -> Applied:
    """Return what `entries` change, taken in the order given.

    Runs that keep no content, as their rows say, or of new ones `capture`, are recorded without any.
    """
    batch = _Batch(project_id, now, known, prices, capture, known.next_number)
    is_out = bool(known.watched) or any(times_of(entry)[1] > now for entry in entries)
    placed = bounded(entries, known, now) if is_out else entries
    is_news = [
        _take_action(batch, entry, as_reported)
        if isinstance(entry, ActionEntry)
        else _take_run(batch, entry, as_reported)
        for entry, as_reported in zip(placed, entries, strict=True)
    ]
    changed = [state for state in batch.runs.values() if state.entry_count > state.run.entry_count]
    actions = [action for place, action in batch.actions.items() if action is not known.actions.get(place)]
    return Applied(runs=[_row(state, now) for state in changed], actions=actions, kept=batch.kept, is_news=is_news)


# --- runs ---


def _state_of(batch: _Batch, entry: Entry, at: datetime) -> _RunState:
    state = batch.runs.get(entry.run_id)
    if state is not None:
        return state
    run = batch.known.runs.get(entry.run_id)
    is_new = run is None
    if run is None:
        keeps_content = batch.capture.keeps_content(batch.project_id)
        run = not_reported_yet(batch.project_id, entry.run_id, at=at, now=batch.now, keeps_content=keeps_content)
        run = replace(run, status_source=StatusSource.EXPLICIT)
    state = batch.runs[entry.run_id] = _RunState(
        run=run,
        is_new=is_new,
        open_calls=set(batch.known.open_calls.get(entry.run_id, ())),
        entry_count=run.entry_count,
        started_at=batch.known.watched[run.id][0] if run.id in batch.known.watched else run.started_at,
        last_event_at=run.last_event_at,
        last_started_at=run.last_started_at,
        lost=run.lost,
    )
    return state


def _row(state: _RunState, now: datetime) -> Run:
    # A report returns an archived run to the lists.
    return replace(state.whole(), entry_count=state.entry_count, received_at=now, archived_at=None)


def _take_run(batch: _Batch, entry: RunEntry, as_reported: Entry) -> bool:
    state = _state_of(batch, entry, entry.at)
    if not state.run.keeps_content:
        entry, as_reported = without_content(entry), without_content(as_reported)
    began_at, last_at = (None if entry.end is not None else entry.at), entry.at
    has_moved = False
    if entry.standing is not None:
        has_moved = _stands(state, entry.standing)
        began_at, last_at = entry.standing.last_started_at, entry.standing.last_event_at
    parent = batch.known.runs.get(entry.parent_run_id or "")
    changes = _words(state.run, entry, of_parent=None if parent is None else parent.origin)
    # Else who watches it says more: the DAGs that it submitted, or the evaluation that it is of.
    if not state.run.has_stages and (entry.source is Source.WORLD or entry.run_id not in batch.known.watched):
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
    batch.kept.append(NewEntry(entry=as_reported, action_number=None))
    return True


def _stands(state: _RunState, standing: Standing) -> bool:
    """Note what an export says of when a run's actions began and ended; return whether that is news."""
    before = (state.last_started_at, state.last_event_at)
    state.last_started_at = later(state.last_started_at, standing.last_started_at)
    state.last_event_at = max(state.last_event_at, standing.last_event_at)
    return before != (state.last_started_at, state.last_event_at)


def _words(run: Run, entry: RunEntry, *, of_parent: Origin | None) -> dict[str, object]:
    """Return what an entry sets at a run; of session, parent and name the first report counts.

    `of_parent` is the origin of the run that it is a fork of. A trace is named for the agent that was seen in it
    until its root says more.
    """
    is_guessed = run.name == run.agent_id and known_by(run.agent_order)[0] in _GUESSED
    said: dict[str, object] = {
        "session_id": run.session_id or entry.session_id,
        "parent_run_id": run.parent_run_id or entry.parent_run_id,
        "forked_at_action_id": run.forked_at_action_id or entry.forked_at_action_id,
        "name": (entry.name if is_guessed and not entry.is_name_guessed else None) or run.name or entry.name,
        "origin": Origin.EVALUATION if Origin.EVALUATION in (entry.origin, of_parent) else run.origin,
        "tags": first_tags(run.tags, entry.tags) if entry.tags else run.tags,
        "detail_digests": _details(run, entry),
        **_agent(run, entry),
    }
    if entry.done is None and entry.total is None:
        return said
    at = entry.at if entry.standing is None else entry.standing.progress_at or entry.at
    is_newest = run.progress_at is None or at >= run.progress_at
    reported, stored = ((entry.done, entry.total), (run.done, run.total))
    first, second = (reported, stored) if is_newest else (stored, reported)
    said["done"] = second[0] if first[0] is None else first[0]
    said["total"] = second[1] if first[1] is None else first[1]
    said["progress_at"] = at if is_newest else run.progress_at
    return said


def _details(run: Run, entry: RunEntry) -> tuple[str, ...]:
    """Return what was reported beside a run, as digests: OpenTelemetry sends it with every request; it is kept once."""
    added = set[str]()
    if entry.details is not None and run.details_count < MOST_DETAILS:
        added.add(digest_of(entry.details).hex())
    if entry.process is not None and run.process_count < MOST_PROCESSES:
        added.add(PROCESS + digest_of(entry.process + (entry.program.text if entry.program else "")).hex())
    return tuple(sorted({*run.detail_digests, *added})) if added else run.detail_digests


def _agent(run: Run, entry: RunEntry) -> dict[str, object]:
    """Return an entry's changes of a run's agent: the most certain attribution counts, of equal ones the earliest."""
    if not entry.agent_id or entry.agent_id == UNKNOWN_AGENT:
        return {}
    if entry.source is Source.IMPORT and entry.agent_id == run.agent_id:
        return {}  # how it is known stays as it was reported here
    since = entry.agent_at or entry.at
    order = order_of(entry.agent_source, since)
    if run.agent_id != UNKNOWN_AGENT and (run.agent_order, run.agent_id) <= (order, entry.agent_id):
        return {}
    return {"agent_id": entry.agent_id, "agent_order": order}


def _ending(state: _RunState, entry: RunEntry) -> dict[str, object]:
    """Return what an entry changes of a run's end. An end that something began after was not the end."""
    run = state.run
    if entry.end is None:
        at = entry.at if entry.standing is None else entry.standing.last_started_at
        if run.ended_at is None or at is None or at <= run.ended_at:
            return {}
        after = going_on(run)
    elif entry.standing is not None:
        after = as_it_stood(state.whole(), entry, entry.standing)
    elif entry.is_part_end and state.open_calls:
        return {}  # the end of that call decides
    else:
        after = with_end(state.whole(), entry)
    return {name: getattr(after, name) for name in _OF_THE_END}


_OF_THE_END: Final = ("status", "status_source", "reason", "ended_at", "reported_end")


# --- actions ---


def _take_action(batch: _Batch, entry: ActionEntry, as_reported: Entry) -> bool:
    assert isinstance(as_reported, ActionEntry)
    state, place = _state_of(batch, entry, entry.started_at), (entry.run_id, entry.id)
    if not state.run.keeps_content:
        entry, as_reported = without_content(entry), without_content(as_reported)
    before = batch.actions.get(place) or batch.known.actions.get(place)
    if before is None:
        number, batch.next_number = batch.next_number, batch.next_number + 1
        agent_id = state.run.agent_id
        after = new_action(entry, number=number, project_id=batch.project_id, agent_id=agent_id)
        state.lost += lost_by(entry)
    else:
        after = merged(before, entry, batch.prices)
        if after is before and not batch.is_new_part(before, as_reported):
            return False
    if entry.is_part:
        batch.parts.setdefault(after.number, set()).add(part_key(as_reported))
    batch.actions[place] = after
    _touch(state, entry, after, is_watched=entry.run_id in batch.known.watched)
    state.is_new = False
    state.entry_count += 1
    batch.kept.append(NewEntry(entry=as_reported, action_number=after.number))
    return True


def _touch(state: _RunState, entry: ActionEntry, action: Action, *, is_watched: bool) -> None:
    """Update the run by a report of one of its actions."""
    state.started_at = min(state.started_at, entry.started_at)
    state.last_event_at = max(state.last_event_at, _last_time(entry))
    state.last_started_at = later(state.last_started_at, entry.started_at)
    if action.kind in CALLS and action.ended_at is None:
        state.open_calls.add(action.number)
    else:
        state.open_calls.discard(action.number)
    if state.run.ended_at is not None and not (state.run.has_stages or is_watched) and _goes_on(state.run, entry):
        state.run = going_on(state.run)


def _last_time(entry: ActionEntry) -> datetime:
    """Return the latest time that an entry names; an end that an export only inferred is none."""
    is_inferred = entry.failure is not None and entry.failure.type == NEVER_ENDED
    return entry.started_at if entry.ended_at is None or is_inferred else entry.ended_at


def _goes_on(run: Run, entry: ActionEntry) -> bool:
    """Return whether an entry shows that an ended run goes on. An end that was only inferred gives way to any entry."""
    assert run.ended_at is not None
    return run.status_source is StatusSource.INFERRED or entry.started_at > run.ended_at


# --- attribution to an agent, as one number ---

#: More than twice any time in microseconds (of the year 1: -6.2 * 10^16, of 9999: 2.5 * 10^17), and with that within
#: 64 bits.
_OF_A_SOURCE: Final = 10**18
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SOURCES: Final = tuple(AgentSource)
_GUESSED: Final = frozenset({AgentSource.ACTED, AgentSource.NAMED})
_PLACES: Final = {source: place for place, source in enumerate(_SOURCES)}


def order_of(source: AgentSource, since: datetime) -> int:
    """Return an attribution as a number: the smallest counts."""
    return _PLACES[source] * _OF_A_SOURCE + (since - _EPOCH) // _MICROSECOND


def known_by(order: int) -> tuple[AgentSource, datetime]:
    """Return the attribution that `order_of` made a number of; 0, which is certain, dates from 1970."""
    place = (order + _OF_A_SOURCE // 2) // _OF_A_SOURCE  # the nearest: times before 1970 are less than nothing
    return _SOURCES[place], _EPOCH + (order - place * _OF_A_SOURCE) * _MICROSECOND


# --- entries that were lost on their way ---

LOST: Final = "titan.entries_lost"  # the event's name, in titan_sdk.recording.recorder
_MOST: Final = 10**12  # larger counts are taken for this


class _Attributes(msgspec.Struct, frozen=True):
    count: int = 1


class _Details(msgspec.Struct, frozen=True):
    attributes: _Attributes = _Attributes()


def lost_by(entry: ActionEntry) -> int:
    """Return how many entries an entry says were lost; 0 of all others. An event without a count is one."""
    if entry.name != LOST or entry.kind is not ActionKind.EVENT:
        return 0
    try:
        details = msgspec.json.decode(entry.details or "{}", type=_Details)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return 1
    return min(max(details.attributes.count, 1), _MOST)


# --- other names of runs ---
#
# Two sorts of names are placeholders: a trace's id, while no span of it has named a run, and the id of an answer of our
# model endpoint, for a call that named neither run nor trace. The first report of the trace or answer in a named run
# makes the placeholder another name of that run; recorded entries stay where they are.

#: Sources that name a run by its trace, for want of another name.
TRACING: Final = frozenset({Source.OTLP, Source.ENDPOINT})


def claims_of(entries: Iterable[Entry]) -> dict[str, str]:
    """Return name → run: the traces and answers that entries say are of a run of another name."""
    claims: dict[str, str] = {}
    for entry in entries:
        for name in _claimed(entry):
            claims.setdefault(name, entry.run_id)  # who reported first has it
    return claims


def _claimed(entry: Entry) -> Iterable[str]:
    if isinstance(entry, RunEntry):
        return entry.traces
    if entry.kind is not ActionKind.MODEL or entry.source is Source.ENDPOINT or entry.use is None:
        return ()
    answer = entry.use.response_id
    return (answer,) if answer is not None and answer != entry.run_id and is_answer(answer) else ()


def resolved(names: Mapping[str, str]) -> dict[str, str]:
    """Return names with the runs that they finally name; names in a cycle have none."""
    runs: dict[str, str] = {}
    for name in names:
        run_id, passed = names[name], {name}
        while run_id in names and run_id not in passed:
            passed.add(run_id)
            run_id = names[run_id]
        if run_id != name:
            runs[name] = run_id
    return runs


def under_their_runs(entries: Iterable[Entry], names: Mapping[str, str]) -> Iterator[Entry | None]:
    """Yield entries under the names of their runs; None in place of those that do not apply to that run.

    What our endpoint says of a call's own run holds of no other, and the end of a trace need not be that of its run.
    """
    for entry in entries:
        run_id = names.get(entry.run_id)
        if run_id is None or entry.source not in TRACING:
            yield entry
        elif isinstance(entry, ActionEntry):
            yield replace(entry, run_id=run_id)
        else:
            yield None if is_answer(entry.run_id) else replace(entry, run_id=run_id, is_part_end=entry.end is not None)


def joined(run: Run, earlier: Run) -> Run:
    """Return a run with what was reported under another name of it, before it was known to be one."""
    run = replace(
        run,
        started_at=min(run.started_at, earlier.started_at),
        last_event_at=max(run.last_event_at, earlier.last_event_at),
        last_started_at=later(run.last_started_at, earlier.last_started_at),
        lost=run.lost + earlier.lost,
        pinned_at=run.pinned_at or earlier.pinned_at,
        imported_at=later(run.imported_at, earlier.imported_at),
        trusted_at=run.trusted_at if earlier.imported_at is None else None,
        entry_count=run.entry_count + earlier.entry_count,
        detail_digests=tuple(sorted({*run.detail_digests, *earlier.detail_digests})[: MOST_DETAILS + MOST_PROCESSES]),
    )
    if is_answer(earlier.id):
        return run
    better = earlier if _attribution(earlier) < _attribution(run) else run
    run = replace(
        run,
        agent_id=better.agent_id,
        agent_order=better.agent_order,
        session_id=run.session_id or earlier.session_id,
        parent_run_id=run.parent_run_id or earlier.parent_run_id,
        forked_at_action_id=run.forked_at_action_id or earlier.forked_at_action_id,
        name=run.name or earlier.name,
        origin=Origin.EVALUATION if Origin.EVALUATION in (run.origin, earlier.origin) else run.origin,
        tags=first_tags(earlier.tags, run.tags),
    )
    is_over = earlier.status_source is StatusSource.EXPLICIT and earlier.ended_at is not None
    if not is_over or run.has_stages or run.ended_at is not None or earlier.ended_at is None:
        return run
    end = RunEnd(earlier.status.value)
    return with_end(
        run, RunEntry(run_id=run.id, source=Source.OTLP, at=earlier.ended_at, end=end, reason=earlier.reason)
    )


def _attribution(run: Run) -> tuple[bool, int, str]:
    return run.agent_id == UNKNOWN_AGENT, run.agent_order, run.agent_id
