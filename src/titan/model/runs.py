"""Agent runs, their actions, notes and replays, and sums over them.

All are projections of the entries and hold only what lists and filters read; contents are looked up when asked for.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from titan.model.actions import CALLS, ActionKind, Effect, Impact, Outcome, Reason, reason_of
from titan.model.run_control import Origin, RunStatus, StatusSource

UNKNOWN_AGENT: Final = "unknown"  # the agent of a run that no source has attributed
PROCESS: Final = "process:"  #: before the digest of a process's code in `Run.detail_digests`


class Tally(Struct, frozen=True, kw_only=True):
    """Counts and sums over a run's calls; what groups calls is not counted (`model.actions.CALLS`)."""

    calls: int = 0  #: of all outcomes, and those that still run
    running: int = 0
    success: int = 0
    error: int = 0
    blocked: int = 0
    rejected: int = 0
    replayed: int = 0  #: and answered from an earlier same call
    cost: Decimal = Decimal(0)  #: incurred: of success and error, as far as it is known
    unpriced: int = 0  #: model calls that cost something unknown, which `cost` lacks
    estimated: int = 0  #: calls whose share of `cost` was computed from tokens
    prevented: Decimal = Decimal(0)  #: of blocked and rejected
    saved: Decimal = Decimal(0)  #: of replayed
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def attempts(self) -> int:
        """Calls that ended as attempts do: what the success rate is a share of."""
        return self.success + self.error + self.blocked + self.rejected

    @property
    def stopped(self) -> int:
        """Attempts that a guard or a person did not let happen."""
        return self.blocked + self.rejected

    @property
    def attempted_cost(self) -> Decimal:
        """What would have been spent had nothing been stopped."""
        return self.cost + self.prevented


class ReportedEnd(Struct, frozen=True, kw_only=True):
    """An end that was reported for a run, before something of it began again."""

    status: RunStatus
    source: StatusSource
    at: datetime
    reason: str | None = None


class Run(Struct, frozen=True, kw_only=True):
    """A run: what was recorded of it, and the state of the DAGs that it submitted."""

    project_id: str
    id: str
    agent_id: str
    status: RunStatus
    status_source: StatusSource
    started_at: datetime
    last_event_at: datetime  #: the latest time that its entries name
    received_at: datetime  #: when the last report of it was received, by our clock
    ended_at: datetime | None = None
    session_id: str | None = None
    parent_run_id: str | None = None  #: the run that it is a fork of
    forked_at_action_id: str | None = None  #: the action of that run from which it goes its own way, if one was edited
    name: str | None = None
    reason: str | None = None  #: why it ended as it did
    reported_end: ReportedEnd | None = (
        None  #: kept while the run continues after it; it holds again when the run falls silent
    )
    tally: Tally = Tally()
    has_stages: bool = False  #: it submitted DAGs; then the idle rule is the orchestrator's
    last_outcome: Outcome | None = None  #: of the attempt that ended last
    last_ended_at: datetime | None = None  #: when that was
    first_error_id: str | None = None  #: the call that failed first; where none did, the first that never ended
    first_error: str | None = None  #: "ValueError: nope", at most 300 characters
    #: When that call started. None where it never ended: any that failed of itself is reported before it.
    first_error_at: datetime | None = None
    #: When something of it began last: an end reported for before was not the end.
    last_started_at: datetime | None = None
    done: int | None = None  #: progress, as its program reports it
    total: int | None = None
    progress_at: datetime | None = None  #: when it was so far
    tags: tuple[str, ...] = ()
    entry_count: int = 0  #: entries of its tape
    lost: int = 0  #: entries that its program could not deliver, as far as it reported them
    troubles: int = 0  #: how much went wrong so far, which never falls; a store counts it: `troubles_after`
    #: How certain its agent is: of several attributions the smallest counts. 0: certain.
    agent_order: int = 0
    keeps_content: bool = True  #: whether its inputs and outputs are stored: decided at the first report of it
    #: Digests of the details reported with it, so that each is stored once; before those of processes stands PROCESS.
    detail_digests: tuple[str, ...] = ()
    #: The determinism from 0 to 100, predicted or measured. None: not known yet, or it cannot be.
    determinism: int | None = None
    code_digest: str | None = None  #: of the modules of its programs and jobs: distinguishes versions of an agent
    pinned_at: datetime | None = None
    archived_at: datetime | None = None
    #: When entries of it were imported last: its code may be of another machine. None: never, as far as is known.
    imported_at: datetime | None = None
    trusted_at: datetime | None = None  #: when somebody trusted its code since
    origin: Origin = Origin.PRODUCTION

    @property
    def is_untrusted(self) -> bool:
        """Whether it was imported and nobody trusts its code: workers do not execute that."""
        return self.imported_at is not None and self.trusted_at is None

    @property
    def process_count(self) -> int:
        """Of how many processes the code was reported."""
        return sum(digest.startswith(PROCESS) for digest in self.detail_digests)

    @property
    def details_count(self) -> int:
        """How many other details were reported with it."""
        return len(self.detail_digests) - self.process_count


