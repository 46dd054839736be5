"""The ports of the job store: `Reader`, `Transaction` and `Store`, composed of a Protocol for each subject.

tests/contract/ holds one suite per port; it is run on every implementation and is the port's specification.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from titan.model.attempts import Attempt
from titan.model.dags import Dag
from titan.model.events import Event, JournalEntry, Subject
from titan.model.files import AttemptFile, LeftFile, Receipt, StoredFile, StoredValue
from titan.model.jobs import Job, QueuePart, ReadyJob
from titan.model.retention import ArtifactKey, FileName, LogOwner, OldEntry
from titan.model.run_control import Origin, RunControl
from titan.model.tokens import Organisation, SignIn, Token
from titan.model.workers import Worker

T = TypeVar("T")


class JobReader(Protocol):
    """Questions about jobs, and about which of them comes next; unknown ids give None or nothing."""

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

    def result(self, job_id: str) -> str | None:
        """Return the JSON text that the job's latest attempt set as its result."""

    def gates(self, project_id: str, *, is_open: bool = False, run_id: str | None = None, limit: int) -> list[Job]:
        """Return up to `limit` gates, newest first; with `is_open` only those that wait for a decision."""

    def open_gates_called(self, project_id: str, name: str) -> list[Job]:
        """Return the gates of this name that wait for a decision, oldest first."""

    def active_with_key(self, project_id: str, concurrency_key: str) -> int:
        """Return how many READY and RUNNING jobs have this key."""

    def next_held(self, project_id: str, concurrency_key: str) -> Job | None:
        """Return the job that waits for nothing but a place under this key: highest priority, then oldest."""

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


class DagReader(Protocol):
    """Questions about DAGs, and about the runs and projects that hold them; unknown ids give None or nothing."""

    def projects(self) -> list[str]:
        """Return the projects that have a DAG or a token of their own, sorted."""

    def dag(self, dag_id: str) -> Dag | None: ...

    def newest_dag(self, project_id: str, name: str) -> Dag | None: ...

    def newest_dag_of_key(self, project_id: str, submission_key: str) -> Dag | None: ...

    def stages(self, project_id: str, run_id: str) -> list[Dag]:
        """Return a run's DAGs in submission order."""

    def dags_made_by(self, job_ids: Sequence[str]) -> list[Dag]:
        """Return the DAGs that these jobs have submitted, in submission order."""

    def last_stage(self, project_id: str, run_id: str) -> Dag | None:
        """Return the run's most recent DAG."""

    def run_control(self, project_id: str, run_id: str) -> RunControl | None: ...


class JobTransaction(Protocol):
    """Changes of jobs, DAGs and runs."""

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

    def put_result(self, job_id: str, project_id: str, value: str) -> None:
        """Set a job's result, a JSON text, replacing what it was."""

    def clear_result(self, job_id: str) -> None: ...

    def add_run(self, run: RunControl) -> None: ...

    def save_run(self, run: RunControl) -> None: ...


class ListReader(Protocol):
    """Queries of lists. Given ids that are unknown, or of another project, are left out."""

    def jobs(
        self,
        project_id: str,
        *,
        status: str | None = None,
        run_id: str | None = None,
        dag_id: str | None = None,
        before: str | None = None,
        limit: int,
    ) -> list[Job]:
        """Return up to `limit` jobs, newest first: those older than the job `before`, which may be gone by now."""

    def jobs_of_worker(self, project_id: str, worker_id: str, *, before: str | None = None, limit: int) -> list[Job]:
        """Return up to `limit` jobs that a worker has tried, the one it took last first; `before` is one of them."""

    def jobs_of_ids(self, project_id: str, job_ids: Sequence[str]) -> list[Job]:
        """Return these jobs, in the given order."""

    def jobs_with_result(self, job_ids: Sequence[str]) -> set[str]:
        """Return the ids of those of these jobs that have set a result."""

    def queue_parts(self, project_id: str) -> list[QueuePart]:
        """Return every job that waits, counted with those that wait alike; each stands in one part.

        100,000 jobs took 22 ms on SQLite and 62 ms on PostgreSQL when all were READY, 62 and 83 ms when all were held
        under keys, 104 and 128 ms when the one that waited for parents stood behind all those (2 busy cores).
        """

    def first_of_parts(self, project_id: str, parts: Sequence[QueuePart], *, limit: int) -> list[Job]:
        """Return the first `limit` jobs of parts that differ in the worker alone, in the order of their turn.

        READY and held ones: highest priority first; those with a time: the earliest first; gates: as they opened;
        else the oldest first.
        """

    def attempts_of_jobs(self, job_ids: Sequence[str]) -> dict[str, list[Attempt]]:
        """Return job id → attempts in the order they were leased; jobs without one are left out."""

    def last_attempts_of_worker(self, worker_id: str, *, limit: int) -> list[Attempt]:
        """Return up to `limit` attempts of a worker that have ended, the one that was leased last first."""

    def dags(
        self,
        project_id: str,
        *,
        run_id: str | None = None,
        name: str | None = None,
        origin: Origin | None = None,
        before: str | None = None,
        limit: int,
    ) -> list[Dag]:
        """Return up to `limit` DAGs, newest first: those older than the DAG `before`, which may be gone by now.

        `origin` narrows only a list without a run and a name.
        """

    def dags_of_ids(self, project_id: str, dag_ids: Sequence[str]) -> list[Dag]:
        """Return these DAGs, in the given order."""

    def dag_names(self, dag_ids: Sequence[str]) -> dict[str, str]:
        """Return id → name of these DAGs."""

    def runs_of_ids(self, project_id: str, run_ids: Sequence[str]) -> list[RunControl]:
        """Return these runs, in the given order."""

    def last_stages(self, project_id: str, run_ids: Sequence[str]) -> dict[str, Dag]:
        """Return run id → the most recent DAG of each of these runs."""

    def stages_of_runs(self, project_id: str, run_ids: Sequence[str]) -> dict[str, list[Dag]]:
        """Return run id → DAGs in submission order, of each of these runs that has any."""

    def worker_names(self, worker_ids: Sequence[str]) -> dict[str, str]:
        """Return id → name of these workers."""


