"""Recorded runs, actions and entries to rows and back."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, TypeAlias

import msgspec
from msgspec.structs import replace

from titan.model.actions import ActionEntry, ActionKind, Effect, Entry, Impact, Outcome, Payload, RunEntry
from titan.model.runs import (
    COUNTS_ALL,
    COUNTS_NOTHING,
    Action,
    ActionFacts,
    Count,
    OutcomeSums,
    Run,
    RunTotals,
    counted_alone,
    lasted_ns,
)
from titan.ports_calls import FlatRun, Heard
from titan.store.calls.run_rows import Values, exact_sum, from_pico, to_pico
from titan.store.rows.columns import by_value, from_us, from_us_or_none, to_us, to_us_or_none
from titan.store.session import Row

#: What action_from_row reads and row_of_action writes.
ACTION_COLUMNS: Final = (
    "actions.run_no, actions.number, actions.id, actions.sources, actions.kind, actions.name, actions.agent_id, "
    "actions.parent_id, actions.actor, actions.started_at_us, actions.ended_at_us, actions.duration_ns, "
    "actions.outcome, actions.cost, actions.is_cost_estimated, actions.model, actions.provider, "
    "actions.input_tokens, actions.output_tokens, actions.response_id, actions.error_type, actions.error_message, "
    "actions.impact, actions.effect, actions.tags, actions.is_redacted, actions.project_id, actions.has_inputs, "
    "actions.has_outputs, actions.is_call, actions.has_cost, actions.has_tokens, actions.duplicate_of, "
    "actions.cache_read_tokens, actions.cache_write_tokens, actions.reasoning_tokens, "
    "actions.redaction_version"
)

_OUTCOMES: Final = by_value(Outcome)
_KINDS: Final = by_value(ActionKind)
_IMPACTS: Final = by_value(Impact)
_EFFECTS: Final = by_value(Effect)
_TAGS: Final = msgspec.json.Decoder(tuple[str, ...])


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


def heard_from_row(row: Row, *, newest_action: int) -> Heard:
    """Return an entry of `heard_after`, before which actions up to `newest_action` were heard of."""
    run_id, number, heard_at_us, action_number, is_first_of_run = row[37:]
    return Heard(
        number=number,
        run_id=run_id,
        at=from_us(heard_at_us),
        action=None if action_number is None else action_from_row(row, run_id),
        is_first_of_run=bool(is_first_of_run),
        is_first_of_action=action_number is not None and action_number > newest_action,
    )


def sums_from_row(row: Row) -> OutcomeSums:
    """Return a row of `ledger_sums`."""
    return OutcomeSums(
        outcome=None if row[0] is None else _OUTCOMES[row[0]],
        calls=int(row[1]),
        cost=from_pico(exact_sum(row[2])),
        unpriced=int(row[3]),
        estimated=int(row[4]),
        input_tokens=exact_sum(row[5]),
        output_tokens=exact_sum(row[6]),
    )


def action_from_row(row: Row, run_id: str) -> Action:
    """Return the action of `action_columns`."""
    return Action(
        number=row[1],
        project_id=row[26],
        run_id=run_id,
        id=row[2],
        sources=tuple(row[3].split(" ")),
        kind=_KINDS[row[4]],
        name=row[5],
        agent_id=row[6],
        parent_id=row[7],
        actor=row[8],
        started_at=from_us(row[9]),
        ended_at=from_us_or_none(row[10]),
        duration_ns=_duration_ns(row),
        outcome=_OUTCOMES[row[12]] if row[12] else None,
        cost=None if row[13] is None else from_pico(row[13]),
        is_cost_estimated=bool(row[14]),
        model=row[15],
        provider=row[16],
        input_tokens=row[17],
        output_tokens=row[18],
        response_id=row[19],
        error_type=row[20],
        error_message=row[21],
        impact=_IMPACTS[row[22]] if row[22] else None,
        effect=_EFFECTS[row[23]] if row[23] else None,
        tags=_TAGS.decode(row[24]) if row[24] else (),
        is_redacted=bool(row[25]),
        has_inputs=bool(row[27]),
        has_outputs=bool(row[28]),
        count=_count(*row[29:33]),
        cache_read_tokens=row[33],
        cache_write_tokens=row[34],
        reasoning_tokens=row[35],
        redaction_version=row[36],
    )


def _count(is_call: int, has_cost: int, has_tokens: int, duplicate_of: int | None) -> Count:
    if duplicate_of is None and is_call == has_cost == has_tokens:
        return COUNTS_ALL if is_call else COUNTS_NOTHING
    return Count(bool(is_call), bool(has_cost), bool(has_tokens), duplicate_of)


def flat_run(rows: Iterable[Row], *, version: int) -> FlatRun:
    """Return the run of `flat_actions`, and how its actions count as they are stored."""
    actions: list[ActionFacts] = []
    counts: dict[int, Count] = {}
    for number, id, parent_id, kind, sources, *facts, is_call, has_cost, has_tokens, duplicate_of in rows:
        actions.append(ActionFacts(number, id, parent_id, kind, tuple(sources.split(" ")), *facts))
        count = _count(is_call, has_cost, has_tokens, duplicate_of)
        if count is not counted_alone(kind):
            counts[number] = count
    return FlatRun(version=version, actions=actions, counts=counts)


def _duration_ns(row: Row) -> int | None:
    """Return how long an action took; what never ended was once kept without that, though its run's end was its own."""
    started_us, ended_us, duration_ns = row[9:12]
    if duration_ns is None and ended_us is not None:
        return lasted_ns(from_us(started_us), from_us(ended_us))
    return None if duration_ns is None else int(duration_ns)


