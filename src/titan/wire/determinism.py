"""Shapes of determinism: predicted and measured scores, issues, accepted issues, report."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from titan.wire.base import IntervalView, Request
from titan.wire.replays import ReplayResult, ReplayView
from titan.wire.runs import ChainAnswer, RunView

Score = Annotated[int, Meta(ge=0, le=100, description="0 to 100, higher is better.")]
Band = Literal["highly_deterministic", "moderately_deterministic", "low_determinism", "highly_non_deterministic"]
IssueType = Literal[
    "timestamp", "random", "uuid", "environment", "external_state", "api_value", "floating_point", "order", "sampling"
]


class FlowView(Struct, kw_only=True):
    """A later action whose inputs hold the value of an issue."""

    action_id: str
    action_name: str
    path: str


class RecommendationView(Struct, kw_only=True):
    """How to fix an issue."""

    text: str
    before: Annotated[str, Meta(description="The statement in your source, where it is known; else an example.")]
    after: str
    docs: Annotated[str, Meta(description="A page of this server's console.")]


class CodePlaceView(Struct, kw_only=True):
    """A statement in the source of one of the run's programs or jobs."""

    file: str
    line: int
    function: str


class AcceptedIssueView(Struct, kw_only=True):
    """An issue that a person accepts in all runs of an agent: it does not lower the score."""

    key: str
    author: str
    reason: str
    at: datetime


class IssueView(Struct, kw_only=True):
    """A source of non-determinism in a run."""

    key: Annotated[str, Meta(description="The same in all runs of the agent.")]
    type: IssueType
    title: Annotated[str, Meta(description='"Timestamp in output".')]
    severity: Literal["critical", "high", "medium", "low"]
    action_id: Annotated[str, Meta(description="Of the first action that has it.")]
    action_name: str
    action_count: Annotated[int, Meta(description="How many actions have it.")]
    side: Annotated[Literal["inputs", "outputs", "call", "code"], Meta(description="code: seen in the source alone.")]
    path: Annotated[str, Meta(description="Of the value in the inputs or outputs; [*] means every index.")]
    value: str
    description: str
    code: Annotated[CodePlaceView | None, Meta(description="null where no source is stored that explains it.")]
    flows: list[FlowView]
    recommendation: RecommendationView
    accepted: AcceptedIssueView | None


class PredictedView(Struct, kw_only=True):
    """What the recorded data and the source show, without running anything."""

    score: Score | None
    band: Band | None
    attempts: Annotated[int, Meta(description="Calls that the score is an average over.")]
    unread: Annotated[
        int, Meta(description="Calls whose content is not stored, or is too large: only partly analysed.")
    ]
    files: Annotated[list[str], Meta(description="Modules whose source was analysed.")]


class MeasuredView(Struct, kw_only=True):
    """What the newest re-execution with several executions shows: how far these agree."""

    score: Score
    band: Band
    executions: int
    interval: Annotated[
        IntervalView, Meta(description="Wilson's, of the share that these executions show, in percent.")
    ]
    replay_id: str
    at: datetime
    author: str
    command: str
    changes: Annotated[
        list[str], Meta(description="How the executed program differs from the recorded one, as far as it is known.")
    ]
    counts: Annotated[
        bool, Meta(description="False: the executed program is not the recorded one, so its score is not the run's.")
    ]


class DeterminismAnswer(Struct, kw_only=True):
    """GET /api/v1/runs/{run}/determinism."""

    run_id: str
    score: Annotated[Score | None, Meta(description="The lower one of predicted and measured, where both are known.")]
    band: Band | None
    source: Literal["predicted", "measured"]
    predicted: PredictedView
    measured: Annotated[MeasuredView | None, Meta(description="null: the run was not executed again several times.")]
    unavailable: Annotated[
        Literal["no_calls", "outputs_missing"] | None, Meta(description="Why there is no score; null where there is.")
    ]
    issues: Annotated[list[IssueView], Meta(description="In the order of their first actions.")]
    accepted: Annotated[
        list[AcceptedIssueView], Meta(description="In all runs of the agent, also what this one does not have.")
    ]


class AcceptIssueBody(Request):
    """PUT /api/v1/runs/{run}/determinism/accepted/{issue}."""

    reason: Annotated[str, Meta(min_length=1, max_length=2_000, description="Why it does not matter.")]
    author: Annotated[str, Meta(max_length=200)] | None = None


class ReportQuery(Request):
    """GET /api/v1/runs/{run}/determinism/report."""

    format: Literal["html", "json"] = "html"


class ReportedProgram(Struct, kw_only=True):
    """A process or job of the run. What is not known is null."""

    command: list[str]
    job_id: str | None
    interpreter: str | None
    packages: dict[str, str] | None
    files: Annotated[dict[str, str], Meta(description="Path → SHA-256 of each module.")]


class ReportedReplay(Struct, kw_only=True):
    """A replay of the run with what it found."""

    replay: ReplayView
    result: Annotated[ReplayResult | None, Meta(description="Without the rows of its comparison.")]


class ReportAnswer(Struct, kw_only=True):
    """A reproducibility report: all that shows how far a run can be repeated."""

    generated_at: datetime
    titan_version: str
    method: Annotated[dict[str, str], Meta(description="How each number of the report was found.")]
    run: RunView
    integrity: Annotated[ChainAnswer, Meta(description="Whether the recording is what was recorded.")]
    determinism: DeterminismAnswer
    replays: Annotated[list[ReportedReplay], Meta(description="The newest 50.")]
    code_digest: Annotated[str | None, Meta(description="SHA-256 over the modules; null: no code is known.")]
    programs: list[ReportedProgram]
