"""Filters as SQL: the conditions that are asked for, and the entries that hold searched words; texts of lists.sql.

SQLite finds no index for `:agent_id is null or agent_id = :agent_id`, so a condition that is not asked for is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from titan.model.actions import Outcome
from titan.ports_calls import CallFilter, RunFilter
from titan.store.calls.matching import part_pattern
from titan.store.calls.rows import FULL_PICO, sum_to_pico, to_pico
from titan.store.rows.columns import to_json, to_us
from titan.store.session import CallSession, Value

#: Of the newest entries that hold the words of a search; a word that stands everywhere costs no more than this.
MAX_HITS: Final = 3_000  # some 20 ms
MAX_HITS_NARROWED: Final = 20_000  # where another filter may leave few of them
ALL_HITS: Final = 2**62  # what both databases take for a limit
RUNNING: Final = "running"  #: asked for as an outcome: calls that have none yet


@dataclass(slots=True)
class Narrowing:
    """What a filter comes to."""

    conditions: list[str]
    values: dict[str, Value]
    hit: str = ""  #: the definition of the table `hit`: entries that hold the words of a search; empty without one

    def narrow(self, session: CallSession, *asked_for: tuple[str, str, Value]) -> None:
        """Add (condition, name of its value, value) of what is asked for: of no value, nothing is."""
        for condition, name, value in asked_for:
            if value is not None:
                self.conditions.append(session.text_of(condition))
                self.values[name] = value

    def query(self, head: str, *besides: str) -> str:
        """Return a query of rows that meet all conditions."""
        return (f"with {self.hit} " if self.hit else "") + self.part(head, *besides)

    def part(self, head: str, *besides: str) -> str:
        """Return the same for a query that defines `hit` itself."""
        return " and ".join([head, *self.conditions, *besides])


def narrowed_runs(session: CallSession, wanted: RunFilter, *, sort: str) -> Narrowing:
    """Return what runs are narrowed by."""
    # Else SQLite would take the runs by their cost and sort them, however many they are.
    by_cost = "runs_that_cost" if sort == "cost" else "runs_that_cost_besides"
    status, statuses = _one_or_many(wanted.statuses)
    least, least_more = (None, 0) if wanted.min_cost is None else sum_to_pico(wanted.min_cost)
    narrowing = Narrowing([], {})
    narrowing.narrow(
        session,
        ("runs_with_one_status", "status", status),
        ("runs_with_status", "statuses", statuses),
        (by_cost, "min_cost", FULL_PICO if least_more else least),
        ("runs_started_since", "since_us", None if wanted.started_since is None else to_us(wanted.started_since)),
        ("runs_below_score", "below_score", wanted.determinism_below),
        ("runs_of_agent", "agent_id", wanted.agent_id),
        ("runs_of_session", "session_id", wanted.session_id),
        ("runs_with_tag", "tag", wanted.tag),
        ("runs_of_ids", "ids", None if wanted.ids is None else to_json(sorted(wanted.ids))),
        ("runs_with_part", "part", None if wanted.text is None else part_pattern(wanted.text)),
    )
    if least_more:
        narrowing.narrow(session, ("runs_that_cost_more", "cost_more", least_more))
        narrowing.values["cost_beyond"] = least
    if wanted.has_stages:
        narrowing.conditions.append(session.text_of("runs_with_stages"))
    if not wanted.has_archived:
        narrowing.conditions.append(session.text_of("runs_not_archived"))
    if wanted.text is not None:
        narrowing.values["text"] = wanted.text
        narrowing.values["tags_part"] = part_pattern(to_json(wanted.text)[1:-1])  # as a tag that holds it is stored
        _search(session, narrowing, "hits", wanted.text, {"hits": most_hits(wanted)})
    return narrowing


def narrowed_calls(
    session: CallSession, wanted: CallFilter, run_no: int | None, *, hits: int | None = None
) -> Narrowing:
    """Return what calls are narrowed by: `run_no` is that of the run asked for, `hits` how many hits are looked at."""
    narrowing = _by_outcome(session, wanted.outcomes)
    kind, kinds = _one_or_many(wanted.kinds)
    narrowing.narrow(
        session,
        ("calls_named", "name", wanted.name),
        ("calls_of_kind", "kind", kind),
        ("calls_of_kinds", "kinds", kinds),
        ("calls_of_agent", "agent_id", wanted.agent_id),
        ("calls_of_run", "run_no", run_no),
        ("calls_that_cost", "min_cost", None if wanted.min_cost is None else to_pico(wanted.min_cost)),
        ("calls_up_to_cost", "max_cost", None if wanted.max_cost is None else to_pico(wanted.max_cost)),
        ("calls_since", "since_us", None if wanted.since is None else to_us(wanted.since)),
        ("calls_until", "until_us", None if wanted.until is None else to_us(wanted.until)),
    )
    if wanted.text is not None and run_no is not None:
        first, last = session.one("bounds_of_run", run_no=run_no) or (None, None)
        _search(session, narrowing, "hits_in_run", wanted.text, {"first": first or 0, "last": last or 0})
    elif wanted.text is not None:
        _search(session, narrowing, "hits", wanted.text, {"hits": most_hits(wanted) if hits is None else hits})
    if narrowing.hit:
        narrowing.conditions.append(session.text_of("calls_of_hits"))
    return narrowing


def most_hits(wanted: RunFilter | CallFilter) -> int:
    """Return how many entries a search looks at. A run that is asked for has bounds of its own, and needs none."""
    if isinstance(wanted, CallFilter):
        if wanted.run_id is not None:
            return ALL_HITS
        return MAX_HITS if wanted == CallFilter(text=wanted.text) else MAX_HITS_NARROWED
    if wanted.is_by_name:
        return 0
    if wanted.is_searched_whole:
        return ALL_HITS
    # The time narrows nothing: the newest hits are those within it.
    plain = RunFilter(text=wanted.text, started_since=wanted.started_since, has_archived=wanted.has_archived)
    return MAX_HITS if wanted == plain else MAX_HITS_NARROWED


def _one_or_many(wanted: frozenset[str]) -> tuple[str | None, str | None]:
    """Return what is wanted as one value, by which an index is found, or as a JSON list of several."""
    if len(wanted) == 1:
        return str(next(iter(wanted))), None
    return None, to_json(sorted(wanted)) if wanted else None


def _search(session: CallSession, narrowing: Narrowing, query: str, text: str, bounds: Mapping[str, Value]) -> None:
    narrowing.hit = f"hit as materialized ({session.text_of(query)})"
    narrowing.values |= {"words": session.matching(text) or session.no_match, **bounds}


def _by_outcome(session: CallSession, outcomes: frozenset[str]) -> Narrowing:
    if not outcomes:
        return Narrowing([], {})
    conditions: list[str] = []
    if Outcome.SUCCESS not in outcomes:
        conditions.append(session.text_of("calls_without_success"))  # as the index of outcomes has it
    ended = sorted(outcomes - {RUNNING})
    if not ended:
        return Narrowing([session.text_of("calls_running"), *conditions], {})
    if len(ended) == 1 and len(outcomes) == 1:
        return Narrowing([*conditions, session.text_of("calls_with_outcome")], {"outcome": ended[0]})
    one_of = session.text_of("calls_with_outcomes")
    if RUNNING in outcomes:
        one_of = f"({one_of} or {session.text_of('calls_running')})"
    return Narrowing([*conditions, one_of], {"outcomes": to_json(ended)})
