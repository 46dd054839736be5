"""DAGs, jobs, gates, the queue, results."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from titan.model.attempts import AttemptOutcome
from titan.model.dags import OnFailure, StageStatus
from titan.model.jobs import MAX_WAIT_SECONDS as MAX_GATE_SECONDS
from titan.model.jobs import Affinity, GateOutcome, JobKind, JobStatus, WaitsFor
from titan.model.run_control import Orchestrator, Origin
from titan.wire.base import MAX_NUMBER, Limit, Offset, OriginChoice, Request, ScopeQuery, Wait

# --- Gates, and how people decide them ---


class GatesQuery(Request):
    """GET /api/gates."""

    status: Literal["open", "all"] = "open"
    run: str | None = None
    limit: Limit = 200


class DecideBody(Request):
    """POST /api/gates/{gate}/approve and /reject."""

    comment: Annotated[str, Meta(max_length=10_000)] = ""
    by: Annotated[str, Meta(max_length=200, description="Who decides, where no token says so.")] | None = None


class GateView(Struct, kw_only=True):
    """A gate."""

    gate_id: str
    name: str
    dag_id: str
    dag_name: str
    agent_run_id: str | None
    message: str
    state: Literal["waiting", "open", "approved", "rejected", "expired", "cancelled"]
    parents: tuple[str, ...]
    opened_at: datetime | None
    expires_at: datetime | None
    decided_at: datetime | None
    decided_by: str | None
    comment: str | None


class GatesAnswer(Struct, kw_only=True):
    """GET /api/gates."""

    gates: list[GateView]


MAX_RESULT_BYTES = 1024 * 1024  # read whole by every child; more belongs into an artifact
AttemptNumber = Annotated[int, Meta(ge=1, le=MAX_NUMBER)]
#: 200 run ids of usual length fit into a URL of any proxy.
Ids = Annotated[
    str, Meta(pattern="^[^,]+(,[^,]+){0,199}$", description="1 to 200 ids, comma separated: those that exist.")
]
Part = Annotated[str, Meta(min_length=1, max_length=200, description="A part of the name or id, in any case.")]
Before = Annotated[
    str, Meta(min_length=1, description="Only what comes after this id in the list: `next` of the page before.")
]
StageStatuses = Annotated[
    str,
    Meta(
        pattern="^(WAITING|RUNNING|COMPLETED|PARTIAL|FAILED)(,(WAITING|RUNNING|COMPLETED|PARTIAL|FAILED))*$",
        description="One status or several, comma separated.",
    ),
]


ParkedAt = Annotated[datetime | None, Meta(description="Since when its slot is free while its program waits.")]


class NewJobBody(Request):
    """One job of a submission."""

    id: str
    kind: JobKind = JobKind.WORK
    filename: Annotated[
        str, Meta(description="Base name of the script, or its path in the archive; empty for a gate.")
    ] = ""
    script: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="SHA-256 of the script's content.")] | None = None
    archive: Annotated[str, Meta(description="Base name of an uploaded zip that the script lies in.")] | None = None
    args: list[str] = []
    parents: list[str] = []
    priority: int = 1
    delay_ms: int = 0
    affinity: Affinity = Affinity.NONE
    requirement: str = "GENERAL"
    retries: int = 0
    backoff_seconds: float = 0.0
    timeout_seconds: float | None = None
    max_lost: int = 3
    env: dict[str, str] = {}
    cold: bool = False
    hitl_message: Annotated[str, Meta(description="What a person is asked, by the gate behind this job.")] | None = None
    max_wait_seconds: Annotated[float, Meta(description="How long the gate stays open.")] = MAX_GATE_SECONDS
    concurrency_key: Annotated[str, Meta(description="Jobs with one key share their places.")] | None = None
    concurrency_limit: Annotated[int, Meta(description="How many jobs with this key may be ready or running.")] = 1


class OrchestratorBody(Request):
    """The program outside of Titan that submits the stages of a run."""

    command: Annotated[list[str], Meta(min_length=1, max_length=10_000)]
    directory: str
    host: str


class WorldBody(Request):
    """The world that a DAG is submitted into: the calls of its tools are simulated, and its run is graded."""

    workflow: str
    task: str
    agent: Annotated[str | None, Meta(description="Whose run it is. Default: the DAG's name.")] = None


class SubmitBody(Request):
    """POST /api/dags."""

    name: str
    jobs: list[NewJobBody]
    agent_run_id: str | None = None
    agent_id: str | None = None
    on_failure: OnFailure = OnFailure.CONTINUE
    scripts: Annotated[dict[str, bytes], Meta(description="SHA-256 → content in base64.")] = {}
    idempotency_key: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    occurrence: Annotated[int, Meta(ge=0, description="DAGs of this name that its process sent to the run before.")] = 0
    resume: Annotated[bool, Meta(description="The process repeats what an earlier one began.")] = False
    orchestrator: OrchestratorBody | None = None
    world: WorldBody | None = None


class JobQuery(ScopeQuery):
    """GET /api/jobs/{job}."""

    wait_seconds: Wait = 0.0


class LogQuery(ScopeQuery):
    """GET /api/jobs/{job}/log."""

    offset: Offset = 0
    limit_bytes: Annotated[int, Meta(ge=1, le=MAX_NUMBER)] | None = None
    follow: bool = False
    attempt: AttemptNumber | None = None


class ResultBody(Request):
    """PUT /api/result."""

    value: msgspec.Raw


class ResumedAnswer(Struct, kw_only=True):
    """POST /api/attempt/resume."""

    has_slot: Annotated[bool, Meta(description="Whether the job may go on; if not, it is to ask again.")]


class ResultAnswer(Struct, kw_only=True):
    """GET /api/jobs/{job}/result."""

    job_id: str
    is_set: bool
    value: msgspec.Raw


class StoryLineView(Struct, kw_only=True):
    """One sentence of a job's story."""

    seq: int
    at: datetime
    event: str
    cause: str
    text: str


