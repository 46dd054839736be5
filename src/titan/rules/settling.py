"""Runs and actions while entries are settled: as they are stored, with what was heard since."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from titan.model.actions import ActionEntry, ActionKind, Outcome, Source, part_key
from titan.model.recorded import Action, RecordedRun, was_model_call
from titan.ports_calls import KnownCalls, NewEntry, Prices
from titan.rules.bodiless import KEEPS_ALL, Bodiless
from titan.rules.broken_off import is_broken_off
from titan.rules.lending import own
from titan.rules.tallying import Sums

MAX_FIRST_ERROR: Final = 300
_SAYS_NOTHING: Final = (None, "", "error", "Error")  # types of errors that say no more than the outcome


@dataclass(slots=True)
class RunState:
    """A run while entries are settled: what most entries change stands apart, and is put together once."""

    run: RecordedRun
    sums: Sums
    entry_count: int
    started_at: datetime
    last_event_at: datetime
    last_started_at: datetime | None
    last_outcome: Outcome | None
    last_ended_at: datetime | None
    lost: int
    first_error: Action | None = None  #: one that comes before the first that the run knows: see `rules.first_errors`
    #: The first that the run knew was a call that had not ended after all: another that never ended may take its place.
    lacks_first_error: bool = False
    #: Not in the store yet, so that whatever is said of it is new.
    is_new: bool = True
    #: What it counts has changed by what was heard of another run.
    is_recounted: bool = False

    @classmethod
    def of(cls, run: RecordedRun, *, is_new: bool) -> "RunState":
        """Return a run as it is before anything was heard."""
        return cls(
            run=run,
            sums=Sums(run.tally),
            entry_count=run.entry_count,
            started_at=run.started_at,
            last_event_at=run.last_event_at,
            last_started_at=run.last_started_at,
            last_outcome=run.last_outcome,
            last_ended_at=run.last_ended_at,
            lost=run.lost,
            is_new=is_new,
        )

    @property
    def is_changed(self) -> bool:
        """Whether its row is another than before."""
        return self.is_recounted or self.entry_count > self.run.entry_count

    def whole(self) -> RecordedRun:
        """Return the run's row as it is now, but for what is summed up."""
        error = self.first_error
        first = (
            (self.run.first_error_id, self.run.first_error, self.run.first_error_at)
            if error is None
            else (error.id, _told(error), None if is_broken_off(error) else error.started_at)
        )
        return replace(
            self.run,
            started_at=self.started_at,
            last_event_at=self.last_event_at,
            last_started_at=self.last_started_at,
            last_outcome=self.last_outcome,
            last_ended_at=self.last_ended_at,
            lost=self.lost,
            first_error_id=first[0],
            first_error=first[1],
            first_error_at=first[2],
        )


@dataclass(slots=True)
class Settling:
    """What is known, and what was heard since."""

    project_id: str
    now: datetime
    known: KnownCalls
    next_number: int
    runs: dict[str, RunState] = field(default_factory=dict)
    actions: dict[tuple[str, str], Action] = field(default_factory=dict)
    answers: dict[tuple[str, str], Action] = field(default_factory=dict)
    within: dict[tuple[str, str], Action] = field(default_factory=dict)
    nested: dict[tuple[str, str], dict[int, Action]] = field(default_factory=dict)
    changed: dict[int, Action] = field(default_factory=dict)
    #: Model calls that were told of, by number.
    told_models: dict[int, Action] = field(default_factory=dict)
    #: Model calls, and frames of such, by (run id, the answer that they name) and by number.
    named: dict[tuple[str, str], dict[int, Action]] = field(default_factory=dict)
    #: Model calls that gave an answer of our endpoint's, by that answer and by number.
    answered: dict[str, dict[int, Action]] = field(default_factory=dict)
    #: What the messages are known by that were told of an action part by part, by the action's number.
    parts: dict[int, set[bytes]] = field(default_factory=dict)
    kept: list[NewEntry] = field(default_factory=list)
    prices: Prices | None = None
    bodiless: Bodiless = KEEPS_ALL

    def action_at(self, run_id: str, action_id: str) -> Action | None:
        """Return the action of this id, or the one that a span of this id turned out to be."""
        here = self.actions.get((run_id, action_id))
        return self.current(self.known.actions.get((run_id, action_id)) if here is None else here)

    def is_new_part(self, action: Action, entry: ActionEntry) -> bool:
        """Tell whether an entry says some of an action's messages, and not those that another one said."""
        if not entry.is_part:
            return False
        key = part_key(entry)
        return key not in self.known.parts.get(action.number, ()) and key not in self.parts.get(action.number, ())

    def current(self, found: Action | None) -> Action | None:
        """Return an action as it is by now."""
        return None if found is None else self.changed.get(found.number, found)

    def with_answer(self, entry: ActionEntry) -> Action | None:
        """Return the model call of the run that gave the same answer."""
        answer = entry.use.response_id if entry.use is not None else None
        if answer is None and entry.source is Source.ENDPOINT:
            answer = entry.id  # which its answer will be named by
        return None if answer is None else self.call_of(entry.run_id, answer)

    def call_of(self, run_id: str, answer: str) -> Action | None:
        """Return the model call of a run that gave an answer."""
        found = self.current(self.answers.get((run_id, answer)) or self.known.answers.get((run_id, answer)))
        is_it = found is not None and found.kind is ActionKind.MODEL and found.response_id == answer
        return found if is_it else None

    def named_by(self, run_id: str, answer: str) -> list[Action]:
        """Return the model calls of a run that were told to have given an answer, and frames of such."""
        place = (run_id, answer)
        known, heard = self.known.named.get(place, ()), self.named.get(place, {})
        found = {action.number: action for action in known} | heard
        calls = [self.changed.get(number, action) for number, action in found.items()]
        return [call for call in calls if was_model_call(call) and own(call).response_id == answer]

    def put(self, before: Action, after: Action) -> None:
        """Note what an action turned out to be."""
        if after != before:
            self.runs[after.run_id].sums.move(before, after)
            self.changed[after.number] = after

    def nested_in(self, outer: Action) -> list[Action]:
        """Return the model calls that were made in an action, as they are by now."""
        nested = dict[int, Action]()
        for name in (outer.id, outer.span_id):
            place = (outer.run_id, name or "")
            known, heard = self.known.nested.get(place), self.nested.get(place)
            if known is None and heard is None:
                continue
            for number, inner in ({inner.number: inner for inner in known or ()} | (heard or {})).items():
                inner = self.changed.get(number, inner)
                if inner.parent_id == name and number != outer.number:  # another source may know a better one
                    nested[number] = inner
        return sorted(nested.values(), key=lambda inner: (inner.started_at, inner.id))

    def within_or_around(self, entry: ActionEntry) -> Action | None:
        """Return the call that our endpoint saw within this one, or the one that the endpoint's was made in."""
        if entry.source is Source.ENDPOINT:
            return None if entry.parent_id is None else self.action_at(entry.run_id, entry.parent_id)
        place = (entry.run_id, entry.id)
        return self.current(self.within.get(place) or self.known.within.get(place))


def _told(action: Action) -> str:
    if not action.error_message and action.error_type in _SAYS_NOTHING:
        return "error, without a message"
    parts = [part for part in (action.error_type, action.error_message) if part]
    return ": ".join(parts)[:MAX_FIRST_ERROR]
