"""Compute a run's totals from its actions.

Calls of models and tools count, and other calls. A model call is often reported more than once:

- A model span with model spans below it wraps them (`duplicates`): the innermost ones are the calls.
- Of several reports of one call (`duplicates`) one counts: our endpoint's, else the one that started last.
- A call that our endpoint counted in another run counts there alone.

A cost or token count that only another report of a call has counts there (`cost_places`). Where an agent, a chain or a
model span around calls reports more tokens than they do, some were lost: then its tokens and its cost count, and theirs
do not, so that both are of the same calls (`incomplete`). What an agent says that its whole run cost (`CLAIM`) counts
in their place where they cost less, and no longer once they are all recorded.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from decimal import Decimal
from itertools import accumulate, chain
from typing import Final

from msgspec.structs import replace

from titan.model.actions import ATTEMPTS, CALLS, CLAIM, INCURRED, PREVENTED, ActionKind, Outcome, Source
from titan.model.runs import COUNTS_ALL, ActionFacts, Count, FirstError, OutcomeSums, RunTotals, Tally, counted_alone
from titan.model.shaped import shaped
from titan.rules.runs.duplicates import (
    ENDPOINT,
    Around,
    Call,
    calls_of,
    models_around,
    nearest_around,
    possible_duplicates,
    response_ids_of,
    taken_from_wrappers,
)
from titan.rules.runs.merge_reports import NEVER_ENDED

# --- At which of a call's reports its cost and its tokens count, so that each counts once ---

# A cost counts where it is best known: one that our endpoint saw before a reported one, that before an estimated one.
# Of equally good ones that of the report that counts as the call wins, and a call's before a wrapper's.

#: How well a cost is known.
_UNKNOWN, _ESTIMATED, _REPORTED, _SEEN = range(4)
#: Calls of these outcomes take no cost of a wrapper: it was not spent, though the wrapper does not know that.
_REPLAYS: Final = frozenset({Outcome.REPLAYED, Outcome.IDEMPOTENT_REPLAY})


def cost_places(
    calls: Mapping[int, Call], wrappers: Mapping[int, ActionFacts], elsewhere: Sequence[Call], around: Around
) -> set[int]:
    """Return the numbers of the reports whose cost counts; of a call that has no known cost, the call itself.

    `calls` are by the number of what counts as the call. Those `elsewhere` count in other runs.
    """
    best = {number: max(call, key=_cost_level) for number, call in calls.items()}
    levels = {number: _cost_level(report) for number, report in best.items()}
    offers: dict[int, set[int]] = {}
    for number, wrapper in wrappers.items():
        if wrapper.outcome in INCURRED:
            offers.setdefault(_cost_level(wrapper), set()).add(number)
    at_wrappers = set[int]()
    for level in (_SEEN, _REPORTED, _ESTIMATED):
        if level in offers:
            asking = {n: call for n, call in calls.items() if levels[n] < level and call[0].outcome not in _REPLAYS}
            known = [*elsewhere, *(call for number, call in calls.items() if levels[number] >= level)]
            taken = taken_from_wrappers(asking, known, around, offers[level])
            levels |= dict.fromkeys(taken, level)
            at_wrappers.update(taken.values())
            for number in taken:
                best.pop(number, None)
    return at_wrappers | {report.number for report in best.values()}


def token_places(
    calls: Mapping[int, Call], wrappers: Mapping[int, ActionFacts], elsewhere: Sequence[Call], around: Around
) -> set[int]:
    """Return the numbers of the reports whose tokens count; see `cost_places`."""
    best = {number: _best(call) for number, call in calls.items()}
    offers = {number for number, wrapper in wrappers.items() if _token_counts(wrapper)}
    if offers:
        asking = {number: call for number, call in calls.items() if not _token_counts(best[number])}
        known = [*elsewhere, *(call for number, call in calls.items() if number not in asking)]
        taken = taken_from_wrappers(asking, known, around, offers)
        best = {number: report for number, report in best.items() if number not in taken}
        return {*taken.values(), *(report.number for report in best.values())}
    return {report.number for report in best.values()}


_OF_WORLDS: Final = (Source.WORLD.value,)
_OTHER_CALLS: Final = CALLS - {ActionKind.MODEL}
MOST_AROUND: Final = 64  # wrappers around a call that are looked at


def incomplete(
    actions: Sequence[ActionFacts],
    calls: Mapping[int, Call],
    models: Iterable[ActionFacts],
    elsewhere: Iterable[Call],
    response_ids: Mapping[int, str],
) -> dict[int, Set[int]]:
    """Return by their numbers the wrappers of which a call was lost, with the numbers of the `calls` left in each.

    Wrappers are agents and chains that are in no model span, and the `models` around calls. One that reports as much
    as the calls in it shows that none was lost, so nothing in it is looked at. Nothing is known of one with a call of
    unknown tokens, with a tool that has a cost, or, if it is none of the models, with a call beside it at the same
    time that is in no agent or chain and may be its own.
    """
    frames = [action for action in actions if action.kind not in CALLS and _has_sums(action)]
    in_models = nearest_around(actions, frames, {one.number for one in actions if one.kind == ActionKind.MODEL})
    groups = {one.number: one for one in frames if one.number not in in_models}
    wrappers = groups | {one.number: one for one in models if _has_sums(one)}
    if not wrappers:
        return {}
    others = [*chain(*elsewhere), *(one for one in actions if one.kind in _OTHER_CALLS and one.cost)]
    above = nearest_around(actions, [*wrappers.values(), *chain(*calls.values()), *others], wrappers)
    inside: dict[int, dict[int, Call]] = {number: {} for number in wrappers}
    unsure = {number for report in others for number in _around(report, above)}
    beside: list[ActionFacts] = []
    for number, call in calls.items():
        around = {wrapper for report in call for wrapper in _around(report, above)}
        for place in around:
            inside[place][number] = call
        if groups.keys().isdisjoint(around):
            beside.append(call[0])
    unsure |= _overlapping(groups.values(), beside)
    found: dict[int, Set[int]] = {}
    settled = set[int]()
    for wrapper in sorted(wrappers.values(), key=lambda one: len(_around(one, above))):
        number = wrapper.number
        if not settled.isdisjoint(_around(wrapper, above)):
            continue
        known = inside[number]
        if number not in unsure:
            is_same = _is_answer_of(wrapper, known, response_ids)
            if is_same or (known and _tokens_of(wrapper) == _sum_of(known.values())):
                settled.add(number)
            elif _has_more(wrapper, known.values()):
                settled.add(number)
                found[number] = known.keys()
    return found


def _has_sums(wrapper: ActionFacts) -> bool:
    return wrapper.outcome in INCURRED and bool(_token_counts(wrapper) or wrapper.cost)


def _around(report: ActionFacts, above: Mapping[int, ActionFacts]) -> Sequence[int]:
    """Return the numbers of the wrappers around a report, from the innermost on."""
    found: list[int] = []
    while (wrapper := above.get(report.number)) is not None and len(found) < MOST_AROUND:
        found.append(wrapper.number)
        report = wrapper
    return found


def _overlapping(wrappers: Collection[ActionFacts], calls: Iterable[ActionFacts]) -> set[int]:
    """Return the numbers of the wrappers that went on when one of some calls did."""
    spans = sorted((call.started_at_us, call.ended_at_us or call.started_at_us) for call in calls)
    starts = [started for started, _ in spans]
    ends = list(accumulate((ended for _, ended in spans), max))
    until = {one.number: bisect_right(starts, one.ended_at_us or one.started_at_us) for one in wrappers}
    return {one.number for one in wrappers if until[one.number] and ends[until[one.number] - 1] >= one.started_at_us}


def _is_answer_of(wrapper: ActionFacts, calls: Mapping[int, Call], response_ids: Mapping[int, str]) -> bool:
    """Return whether a wrapper has the answer of the one call in it, however each counts its tokens."""
    return wrapper.response_id is not None and [wrapper.response_id] == [response_ids.get(number) for number in calls]


def _has_more(wrapper: ActionFacts, calls: Collection[Call]) -> bool:
    """Return whether a wrapper reports more of both than the calls in it, and a cost if one of them has one.

    A call that was lost had a question and an answer; where only one is more, the same call was counted otherwise.
    """
    if not calls:
        return wrapper.kind not in CALLS
    if any(_token_counts(_best(call)) < 2 and call[0].outcome in (None, Outcome.SUCCESS) for call in calls):
        return False
    if wrapper.cost is None and any(report.cost for call in calls for report in call):
        return False
    return all(more > less for more, less in zip(_tokens_of(wrapper), _sum_of(calls), strict=True))


def _best(call: Call) -> ActionFacts:
    """Return the report of a call that knows most of its tokens."""
    return max(call, key=_token_counts)


def _sum_of(calls: Iterable[Call]) -> tuple[int, int]:
    tokens = [_tokens_of(_best(call)) for call in calls]
    return sum(inputs for inputs, _ in tokens), sum(outputs for _, outputs in tokens)


def _tokens_of(report: ActionFacts) -> tuple[int, int]:
    return report.input_tokens or 0, report.output_tokens or 0


def _cost_level(report: ActionFacts) -> int:
    if report.cost is None or (report.outcome is None and report.ended_at_us is None):
        return _UNKNOWN
    if ENDPOINT in report.sources:
        return _SEEN
    return _ESTIMATED if report.is_cost_estimated else _REPORTED


def _token_counts(report: ActionFacts) -> int:
    """Return how many of its two token counts a report knows; sources that do not know one often say 0."""
    return bool(report.input_tokens) + bool(report.output_tokens)


MAX_FIRST_ERROR: Final = 300  # characters
_UNINFORMATIVE: Final = (None, "", "error", "Error")  # types of errors that say no more than the outcome
_PICODOLLARS: Final = Decimal(10**12)  # in a dollar
#: The outcomes of attempts, from the least grave on: of two that ended at the same time the graver one was the last.
_GRAVITY: Final[Mapping[str | None, int]] = {
    Outcome.SUCCESS: 0,
    Outcome.ERROR: 1,
    Outcome.REJECTED: 2,
    Outcome.BLOCKED: 3,
}


def totals(
    actions: Sequence[ActionFacts], *, answered_elsewhere: Set[str] = frozenset()
) -> tuple[RunTotals, Mapping[int, Count]]:
    """Return a run's totals, and by number what those actions count as that do not count as `counted_alone` says.

    The order of `actions` is of no matter. `answered_elsewhere` are the response ids of calls that our endpoint counted
    in other runs.
    """
    claim = next((action for action in actions if action.id == CLAIM and action.sources == _OF_WORLDS), None)
    if claim is None:
        counts = _counts(actions, answered_elsewhere)
    else:
        recorded = [action for action in actions if action is not claim]
        counts = _counts(recorded, answered_elsewhere)
        counts |= _claimed(claim, recorded, counts)
    sums = _Sums()
    for action in actions:
        if action.kind in CALLS or action.number in counts:
            sums.add(action, counts.get(action.number, COUNTS_ALL))
    return sums.totals(), counts


# --- what counts ---


def _counts(actions: Sequence[ActionFacts], answered_elsewhere: Set[str]) -> dict[int, Count]:
    """Return by number what those model calls count as that do not count as any call does."""
    models = [action for action in actions if action.kind == ActionKind.MODEL]
    has_sums = any(action.kind not in CALLS and _has_sums(action) for action in actions)
    may_be_nested = len(models) > 1 and any(model.parent_id is not None for model in models)
    around = models_around(actions, models) if may_be_nested else {}
    named = [model.response_id for model in models if model.response_id is not None]
    may_repeat = len({model.sources for model in models}) > 1 or len(set(named)) < len(named)
    if not (around or may_repeat or answered_elsewhere or has_sums):
        return {}  # as of most runs
    wrappers = {wrapper.number: wrapper for wrapper in around.values()}
    reports = [model for model in models if model.number not in wrappers]
    response_ids = response_ids_of(reports, around)
    elsewhere = {
        report.number: (report,)
        for report in reports
        if _is_elsewhere(report, response_ids.get(report.number), answered_elsewhere)
    }
    here = calls_of((report for report in reports if report.number not in elsewhere), response_ids)
    calls = {call[0].number: call for call in here}
    giving = {n: one for n, one in wrappers.items() if not _is_elsewhere(one, one.response_id, answered_elsewhere)}
    partial = (
        incomplete(actions, calls, giving.values(), elsewhere.values(), response_ids) if around or has_sums else {}
    )
    summed = set[int]().union(*partial.values())
    known = [*elsewhere.values(), *(calls[number] for number in summed)]
    others = {number: call for number, call in calls.items() if number not in summed}
    costs = cost_places(others, giving, known, around) | partial.keys()
    tokens = token_places(others, giving, known, around) | partial.keys()
    repeats = possible_duplicates(here, response_ids) if may_repeat else {}
    duplicates = {report.number: call[0].number for call in here for report in call[1:]}
    counts = {
        model.number: Count(
            is_call=model.number in calls,
            has_cost=model.number in costs,
            has_tokens=model.number in tokens,
            duplicate_of=duplicates.get(model.number, repeats.get(model.number)),
        )
        for model in models
    } | {number: Count(is_call=False, has_cost=True, has_tokens=True) for number in partial}
    return {number: count for number, count in counts.items() if count != COUNTS_ALL}


def _claimed(claim: ActionFacts, recorded: Iterable[ActionFacts], counts: Mapping[int, Count]) -> dict[int, Count]:
    """Return by number what counts otherwise where an agent says that its run cost more than what is recorded of it."""
    of = {action.number: counts.get(action.number, counted_alone(action.kind)) for action in recorded}
    spent = [action for action in recorded if of[action.number].has_cost and _was_spent(action)]
    if (claim.cost or 0) <= sum(action.cost or 0 for action in spent):
        return {}
    found = {action.number: replace(of[action.number], has_cost=False) for action in spent}
    return found | {claim.number: Count(is_call=False, has_cost=True, has_tokens=False)}


def _was_spent(action: ActionFacts) -> bool:
    return action.outcome in INCURRED or (action.outcome is None and action.ended_at_us is not None)


def _is_elsewhere(report: ActionFacts, response_id: str | None, answered_elsewhere: Set[str]) -> bool:
    return response_id in answered_elsewhere and ENDPOINT not in report.sources


# --- sums ---


class _OutcomeSums:
    """Sums over calls of one outcome; costs in picodollars."""

    __slots__ = ("calls", "cost", "estimated", "input_tokens", "output_tokens", "unpriced")

    def __init__(self) -> None:
        self.calls = self.cost = self.unpriced = self.estimated = self.input_tokens = self.output_tokens = 0


class _Sums:
    """Running totals of calls."""

    def __init__(self) -> None:
        self._by_outcome: dict[str | None, _OutcomeSums] = {}
        self._first_error: tuple[bool, int, str, ActionFacts] | None = None  # never ended?, start, id
        self._last: tuple[int, int, str] | None = None  # end, gravity, outcome

    def add(self, action: ActionFacts, count: Count) -> None:
        """Add what counts of a call."""
        # What was cancelled cost something as what failed did; it is in no count of outcomes.
        is_over = action.outcome is None and action.ended_at_us is not None
        outcome = Outcome.ERROR if is_over else action.outcome
        sums = self._by_outcome.get(outcome)
        if sums is None:
            sums = self._by_outcome[outcome] = _OutcomeSums()
        if count.has_tokens:
            sums.input_tokens += action.input_tokens or 0
            sums.output_tokens += action.output_tokens or 0
        if count.has_cost:
            _add_cost(sums, action)
        if count.is_call and not is_over:
            sums.calls += 1
            if outcome in ATTEMPTS:
                self._note_attempt(action)

    def totals(self) -> RunTotals:
        """Return what was added."""
        tally = tally_of(
            shaped(
                OutcomeSums,
                sums,
                outcome=None if outcome is None else Outcome(outcome),
                cost=sums.cost / _PICODOLLARS,
            )
            for outcome, sums in self._by_outcome.items()
        )
        last = self._last
        return RunTotals(
            tally=tally,
            first_error=None if self._first_error is None else _first_error(self._first_error[3]),
            last_outcome=None if last is None else Outcome(last[2]),
            last_ended_at_us=None if last is None else last[0],
        )

    def _note_attempt(self, action: ActionFacts) -> None:
        outcome, ended_at_us = action.outcome, action.ended_at_us
        is_error = outcome == Outcome.ERROR
        has_ended = not (is_error and action.error_type == NEVER_ENDED)
        if is_error:
            place = not has_ended, action.started_at_us, action.id
            if self._first_error is None or place < self._first_error[:3]:
                self._first_error = (*place, action)
        if has_ended and outcome is not None and ended_at_us is not None:
            self._last = max(self._last or (ended_at_us, -1, outcome), (ended_at_us, _GRAVITY[outcome], outcome))


def _add_cost(sums: _OutcomeSums, action: ActionFacts) -> None:
    if action.cost is None:
        # What calls a model costs something: a model call, an embedding, a call of another kind, and a wrapper of them.
        sums.unpriced += action.kind not in _OTHER_CALLS or (action.kind == ActionKind.CALL and bool(action.model))
    elif action.cost:
        sums.cost += action.cost
        sums.estimated += action.is_cost_estimated


def _first_error(action: ActionFacts) -> FirstError:
    is_informative = action.error_message or action.error_type not in _UNINFORMATIVE
    parts = [part for part in (action.error_type, action.error_message) if part] if is_informative else []
    return FirstError(
        action_id=action.id,
        text=": ".join(parts)[:MAX_FIRST_ERROR] if is_informative else "error, without a message",
        started_at_us=None if action.error_type == NEVER_ENDED else action.started_at_us,
    )


# --- sums by outcome ---


def tally_of(sums: Iterable[OutcomeSums]) -> Tally:
    """Return the tally of sums by outcome."""
    outcomes = list(sums)
    calls = Counter[Outcome]()
    costs = [Decimal(0)] * 3
    for one in outcomes:
        if one.outcome is not None:
            calls[_COUNTED_AS[one.outcome]] += one.calls
            costs[_COST_OF[one.outcome]] += one.cost
    return Tally(
        calls=sum(one.calls for one in outcomes),
        running=sum(one.calls for one in outcomes if one.outcome is None),
        success=calls[Outcome.SUCCESS],
        error=calls[Outcome.ERROR],
        blocked=calls[Outcome.BLOCKED],
        rejected=calls[Outcome.REJECTED],
        replayed=calls[Outcome.REPLAYED],
        cost=costs[0],
        prevented=costs[1],
        saved=costs[2],
        unpriced=sum(one.unpriced for one in outcomes if one.outcome in INCURRED),
        estimated=sum(one.estimated for one in outcomes if one.outcome in INCURRED),
        input_tokens=sum(one.input_tokens for one in outcomes),
        output_tokens=sum(one.output_tokens for one in outcomes),
    )


_COUNTED_AS = {outcome: outcome for outcome in Outcome} | {Outcome.IDEMPOTENT_REPLAY: Outcome.REPLAYED}
#: Which sum an outcome's cost goes to: incurred, prevented, saved.
_COST_OF = {outcome: 0 if outcome in INCURRED else 1 if outcome in PREVENTED else 2 for outcome in Outcome}
