"""Find the reports that are of one model call, the calls that may be reported twice, and wrapper spans.

Reports are one call if they name one response id and one model, went on at the same time, do not contradict one another
in what was used, and come from different sources. One source reports a call once, so its two reports of one response id
are two calls, the second answered from a cache; but with the same start and end they are one report, exported again.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Final, TypeAlias

from titan.model.actions import OWN_ANSWER, OWN_LENGTH
from titan.model.runs import ActionFacts

#: The reports of one call. The first one is counted: our endpoint's, else the one that started last.
Call: TypeAlias = tuple[ActionFacts, ...]

ENDPOINT: Final = "endpoint"  #: the source that is our own model endpoint
#: Ten minutes: no client waits longer for an answer, and a cache answers for days. Until then a call that goes on, and
#: one that our endpoint answered, where two clocks may differ and the id is of no other call.
WINDOW_US: Final = 600_000_000
#: A report is compared with the latest of so many kinds of reports (by sources and model): all would take quadratic
#: time, and real runs have two or three.
_MOST_COMPARED: Final = 8
_MOST_SOURCES: Final = 8  # of one call, for the same reason
_DATE: Final = re.compile(r"-(20\d\d)-?(\d\d)-?(\d\d)$")  # gpt-4o-2024-08-06, claude-3-5-haiku-20241022


def calls_of(reports: Iterable[ActionFacts], response_ids: Mapping[int, str]) -> list[Call]:
    """Return the calls that model reports are of. `response_ids` are by the numbers of the reports; some have none."""
    calls: list[Call] = []
    by_response_id: dict[str, list[Call]] = {}
    for report in reports:
        response_id = response_ids.get(report.number)
        if response_id is None:
            calls.append((report,))
        else:
            by_response_id.setdefault(response_id, []).append((report,))
    for response_id, same in by_response_id.items():
        if len(same) == 1:
            calls += same
        else:
            found = _matched([_Match(one, response_id, _until_us(one[0], response_id)) for one in same])
            calls += [tuple(sorted((one for [one] in match.calls), key=_closeness, reverse=True)) for match in found]
    return calls


def possible_duplicates(calls: Iterable[Call], response_ids: Mapping[int, str]) -> dict[int, int]:
    """Return by their numbers the calls that may be second reports, each with the number of the call that it repeats.

    They come from different sources, used the same model and as many tokens, and went on at the same time; or they name
    one response id, went on at the same time, and contradict one another in what was used.
    """
    calls = list(calls)
    by_use: dict[tuple[str, int, int], list[Call]] = {}
    for call in calls:
        counted = call[0]
        if counted.ended_at_us is not None and counted.model and counted.input_tokens and counted.output_tokens:
            use = model_of(counted.model)[0], counted.input_tokens, counted.output_tokens
            by_use.setdefault(use, []).append(call)
    repeats: dict[int, int] = {}
    for alike in by_use.values():
        if len(alike) > 1:
            found = _matched([_Match(one, response_ids.get(one[0].number), one[0].ended_at_us or 0) for one in alike])
            for match in found:
                first, *others = sorted((call[0] for call in match.calls), key=_firstness)
                repeats |= {other.number: first.number for other in others}
    return _contradictions(calls, response_ids) | repeats


def _contradictions(calls: Iterable[Call], response_ids: Mapping[int, str]) -> dict[int, int]:
    """Return the calls that name the response id of one that went on when they started, and used something else."""
    before: dict[str, ActionFacts] = {}  # by response id, what ends last
    found: dict[int, int] = {}
    for report in sorted((call[0] for call in calls), key=_start):
        response_id = response_ids.get(report.number)
        if response_id is None:
            continue
        first = before.setdefault(response_id, report)
        if first is not report and report.started_at_us <= _until_us(first, response_id):
            if not _is_same_use(first, report):
                found[report.number] = first.number
        elif first is not report:
            before[response_id] = report
    return found


def _is_same_use(one: ActionFacts, other: ActionFacts) -> bool:
    """Return whether two reports say the same of the tokens, as far as both know them: 0 is not known either."""
    inputs, outputs = (one.input_tokens, other.input_tokens), (one.output_tokens, other.output_tokens)
    return all(not pair[0] or not pair[1] or pair[0] == pair[1] for pair in (inputs, outputs))


def _until_us(report: ActionFacts, response_id: str) -> int:
    """Return until when another report may start that is of the same call."""
    if report.ended_at_us is None or _is_unique(response_id):
        return report.started_at_us + WINDOW_US
    return report.ended_at_us


def response_id_of(report: ActionFacts) -> str | None:
    """Return the response id that a report names; of our endpoint's, before it has one, the id that it will have."""
    return report.response_id or (report.id if ENDPOINT in report.sources else None)


