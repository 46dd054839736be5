"""The ports of the run store: `CallReader`, `CallTransaction` and `CallStore`, composed of a Protocol for each subject.

It is a store of its own, so that a burst of recorded calls delays no job.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol, TypeVar

from msgspec import Struct

from titan.model.actions import Entry
from titan.model.evaluations import AgentRun, RegisteredAgent, Task, ToolEndpoint, Workflow
from titan.model.retention import RunKey
from titan.model.run_control import Origin, RunStatus
from titan.model.runs import (
    AcceptedIssue,
    Action,
    ActionFacts,
    AgentDay,
    AgentRow,
    AgentVersion,
    Count,
    ErrorKind,
    Note,
    OutcomeSums,
    Replay,
    Run,
    RunTotals,
    Stops,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs a list shows. None asks for nothing."""

    statuses: frozenset[RunStatus] = frozenset()  #: empty: all
    min_cost: Decimal | None = None
    started_since: datetime | None = None  #: running runs are always included
    determinism_below: int | None = None  #: only runs with a lower predicted score
    origin: Origin | None = None
    agent_id: str | None = None
    session_id: str | None = None
    parent_run_id: str | None = None  #: forks of this run
    tag: str | None = None  #: one of its tags, as it is
    text: str | None = None  #: part of an id, an agent or a name; or words of what was recorded
    has_archived: bool = False
    ids: frozenset[str] | None = None  #: only these of what the rest leaves
    has_stages: bool = False  #: only runs that submitted DAGs
    is_by_name: bool = False  #: `text` is a part of an id, an agent, a name or a tag: what was recorded is not searched
    is_searched_whole: bool = False  #: look at each entry that holds the words of `text`, not at the newest alone


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedRun:
    """A changed run."""

    run_id: str
    agent_id: str
    version: int  #: the number of its newest change
    status_version: int  #: of the change by which its status became what it is; 0: before that was noted


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedEntry:
    """A reported entry, without its inputs and outputs."""

    number: int  #: of the entry: a change like others, see `newest_version`
    run_id: str
    at: datetime  #: when it came, by our clock
    action: Action | None  #: in its present state; None: it is about the run
    is_first_of_run: bool
    is_first_of_action: bool


class RunReader(Protocol):
    """Questions about recorded runs; unknown ids give None or nothing."""

    def run(self, project_id: str, run_id: str) -> Run | None: ...

    def registry(
        self, project_id: str, wanted: RunFilter, *, sort: str, is_ascending: bool, after: str | None, limit: int
    ) -> tuple[list[Run], str | None]:
        """Return up to `limit` runs and, when there are more, what to give as `after` for the next ones.

        `sort` is "started", "cost", "duration", "actions", "success_rate" or "determinism"; what is unknown
        counts as less than everything.
        """

    def projects(self) -> list[str]:
        """Return the projects that have a run, sorted."""

    def running_with_stages(self) -> list[RunKey]:
        """Return the runs of all projects that have stages and have not ended."""

    def count_runs(self, project_id: str, wanted: RunFilter, *, up_to: int) -> int:
        """Return how many runs there are, counted no further than `up_to`."""

    def is_search_capped(self, wanted: RunFilter) -> bool:
        """Return whether a list under this filter looks at the newest entries alone that hold the words it searches."""

    def version_of_run(self, project_id: str, run_id: str) -> int:
        """Return the number of the newest change of a run; 0 when it is unknown."""

    def newest_version(self) -> int:
        """Return the number of the newest change of all runs; 0 when there is none."""

    def newest_deletion(self) -> int:
        """Return the number of the change by which a run was deleted last; 0 when none was."""

    def runs_changed(self, project_id: str, *, after: int, limit: int) -> list[ChangedRun]:
        """Return runs that changed after, ascending by their newest change."""

    def reported_after(self, project_id: str, *, after: int, limit: int) -> list[ReportedEntry]:
        """Return up to `limit` entries of all runs behind number `after`, in the order they came."""

    def aliases(self, project_id: str, ids: Iterable[str]) -> dict[str, str]:
        """Return id → the run that it is another name of, of those that are."""

    def nameless_runs(self, project_id: str, ids: Iterable[str]) -> dict[str, bool]:
        """Return id → whether it is its run's name for want of another, of those that are runs.

        It is not where the run has stages, or where others report it than name a run so: an answer's run only our
        endpoint, a trace's OpenTelemetry too.
        """

    def runs_in_need(
        self,
        project_id: str,
        *,
        since: datetime,
        origin: Origin | None = None,
        agent_id: str | None = None,
        has_acknowledged: bool = False,
        skip: int = 0,
        limit: int,
    ) -> list[tuple[Run, bool]]:
        """Return runs that failed or hold calls that failed or were stopped, the latest first.

        Those that a note acknowledges or mutes only where asked for (`rules.runs.attention.acknowledgement`).

        The flag tells of a run that did not fail whether a call failed unrecovered: none of its name succeeded later in
        the run, and no call that it was made in, however far up, succeeded. The success of a turn, an agent or a step
        recovers nothing. Unfinished calls do not count.
        """

    def silent_runs(self, *, before: datetime, within_call_before: datetime, limit: int) -> list[Run]:
        """Return running runs without stages whose last report came before, the longest silent first.

        One with a running call only if its last report came before `within_call_before`: it may be silent for longer.
        """

    def runs_left_open(self, *, before: datetime, limit: int) -> list[Run]:
        """Return ended runs with calls that still run and whose last report came before, the earliest first."""


