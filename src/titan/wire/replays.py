"""Replays of runs: checked by themselves, or compared with another run."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

from titan.wire.base import Request

Level = Literal["self_check", "compare", "reported"]
State = Literal["running", "completed", "failed", "cancelled"]


class NewReplayBody(Request):
    """POST /api/v1/runs/{run}/replays."""

    level: Annotated[
        Literal["self_check", "compare"],
        Meta(description="self_check: can the run be replayed. compare: how another recorded run differs from it."),
    ]
    with_run: Annotated[str | None, Meta(description="For compare: the run that is taken for the replay.")] = None


class ReplaysQuery(Request):
    """GET /api/v1/runs/{run}/replays."""

    limit: Annotated[int, Meta(ge=1, le=200, description="How many at most.")] = 50


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
    author: str
    created_at: datetime
    ended_at: datetime | None
    error: str | None
    metrics: ReplayMetrics | None


class ReplaysAnswer(Struct, kw_only=True):
    """The replays of a run, the newest first."""

    data: list[ReplayView]


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

    divergences: Annotated[tuple[DivergenceView, ...], Meta(description="The first 500.")]
    rows: Annotated[tuple[ComparedRowView, ...], Meta(description="The first 2,000.")]
    has_more_rows: bool


class ReplayResult(Struct, kw_only=True, omit_defaults=True):
    """What a replay found, by its level."""

    self_check: SelfCheckView | None = None
    comparison: ComparisonView | None = None


class ReplayDetailView(ReplayView, kw_only=True):
    """A replay with what it found."""

    result: Annotated[ReplayResult | None, Meta(description="null until it has completed, and of reported ones.")]
