"""At which of a call's reports its cost and its tokens count, so that each counts once.

A cost counts where it is best known: one that our endpoint saw before a reported one, that before an estimated one. Of
equally good ones that of the report that counts as the call wins, and a call's before a wrapper's.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from titan.model.actions import INCURRED, Outcome
from titan.model.runs import ActionFacts
from titan.rules.duplicates import ENDPOINT, Call
from titan.rules.wrappers import Around, taken_from_wrappers

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
    best = {number: max(call, key=_token_counts) for number, call in calls.items()}
    offers = {number for number, wrapper in wrappers.items() if _token_counts(wrapper)}
    if offers:
        asking = {number: call for number, call in calls.items() if not _token_counts(best[number])}
        known = [*elsewhere, *(call for number, call in calls.items() if number not in asking)]
        taken = taken_from_wrappers(asking, known, around, offers)
        best = {number: report for number, report in best.items() if number not in taken}
        return {*taken.values(), *(report.number for report in best.values())}
    return {report.number for report in best.values()}


def _cost_level(report: ActionFacts) -> int:
    if report.cost is None or report.outcome is None:
        return _UNKNOWN
    if ENDPOINT in report.sources:
        return _SEEN
    return _ESTIMATED if report.is_cost_estimated else _REPORTED


def _token_counts(report: ActionFacts) -> int:
    """Return how many of its two token counts a report knows; sources that do not know one often say 0."""
    return bool(report.input_tokens) + bool(report.output_tokens)