class AgentReader(Protocol):
    """Queries of totals over the runs of an agent."""

    def agents(
        self,
        project_id: str,
        *,
        part: str | None = None,
        agent_id: str | None = None,
        origin: Origin | None = None,
        after: str = "",
        limit: int,
    ) -> list[AgentRow]:
        """Return agents by id behind `after`: all, those whose id holds `part`, or the one of `agent_id`.

        Totals are over runs of `origin`; agents without one are left out. None: over all runs.
        """

    def stops_of_agent(self, project_id: str, agent_id: str, *, since: datetime, until: datetime) -> Stops:
        """Return how many attempts were stopped in the agent's production runs that started from `since` until `until`.

        Runs count by the hour, in UTC: all those of the hour of `since` do, and none of that of `until`.
        """

    def days_of_agent(
        self, project_id: str, agent_id: str, *, since: datetime, origin: Origin | None = None
    ) -> list[AgentDay]:
        """Return the days on which runs of the agent started, ascending."""

    def errors_of_agent(
        self, project_id: str, agent_id: str, *, limit: int, origin: Origin | None = None
    ) -> list[ErrorKind]:
        """Return the types of errors of the agent's calls, the most frequent first; being cancelled is none."""


class AnnotationReader(Protocol):
    """Queries of notes on runs."""

    def notes_of_run(self, project_id: str, run_id: str) -> list[Note]:
        """Return the notes on a run and its actions, the newest first."""

    def note_by_id(self, project_id: str, note_id: str) -> Note | None:
        """Return the note with this id."""


class AnnotationTransaction(Protocol):
    """Changes of notes."""

    def save_note(self, note: Note) -> None:
        """Insert or overwrite a note on a stored run."""

    def forget_note(self, note: Note) -> None:
        """Delete a note on a stored run."""


class ReplayReader(Protocol):
    """Questions about replays."""

    def replays_of_run(self, project_id: str, run_id: str, *, limit: int) -> list[Replay]:
        """Return up to `limit` replays of a run without their results, the newest first."""

    def replay(self, project_id: str, replay_id: str) -> Replay | None:
        """Return a replay with its result."""


class ReplayTransaction(Protocol):
    """Changes of replays."""

    def save_replay(self, replay: Replay) -> None:
        """Insert or overwrite a replay; nothing where its run, or the other one, is not stored any more."""


