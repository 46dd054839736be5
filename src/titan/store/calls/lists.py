"""Lists of runs and calls: a head, what narrows it, an order. The texts stand in lists.sql."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from string import ascii_lowercase
from typing import Final

import msgspec

from titan.model.actions import Outcome
from titan.model.errors import InvalidInput
from titan.model.runs import Action, OutcomeSums, Run
from titan.ports_calls import CallFilter, CallPage, RunFilter
from titan.store.calls.narrowing import ALL_HITS, Narrowing, most_hits, narrowed_calls, narrowed_runs
from titan.store.calls.rows import ACTION_WIDTH, RUNS, action_from_row, sums_from_row, to_pico
from titan.store.rows.columns import to_us
from titan.store.session import CallSession, Row

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
_STARTED_AT, _NUMBER = 10, 2  # places in `action_columns`, the first being 1: what merged rows are sorted by
_PAGE: Final = " limit :limit offset :skip"


def registry(
    session: CallSession,
    project_id: str,
    wanted: RunFilter,
    *,
    sort: str,
    is_ascending: bool,
    after: str | None,
    limit: int,
) -> tuple[list[Run], str | None]:
    """See `CallReader.registry`."""
    runs = narrowed_runs(session, wanted, sort=sort)
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


def count_runs(session: CallSession, project_id: str, wanted: RunFilter, *, up_to: int) -> int:
    """See `CallReader.count_runs`."""
    runs = narrowed_runs(session, wanted, sort="cost")
    runs.values["project_id"] = project_id
    return _counted(session, runs, "registry_count", up_to=up_to)


def is_search_capped(session: CallSession, wanted: RunFilter) -> bool:
    """See `CallReader.is_search_capped`."""
    runs = narrowed_runs(session, wanted, sort="cost")
    if not runs.hit or wanted.is_by_name:
        return False
    asked = {name: runs.values[name] for name in ("words", "hits")}
    found = session.ask(f"with {runs.hit} {session.text_of('count_hits')}", asked)
    return int(found[0][0]) == most_hits(wanted)


def ledger(
    session: CallSession,
    project_id: str,
    wanted: CallFilter,
    run_no: int | None,
    *,
    sort: str,
    is_ascending: bool,
    skip: int,
    limit: int,
    up_to: int,
) -> CallPage:
    """See `CallReader.ledger`; `run_no` is that of the run it asks for."""
    calls = narrowed_calls(session, wanted, run_no)
    calls.values |= {"project_id": project_id, "limit": limit, "skip": skip}
    direction, first = ("asc", "first") if is_ascending else ("desc", "last")
    key, then = f" order by actions.{_CALL_KEYS[sort]} {direction}", f", actions.number {direction}"
    # Only a cost or duration may be unknown; PostgreSQL takes no index for an order that says more than it need.
    order = f"{key} nulls {first}{then}" if sort in _OUTSTANDING else key + then
    if calls.hit:
        return _page_found(session, calls, order, most=most_hits(wanted), up_to=up_to)
    head = session.text_of("ledger")
    if session.merges and sort == "time" and len(wanted.outcomes) > 1 and Outcome.SUCCESS not in wanted.outcomes:
        order = f" order by {_STARTED_AT} {direction}, {_NUMBER} {direction}"
        rows = _merged(session, calls, wanted, run_no, order)
    elif sort in _OUTSTANDING and not is_ascending:
        # By an index; the first of all are among them, if that many.
        rows = session.ask(calls.query(head, session.text_of(_OUTSTANDING[sort])) + key + then + _PAGE, calls.values)
        rows = rows if len(rows) == limit else session.ask(calls.query(head) + order + _PAGE, calls.values)
    else:
        rows = session.ask(calls.query(head) + order + _PAGE, calls.values)
    is_few = wanted.min_cost is not None and to_pico(wanted.min_cost) >= _INDEXED_PICO
    besides = [session.text_of("calls_that_cost_much")] if is_few else []
    total = _counted(session, calls, "ledger_count", *besides, up_to=up_to)
    return CallPage(calls=[action_from_row(row, row[_RUN_ID]) for row in rows], total=total, is_search_capped=False)


def _merged(session: CallSession, calls: Narrowing, wanted: CallFilter, run_no: int | None, order: str) -> list[Row]:
    """Return a page of calls of several outcomes: the index has each in order, and the database merges them.

    Asked for all at once, it walks through the calls of every outcome, of which most are successes.
    """
    values, parts = dict(calls.values), list[str]()
    for letter, outcome in zip(ascii_lowercase, sorted(wanted.outcomes), strict=False):
        one = narrowed_calls(session, replace(wanted, outcomes=frozenset({outcome})), run_no)
        parts.append(one.query(session.text_of("ledger")).replace(":outcome", f":outcome_{letter}"))
        values[f"outcome_{letter}"] = one.values.get("outcome")
    return session.ask(" union all ".join(parts) + order + _PAGE, values)


def _page_found(session: CallSession, calls: Narrowing, order: str, *, most: int, up_to: int) -> CallPage:
    """Return a page of a search: what `most` hits are about is looked at once, to be counted and sorted."""
    page = calls.part(session.text_of("ledger_found")) + order + _PAGE
    rows = session.ask(f"with {calls.hit}, page as ({page}) {session.text_of('ledger_page')}{order}", calls.values)
    found = [action_from_row(row, row[_RUN_ID]) for row in rows if row[_TOTAL] is not None]
    if not found and calls.values["skip"]:  # behind the last page nothing is counted
        calls.values["skip"] = 0
        return replace(_page_found(session, calls, order, most=most, up_to=up_to), calls=[])
    total = min(rows[0][_TOTAL] or 0, up_to)
    return CallPage(calls=found, total=total, is_search_capped=rows[0][_HITS] == most)


def calls_after(
    session: CallSession,
    project_id: str,
    wanted: CallFilter,
    run_no: int | None,
    *,
    after: tuple[datetime, int] | None,
    limit: int,
) -> list[Action]:
    """See `CallReader.calls_after`."""
    calls = narrowed_calls(session, wanted, run_no, hits=ALL_HITS)
    calls.values |= {"project_id": project_id, "limit": limit}
    besides = []
    if after is not None:
        besides = [session.text_of("calls_behind")]
        calls.values |= {"after_us": to_us(after[0]), "after_number": after[1]}
    order = " order by actions.started_at_us, actions.number limit :limit"
    rows = session.ask(calls.query(session.text_of("ledger"), *besides) + order, calls.values)
    return [action_from_row(row, row[_RUN_ID]) for row in rows]


def sums_of_calls(session: CallSession, project_id: str, wanted: CallFilter, run_no: int | None) -> list[OutcomeSums]:
    """See `CallReader.sums_of_calls`."""
    calls = narrowed_calls(session, wanted, run_no, hits=ALL_HITS)
    sql = calls.query(session.text_of("ledger_sums")) + " group by actions.outcome"
    return [sums_from_row(row) for row in session.ask(sql, {**calls.values, "project_id": project_id})]


def interventions(
    session: CallSession, project_id: str, wanted: CallFilter, run_no: int | None, *, skip: int, limit: int
) -> list[Action]:
    """See `CallReader.interventions`."""
    calls = narrowed_calls(session, wanted, run_no)
    order = " order by actions.started_at_us desc, actions.number desc" + _PAGE
    values = {**calls.values, "project_id": project_id, "limit": limit, "skip": skip}
    rows = session.ask(calls.query(session.text_of("interventions")) + order, values)
    return [action_from_row(row, row[_RUN_ID]) for row in rows]


def count_interventions(
    session: CallSession, project_id: str, wanted: CallFilter, run_no: int | None
) -> dict[str, int]:
    """See `CallReader.count_interventions`."""
    calls = narrowed_calls(session, wanted, run_no)
    sql = calls.query(session.text_of("interventions_by_type")) + " group by actions.name"
    return {row[0]: row[1] for row in session.ask(sql, {**calls.values, "project_id": project_id})}


def _counted(session: CallSession, narrowing: Narrowing, head: str, *besides: str, up_to: int) -> int:
    """Return how many rows there are, counted no further than `up_to`."""
    sql = narrowing.query("select count(*) from (" + session.text_of(head), *besides) + " limit :up_to) as found"
    return int(session.ask(sql, {**narrowing.values, "up_to": up_to})[0][0])


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