class StoryAnswer(Struct, kw_only=True):
    """GET /api/jobs/{job}/story."""

    job_id: str
    name: str
    entries: list[StoryLineView]


class DagsQuery(Request):
    """GET /api/dags."""

    limit: Limit = 50
    run: str | None = None
    name: str | None = None
    ids: Ids | None = None
    origin: OriginChoice = None
    q: Part | None = None
    status: StageStatuses | None = None
    before: Before | None = None


class DagQuery(Request):
    """GET /api/dags/{dag}."""

    wait_seconds: Wait = 0.0
    jobs: Annotated[bool, Meta(description="Whether to list the jobs: a client that only waits needs none.")] = True
    attempts: Annotated[bool, Meta(description="Whether each job comes with its attempts.")] = False


class JobsQuery(Request):
    """GET /api/jobs."""

    status: JobStatus | None = None
    run: str | None = None
    dag: str | None = None
    limit: Limit = 200
    worker: Annotated[str, Meta(description="A worker's id: the jobs it tried, the one it took last first.")] | None = (
        None
    )
    ids: Ids | None = None
    q: Part | None = None
    before: Before | None = None


class QueueQuery(Request):
    """GET /api/queue."""

    limit: Annotated[
        int, Meta(ge=1, le=1000, description="How many first jobs of each group: at most 20 but of one by `group`.")
    ] = 8
    group: Annotated[str, Meta(min_length=1, description="Only the group of this name.")] | None = None


class AttemptView(Struct, kw_only=True):
    """One attempt of a job."""

    attempt: int
    outcome: AttemptOutcome | None
    worker: str
    worker_id: str
    ready_at: Annotated[datetime | None, Meta(description="Since when the job waited for it; null: not known.")]
    leased_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    exit_code: int | None
    signal: int | None
    duration_ns: int | None
    peak_memory_bytes: int | None
    parked_at: ParkedAt
    parked_ns: Annotated[int, Meta(description="How long it was parked before.")]
    error: str | None


class DecisionView(Struct, kw_only=True):
    """How a gate was decided."""

    outcome: GateOutcome
    decided_by: str | None
    decided_at: datetime | None
    comment: str | None


class JobView(Struct, kw_only=True):
    """A job; the figures are those of its latest attempt."""

    job_id: str
    name: str
    kind: JobKind
    dag_id: str
    dag_name: str
    agent_run_id: str | None
    status: JobStatus
    waits_for: Annotated[WaitsFor | None, Meta(description="Null when it does not wait; `reason` says it to people.")]
    reason: str | None
    requirement: str
    priority: int
    parents: tuple[str, ...]
    filename: str | None
    args: tuple[str, ...]
    env: Annotated[
        list[str], Meta(description="Names of the environment variables that it sets; their values are not shown.")
    ]
    timeout_seconds: float | None
    retries: int
    delay_ms: int
    hitl_message: str | None
    concurrency_key: str | None
    cancel_requested: bool
    submitted_at: datetime
    ready_at: datetime | None
    started_at: Annotated[datetime | None, Meta(description="When a worker first took it.")]
    leased_at: Annotated[datetime | None, Meta(description="When a worker took it last: its latest attempt's begin.")]
    ended_at: datetime | None
    result_is_set: bool
    worker: str | None
    exit_code: int | None
    signal: int | None
    duration_ns: int | None
    peak_memory_bytes: int | None
    parked_at: ParkedAt
    parked_ns: Annotated[int | None, Meta(description="How long it was parked before.")]
    decision: DecisionView | None
    attempts: list[AttemptView] | msgspec.UnsetType = msgspec.UNSET


