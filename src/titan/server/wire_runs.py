"""The wire of recorded runs: the registry, a run, its actions, the ledger.

Costs are strings of US dollars, exact to twelve places; times are ISO 8601 in UTC. Unknown is null, never 0.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from titan.model.actions import ActionKind, Effect, Impact, Outcome
from titan.model.run_status import RunStatus, StatusSource
from titan.server.wire import MAX_NUMBER, Request
from titan.server.wire_work import DagView, OrchestratorView

Window = Annotated[str, Meta(description="How far back: 90m, 24h, 7d, 2w, any number of them, or all.")]
RunSort = Literal["started", "cost", "duration", "actions", "success_rate"]
LedgerSort = Literal["time", "cost", "duration"]
Order = Literal["asc", "desc"]
MOST_BODIES = 200  # of one answer: more are not on a screen
PageLimit = Annotated[int, Meta(ge=1, le=200, description="How many rows at most.")]
OfStages = Annotated[int | UnsetType, Meta(description="Only of a run with stages.")]
SearchCapped = Annotated[
    bool, Meta(description="The words of the search stand in more entries than were looked at: only in the newest.")
]
Total = Annotated[int, Meta(description="How many there are in all; counted up to 10,000.")]

Unpriced = Annotated[int, Meta(description="Model calls whose cost is not known; `cost_usd` lacks them.")]
Estimated = Annotated[int, Meta(description="Calls whose share of `cost_usd` was computed from tokens.")]


class RegistryQuery(Request):
    """GET /api/v1/runs."""

    status: Annotated[str | None, Meta(description="One status or several, with commas between.")] = None
    min_cost: Annotated[Decimal | None, Meta(description="US dollars that were spent.")] = None
    window: Annotated[
        Window, Meta(description="When it started: 90m, 24h, 7d, 2w … or all; one that goes on is in each.")
    ] = "7d"
    agent_id: str | None = None
    session_id: str | None = None
    tag: Annotated[str | None, Meta(description="One of the run's tags, as it is.")] = None
    q: Annotated[str | None, Meta(description="Part of an id, an agent or a name; or words of what was recorded.")] = (
        None
    )
    names_only: Annotated[bool, Meta(description="Look for `q` in ids, agents, names and tags alone.")] = False
    ids: Annotated[
        str | None,
        Meta(
            description="Only these of what the filters leave, with commas between; as a JSON list where one has any."
        ),
    ] = None
    sort: RunSort = "started"
    order: Order = "desc"
    cursor: str | None = None
    limit: PageLimit = 50
    include_archived: bool = False
    has_stages: Annotated[bool, Meta(description="Only runs that submitted DAGs.")] = False
    stages: Annotated[bool, Meta(description="Whether each run comes with its stages, without their jobs.")] = False


class ExportQuery(RegistryQuery):
    """GET /api/v1/runs/export: the registry's filters; `limit`, `cursor` and `stages` have no meaning here."""

    format: Literal["jsonl", "json", "csv"] = "jsonl"
    run_id: Annotated[str | None, Meta(description="Only this run, whatever the filters say.")] = None


class TallyView(Struct, kw_only=True):
    """Counts and sums over a run's calls."""

    calls: int
    running: int
    attempts: int
    success: int
    error: int
    blocked: int
    rejected: int
    replayed: int
    cost_usd: Annotated[Decimal, Meta(description="Incurred, as far as it is known.")]
    unpriced: Unpriced
    estimated: Estimated
    attempted_cost_usd: Decimal
    prevented_cost_usd: Decimal
    saved_cost_usd: Annotated[Decimal, Meta(description="Of what was answered from a recording.")]
    input_tokens: int
    output_tokens: int
    success_rate: Annotated[float | None, Meta(description="Success by attempts, 0 to 1; null without attempts.")]


class ProgressView(Struct, kw_only=True):
    """How far a running run is."""

    share: Annotated[float, Meta(ge=0, le=1)]
    source: Annotated[
        Literal["told", "estimated"],
        Meta(description="estimated: from the calls of the agent's last completed runs; never above 0.95."),
    ]
    done: int | None = None
    total: int | None = None


