"""The values of the wire about work as people look at it: DAGs, jobs and runs, and how lists of them are asked for."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from titan.model.attempts import AttemptOutcome
from titan.model.dags import OnFailure, StageStatus
from titan.model.jobs import GateOutcome, JobKind, JobStatus
from titan.model.runs import RunStatus
from titan.server.wire import Limit, Request, Wait


class DagsQuery(Request):
    """GET /api/dags."""

    limit: Limit = 50
    run: str | None = None
    name: str | None = None


class DagQuery(Request):
    """GET /api/dags/{dag}."""

    wait_seconds: Wait = 0.0
    jobs: Annotated[bool, Meta(description="Whether to list the jobs: a client that only waits needs none.")] = True


class JobsQuery(Request):
    """GET /api/jobs."""

    status: JobStatus | None = None
    run: str | None = None
    dag: str | None = None
    limit: Limit = 200


class RunsQuery(Request):
    """GET /api/runs."""

    limit: Limit = 50


class AttemptView(Struct, kw_only=True):
    """One attempt of a job."""

    attempt: int
    outcome: AttemptOutcome | None
    worker: str
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
    reason: str | None
    requirement: str
    priority: int
    parents: tuple[str, ...]
    filename: str | None
    args: tuple[str, ...]
    hitl_message: str | None
    concurrency_key: str | None
    cancel_requested: bool
    submitted_at: datetime
    ready_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
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
    counts: CountsView
    jobs: list[JobView] | msgspec.UnsetType = msgspec.UNSET


class DagsAnswer(Struct, kw_only=True):
    """GET /api/dags."""

    dags: list[DagView]


class OrchestratorView(Struct, kw_only=True):
    """The program outside of Titan that submits the stages of a run."""

    command: tuple[str, ...]
    directory: str
    host: str


class RunView(Struct, kw_only=True):
    """An agent run."""

    agent_run_id: str
    agent_id: str
    status: RunStatus
    started_at: datetime
    ended_at: datetime | None
    last_activity_at: datetime
    stage_count: int
    job_count: int
    reason: str | None
    orchestrator: OrchestratorView | None
    pinned: bool
    stages: list[DagView] | msgspec.UnsetType = msgspec.UNSET


class RunsAnswer(Struct, kw_only=True):
    """GET /api/runs."""

    runs: list[RunView]