class FlatRun(Struct, frozen=True, kw_only=True):
    """All actions of a run, without content, for computing its totals."""

    version: int  #: of the newest change of its actions
    actions: Sequence[ActionFacts]  #: in no order
    counts: Mapping[int, Count]  #: by number, of those that are stored to count otherwise than alone


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Which calls the ledger shows. None asks for nothing."""

    outcomes: frozenset[str] = frozenset()  #: "running" are those without one yet; empty: all
    name: str | None = None
    kinds: frozenset[str] = frozenset()  #: empty: all kinds of calls
    origin: Origin | None = None  #: of their runs
    agent_id: str | None = None
    run_id: str | None = None
    min_cost: Decimal | None = None
    max_cost: Decimal | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None  #: words, all of which stand in what was recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPage:
    """Some of the calls that a filter leaves."""

    calls: list[Action]
    total: int  #: how many it leaves, counted no further than was asked for
    is_search_capped: bool  #: only the newest entries that hold the words were searched


class ActionReader(Protocol):
    """Questions about actions; unknown ids give None or nothing."""

    def action(self, project_id: str, run_id: str, action_id: str) -> Action | None:
        """Return the action of this id, or the one that a span of this id turned out to be."""

    def actions_of_run(self, project_id: str, run_id: str, *, after_version: int = 0) -> list[Action]:
        """Return a run's actions in the order they started; only those reported after `after_version`."""

    def numbers_in_run(self, project_id: str, run_id: str, ids: Sequence[str]) -> dict[str, int]:
        """Return id → number of those of the run's actions that have, or turned out to be a span of, one of these."""

    def children_in_run(self, project_id: str, run_id: str, ids: Sequence[str]) -> list[Action]:
        """Return the run's actions that name one of these ids as their parent, as they started; it looks at each."""

    def open_actions(self, project_id: str, run_id: str) -> list[Action]:
        """Return the run's actions that have not ended; it looks at each."""

    def find_in_run(self, project_id: str, run_id: str, text: str, *, limit: int) -> list[str]:
        """Return ids of actions of the run in whose names or content all words of `text` stand, as they started."""

    def calls_answered(self, project_id: str, answers: Iterable[str]) -> list[Action]:
        """Return the model calls, in whatever runs, that gave one of these answers of our endpoint's (`OWN_ANSWER`)."""

    def answered_elsewhere(self, project_id: str, run_id: str, answers: Iterable[str]) -> frozenset[str]:
        """Return which of these answers our endpoint gave in a run other than this."""

    def flat_run(self, project_id: str, run_id: str) -> FlatRun | None:
        """Return what a run's totals are computed from."""

    def runs_to_total(self, *, limit: int) -> list[tuple[str, str]]:
        """Return (project id, run id) of runs whose actions changed since their totals were computed."""


class LedgerReader(Protocol):
    """Questions about the calls of all runs."""

    def ledger(
        self,
        project_id: str,
        wanted: CallFilter,
        *,
        sort: str,
        is_ascending: bool,
        skip: int,
        limit: int,
        up_to: int,
    ) -> CallPage:
        """Return calls of all runs, and how many there are; `sort` is "time", "cost" or "duration"."""

    def calls_after(
        self, project_id: str, wanted: CallFilter, *, after: tuple[datetime, int] | None, limit: int
    ) -> list[Action]:
        """Return up to `limit` calls of all runs as they started, behind the start and number of one of them.

        Unlike the ledger it finds all calls that hold searched words, however many. What comes meanwhile shifts none.
        """

    def sums_of_calls(self, project_id: str, wanted: CallFilter) -> list[OutcomeSums]:
        """Return sums over calls for each outcome that one has; it looks at each call, also of a search."""

    def interventions(self, project_id: str, wanted: CallFilter, *, skip: int, limit: int) -> list[Action]:
        """Return the interventions of agentsentinel-sdk's guards, the latest first; their names are its types."""

    def count_interventions(self, project_id: str, wanted: CallFilter) -> dict[str, int]:
        """Return type → how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """An entry of a run's tape as it is kept: redacted, with its place in the chain."""

    number: int  #: ascending in commit order
    action_number: int | None  #: None: it is about the run
    entry: Entry
    received_at: datetime
    link: str  #: of the chain, after this entry: `titan_sdk.tape.chain`


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeBreak:
    """The first entry of a tape that is not as it was appended."""

    place: int  #: in the tape, from 1; one more than it holds where its end is gone
    action_id: str | None  #: None: it is about the run, or nobody knows any more
    found: str  #: what is wrong, as a clause: "its content is gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeBlob:
    """A blob that holds a payload: the chain covers its digest; its content must be checked separately."""

    digest: str
    place: int  #: of the first entry that names it
    action_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeCheck:
    """The result of verifying a tape: its links computed again."""

    entries: int  #: that the tape holds
    link: str  #: after the last entry that is as it was appended: of a whole tape, what stands for all of it
    broken: TapeBreak | None
    blobs: Sequence[TapeBlob]  #: that entries before a break name


class TapeReader(Protocol):
    """Questions about the entries of a run; unknown ids give None or nothing."""

    def tape(
        self, project_id: str, run_id: str, *, action_number: int | None = None, after: int = 0, limit: int
    ) -> list[StoredEntry]:
        """Return up to `limit` entries of a run behind `after`, or of one of its actions, in the order they came."""

    def entries_about_run(self, project_id: str, run_id: str, *, after: int = 0, limit: int) -> list[StoredEntry]:
        """Return up to `limit` entries behind `after` that are about the run itself, in the order they came."""

    def places_in_tape(self, project_id: str, run_id: str) -> list[tuple[int, int]]:
        """Return (number of an action, number of an entry about it): actions as they started, entries as they came."""

    def entries_at(
        self, project_id: str, run_id: str, numbers: Sequence[int], *, limit_bytes: int
    ) -> list[StoredEntry]:
        """Return entries of a run by their numbers, in the order asked for, until they take about `limit_bytes`.

        One comes in any case, if there is one; numbers that are unknown are left out.
        """

    def check_tape(self, project_id: str, run_id: str) -> TapeCheck | None:
        """Return whether a run's tape, packed or not, is still what was appended; it reads all of it.

        Never raises for what is wrong with a row. The chain has no key: who writes all links anew is not found out, but
        by comparing `link` with what it was.
        """