class ToldEndView(Struct, kw_only=True):
    """An end that a run was told, before something of it began again."""

    status: RunStatus
    reason: str | None
    at: datetime


class RunView(Struct, kw_only=True):
    """A run."""

    run_id: str
    agent_id: str
    session_id: str | None
    name: str | None
    status: RunStatus
    status_source: StatusSource
    reason: str | None
    told_end: Annotated[
        ToldEndView | None,
        Meta(description="Of a run that goes on after it was told to have ended; it counts again after silence."),
    ]
    started_at: datetime
    ended_at: datetime | None
    last_event_at: datetime
    duration_ms: Annotated[float | None, Meta(description="Null while it runs.")]
    tally: TallyView
    progress: ProgressView | None
    has_stages: bool
    first_error_id: str | None
    first_error: str | None
    lost: Annotated[int, Meta(description="Entries that its program could not deliver: what is shown lacks them.")]
    troubles: Annotated[
        int,
        Meta(description="How much went wrong so far: failed and stopped actions, lost entries, and that it failed."),
    ]
    tags: list[str]
    is_pinned: bool
    archived_at: datetime | None
    stage_count: OfStages = UNSET
    job_count: OfStages = UNSET
    live_job_count: Annotated[OfStages, Meta(description="Jobs that have not ended. Only of a run with stages.")] = (
        UNSET
    )
    orchestrator: Annotated[
        OrchestratorView | UnsetType | None, Meta(description="Only of a run with stages; null where jobs submit them.")
    ] = UNSET
    stages: Annotated[
        list[DagView] | UnsetType,
        Meta(description="In submission order. With `stages=true` in lists; of one run always, with their jobs."),
    ] = UNSET
    has_details: Annotated[bool, Meta(description="More was told of it: `details` of `GET /api/v1/runs/{run}`.")]


class RunDetailView(RunView, kw_only=True):
    """A run, with all that is known of it."""

    details: Annotated[
        list[msgspec.Raw],
        Meta(description="What else was told, each once: objects of resource attributes, of the result of a replay …"),
    ]


class ElsewhereView(Struct, kw_only=True):
    """Where a query that found nothing would have found something."""

    in_all_time: int
    similar_agents: list[str]


class RegistryAnswer(Struct, kw_only=True):
    """A page of the registry."""

    data: list[RunView]
    next_cursor: Annotated[str | None, Meta(description="With this as `cursor` the list goes on; null at its end.")]
    total: Total
    is_total_capped: bool
    is_search_capped: SearchCapped
    elsewhere: Annotated[ElsewhereView | None, Meta(description="Told when nothing was found, and no ids were asked.")]


class NoteView(Struct, kw_only=True):
    """What a person said of a run or an action: a score, words, or both."""

    id: str
    action_id: str | None
    author: str
    at: datetime
    name: Annotated[str | None, Meta(description='What is scored: "quality".')]
    score: float | None
    text: str
    acknowledges: Annotated[bool, Meta(description="Its run needs no attention any more, until more goes wrong in it.")]
    mutes: Annotated[bool, Meta(description="Its run needs no attention any more, whatever more goes wrong in it.")]


class SkeletonQuery(Request):
    """GET /api/v1/runs/{run}/skeleton."""

    after: Annotated[
        Annotated[int, Meta(ge=0, le=MAX_NUMBER)] | None,
        Meta(description="Only actions of which something was heard after this version."),
    ] = None


class SkeletonAnswer(Struct, kw_only=True):
    """All actions of a run as columns of equal length, in the order they started; bodies are asked for apart.

    `names`, `models`, `actors` and `error_types` are lists of distinct texts; the columns hold places in them, -1 for
    none. Times are microseconds since `started_at` of the run, durations nanoseconds, -1 while it runs. `estimated` and
    `possible_duplicates` are no columns but lists of few numbers.
    """

    version: Annotated[int, Meta(description="With this as `after`, only what was heard later.")]
    run: RunView
    names: list[str]
    models: list[str]
    actors: list[str]
    error_types: list[str]
    number: list[int]
    id: list[str]
    parent: Annotated[list[int], Meta(description="The parent's `number`; 0 for none, -1 for one not heard of yet.")]
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
    """One action of a list: what is known of it without its bodies."""

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
    limit_bytes: Annotated[int, Meta(ge=1, le=65536, description="Of each text; what goes beyond is cut.")] = 2000