def row_of_action(action: Action, run_no: int) -> Values:
    """Return `action_columns`."""
    count = action.count
    return (
        run_no,
        action.number,
        action.id,
        " ".join(action.sources),
        action.kind,
        action.name,
        action.agent_id,
        action.parent_id,
        action.actor,
        to_us(action.started_at),
        to_us_or_none(action.ended_at),
        action.duration_ns,
        action.outcome,
        None if action.cost is None else to_pico(action.cost),
        int(action.is_cost_estimated),
        action.model,
        action.provider,
        action.input_tokens,
        action.output_tokens,
        action.response_id,
        action.error_type,
        action.error_message,
        action.impact,
        action.effect,
        msgspec.json.encode(action.tags).decode() if action.tags else None,
        int(action.is_redacted),
        action.project_id,
        int(action.has_inputs),
        int(action.has_outputs),
        int(count.is_call),
        int(count.has_cost),
        int(count.has_tokens),
        count.duplicate_of,
        action.cache_read_tokens,
        action.cache_write_tokens,
        action.reasoning_tokens,
        action.redaction_version,
    )


def facts_of(entry: Entry) -> bytes:
    """Return what an entry says, but for its bodies: a JSON object without what it does not say."""
    if isinstance(entry, ActionEntry) and (entry.inputs is not None or entry.outputs is not None):
        entry = replace(entry, inputs=None, outputs=None)
    return _FACTS_ENCODER.encode(entry)


def entry_of_facts(facts: str, *, is_about_run: bool, inputs: Payload | None, outputs: Payload | None) -> Entry:
    """Return the entry that `facts_of` wrote, with its bodies."""
    if is_about_run:
        return _RUN_DECODER.decode(facts)
    return replace(_ACTION_DECODER.decode(facts), inputs=inputs, outputs=outputs)


_FACTS_ENCODER: Final = msgspec.json.Encoder(decimal_format="string")
_ACTION_DECODER: Final = msgspec.json.Decoder(ActionEntry)
_RUN_DECODER: Final = msgspec.json.Decoder(RunEntry)


#: Project, agent, hour, attempts that were stopped, attempts.
HourRow: TypeAlias = tuple[str, str, int, int, int]

HOUR_US: Final = 3_600_000_000


def hour_of(at: datetime) -> int:
    """Return the hour of a moment, in hours since 1970 in UTC."""
    return to_us(at) // HOUR_US


def hours_changed(changes: Iterable[tuple[Run | None, Run | None]]) -> list[HourRow]:
    """Return the rows of `add_to_hours` by which runs change sums, each before and after: it may come, or go."""
    sums: dict[tuple[str, str, int], tuple[int, int]] = {}
    for change in changes:
        for run, sign in zip(change, (-1, 1), strict=True):
            if run is not None:
                place = run.project_id, run.agent_id, hour_of(run.started_at)
                stopped, attempts = sums.get(place, (0, 0))
                sums[place] = stopped + sign * run.tally.stopped, attempts + sign * run.tally.attempts
    return [(*place, *changed) for place, changed in sums.items() if any(changed)]