def troubles_after(before: Run | None, after: Run) -> int:
    """Return the number of problems in a run until it became `after`; it never falls. `before` is None for a new run.

    A note that acknowledges so many covers all until then. The problems of now may become fewer: a call taken for
    unfinished reports its end, two calls turn out to be one, a failed run continues. Were the count lowered, the next
    error would not raise it above what was acknowledged.
    """
    if before is None:
        return wrong_now(after)
    more = (
        after.tally.error - before.tally.error,
        after.tally.stopped - before.tally.stopped,
        after.lost - before.lost,
        _has_failed_anew(before, after),
    )
    return before.troubles + sum(max(0, growth) for growth in more)


def wrong_now(run: Run) -> int:
    """Return the number of problems in a run: failed and stopped actions, lost entries, and its own failure."""
    return run.tally.error + run.tally.stopped + run.lost + (_failed_at(run) is not None)


def righted(run: Run) -> int:
    """Return the number of past problems that no longer show in a run: an export of it lacks them."""
    return run.troubles - wrong_now(run)


def _has_failed_anew(before: Run, after: Run) -> bool:
    """Return whether a run failed anew: not by a kept end that holds again, nor by a repeated report."""
    end = _failed_at(after)
    return end is not None and before.status is not RunStatus.FAILED and end != _failed_at(before)


def _failed_at(run: Run) -> datetime | None:
    """Return when a run failed, also while it continues after that; None when it did not."""
    if run.reported_end is not None and run.reported_end.status is RunStatus.FAILED:
        return run.reported_end.at
    return run.ended_at if run.status is RunStatus.FAILED else None


_MICROSECOND: Final = timedelta(microseconds=1)


class Count(Struct, frozen=True, gc=False):
    """What an action adds to its run's totals (`rules.runs.totals`)."""

    is_call: bool  #: it is one of the run's calls
    #: Its cost is part of the run's cost. A model call with `has_cost` that ended without a cost is unpriced; one
    #: without `has_cost` has its cost at another report of the same call.
    has_cost: bool
    has_tokens: bool  #: its tokens are part of the run's tokens
    #: The number of the action that it is a second report of. Of a call it says: possibly.
    duplicate_of: int | None = None


COUNTS_ALL: Final = Count(is_call=True, has_cost=True, has_tokens=True)
COUNTS_NOTHING: Final = Count(is_call=False, has_cost=False, has_tokens=False)


def counted_alone(kind: str) -> Count:
    """Return the count of an action without duplicates: everything for a call, else nothing."""
    return COUNTS_ALL if kind in CALLS else COUNTS_NOTHING


class Action(Struct, frozen=True, kw_only=True):
    """An action: all reports under its id, merged. See `ActionEntry` for the fields."""

    number: int  #: ascending in the order in which actions were first reported
    project_id: str
    run_id: str
    id: str
    sources: tuple[str, ...]  #: who reported it (`ActionEntry.reporter`), in the order they came
    kind: ActionKind
    name: str
    agent_id: str  #: of the run, so that a ledger can be asked for an agent's
    started_at: datetime
    parent_id: str | None = None
    actor: str | None = None
    ended_at: datetime | None = None
    duration_ns: int | None = None  #: None while it runs
    outcome: Outcome | None = None  #: None while it runs, and where it ended with a `reason`
    cost: Decimal | None = None  #: what its outcome says of it: spent, prevented or replayed
    is_cost_estimated: bool = False  #: computed from tokens and a price list, because no source reported it
    model: str | None = None
    provider: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    response_id: str | None = None
    error_type: str | None = None
    error_message: str | None = None  #: its first line, at most 500 characters
    impact: Impact | None = None
    effect: Effect | None = None
    tags: tuple[str, ...] = ()
    is_redacted: bool = False
    redaction_version: int = 0  #: the oldest by which secrets were looked for in a report of it; 0: one was not
    has_inputs: bool = False
    has_outputs: bool = False
    count: Count  #: what it adds to its run's totals

    @property
    def shown_kind(self) -> ActionKind:
        """The kind shown to people: a call that another action counts is a step around or beside that one."""
        return ActionKind.STEP if self.kind in CALLS and not self.count.is_call else self.kind

    @property
    def reason(self) -> Reason | None:
        """Why it is over and has no outcome; None for one that has an outcome or still runs."""
        return reason_of(self.error_type) if self.outcome is None and self.ended_at is not None else None

    @property
    def is_possible_duplicate(self) -> bool:
        """Whether it looks like a second report of a call, and is counted all the same."""
        return self.count.is_call and self.count.duplicate_of is not None


