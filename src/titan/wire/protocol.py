"""Shapes of /api/workers: the protocol of workers, and workers as people see them.

Server and worker both import this module. Times are RFC 3339 in UTC, `bytes` are base64. Unknown fields are
ignored, so that a worker and a server of neighbouring versions understand each other.

A lease is one attempt of one job on one worker. Its random id is the fencing token: every message about the
attempt carries it, and a message about a lease that has ended changes nothing.
"""

from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from titan.model.attempts import AttemptOutcome
from titan.model.files import FilePlace
from titan.model.workers import Load
from titan.wire.base import Offset, Request

LEASE_SECONDS: Final = 10.0  # three missed heartbeats
HEARTBEAT_SECONDS: Final = 3.0
CLAIM_WAIT_SECONDS: Final = 25.0  # below the 30 s after which common proxies drop a silent connection
#: The longest log part that travels inside a report; longer output goes ahead through the log route.
LOG_TAIL_MAX_BYTES: Final = 256 * 1024
MAX_PREFETCH: Final = 1000  # of one requirement; a worker asks for as much as it runs in 50 ms
MAX_PARKED: Final = 100_000  # of a worker
MAX_WORKSPACES_ASKED: Final = 200  # in one request; each costs one index lookup
#: How long after an attempt's end its worker may still report its files: 64 MiB over a line of 1 Mbit/s.
FILES_ACCEPTED_SECONDS: Final = 600.0
MAX_NOTED_FILES: Final = 1000  # in one request: 10 ms of the writer's time
SMALL_CONTENT_BYTES: Final = 64 * 1024  # sent with its note; larger content is uploaded separately, once
MAX_CONTENTS_BYTES: Final = 1024 * 1024  # of all contents in one request
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]  # of a 64-bit column
Status = Annotated[int, Meta(ge=-(2**31), le=2**32 - 1)]  # exit statuses of every system, signed or not
Moment = Annotated[datetime, Meta(tz=True)]  # a time without a zone is ambiguous
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="SHA-256 in hex.")]


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """Body of PUT /api/workers/{worker_id}: who works, and what it offers."""

    name: str
    host: str
    pid: int
    offers: dict[str, int]  #: slots by requirement, as {"GENERAL": 4, "GPU": 1}
    version: str  #: the worker's version of titan
    home_id: str | None = None  #: of the home that it works for; None: for any server that lets it in
    parks: tuple[str, ...] = ("GENERAL",)  #: labels whose slot an attempt gives back while its program waits
    max_parked: Annotated[int, Meta(ge=0, le=MAX_PARKED)] = 64  #: how many of its attempts may be without a slot


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to a registration: the rhythm that the server expects."""

    lease_seconds: float = LEASE_SECONDS
    heartbeat_seconds: float = HEARTBEAT_SECONDS


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to run, with everything a worker needs for it but the script's content."""

    lease_id: str
    attempt: int  #: 1 for the first; for people, never a fence
    job_id: str
    job_name: str
    dag_id: str
    dag_name: str
    agent_run_id: str | None
    workspace: str  #: a safe folder name: one for each agent run, else one for each DAG
    filename: str  #: the script's base name, or its path in the archive
    script: str  #: SHA-256 of the script's content, in hex: GET /api/blobs/{script}; empty with an archive
    archive: str | None = None  #: SHA-256 of the zip that the script lies in
    args: list[str]
    env: dict[str, str]
    masked: list[str] = []  #: names in `env` whose values no log may show
    timeout_seconds: float | None
    cold: bool
    token: str  #: the attempt's own, becomes TITAN_TOKEN
    max_log_bytes: Count | None = None  #: how much of its output the server takes; the worker keeps one byte more
    label: str | None = None  #: the offer whose slot it takes; None: a server that lets nothing be prefetched
    is_prefetched: bool = False  #: it begins with the next free slot, and its start is to be reported
    priority: int = 0
    ready_at: Moment | None = None  #: with `priority` and `job_id`: which of several prefetched ones begins first


class ClaimRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Body of POST /api/workers/{worker_id}/claim."""

    holding: list[str] = []  #: every lease the worker has and whose report is not acknowledged yet
    stopping: list[str] = []  #: the leases of `holding` that it already knows it has to stop
    parked: list[str] | None = None  #: the leases that it knows to be parked; None: it does not ask
    wait_seconds: float = CLAIM_WAIT_SECONDS
    load: Load | None = None


class ClaimAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to a claim; it says nothing at all when the wait is over."""

    assignments: list[Assignment] = []
    stop: list[str] = []  #: leases to end, and to report as cancelled
    lost: list[str] = []  #: leases of `holding` that are no longer live: end them, report nothing
    parked: list[str] | None = None  #: its leases that are parked, where they are not those that it knows
    give_back: bool = False  #: return what it prefetched and has not begun
    leave: bool = False  #: it was drained, and nothing of it is live: it should end


class HeartbeatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Body of POST /api/workers/{worker_id}/heartbeat: renews these leases."""

    holding: list[str]
    load: Load | None = None


class HeartbeatAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to a heartbeat: the same two lists as in a claim's answer."""

    stop: list[str] = []
    lost: list[str] = []


class LogAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to PUT /api/workers/{worker_id}/log/{lease_id}?offset=N."""

    size_bytes: int  #: how much of the attempt's log the server has


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How one attempt ended, with the end of its log."""

    lease_id: str
    outcome: AttemptOutcome
    started_at: Moment
    duration_ns: Count
    exit_code: Status | None = None  #: absent when a signal ended it or it never started
    signal: Status | None = None
    peak_memory_bytes: Count | None = None
    error: str | None = None  #: what an exit code cannot say, for people
    log_offset: Count = 0  #: where in the attempt's log `log_tail` begins
    log_tail: bytes = b""


class CompleteRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Body of POST /api/workers/{worker_id}/complete: what became of its leases, and what it could take next."""

    reports: list[Report]
    started: dict[str, Moment] = {}  #: prefetched leases whose attempts began → when
    returned: list[str] = []  #: prefetched leases that it gives back, for their attempts did not begin
    #: How many leases it may hold beyond its slots, by requirement; None wants no assignments in the answer.
    prefetch: dict[str, Annotated[int, Meta(ge=0, le=MAX_PREFETCH)]] | None = None


class CompleteAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Which leases it ended, which were over before, and what to run next; the worker forgets the first two."""

    accepted: list[str] = []
    stale: list[str] = []
    assignments: list[Assignment] = []
    #: Reports not taken because their `log_tail` begins after what the server has (a crash lost a part): lease → size
    #: in bytes of what it has. The worker sends the output from there, then the report again.
    gaps: dict[str, int] = {}


class WorkspacesRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Body of POST /api/workers/{worker_id}/workspaces: the workspaces no attempt of this worker uses now."""

    idle_seconds: dict[str, Annotated[float, Meta(ge=0)]]  #: folder name → since when; at most MAX_WORKSPACES_ASKED


class WorkspacesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Which of them the worker should delete, if it has not used them meanwhile."""

    old: list[str] = []


class NotedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that an attempt wrote or changed."""

    path: str  #: relative to its place, with `/`
    size_bytes: Count
    modified_at: Moment
    digest: Digest | None = None  #: of its content, where that was read
    reason: str | None = None  #: why there is no digest
    place: FilePlace = FilePlace.WORKSPACE


class NoteFilesRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Body of PUT /api/workers/{worker_id}/files/{lease_id}: what an attempt left, all of it or a part."""

    node: str  #: whose disk they lie on: a mark that the worker's folder has for its life
    files: Annotated[list[NotedFile], Meta(max_length=MAX_NOTED_FILES)]
    contents: list[bytes] = []  #: of small ones among them


class NoteFilesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to a note of files.

    A file whose content is missing is listed without it, until the content came by
    PUT /api/workers/{worker_id}/files/{lease_id}/{digest} and the file was noted again.
    """

    missing: list[str] = []  #: digests whose content the server does not have


class ContentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to a file's content."""

    digest: str
    size_bytes: int


class LeaveAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to POST /api/workers/{worker_id}/leave: the leases that were given back."""

    returned: list[str] = []


class LogPartQuery(Request):
    """PUT /api/workers/{worker}/log/{lease}."""

    offset: Offset


WorkerStanding: TypeAlias = Literal["connected", "draining", "lost", "left"]


class WorkersQuery(Request):
    """GET /api/workers."""

    state: (
        Annotated[
            str,
            Meta(
                pattern="^(connected|draining|lost|left)(,(connected|draining|lost|left))*$",
                description="One state or several, comma separated.",
            ),
        ]
        | None
    ) = None


class LocalWorkerBody(Request):
    """POST /api/workers/local."""

    offers: Annotated[
        dict[str, Annotated[int, Meta(ge=1, le=1024)]], Meta(min_length=1, max_length=100, description="Label → slots.")
    ]
    name: Annotated[str, Meta(description="For people; null: made of the host's name.")] | None = None


class LocalWorkerAnswer(Struct, kw_only=True):
    """POST /api/workers/local."""

    worker_id: str
    name: str


class RunningView(Struct, kw_only=True):
    """A job a worker runs now."""

    job_id: str
    name: str
    dag_id: str
    dag_name: str
    project: str
    started_at: Annotated[datetime, Meta(description="When this worker took it.")]
    parked_at: Annotated[datetime | None, Meta(description="Since when its slot is free while its program waits.")]


class LastJobView(Struct, kw_only=True):
    """An attempt of a worker that has ended."""

    job_id: str
    name: str
    dag_id: str
    dag_name: str
    project: str
    attempt: int
    outcome: AttemptOutcome
    duration_ns: int | None
    ended_at: datetime


class WorkerView(Struct, kw_only=True):
    """A worker."""

    worker_id: str
    name: str
    host: str
    pid: int
    version: str
    offers: dict[str, int]
    busy: dict[str, int]
    parked: Annotated[dict[str, int], Meta(description="Label → jobs that wait, and whose slots are free meanwhile.")]
    state: WorkerStanding
    is_local: Annotated[bool, Meta(description="A process that this server keeps beside it.")]
    joined_at: datetime
    seen_at: datetime
    running: list[RunningView]
    last_jobs: Annotated[list[LastJobView], Meta(description="The last ten that ended, the latest first.")]
    load: Annotated[Load | None, Meta(description="Null where the worker does not report it.")]


class WorkersAnswer(Struct, kw_only=True):
    """GET /api/workers."""

    workers: list[WorkerView]
