"""The store of recorded runs: the ports `CallReader`, `CallTransaction` and `CallStore`, by subject in other modules.

A store of its own, so that a burst of calls delays no job.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from concurrent.futures import Future
from datetime import datetime
from typing import Protocol, TypeVar

from msgspec import Struct

from titan.model.actions import Entry
from titan.model.runs import Action, Count, Run, RunTotals
from titan.ports.actions import ActionReader, LedgerReader
from titan.ports.determinism import DeterminismReader, DeterminismTransaction
from titan.ports.evaluations import EvaluationReader, EvaluationTransaction
from titan.ports.retention import RunRetentionReader, RunRetentionTransaction
from titan.ports.runs import (
    AgentReader,
    AnnotationReader,
    AnnotationTransaction,
    ReplayReader,
    ReplayTransaction,
    RunReader,
)
from titan.ports.tapes import TapeReader

T = TypeVar("T")


class CallCommit(Struct, frozen=True, kw_only=True):
    """What one commit of the calls store was about, for those who wait for it."""

    runs: frozenset[tuple[str, str]]  #: (project id, run id)
    version: int  #: of the newest change; ascending


class KnownCalls(Struct, frozen=True, kw_only=True):
    """What is stored of the runs and actions that some entries may be about."""

    runs: Mapping[str, Run]  #: by run id
    actions: Mapping[tuple[str, str], Action]  #: by (run id, id)
    next_number: int  #: of an action that is new
    #: By the id of a run of which entries report an end: the numbers of its calls that still run.
    open_calls: Mapping[str, Set[int]] = {}
    #: By the number of an action that entries report a part of: what the parts that were reported are known by.
    parts: Mapping[int, Set[bytes]] = {}


class NewEntry(Struct, frozen=True, kw_only=True):
    """An entry to be appended, and the action it is about."""

    entry: Entry
    action_number: int | None  #: None: it is about a run


class CallReader(
    RunReader,
    ActionReader,
    LedgerReader,
    TapeReader,
    AgentReader,
    AnnotationReader,
    ReplayReader,
    DeterminismReader,
    EvaluationReader,
    RunRetentionReader,
    Protocol,
):
    """Questions about committed calls; unknown ids give None or nothing."""

    def note(self, name: str) -> str | None:
        """Return what the server itself noted under `name`."""


class CallTransaction(
    CallReader,
    AnnotationTransaction,
    ReplayTransaction,
    DeterminismTransaction,
    EvaluationTransaction,
    RunRetentionTransaction,
    Protocol,
):
    """Reads and writes that become visible together, or not at all."""

    @property
    def now(self) -> datetime:
        """The transaction's time."""

    def known(self, project_id: str, entries: Sequence[Entry]) -> KnownCalls:
        """Return what is stored of the runs and actions that these entries may be about."""

    def keep(
        self, project_id: str, *, runs: Iterable[Run], actions: Sequence[Action], entries: Sequence[NewEntry]
    ) -> None:
        """Write what entries came to, and append them to the tapes of their runs; insert or overwrite.

        A run that was archived, and by now is not, is found by its words as `restore_run` has it. How much went wrong
        in a run is counted here, from how it stood until now (`model.runs.troubles_after`), whichever count it comes
        with.
        """

    def save_totals(
        self, project_id: str, run_id: str, totals: RunTotals, counts: Mapping[int, Count], *, version: int
    ) -> None:
        """Write what a run's actions come to, computed from them as of `version`; `counts` are those that changed.

        Of a run that is gone by now, nothing is written.
        """

    def note_actions_changed(self, project_id: str, run_id: str) -> None:
        """Have a run's totals computed anew: what they depend on in another run has changed."""

    def save_run(self, run: Run) -> None:
        """Insert or overwrite a run's row, and count its troubles as `keep` does; its tape stays as it is."""

    def add_alias(self, alias: str, run: Run) -> None:
        """Make `alias` another name of a stored run, whose row becomes `run`; it must not be one yet.

        A run that was recorded under it is no run any more: its actions and notes are the other's. Its entries stay
        where they are, and are read with the other's.
        """

    def put_note(self, name: str, value: str) -> None:
        """Note something for the server itself."""


class CallStore(Protocol):
    """Keeps recorded calls. tests/contract/test_call_store.py is its specification."""

    def transact(self, decide: Callable[[CallTransaction], T], *, is_durable: bool = True) -> Future[T]:
        """Run `decide` on the writer's thread and commit what it wrote; one after the other.

        The future gives its result only after the commit is durable. Without `is_durable` it does not wait for the
        disk: a power cut may undo it, until a later commit is durable; for what would be computed again. When `decide`
        raises, nothing of it is kept and the future raises the same.

        Raises (in the future):
            StoreFull, StoreUnavailable: nothing was kept; may be retried.
            StoreRefused, StoreDamaged: see `titan.ports.jobs_store.Store`.
        """

    def read(self, query: Callable[[CallReader], T]) -> T:
        """Run `query` on a snapshot of committed calls, in the calling thread."""

    def pack(self, *, before: datetime, limit: int) -> int:
        """Compress what up to `limit` runs hold that have ended, and of which nothing was heard since `before`.

        It changes no answer. Returns how many runs it looked at; takes a few milliseconds for each, in the calling
        thread. A database that compresses by itself has nothing to do.
        """

    def scrub(self) -> Future[bool]:
        """Take off the disk what of deleted runs could not go at once; the future tells whether nothing of it is left.

        While somebody else reads the database, what they may still look at stays: so it is to be asked for again.
        """

    def listen(self, listener: Callable[[CallCommit], None]) -> None:
        """Have `listener` called on the writer's thread after each commit, before its future resolves."""

    def close(self) -> None:
        """Finish what was handed in, then release the files. May be called twice."""
