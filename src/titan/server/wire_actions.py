"""What the SDK posts to POST /api/v1/actions, and how it is read into entries.

Inputs and outputs are JSON in the typed encoding of `titan_sdk.tape`, as they stand: they are not read here.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from titan.ingest.otlp.spans import time_of
from titan.ingest.values import check_order, checked_cost
from titan.model.actions import (
    MOST_TOKENS,
    ActionEntry,
    ActionKind,
    Effect,
    Entry,
    Failure,
    Impact,
    ModelUse,
    Outcome,
    Payload,
    RunEnd,
    RunEntry,
    Source,
)
from titan.model.errors import InvalidInput
from titan.model.projects import MAX_PROJECT, project_name
from titan.server.wire import Request

MAX_ENTRIES: Final = 10_000
_WHAT: Final = "body of POST /api/v1/actions"

#: The end of January 1970: until the year 2054 microseconds taken for nanoseconds lie before it, and seconds ever.
EARLIEST_NS: Final = 31 * 86_400 * 10**9

#: From 1970 to 2262, which is as far as 64 bits of nanoseconds reach.
Nanoseconds = Annotated[int, Meta(ge=0, le=2**63 - 1, description="Since 1970-01-01T00:00Z.")]
Duration = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Tokens = Annotated[int, Meta(ge=0, le=MOST_TOKENS)]
Id = Annotated[str, Meta(min_length=1, max_length=200)]
Name = Annotated[str, Meta(min_length=1, max_length=500)]
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Tag = Annotated[str, Meta(max_length=200)]
Project = Annotated[
    Annotated[str, Meta(min_length=1, max_length=MAX_PROJECT)] | None,
    Meta(description="That its run is of. Null: the one of the request's X-Titan-Project."),
]
Usd = Annotated[Decimal, Meta(description="US dollars, at most 12 decimal places; as a string to be exact.")]


class FailureBody(Request):
    """Why an action failed."""

    type: Name
    message: str = ""
    traceback: str | None = None


class UseBody(Request):
    """What a call of a language model was made with, and what it took."""

    model: str | None = None
    provider: str | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cache_read_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None
    reasoning_tokens: Tokens | None = None
    response_id: str | None = None


class ActionBody(Request, tag_field="type", tag="action"):
    """What is known of one action at one moment: its beginning, its end, or both."""

    id: Id
    name: Name
    started_at_ns: Nanoseconds
    kind: ActionKind = ActionKind.CALL
    run_id: Annotated[Id | None, Meta(description="Null: the request's run.")] = None
    ended_at_ns: Annotated[Nanoseconds | None, Meta(description="Null: it still runs.")] = None
    duration_ns: Duration | None = None
    outcome: Outcome | None = None
    parent_id: Id | None = None
    actor: Annotated[str, Meta(max_length=500)] | None = None
    inputs: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)  # not said; null is a value
    outputs: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)  # not said; null is a value
    failure: FailureBody | None = None
    cost_usd: Usd | None = None
    use: UseBody | None = None
    tags: list[Tag] = msgspec.field(default_factory=list)
    impact: Impact | None = None
    effect: Effect | None = None
    is_redacted: bool = False
    details: Annotated[dict[str, msgspec.Raw] | None, Meta(description="What else is known, an object.")] = None
    project: Project = None


class RunBody(Request, tag_field="type", tag="run"):
    """What is known of a run."""

    at_ns: Nanoseconds
    run_id: Annotated[Id | None, Meta(description="Null: the request's run.")] = None
    agent_id: Name | None = None
    session_id: Id | None = None
    name: Name | None = None
    end: RunEnd | None = None
    reason: str | None = None
    done: Count | None = None
    total: Count | None = None
    tags: list[Tag] = msgspec.field(default_factory=list)
    details: Annotated[
        dict[str, msgspec.Raw] | None, Meta(description="What else is known, an object: of an end its `traceback`.")
    ] = None
    project: Project = None


class RecordBody(Request):
    """POST /api/v1/actions."""

    entries: Annotated[list[ActionBody | RunBody], Meta(max_length=MAX_ENTRIES)]
    run_id: Annotated[
        Id | None,
        Meta(description="The run of entries that name none. Null: that of the job whose token is shown."),
    ] = None
    agent_id: Annotated[Name | None, Meta(description="Whose run it is, where the run is new.")] = None


class EndRunBody(Request):
    """POST /api/v1/runs/{run}/end."""

    status: RunEnd
    error: Annotated[Annotated[str, Meta(max_length=10_000)] | None, Meta(description="Why it ended so.")] = None


class RecordQuery(Request):
    """POST /api/v1/actions."""

    lease: Annotated[
        str | None,
        Meta(description="From a worker: the lease of the attempt that left the entries, whose run they belong to."),
    ] = None


class RecordAnswer(Struct, kw_only=True):
    """What was committed."""

    stored: Annotated[int, Meta(description="Entries that were new.")]
    repeated: Annotated[int, Meta(description="Entries that were known already; nothing was changed by them.")]


def entries_of(body: RecordBody, *, run_id: str, source: Source = Source.SDK) -> Iterator[Entry]:
    """Yield what a request says; `run_id` is the run of entries that name none.

    Raises:
        InvalidInput: an input, an output or details are not in UTF-8, a cost is none, a time is in seconds, or an end
            before its beginning.
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
    return ActionEntry(
        id=body.id,
        run_id=run_id,
        source=source,
        kind=body.kind,
        name=body.name,
        started_at=time_of(body.started_at_ns),
        ended_at=None if body.ended_at_ns is None else time_of(body.ended_at_ns),
        duration_ns=body.duration_ns,
        outcome=body.outcome,
        parent_id=body.parent_id,
        actor=body.actor,
        inputs=_payload(body.inputs),
        outputs=_payload(body.outputs),
        failure=None
        if body.failure is None
        else Failure(type=body.failure.type, message=body.failure.message, traceback=body.failure.traceback),
        cost=cost,
        use=None if body.use is None else ModelUse(**msgspec.structs.asdict(body.use)),
        tags=tuple(body.tags),
        impact=body.impact,
        effect=body.effect,
        is_redacted=body.is_redacted,
        details=_details(body.details),
        project=project_name(body.project),
    )


def _run(body: RunBody, run_id: str, agent_id: str | None, source: Source) -> RunEntry:
    return RunEntry(
        run_id=run_id,
        source=source,
        at=time_of(body.at_ns),
        agent_id=body.agent_id or agent_id,
        session_id=body.session_id,
        name=body.name,
        end=body.end,
        reason=body.reason,
        done=body.done,
        total=body.total,
        tags=tuple(body.tags),
        details=_details(body.details),
        project=project_name(body.project),
    )


def _details(told: dict[str, msgspec.Raw] | None) -> str | None:
    return None if told is None else _text(msgspec.Raw(msgspec.json.encode(told)))


def _payload(raw: msgspec.Raw) -> Payload | None:
    text = _text(raw)
    return Payload(text) if text else None


def _text(raw: msgspec.Raw) -> str:
    try:
        return bytes(raw).decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(
            _WHAT,
            expected="JSON in UTF-8",
            found=str(error),
            next_step="Correct it and send it again; nothing was stored.",
        ) from None
