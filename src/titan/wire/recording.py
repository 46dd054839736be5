"""What the SDK posts to POST /api/v1/actions.

Inputs and outputs are JSON in the typed encoding of `titan_sdk.tape`, as they stand: they are not read here.
"""

from decimal import Decimal
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from titan.model.actions import MOST_TOKENS, ActionKind, Effect, Impact, Outcome, RunEnd
from titan.model.projects import MAX_PROJECT
from titan.wire.base import Request

MAX_ENTRIES: Final = 10_000
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
    redaction_version: Annotated[Count, Meta(description="Of the patterns the sender redacted it by; 0: by none.")] = 0
    details: Annotated[dict[str, msgspec.Raw] | None, Meta(description="What else is known, an object.")] = None
    project: Project = None


class RunBody(Request, tag_field="type", tag="run"):
    """What is known of a run."""

    at_ns: Nanoseconds
    run_id: Annotated[Id | None, Meta(description="Null: the request's run.")] = None
    agent_id: Name | None = None
    session_id: Id | None = None
    parent_run_id: Annotated[Id | None, Meta(description="Of a fork: the run that it is a fork of.")] = None
    forked_at_action_id: Annotated[
        Id | None, Meta(description="Of a fork: the action of that run that was edited; null: the code was.")
    ] = None
    name: Name | None = None
    end: RunEnd | None = None
    reason: str | None = None
    done: Count | None = None
    total: Count | None = None
    tags: list[Tag] = msgspec.field(default_factory=list)
    details: Annotated[
        dict[str, msgspec.Raw] | None, Meta(description="What else is known, an object: of an end its `traceback`.")
    ] = None
    process: Annotated[
        dict[str, msgspec.Raw] | None,
        Meta(description="Of a process that acts in it: its `command`, `script`, …"),
    ] = None
    program: Annotated[
        msgspec.Raw,
        Meta(description="The `interpreter`, `packages` and `files` of that process, an object."),
    ] = msgspec.field(default_factory=msgspec.Raw)
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
