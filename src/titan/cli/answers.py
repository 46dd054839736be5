"""What the server answers, as values. Fields a newer server adds are ignored."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal, TypeAlias, TypeVar

import msgspec

from titan.cli.exits import CommandFailed, ExitCode
from titan.model.attempts import AttemptOutcome
from titan.model.dags import StageStatus
from titan.model.files import FilePlace
from titan.model.jobs import JobKind, JobStatus
from titan.model.queue import WaitsFor

#: A JSON object as it came, for `--json`.
Document: TypeAlias = Mapping[str, object]

AnswerT = TypeVar("AnswerT")


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many jobs of a DAG stand where."""

    total: int
    waiting: int
    waiting_approval: int = 0
    ready: int
    running: int
    completed: int
    failed: int
    cancelled: int

    @property
    def final(self) -> int:
        """Jobs that will not run again."""
        return self.completed + self.failed + self.cancelled


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try at a job; `outcome` is None while it runs."""

    attempt: int
    worker: str | None
    leased_at: datetime
    outcome: AttemptOutcome | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_code: int | None = None
    signal: int | None = None
    duration_ns: int | None = None
    peak_memory_bytes: int | None = None
    error: str | None = None

    @property
    def length(self) -> timedelta | None:
        """How long it ran, None while it runs."""
        return length_of(self.duration_ns)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One job of one submission."""

    job_id: str
    name: str
    dag_id: str
    dag_name: str
    status: JobStatus
    submitted_at: datetime
    agent_run_id: str | None = None
    reason: str | None = None
    requirement: str = "GENERAL"
    priority: int = 1
    parents: tuple[str, ...] = ()
    kind: JobKind = JobKind.WORK
    filename: str | None = None
    args: tuple[str, ...] = ()
    hitl_message: str | None = None
    cancel_requested: bool = False
    started_at: datetime | None = None
    ended_at: datetime | None = None
    worker: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    duration_ns: int | None = None
    peak_memory_bytes: int | None = None
    attempts: tuple[Attempt, ...] = ()

    @property
    def length(self) -> timedelta | None:
        """How long its last attempt ran, None when none has ended."""
        return length_of(self.duration_ns)


class Dag(msgspec.Struct, frozen=True, kw_only=True):
    """One submission; `jobs` is empty in lists."""

    dag_id: str
    name: str
    status: StageStatus
    is_final: bool
    submitted_at: datetime
    counts: Counts
    agent_run_id: str | None = None
    agent_id: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    made_by: str | None = None
    jobs: tuple[Job, ...] = ()

    def length(self, now: datetime) -> timedelta | None:
        """Return how long it took from its first start, until `now` while it is not final."""
        return None if self.started_at is None else (self.ended_at or now) - self.started_at


class Orchestrator(msgspec.Struct, frozen=True, kw_only=True):
    """How the program that submits a run's stages was started."""

    command: tuple[str, ...]
    directory: str
    host: str


class RunningJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that a worker runs now."""

    job_id: str
    name: str
    dag_name: str


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """A process that runs jobs."""

    worker_id: str
    name: str
    host: str
    pid: int
    offers: dict[str, int]
    busy: dict[str, int]
    state: Literal["connected", "draining", "lost", "left"]
    seen_at: datetime
    running: tuple[RunningJob, ...] = ()


class WorkerStarted(msgspec.Struct, frozen=True, kw_only=True):
    """POST /api/workers/local."""

    worker_id: str
    name: str


class StoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to a job, and why."""

    seq: int
    at: datetime
    event: str
    cause: str
    text: str


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that happened to a job, oldest first."""

    job_id: str
    name: str
    entries: tuple[StoryEntry, ...]


class Submitted(msgspec.Struct, frozen=True, kw_only=True):
    """What a submission became."""

    dag_id: str
    name: str
    job_count: int
    agent_run_id: str | None = None
    from_record: bool = False  #: nothing new was stored: it was submitted before


class Retried(msgspec.Struct, frozen=True, kw_only=True):
    """What a retry did."""

    retried: tuple[str, ...]  #: names of the jobs that run again
    kept: int  #: how many completed and stay so


class Resumed(msgspec.Struct, frozen=True, kw_only=True):
    """Who goes on with a run."""

    agent_run_id: str
    retried_job: str | None = None
    orchestrator: Orchestrator | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a job said it found."""

    job_id: str
    is_set: bool
    value: object = None


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """One gate."""

    gate_id: str
    name: str
    dag_name: str
    message: str
    state: str
    opened_at: datetime | None = None
    expires_at: datetime | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None
    comment: str | None = None


