"""What the core asks of the outside: every port but the worker's, and what each implementation promises.

tests/contract/ holds one suite per port; it is run on every implementation and is the port's specification.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from titan.model.attempts import Attempt
from titan.model.dags import Dag
from titan.model.events import Event, JournalEntry, Subject
from titan.model.files import AttemptFile, LeftFile
from titan.model.jobs import Job, ReadyJob
from titan.model.language import ModelAnswer, ModelDelta, ModelRequest
from titan.model.memory import Receipt, StoredFile, StoredValue
from titan.model.retention import OldBlob
from titan.model.run_control import RunControl
from titan.model.workers import Worker
from titan.ports_access import AccessReader, AccessTransaction
from titan.ports_house import HouseReader, HouseTransaction
from titan.ports_lists import ListReader

T = TypeVar("T")


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present moment, aware and in UTC."""


class Ids(Protocol):
    """Makes identifiers; no two calls of one implementation return the same."""

    def dag_id(self) -> str:
        """Return an id of lower-case letters and digits; later ids sort after earlier ones."""

    def secret(self) -> str:
        """Return an unguessable string of 32 hex digits: a lease id or a token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What one commit changed, for those who wait for it."""

    entries: tuple[JournalEntry, ...]  #: in journal order
    keys: frozenset[tuple[str, str]]  #: (project id, key) of shared values and sets that were written
    is_foreign: bool = False  #: another server on the same database made it; what it asks for is that one's to do
    is_everything: bool = False  #: more may have changed than is said here: whoever waits should look
    transactions: int = field(default=1, compare=False)  #: how many were committed together
    duration_ns: int = field(default=0, compare=False)  #: from the begin of the first to their being durable