class DeterminismReader(Protocol):
    """Asks on a snapshot; a part of `CallReader`."""

    def runs_to_score(self, *, limit: int) -> list[tuple[str, str, int]]:
        """Return (project id, run id, stamp) of runs that ended and whose determinism is to be computed, newest first.

        The stamp changes with every cause to compute it, other than the run's own actions.
        """

    def accepted_issues(self, project_id: str, agent_id: str) -> list[AcceptedIssue]:
        """Return the sources of non-determinism that people accept in an agent's runs, the newest first."""

    def versions_of_agent(
        self, project_id: str, agent_id: str, *, limit: int, origin: Origin | None = None
    ) -> list[AgentVersion]:
        """Return the totals of an agent's runs by code version; that of the latest run first."""


class DeterminismTransaction(Protocol):
    """Writes; a part of `CallTransaction`."""

    def save_determinism(
        self, project_id: str, run_id: str, score: int | None, code_digest: str | None, *, version: int, stamp: int
    ) -> None:
        """Write the score of a run and the digest of its code, computed as of `version` (`FlatRun.version`).

        Where its stamp is another one by now, the run waits for its next score. Of a run that is gone by now, nothing
        is written.
        """

    def accept_issue(self, issue: AcceptedIssue) -> None:
        """Insert or overwrite an acceptance; the scores of the agent's latest runs are predicted again."""

    def withdraw_acceptance(self, issue: AcceptedIssue) -> None:
        """Delete an acceptance, if there is one; the scores of the agent's latest runs are predicted again."""


class EvaluationReader(Protocol):
    """Questions about what is stored; unknown ids give None or nothing."""

    def workflow(self, project_id: str, workflow_id: str) -> Workflow | None: ...

    def workflows(self, project_id: str) -> list[Workflow]:
        """Return the workflows of a project, by id."""

    def task(self, project_id: str, workflow_id: str, task_id: str) -> Task | None: ...

    def tasks(self, project_id: str, workflow_id: str, *, after: str = "", limit: int) -> list[Task]:
        """Return tasks behind `after`, by id."""

    def definition(self, project_id: str, digest: str) -> str | None:
        """Return the JSON that tasks and agent runs of a project name by its SHA-256."""

    def registered_agent(
        self, project_id: str, agent_id: str, version: int | None = None, *, workflow_id: str | None = None
    ) -> RegisteredAgent | None:
        """Return a version of an agent; the newest where none is named.

        With a workflow the newest of its own, else of the project; "" is no workflow, and the project alone.
        """

    def registered_agents(self, project_id: str) -> list[RegisteredAgent]:
        """Return the newest version of each agent in each workflow and in the project, by id, the newest first."""

    def tool_endpoint(self, project_id: str, endpoint_id: str) -> ToolEndpoint | None: ...

    def tool_endpoints(self, project_id: str) -> list[ToolEndpoint]:
        """Return the tool endpoints of a project, by id."""

    def agent_run(self, project_id: str, run_id: str) -> AgentRun | None: ...

    def agent_runs(
        self, project_id: str, workflow_id: str, *, task_id: str | None = None, before: str | None = None, limit: int
    ) -> list[AgentRun]:
        """Return agent runs of a workflow or a task, the latest first, those behind the one of id `before`."""

    def attempts(self, project_id: str, workflow_id: str, task_id: str, field: str) -> int:
        """Return the number of the last attempt at a task in an agent field, 0 where there is none."""

    def unfinished_agent_runs(self) -> list[AgentRun]:
        """Return the agent runs of all projects that have not ended, the earliest first."""


