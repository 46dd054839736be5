"""What entries come to: an action as it stands, and sums over many.

Both are projections of the entries and hold only what lists and filters read; bodies are looked up when someone looks.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from msgspec import Struct

from titan.model.actions import CALLS, ActionKind, Effect, Impact, Outcome

_MICROSECOND: Final = timedelta(microseconds=1)


class Count(Struct, frozen=True, gc=False):
    """What an action adds to its run's totals (`rules.totals`)."""

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
    """Return what an action of a kind counts as that is looked at alone: all if it is a call, else nothing."""
    return COUNTS_ALL if kind in CALLS else COUNTS_NOTHING


class Action(Struct, frozen=True, kw_only=True):
    """One action as it stands: what the reports under its id say together. See `ActionEntry` for the fields."""

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
    outcome: Outcome | None = None  #: None while it runs
    cost: Decimal | None = None  #: what its outcome says of it: spent, prevented or replayed
    is_cost_estimated: bool = False  #: computed from tokens and a price list, for no source said it
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
    has_inputs: bool = False
    has_outputs: bool = False
    count: Count  #: what it adds to its run's totals

    @property
    def shown_kind(self) -> ActionKind:
        """What people see it as: a call that another action counts is a step around that one, or beside it."""
        return ActionKind.STEP if self.kind in CALLS and not self.count.is_call else self.kind

    @property
    def is_possible_duplicate(self) -> bool:
        """Whether it looks like a second report of a call, and is counted all the same."""
        return self.count.is_call and self.count.duplicate_of is not None


def lasted_ns(started_at: datetime, ended_at: datetime) -> int:
    """Return how long something took by its two times; clocks are set back, so nothing took less than 0."""
    return max(0, (ended_at - started_at) // _MICROSECOND * 1000)


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
    """What a person said of a run or of one of its actions: a score, words, or both."""

    id: str
    project_id: str
    run_id: str
    action_id: str | None  #: None: of the run
    author: str
    at: datetime
    name: str | None = None  #: what is scored: "quality"
    score: float | None = None
    text: str = ""
    acknowledges: bool = False  #: the run needs no attention any more, until more goes wrong in it
    troubles: int = 0  #: of the run when somebody acknowledged it: `Run.troubles`
    mutes: bool = False  #: the run needs no attention any more, whatever more goes wrong in it


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
    """An agent, discovered from its runs, with what they come to."""

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
    failed: int
    attempts: int
    success: int
    cost: Decimal
    unpriced: int
    estimated: int
    scored: int = 0  #: runs whose determinism was predicted
    scores: int = 0  #: the sum of their scores


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