class Reader(HouseReader, ListReader, AccessReader, Protocol):
    """Questions about committed facts, or inside a transaction its own too; unknown ids give None or nothing."""

    def look_ahead(
        self,
        *,
        leases: Sequence[str] = (),
        workers: Sequence[str] = (),
        lanes: Sequence[tuple[str | None, str, int]] = (),
    ) -> None:
        """Say what will be asked for next, one after the other; it changes no answer.

        A store behind a network then asks all of it in one go: the attempts of `leases` with their jobs, DAGs, runs and
        children; `workers` with their busy slots; the ready jobs of `lanes`: (worker that they are bound to or None,
        requirement, limit).
        """

    def job(self, job_id: str) -> Job | None: ...

    def newest_job(
        self, project_id: str, name: str, *, dag_id: str | None = None, run_id: str | None = None
    ) -> Job | None:
        """Return the newest job called `name` within the DAG, the run, or (neither given) the project."""

    def jobs_of_dag(self, dag_id: str) -> list[Job]:
        """Return a DAG's jobs in submission order."""

    def children(self, job_id: str) -> list[Job]:
        """Return the jobs that have this one as a parent, by id."""

    def edges_of_dag(self, dag_id: str) -> list[tuple[str, str]]:
        """Return (parent id, child id) of every edge with an end in the DAG."""

    def gates(self, project_id: str, *, is_open: bool = False, run_id: str | None = None, limit: int) -> list[Job]:
        """Return up to `limit` gates, newest first; with `is_open` only those that wait for a decision."""

    def open_gates_called(self, project_id: str, name: str) -> list[Job]:
        """Return the gates of this name that wait for a decision, oldest first."""

    def active_with_key(self, project_id: str, concurrency_key: str) -> int:
        """Return how many READY and RUNNING jobs have this key."""

    def next_held(self, project_id: str, concurrency_key: str) -> Job | None:
        """Return the job that waits for nothing but a place under this key: highest priority, then oldest."""

    def result(self, job_id: str) -> str | None:
        """Return the JSON text that the job's latest attempt set as its result."""

    def projects(self) -> list[str]:
        """Return the projects that have a DAG or a token of their own, sorted."""

    def dag(self, dag_id: str) -> Dag | None: ...

    def newest_dag(self, project_id: str, name: str) -> Dag | None: ...

    def newest_dag_of_key(self, project_id: str, submission_key: str) -> Dag | None: ...

    def stages(self, project_id: str, run_id: str) -> list[Dag]:
        """Return a run's DAGs in submission order."""

    def run_control(self, project_id: str, run_id: str) -> RunControl | None: ...

    def last_stage(self, project_id: str, run_id: str) -> Dag | None:
        """Return the run's most recent DAG."""

    def attempt(self, lease_id: str) -> Attempt | None: ...

    def attempts_of_job(self, job_id: str) -> list[Attempt]:
        """Return a job's attempts in the order they were leased."""

    def live_attempt_of_job(self, job_id: str) -> Attempt | None: ...

    def live_attempt_by_token(self, token: str) -> Attempt | None: ...

    def live_attempts_of_worker(self, worker_id: str) -> list[Attempt]:
        """Return the attempts this worker holds, oldest first."""

    def busy_slots(self, worker_id: str) -> dict[str, int]:
        """Return label → live leases of this worker; labels without one are left out."""

    def expired_attempts(self, now: datetime) -> list[Attempt]:
        """Return the live attempts whose lease ran out at or before `now`."""

    def files_of_attempt(self, lease_id: str) -> list[AttemptFile]:
        """Return the files an attempt left, by path."""

    def files_of_job(self, job_id: str, *, attempt: int | None = None, limit: int) -> list[LeftFile]:
        """Return up to `limit` files that the job's attempts (or the one of this number) left, by path.

        Here and in the next two, a path that several attempts left comes once for each node, with the attempt that was
        noted last; one of an unpacked archive, or an artifact, once for each job.
        """

    def files_of_dag(self, dag_id: str, *, limit: int) -> list[LeftFile]:
        """Return up to `limit` files that a DAG's jobs left, by path."""

    def files_of_run(self, project_id: str, run_id: str, *, limit: int) -> list[LeftFile]:
        """Return up to `limit` files that the jobs of all stages of a run left, by path."""

    def worker(self, worker_id: str) -> Worker | None: ...

    def workers(self) -> list[Worker]:
        """Return all workers, connected ones first, then by name."""

    def connected_workers(self) -> list[str]:
        """Return the ids of the connected workers."""

    def ready_jobs(self, requirement: str, *, limit: int) -> list[ReadyJob]:
        """Return the first `limit` READY jobs any worker may take: priority descending, ready time, id.

        What a worker has prefetched is left out, here and in the next.
        """

    def ready_jobs_bound_to(self, worker_id: str, requirement: str, *, limit: int) -> list[ReadyJob]:
        """Return, in the same order, READY jobs with required affinity to this worker."""

    def due_jobs(self, now: datetime, *, limit: int) -> list[Job]:
        """Return WAITING jobs whose due time has come, earliest first."""

    def jobs_due_after(self, due_at: datetime, job_id: str, *, limit: int) -> list[Job]:
        """Return, by due time and id, the first `limit` waiting jobs and open gates that come after these two."""

    def next_wakeup(self) -> datetime | None:
        """Return the earliest due time of a waiting job or expiry of a live lease."""

    def journal(
        self,
        project_id: str | None,
        *,
        after_seq: int = 0,
        run_id: str | None = None,
        dag_id: str | None = None,
        job_id: str | None = None,
        limit: int,
    ) -> list[JournalEntry]:
        """Return entries after `after_seq`, ascending: those of the project and of the organisation, or with None all.

        With `job_id`, also the entries of its DAG that name no job; a job's story begins with them.
        """

    def last_seq(self) -> int:
        """Return the newest entry's number; 0 for an empty journal."""

    def value(self, project_id: str, key: str, *, now: datetime) -> StoredValue | None:
        """Return what the key holds; None when it is absent or has expired by `now`."""

    def present_keys(self, project_id: str, keys: Sequence[str], *, now: datetime) -> list[str]:
        """Return those of `keys` that hold a value, in the given order."""

    def stored_keys(self, project_id: str, *, start: str, limit: int, now: datetime) -> list[str]:
        """Return up to `limit` keys of values and sets from `start` on, sorted by code points."""

    def members(self, project_id: str, key: str) -> list[str]:
        """Return a set's members in the order they were added; empty for an unknown key."""

    def file(self, project_id: str, name: str) -> StoredFile | None: ...

    def receipt(self, project_id: str, key: str) -> Receipt | None: ...

    def home_id(self) -> str:
        """Return the random id this store got when it was made."""