class EvaluationTransaction(EvaluationReader, Protocol):
    """Changes; each inserts or overwrites."""

    def save_workflow(self, workflow: Workflow) -> None: ...

    def forget_workflow(self, project_id: str, workflow_id: str) -> None:
        """Delete a workflow with its agents; its tasks are gone by then."""

    def save_definition(self, project_id: str, digest: str, content: str) -> None:
        """Store JSON under its SHA-256, once; deleted with the last task or agent run that names it."""

    def save_task(self, task: Task) -> None:
        """Insert or overwrite a task; an initial state that nothing names afterwards is deleted."""

    def forget_task(self, project_id: str, workflow_id: str, task_id: str) -> None:
        """Delete a task with its agent runs; their Runs stay until they are deleted too."""

    def save_registered_agent(self, agent: RegisteredAgent) -> None: ...

    def save_tool_endpoint(self, endpoint: ToolEndpoint) -> None: ...

    def forget_tool_endpoint(self, project_id: str, endpoint_id: str) -> None: ...

    def save_agent_run(self, run: AgentRun) -> None: ...


class RunRetentionReader(Protocol):
    """Queries of retention of recorded runs."""

    def old_runs(self, *, before: datetime, has_archived: bool, limit: int) -> list[Run]:
        """Return runs of all projects that ended, are not pinned and have no report since `before`; oldest first.

        With `has_archived` without those that have stages and hold no recording: they are kept as long as their stages.
        """

    def pinned_runs(self) -> frozenset[RunKey]:
        """Return the runs of all projects that are pinned."""

    def named_blobs(self, digests: Sequence[str]) -> set[str]:
        """Return those of these digests that payloads are in."""

    def is_blob_within(self, digest: str, reach: str) -> bool:
        """Return whether a recorded run of a project within `reach` names a blob; see `reach_of`."""


class RunRetentionTransaction(Protocol):
    """Archiving and deleting recorded runs."""

    def blobs_of_run(self, project_id: str, run_id: str) -> set[str]:
        """Return the digests of the blobs that the run's payloads are in."""

    def archive_run(self, run: Run) -> None:
        """Remove a run from search, and from lists that do not ask for archived runs."""

    def restore_run(self, run: Run) -> None:
        """Return an archived run to search and lists."""

    def forget_run(self, project_id: str, run_id: str) -> bool:
        """Delete a run with every byte of what was recorded of it; return whether there was one."""


class CallCommit(Struct, frozen=True, kw_only=True):
    """The changes of one commit of the run store, for its listeners."""

    runs: frozenset[tuple[str, str]]  #: (project id, run id)
    version: int  #: of the newest change; ascending


class KnownCalls(Struct, frozen=True, kw_only=True):
    """The stored runs and actions that some entries may be about."""

    runs: Mapping[str, Run]  #: by run id
    actions: Mapping[tuple[str, str], Action]  #: by (run id, id)
    next_number: int  #: of an action that is new
    #: By the id of a run of which entries report an end: the numbers of its calls that still run.
    open_calls: Mapping[str, Set[int]] = {}
    #: By the number of an action that entries report a part of: what the parts that were reported are known by.
    parts: Mapping[int, Set[bytes]] = {}
    #: By the id of a run that the server itself begins and ends, for an evaluation: when it began, and when it ended.
    watched: Mapping[str, tuple[datetime, datetime | None]] = {}


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
        """Return the server's own note under `name`."""


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
        """Return the stored runs and actions that these entries may be about."""

    def keep(
        self, project_id: str, *, runs: Iterable[Run], actions: Sequence[Action], entries: Sequence[NewEntry]
    ) -> None:
        """Write runs and actions, and append entries to the tapes of their runs; insert or overwrite.

        A run that was archived, and by now is not, returns to search as with `restore_run`. Its problems are counted
        here (`model.runs.troubles_after`), whichever count it comes with.
        """

    def save_totals(
        self, project_id: str, run_id: str, totals: RunTotals, counts: Mapping[int, Count], *, version: int
    ) -> None:
        """Write a run's totals, computed from its actions as of `version`; `counts` are those that changed.

        Of a run that is gone by now, nothing is written.
        """

    def note_actions_changed(self, project_id: str, run_id: str) -> None:
        """Have a run's totals computed again: another run that they depend on has changed."""

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
        """Compress the tapes of up to `limit` ended runs of which nothing was reported since `before`.

        It changes no answer. Returns how many runs it looked at; takes a few milliseconds for each, in the calling
        thread. A database that compresses by itself has nothing to do.
        """

    def scrub(self) -> Future[bool]:
        """Remove from the disk what is left of deleted runs; the future tells whether all of it is gone.

        What a concurrent reader may still see stays: call it again later.
        """

    def listen(self, listener: Callable[[CallCommit], None]) -> None:
        """Have `listener` called on the writer's thread after each commit, before its future resolves."""

    def close(self) -> None:
        """Finish what was handed in, then release the files. May be called twice."""
