"""Builders of entries of agent runs, and an in-memory store that applies them as the real one does."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

from msgspec.structs import replace

from tests.support.builders import NOON, PROJECT
from titan.model.actions import (
    CALLS,
    ActionEntry,
    ActionKind,
    Entry,
    Failure,
    ModelUse,
    Outcome,
    RunEnd,
    RunEntry,
    Source,
    part_key,
)
from titan.model.runs import Action, ActionFacts, Run, counted_alone
from titan.ports.runs_store import KnownCalls, NewEntry
from titan.rules.runs.recording import Applied, apply_entries
from titan.rules.runs.totals import totals
from titan.store.runs.rows import ACTIONS, with_totals

RUN = "R_1"
LATER = NOON + timedelta(days=365)  #: when entries are received, where a test does not say


def at(seconds: float) -> datetime:
    """Return so many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def a_call(
    id: str = "a1",
    *,
    run_id: str = RUN,
    source: Source = Source.SDK,
    kind: ActionKind = ActionKind.TOOL,
    name: str = "look_up",
    begins: float = 0,
    ends: float | None = 1,
    outcome: Outcome | None = None,
    cost: str | None = None,
    is_cost_estimated: bool = False,
    use: ModelUse | None = None,
    parent_id: str | None = None,
    error: str | None = None,
) -> ActionEntry:
    """Return what is told of a call, times in seconds after noon; `dataclasses.replace` sets the rest."""
    return ActionEntry(
        id=id,
        run_id=run_id,
        source=source,
        kind=kind,
        name=name,
        started_at=at(begins),
        ended_at=None if ends is None else at(ends),
        outcome=outcome,
        cost=None if cost is None else Decimal(cost),
        is_cost_estimated=is_cost_estimated,
        use=use,
        parent_id=parent_id,
        failure=None if error is None else Failure(type="ValueError", message=error),
    )


def a_word(
    *,
    run_id: str = RUN,
    seconds: float = 0,
    source: Source = Source.SDK,
    agent_id: str | None = None,
    session_id: str | None = None,
    name: str | None = None,
    end: RunEnd | None = None,
    reason: str | None = None,
    done: int | None = None,
    total: int | None = None,
    tags: tuple[str, ...] = (),
) -> RunEntry:
    """Return what is told of a run."""
    return RunEntry(
        run_id=run_id,
        source=source,
        at=at(seconds),
        agent_id=agent_id,
        session_id=session_id,
        name=name,
        end=end,
        reason=reason,
        done=done,
        total=total,
        tags=tags,
    )


def received(entries: Iterable[Entry], now: datetime = NOON) -> datetime:
    """Return when entries are received that a test records in a store: at `now`, or when the last of them happened."""
    times = [now]
    for entry in entries:
        times += [entry.at] if isinstance(entry, RunEntry) else [entry.started_at, entry.ended_at or now]
    return max(times)


class PerToken:
    """Prices of a market with one model, "priced": a dollar for each token, nothing for what is read from a cache."""

    def cost_of(self, use: ModelUse, *, at: datetime) -> Decimal | None:
        """Return as many dollars as there are tokens."""
        if use.model != "priced" or use.input_tokens is None:
            return None
        return Decimal(use.input_tokens + (use.output_tokens or 0) - (use.cache_read_tokens or 0))


@dataclass
class Memory:
    """What entries have come to, batch for batch."""

    runs: dict[str, Run] = field(default_factory=dict)
    actions: dict[int, Action] = field(default_factory=dict)
    kept: list[NewEntry] = field(default_factory=list)

    def hear(self, *entries: Entry, now: datetime = LATER) -> Applied:
        """Apply entries, keep what they change, and compute the totals of the runs that they change."""
        applied = apply_entries(entries, self.known(entries), project_id=PROJECT, now=now, prices=PerToken())
        self.runs |= {run.id: run for run in applied.runs}
        self.actions |= {action.number: action for action in applied.actions}
        self.kept += applied.kept
        for run in applied.runs:
            self.count(run.id)
        return applied

    def count(self, run_id: str) -> None:
        """Compute a run's totals."""
        rows = [ACTIONS.values(action) for action in self.all if action.run_id == run_id]
        actions = [_facts_of_row(row) for row in rows]
        found, counts = totals(actions)
        self.runs[run_id] = with_totals(self.runs[run_id], found)
        for action in self.all:
            if action.run_id == run_id:
                count = counts.get(action.number) or counted_alone(action.kind)
                self.actions[action.number] = replace(action, count=count)

    @property
    def run(self) -> Run:
        """The one run."""
        [run] = self.runs.values()
        return run

    @property
    def all(self) -> list[Action]:
        """The actions as they were first heard of."""
        return [self.actions[number] for number in sorted(self.actions)]

    def known(self, entries: Sequence[Entry]) -> KnownCalls:
        """Return what is known, as `CallTransaction.known` does."""
        return KnownCalls(
            runs=dict(self.runs),
            actions={(action.run_id, action.id): action for action in self.all},
            next_number=max(self.actions, default=0) + 1,
            open_calls={
                run_id: {
                    one.number
                    for one in self.all
                    if one.run_id == run_id and one.ended_at is None and one.kind in CALLS
                }
                for run_id in self.runs
            },
            parts=self._parts(),
        )

    def _parts(self) -> dict[int, set[bytes]]:
        parts: dict[int, set[bytes]] = {}
        for new in self.kept:
            if isinstance(new.entry, ActionEntry) and new.entry.is_part and new.action_number is not None:
                parts.setdefault(new.action_number, set()).add(part_key(new.entry))
        return parts


def heard(entries: Iterable[Entry]) -> Memory:
    """Return what entries come to when they come together."""
    memory = Memory()
    memory.hear(*entries)
    return memory


def a_span(id: str = "s1", **said: Any) -> ActionEntry:
    """Return a client's span around a call of a model, as OpenTelemetry tells it."""
    return a_call(id, source=Source.OTLP, kind=ActionKind.MODEL, name="chat", **said)


def a_seen(id: str = "e1", **said: Any) -> ActionEntry:
    """Return a call of a model as our own endpoint saw it."""
    return a_call(id, source=Source.ENDPOINT, kind=ActionKind.MODEL, name="chat", **said)


def in_any_order(*entries: Entry) -> list[Memory]:
    """Return what the entries come to in every order, each told by itself."""
    memories = []
    for order in permutations(entries):
        memory = Memory()
        for entry in order:
            memory.hear(entry)
        memories += [memory, heard(order)]
    return memories


def _facts_of_row(row: tuple[Any, ...]) -> ActionFacts:
    """Return the facts of the columns of an action."""
    found = dict(zip(ACTIONS.names, row, strict=True))
    sources, is_estimated = tuple(found["sources"].split(" ")), bool(found["is_cost_estimated"])
    facts = {name: found[name] for name in ActionFacts.__struct_fields__ if name in found}
    return ActionFacts(**facts | {"sources": sources, "is_cost_estimated": is_estimated})
