"""agentsentinel-sdk: the calls that it posts become entries (spec/runs.md 2.4, 2.6; MIT, none of its code is here).

It delivers at least once and sends again what was refused, with everything that comes behind it. So one entry that
cannot be read is left out and named in the answer, and the others are kept; only a body that is no batch is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from titan.ingest.agentsentinel.calls import ClassifiedEntry, classify_entry, is_failure_text
from titan.ingest.agentsentinel.fields import (
    REPLAY_TAG,
    Sender,
    clean,
    clean_or_none,
    digest_of,
    known,
    payload_of,
    read_as,
    read_time,
    replay_session,
    replayed_run,
    says,
    shaped,
    unreadable,
)
from titan.ingest.agentsentinel.shapes import BatchBody, EntryBody
from titan.ingest.values import checked_cost, text_of
from titan.model.actions import ActionEntry, Entry, Outcome, RunEntry, Source
from titan.model.errors import InvalidInput

_TAKEN: Final = frozenset(EntryBody.__struct_fields__)
#: What the client says of compliance when nothing of it is used.
_NO_COMPLIANCE: Final = {"requires_human_approval": False, "approval_status": "not_required"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An entry that cannot be read."""

    index: int  #: in its batch, from 0
    id: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a batch says."""

    entries: Sequence[Entry]
    refused: Sequence[Refused] = ()


def read_batch(body: bytes, sender: Sender, *, now: datetime) -> Batch:
    """Return what a body of POST /api/v1/ingest says: its runs, then the calls in the order of their ends.

    `now` is the end of an entry that names no time.

    Raises:
        InvalidInput: it is no batch.
    """
    batch = read_as(body, BatchBody, what="the batch")
    actions: list[tuple[ActionEntry, ClassifiedEntry]] = []
    refused: list[Refused] = []
    for index, fields in enumerate(batch.entries):
        try:
            actions.append(_action(fields, index, batch, sender, now=now))
        except InvalidInput as error:
            entry_id = fields.get("id")
            known_id = entry_id if isinstance(entry_id, str) else None
            refused.append(Refused(index=index, id=known_id, reason=f"expected {error.expected}; found {error.found}"))
    actions.sort(key=lambda pair: pair[0].ended_at or now)  # stable: equal ends stay in the order they were written
    return Batch(entries=[*_runs(actions, batch, sender), *_calls_and_ends(actions)], refused=refused)


def _action(
    fields: dict[str, Any], index: int, batch: BatchBody, sender: Sender, *, now: datetime
) -> tuple[ActionEntry, ClassifiedEntry]:
    what = f"entry {index}"
    entry = shaped(fields, EntryBody, what=what)
    name = entry.action or entry.name
    run_id = entry.run_id or batch.run_id or sender.run_id
    if name is None or run_id is None:
        missing = "action or name" if name is None else "run_id, of the entry, the batch or the header"
        raise unreadable(what, missing, "neither")
    inputs = entry.payload.inputs if entry.payload is not None else entry.inputs
    outputs = entry.payload.outputs if entry.payload is not None else entry.outputs
    classified = classify_entry(name, entry, inputs, outputs)
    is_output = outputs is not None and not is_failure_text(classified.outcome, outputs)
    ended_at = now if entry.timestamp is None else read_time(entry.timestamp, what=what)
    duration_ns = _duration_ns(entry, what=what)
    action = ActionEntry(
        id=clean(entry.id) if entry.id else digest_of(run_id, str(index), text_of(fields)),
        run_id=clean(replay_session(run_id) if classified.outcome is Outcome.REPLAYED else run_id),
        source=Source.SENTINEL,
        kind=classified.kind,
        name=clean(name),
        started_at=_before(ended_at, duration_ns, what=what),
        ended_at=ended_at,
        duration_ns=duration_ns,
        outcome=classified.outcome,
        actor=clean_or_none(entry.agent_id) if entry.agent_id != (batch.agent_id or sender.agent_id) else None,
        inputs=None if inputs is None else payload_of(inputs),
        outputs=payload_of(outputs) if is_output else None,
        failure=classified.failure,
        cost=None if classified.is_cost_unknown else checked_cost(_reported_cost(entry, outputs, what=what), what=what),
        use=classified.use,
        tags=tuple(clean(tag)[:200] for tag in entry.tags or ()),
        impact=entry.impact,
        is_redacted=entry.inputs_redacted,
        details=_details(fields, entry, batch, sender),
    )
    return action, classified


def _runs(
    actions: Sequence[tuple[ActionEntry, ClassifiedEntry]], batch: BatchBody, sender: Sender
) -> Iterator[RunEntry]:
    """Yield what a batch says of each run that it has calls of, so that they are known to be an agent's."""
    by_run: dict[str, list[ActionEntry]] = {}
    for action, _ in actions:
        by_run.setdefault(action.run_id, []).append(action)
    for run_id, own in by_run.items():
        # A context may name a run and an agent of its own; the batch then still names the agent of the configuration.
        actors = {action.actor for action in own}
        acting = actors.pop() if len(actors) == 1 else None
        replayed = replayed_run(run_id) if own[0].outcome is Outcome.REPLAYED else None
        details = known(harness=sender.harness, principal=sender.principal, replay_of=replayed)
        yield RunEntry(
            run_id=run_id,
            source=Source.SENTINEL,
            at=min(action.started_at for action in own),
            agent_id=clean_or_none(acting or batch.agent_id or sender.agent_id),
            name=f"Replay of {replayed}" if replayed is not None else None,
            tags=(REPLAY_TAG,) if replayed is not None else (),
            details=text_of(details) if details else None,
        )


