"""The shapes that travel between client and server, for type checkers and readers.

Times are RFC 3339 strings in UTC. This module is imported by type checkers only: building TypedDicts costs
start-up.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class JobItem(TypedDict):
    """One job of a submission."""

    id: str
    filename: str
    #: SHA-256 of the script's content, in hex; the content itself stands once beside all jobs. Absent for archives.
    script: NotRequired[str]
    #: Base name of the uploaded zip file that `filename` lies in.
    archive: NotRequired[str]
    args: list[str]
    parents: list[str]
    priority: int
    delay_ms: int
    affinity: str
    requirement: str
    retries: int
    backoff_seconds: float
    timeout_seconds: float | None
    max_lost: int
    env: dict[str, str]
    cold: bool
    #: What a person is asked before those go on that name this job as a parent.
    hitl_message: NotRequired[str]
    max_wait_seconds: NotRequired[float]
    concurrency_key: NotRequired[str]
    concurrency_limit: NotRequired[int]


class GateItem(TypedDict):
    """A standalone gate of a submission."""

    kind: str
    id: str
    filename: str
    parents: list[str]
    hitl_message: str | None
    max_wait_seconds: float


class Orchestrator(TypedDict):
    """The program that submits an agent's stages, as it can be started again."""

    command: list[str]
    directory: str
    host: str


class SubmittedDag(TypedDict):
    """The server's receipt for a submission."""

    dag_id: str
    name: str
    agent_run_id: str | None
    job_count: int
    #: Nothing new was stored: this is the DAG that was submitted before.
    from_record: NotRequired[bool]


class Decision(TypedDict):
    """How a job's gate was decided."""

    decision: str | None
    decided_by: str | None
    decided_at: str | None
    comment: str | None
    expires_at: str | None


class Attempt(TypedDict):
    """One try at a job."""

    attempt: int
    #: None while it runs.
    outcome: str | None
    worker: str | None
    leased_at: str | None
    started_at: str | None
    ended_at: str | None
    exit_code: int | None
    signal: int | None
    duration_ns: int | None
    peak_memory_bytes: int | None
    error: str | None


class Job(TypedDict):
    """A job as the server knows it; numbers and times are those of its last attempt."""

    #: Unique: "<dag_id>.<n>".
    job_id: str
    name: str
    dag_id: str
    dag_name: str
    agent_run_id: str | None
    #: WAITING, READY, RUNNING, WAITING_APPROVAL (a gate), COMPLETED, FAILED or CANCELLED.
    status: str
    #: Why it waits, failed or was cancelled.
    reason: str | None
    requirement: str
    priority: int
    parents: list[str]
    filename: str
    args: list[str]
    cancel_requested: bool
    submitted_at: str
    ready_at: str | None
    started_at: str | None
    ended_at: str | None
    worker: str | None
    exit_code: int | None
    signal: int | None
    duration_ns: int | None
    peak_memory_bytes: int | None
    #: "work" or "gate".
    kind: NotRequired[str]
    hitl_message: NotRequired[str | None]
    concurrency_key: NotRequired[str | None]
    gate: NotRequired[Decision | None]
    #: Only in the answer about one job.
    attempts: NotRequired[list[Attempt]]


class Counts(TypedDict):
    """How many jobs of a DAG are in which status."""

    total: int
    waiting: int
    ready: int
    running: int
    waiting_approval: NotRequired[int]
    completed: int
    failed: int
    cancelled: int


class Dag(TypedDict):
    """A submitted DAG."""

    dag_id: str
    name: str
    agent_run_id: str | None
    agent_id: str | None
    #: "continue" or "stop".
    on_failure: str
    #: WAITING, RUNNING, COMPLETED, FAILED or PARTIAL.
    status: str
    is_final: bool
    submitted_at: str
    started_at: str | None
    ended_at: str | None
    #: The unique id of the job that submitted it, or None.
    made_by: str | None
    #: Who cancelled all of it, or None.
    cancelled_by: NotRequired[str | None]
    counts: Counts
    #: Only in the answer about one DAG.
    jobs: NotRequired[list[Job]]


class Run(TypedDict):
    """One invocation of an agent: its stages share its id, and so does what was recorded of it."""

    run_id: str
    agent_id: str
    #: pending, running, completed, failed or cancelled.
    status: str
    started_at: str
    ended_at: str | None
    last_event_at: str
    reason: str | None
    #: Counts and costs of what was recorded: "calls", "cost_usd" …
    tally: dict[str, Any]
    has_stages: bool
    is_pinned: bool
    #: These four only of a run with stages.
    stage_count: NotRequired[int]
    job_count: NotRequired[int]
    live_job_count: NotRequired[int]
    #: In submission order.
    stages: NotRequired[list[Dag]]


class Cancelled(TypedDict):
    """What a cancel did, by job names."""

    #: Had not started: cancelled at once.
    cancelled: list[str]
    #: Running: RUNNING until the worker confirms or its lease ends.
    stopping: list[str]
    #: Already final.
    skipped: list[str]


class Gate(TypedDict):
    """A question to a person."""

    gate_id: str
    name: str
    dag_id: str
    dag_name: str
    agent_run_id: str | None
    message: str
    #: waiting (for its parents), open, approved, rejected, expired or cancelled.
    state: str
    opened_at: str | None
    expires_at: str | None
    decided_at: str | None
    decided_by: str | None
    comment: str | None
    parents: list[str]


class Retried(TypedDict):
    """What a retry did."""

    #: Names of the jobs that run again.
    retried: list[str]
    #: How many finished ones were kept.
    kept: int


class Resumed(TypedDict):
    """What `resume_run` did, and what is left to do."""

    agent_run_id: str
    #: The job that is the run's orchestrator and runs again, or None.
    retried_job: str | None
    #: The program outside of Titan to start again, or None.
    orchestrator: Orchestrator | None


class Event(TypedDict):
    """Something that happened."""

    #: Continue behind it with `watch(after=cursor)`.
    cursor: str
    #: The journal's name of it, such as JobSucceeded; "resync" when events were missed: read everything anew.
    kind: str
    at: NotRequired[str]
    cause: NotRequired[str]
    agent_run_id: NotRequired[str | None]
    dag_id: NotRequired[str | None]
    job_id: NotRequired[str | None]
    data: NotRequired[dict[str, Any]]
