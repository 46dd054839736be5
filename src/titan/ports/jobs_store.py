"""The store of jobs: the ports `Reader`, `Transaction` and `Store`, each subject in a module of its own.

tests/contract/ holds one suite per port; it is run on every implementation and is the port's specification.
"""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from titan.model.events import Event, JournalEntry, Subject
from titan.ports.access import AccessReader, AccessTransaction
from titan.ports.attempts import AttemptReader, AttemptTransaction
from titan.ports.jobs import DagReader, JobReader, JobTransaction
from titan.ports.kv import KvReader, KvTransaction
from titan.ports.lists import ListReader
from titan.ports.retention import RetentionReader, RetentionTransaction

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What one commit changed, for those who wait for it."""

    entries: tuple[JournalEntry, ...]  #: in journal order
    keys: frozenset[tuple[str, str]]  #: (project id, key) of shared values and sets that were written
    is_foreign: bool = False  #: another server on the same database made it; what it asks for is that one's to do
    is_everything: bool = False  #: more may have changed than is said here: whoever waits should look
    transactions: int = field(default=1, compare=False)  #: how many were committed together
    duration_ns: int = field(default=0, compare=False)  #: from the begin of the first to their being durable


class Reader(JobReader, DagReader, ListReader, AttemptReader, KvReader, AccessReader, RetentionReader, Protocol):
    """Questions about committed facts, or inside a transaction its own too; unknown ids give None or nothing."""

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
