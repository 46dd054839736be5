"""Values of the determinism analysis: issues, severities, and predicted and measured scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from titan.insight.bodies import Bodies
from titan.model.actions import CALLS
from titan.model.runs import Action
from titan.rules.intervals import wilson_interval


class Severity(StrEnum):
    """The severity of an issue, lowest first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    def raised(self) -> "Severity":
        """Return the next level; the highest stays."""
        return _LEVELS[min(_LEVELS.index(self) + 1, len(_LEVELS) - 1)]

    @property
    def weight(self) -> Decimal:
        """The share of an action's score that the issue costs."""
        return _WEIGHTS[self]


MOST_FLOWS: Final = 20  # of one issue
_LEVELS: Final = tuple(Severity)
_WEIGHTS: Final = MappingProxyType(
    {
        Severity.LOW: Decimal("0.1"),
        Severity.MEDIUM: Decimal("0.3"),
        Severity.HIGH: Decimal("0.6"),
        Severity.CRITICAL: Decimal(1),
    }
)


class IssueKind(StrEnum):
    """The kind of a source of non-determinism."""

    TIMESTAMP = "timestamp"  #: the current time
    RANDOM = "random"  #: a random number or token
    UUID = "uuid"  #: a generated id: UUID, ULID, KSUID, ObjectId
    ENVIRONMENT = "environment"  #: process, host, directory, memory address
    EXTERNAL_STATE = "external_state"  #: a database, API or file that may change between executions
    API_VALUE = "api_value"  #: a value that a service generates for each request: request id, etag
    FLOATING_POINT = "floating_point"  #: rounding that depends on the order of operations
    ORDER = "order"  #: the order of a set, of a directory listing, or of tasks that end
    SAMPLING = "sampling"  #: a model that may answer differently each time


class Side(StrEnum):
    """The location of an issue."""

    INPUTS = "inputs"
    OUTPUTS = "outputs"
    CALL = "call"  #: in the call as a whole
    CODE = "code"  #: in the program's source only


class Band(StrEnum):
    """The band of a score."""

    HIGHLY_DETERMINISTIC = "highly_deterministic"  #: 90-100
    MODERATELY_DETERMINISTIC = "moderately_deterministic"  #: 70-89
    LOW_DETERMINISM = "low_determinism"  #: 50-69
    HIGHLY_NON_DETERMINISTIC = "highly_non_deterministic"  #: 0-49


def band_of(score: int) -> Band:
    """Return the band of a score from 0 to 100."""
    for least, band in _BANDS:
        if score >= least:
            return band
    return Band.HIGHLY_NON_DETERMINISTIC


_BANDS: Final = (
    (90, Band.HIGHLY_DETERMINISTIC),
    (70, Band.MODERATELY_DETERMINISTIC),
    (50, Band.LOW_DETERMINISM),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An action with its inputs and outputs."""

    action: Action
    bodies: Bodies

    @property
    def is_call(self) -> bool:
        """Whether the action is one of the run's counted calls."""
        return self.action.kind in CALLS and self.action.count.is_call


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A finding in an action's data."""

    kind: IssueKind
    side: Side
    severity: Severity
    description: str
    path: str = "$"  #: of the value, indexes of lists as [*]: one issue for all items
    value: str = ""  #: the value that is traced into later actions; "" for none


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A statement in a program's source, and its replacement."""

    file: str
    line: int  #: from 1
    function: str  #: the qualified name of the function around it; "<module>" outside of one
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeFinding:
    """A finding in a program's source."""

    kind: IssueKind
    severity: Severity
    expression: str  #: its source: `datetime.now()`
    description: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A later action whose inputs hold the value of an issue."""

    action_id: str
    name: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """How to fix an issue."""

    recommendation: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """A source of non-determinism in a run."""

    key: str  #: equal in every run of the agent, so that an accepted issue stays accepted
    kind: IssueKind
    title: str
    severity: Severity
    action_ids: Sequence[str]  #: of the actions that have it, as they started
    action_name: str
    side: Side
    path: str
    value: str  #: the first one; empty where the issue is not one of a value
    description: str
    advice: Advice
    place: Place | None  #: None where no code is at hand, or no statement of it explains the issue
    flows: Sequence[Flow]  #: the first MOST_FLOWS


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """The issues of a run, in the order of its actions."""

    attempts: int  #: calls that the score is an average over
    unread: int  #: attempts of which no inputs and outputs are stored, or too large ones: only partly analysed
    issues: Sequence[Issue]
    files: Sequence[str]  #: names of the scripts whose source was analysed


FEWEST_EXECUTIONS: Final = 2  # one agrees with itself

Source: TypeAlias = Literal["predicted", "measured"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The measured agreement of a program's executions on a run's recording."""

    replay_id: str
    at: datetime
    author: str
    command: str
    score: int
    executions: int
    changes: Sequence[str]  #: how the executed program differs from the recorded one, in words

    @property
    def is_of_recorded_program(self) -> bool:
        """Whether the executed program was the recorded one, as far as known."""
        return not self.changes


def interval(score: int, executions: int) -> tuple[int, int]:
    """Return the Wilson 95 % interval of a score from so many executions, in percent."""
    low, high = wilson_interval(score / 100, executions)
    return round(100 * low), round(100 * high)


def shown(predicted: int | None, measured: Measurement | None) -> tuple[int | None, Source]:
    """Return the lower of two scores with its source; measurements of other programs do not count."""
    if measured is None or not measured.is_of_recorded_program:
        return predicted, "predicted"
    if predicted is not None and predicted < measured.score:
        return predicted, "predicted"
    return measured.score, "measured"