@lru_cache(maxsize=1024)
def model_of(name: str) -> tuple[str, str]:
    """Return a model's name without provider and date, and the date: of "openai/gpt-4o-2024-08-06" gpt-4o, 20240806."""
    name = name.rpartition("/")[2]
    date = _DATE.search(name)
    return (name, "") if date is None else (name[: date.start()], "".join(date.groups()))


class _Match:
    """Calls that match one another; the first was there until `until_us`, and takes no others that start later."""

    __slots__ = ("calls", "date", "model", "response_id", "sources", "until_us")

    def __init__(self, call: Call, response_id: str | None, until_us: int) -> None:
        self.calls = [call]
        self.response_id = response_id
        self.until_us = until_us
        self.sources = frozenset([source for report in call for source in report.sources])
        self.model, self.date = model_of(call[0].model or "")

    @property
    def kind(self) -> tuple[frozenset[str], str, bool]:
        """What decides, but for the date and the response id itself, which others it matches."""
        return self.sources, self.model, self.response_id is None

    def takes(self, other: "_Match") -> bool:
        """Return whether another may be the same call."""
        if not self.sources.isdisjoint(other.sources) and not self._is_exported_again(other):
            return False
        if None not in (self.response_id, other.response_id) and self.response_id != other.response_id:
            return False
        is_unique = self.response_id is not None and _is_unique(self.response_id)
        if not is_unique and not all(_is_same_use(call[0], other.calls[0][0]) for call in self.calls):
            return False
        is_same_model = _agree(self.model, other.model) and _agree(self.date, other.date)
        return is_same_model or is_unique

    def _is_exported_again(self, other: "_Match") -> bool:
        """Return whether another, of a source that has reported this call, is that report with a new id."""
        if self.response_id is None or self.response_id != other.response_id:
            return False
        again = other.calls[0][0]
        times = again.started_at_us, again.ended_at_us
        return again.ended_at_us is not None and times in [
            (one.started_at_us, one.ended_at_us) for [one, *_] in self.calls
        ]

    def add(self, other: "_Match") -> None:
        """Take another."""
        self.calls += other.calls
        self.sources |= other.sources
        self.model = self.model or other.model
        self.date = self.date or other.date
        self.response_id = self.response_id or other.response_id


def _matched(calls: Sequence[_Match]) -> list[_Match]:
    """Return calls with what matches them: each with the latest before it that does."""
    if len(calls) == 2:  # as nearly always
        first, second = sorted(calls, key=_order)
        if second.calls[0][0].started_at_us > first.until_us or not first.takes(second):
            return [first, second]
        first.add(second)
        return [first]
    matches: list[_Match] = []
    waiting: dict[tuple[frozenset[str], str, bool], list[_Match]] = {}  # each list in the order of their last starts
    for call in sorted(calls, key=_order):
        match = _latest(waiting, call)
        if match is None:
            match = call
            matches.append(call)
        else:
            match.add(call)
        if len(match.sources) < _MOST_SOURCES:
            waiting.setdefault(match.kind, []).append(match)
    return matches


def _latest(waiting: dict[tuple[frozenset[str], str, bool], list[_Match]], call: _Match) -> _Match | None:
    """Take out what matches a call and started last."""
    now = call.calls[0][0].started_at_us
    best: list[_Match] | None = None
    for kind, stack in tuple(islice(waiting.items(), _MOST_COMPARED)):
        while stack and stack[-1].until_us < now:
            stack.pop()
        if not stack:
            del waiting[kind]
        elif stack[-1].takes(call) and (best is None or _order(best[-1], -1) < _order(stack[-1], -1)):
            best = stack
    return None if best is None else best.pop()


def _order(match: _Match, place: int = 0) -> tuple[int, str]:
    """Return an order by the start of a match's call: of its first one, or of another."""
    counted = match.calls[place][0]
    return counted.started_at_us, counted.id


def _is_unique(response_id: str) -> bool:
    """Return whether a response id is random, as our endpoint's are: then no other call has it, whatever its model."""
    return len(response_id) == OWN_LENGTH and OWN_ANSWER.fullmatch(response_id) is not None


def _agree(one: str, other: str) -> bool:
    """Return whether two names are equal, or one of them is not known."""
    return one == other or not one or not other


def _closeness(report: ActionFacts) -> tuple[bool, int, str]:
    """Return an order by how close to the call it was reported: our endpoint last, then what started last."""
    return ENDPOINT in report.sources, report.started_at_us, report.id


def _firstness(report: ActionFacts) -> tuple[bool, int, str]:
    """Return an order in which our endpoint's report is first, then what started first."""
    return ENDPOINT not in report.sources, report.started_at_us, report.id


# --- wrapper spans ---


#: By the number of a model span, the nearest model span that it is below.
Around: TypeAlias = Mapping[int, ActionFacts]


