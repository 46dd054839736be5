"""The values of the wire: what requests hold and what answers show, in JSON's terms."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from titan.model.dags import OnFailure
from titan.model.events import KINDS
from titan.model.files import FilePlace
from titan.model.jobs import MAX_WAIT_SECONDS as MAX_GATE_SECONDS
from titan.model.jobs import Affinity, JobKind

MAX_RESULT_BYTES = 1024 * 1024  # read whole by every child; more belongs into an artifact
MAX_WAIT_SECONDS = 30.0  # below the idle limit of common proxies

Wait = Annotated[float, Meta(ge=0, le=MAX_WAIT_SECONDS, description="Seconds to wait for the end; at most 30.")]
Limit = Annotated[int, Meta(ge=1, le=10_000, description="How many rows at most.")]
EventKind = Annotated[str, Meta(extra_json_schema={"enum": sorted(KINDS)})]
MAX_NUMBER = 2**63 - 1  # what a column holds: SQLite's driver takes no more, and PostgreSQL nothing else
Offset = Annotated[int, Meta(ge=0, le=MAX_NUMBER, description="Bytes from the beginning.")]
AttemptNumber = Annotated[int, Meta(ge=1, le=MAX_NUMBER)]


class Request(Struct, forbid_unknown_fields=True, kw_only=True):
    """A body or query; a field it does not know is refused, never ignored."""


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
    limit_bytes: Annotated[int, Meta(ge=1, le=MAX_NUMBER)] | None = None
    follow: bool = False
    attempt: AttemptNumber | None = None


class FilesQuery(Request):
    """GET /api/dags/{dag}/files and GET /api/v1/runs/{run}/files."""

    limit: Limit = 10_000


class JobFilesQuery(ScopeQuery):
    """GET /api/jobs/{job}/files."""

    attempt: AttemptNumber | None = None
    limit: Limit = 10_000


class BlobQuery(Request):
    """GET /api/blobs/{digest}."""

    name: Annotated[
        str, Meta(description="What the file is to be called, cleaned; its ending decides its media type.")
    ] = ""
    inline: Annotated[bool, Meta(description="Shown instead of saved: for names that end as those of images do.")] = (
        False
    )


class GatesQuery(Request):
    """GET /api/gates."""

    status: Literal["open", "all"] = "open"
    run: str | None = None
    limit: Limit = 200


class DecideBody(Request):
    """POST /api/gates/{gate}/approve and /reject."""

    comment: Annotated[str, Meta(max_length=10_000)] = ""
    by: Annotated[str, Meta(max_length=200, description="Who decides, where no token says so.")] | None = None


class ResultBody(Request):
    """PUT /api/result."""

    value: msgspec.Raw


class EventsQuery(Request):
    """GET /api/events."""

    after: str | None = None
    run: str | None = None
    dag: str | None = None
    calls: Annotated[bool, Meta(description="Tell also of which recorded runs something was heard.")] = False


class SocketEventsQuery(EventsQuery):
    """WS /api/events/ws."""


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


class OkAnswer(Struct, kw_only=True):
    """The original's success word."""

    status: Literal["OK"] = "OK"


class FileAnswer(Struct, kw_only=True):
    """PUT /api/files/{name}."""

    name: str
    digest: str
    size_bytes: int


class StorageView(Struct, kw_only=True):
    """The disk of the home."""

    free_bytes: int
    is_low: bool


class LeftFileView(Struct, kw_only=True):
    """A file that a job left, with the attempt that was last to write it."""

    path: str
    size_bytes: int
    digest: str | None
    reason: str | None
    modified_at: datetime
    place: FilePlace
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

    status: Literal["ok"]
    version: str
    now: datetime
    started_at: datetime
    home_id: str
    model: str | None
    storage: StorageView


class ResyncFrame(Struct, kw_only=True):
    """A frame of /api/events/ws: read everything anew, then go on from this cursor."""

    resync: str


class QuietFrame(Struct, kw_only=True):
    """A frame of /api/events/ws: nothing was told for 10 s, and the connection is alive."""

    cursor: str


class RunsHeardFrame(Struct, kw_only=True):
    """Something was heard of these recorded runs, or they changed otherwise: read again what shows them."""

    runs: list[str]
    agents: list[str]
    cursor: str


class EventView(Struct, kw_only=True):
    """One live event."""

    cursor: str
    at: datetime
    kind: EventKind
    cause: str
    agent_run_id: str | None
    dag_id: str | None
    job_id: str | None
    data: dict[str, msgspec.Raw]
