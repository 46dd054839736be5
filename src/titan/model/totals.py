"""What a run's totals are computed from, and what they are.

Tens of thousands of these are made at once, so they hold integers: no Decimal, no datetime.
"""

from dataclasses import dataclass

from msgspec import Struct

from titan.model.actions import Outcome
from titan.model.recorded import Count, Tally

__all__ = ["ActionFacts", "Count", "FirstError", "RunTotals"]


class ActionFacts(Struct, frozen=True, gc=False):
    """What totals need to know of one action. See `titan.model.recorded.Action` for what the fields mean."""

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
    """What a run's actions come to."""

    tally: Tally
    first_error: FirstError | None
    last_outcome: Outcome | None  #: of the attempt that ended last
    last_ended_at_us: int | None  #: when that was
