"""The shapes that travel between client and server, for type checkers and readers.

Times are RFC 3339 strings in UTC. Written by scripts/sdk_types.py from the server's own; do not edit it. This module is
imported by type checkers only: building TypedDicts costs start-up.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class JobItem(TypedDict):
    """One job of a submission."""

    id: str
    #: One of work, gate.
    kind: NotRequired[str]
    #: Base name of the script, or its path in the archive; empty for a gate.
    filename: NotRequired[str]
    #: SHA-256 of the script's content.
    script: NotRequired[str | None]
    #: Base name of an uploaded zip that the script lies in.
    archive: NotRequired[str | None]
    args: NotRequired[list[str]]
    parents: NotRequired[list[str]]
    priority: NotRequired[int]
    delay_ms: NotRequired[int]
    #: One of none, soft, required.
    affinity: NotRequired[str]
    requirement: NotRequired[str]
    retries: NotRequired[int]
    backoff_seconds: NotRequired[float]
    timeout_seconds: NotRequired[float | None]
    max_lost: NotRequired[int]
    env: NotRequired[dict[str, str]]
    cold: NotRequired[bool]
    #: What a person is asked, by the gate behind this job.
    hitl_message: NotRequired[str | None]
    #: How long the gate stays open.
    max_wait_seconds: NotRequired[float]
    #: Jobs with one key share their places.
    concurrency_key: NotRequired[str | None]
    #: How many jobs with this key may be ready or running.
    concurrency_limit: NotRequired[int]


class Orchestrator(TypedDict):
    """The program outside of Titan that submits the stages of a run."""

    command: list[str]
    directory: str
    host: str


class SubmittedDag(TypedDict):
    """The answer to a submission."""

    dag_id: str
    name: str
    agent_run_id: str | None
    job_count: int
    from_record: bool


class Decision(TypedDict):
    """How a gate was decided."""

    #: One of approved, rejected, expired.
    outcome: str
    decided_by: str | None
    decided_at: str | None
    comment: str | None


class Attempt(TypedDict):
    """One attempt of a job."""

    attempt: int
    #: One of succeeded, failed, timed_out, cancelled, lost, returned.
    outcome: str | None
    worker: str
    worker_id: str
    #: Since when the job waited for it; null: not known.
    ready_at: str | None
    leased_at: str
    started_at: str | None
    ended_at: str | None
    exit_code: int | None
    signal: int | None
    duration_ns: int | None
    peak_memory_bytes: int | None
    #: Since when its slot is free while its program waits.
    parked_at: str | None
    #: How long it was parked before.
    parked_ns: int
    error: str | None


class Job(TypedDict):
    """A job; the figures are those of its latest attempt."""

    job_id: str
    name: str
    #: One of work, gate.
    kind: str
    dag_id: str
    dag_name: str
    agent_run_id: str | None
    #: One of WAITING, WAITING_APPROVAL, READY, RUNNING, COMPLETED, FAILED, CANCELLED.
    status: str
    #: Null when it does not wait; `reason` says it to people. One of unroutable, worker_away, draining,
    #: worker_draining, approval, slots, worker_busy, concurrency, retry, time, parents.
    waits_for: str | None
    reason: str | None
    requirement: str
    priority: int
    parents: list[str]
    filename: str | None
    args: list[str]
    #: Names of the environment variables that it sets; their values are not shown.
    env: list[str]
    timeout_seconds: float | None
    retries: int
    delay_ms: int
    hitl_message: str | None
    concurrency_key: str | None
    cancel_requested: bool
    submitted_at: str
    ready_at: str | None
    #: When a worker first took it.
    started_at: str | None
    #: When a worker took it last: its latest attempt's begin.
    leased_at: str | None
    ended_at: str | None
    result_is_set: bool
    worker: str | None
    exit_code: int | None
    signal: int | None
    duration_ns: int | None
    peak_memory_bytes: int | None
    #: Since when its slot is free while its program waits.
    parked_at: str | None
    #: How long it was parked before.
    parked_ns: int | None
    decision: Decision | None
    attempts: NotRequired[list[Attempt]]


class Counts(TypedDict):
    """Jobs of a DAG by status."""

    total: int
    waiting: int
    waiting_approval: int
    ready: int
    running: int
    completed: int
    failed: int
    cancelled: int


class Dag(TypedDict):
    """A DAG; within an agent run, a stage."""

    dag_id: str
    name: str
    agent_run_id: str | None
    agent_id: str | None
    #: What its run is for. One of production, evaluation.
    origin: str
    #: One of continue, stop.
    on_failure: str
    #: One of WAITING, RUNNING, COMPLETED, PARTIAL, FAILED.
    status: str
    is_final: bool
    submitted_at: str
    started_at: str | None
    ended_at: str | None
    made_by: str | None
    #: Who cancelled all of it; null also where a job of it was tried again since.
    cancelled_by: str | None
    counts: Counts
    jobs: NotRequired[list[Job]]


class ReportedEnd(TypedDict):
    """An end that was reported before further actions of the run began."""

    #: One of pending, running, completed, failed, cancelled.
    status: str
    reason: str | None
    at: str


class Tally(TypedDict):
    """Counts and sums over a run's calls."""

    calls: int
    running: int
    attempts: int
    success: int
    error: int
    blocked: int
    rejected: int
    replayed: int
    #: Incurred, as far as it is known.
    cost_usd: str
    #: Model calls whose cost is not known; `cost_usd` lacks them.
    unpriced: int
    #: Calls whose share of `cost_usd` was computed from tokens.
    estimated: int
    attempted_cost_usd: str
    prevented_cost_usd: str
    #: Of what was answered from a recording.
    saved_cost_usd: str
    #: As far as they are known; null where none are.
    input_tokens: int | None
    output_tokens: int | None
    #: Success by attempts, 0 to 1; null without attempts.
    success_rate: float | None


