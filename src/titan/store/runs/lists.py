"""Lists of runs and calls: SQL composed of a head, conditions, and an order. The texts are in lists.sql."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from string import ascii_lowercase
from typing import Final

import msgspec

from titan.model.actions import Outcome
from titan.model.errors import InvalidInput
from titan.model.run_control import Origin
from titan.model.runs import Action, OutcomeSums, Run
from titan.ports.runs_store import CallFilter, CallPage, RunFilter
from titan.store.columns import methods_read_rows, to_json, to_us, to_us_or_none
from titan.store.runs.evaluations import SqlEvaluationReader
from titan.store.runs.rows import ACTION_WIDTH, ACTIONS, OUTCOME_SUMS, RUNS, to_pico
from titan.store.runs.words import part_pattern
from titan.store.session import Row, Session, Value

# --- Filters as SQL: the conditions that are asked for ---

# SQLite finds no index for `:agent_id is null or agent_id = :agent_id`, so a condition that is not asked for is left
# out.


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

    def narrow(self, session: Session, *asked_for: tuple[str, str, Value]) -> None:
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


def narrowed_runs(session: Session, wanted: RunFilter, *, sort: str) -> Narrowing:
    """Return what runs are narrowed by."""
    # Else SQLite would take the runs by their cost and sort them, however many they are.
    by_cost = "runs_that_cost" if sort == "cost" else "runs_that_cost_besides"
    status, statuses = _one_or_many(wanted.statuses)
    narrowing = Narrowing([], {})
    narrowing.narrow(
        session,
        ("runs_with_one_status", "status", status),
        ("runs_with_status", "statuses", statuses),
        (by_cost, "min_cost", _pico(wanted.min_cost)),
        ("runs_started_since", "since_us", to_us_or_none(wanted.started_since)),
        ("runs_below_score", "below_score", wanted.determinism_below),
        ("runs_of_origin", "origin", wanted.origin),
        ("runs_of_agent", "agent_id", wanted.agent_id),
        ("runs_of_session", "session_id", wanted.session_id),
        ("runs_forked_from", "parent_run_id", wanted.parent_run_id),
        ("runs_with_tag", "tag", wanted.tag),
        ("runs_of_ids", "ids", None if wanted.ids is None else to_json(sorted(wanted.ids))),
        ("runs_with_part", "part", None if wanted.text is None else part_pattern(wanted.text)),
    )
    if wanted.has_stages:
        narrowing.conditions.append(session.text_of("runs_with_stages"))
    if not wanted.has_archived:
        narrowing.conditions.append(session.text_of("runs_not_archived"))
    if wanted.text is not None:
        narrowing.values["text"] = wanted.text
        narrowing.values["tags_part"] = part_pattern(to_json(wanted.text)[1:-1])  # as a tag that holds it is stored
        _search(session, narrowing, "hits", wanted.text, {"hits": most_hits(wanted)})
    return narrowing


def narrowed_calls(session: Session, wanted: CallFilter, run_no: int | None, *, hits: int | None = None) -> Narrowing:
    """Return what calls are narrowed by: `run_no` is that of the run asked for, `hits` how many hits are looked at."""
    narrowing = _by_outcome(session, wanted.outcomes)
    kind, kinds = _one_or_many(wanted.kinds)
    narrowing.narrow(
        session,
        ("calls_named", "name", wanted.name),
        ("calls_of_kind", "kind", kind),
        ("calls_of_kinds", "kinds", kinds),
        ("calls_of_origin", "is_evaluation", wanted.origin and int(wanted.origin is Origin.EVALUATION)),
        ("calls_of_agent", "agent_id", wanted.agent_id),
        ("calls_of_run", "run_no", run_no),
        ("calls_that_cost", "min_cost", _pico(wanted.min_cost)),
        ("calls_up_to_cost", "max_cost", _pico(wanted.max_cost)),
        ("calls_since", "since_us", to_us_or_none(wanted.since)),
        ("calls_until", "until_us", to_us_or_none(wanted.until)),
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


def _pico(cost: Decimal | None) -> int | None:
    return None if cost is None else to_pico(cost)


def _one_or_many(wanted: frozenset[str]) -> tuple[str | None, str | None]:
    """Return what is wanted as one value, by which an index is found, or as a JSON list of several."""
    if len(wanted) == 1:
        return str(next(iter(wanted))), None
    return None, to_json(sorted(wanted)) if wanted else None


def _search(session: Session, narrowing: Narrowing, query: str, text: str, bounds: Mapping[str, Value]) -> None:
    narrowing.hit = f"hit as materialized ({session.text_of(query)})"
    narrowing.values |= {"words": session.matching(text) or session.no_match, **bounds}


def _by_outcome(session: Session, outcomes: frozenset[str]) -> Narrowing:
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


#: What runs are sorted by → its column, and its place in the head: in `run_columns`, or from the end.
_RUN_KEYS: Final[Mapping[str, tuple[str, int]]] = {
    "started": ("started_at_us", RUNS.names.index("started_at_us")),
    "cost": ("cost", RUNS.names.index("cost")),
    "determinism": ("determinism_order", -5),
    "duration": ("duration_us", -3),
    "actions": ("calls", -2),
    "success_rate": ("success_rate", -1),
}
_RUN_NO: Final = -4
_CALL_KEYS: Final[Mapping[str, str]] = {"time": "started_at_us", "cost": "cost", "duration": "duration_ns"}
#: What calls are sorted by → the condition under which an index holds them by it.
_OUTSTANDING: Final[Mapping[str, str]] = {"cost": "calls_that_cost_much", "duration": "calls_that_took_long"}
_INDEXED_PICO: Final = 5 * 10**9  # the cost from which on `calls_that_cost_much` holds calls
_RUN_ID, _TOTAL, _HITS = range(ACTION_WIDTH, ACTION_WIDTH + 3)  # behind `action_columns`
#: Places in `action_columns`, the first being 1: what merged rows are sorted by.
_STARTED_AT, _NUMBER = (ACTIONS.names.index(name) + 1 for name in ("started_at_us", "number"))
NO_RUN: Final = 0  # the number of none
_PAGE: Final = " limit :limit offset :skip"


@methods_read_rows
class SqlCallLists(SqlEvaluationReader):
    """Implements the lists of `titan.ports.runs_store.CallReader`; its docstrings stand there."""

    __slots__ = ()

    def registry(
        self, project_id: str, wanted: RunFilter, *, sort: str, is_ascending: bool, after: str | None, limit: int
    ) -> tuple[list[Run], str | None]:
        session = self._session
        runs = narrowed_runs(session, self._by_every_name(project_id, wanted), sort=sort)
        values = {**runs.values, "project_id": project_id, "limit": limit + 1}
        column, place = _RUN_KEYS[sort]
        direction, beyond = ("asc", ">") if is_ascending else ("desc", "<")
        behind: list[str] = []
        if after is not None:
            values["after_key"], values["after_no"] = _read_cursor(after)
            behind.append(f"(runs.{column}, runs.run_no) {beyond} (:after_key, :after_no)")
        order = f" order by runs.{column} {direction}, runs.run_no {direction} limit :limit"
        rows = session.ask(runs.query(session.text_of("registry"), *behind) + order, values)
        is_last = len(rows) <= limit
        cursor = None if is_last else _cursor(rows[limit - 1][place], rows[limit - 1][_RUN_NO])
        return [RUNS.of(row) for row in rows[:limit]], cursor

    def count_runs(self, project_id: str, wanted: RunFilter, *, up_to: int) -> int:
        runs = narrowed_runs(self._session, self._by_every_name(project_id, wanted), sort="cost")
        runs.values["project_id"] = project_id
        return self._counted(runs, "registry_count", up_to=up_to)

    def is_search_capped(self, wanted: RunFilter) -> bool:
        runs = narrowed_runs(self._session, wanted, sort="cost")
        if not runs.hit or wanted.is_by_name:
            return False
        asked = {name: runs.values[name] for name in ("words", "hits")}
        found = self._session.ask(f"with {runs.hit} {self._session.text_of('count_hits')}", asked)
        return int(found[0][0]) == most_hits(wanted)

    def ledger(
        self,
        project_id: str,
        wanted: CallFilter,
        *,
        sort: str,
        is_ascending: bool,
        skip: int,
        limit: int,
        up_to: int,
    ) -> CallPage:
        session = self._session
        calls = self._narrowed(project_id, wanted, limit=limit, skip=skip)
        direction, first = ("asc", "first") if is_ascending else ("desc", "last")
        key, then = f" order by actions.{_CALL_KEYS[sort]} {direction}", f", actions.number {direction}"
        # Only a cost or duration may be unknown; PostgreSQL takes no index for an order that says more than it need.
        order = f"{key} nulls {first}{then}" if sort in _OUTSTANDING else key + then
        if calls.hit:
            return self._page_found(calls, order, most=most_hits(wanted), up_to=up_to)
        head = session.text_of("ledger")
        if session.merges and sort == "time" and len(wanted.outcomes) > 1 and Outcome.SUCCESS not in wanted.outcomes:
            order = f" order by {_STARTED_AT} {direction}, {_NUMBER} {direction}"
            rows = self._merged(project_id, calls, wanted, order)
        elif sort in _OUTSTANDING and not is_ascending:
            # By an index; the first of all are among them, if that many.
            outstanding = calls.query(head, session.text_of(_OUTSTANDING[sort]))
            rows = session.ask(outstanding + key + then + _PAGE, calls.values)
            rows = rows if len(rows) == limit else session.ask(calls.query(head) + order + _PAGE, calls.values)
        else:
            rows = session.ask(calls.query(head) + order + _PAGE, calls.values)
        is_few = wanted.min_cost is not None and to_pico(wanted.min_cost) >= _INDEXED_PICO
        besides = [session.text_of("calls_that_cost_much")] if is_few else []
        total = self._counted(calls, "ledger_count", *besides, up_to=up_to)
        return CallPage(calls=_actions(rows), total=total, is_search_capped=False)

    def calls_after(
        self, project_id: str, wanted: CallFilter, *, after: tuple[datetime, int] | None, limit: int
    ) -> list[Action]:
        calls = self._narrowed(project_id, wanted, hits=ALL_HITS, limit=limit)
        besides = []
        if after is not None:
            besides = [self._session.text_of("calls_behind")]
            calls.values |= {"after_us": to_us(after[0]), "after_number": after[1]}
        order = " order by actions.started_at_us, actions.number limit :limit"
        return _actions(self._session.ask(calls.query(self._session.text_of("ledger"), *besides) + order, calls.values))

    def sums_of_calls(self, project_id: str, wanted: CallFilter) -> list[OutcomeSums]:
        calls = self._narrowed(project_id, wanted, hits=ALL_HITS)
        text_of, ask = self._session.text_of, self._session.ask
        parts = (calls.query(text_of("ledger_sums"), text_of(part)) for part in ("calls_alone", "frames_that_count"))
        return [OUTCOME_SUMS.of(row) for part in parts for row in ask(f"{part} group by 1", calls.values)]

    def interventions(self, project_id: str, wanted: CallFilter, *, skip: int, limit: int) -> list[Action]:
        calls = self._narrowed(project_id, wanted, limit=limit, skip=skip)
        order = " order by actions.started_at_us desc, actions.number desc" + _PAGE
        return _actions(self._session.ask(calls.query(self._session.text_of("interventions")) + order, calls.values))

    def count_interventions(self, project_id: str, wanted: CallFilter) -> dict[str, int]:
        calls = self._narrowed(project_id, wanted)
        sql = calls.query(self._session.text_of("interventions_by_type")) + " group by actions.name"
        return dict(self._session.ask(sql, calls.values))

    def aliases(self, project_id: str, ids: Iterable[str]) -> dict[str, str]:
        wanted = sorted(ids)
        return dict(self._all("aliases", project_id=project_id, ids=to_json(wanted))) if wanted else {}

    def _run_no(self, project_id: str, run_id: str) -> int:
        """Return a run's number in the store; NO_RUN when it is unknown."""
        row = self._one("run_no", project_id=project_id, run_id=run_id)
        return NO_RUN if row is None else int(row[0])

    def _by_every_name(self, project_id: str, wanted: RunFilter) -> RunFilter:
        """Return a filter that also finds runs that are asked for by another name."""
        if not wanted.ids:
            return wanted
        return replace(wanted, ids=wanted.ids | set(self.aliases(project_id, wanted.ids).values()))

    def _narrowed(self, project_id: str, wanted: CallFilter, *, hits: int | None = None, **values: Value) -> Narrowing:
        run_no = None if wanted.run_id is None else self._run_no(project_id, wanted.run_id)
        calls = narrowed_calls(self._session, wanted, run_no, hits=hits)
        calls.values |= {**values, "project_id": project_id}
        return calls

    def _merged(self, project_id: str, calls: Narrowing, wanted: CallFilter, order: str) -> list[Row]:
        """Return a page of calls of several outcomes: the index has each in order, and the database merges them.

        Asked for all at once, it walks through the calls of every outcome, of which most are successes.
        """
        values, parts = dict(calls.values), list[str]()
        for letter, outcome in zip(ascii_lowercase, sorted(wanted.outcomes), strict=False):
            one = self._narrowed(project_id, replace(wanted, outcomes=frozenset({outcome})))
            parts.append(one.query(self._session.text_of("ledger")).replace(":outcome", f":outcome_{letter}"))
            values[f"outcome_{letter}"] = one.values.get("outcome")
        return self._session.ask(" union all ".join(parts) + order + _PAGE, values)

    def _page_found(self, calls: Narrowing, order: str, *, most: int, up_to: int) -> CallPage:
        """Return a page of a search: what `most` hits are about is looked at once, to be counted and sorted."""
        session = self._session
        page = calls.part(session.text_of("ledger_found")) + order + _PAGE
        rows = session.ask(f"with {calls.hit}, page as ({page}) {session.text_of('ledger_page')}{order}", calls.values)
        found = [row for row in rows if row[_TOTAL] is not None]
        if not found and calls.values["skip"]:  # behind the last page nothing is counted
            calls.values["skip"] = 0
            return replace(self._page_found(calls, order, most=most, up_to=up_to), calls=[])
        total = min(rows[0][_TOTAL] or 0, up_to)
        return CallPage(calls=_actions(found), total=total, is_search_capped=rows[0][_HITS] == most)

    def _counted(self, narrowing: Narrowing, head: str, *besides: str, up_to: int) -> int:
        """Return how many rows there are, counted no further than `up_to`."""
        sql = (
            narrowing.query("select count(*) from (" + self._session.text_of(head), *besides)
            + " limit :up_to) as found"
        )
        return int(self._session.ask(sql, {**narrowing.values, "up_to": up_to})[0][0])


def _actions(rows: Iterable[Row]) -> list[Action]:
    return [ACTIONS.of(row, row[_RUN_ID]) for row in rows]


def _cursor(key: float | int, run_no: int) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((key, run_no))).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[float | int, int]:
    try:
        decoded = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        key, run_no = msgspec.json.decode(decoded, type=tuple[float | int, int])
        if max(abs(key), abs(run_no)) >= 2**63:  # no column holds it
            raise ValueError(decoded)
        return key, run_no
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise InvalidInput(
            f"cursor {cursor[:60]!a}",
            expected="the `next_cursor` of the page before",
            found="another text",
            next_step="Leave it out to begin with the first page.",
        ) from error
