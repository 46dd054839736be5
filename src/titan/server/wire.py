"""The values of the wire: what requests hold and what answers show, in JSON's terms."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from titan.model.dags import OnFailure
from titan.model.jobs import Affinity

MAX_VALUE_BYTES = 10 * 1024 * 1024  # the original's largest frame
MAX_WAIT_SECONDS = 30.0  # below the idle limit of common proxies

Wait = Annotated[float, Meta(ge=0, le=MAX_WAIT_SECONDS, description="Seconds to wait for the end; at most 30.")]
Limit = Annotated[int, Meta(ge=1, le=10_000, description="How many rows at most.")]
Offset = Annotated[int, Meta(ge=0, description="Bytes from the beginning.")]


class Request(Struct, forbid_unknown_fields=True, kw_only=True):
    """A body or query; a field it does not know is refused, never ignored."""


class NewJobBody(Request):
    """One job of a submission."""

    id: str
    filename: str
    script: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="SHA-256 of the script's content.")]
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


class SubmitBody(Request):
    """POST /api/dags."""

    name: str
    jobs: list[NewJobBody]
    agent_run_id: str | None = None
    agent_id: str | None = None
    on_failure: OnFailure = OnFailure.CONTINUE
    scripts: Annotated[dict[str, bytes], Meta(description="SHA-256 → content in base64.")] = {}


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

    status: Literal["WAITING", "READY", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"] | None = None
    run: str | None = None
    dag: str | None = None
    limit: Limit = 200


class ScopeQuery(Request):
    """Where to look for a job by its name: in a DAG, else in a run, else the newest of all."""

    dag: str | None = None
    run: str | None = None


class JobQuery(ScopeQuery):
    """GET /api/jobs/{job}."""

    wait_seconds: Wait = 0.0


class LogQuery(ScopeQuery):
    """GET /api/jobs/{job}/log."""

    offset: Offset = 0
    limit_bytes: Annotated[int, Meta(ge=1)] | None = None
    follow: bool = False
    attempt: Annotated[int, Meta(ge=1)] | None = None


class FilesQuery(Request):
    """GET /api/dags/{dag}/files and GET /api/runs/{run}/files."""

    limit: Limit = 10_000


class JobFilesQuery(ScopeQuery):
    """GET /api/jobs/{job}/files."""

    attempt: Annotated[int, Meta(ge=1)] | None = None
    limit: Limit = 10_000


class BlobQuery(Request):
    """GET /api/blobs/{digest}."""

    name: Annotated[str, Meta(description="What the file is to be called; its ending decides its media type.")] = ""


class RunsQuery(Request):
    """GET /api/runs."""

    limit: Limit = 50


class EndRunBody(Request):
    """POST /api/runs/{run}/end."""

    outcome: Literal["completed", "failed"]
    reason: Annotated[str, Meta(max_length=10_000)] = ""


class KeyQuery(Request):
    """GET /api/store and GET /api/store/sets."""

    key: str


class PutBody(Request):
    """PUT /api/store."""

    key: str
    value: str
    artifact: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None


class AddBody(Request):
    """POST /api/store/sets."""

    key: str
    member: str


class SignalsBody(Request):
    """POST /api/store/wait."""

    keys: Annotated[list[str], Meta(min_length=1, max_length=10_000)]
    dags: Annotated[list[str], Meta(max_length=10_000)] = []
    jobs: Annotated[list[str], Meta(max_length=10_000)] = []
    timeout_seconds: Wait = 25.0


class EventsQuery(Request):
    """GET /api/events."""

    after: str | None = None
    run: str | None = None
    dag: str | None = None


class LogPartQuery(Request):
    """PUT /api/workers/{worker}/log/{lease}."""

    offset: Offset


class NoQuery(Request):
    """A route without a query."""


class Problem(Struct, kw_only=True):
    """What went wrong, for people and programs."""

    type: str
    message: str
    subject: str = ""
    expected: str = ""
    found: str = ""
    next_step: str = ""


class ProblemAnswer(Struct, kw_only=True):
    """The body of every answer from 400 on."""

    error: Problem


class AttemptView(Struct, kw_only=True):
    """One attempt of a job."""

    attempt: int
    outcome: str | None
    worker: str
    leased_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    exit_code: int | None
    signal: int | None
    duration_ns: int | None
    peak_memory_bytes: int | None
    error: str | None


class JobView(Struct, kw_only=True):
    """A job; the figures are those of its latest attempt."""

    job_id: str
    name: str
    dag_id: str
    dag_name: str
    agent_run_id: str | None
    status: str
    reason: str | None
    requirement: str
    priority: int
    parents: tuple[str, ...]
    filename: str
    args: tuple[str, ...]
    cancel_requested: bool
    submitted_at: datetime
    ready_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    worker: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    duration_ns: int | None = None
    peak_memory_bytes: int | None = None
    attempts: list[AttemptView] | msgspec.UnsetType = msgspec.UNSET


class JobsAnswer(Struct, kw_only=True):
    """GET /api/jobs."""

    jobs: list[JobView]


class CountsView(Struct, kw_only=True):
    """Jobs of a DAG by status."""

    total: int
    waiting: int
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
    on_failure: str
    status: str
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


class RunView(Struct, kw_only=True):
    """An agent run."""

    agent_run_id: str
    agent_id: str
    status: str
    started_at: datetime
    ended_at: datetime | None
    last_activity_at: datetime
    stage_count: int
    job_count: int
    reason: str | None
    stages: list[DagView] | msgspec.UnsetType = msgspec.UNSET


class RunsAnswer(Struct, kw_only=True):
    """GET /api/runs."""

    runs: list[RunView]


class RunningView(Struct, kw_only=True):
    """A job a worker runs now."""

    job_id: str
    name: str
    dag_name: str


class WorkerView(Struct, kw_only=True):
    """A worker."""

    worker_id: str
    name: str
    host: str
    pid: int
    version: str
    offers: dict[str, int]
    busy: dict[str, int]
    state: str
    seen_at: datetime
    running: list[RunningView]


class WorkersAnswer(Struct, kw_only=True):
    """GET /api/workers."""

    workers: list[WorkerView]


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


class OkAnswer(Struct, kw_only=True):
    """The original's success word."""

    status: str = "OK"