class JobsAnswer(Struct, kw_only=True):
    """GET /api/jobs."""

    jobs: list[JobView]
    more: bool
    next: Annotated[str | None, Meta(description="Send it as `before` for the next page; null on the last one.")]


class QueueGroupView(Struct, kw_only=True):
    """All jobs that wait for the same."""

    name: Annotated[str, Meta(description="Unique among the groups: `unroutable:GPU`, `parents`.")]
    waits_for: WaitsFor
    requirement: Annotated[str | None, Meta(description="The label that is missing or busy.")]
    confined_to: Annotated[
        str | None, Meta(description="The id of an untrusted token: only its workers may run them, as these made them.")
    ]
    concurrency_key: Annotated[str | None, Meta(description="The key whose places are taken.")]
    count: int
    since: Annotated[datetime, Meta(description="When the first of them became ready; before that, was submitted.")]
    jobs: Annotated[list[JobView], Meta(description="The first of them, in the order of their turn.")]


class QueueAnswer(Struct, kw_only=True):
    """GET /api/queue."""

    total: Annotated[int, Meta(description="How many jobs wait in all.")]
    ready: Annotated[dict[str, int], Meta(description="Label → READY jobs, which want nothing but a worker.")]
    groups: Annotated[list[QueueGroupView], Meta(description="What needs somebody first, then the largest first.")]
    more: Annotated[bool, Meta(description="Whether there are further groups: of each `waits_for` 20 are listed.")]


class CountsView(Struct, kw_only=True):
    """Jobs of a DAG by status."""

    total: int
    waiting: int
    waiting_approval: int
    ready: int
    running: int
    completed: int
    failed: int
    cancelled: int


class DagView(Struct, kw_only=True):
    """A DAG; within an agent run, a stage."""

    dag_id: str
    name: str
    agent_run_id: str | None
    agent_id: str | None
    origin: Annotated[Origin, Meta(description="What its run is for.")]
    on_failure: OnFailure
    status: StageStatus
    is_final: bool
    submitted_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    made_by: str | None
    cancelled_by: Annotated[
        str | None, Meta(description="Who cancelled all of it; null also where a job of it was tried again since.")
    ]
    counts: CountsView
    jobs: list[JobView] | msgspec.UnsetType = msgspec.UNSET


class DagsAnswer(Struct, kw_only=True):
    """GET /api/dags."""

    dags: list[DagView]
    more: bool
    next: Annotated[str | None, Meta(description="Send it as `before` for the next page; null on the last one.")]


class OrchestratorView(Struct, kw_only=True):
    """The program outside of Titan that submits the stages of a run."""

    command: tuple[str, ...]
    directory: str
    host: str


class Submitted(Struct, frozen=True, kw_only=True):
    """The answer to a submission."""

    dag_id: str
    name: str
    agent_run_id: str | None
    job_count: int
    from_record: bool = False  #: nothing new was stored: this DAG was submitted before


class Cancelled(Struct, frozen=True, kw_only=True):
    """The answer to a cancel: names of jobs, in submission order."""

    cancelled: tuple[str, ...]  #: ended now, descendants included
    stopping: tuple[str, ...]  #: running or prefetched; they end when their worker confirms or its lease ends
    skipped: tuple[str, ...]  #: final before


class Retried(Struct, frozen=True, kw_only=True):
    """The answer to a retry."""

    retried: tuple[str, ...]  #: names of the jobs that will run again, in submission order
    kept: int  #: jobs of these DAGs that completed and stay so


class Resumed(Struct, frozen=True, kw_only=True):
    """The answer to a resume: what continues the run."""

    agent_run_id: str
    retried_job: str | None  #: the job that submitted the run's stages, and now runs again
    orchestrator: Orchestrator | None  #: the program to start again, outside of Titan