def lasted_ns(started_at: datetime, ended_at: datetime) -> int:
    """Return a duration; 0 when the clock was set back between."""
    return max(0, (ended_at - started_at) // _MICROSECOND * 1000)


class OutcomeSums(Struct, frozen=True, kw_only=True):
    """Sums over calls of one outcome."""

    outcome: Outcome | None  #: None: of those that still run
    calls: int
    cost: Decimal
    unpriced: int  #: model calls without a cost
    estimated: int  #: calls whose cost was computed from tokens
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A person's note on a run or on one of its actions: a score, a text, or both."""

    id: str
    project_id: str
    run_id: str
    action_id: str | None  #: None: of the run
    author: str
    at: datetime
    name: str | None = None  #: what is scored: "quality"
    score: float | None = None
    text: str = ""
    acknowledges: bool = False  #: the run needs no attention until another problem occurs
    troubles: int = 0  #: of the run when somebody acknowledged it: `Run.troubles`
    mutes: bool = False  #: the run never needs attention again


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedIssue:
    """A source of non-determinism that a person accepts in all runs of an agent: a timestamp in a log, for example."""

    project_id: str
    agent_id: str
    key: str  #: `insight.determinism.model.Issue.key`
    author: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRow:
    """An agent, discovered from its runs, with their totals."""

    agent_id: str
    first_seen_at: datetime
    last_seen_at: datetime
    runs: int
    running: int
    completed: int
    failed: int
    cost: Decimal
    calls: int
    attempts: int
    success: int
    unpriced: int  #: model calls whose cost is not known, which `cost` lacks
    estimated: int  #: calls whose share of `cost` was computed from tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDay:
    """An agent's runs that started on one day."""

    day: date  #: in UTC
    runs: int
    completed: int
    failed: int
    attempts: int
    success: int
    cost: Decimal
    unpriced: int
    estimated: int
    scored: int = 0  #: runs whose determinism is known
    scores: int = 0  #: the sum of their scores


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentVersion:
    """An agent's runs of one code."""

    digest: str  #: `Run.code_digest`
    first_at: datetime  #: when the first of them started
    last_at: datetime
    runs: int
    scored: int  #: runs whose determinism is known
    scores: int  #: the sum of their scores
    squares: int  #: the sum of the squares of their scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Stops:
    """How many of some attempts were stopped."""

    stopped: int
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorKind:
    """A type of error that an agent's calls have had."""

    type: str
    count: int
    first_seen_at: datetime
    last_seen_at: datetime
    run_id: str  #: of the last one
    action_id: str


class ActionFacts(Struct, frozen=True, gc=False):
    """What totals need to know of one action; see `Action` for what the fields mean.

    Tens of thousands are made at once, so they hold integers: no Decimal, no datetime.
    """

    number: int
    id: str
    parent_id: str | None
    kind: str  #: an `ActionKind`
    #: Who reported it: "sdk", "endpoint", "sentinel", …; of OpenTelemetry "otlp:" and the instrumentation scope, for a
    #: framework and the client that it uses are two sources.
    sources: tuple[str, ...]
    name: str
    started_at_us: int  #: microseconds since 1970
    ended_at_us: int | None
    outcome: str | None  #: an `Outcome`; None while it runs
    cost: int | None  #: picodollars
    is_cost_estimated: bool
    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    response_id: str | None
    error_type: str | None
    error_message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstError:
    """The call of a run that failed first."""

    action_id: str
    text: str  #: "ValueError: nope", at most 300 characters
    started_at_us: int | None  #: None: no call failed of itself, and this one never ended


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTotals:
    """The totals of a run's actions."""

    tally: Tally
    first_error: FirstError | None
    last_outcome: Outcome | None  #: of the attempt that ended last
    last_ended_at_us: int | None  #: when that was


# --- replays ---


class ReplayLevel(StrEnum):
    """What a replay did."""

    SELF_CHECK = "self_check"  #: it checked the recording: can the run be replayed, and if not, why
    COMPARE = "compare"  #: it compared two recorded runs
    RE_EXECUTE = "re_execute"  #: the program ran again with its calls answered from the recording


class ReplayState(StrEnum):
    """The state of a replay."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Replay(Struct, frozen=True, kw_only=True):
    """A replay of a run."""

    id: str
    project_id: str
    run_id: str
    level: ReplayLevel
    with_run: str | None = None  #: what it was compared with
    state: ReplayState
    author: str  #: who started it
    created_at: datetime
    ended_at: datetime | None = None
    dag_id: str | None = None  #: of the job that executes it on a worker; None: the server computes it, or a client did
    error: str | None = None  #: why it failed
    metrics: str | None = None  #: a JSON object: `titan.wire.replays.ReplayMetrics`
    result: str | None = None  #: a JSON object: `ReplayResult` there; None in lists


# --- interventions of guards ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervention:
    """An intervention of a guard in a call, as its client reports it."""

    id: str  #: made from what the client says, so that the same one reported twice is recognised
    run_id: str
    at: datetime
    type: str  #: the client's word: "hard_block", "budget_exceeded", "rate_limited", "budget_warning" …
    outcome: str  #: the client's word: "blocked", "escalated", "warned", "modified" …
    action_name: str
    agent_id: str | None = None
    reason: str | None = None
    estimated_cost: Decimal | None = None  #: US dollars that the call would have cost
    risk_level: str | None = None
