"""Runs: lists, one run, the check of its hash chain, import and export.

Costs are strings of US dollars, exact to twelve places; times are ISO 8601 in UTC. Unknown is null, never 0.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from titan.model.run_control import Origin, RunStatus, StatusSource
from titan.wire.base import (
    Estimated,
    IntervalView,
    Order,
    OriginChoice,
    PageLimit,
    Request,
    SearchCapped,
    Total,
    Unpriced,
    Window,
)
from titan.wire.work import DagView, OrchestratorView

# --- The code of a run: of each process that acted in it, and of each of its jobs ---


class CodeFile(Struct, kw_only=True):
    """One module of a program."""

    path: Annotated[str, Meta(description="Below the script's folder.")]
    sha256: Annotated[str, Meta(description="Of the content as it was.")]
    text: Annotated[str | None, Meta(description="Null: not stored.")] = None
    is_redacted: Annotated[bool, Meta(description="Whether `text` lacks a secret, or characters that are no text.")] = (
        False
    )


class CodeView(Struct, kw_only=True):
    """One process with what it ran. What is not known is null."""

    job_id: Annotated[str | None, Meta(description="Null: a process that Titan did not start.")] = None
    command: Annotated[list[str], Meta(description="With its arguments; of a job its script and arguments.")]
    script: Annotated[str | None, Meta(description="Which of the files it is.")] = None
    folder: Annotated[str | None, Meta(description="The name of the working folder.")] = None
    interpreter: Annotated[str | None, Meta(description='Such as "CPython 3.11.4".')] = None
    packages: Annotated[dict[str, str] | None, Meta(description="Name → version.")] = None
    files: list[CodeFile]
    archive: Annotated[str | None, Meta(description="SHA-256 of the zip that a job's script lies in.")] = None
    left_out: Annotated[str | None, Meta(description="Why the files have no text; null: they have.")] = None


class CodeAnswer(Struct, kw_only=True):
    """What a run is made of."""

    data: Annotated[list[CodeView], Meta(description="Processes that Titan did not start, then jobs.")]


RunSort = Literal["started", "cost", "duration", "actions", "success_rate", "determinism"]
OfStages = Annotated[int | UnsetType, Meta(description="Only of a run with stages.")]


class RegistryQuery(Request):
    """GET /api/v1/runs."""

    status: Annotated[str | None, Meta(description="One status or several, with commas between.")] = None
    min_cost: Annotated[Decimal | None, Meta(description="US dollars that were spent.")] = None
    determinism_below: (
        Annotated[int, Meta(ge=1, le=100, description="Only runs whose determinism is lower.")] | None
    ) = None
    window: Annotated[
        Window, Meta(description="When it started: 90m, 24h, 7d, 2w … or all; a running one is always listed.")
    ] = "7d"
    agent_id: str | None = None
    origin: OriginChoice = None
    session_id: str | None = None
    parent_run_id: Annotated[str | None, Meta(description="Forks of this run.")] = None
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
    input_tokens: Annotated[int | None, Meta(description="As far as they are known; null where none are.")]
    output_tokens: int | None
    success_rate: Annotated[float | None, Meta(description="Success by attempts, 0 to 1; null without attempts.")]


class ProgressView(Struct, kw_only=True):
    """How far a running run is."""

    share: Annotated[float, Meta(ge=0, le=1)]
    source: Annotated[
        Literal["reported", "estimated"],
        Meta(description="estimated: from the calls of the agent's last completed runs; never above 0.95."),
    ]
    done: int | None = None
    total: int | None = None


class ReportedEndView(Struct, kw_only=True):
    """An end that was reported before further actions of the run began."""

    status: RunStatus
    reason: str | None
    at: datetime


class TrustBody(Struct, kw_only=True):
    key: Annotated[
        str, Meta(description="The content of `owner-key` in the server's home: who can read it may trust.")
    ] = ""
    is_trusted: bool = True


class RunView(Struct, kw_only=True):
    """A run."""

    run_id: str
    agent_id: str
    session_id: str | None
    parent_run_id: Annotated[str | None, Meta(description="Of a fork: the run that it is a fork of.")]
    forked_at_action_id: Annotated[
        str | None, Meta(description="Of a fork: the action of that run that was edited; null: the code was.")
    ]
    origin: Annotated[Origin, Meta(description="What it is for: of a fork, what its parent is for.")]
    name: str | None
    status: RunStatus
    status_source: StatusSource
    reason: str | None
    reported_end: Annotated[
        ReportedEndView | None,
        Meta(description="Of a run that continues after its end was reported; it holds again when the run is idle."),
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
    lost: Annotated[int, Meta(description="Entries that its program could not deliver; they are missing here.")]
    troubles: Annotated[
        int, Meta(description="Number of problems so far: failed and stopped actions, lost entries, and a failed end.")
    ]
    determinism: Annotated[
        int | None,
        Meta(description="The score, 0 to 100, after its end, the lower of predicted and measured; null: none yet."),
    ]
    code_digest: Annotated[
        str | None, Meta(description="SHA-256 over the modules of its programs and jobs; null: not known yet, or none.")
    ]
    tags: list[str]
    is_pinned: bool
    archived_at: datetime | None
    imported_at: Annotated[
        datetime | None,
        Meta(
            description="When entries of it were imported last: its code may be another's. Null: it was recorded here."
        ),
    ]
    trusted_at: Annotated[datetime | None, Meta(description="Of an imported run: when its code was trusted since.")]
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
    has_details: Annotated[bool, Meta(description="Whether there is more: `details` of `GET /api/v1/runs/{run}`.")]


class RunDetailView(RunView, kw_only=True):
    """A run, with all that is known of it."""

    details: Annotated[
        list[msgspec.Raw],
        Meta(
            description="What else was reported, each once: objects of resource attributes, of the result of a replay …"
        ),
    ]


class ElsewhereView(Struct, kw_only=True):
    """Where a query that found nothing would have found something."""

    in_all_time: int
    in_all_origins: Annotated[int, Meta(description="In the same window, whatever the runs are for.")]
    similar_agents: list[str]


class RegistryAnswer(Struct, kw_only=True):
    """A page of the registry."""

    data: list[RunView]
    next_cursor: Annotated[str | None, Meta(description="Send it as `cursor` for the next page; null on the last one.")]
    total: Total
    is_total_capped: bool
    is_search_capped: SearchCapped
    elsewhere: Annotated[
        ElsewhereView | None, Meta(description="Only when nothing was found, and no `ids` were given.")
    ]


class BrokenEntry(Struct, kw_only=True):
    """The first entry of a tape that is not as it was appended."""

    entry: Annotated[int, Meta(description="Its place in the tape, from 1.")]
    action_id: Annotated[str | None, Meta(description="null: it is about the run, or nobody knows any more.")]
    found: Annotated[str, Meta(description="What is wrong with it.")]


class ChainAnswer(Struct, kw_only=True):
    """What became of computing all links of a tape anew."""

    run_id: str
    verified: bool
    entries: Annotated[int, Meta(description="How many the tape holds.")]
    link: Annotated[
        str, Meta(description="SHA-256 after the last entry that is right: of a whole tape, what stands for all of it.")
    ]
    broken: BrokenEntry | None


class ImportQuery(Request):
    """POST /api/v1/import."""

    partial: Annotated[bool, Meta(description="Import also a file that was cut off: what there is of it.")] = False


class ImportAnswer(Struct, kw_only=True):
    """POST /api/v1/import."""

    runs: Annotated[int, Meta(description="Runs in the file.")]
    stored: Annotated[int, Meta(description="Entries that were new.")]
    repeated: Annotated[int, Meta(description="Entries that were known already.")]
    notes: Annotated[int, Meta(description="Notes that were new.")]


class RegistrationView(Struct, kw_only=True):
    """How an agent that can be tried is registered."""

    version: int
    kind: Literal["http", "python"]
    workflow: Annotated[str | None, Meta(description="Whose suite registered it; null: for every workflow.")]
    registered_at: datetime


class AgentView(Struct, kw_only=True):
    """An agent, discovered from its runs or registered; one that has not run was seen when it was registered."""

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
    registered: Annotated[
        list[RegistrationView], Meta(description="Its newest version in each workflow, the newest first.")
    ] = []


class AgentsQuery(Request):
    """GET /api/v1/agents."""

    q: Annotated[str | None, Meta(description="Part of an id.")] = None
    origin: OriginChoice = None
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
    completed: int
    failed: int
    attempts: int
    success: int
    cost_usd: Decimal
    unpriced: Unpriced
    estimated: Estimated
    determinism: Annotated[float | None, Meta(description="The mean of the runs' scores; null where no run has one.")]


class TrendView(Struct, kw_only=True):
    """Whether a figure of the last seven days differs from that of the seven before."""

    figure: Literal["success_rate", "cost_per_run", "determinism"]
    verdict: Annotated[
        Literal["up", "down", "same", "too_few", "unpriced"],
        Meta(description="too_few: too few runs to tell a change from chance; unpriced: some costs are not known."),
    ]
    before: float | None
    now: float | None
    text: Annotated[str, Meta(description="For people.")]


class AgentQuery(Request):
    """GET /api/v1/agents/{agent}/stats."""

    origin: OriginChoice = None


class AgentStatsView(Struct, kw_only=True):
    """GET /api/v1/agents/{agent}/stats."""

    agent: AgentView
    days: list[TrendDay]
    trends: list[TrendView]
    errors: list[ErrorTypeView]


class AgentVersionsQuery(Request):
    """GET /api/v1/agents/{agent}/versions."""

    origin: OriginChoice = None
    before: Annotated[str | None, Meta(description="The digest of a version, or its beginning.")] = None
    after: Annotated[str | None, Meta(description="Of the version to compare with it.")] = None


class AgentVersionView(Struct, kw_only=True):
    """An agent's runs of one code."""

    digest: Annotated[str, Meta(description="SHA-256 over the modules of its programs and jobs.")]
    first_at: datetime
    last_at: datetime
    runs: int
    scored: Annotated[int, Meta(description="Runs with a determinism score.")]
    mean: Annotated[float | None, Meta(description="Of their scores; null where there is none.")]
    interval: Annotated[IntervalView | None, Meta(description="Of the mean; null of fewer than 3 runs.")]


class VersionDifferenceView(Struct, kw_only=True):
    """How the mean scores of two versions differ."""

    before: str
    after: str
    verdict: Annotated[
        Literal["up", "down", "same", "too_few"],
        Meta(description="same: by less than 5, or no more than chance explains; too_few: fewer than 3 runs."),
    ]
    change: float | None
    text: Annotated[str, Meta(description="For people.")]


class AgentVersionsAnswer(Struct, kw_only=True):
    """GET /api/v1/agents/{agent}/versions."""

    data: Annotated[list[AgentVersionView], Meta(description="The 20 that ran last, the latest first.")]
    difference: Annotated[
        VersionDifferenceView | None,
        Meta(description="Of the versions asked for, else of the last two; null where there are no two."),
    ]
