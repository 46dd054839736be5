"""Request and response types of DAGs and jobs."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from titan.model.attempts import AttemptOutcome
from titan.model.dags import OnFailure, StageStatus
from titan.model.jobs import GateOutcome, JobKind, JobStatus
from titan.model.queue import WaitsFor
from titan.server.wire import Limit, Request, Wait

#: 200 run ids of usual length fit into a URL of any proxy.
Ids = Annotated[
    str, Meta(pattern="^[^,]+(,[^,]+){0,199}$", description="1 to 200 ids, comma separated: those that exist.")
]
Part = Annotated[str, Meta(min_length=1, max_length=200, description="A part of the name or id, in any case.")]
Before = Annotated[str, Meta(min_length=1, description="Only what comes after this id in the list: `next`.")]
StageStatuses = Annotated[
    str,
    Meta(
        pattern="^(WAITING|RUNNING|COMPLETED|PARTIAL|FAILED)(,(WAITING|RUNNING|COMPLETED|PARTIAL|FAILED))*$",
        description="One status or several, comma separated.",
    ),
]


class DagsQuery(Request):
    """GET /api/dags."""

    limit: Limit = 50
    run: str | None = None
    name: str | None = None
    ids: Ids | None = None
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
    env: Annotated[list[str], Meta(description="Names of what its environment gains; their values are not told.")]
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
    decision: DecisionView | None
    attempts: list[AttemptView] | msgspec.UnsetType = msgspec.UNSET


class JobsAnswer(Struct, kw_only=True):
    """GET /api/jobs."""

    jobs: list[JobView]
    more: bool
    next: Annotated[str | None, Meta(description="With this as `before` the list goes on; null at its end.")]


class QueueGroupView(Struct, kw_only=True):
    """All jobs that wait for the same."""

    name: Annotated[str, Meta(description="What tells it from the others: `unroutable:GPU`, `parents`.")]
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
    more: Annotated[bool, Meta(description="Whether something has further groups: of each word 20 are told.")]


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
    next: Annotated[str | None, Meta(description="With this as `before` the list goes on; null at its end.")]


class OrchestratorView(Struct, kw_only=True):
    """The program outside of Titan that submits the stages of a run."""

    command: tuple[str, ...]
    directory: str
    host: str