def models_around(actions: Sequence[ActionFacts], models: Sequence[ActionFacts]) -> Around:
    """Return for each of a run's model spans the nearest one that it is below, however many other actions are between.

    Spans that name one another as parents in a cycle have none: there the one that started first is the outermost.
    """
    return nearest_around(actions, models, {model.number for model in models})


def nearest_around(
    actions: Sequence[ActionFacts], inner: Sequence[ActionFacts], wrapping: Collection[int]
) -> dict[int, ActionFacts]:
    """Return for each of some `inner` actions the nearest of those `wrapping` that it is below; see `models_around`."""
    by_id = {action.id: action for action in actions}
    known: dict[str, ActionFacts | None] = {}
    around: dict[int, ActionFacts] = {}
    for one in inner:
        nearest = _nearest(one.parent_id, by_id, known, wrapping)
        if nearest is not None:
            around[one.number] = nearest
    _break_cycles(around, inner)
    return around


def response_ids_of(calls: Sequence[ActionFacts], around: Around) -> dict[int, str]:
    """Return by number the response ids of calls: their own, or that of the nearest wrapper with one call in it."""
    inner = Counter(wrapper.number for wrapper in around.values())
    found: dict[int, str] = {}
    for call in calls:
        response_id, wrapper = response_id_of(call), around.get(call.number)
        while response_id is None and wrapper is not None and inner[wrapper.number] == 1:
            response_id, wrapper = response_id_of(wrapper), around.get(wrapper.number)
        if response_id is not None:
            found[call.number] = response_id
    return found


def taken_from_wrappers(
    asking: Mapping[int, Call], known: Iterable[Call], around: Around, offers: Collection[int]
) -> dict[int, int]:
    """Return by their keys the calls that are `asking` of which only a wrapper knows something, and its number.

    A wrapper of a call that is `known` repeats what the call's reports say, and a wrapper repeats what those in it say.
    So each call takes from the nearest one whose number is among `offers`, and only the innermost ones give.
    """
    said = set[int]()  # numbers of wrappers that know no more than what is below them
    for call in known:
        for report in call:
            _note_all_around(report, around, said)
    nearest: dict[int, ActionFacts | None] = {}
    taken: dict[int, ActionFacts] = {}
    for key, call in asking.items():
        found = [one for one in (_nearest_offer(one, around, said, offers, nearest) for one in call) if one is not None]
        if found:
            taken[key] = max(found, key=_start)
    for wrapper in {wrapper.number: wrapper for wrapper in taken.values()}.values():
        _note_all_around(wrapper, around, said)
    return {key: wrapper.number for key, wrapper in taken.items() if wrapper.number not in said}


def _nearest(
    place: str | None,
    by_id: Mapping[str, ActionFacts],
    known: dict[str, ActionFacts | None],
    wrapping: Collection[int],
) -> ActionFacts | None:
    """Return the one of `wrapping` at or above an id; `known` holds what is known of other ids."""
    passed: list[str] = []
    found: ActionFacts | None = None
    while place is not None:
        if place in known:
            found = known[place]
            break
        action = by_id.get(place)
        if action is None:
            break
        if action.number in wrapping:
            found = action
            break
        known[place] = None  # who comes here again goes round in a cycle
        passed.append(place)
        place = action.parent_id
    known.update(dict.fromkeys(passed, found))
    return found


def _break_cycles(around: dict[int, ActionFacts], models: Sequence[ActionFacts]) -> None:
    walked: dict[int, int] = {}  # by number, the number of the model from which it was first reached
    for model in models:
        at: ActionFacts | None = model
        while at is not None and at.number not in walked:
            walked[at.number] = model.number
            at = around.get(at.number)
        if at is not None and walked[at.number] == model.number:
            first, other = at, around[at.number]
            while other.number != at.number:
                first, other = min(first, other, key=_start), around[other.number]
            del around[first.number]


def _note_all_around(report: ActionFacts, around: Around, said: set[int]) -> None:
    wrapper = around.get(report.number)
    while wrapper is not None and wrapper.number not in said:
        said.add(wrapper.number)
        wrapper = around.get(wrapper.number)


def _nearest_offer(
    report: ActionFacts,
    around: Around,
    said: Collection[int],
    offers: Collection[int],
    nearest: dict[int, ActionFacts | None],
) -> ActionFacts | None:
    """Return the nearest wrapper of a report that offers what nothing below it says; `nearest` holds known ones."""
    passed: list[int] = []
    found: ActionFacts | None = None
    at = report
    while at.number not in nearest:
        passed.append(at.number)
        wrapper = around.get(at.number)
        if wrapper is None or wrapper.number in said:
            break
        if wrapper.number in offers:
            found = wrapper
            break
        at = wrapper
    else:
        found = nearest[at.number]
    nearest.update(dict.fromkeys(passed, found))
    return found


def _start(action: ActionFacts) -> tuple[int, str]:
    return action.started_at_us, action.id
