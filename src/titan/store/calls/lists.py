"""Lists of runs and calls: a head, the conditions that are asked for, an order. All of them are SQL texts in lists.sql.

SQLite finds no index for `:agent_id is null or agent_id = :agent_id`, so a condition that is not asked for is left out.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Final

import msgspec

from titan.model.actions import Outcome
from titan.model.errors import InvalidInput
from titan.model.recorded import Action, OutcomeSums, RecordedRun
from titan.ports_calls import CallFilter, RunFilter
from titan.store.calls.matching import part_pattern
from titan.store.calls.rows import action_from_row, run_from_row, sums_from_row, to_pico
from titan.store.calls.session import CallSession, Value
from titan.store.rows.columns import to_json, to_us
from titan.store.session import Row

#: Of the newest entries that hold the words of a search; a word that stands everywhere costs no more than this.
MAX_HITS: Final = 3_000  # some 50 ms
MAX_HITS_NARROWED: Final = 20_000  # where another filter may leave few of them
ALL_HITS: Final = 2**62  # what both databases take for a limit
RUNNING: Final = "running"  #: asked for as an outcome: calls that have none yet

#: What runs are sorted by → its column, and its place in the head; from the end behind `run_columns`, which grow.
_RUN_KEYS: Final[Mapping[str, tuple[str, int]]] = {
    "started": ("started_at_us", 7),
    "cost": ("cost", 19),
    "duration": ("duration_us", -3),
    "actions": ("calls", -2),
    "success_rate": ("success_rate", -1),
}
_RUN_NO: Final = -4
_CALL_KEYS: Final[Mapping[str, str]] = {"time": "started_at_us", "cost": "cost", "duration": "duration_ns"}
#: What calls are sorted by → the condition under which an index holds them by it.
_OUTSTANDING: Final[Mapping[str, str]] = {"cost": "calls_that_cost_much", "duration": "calls_that_took_long"}
_INDEXED_PICO: Final = 5 * 10**9  # the cost from which on `calls_that_cost_much` holds calls
_RUN_ID: Final = 28  # behind `action_columns`


def registry(
    session: CallSession,
    project_id: str,
    wanted: RunFilter,
    *,
    sort: str,
    is_ascending: bool,
    after: str | None,
    limit: int,
) -> tuple[list[RecordedRun], str | None]:
    """See `CallReader.registry`."""
    conditions, values = _run_conditions(session, wanted, sort=sort)
    column, place = _RUN_KEYS[sort]
    direction, beyond = ("asc", ">") if is_ascending else ("desc", "<")
    if after is not None:
        values["after_key"], values["after_no"] = _read_cursor(after)
        conditions.append(f"(runs.{column}, runs.run_no) {beyond} (:after_key, :after_no)")
    order = f"order by runs.{column} {direction}, runs.run_no {direction} limit :limit"
    sql = " and ".join([session.text_of("registry"), *conditions]) + " " + order
    rows = session.ask(sql, {**values, "project_id": project_id, "limit": limit + 1})
    is_last = len(rows) <= limit
    cursor = None if is_last else _cursor(rows[limit - 1][place], rows[limit - 1][_RUN_NO])
    return [run_from_row(row) for row in rows[:limit]], cursor


def count_runs(session: CallSession, project_id: str, wanted: RunFilter, *, up_to: int) -> int:
    """See `CallReader.count_runs`."""
    conditions, values = _run_conditions(session, wanted, sort="cost")
    sql = " and ".join([session.text_of("registry_count"), *conditions])
    return _counted(session, sql, {**values, "project_id": project_id}, up_to)


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
) -> list[Action]:
    """See `CallReader.ledger`; `run_no` is that of the run it asks for."""
    conditions, values = _call_conditions(session, wanted, run_no)
    values |= {"project_id": project_id, "limit": limit, "skip": skip}
    direction, first = ("asc", "first") if is_ascending else ("desc", "last")
    head = session.text_of("ledger" if wanted.text is None else "ledger_found")

    def asked(*besides: str) -> list[Row]:
        # Only a cost or duration may be unknown; PostgreSQL takes no index for an order that says more than it need.
        unknown = f" nulls {first}" if sort in _OUTSTANDING and not besides else ""
        key = f"actions.{_CALL_KEYS[sort]} {direction}{unknown}"
        order = f"order by {key}, actions.number {direction} limit :limit offset :skip"
        return session.ask(" and ".join([head, *conditions, *besides]) + " " + order, values)

    rows: list[Row] = []
    if sort in _OUTSTANDING and not is_ascending:
        rows = asked(session.text_of(_OUTSTANDING[sort]))  # by an index; the first of all are among them, if that many
    if len(rows) < limit:
        rows = asked()
    return [action_from_row(row, row[_RUN_ID]) for row in rows]


def count_calls(session: CallSession, project_id: str, wanted: CallFilter, run_no: int | None, *, up_to: int) -> int:
    """See `CallReader.count_calls`."""
    conditions, values = _call_conditions(session, wanted, run_no)
    if wanted.min_cost is not None and to_pico(wanted.min_cost) >= _INDEXED_PICO:
        conditions.append(session.text_of("calls_that_cost_much"))
    head = session.text_of("ledger_count" if wanted.text is None else "ledger_count_found")
    sql = " and ".join([head, *conditions])
    return _counted(session, sql, {**values, "project_id": project_id}, up_to)


def sums_of_calls(session: CallSession, project_id: str, wanted: CallFilter, run_no: int | None) -> list[OutcomeSums]:
    """See `CallReader.sums_of_calls`."""
    conditions, values = _call_conditions(session, wanted, run_no, hits=ALL_HITS)
    sql = " and ".join([session.text_of("ledger_sums"), *conditions]) + " group by actions.outcome"
    return [sums_from_row(row) for row in session.ask(sql, {**values, "project_id": project_id})]


def interventions(
    session: CallSession, project_id: str, wanted: CallFilter, run_no: int | None, *, skip: int, limit: int
) -> list[Action]:
    """See `CallReader.interventions`."""
    conditions, values = _call_conditions(session, wanted, run_no)
    order = "order by actions.started_at_us desc, actions.number desc limit :limit offset :skip"
    sql = " and ".join([session.text_of("interventions"), *conditions]) + " " + order
    rows = session.ask(sql, {**values, "project_id": project_id, "limit": limit, "skip": skip})
    return [action_from_row(row, row[_RUN_ID]) for row in rows]


def count_interventions(
    session: CallSession, project_id: str, wanted: CallFilter, run_no: int | None
) -> dict[str, int]:
    """See `CallReader.count_interventions`."""
    conditions, values = _call_conditions(session, wanted, run_no)
    sql = " and ".join([session.text_of("interventions_by_type"), *conditions]) + " group by actions.name"
    return {row[0]: row[1] for row in session.ask(sql, {**values, "project_id": project_id})}


def is_search_capped(session: CallSession, wanted: RunFilter | CallFilter) -> bool:
    """See `CallReader.is_search_capped`."""
    most = _most_hits(wanted)
    if wanted.text is None or most == ALL_HITS:
        return False
    found = session.ask(session.text_of("count_hits"), {"words": _match(session, wanted.text), "hits": most + 1})
    return int(found[0][0]) > most


def _most_hits(wanted: RunFilter | CallFilter) -> int:
    """Return how many entries a search looks at. A run that is asked for has bounds of its own, and needs none."""
    if isinstance(wanted, CallFilter):
        if wanted.run_id is not None:
            return ALL_HITS
        return MAX_HITS if wanted == CallFilter(text=wanted.text) else MAX_HITS_NARROWED
    if wanted.is_searched_whole:
        return ALL_HITS
    # The time narrows nothing: the newest hits are those within it.
    plain = RunFilter(text=wanted.text, started_since=wanted.started_since, has_archived=wanted.has_archived)
    return MAX_HITS if wanted == plain else MAX_HITS_NARROWED


def _counted(session: CallSession, sql: str, values: dict[str, Value], up_to: int) -> int:
    found = session.ask(f"select count(*) from ({sql} limit :up_to) as found", {**values, "up_to": up_to})
    return int(found[0][0])


def _run_conditions(session: CallSession, wanted: RunFilter, *, sort: str) -> tuple[list[str], dict[str, Value]]:
    names: list[str] = []
    values: dict[str, Value] = {}
    if len(wanted.statuses) == 1:
        names.append("runs_with_one_status")
        values["status"] = next(iter(wanted.statuses)).value
    elif wanted.statuses:
        names.append("runs_with_status")
        values["statuses"] = to_json(sorted(status.value for status in wanted.statuses))
    if wanted.min_cost is not None:
        # Else SQLite would take the runs by their cost and sort them, however many they are.
        names.append("runs_that_cost" if sort == "cost" else "runs_that_cost_besides")
        values["min_cost"] = to_pico(wanted.min_cost)
    if wanted.started_since is not None:
        names.append("runs_started_since")
        values["since_us"] = to_us(wanted.started_since)
    if wanted.agent_id is not None:
        names.append("runs_of_agent")
        values["agent_id"] = wanted.agent_id
    if wanted.session_id is not None:
        names.append("runs_of_session")
        values["session_id"] = wanted.session_id
    if wanted.ids is not None:
        names.append("runs_of_ids")
        values["ids"] = to_json(sorted(wanted.ids))
    if not wanted.has_archived:
        names.append("runs_not_archived")
    if wanted.text is not None:
        names.append("runs_with_part")
        words, hits = _match(session, wanted.text), _most_hits(wanted)
        values |= {"part": part_pattern(wanted.text), "words": words, "hits": hits}
    return [session.text_of(name) for name in names], values


def _call_conditions(
    session: CallSession, wanted: CallFilter, run_no: int | None, *, hits: int | None = None
) -> tuple[list[str], dict[str, Value]]:
    conditions, values = _outcome_conditions(session, wanted.outcomes)
    asked_for: list[tuple[str, str, Value]] = [
        ("calls_named", "name", wanted.name),
        ("calls_of_kind", "kind", next(iter(wanted.kinds)) if len(wanted.kinds) == 1 else None),
        ("calls_of_kinds", "kinds", to_json(sorted(wanted.kinds)) if len(wanted.kinds) > 1 else None),
        ("calls_of_agent", "agent_id", wanted.agent_id),
        ("calls_of_run", "run_no", run_no),
        ("calls_that_cost", "min_cost", None if wanted.min_cost is None else to_pico(wanted.min_cost)),
        ("calls_up_to_cost", "max_cost", None if wanted.max_cost is None else to_pico(wanted.max_cost)),
        ("calls_since", "since_us", None if wanted.since is None else to_us(wanted.since)),
        ("calls_until", "until_us", None if wanted.until is None else to_us(wanted.until)),
    ]
    for condition, name, value in asked_for:
        if value is not None:
            conditions.append(session.text_of(condition))
            values[name] = value
    if wanted.text is not None and run_no is not None:
        bounds = session.one("bounds_of_run", run_no=run_no) or (None, None)
        conditions.append(session.text_of("calls_with_words_in_run"))
        values |= {"words": _match(session, wanted.text), "first": bounds[0] or 0, "last": bounds[1] or 0}
    elif wanted.text is not None:
        conditions.append(session.text_of("calls_with_words"))
        values |= {"words": _match(session, wanted.text), "hits": _most_hits(wanted) if hits is None else hits}
    return conditions, values


def _outcome_conditions(session: CallSession, outcomes: frozenset[str]) -> tuple[list[str], dict[str, Value]]:
    if not outcomes:
        return [], {}
    conditions: list[str] = []
    if Outcome.SUCCESS not in outcomes:
        conditions.append(session.text_of("calls_without_success"))  # as the index of outcomes has it
    ended = sorted(outcomes - {RUNNING})
    if not ended:
        return [session.text_of("calls_running"), *conditions], {}
    if len(ended) == 1 and len(outcomes) == 1:
        return [*conditions, session.text_of("calls_with_outcome")], {"outcome": ended[0]}
    one_of = session.text_of("calls_with_outcomes")
    if RUNNING in outcomes:
        one_of = f"({one_of} or {session.text_of('calls_running')})"
    return [*conditions, one_of], {"outcomes": to_json(ended)}


def _match(session: CallSession, text: str) -> str:
    return session.matching(text) or session.no_match


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