class Transaction(Reader, HouseTransaction, AccessTransaction, Protocol):
    """Reads and writes that become visible together, or not at all."""

    @property
    def now(self) -> datetime:
        """The transaction's time; every row it writes carries it."""

    def add_dag(self, dag: Dag, jobs: Sequence[Job], edges: Iterable[tuple[str, str]]) -> None:
        """Store a DAG with its jobs and (parent id, child id) edges."""

    def save_dag(self, dag: Dag) -> None:
        """Overwrite what changes of a DAG: counts, started_at, ended_at."""

    def save_job(self, job: Job) -> None:
        """Overwrite everything of a job but what its submission fixed."""

    def count_down_children(self, parent_id: str, *, worker_id: str | None) -> list[Job]:
        """Take one off `remaining_parents` of each WAITING child; return the children that reached 0.

        The first call that reaches a child also makes `worker_id` its preferred worker.
        """

    def add_run(self, run: RunControl) -> None: ...

    def save_run(self, run: RunControl) -> None: ...

    def add_attempt(self, attempt: Attempt) -> None:
        """Store a live attempt. The schema refuses a second live one of the same job."""

    def save_attempt(self, attempt: Attempt) -> None: ...

    def forget_attempt(self, lease_id: str) -> None:
        """Delete a live attempt whose start nobody reported, with the files that are known of it."""

    def note_files(self, attempt: Attempt, files: Iterable[AttemptFile]) -> None:
        """Add to the files an attempt left; what was known of the same path and place is replaced."""

    def renew_leases(self, worker_id: str, lease_ids: Sequence[str], *, expires_at: datetime) -> set[str]:
        """Move the expiry of this worker's live leases; return those that were live."""

    def renew_all_leases(self, *, expires_at: datetime) -> None:
        """Give every live lease until `expires_at`, longer ones too: a clock that was ahead made those."""

    def save_worker(self, worker: Worker) -> None:
        """Insert or overwrite a worker."""

    def record(self, subject: Subject, event: Event) -> None:
        """Append an event to the journal."""

    def put_result(self, job_id: str, project_id: str, value: str) -> None:
        """Set a job's result, a JSON text, replacing what it was."""

    def clear_result(self, job_id: str) -> None: ...

    def put_value(self, project_id: str, key: str, value: StoredValue) -> None:
        """Set a key, replacing what it held."""

    def delete_key(self, project_id: str, key: str) -> bool:
        """Delete the value and the set under a key; return whether there was any."""

    def forget_expired_values(self, *, limit: int = 1000) -> int:
        """Delete up to `limit` values that have expired; return how many."""

    def add_member(self, project_id: str, key: str, member: str) -> bool:
        """Add to a set; return whether it was new."""

    def put_file(self, project_id: str, file: StoredFile) -> None:
        """Name a blob; a name used before now means the new content."""

    def add_receipt(self, project_id: str, receipt: Receipt) -> None: ...

    def forget_receipts(self, *, before: datetime, limit: int = 1000) -> int:
        """Delete up to `limit` receipts older than `before`, the oldest first; return how many.

        When it returns `limit` there may be more: ask again in another transaction, so that none lasts long.
        """


class Store(Protocol):
    """Keeps facts. The engine changes them only through `transact`."""

    @property
    def server_id(self) -> str:
        """The name of this server among those that share the database; "" where there can be only one."""

    @property
    def is_in_charge(self) -> bool:
        """Whether this server does what only one may do: it keeps time for all. Always, where there is only one.

        When that changes, listeners are told that everything may have changed.
        """

    def transact(self, decide: Callable[[Transaction], T]) -> Future[T]:
        """Run `decide` on the writer and commit what it wrote; transactions run one after the other.

        `decide` is short, synchronous and free of effects, for it may run more than once. The future
        gives its result only after the commit is durable. When `decide` raises, nothing of it is
        kept and the future raises the same; other transactions of the same commit are not affected.

        Raises (in the future):
            StoreFull, StoreUnavailable: nothing was kept; may be retried.
            StoreRefused: a write broke a rule of the schema; a programming error.
            StoreDamaged: the database can no longer be read.
        """

    def read(self, query: Callable[[Reader], T]) -> T:
        """Run `query` on a snapshot of committed facts, in the calling thread, which waits for the database."""

    async def look(self, query: Callable[[Reader], T]) -> T:
        """As `read`, for an event loop and a `query` that asks little: the loop does not wait for a network.

        A file is asked at once, which takes less time than a change of threads.
        """

    def listen(self, listener: Callable[[Commit], None]) -> None:
        """Have `listener` called on the writer's thread after each commit, before its futures resolve.

        What another server on the same database commits is told soon after, once, on a thread of the store's.
        """

    def close(self) -> None:
        """Finish what was handed in, then release the files. May be called twice."""