class AttemptReader(Protocol):
    """Questions about attempts, their files and workers; unknown ids give None or nothing."""

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


class AttemptTransaction(Protocol):
    """Changes of attempts, their files and workers."""

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


class KvReader(Protocol):
    """Questions about keys, names and receipts; unknown ones give None or nothing."""

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


class KvTransaction(Protocol):
    """Changes of what stands under keys and names, and receipts."""

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


class AccessReader(Protocol):
    """Questions about tokens, and about browsers that were signed in with one."""

    def token(self, token_id: str) -> Token | None: ...

    def tokens(self) -> list[Token]:
        """Return all tokens, newest first, revoked and expired ones too."""

    def organisations(self) -> list[Organisation]:
        """Return all organisations but the server's own, by id."""

    def sign_in(self, hashed: str) -> SignIn | None:
        """Return the sign-in whose secret has this hash, expired or not."""


class AccessTransaction(Protocol):
    """Changes of tokens and sign-ins."""

    def add_token(self, token: Token) -> None: ...

    def save_token(self, token: Token) -> None:
        """Overwrite what changes of a token: when it was last used, when it was revoked."""

    def add_organisation(self, organisation: Organisation) -> None: ...

    def add_sign_in(self, sign_in: SignIn) -> None: ...

    def forget_sign_in(self, hashed: str) -> bool:
        """Delete the sign-in whose secret has this hash; return whether there was one."""

    def forget_sign_ins(self, *, before: datetime) -> int:
        """Delete the sign-ins that expired before; return how many."""


class RetentionReader(Protocol):
    """Queries of retention and maintenance."""

    def journal_cut(self) -> int:
        """Return the highest number of a deleted entry, or 0: who has read less far may have missed something."""

    def oldest_entries(self, *, after_seq: int, limit: int) -> list[OldEntry]:
        """Return entries after `after_seq`, ascending, without the newest of all, which always stays."""

    def quiet_runs(self, *, since: datetime, before: datetime, limit: int) -> list[RunControl]:
        """Return runs without a live job whose last activity lies in [since, before), the earliest first."""

    def forgettable_runs(self, *, before: datetime, after: RunControl | None, limit: int) -> list[RunControl]:
        """Return runs after `after` without a live job whose last activity was before, the oldest first."""

    def forgettable_dags(self, *, before: datetime, limit: int) -> list[Dag]:
        """Return DAGs without a run that ended before; the oldest first."""

    def forgettable_workers(self, *, before: datetime, after_id: str, limit: int) -> list[Worker]:
        """Return workers that are gone, were seen last before and that no attempt names; after `after_id`, by id."""

    def old_files(self, *, before: datetime, after: FileName, limit: int) -> list[FileName]:
        """Return names after `after` that were uploaded last before; in order."""

    def old_artifact_keys(self, *, before: datetime, after: ArtifactKey, limit: int) -> list[ArtifactKey]:
        """Return keys with artifacts after `after`, set last before; by artifact."""

    def is_blob_named(self, digest: str) -> bool:
        """Return whether anything but a job names this blob; a new table that names blobs is added here."""

    def is_blob_within(self, digest: str, reach: str) -> bool:
        """Return whether a file or a key of a project within `reach` names a blob; see `reach_of`."""

    def blobs_of_jobs(self, *, after_id: str, limit: int) -> tuple[str | None, set[str]]:
        """Return the last id of the next `limit` jobs by id (None at the end), and the blobs that they name."""

    def log_owner(self, lease_id: str) -> LogOwner | None: ...

    def labels_waited_for(self) -> list[str]:
        """Return the labels that READY jobs of all projects require, in order; each costs one look at an index."""

    def count_unfinished_jobs(self) -> dict[str, int]:
        """Return status → number of jobs that are not final; statuses without one are left out."""

    def unused_bytes(self) -> int:
        """Return how much the database could grow before its file does."""

    def note(self, name: str) -> str | None:
        """Return the server's own note under `name`."""