class GateList(msgspec.Struct, frozen=True, kw_only=True):
    """GET /api/gates, newest first."""

    gates: tuple[Gate, ...]


class KeyList(msgspec.Struct, frozen=True, kw_only=True):
    """GET /api/store/keys, sorted."""

    keys: tuple[str, ...]
    next: str | None = None


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    """What a cancel did, by job name."""

    cancelled: tuple[str, ...] = ()  #: had not started, will not
    stopping: tuple[str, ...] = ()  #: running; their workers are ending them
    skipped: tuple[str, ...] = ()  #: were final already


class Cleaned(msgspec.Struct, frozen=True, kw_only=True):
    """What a round of keeping house deleted, or would."""

    runs: int
    dags: int
    jobs: int
    journal_entries: int
    recorded: int
    archived: int
    workers: int
    files: int
    keys: int
    logs: int
    log_bytes: int
    blobs: int
    blob_bytes: int
    database_unused_bytes: int


class LeftFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a job left."""

    path: str
    size_bytes: int
    modified_at: datetime
    job: str
    attempt: int
    worker: str
    digest: str | None = None
    reason: str | None = None  #: why there is no content
    place: FilePlace = FilePlace.WORKSPACE


class LeftFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Files by path."""

    files: list[LeftFile]
    more: bool = False


class StoredValue(msgspec.Struct, frozen=True, kw_only=True):
    """The value of one key; None when the key does not exist."""

    key: str
    value: str | None
    artifact: str | None = None


class DagList(msgspec.Struct, frozen=True, kw_only=True):
    """GET /api/dags, newest first."""

    dags: tuple[Dag, ...]


class QueueGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs that wait for the same, and the first of them."""

    waits_for: WaitsFor
    count: int
    jobs: tuple[Job, ...]
    requirement: str | None = None
    confined_to: str | None = None


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """All that waits."""

    groups: tuple[QueueGroup, ...]


class JobList(msgspec.Struct, frozen=True, kw_only=True):
    """GET /api/jobs, newest first."""

    jobs: tuple[Job, ...]


class WorkerList(msgspec.Struct, frozen=True, kw_only=True):
    """GET /api/workers."""

    workers: tuple[Worker, ...]


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A project."""

    name: str
    keeps_content: bool


class ProjectList(msgspec.Struct, frozen=True, kw_only=True):
    """GET /api/v1/projects, by name."""

    data: tuple[Project, ...]


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token, without its secret."""

    token_id: str
    name: str
    role: str
    created_at: datetime
    trusted: bool | None = None
    labels: list[str] | None = None
    project: str | None = None
    last_used_at: datetime | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class TokenList(msgspec.Struct, frozen=True, kw_only=True):
    """GET /api/tokens, newest first."""

    tokens: tuple[Token, ...]


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token that was just made, with its text."""

    token_id: str
    name: str
    role: str
    token: str
    expires_at: datetime | None = None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """GET /api/health."""

    status: str
    version: str
    started_at: datetime
    now: datetime | None = None  #: None: an older server
    model: str | None = None


def read(document: Document, answer_type: type[AnswerT]) -> AnswerT:
    """Return `document` as a value.

    Raises:
        CommandFailed: the server speaks another version of these answers.
    """
    try:
        return msgspec.convert(document, answer_type)
    except msgspec.ValidationError as error:
        raise CommandFailed(
            "the server's answer",
            exit_code=ExitCode.UNREACHABLE,
            expected=f"a {answer_type.__name__} of this version",
            found=str(error),
            next_step="`titan doctor` compares both versions.",
        ) from error


def length_of(duration_ns: int | None) -> timedelta | None:
    """Return nanoseconds of the wire as a length of time, None for None."""
    return None if duration_ns is None else timedelta(microseconds=duration_ns / 1000)