class Blobs(Protocol):
    """Content named by its SHA-256 digest: written once, never changed."""

    def put(self, content: bytes) -> str:
        """Store `content` durably and return its digest. The same content twice is one blob."""

    async def put_stream(self, chunks: AsyncIterator[bytes], *, limit_bytes: int) -> tuple[str, int]:
        """Store a stream durably without holding it in memory; return (digest, size in bytes).

        Raises:
            TooLarge: the stream was longer than `limit_bytes`; nothing was kept.
            StoreFull: the disk is full; nothing was kept.
        """

    def path(self, digest: str) -> Path | None:
        """Return a readable file with the content, or None when it is not stored."""

    def touch(self, digest: str) -> bool:
        """Renew the lease of stored content; return whether it is stored.

        Whoever is about to commit a reference to content that it did not just `put` touches it first, for what was
        put or touched is not collected for an hour.
        """

    def old(self, *, before: datetime) -> Iterator[OldBlob]:
        """Yield the blobs whose lease was last renewed before, in no order."""

    def found(self, digest: str) -> OldBlob | None:
        """Return stored content with its lease, however old that is; None when it is not stored."""

    def discard(self, blob: OldBlob) -> bool:
        """Delete a blob that nothing names, unless its lease was renewed since it was found; tell whether.

        Of one that was put within the last hour, whoever put it may be about to name it; who commits such a name
        touches the content again after that, and puts it anew where it is gone.
        """


class Logs(Protocol):
    """The output of attempts: bytes, appended by offset."""

    def append(self, lease_id: str, offset: int, content: bytes) -> int:
        """Append `content` that begins at `offset`; return the size stored now, in bytes.

        What overlaps the stored part is ignored, so a repeat changes nothing. With a gap nothing is
        appended and the size returned is smaller than `offset`.
        """

    def size(self, lease_id: str) -> int:
        """Return the stored size in bytes; 0 when the attempt wrote nothing."""

    def read(self, lease_id: str, offset: int, limit_bytes: int) -> bytes:
        """Return up to `limit_bytes` from `offset`; empty at the end."""

    def old(self, *, before: datetime) -> Iterator[tuple[str, int]]:
        """Yield (lease id, size in bytes) of the logs last written before, in no order."""

    def discard(self, lease_id: str) -> None:
        """Delete a log. One that is not there is fine."""


class LanguageModel(Protocol):
    """Answers conversations. tests/contract/test_language_model.py is its specification."""

    @property
    def name(self) -> str:
        """The address it was opened with, without anything secret: "gemini/gemini-2.5-flash"."""

    @property
    def provider(self) -> str | None:
        """Who serves it, by OpenTelemetry's `gen_ai.provider.name`: "openai"; None where that is not known."""

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Return the model's answer; what it costs to be ready (a process, a connection) is paid by the first call.

        Calls may overlap; a model that serves one at a time serves them in the order they came. A cancelled
        call leaves the queue. The schema is handed to the model, but not every model obeys it: check the text.

        Raises:
            ModelUnavailable: no answer, or overloaded; may be retried.
            ModelRefused: the endpoint will not answer this request; a retry never helps.
            ModelNotConfigured: something the model needs (its key) is missing.
            NotSupported: it cannot do what is asked, such as call tools.
        """

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelAnswer, None]:
        """Yield the answer's pieces as the model says them, and at the end the whole answer.

        The pieces joined are the answer. Some requests cannot be answered in pieces: then there is one, at the end.
        Close it (`contextlib.aclosing`): that takes the question back from the model.

        Raises:
            As `complete`; ModelUnavailable also after some pieces, when the model breaks off.
        """

    async def close(self) -> None:
        """Release connections and processes. May be called twice, and without any `complete` before."""
