"""Read the entries that the SDK posts to /api/v1/actions."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec

from titan.ingest.values import check_integers, check_order, checked_cost, time_of
from titan.model.actions import ActionEntry, Entry, Failure, ModelUse, Payload, RunEntry, Source, project_name
from titan.model.errors import InvalidInput
from titan.model.shaped import shaped
from titan.wire.actions import ActionBody, RecordBody, RunBody

_WHAT: Final = "body of POST /api/v1/actions"
#: The end of January 1970: seconds and microseconds sent as nanoseconds are before it (the latter until 2054).
EARLIEST_NS: Final = 31 * 86_400 * 10**9


def entries_of(body: RecordBody, *, run_id: str, source: Source = Source.SDK) -> Iterator[Entry]:
    """Yield the entries of a request; `run_id` is the run of entries that name none.

    Raises:
        InvalidInput: JSON is not in UTF-8, a cost is invalid, a time is not in nanoseconds, or an end precedes its
            start.
    """
    for index, entry in enumerate(body.entries):
        what = f"{_WHAT}: $.entries[{index}]"
        if isinstance(entry, ActionBody):
            _check_times(entry, what)
            cost = checked_cost(entry.cost_usd, what=f"{what}.cost_usd")
            yield _action(entry, entry.run_id or run_id, source, cost)
        else:
            _check_nanoseconds(entry.at_ns, f"{what}.at_ns")
            yield _run(entry, entry.run_id or run_id, body.agent_id, source)


def _check_times(body: ActionBody, what: str) -> None:
    _check_nanoseconds(body.started_at_ns, f"{what}.started_at_ns")
    if body.ended_at_ns is not None:
        check_order(
            time_of(body.started_at_ns),
            time_of(body.ended_at_ns),
            what=f"{what}.ended_at_ns",
            began="started_at_ns",
            next_step="Correct it and send it again; nothing was stored.",
        )


def _check_nanoseconds(at_ns: int, what: str) -> None:
    if at_ns < EARLIEST_NS:
        raise InvalidInput(
            what,
            expected="nanoseconds since 1970-01-01T00:00Z, after January 1970",
            found=f"{at_ns}, which is {time_of(at_ns).isoformat()}",
            next_step="It may be in seconds, milli- or microseconds: send what Python's time.time_ns() gives."
            " Nothing was stored.",
        )


def _action(body: ActionBody, run_id: str, source: Source, cost: Decimal | None) -> ActionEntry:
    return shaped(
        ActionEntry,
        body,
        run_id=run_id,
        source=source,
        started_at=time_of(body.started_at_ns),
        ended_at=None if body.ended_at_ns is None else time_of(body.ended_at_ns),
        inputs=_payload(body.inputs),
        outputs=_payload(body.outputs),
        failure=None if body.failure is None else shaped(Failure, body.failure),
        cost=cost,
        use=None if body.use is None else shaped(ModelUse, body.use),
        tags=tuple(body.tags),
        details=_details(body.details),
        project=project_name(body.project),
    )


def _run(body: RunBody, run_id: str, agent_id: str | None, source: Source) -> RunEntry:
    return shaped(
        RunEntry,
        body,
        run_id=run_id,
        source=source,
        at=time_of(body.at_ns),
        agent_id=body.agent_id or agent_id,
        tags=tuple(body.tags),
        details=_details(body.details),
        process=_details(body.process),
        program=_payload(body.program),
        project=project_name(body.project),
    )


def _details(members: dict[str, msgspec.Raw] | None) -> str | None:
    return None if members is None else _text(msgspec.Raw(msgspec.json.encode(members)))


def _payload(raw: msgspec.Raw) -> Payload | None:
    text = _text(raw)
    return Payload(text) if text else None


def _text(raw: msgspec.Raw) -> str:
    try:
        check_integers(text := bytes(raw).decode())
        return text
    except ValueError as error:  # UnicodeDecodeError is one
        raise InvalidInput(
            _WHAT,
            expected="JSON in UTF-8, its integers of at most 4,300 digits",
            found=str(error),
            next_step="Correct it and send it again; nothing was stored.",
        ) from None
