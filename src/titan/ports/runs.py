"""What the store of recorded runs knows of runs and agents, of what people said of them, and of replays."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from titan.model.replays import Replay
from titan.model.retention import RunKey
from titan.model.run_control import RunStatus
from titan.model.runs import Action, AgentDay, AgentRow, ErrorKind, Note, Run, Stops


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs a list shows. None asks for nothing."""

    statuses: frozenset[RunStatus] = frozenset()  #: empty: all
    min_cost: Decimal | None = None
    started_since: datetime | None = None  #: a run that goes on is always in
    determinism_below: int | None = None  #: only runs with a lower predicted score
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
    """That a run changed."""

    run_id: str
    agent_id: str
    version: int  #: the number of its newest change
    status_version: int  #: of the change by which its status became what it is; 0: before that was noted


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedEntry:
    """That an entry was reported, without its inputs and outputs."""

    number: int  #: of the entry: a change like others, see `newest_version`
    run_id: str
    at: datetime  #: when it came, by our clock
    action: Action | None  #: as it stands by now; None: it is about the run
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
        agent_id: str | None = None,
        has_acknowledged: bool = False,
        skip: int = 0,
        limit: int,
    ) -> list[tuple[Run, bool]]:
        """Return runs that failed or hold calls that failed or were stopped, the latest first.

        Those that a note acknowledges or mutes only where asked for (`rules.intercepts.acknowledgement`).

        The flag tells of a run that did not fail whether a call did that was not made good: it did not succeed later in
        the run under the same name, and no call that it was made in, however far up, succeeded all the same. A turn, an
        agent or a step makes nothing good. Calls that never ended do not count.
        """

    def silent_runs(self, *, before: datetime, within_call_before: datetime, limit: int) -> list[Run]:
        """Return running runs without stages that were heard last before, the longest silent first.

        One with a call that runs only where it was heard last before `within_call_before`: it may be silent for longer.
        """

    def runs_left_open(self, *, before: datetime, limit: int) -> list[Run]:
        """Return runs that ended with calls that still run, and were heard last before, that one first."""


class AgentReader(Protocol):
    """Questions about what the runs of an agent come to."""

    def agents(
        self,
        project_id: str,
        *,
        part: str | None = None,
        agent_id: str | None = None,
        after: str = "",
        limit: int,
    ) -> list[AgentRow]:
        """Return agents by id behind `after`: all, those whose id holds `part`, or the one of `agent_id`."""

    def stops_of_agent(self, project_id: str, agent_id: str, *, since: datetime, until: datetime) -> Stops:
        """Return how many attempts of the agent's runs were stopped that started from `since` until before `until`.

        Runs count by the hour, in UTC: all those of the hour of `since` do, and none of that of `until`.
        """

    def days_of_agent(self, project_id: str, agent_id: str, *, since: datetime) -> list[AgentDay]:
        """Return the days on which runs of the agent started, ascending."""

    def errors_of_agent(self, project_id: str, agent_id: str, *, limit: int) -> list[ErrorKind]:
        """Return the types of errors of the agent's calls, the most frequent first; being cancelled is none."""


class AnnotationReader(Protocol):
    """Questions about what people said of runs."""

    def notes_of_run(self, project_id: str, run_id: str) -> list[Note]:
        """Return what people said of a run and its actions, the newest first."""

    def note_by_id(self, project_id: str, note_id: str) -> Note | None:
        """Return what people said under an id."""


class AnnotationTransaction(Protocol):
    """Changes of what people said of runs."""

    def save_note(self, note: Note) -> None:
        """Insert or overwrite what a person said of a stored run."""

    def forget_note(self, note: Note) -> None:
        """Delete what a person said of a stored run."""


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