def _calls_and_ends(actions: Sequence[tuple[ActionEntry, ClassifiedEntry]]) -> Iterator[Entry]:
    """Yield the calls, and behind a mark that ends a run its end; what comes later shows that the run goes on."""
    for action, classified in actions:
        yield action
        if classified.end is not None:
            yield RunEntry(
                run_id=action.run_id,
                source=Source.SENTINEL,
                at=action.ended_at or action.started_at,
                end=classified.end,
                reason=action.failure.message if action.failure is not None else None,
            )


def _reported_cost(entry: EntryBody, outputs: Any, *, what: str) -> Decimal | None:
    if entry.cost_usd is not None or not isinstance(outputs, dict) or outputs.get("cost_usd") is None:
        return entry.cost_usd
    try:
        return msgspec.convert(outputs["cost_usd"], Decimal)
    except msgspec.ValidationError:
        raise unreadable(what, "a number at outputs.cost_usd", type(outputs["cost_usd"]).__name__) from None


def _duration_ns(entry: EntryBody, *, what: str) -> int | None:
    if entry.duration_ns is not None or entry.duration_ms is None:
        return entry.duration_ns
    nanoseconds = entry.duration_ms * 1_000_000
    if not nanoseconds < 2**63:  # NaN is not
        raise unreadable(what, "a duration below 292 years", f"{entry.duration_ms} ms")
    return round(nanoseconds)


def _before(ended_at: datetime, duration_ns: int | None, *, what: str) -> datetime:
    """Return when a call began: the client reports its end and its duration."""
    try:
        return ended_at - timedelta(microseconds=(duration_ns or 0) // 1000)
    except OverflowError:
        raise unreadable(what, "a call that began after the year 1", f"{duration_ns} ns before its end") from None


def _details(fields: Mapping[str, Any], entry: EntryBody, batch: BatchBody, sender: Sender) -> str | None:
    compliance = {key: value for key, value in (entry.compliance_metadata or _NO_COMPLIANCE).items() if says(value)}
    rest = {key: value for key, value in fields.items() if key not in _TAKEN and says(value)}
    details = known(
        compliance=compliance if compliance != _NO_COMPLIANCE else None,
        task_id=entry.task_id,
        mission_id=entry.mission_id or batch.mission_id,
        harness=sender.harness,
        principal=sender.principal,
        attributes=rest or None,
    )
    return text_of(details) if details else None
