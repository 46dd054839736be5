"""Looking up what entries may be about, with one query for each way in which they name it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from titan.model.actions import OWN_ANSWER, ActionEntry, ActionKind, Entry, ModelUse, Source
from titan.model.recorded import IS_RETOLD, Action, RecordedRun, was_model_call
from titan.ports_calls import MOST_STEPS, KnownCalls
from titan.store.calls.rows import action_from_row
from titan.store.calls.session import CallSession
from titan.store.rows.columns import to_json, to_us
from titan.store.session import Parameter

_NO_USE: Final = ModelUse()


def own_answers(entries: Iterable[Entry]) -> set[str]:
    """Return the answers of our endpoint that entries name."""
    return {
        entry.use.response_id
        for entry in entries
        if isinstance(entry, ActionEntry)
        and entry.use is not None
        and entry.use.response_id is not None
        and OWN_ANSWER.fullmatch(entry.use.response_id)
    }


def _names_of(actions: Iterable[Action]) -> set[tuple[str, str]]:
    """Return where calls that were made in model calls name these as their parent."""
    return {
        (action.run_id, name)
        for action in actions
        if was_model_call(action)
        for name in (action.id, action.span_id)
        if name is not None
    }


class _Call(NamedTuple):
    """What a call within another has alike if it may be the same."""

    run_id: str
    output_tokens: int
    input_tokens: int
    since: datetime
    until: datetime


def _answered_in_full(models: Iterable[ActionEntry], known: Mapping[tuple[str, str], Action]) -> Iterator[_Call]:
    """Yield the calls that have ended and took tokens; `known` is what was told of them before."""
    for entry in models:
        before, use = known.get((entry.run_id, entry.id)), entry.use or _NO_USE
        ended_at = entry.ended_at or (before and before.ended_at)
        asked = use.input_tokens or (before and before.input_tokens)
        said = use.output_tokens or (before and before.output_tokens)
        if ended_at and asked and said:
            yield _Call(entry.run_id, said, asked, entry.started_at, ended_at)


def _around_steps(above: Iterable[Action]) -> Iterator[_Call]:
    """Yield the calls that steps were made in: a step may come later than both calls that it stands between.

    And those that belong together with others: what is heard of these may tell what a call in steps is.
    """
    for action in above:
        if was_model_call(action) and action.ended_at and action.input_tokens and action.output_tokens:
            yield _Call(action.run_id, action.output_tokens, action.input_tokens, action.started_at, action.ended_at)


@dataclass(slots=True)
class _Together:
    """What is found of calls that belong together, and what was asked for."""

    actions: dict[tuple[str, str], Action]
    named: dict[tuple[str, str], list[Action]]
    nested: dict[tuple[str, str], list[Action]]
    asked_at: set[tuple[str, str]] = field(default_factory=set)
    asked_answers: set[tuple[str, str]] = field(default_factory=set)
    asked_below: set[tuple[str, str]] = field(default_factory=set)

    def calls(self) -> list[Action]:
        """Return the model calls among what is found."""
        groups = (*self.named.values(), *self.nested.values())
        found = [*self.actions.values(), *(call for group in groups for call in group)]
        return list({call.number: call for call in found if was_model_call(call)}.values())


class Knowing:
    """What is known of some runs and their actions."""

    def __init__(self, session: CallSession, runs: Mapping[str, RecordedRun], run_nos: Mapping[str, int]) -> None:
        self._session = session
        self._runs = runs
        self._run_nos = run_nos
        self._run_ids = {run_no: run_id for run_id, run_no in run_nos.items()}

    def known(self, entries: Sequence[Entry], answered: Sequence[Action], *, next_number: int) -> KnownCalls:
        """Return what is known that entries may be about; `answered` are calls that some of their answers name."""
        told = [entry for entry in entries if isinstance(entry, ActionEntry) and entry.run_id in self._runs]
        models = [entry for entry in told if entry.source is not Source.ENDPOINT and entry.kind is ActionKind.MODEL]
        seen = [entry for entry in told if entry.source is Source.ENDPOINT]
        answers = [(entry.run_id, entry.use.response_id) for entry in told if entry.use is not None]
        answers += [(entry.run_id, entry.id) for entry in seen]  # which their answers are named by
        actions = self._found(
            "actions_at",
            [(entry.run_id, entry.id) for entry in told]
            + [(e.run_id, e.parent_id) for e in models + seen]
            + [(e.run_id, e.hearsay.span_id) for e in told if e.hearsay is not None],
        )
        named = self._grouped("actions_with_answers", answers)
        within = self._found("actions_within", [(entry.run_id, entry.id) for entry in models])
        together = _Together(actions=actions, named=named, nested={})
        together.asked_at |= {(entry.run_id, entry.id) for entry in told}
        together.asked_at |= {(e.run_id, e.parent_id) for e in models + seen if e.parent_id is not None}
        together.asked_answers |= {(run_id, answer) for run_id, answer in answers if answer is not None}
        found = [*actions.values(), *within.values(), *(call for calls in named.values() for call in calls)]
        self._gather(together, {(entry.run_id, entry.id) for entry in models}, found)
        circle = together.calls()
        above = self._above(told, [*models, *(entry for entry in told if entry.kind is ActionKind.STEP), *circle])
        alike = self._alike([*_answered_in_full(models, actions), *_around_steps([*above.values(), *circle])])
        above |= self._above(told, alike)
        self._gather(together, set(), [call for call in (*above.values(), *alike) if call.heard & IS_RETOLD])
        return KnownCalls(
            runs=self._runs,
            actions=actions | above,
            answers={place: call for place, calls in named.items() for call in calls if call.kind is ActionKind.MODEL},
            named=named,
            within=within,
            nested=together.nested,
            alike=alike,
            answered=answered,
            next_number=next_number,
        )

    def _places(self, places: Iterable[tuple[str, str | None]]) -> str | None:
        """Return (run id, name) as queries are asked for them; None where no name is."""
        named = [[self._run_nos[run_id], name] for run_id, name in places if name is not None]
        return to_json(named) if named else None

    def _found(
        self, query: str, places: Iterable[tuple[str, str | None]], **parameters: Parameter
    ) -> dict[tuple[str, str], Action]:
        wanted = self._places(places)
        rows = () if wanted is None else self._session.all(query, places=wanted, **parameters)
        return {(self._run_ids[row[0]], row[-1]): action_from_row(row, self._run_ids[row[0]]) for row in rows}

    def _grouped(self, query: str, places: Iterable[tuple[str, str | None]]) -> dict[tuple[str, str], list[Action]]:
        wanted, found = self._places(places), dict[tuple[str, str], list[Action]]()
        for row in () if wanted is None else self._session.all(query, places=wanted):
            run_id = self._run_ids[row[0]]
            found.setdefault((run_id, row[-1]), []).append(action_from_row(row, run_id))
        return found

    def _gather(self, together: "_Together", below: set[tuple[str, str]], found: Iterable[Action]) -> None:
        """Add what belongs together with calls: what they were made in, what was made in them, what names one answer.

        `below` are those that are told just now, `found` what is stored of them: of most calls nothing.
        """
        calls = [action for action in found if was_model_call(action)]
        for _ in range(MOST_STEPS):
            below = (below | _names_of(calls)) - together.asked_below
            at = {(call.run_id, call.parent_id) for call in calls if call.parent_id is not None} - together.asked_at
            answers = {(call.run_id, call.response_id) for call in calls if call.response_id is not None}
            answers -= together.asked_answers
            if not (below or at or answers):
                break
            together.asked_below |= below
            together.asked_at |= at
            together.asked_answers |= answers
            inner, outer = self._grouped("actions_nested", sorted(below)), self._found("actions_at", sorted(at))
            same = self._grouped("actions_with_answers", sorted(answers))
            together.nested |= inner
            together.actions |= outer
            together.named |= same
            more = [*outer.values(), *(call for group in (inner, same) for some in group.values() for call in some)]
            calls, below = [action for action in more if was_model_call(action)], set()

    def _alike(self, calls: Iterable[_Call]) -> list[Action]:
        """Return the calls that may be told again by one of these."""
        places = [
            [self._run_nos[call.run_id], call.output_tokens, call.input_tokens, to_us(call.since), to_us(call.until)]
            for call in calls
        ]
        rows = self._session.all("actions_alike", places=to_json(places)) if places else ()
        return [action_from_row(row, self._run_ids[row[0]]) for row in rows]

    def _above(
        self, told: Iterable[ActionEntry], calls: Iterable[ActionEntry | Action]
    ) -> dict[tuple[str, str], Action]:
        """Return the steps that calls were made in and what those were made in, above those that are told just now."""
        steps = {(entry.run_id, entry.id): entry.parent_id for entry in told if entry.kind is ActionKind.STEP}
        tops: set[tuple[str, str | None]] = set()
        for call in calls:
            top = call.parent_id
            for _ in range(MOST_STEPS):
                if top is None or (call.run_id, top) not in steps:
                    break
                top = steps[call.run_id, top]
            tops.add((call.run_id, top))
        return self._found("actions_above", tops, most=MOST_STEPS)