class RetentionTransaction(Protocol):
    """Deletions of retention, and the server's notes to itself."""

    def put_note(self, name: str, value: str) -> None:
        """Note something for the server itself, replacing what stood there."""

    def forget_entries(
        self, project_id: str, *, run_id: str | None = None, dag_id: str | None = None, limit: int
    ) -> int:
        """Delete up to `limit` journal entries of a run, or of a DAG; return how many. The journal's newest stays."""

    def cut_journal(self, seqs: Sequence[int]) -> None:
        """Delete these entries, which `oldest_entries` has named."""

    def forget_jobs(self, dag_id: str, *, limit: int) -> int:
        """Delete up to `limit` jobs of a DAG with all that hangs on them, and return how many.

        A DAG that one of them submitted stays without a maker.
        """

    def forget_dag(self, dag_id: str) -> None:
        """Delete a DAG that has no jobs left."""

    def forget_run(self, project_id: str, run_id: str) -> None:
        """Delete a run that has no DAGs left."""

    def forget_workers(self, worker_ids: Sequence[str], *, before: datetime) -> int:
        """Delete these workers, but those that came back or were seen since `before`; return how many."""

    def forget_files(self, names: Sequence[FileName], *, before: datetime) -> int:
        """Delete these names, but those uploaded again since `before`; return how many."""

    def forget_artifact_keys(self, keys: Sequence[ArtifactKey], *, before: datetime) -> int:
        """Delete these keys, but those set again since `before`; return how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """The changes of one commit, for its listeners."""

    entries: tuple[JournalEntry, ...]  #: in journal order
    keys: frozenset[tuple[str, str]]  #: (project id, key) of shared values and sets that were written
    is_foreign: bool = False  #: another server on the same database made it; what it asks for is that one's to do
    is_everything: bool = False  #: more may have changed than is listed: whoever waits should look
    transactions: int = field(default=1, compare=False)  #: how many were committed together
    duration_ns: int = field(default=0, compare=False)  #: from the begin of the first to their being durable


class Reader(JobReader, DagReader, ListReader, AttemptReader, KvReader, AccessReader, RetentionReader, Protocol):
    """Questions about committed facts, or inside a transaction its own too; unknown ids give None or nothing."""

    def look_ahead(
        self,
        *,
        leases: Sequence[str] = (),
        workers: Sequence[str] = (),
        jobs: Sequence[str] = (),
        lanes: Sequence[tuple[str | None, str, int]] = (),
    ) -> None:
        """Announce the next questions; it changes no answer. A store behind a network fetches them in one trip.

        They are about the attempts of `leases` with their jobs, DAGs, runs and children; `workers` with their leases;
        `jobs`; the ready jobs of `lanes`: (worker that they are bound to or None, requirement, limit).
        """

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

    def home_id(self) -> str:
        """Return the random id this store got when it was made."""


class Transaction(
    Reader, JobTransaction, AttemptTransaction, KvTransaction, AccessTransaction, RetentionTransaction, Protocol
):
    """Reads and writes that become visible together, or not at all."""

    @property
    def now(self) -> datetime:
        """The transaction's time; every row it writes carries it."""

    def record(self, subject: Subject, event: Event) -> None:
        """Append an event to the journal."""


class Store(Protocol):
    """Keeps facts. The loops change them only through `transact`."""

    @property
    def server_id(self) -> str:
        """The name of this server among those that share the database; "" where there can be only one."""

    @property
    def is_in_charge(self) -> bool:
        """Whether this server does what only one may do: it keeps time for all. Always, where there is only one.

        When that changes, listeners get a commit with `is_everything`.
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

        Commits of other servers on the database follow soon after, once, on a thread of the store's.
        """

    def close(self) -> None:
        """Finish what was handed in, then release the files. May be called twice."""
