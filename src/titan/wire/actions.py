"""Shapes of actions: recorded entries, skeleton, content, search, ledger. Costs and times are as in `runs`."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from titan.model.actions import MOST_TOKENS, ActionKind, Effect, Impact, Outcome, Reason, RunEnd
from titan.model.projects import MAX_PROJECT
from titan.wire.base import MAX_NUMBER, Order, OriginChoice, PageLimit, Request, SearchCapped, Total
from titan.wire.notes import NoteView
from titan.wire.runs import RunView

LedgerSort = Literal["time", "cost", "duration"]
MOST_BODIES = 200  # in one answer


class SkeletonQuery(Request):
    """GET /api/v1/runs/{run}/skeleton."""

    after: Annotated[
        Annotated[int, Meta(ge=0, le=MAX_NUMBER)] | None,
        Meta(description="Only actions that changed after this version."),
    ] = None


class SkeletonAnswer(Struct, kw_only=True):
    """All actions of a run as columns of equal length, in the order they started, without inputs and outputs.

    `names`, `models`, `actors` and `error_types` are lists of distinct texts; the columns hold places in them, -1 for
    none. Times are microseconds since `started_at` of the run, durations nanoseconds, -1 while it runs. `estimated` and
    `possible_duplicates` are no columns but lists of few numbers.
    """

    version: Annotated[int, Meta(description="With this as `after`, only what changed later.")]
    run: RunView
    names: list[str]
    models: list[str]
    actors: list[str]
    error_types: list[str]
    number: list[int]
    id: list[str]
    parent: Annotated[
        list[int], Meta(description="The parent's `number`; 0 for none, -1 for one that is not known yet.")
    ]
    kind: list[ActionKind]
    name: list[int]
    model: list[int]
    actor: list[int]
    error_type: list[int]
    start_us: list[int]
    duration_ns: list[int]
    outcome: list[Outcome | None]
    cost_usd: list[Decimal | None]
    possible_duplicates: Annotated[list[int], Meta(description="The `number` of each such call; all are counted.")]
    estimated: Annotated[list[int], Meta(description="The `number` of each whose cost was computed from its tokens.")]
    tokens: Annotated[list[int], Meta(description="Input and output together; -1 when unknown.")]


class CutView(Struct, kw_only=True):
    """A payload that is too large to be shown whole."""

    size_bytes: int
    sha256: Annotated[str | None, Meta(description="Of one over 64 KiB, which is content of its own; else null.")]
    url: Annotated[str, Meta(description="Where the whole of it is read.")]


class BodyView(Struct, kw_only=True):
    """Inputs or outputs: JSON in the typed encoding; cut at 64 KiB."""

    text: str
    cut: CutView | None = None


class FailureView(Struct, kw_only=True):
    """Why an action failed."""

    type: str
    message: str
    traceback: str | None


class ActionView(Struct, kw_only=True):
    """One action of a list, without its inputs and outputs."""

    id: str
    number: int
    run_id: str
    agent_id: str
    kind: ActionKind
    is_possible_duplicate: Annotated[bool, Meta(description="It counts, and looks like another call's second report.")]
    name: str
    parent_id: str | None
    actor: str | None
    started_at: datetime
    ended_at: datetime | None
    duration_ms: float | None
    outcome: Outcome | None
    reason: Annotated[Reason | None, Meta(description="Why it is over without an outcome.")]
    cost_usd: Decimal | None
    is_cost_estimated: bool
    model: str | None
    provider: str | None
    input_tokens: int | None
    output_tokens: int | None
    error_type: str | None
    error_message: str | None
    impact: Impact | None
    effect: Effect | None
    tags: list[str]
    is_redacted: bool


class BodiesView(Struct, kw_only=True):
    """What an action was given and what it gave."""

    id: str
    inputs: BodyView | None
    outputs: BodyView | None
    failure: FailureView | None


class BodiesQuery(Request):
    """GET /api/v1/runs/{run}/bodies."""

    ids: Annotated[str, Meta(description="Ids of actions with commas between, or a JSON list of them; at most 200.")]
    limit_bytes: Annotated[int, Meta(ge=1, le=65536, description="Of each text; the rest is cut off.")] = 2000


class BodiesAnswer(Struct, kw_only=True):
    """Bodies of some actions, in the order they were asked for."""

    data: list[BodiesView]


class ActionDetailView(Struct, kw_only=True):
    """Everything about one action."""

    action: ActionView
    bodies: BodiesView
    details: Annotated[
        msgspec.Raw | None, Meta(description="A JSON object: attributes, compliance, callsite, task_id, thread …")
    ]
    redacted: Annotated[list[str], Meta(description="Paths at which something was taken away.")]
    redaction_version: Annotated[int, Meta(description="Of the patterns it was redacted by; 0: by none.")]
    cache_read_tokens: Annotated[int | None, Meta(description="Of its input tokens, those from the model's cache.")]
    cache_write_tokens: Annotated[int | None, Meta(description="Of its input tokens, those written to that cache.")]
    sources: list[str]
    notes: list[NoteView]


class FindQuery(Request):
    """GET /api/v1/runs/{run}/find."""

    q: Annotated[str, Meta(min_length=1, max_length=500)]
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 10_000


class FindAnswer(Struct, kw_only=True):
    """The actions of a run whose names or content contain all words of a query."""

    ids: list[str]
    more: bool


class CallsQuery(Request):
    """GET /api/v1/ledger/stats."""

    outcome: Annotated[
        str | None, Meta(description="One outcome or several, with commas between; `running` for those without one.")
    ] = None
    action_name: str | None = None
    kind: Annotated[str | None, Meta(description="model, tool or call, or two with a comma between.")] = None
    agent_id: str | None = None
    origin: OriginChoice = None
    run_id: str | None = None
    min_cost: Decimal | None = None
    max_cost: Decimal | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    search: str | None = None


class LedgerExportQuery(CallsQuery):
    """GET /api/v1/ledger/export."""

    format: Annotated[Literal["csv", "json", "jsonl"], Meta(description="One call a line, or one document.")] = "jsonl"


class LedgerQuery(CallsQuery):
    """GET /api/v1/ledger."""

    page: Annotated[int, Meta(ge=1, le=200)] = 1
    page_size: PageLimit = 50
    sort_by: LedgerSort = "time"
    sort_order: Order = "desc"


class LedgerAnswer(Struct, kw_only=True):
    """A page of calls of all runs."""

    data: list[ActionView]
    page: int
    page_size: int
    total: Total
    is_total_capped: bool
    is_search_capped: SearchCapped


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
        dict[str, msgspec.Raw] | None, Meta(description="Of a process that acts in it: its `command`, `script`, …")
    ] = None
    program: Annotated[
        msgspec.Raw, Meta(description="The `interpreter`, `packages` and `files` of that process, an object.")
    ] = msgspec.field(default_factory=msgspec.Raw)
    project: Project = None


class RecordBody(Request):
    """POST /api/v1/actions."""

    entries: Annotated[list[ActionBody | RunBody], Meta(max_length=MAX_ENTRIES)]
    run_id: Annotated[
        Id | None, Meta(description="The run of entries that name none. Null: that of the job whose token is shown.")
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
