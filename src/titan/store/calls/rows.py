"""Recorded runs, actions and entries to rows and back."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeAlias

import msgspec
from msgspec.structs import replace

from titan.model.actions import ActionEntry, ActionKind, Effect, Entry, Impact, Outcome, Payload, RunEntry
from titan.model.run_status import RunStatus, StatusSource
from titan.model.runs import (
    COUNTS_ALL,
    COUNTS_NOTHING,
    Action,
    ActionFacts,
    Count,
    OutcomeSums,
    Run,
    RunTotals,
    Tally,
    ToldEnd,
    counted_alone,
    lasted_ns,
)
from titan.ports_calls import FlatRun, Heard
from titan.store.rows.columns import by_value, from_us, from_us_or_none, to_us, to_us_or_none
from titan.store.session import Row

#: What a column can hold here, in the order of the columns.
Values: TypeAlias = tuple[str | int | bytes | None, ...]

PICO: Final = 12  # decimal places of a picodollar
_MOST_COUNT: Final = 2**63 - 1
_MOST_PICO: Final = _MOST_COUNT
FULL_PICO: Final = 9_223_372 * 10**PICO  # whole dollars, so that up to a microdollar more still fits
_MOST: Final = Decimal(_MOST_PICO).scaleb(-PICO)  # US dollars: 9,223,372
_MOST_SUM: Final = Decimal(10**12)  # US dollars: of a million calls at the most that one may cost
_STATUSES: Final = by_value(RunStatus)
_SOURCES: Final = by_value(StatusSource)
_OUTCOMES: Final = by_value(Outcome)
_KINDS: Final = by_value(ActionKind)
_IMPACTS: Final = by_value(Impact)
_EFFECTS: Final = by_value(Effect)
_TAGS: Final = msgspec.json.Decoder(tuple[str, ...])
_TOLD_END: Final = msgspec.json.Decoder(ToldEnd)


def to_pico(cost: Decimal) -> int:
    """Return picodollars; digits beyond the twelfth place are rounded to even.

    What is more than a column holds comes to the most that it holds: no call costs that, and no sum is kept so.
    """
    if not -_MOST < cost < _MOST:
        return _MOST_PICO if cost > 0 else -_MOST_PICO
    return int(cost.scaleb(PICO).to_integral_value())


def from_pico(pico: int) -> Decimal:
    """Return US dollars, without zeros behind the last digit, and written out: 100, not 1E+2."""
    return Decimal(pico).scaleb(-PICO).normalize() + _NOTHING


def exact_sum(parts: str | None) -> int:
    """Return a sum that was told as its millions and the rest: no column holds all of what sums come to. None is 0."""
    millions, rest = parts.split() if parts else ("0", "0")
    return int(millions) * 10**6 + int(rest)


def sum_to_pico(cost: Decimal) -> tuple[int, int]:
    """Return a sum in two columns: picodollars, and what is over the most that they hold in microdollars.

    The first one sorts sums up to that most, 9,223,372 US dollars; the two, the second one first, sort all of them.
    """
    pico = max(0, int(min(cost, _MOST_SUM).scaleb(PICO).to_integral_value()))
    if pico <= FULL_PICO:
        return pico, 0
    more, rest = divmod(pico - FULL_PICO, 10**6)
    return FULL_PICO + rest, more


def _sum_from_pico(pico: int, more: int) -> Decimal:
    return from_pico(pico + more * 10**6)


_NOTHING: Final = Decimal(0)


def run_from_row(row: Row) -> Run:
    """Return the run of `run_columns`."""
    return Run(
        project_id=row[0],
        id=row[1],
        agent_id=row[2],
        session_id=row[3],
        name=row[4],
        status=_STATUSES[row[5]],
        status_source=_SOURCES[row[6]],
        started_at=from_us(row[7]),
        last_event_at=from_us(row[8]),
        heard_at=from_us(row[9]),
        ended_at=from_us_or_none(row[10]),
        reason=row[11],
        has_stages=bool(row[12]),
        tally=_tally(row),
        last_outcome=_OUTCOMES[row[24]] if row[24] else None,
        last_ended_at=from_us_or_none(row[25]),
        first_error_id=row[26],
        first_error=row[27],
        first_error_at=from_us_or_none(row[28]),
        done=row[29],
        total=row[30],
        tags=_TAGS.decode(row[31]),
        pinned_at=from_us_or_none(row[32]),
        archived_at=from_us_or_none(row[33]),
        entry_count=row[34],
        last_started_at=from_us_or_none(row[35]),
        progress_at=from_us_or_none(row[36]),
        agent_order=row[38],
        details_told=tuple(row[39].split()),
        told_end=None if row[41] is None else _TOLD_END.decode(row[41]),
        lost=row[45],
        troubles=row[46],
        keeps_content=bool(row[47]),
        determinism=None if row[48] < 0 else row[48],
    )


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


def _tally(row: Row) -> Tally:
    return Tally(
        calls=sum(row[13:19]),
        running=row[13],
        success=row[14],
        error=row[15],
        blocked=row[16],
        rejected=row[17],
        replayed=row[18],
        cost=_sum_from_pico(row[19], row[42]),
        prevented=_sum_from_pico(row[20], row[43]),
        saved=_sum_from_pico(row[21], row[44]),
        input_tokens=row[22],
        output_tokens=row[23],
        unpriced=row[37],
        estimated=row[40],
    )


def row_of_run(run: Run) -> Values:
    """Return `run_columns`."""
    tally = run.tally
    (cost, cost_more), (prevented, prevented_more), (saved, saved_more) = map(
        sum_to_pico, (tally.cost, tally.prevented, tally.saved)
    )
    return (
        run.project_id,
        run.id,
        run.agent_id,
        run.session_id,
        run.name,
        run.status,
        run.status_source,
        to_us(run.started_at),
        to_us(run.last_event_at),
        to_us(run.heard_at),
        to_us_or_none(run.ended_at),
        run.reason,
        int(run.has_stages),
        tally.running,
        tally.success,
        tally.error,
        tally.blocked,
        tally.rejected,
        tally.replayed,
        cost,
        prevented,
        saved,
        min(tally.input_tokens, _MOST_COUNT),
        min(tally.output_tokens, _MOST_COUNT),
        run.last_outcome,
        to_us_or_none(run.last_ended_at),
        run.first_error_id,
        run.first_error,
        to_us_or_none(run.first_error_at),
        run.done,
        run.total,
        msgspec.json.encode(run.tags).decode(),
        to_us_or_none(run.pinned_at),
        to_us_or_none(run.archived_at),
        run.entry_count,
        to_us_or_none(run.last_started_at),
        to_us_or_none(run.progress_at),
        tally.unpriced,
        run.agent_order,
        " ".join(run.details_told),
        tally.estimated,
        None if run.told_end is None else msgspec.json.encode(run.told_end).decode(),
        cost_more,
        prevented_more,
        saved_more,
        min(run.lost, _MOST_COUNT),
        min(run.troubles, _MOST_COUNT),
        int(run.keeps_content),
        -1 if run.determinism is None else run.determinism,
    )


def heard_from_row(row: Row, *, newest_action: int) -> Heard:
    """Return an entry of `heard_after`, before which actions up to `newest_action` were heard of."""
    run_id, number, heard_at_us, action_number, is_first_of_run = row[36:]
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
