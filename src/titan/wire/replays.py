"""Replays of runs: checked by themselves, or compared with another run."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from titan.wire.base import Request, Wait

Level = Literal["self_check", "compare", "re_execute", "reported"]
State = Literal["running", "completed", "failed", "cancelled"]


class ReplaysQuery(Request):
    """GET /api/v1/runs/{run}/replays."""

    limit: Annotated[int, Meta(ge=1, le=200, description="How many at most.")] = 50


class ReplayQuery(Request):
    """GET /api/v1/runs/{run}/replays/{replay}."""

    wait_seconds: Wait = 0.0


class ReplayMetrics(Struct, kw_only=True, omit_defaults=True):
    """What a replay came to, in numbers. What its level does not tell is null."""

    original_cost_usd: Annotated[Decimal | None, Meta(description="What the run spent.")] = None
    replay_cost_usd: Annotated[Decimal | None, Meta(description="What the calls spent that really ran.")] = None
    savings_usd: Decimal | None = None
    calls: Annotated[int, Meta(description="Calls that were looked at; of two runs, each pair counts once.")] = 0
    divergences: Annotated[int | None, Meta(description="Calls that do not match.")] = None
    match_rate: Annotated[float | None, Meta(description="Share of calls that match, from 0 to 1.")] = None
    uncompared: Annotated[
        int | None, Meta(description="Calls that match by name alone: one run has no inputs or outputs of them.")
    ] = None
    replayable: Annotated[int | None, Meta(description="Calls that the recording can answer.")] = None
    is_available: Annotated[bool | None, Meta(description="Whether the run can be replayed.")] = None


class ReplayView(Struct, kw_only=True):
    """A replay of a run."""

    id: str
    run_id: str
    level: Annotated[Level, Meta(description="reported: agentsentinel-sdk replayed the run in its own process.")]
    with_run: str | None
    state: State
    progress: Annotated[float | None, Meta(description="Share of the actions that were read, while it runs.")]
    step: Annotated[str | None, Meta(description="While a worker executes it: what it does now.")]
    dag_id: Annotated[str | None, Meta(description="Of the job that executes it on a worker, which has its log.")]
    author: str
    created_at: datetime
    ended_at: datetime | None
    error: str | None
    metrics: ReplayMetrics | None


class ReplaysAnswer(Struct, kw_only=True):
    """The replays of a run, the newest first."""

    data: list[ReplayView]
    execution_reason: Annotated[
        str | None,
        Meta(
            description="Why no worker executes the run: run_incomplete, code_missing, code_untrusted. null: one does."
        ),
    ]


class FindingView(Struct, kw_only=True):
    """Why a run cannot be replayed, or what a replay of it does not show."""

    reason: Annotated[
        str, Meta(description="run_incomplete, outputs_missing, side_effects …: see the guide on replays.")
    ]
    blocks: Annotated[bool, Meta(description="No replay is possible because of it.")]
    count: Annotated[int, Meta(description="Of actions or entries; 0: it concerns the run.")]
    action_ids: Annotated[tuple[str, ...], Meta(description="The first 100.")]


class SelfCheckView(Struct, kw_only=True):
    """What became of checking whether a run can be replayed."""

    findings: tuple[FindingView, ...]


class DivergenceView(Struct, kw_only=True):
    """A call that does not match."""

    kind: Annotated[
        str,
        Meta(
            description="action_name_mismatch, input_mismatch, output_mismatch, error_mismatch, order_changed,"
            " missing_action or extra_action."
        ),
    ]
    action: str
    replay_action: Annotated[str | None, Meta(description="Its name in the replay; null: it is missing there.")]
    original_id: str | None
    replay_id: str | None
    path: Annotated[str | None, Meta(description="Where inputs or outputs differ first: `$.prompt`.")]
    is_root: Annotated[bool, Meta(description="It is the first divergence.")]
    consequence_of: Annotated[
        int | None, Meta(description="The place, from 0, of the divergence whose value it consumes.")
    ]


class ComparedRowView(Struct, kw_only=True):
    """A row of the table: the inputs or the outputs of one call."""

    action: str
    part: Literal["call", "input", "output", "error"]
    original: Annotated[str | None, Meta(description="In few words; null where that run has none.")]
    replay: str | None
    status: Annotated[
        Literal["match", "diverged", "unknown"], Meta(description="unknown: one run has not recorded it.")
    ]
    original_id: str | None
    replay_id: str | None
    remarks: Annotated[
        tuple[str, ...], Meta(description="What was not compared: `float_drift` below 1e-9, `redacted` parts.")
    ]


class ComparisonView(Struct, kw_only=True):
    """How a replay differs from its original."""

    verdict: Annotated[str, Meta(max_length=1000, description="What became of the recorded outcome: did the fix work?")]
    divergences: Annotated[tuple[DivergenceView, ...], Meta(description="The first 500.")]
    rows: Annotated[tuple[ComparedRowView, ...], Meta(description="The first 2,000.")]
    has_more_rows: bool


class CauseView(Struct, kw_only=True):
    """Why executions differ."""

    source: Annotated[
        str,
        Meta(
            max_length=100,
            description="hash_seed, clock, uuid, random, environment, task_order, file_listing, several,"
            " external_state, code, dependency_version; code_or_dependencies: the recording does not tell these apart.",
        ),
    ]
    evidence: Annotated[str, Meta(max_length=1000)]


class StatementView(Struct, kw_only=True):
    """The statement at which executions first differ."""

    file: Annotated[str, Meta(max_length=4096)]
    line: int
    function: Annotated[str, Meta(max_length=1000)]
    variable: Annotated[str | None, Meta(description="What it set; null: another statement followed it.")]
    values: Annotated[
        list[str | None], Meta(description="The beginnings of both values, in the typed encoding; null: not set.")
    ]
    source: Annotated[str | None, Meta(description="The line of code.")]


class ReExecutionView(Struct, kw_only=True):
    """What executing a program again showed, with its calls answered from the recording."""

    command: Annotated[str, Meta(max_length=10_000)]
    score: Annotated[int, Meta(ge=0, le=100, description="Determinism as measured: how far the executions agree.")]
    executions: Annotated[int, Meta(ge=1)]
    differing: Annotated[int, Meta(ge=0, description="Executions that differ from most, where they first do.")]
    cause: CauseView | None
    statement: StatementView | None
    changes: Annotated[
        list[str], Meta(description="How code and packages differ from those of the recording, as far as it is known.")
    ] = field(default_factory=list)


class ReplayResult(Struct, kw_only=True, omit_defaults=True):
    """What a replay found, by its level."""

    self_check: SelfCheckView | None = None
    comparison: ComparisonView | None = None
    re_execution: ReExecutionView | None = None


class ReplayReport(Struct, kw_only=True):
    """What a client found that executed a run's program again; `titan replay` sends it."""

    metrics: ReplayMetrics
    comparison: ComparisonView
    re_execution: ReExecutionView