class ValueAnswer(Struct, kw_only=True):
    """GET /api/store; `value` is null when the key is absent."""

    key: str
    value: str | None
    artifact: str | None


class AddedAnswer(Struct, kw_only=True):
    """POST /api/store/sets: 1 when the member is new, else 0."""

    added: int


class MembersAnswer(Struct, kw_only=True):
    """GET /api/store/sets, in the order the members were added."""

    members: list[str]


class SignalsAnswer(Struct, kw_only=True):
    """POST /api/store/wait."""

    present: list[str]
    ended: bool


class FileAnswer(Struct, kw_only=True):
    """PUT /api/files/{name}."""

    name: str
    digest: str
    size_bytes: int


class LeftFileView(Struct, kw_only=True):
    """A file that a job left, with the attempt that was last to write it."""

    path: str
    size_bytes: int
    digest: str | None
    reason: str | None
    modified_at: datetime
    place: str
    job_id: str
    job: str
    attempt: int
    worker: str


class LeftFilesAnswer(Struct, kw_only=True):
    """Files by path; `more` when there are further ones."""

    files: list[LeftFileView]
    more: bool


class HealthAnswer(Struct, kw_only=True):
    """GET /api/health."""

    status: str
    version: str
    started_at: datetime
    home_id: str
    model: str | None


class EventView(Struct, kw_only=True):
    """One live event."""

    cursor: str
    at: datetime
    kind: str
    cause: str
    agent_run_id: str | None
    dag_id: str | None
    job_id: str | None
    data: dict[str, msgspec.Raw]