class Progress(TypedDict):
    """How far a running run is."""

    share: float
    #: estimated: from the calls of the agent's last completed runs; never above 0.95. One of estimated, reported.
    source: str
    done: int | None
    total: int | None


class Run(TypedDict):
    """A run, with all that is known of it."""

    run_id: str
    agent_id: str
    session_id: str | None
    #: Of a fork: the run that it is a fork of.
    parent_run_id: str | None
    #: Of a fork: the action of that run that was edited; null: the code was.
    forked_at_action_id: str | None
    #: What it is for: of a fork, what its parent is for. One of production, evaluation.
    origin: str
    name: str | None
    #: One of pending, running, completed, failed, cancelled.
    status: str
    #: One of explicit, inferred, stages.
    status_source: str
    reason: str | None
    #: Of a run that continues after its end was reported; it holds again when the run is idle.
    reported_end: ReportedEnd | None
    started_at: str
    ended_at: str | None
    last_event_at: str
    #: Null while it runs.
    duration_ms: float | None
    tally: Tally
    progress: Progress | None
    has_stages: bool
    first_error_id: str | None
    first_error: str | None
    #: Entries that its program could not deliver; they are missing here.
    lost: int
    #: Number of problems so far: failed and stopped actions, lost entries, and a failed end.
    troubles: int
    #: The score, 0 to 100, after its end, the lower of predicted and measured; null: none yet.
    determinism: int | None
    #: SHA-256 over the modules of its programs and jobs; null: not known yet, or none.
    code_digest: str | None
    tags: list[str]
    is_pinned: bool
    archived_at: str | None
    #: When entries of it were imported last: its code may be another's. Null: it was recorded here.
    imported_at: str | None
    #: Of an imported run: when its code was trusted since.
    trusted_at: str | None
    #: Only of a run with stages.
    stage_count: NotRequired[int]
    #: Only of a run with stages.
    job_count: NotRequired[int]
    #: Jobs that have not ended. Only of a run with stages.
    live_job_count: NotRequired[int]
    #: Only of a run with stages; null where jobs submit them.
    orchestrator: NotRequired[Orchestrator | None]
    #: In submission order. With `stages=true` in lists; of one run always, with their jobs.
    stages: NotRequired[list[Dag]]
    #: Whether there is more: `details` of `GET /api/v1/runs/{run}`.
    has_details: bool
    #: What else was reported, each once: objects of resource attributes, of the result of a replay …
    details: list[Any]


class Cancelled(TypedDict):
    """The answer to a cancel: names of jobs, in submission order."""

    cancelled: list[str]
    stopping: list[str]
    skipped: list[str]


class Gate(TypedDict):
    """A gate."""

    gate_id: str
    name: str
    dag_id: str
    dag_name: str
    agent_run_id: str | None
    message: str
    #: One of approved, cancelled, expired, open, rejected, waiting.
    state: str
    parents: list[str]
    opened_at: str | None
    expires_at: str | None
    decided_at: str | None
    decided_by: str | None
    comment: str | None


class Retried(TypedDict):
    """The answer to a retry."""

    retried: list[str]
    kept: int


class Resumed(TypedDict):
    """The answer to a resume: what continues the run."""

    agent_run_id: str
    retried_job: str | None
    orchestrator: Orchestrator | None


class Event(TypedDict):
    """One live event."""

    cursor: str
    at: NotRequired[str]
    kind: str
    cause: NotRequired[str]
    agent_run_id: NotRequired[str | None]
    dag_id: NotRequired[str | None]
    job_id: NotRequired[str | None]
    data: NotRequired[dict[str, Any]]
