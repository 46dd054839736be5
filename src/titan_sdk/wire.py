"""The shapes that travel between client and server, for type checkers and readers.

Times are RFC 3339 strings in UTC. This module is imported by type checkers only: building TypedDicts costs
start-up.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict


class JobItem(TypedDict):
    """One job of a submission."""

    id: str
    filename: str
    #: SHA-256 of the script's content, in hex; the content itself stands once beside all jobs.
    script: str
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


class SubmittedDag(TypedDict):
    """The server's receipt for a submission."""

    dag_id: str
    name: str
    agent_run_id: str | None
    job_count: int


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
    #: WAITING, READY, RUNNING, COMPLETED, FAILED or CANCELLED.
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
    #: Only in the answer about one job.
    attempts: NotRequired[list[Attempt]]


class Counts(TypedDict):
    """How many jobs of a DAG are in which status."""

    total: int
    waiting: int
    ready: int
    running: int
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
    counts: Counts
    #: Only in the answer about one DAG.
    jobs: NotRequired[list[Job]]


class Run(TypedDict):
    """One invocation of an agent: its stages share the agent_run_id."""

    agent_run_id: str
    agent_id: str | None
    #: pending, running, completed, failed or cancelled.
    status: str
    started_at: str | None
    ended_at: str | None
    last_activity_at: str | None
    stage_count: int
    job_count: int
    reason: str | None
    #: In submission order; only in the answer about one run.
    stages: NotRequired[list[Dag]]


class Cancelled(TypedDict):
    """What a cancel did, by job names."""

    #: Had not started: cancelled at once.
    cancelled: list[str]
    #: Running: RUNNING until the worker confirms or its lease ends.
    stopping: list[str]
    #: Already final.
    skipped: list[str]
