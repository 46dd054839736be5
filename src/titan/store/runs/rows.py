"""Map the run store's values to rows and back: runs, actions, entries, money, notes, replays, agents.

A run has a column for each field of `Run` and of its `Tally`, made by the field's type: a new field needs its column in
both schema.sql, and nothing here. Money is picodollars, exact to the twelfth place.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeAlias

import msgspec
from msgspec.structs import replace

from titan.model.actions import ActionEntry, Entry, Payload, RunEntry
from titan.model.evaluations import AgentRun, RegisteredAgent, Task, ToolEndpoint, Workflow
from titan.model.run_control import Origin
from titan.model.runs import (
    COUNTS_ALL,
    COUNTS_NOTHING,
    AcceptedIssue,
    Action,
    ActionFacts,
    AgentDay,
    AgentRow,
    AgentVersion,
    Count,
    ErrorKind,
    Note,
    OutcomeSums,
    Replay,
    Run,
    RunTotals,
    Tally,
    counted_alone,
)
from titan.ports.runs_store import FlatRun, ReportedEntry
from titan.store.columns import IS_WITHIN, Columns, from_us, from_us_or_none, to_us
from titan.store.session import Row

#: What a column can hold here, in the order of the columns.
Values: TypeAlias = tuple[str | int | bytes | None, ...]

_MOST_INTEGER: Final = 2**63 - 1  # that a column holds
PICO: Final = 12  # decimal places of a picodollar
_MOST: Final = Decimal(_MOST_INTEGER).scaleb(-PICO)  # US dollars: 9,223,372
_NOTHING: Final = Decimal(0)


def to_pico(cost: Decimal) -> int:
    """Return picodollars; digits beyond the twelfth place are rounded to even.

    What is more than a column holds, 9,223,372 US dollars, comes to the most that it holds.
    """
    if not -_MOST < cost < _MOST:
        return _MOST_INTEGER if cost > 0 else -_MOST_INTEGER
    return int(cost.scaleb(PICO).to_integral_value())


def from_pico(pico: int) -> Decimal:
    """Return US dollars, without zeros behind the last digit, and written out: 100, not 1E+2."""
    return Decimal(pico).scaleb(-PICO).normalize() + _NOTHING


def exact_sum(parts: str | None) -> int:
    """Return a sum that is given as its millions and the rest: no column holds all of what sums come to. None is 0."""
    millions, rest = parts.split() if parts else ("0", "0")
    return int(millions) * 10**6 + int(rest)


def _tally(**sums: Any) -> Tally:
    """Return sums with the calls of all outcomes, which the database adds up as well."""
    return Tally(calls=sum(sums[name] for name in _CALLS), **sums)


_CALLS: Final = ("running", "success", "error", "blocked", "rejected", "replayed")
_NEVER_CHANGED: Final = {"project_id", "id", "keeps_content"}  # the last is decided when a run begins
_MONEY: Final[dict[Any, Any]] = {Decimal: (to_pico, from_pico)}

RUNS: Final = Columns(Run, within={"tally": Columns(Tally, but=("calls",), make=_tally, ways=_MONEY)})

#: What stands for the columns of a run in the queries.
RUN_FRAGMENTS: Final[Mapping[str, str]] = RUNS.fragments("run", "runs.") | RUNS.updates("run", but=_NEVER_CHANGED)


# --- actions and entries ---


def _count(is_call: bool, has_cost: bool, has_tokens: bool, duplicate_of: int | None) -> Count:
    if duplicate_of is None and is_call is has_cost is has_tokens:
        return COUNTS_ALL if is_call else COUNTS_NOTHING
    return Count(is_call, has_cost, has_tokens, duplicate_of)


def _tags_text(tags: tuple[str, ...]) -> str | None:
    return msgspec.json.encode(tags).decode() if tags else None


def _tags(text: str | None) -> tuple[str, ...]:
    return _TAGS.decode(text) if text else ()


def _sources(text: str) -> tuple[str, ...]:
    return tuple(text.split(" "))


_TAGS: Final = msgspec.json.Decoder(tuple[str, ...])

#: To be read with the id of its run, whose number the row holds.
ACTIONS: Final = Columns(
    Action,
    within={"count": Columns(Count, make=_count)},
    given=("run_id",),
    ways=_MONEY | {"sources": (" ".join, _sources), "tags": (_tags_text, _tags)},
)
_ACTION_FRAGMENTS: Final = ACTIONS.fragments("action", "actions.")
ACTION_FRAGMENTS: Final[Mapping[str, str]] = {
    **_ACTION_FRAGMENTS,
    **ACTIONS.updates("action", but=("number", "id", "project_id")),
    "action_columns": f"{_ACTION_FRAGMENTS['action_columns']}, actions.run_no",
}
ACTION_WIDTH: Final = len(ACTIONS.names) + 1


def with_totals(run: Run, totals: RunTotals) -> Run:
    """Return a run with what its actions come to."""
    first = totals.first_error
    return replace(
        run,
        tally=totals.tally,
        last_outcome=totals.last_outcome,
        last_ended_at=from_us_or_none(totals.last_ended_at_us),
        first_error_id=first and first.action_id,
        first_error=first and first.text,
        first_error_at=None if first is None else from_us_or_none(first.started_at_us),
    )


def reported_from_row(row: Row, *, newest_action: int) -> ReportedEntry:
    """Return an entry of `reported_after`, before which actions up to `newest_action` were reported."""
    run_id, number, received_at_us, action_number, is_first_of_run = row[ACTION_WIDTH:]
    return ReportedEntry(
        number=number,
        run_id=run_id,
        at=from_us(received_at_us),
        action=None if action_number is None else ACTIONS.of(row, run_id),
        is_first_of_run=bool(is_first_of_run),
        is_first_of_action=action_number is not None and action_number > newest_action,
    )


def flat_run(rows: Iterable[Row], *, version: int) -> FlatRun:
    """Return the run of `flat_actions`, and how its actions count as they are stored."""
    actions: list[ActionFacts] = []
    counts: dict[int, Count] = {}
    for number, id, parent_id, kind, sources, *facts, is_call, has_cost, has_tokens, duplicate_of in rows:
        actions.append(ActionFacts(number, id, parent_id, kind, tuple(sources.split(" ")), *facts))
        count = _count(bool(is_call), bool(has_cost), bool(has_tokens), duplicate_of)
        if count is not counted_alone(kind):
            counts[number] = count
    return FlatRun(version=version, actions=actions, counts=counts)


def facts_of(entry: Entry) -> bytes:
    """Return what an entry says, but for its bodies: a JSON object without what it does not say."""
    if isinstance(entry, RunEntry):
        entry = entry if entry.program is None else replace(entry, program=None)
    elif entry.inputs is not None or entry.outputs is not None:
        entry = replace(entry, inputs=None, outputs=None)
    return _FACTS_ENCODER.encode(entry)


def entry_of_facts(facts: str, *, is_about_run: bool, inputs: Payload | None, outputs: Payload | None) -> Entry:
    """Return the entry that `facts_of` wrote, with its bodies."""
    if is_about_run:
        return replace(_RUN_DECODER.decode(facts), program=inputs)
    return replace(_ACTION_DECODER.decode(facts), inputs=inputs, outputs=outputs)


_FACTS_ENCODER: Final = msgspec.json.Encoder(decimal_format="string")
_ACTION_DECODER: Final = msgspec.json.Decoder(ActionEntry)
_RUN_DECODER: Final = msgspec.json.Decoder(RunEntry)


# --- notes, replays, and what the runs of agents come to ---

#: To be read with the id of its run.
NOTES: Final = Columns(Note, given=("run_id",), called={"text": "content"})
#: To be read with the ids of its run and of the one it is compared with.
REPLAYS: Final = Columns(Replay, given=("run_id", "with_run"))
ISSUES: Final = Columns(AcceptedIssue, called={"key": "issue_key"})

_SUMS: Final[dict[Any, Any]] = {
    Decimal: (str, lambda parts: from_pico(exact_sum(parts))),
    date: (str, lambda days: date(1970, 1, 1) + timedelta(days=days)),
}
AGENTS: Final = Columns(AgentRow, ways=_SUMS)
AGENT_DAYS: Final = Columns(AgentDay, ways=_SUMS)
AGENT_VERSIONS: Final = Columns(AgentVersion)
#: To be read with the ids of its last one's run and action.
ERROR_KINDS: Final = Columns(ErrorKind, given=("run_id", "action_id"))
OUTCOME_SUMS: Final = Columns(
    OutcomeSums, ways=_SUMS | dict.fromkeys(("input_tokens", "output_tokens"), (str, exact_sum))
)

# --- evaluations ---

WORKFLOWS: Final = Columns(Workflow)
TASKS: Final = Columns(Task)
REGISTERED_AGENTS: Final = Columns(RegisteredAgent)
ENDPOINTS: Final = Columns(ToolEndpoint)
AGENT_RUNS: Final = Columns(AgentRun)

_REPLAY_FRAGMENTS: Final = REPLAYS.fragments("replay", "replays.")
#: The fragments of the queries in sql/calls.
FRAGMENTS: Final[Mapping[str, str]] = {
    **RUN_FRAGMENTS,
    **ACTION_FRAGMENTS,
    **IS_WITHIN,
    **NOTES.fragments("note", "notes."),
    **NOTES.updates("note", but=("id", "project_id")),
    **_REPLAY_FRAGMENTS,
    "replay_columns_in_lists": _REPLAY_FRAGMENTS["replay_columns"].replace("replays.result", "null"),
    **ISSUES.fragments("issue"),
    **WORKFLOWS.fragments("workflow"),
    **TASKS.fragments("task"),
    **REGISTERED_AGENTS.fragments("registered_agent"),
    **ENDPOINTS.fragments("tool_endpoint"),
    **AGENT_RUNS.fragments("agent_run"),
}

# --- sums by hour ---

#: Project, agent, hour, attempts that were stopped, attempts.
HourRow: TypeAlias = tuple[str, str, int, int, int]

HOUR_US: Final = 3_600_000_000


def hour_of(at: datetime) -> int:
    """Return the hour of a moment, in hours since 1970 in UTC."""
    return to_us(at) // HOUR_US


def hours_changed(changes: Iterable[tuple[Run | None, Run | None]]) -> list[HourRow]:
    """Return the rows of `add_to_hours` by which runs change sums, each before and after: it may come, or go.

    Runs of evaluations are in no sum: how often an agent is stopped in production is what its runs are compared with.
    """
    sums: dict[tuple[str, str, int], tuple[int, int]] = {}
    for change in changes:
        for run, sign in zip(change, (-1, 1), strict=True):
            if run is not None and run.origin is Origin.PRODUCTION:
                place = run.project_id, run.agent_id, hour_of(run.started_at)
                stopped, attempts = sums.get(place, (0, 0))
                sums[place] = stopped + sign * run.tally.stopped, attempts + sign * run.tally.attempts
    return [(*place, *changed) for place, changed in sums.items() if any(changed)]