class BodiesAnswer(Struct, kw_only=True):
    """Bodies of some actions, in the order they were asked for."""

    data: list[BodiesView]


class ActionDetailView(Struct, kw_only=True):
    """Everything about one action."""

    action: ActionView
    bodies: BodiesView
    details: Annotated[
        msgspec.Raw | None,
        Meta(description="A JSON object: attributes, compliance, callsite, task_id, thread …"),
    ]
    redacted: Annotated[list[str], Meta(description="Paths at which something was taken away.")]
    cache_read_tokens: Annotated[int | None, Meta(description="Of its input tokens, those from the model's cache.")]
    cache_write_tokens: Annotated[int | None, Meta(description="Of its input tokens, those written to that cache.")]
    sources: list[str]
    notes: list[NoteView]


class FindQuery(Request):
    """GET /api/v1/runs/{run}/find."""

    q: Annotated[str, Meta(min_length=1, max_length=500)]
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 10_000


class FindAnswer(Struct, kw_only=True):
    """The actions of a run in whose names or content all words of a query stand."""

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


class AgentView(Struct, kw_only=True):
    """An agent, discovered from its runs."""

    agent_id: str
    first_seen_at: datetime
    last_seen_at: datetime
    runs: int
    running: int
    completed: int
    failed: int
    cost_usd: Decimal
    unpriced: Unpriced
    estimated: Estimated
    calls: int
    attempts: int
    success: int


class AgentsQuery(Request):
    """GET /api/v1/agents."""

    q: Annotated[str | None, Meta(description="Part of an id.")] = None
    cursor: str | None = None
    limit: PageLimit = 50


class AgentsAnswer(Struct, kw_only=True):
    """GET /api/v1/agents."""

    data: list[AgentView]
    next_cursor: str | None


class ErrorTypeView(Struct, kw_only=True):
    """A kind of error that an agent's calls have had."""

    type: str
    count: int
    first_seen_at: datetime
    last_seen_at: datetime
    example_run_id: str
    example_action_id: str


class TrendDay(Struct, kw_only=True):
    """An agent's runs that started on one day, in UTC."""

    day: str
    runs: int
    failed: int
    attempts: int
    success: int
    cost_usd: Decimal
    unpriced: Unpriced
    estimated: Estimated


class TrendView(Struct, kw_only=True):
    """Whether a figure of the last seven days differs from that of the seven before."""

    figure: Literal["success_rate", "cost_per_run"]
    verdict: Annotated[
        Literal["up", "down", "same", "too_few", "unpriced"],
        Meta(description="too_few: not enough to tell it from chance; unpriced: some costs are not known."),
    ]
    before: float | None
    now: float | None
    told: str


class AgentStatsView(Struct, kw_only=True):
    """GET /api/v1/agents/{agent}/stats."""

    agent: AgentView
    days: list[TrendDay]
    trends: list[TrendView]
    errors: list[ErrorTypeView]


class NewNoteBody(Request):
    """POST /api/v1/runs/{run}/notes."""

    text: Annotated[str, Meta(max_length=10_000)] = ""
    action_id: str | None = None
    name: Annotated[str, Meta(max_length=100)] | None = None
    score: float | None = None
    author: Annotated[str, Meta(max_length=200)] | None = None
    acknowledges: Annotated[
        bool,
        Meta(description="Take the run out of GET /api/v1/intercepts until more goes wrong; needs a text: why."),
    ] = False
    troubles: (
        Annotated[
            int,
            Meta(
                ge=0,
                description="With `acknowledges`: the run's `troubles` as you saw them; what came since is not.",
            ),
        ]
        | None
    ) = None
    mutes: Annotated[
        bool,
        Meta(description="Take it out of there for good, until it is unmuted; needs a text: why."),
    ] = False


class NotesAnswer(Struct, kw_only=True):
    """All notes on a run and its actions, the newest first."""

    data: list[NoteView]
