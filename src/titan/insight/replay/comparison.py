"""Two recorded runs compared, action by action: what diverged, what it cost, and a table of both sides.

Nothing is executed: the second run is one that was recorded, whatever ran it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from operator import attrgetter
from typing import Final

from titan.insight.replay.alignment import AlignedPair, align
from titan.insight.replay.bodies import BodyDifference, Remark, input_preview, output_preview
from titan.insight.replay.divergences import DivergenceKind, Judged, consequences, judged
from titan.insight.replay.recorded_action import RecordedAction

MOST_DIVERGENCES: Final = 500  # that a result tells of: what comes after so many helps nobody
MOST_ROWS: Final = 2000  # of the table; two for a call, 0.8 MB in all


class RowStatus(StrEnum):
    """What a row of the table says."""

    MATCH = "match"
    DIVERGED = "diverged"
    UNKNOWN = "unknown"  #: one side was not recorded


class RowPart(StrEnum):
    """What of a call a row shows."""

    CALL = "call"  #: that it was made
    INPUT = "input"
    OUTPUT = "output"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """A call that does not match."""

    kind: DivergenceKind
    action: str  #: its name, of the original where that has it
    replay_action: str | None  #: its name in the replay; None: it is missing
    original_id: str | None
    replay_id: str | None
    path: str | None  #: where the inputs or the outputs differ first
    is_root: bool  #: it is the first
    consequence_of: int | None  #: the place among the divergences of the one whose value it consumes


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRow:
    """A row of the table: the inputs or the outputs of one call."""

    action: str
    part: RowPart
    original: str | None  #: in few words; None where that run has none
    replay: str | None
    status: RowStatus
    original_id: str | None
    replay_id: str | None
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a replay came to, against its original."""

    original_cost: Decimal  #: US dollars, as far as they are known
    replay_cost: Decimal  #: of the calls that really ran
    matched: int  #: calls
    compared: int  #: calls of both runs together, each pair once
    uncompared: int  #: matched calls of which inputs or outputs of one run were not recorded
    divergence_count: int
    divergences: tuple[Divergence, ...]  #: the first MOST_DIVERGENCES
    rows: tuple[ComparedRow, ...]  #: the first MOST_ROWS
    has_more_rows: bool

    @property
    def savings(self) -> Decimal:
        """What the replay cost less than the original."""
        return self.original_cost - self.replay_cost

    @property
    def match_rate(self) -> float:
        """The share of calls that matched, from 0 to 1; 1 where neither run made any."""
        return self.matched / self.compared if self.compared else 1.0


def compare(original: Sequence[RecordedAction], replay: Sequence[RecordedAction]) -> Comparison:
    """Return how a replay differs from its original; both as they started."""
    calls = [judged(pair) for pair in align(original, replay) if any(pair.both(attrgetter("is_call")))]
    diverged = [(one.kind, one) for one in calls if one.kind is not None]
    told = diverged[:MOST_DIVERGENCES]
    origins = consequences(one for _, one in told)
    rows = tuple(islice((row for one in calls for row in _rows(one)), MOST_ROWS + 1))
    matched = [one for one in calls if one.kind is None]
    return Comparison(
        original_cost=_cost(original),
        replay_cost=_cost(replay),
        matched=len(matched),
        compared=len(calls),
        uncompared=sum(one.inputs.is_unknown or one.outputs.is_unknown for one in matched),
        divergence_count=len(diverged),
        divergences=tuple(
            _divergence(kind, one, is_root=place == 0, consequence_of=origin)
            for place, ((kind, one), origin) in enumerate(zip(told, origins, strict=True))
        ),
        rows=rows[:MOST_ROWS],
        has_more_rows=len(rows) > MOST_ROWS,
    )


def _cost(actions: Iterable[RecordedAction]) -> Decimal:
    return sum((action.cost for action in actions), Decimal(0))


def _divergence(kind: DivergenceKind, one: Judged, *, is_root: bool, consequence_of: int | None) -> Divergence:
    original_id, replay_id = one.pair.both(attrgetter("id"))
    return Divergence(
        kind=kind,
        action=_name(one),
        replay_action=one.pair.both(attrgetter("name"))[1],
        original_id=original_id,
        replay_id=replay_id,
        path=one.path,
        is_root=is_root,
        consequence_of=consequence_of,
    )


def _name(one: Judged) -> str:
    original, replay = one.pair.both(attrgetter("name"))
    return original or replay or ""


def _rows(one: Judged) -> Iterator[ComparedRow]:
    """Yield a row for the inputs and one for the outputs, or one for the call where neither says anything."""
    is_same_call = one.kind not in _OTHER_CALL
    given = one.pair.both(lambda action: input_preview(action.inputs))
    part, gave = _result(one.pair)
    is_said = given != _NONE or gave != _NONE
    if not is_said or one.kind in _OF_CALL:
        status = RowStatus.MATCH if one.kind is None else RowStatus.DIVERGED
        yield _row(one, RowPart.CALL, one.pair.both(attrgetter("name")), status)
    if given != _NONE:
        yield _row(one, RowPart.INPUT, given, _status(one.inputs, is_alike=is_same_call))
    if gave != _NONE:
        is_same_end = is_same_call and one.kind is not DivergenceKind.ERROR_MISMATCH
        yield _row(one, part, gave, _status(one.outputs, is_alike=is_same_end))


_NONE: Final = (None, None)
#: Divergences of which the call itself tells, not what it was given and gave.
_OF_CALL: Final = frozenset({DivergenceKind.ACTION_NAME_MISMATCH, DivergenceKind.ORDER_CHANGED})
#: Divergences in which no part of a call has a counterpart.
_OTHER_CALL: Final = frozenset(
    {DivergenceKind.ACTION_NAME_MISMATCH, DivergenceKind.MISSING_ACTION, DivergenceKind.EXTRA_ACTION}
)


def _row(one: Judged, part: RowPart, sides: tuple[str | None, str | None], status: RowStatus) -> ComparedRow:
    of = one.inputs if part is RowPart.INPUT else one.outputs
    original_id, replay_id = one.pair.both(attrgetter("id"))
    return ComparedRow(
        action=_name(one),
        part=part,
        original=sides[0],
        replay=sides[1],
        status=status,
        original_id=original_id,
        replay_id=replay_id,
        remarks=tuple(sorted(of.remarks)),
    )


def _status(found: BodyDifference, *, is_alike: bool) -> RowStatus:
    if not is_alike or found.path is not None:
        return RowStatus.DIVERGED
    return RowStatus.UNKNOWN if found.is_unknown else RowStatus.MATCH


def _result(pair: AlignedPair) -> tuple[RowPart, tuple[str | None, str | None]]:
    """Return what a call came to on both sides: its outputs, or why it failed."""
    has_failed = pair.both(attrgetter("failure")) != _NONE
    ends = pair.both(lambda action: action.failure or output_preview(action.outputs))
    return RowPart.ERROR if has_failed else RowPart.OUTPUT, ends