class ReplayDetailView(ReplayView, kw_only=True):
    """A replay with what it found."""

    result: Annotated[ReplayResult | None, Meta(description="null until it has completed, and of reported ones.")]


class NewReplayBody(Request):
    """POST /api/v1/runs/{run}/replays."""

    level: Annotated[
        Literal["self_check", "compare", "re_execute"],
        Meta(
            description="self_check: can the run be replayed. compare: how another recorded run differs from it."
            " re_execute: a worker executes its stored code again; with a report, a client has."
        ),
    ]
    with_run: Annotated[str | None, Meta(description="For compare: the run that is taken for the replay.")] = None
    report: Annotated[ReplayReport | None, Meta(description="For re_execute: what a client found.")] = None
    runs: Annotated[
        int, Meta(ge=1, le=100, description="On a worker: executions, each with another hash seed and order.")
    ] = 3
    no_sandbox: Annotated[bool, Meta(description="On a worker: without a sandbox. Needs the role admin.")] = False


class ReplayProgressBody(Request):
    """POST /api/v1/runs/{run}/replays/{replay}/report: by the job that executes it; one of the three."""

    step: Annotated[str, Meta(max_length=500)] | None = None
    report: ReplayReport | None = None
    error: Annotated[str, Meta(max_length=10_000)] | None = None
    exit_code: Annotated[int, Meta(description="Of a fork: how its program ended.")] | None = None


class MeasureBody(Request):
    """POST /api/v1/runs/{run}/determinism."""

    runs: Annotated[int, Meta(ge=2, le=100, description="Executions, each with another hash seed and order.")] = 5
    no_sandbox: Annotated[bool, Meta(description="Without a sandbox. Needs the role admin.")] = False


class NewForkBody(Request):
    """POST /api/v1/runs/{run}/forks: a worker executes the run's stored code with one action edited."""

    at: Annotated[str, Meta(description="The action to edit: its id, or a name: the first that has it.")]
    output: Annotated[
        Raw | UnsetType, Meta(description="What that action gives instead: JSON, also in the typed encoding.")
    ] = UNSET
    input: Annotated[
        Raw | UnsetType, Meta(description="What its function is called with instead, by parameter; it runs.")
    ] = UNSET
    live: Annotated[
        list[str], Meta(max_length=100, description="Names of actions that may run where the recording has no answer.")
    ] = []
    max_usd: Annotated[
        Decimal | None, Meta(description="What live calls may cost together; required where some may run.")
    ] = None
    max_calls: (
        Annotated[int, Meta(ge=1, description="How many calls may run live; required where some may run.")] | None
    ) = None
    no_sandbox: Annotated[bool, Meta(description="Without a sandbox. Needs the role admin.")] = False


class ForkView(Struct, kw_only=True):
    """A fork that a worker executes."""

    run_id: Annotated[str, Meta(description="Of the fork.")]
    parent_run_id: str
    forked_at_action_id: str
    replay_id: Annotated[str, Meta(description="Of its comparison with the parent: progress, cancel, verdict.")]
