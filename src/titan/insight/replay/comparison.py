"""Compare two recorded runs action by action: divergences, costs, and a table of both sides.

Nothing is executed: the second run is one that was recorded, whatever ran it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from operator import attrgetter
from typing import Final

from titan.insight.replay.alignment import AlignedPair, align
from titan.insight.replay.recorded_action import (
    ALIKE,
    Body,
    BodyDifference,
    RecordedAction,
    Remark,
    difference,
    input_preview,
    output_preview,
)
from titan.model.actions import Outcome

# --- What two aligned actions differ in, which difference came first ---


_REPLAYED: Final = frozenset({Outcome.REPLAYED, Outcome.IDEMPOTENT_REPLAY})
_ESCAPE: Final = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)")
#: What distinguishes one value from another: shorter words occur everywhere.
_TOKEN: Final = re.compile(r"\w[\w.:+-]{2,}\w")


class DivergenceKind(StrEnum):
    """The kind of a divergence of a replay from the original."""

    ACTION_NAME_MISMATCH = "action_name_mismatch"  #: a different action was called
    INPUT_MISMATCH = "input_mismatch"  #: the same action, with different inputs
    OUTPUT_MISMATCH = "output_mismatch"  #: the same inputs, different outputs: non-deterministic
    ERROR_MISMATCH = "error_mismatch"  #: the same inputs; it failed, or failed otherwise, in one run alone
    ORDER_CHANGED = "order_changed"  #: the same call, earlier or later
    MISSING_ACTION = "missing_action"  #: the replay did not call it
    EXTRA_ACTION = "extra_action"  #: the original did not call it


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A call of both runs, or of one, and its differences."""

    pair: AlignedPair
    kind: DivergenceKind | None  #: None: the calls match
    inputs: BodyDifference = ALIKE
    outputs: BodyDifference = ALIKE

    @property
    def path(self) -> str | None:
        """The path at which the bodies first differ: `$.prompt`."""
        if self.kind is DivergenceKind.INPUT_MISMATCH:
            return self.inputs.path
        return self.outputs.path if self.kind is DivergenceKind.OUTPUT_MISMATCH else None


def judged(pair: AlignedPair) -> Judged:
    """Return the differences of a pair."""
    original, other = pair.original, pair.replay
    if original is None or other is None:
        is_extra = original is None
        return Judged(pair=pair, kind=DivergenceKind.EXTRA_ACTION if is_extra else DivergenceKind.MISSING_ACTION)
    kind: DivergenceKind | None
    inputs, outputs = difference(original.inputs, other.inputs), difference(original.outputs, other.outputs)
    if original.name != other.name:
        kind = DivergenceKind.ACTION_NAME_MISMATCH
    elif inputs.path is not None:
        kind = DivergenceKind.INPUT_MISMATCH
    elif (_ending(original), original.failure) != (_ending(other), other.failure):
        kind = DivergenceKind.ERROR_MISMATCH
    elif outputs.path is not None:
        kind = DivergenceKind.OUTPUT_MISMATCH
    elif pair.is_moved and not pair.is_concurrent:
        kind = DivergenceKind.ORDER_CHANGED
    else:
        kind = None
        if sorted(original.fingerprints) != sorted(other.fingerprints):  # a different secret
            inputs = replace(inputs, remarks=inputs.remarks | {Remark.REDACTED})
    return Judged(pair=pair, kind=kind, inputs=inputs, outputs=outputs)


def _ending(action: RecordedAction) -> Outcome | None:
    """Return an action's outcome; an answer from a recording counts as success."""
    return Outcome.SUCCESS if action.outcome in _REPLAYED and action.failure is None else action.outcome


def consequences(diverged: Iterable[Judged]) -> Iterator[int | None]:
    """Yield for each divergence the index of the earliest one whose value is in its inputs, else None.

    A value is a word that one side has and the other has not: `uuid-456`, `14:30:02`. It goes on with what consumed it.
    """
    origins: dict[tuple[bool, str], int] = {}  # by side and word
    for place, one in enumerate(diverged):
        inputs = _own_words(*one.pair.both(attrgetter("inputs")))
        outputs = _own_words(*one.pair.both(attrgetter("outputs")))
        found = min((origins[word] for word in inputs if word in origins), default=None)
        yield found
        for word in inputs | outputs:
            origins.setdefault(word, place if found is None else found)


def _own_words(original: Body | None, replay: Body | None) -> set[tuple[bool, str]]:
    """Return the words that only one of two bodies has, with whether it is the replay's.

    Where there is no other body, only words with a digit count: the others would be all words of a text.
    """
    words, other_words = _words(original), _words(replay)
    own = {(False, word) for word in words - other_words} | {(True, word) for word in other_words - words}
    if original is None or replay is None:
        return {(is_replay, word) for is_replay, word in own if any(map(str.isdigit, word))}
    return own


def _words(body: Body | None) -> set[str]:
    return set() if body is None else set(_TOKEN.findall(_ESCAPE.sub(" ", body.text)))


MOST_DIVERGENCES: Final = 500  # listed in a result
MOST_ROWS: Final = 2000  # of the table; two for a call, 0.8 MB in all


class RowStatus(StrEnum):
    """The status of a row."""

    MATCH = "match"
    DIVERGED = "diverged"
    UNKNOWN = "unknown"  #: one side was not recorded


class RowPart(StrEnum):
    """The part of a call that a row shows."""

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
    """The comparison of a replay with its original."""

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
        """The cost that the replay saved."""
        return self.original_cost - self.replay_cost

    @property
    def match_rate(self) -> float:
        """The share of calls that matched, from 0 to 1; 1 where neither run made any."""
        return self.matched / self.compared if self.compared else 1.0


def compare(original: Sequence[RecordedAction], replay: Sequence[RecordedAction]) -> Comparison:
    """Compare a replay with its original, both in the order of their start."""
    calls = [judged(pair) for pair in align(original, replay) if any(pair.both(attrgetter("is_call")))]
    diverged = [(one.kind, one) for one in calls if one.kind is not None]
    listed = diverged[:MOST_DIVERGENCES]
    origins = consequences(one for _, one in listed)
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
            for place, ((kind, one), origin) in enumerate(zip(listed, origins, strict=True))
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
    """Yield a row for the inputs and one for the outputs, or one for the call where both are empty."""
    is_same_call = one.kind not in _OTHER_CALL
    given = one.pair.both(lambda action: input_preview(action.inputs))
    part, gave = _result(one.pair)
    is_known = given != _NONE or gave != _NONE
    if not is_known or one.kind in _OF_CALL:
        status = RowStatus.MATCH if one.kind is None else RowStatus.DIVERGED
        yield _row(one, RowPart.CALL, one.pair.both(attrgetter("name")), status)
    if given != _NONE:
        yield _row(one, RowPart.INPUT, given, _status(one.inputs, is_alike=is_same_call))
    if gave != _NONE:
        is_same_end = is_same_call and one.kind is not DivergenceKind.ERROR_MISMATCH
        yield _row(one, part, gave, _status(one.outputs, is_alike=is_same_end))


_NONE: Final = (None, None)
#: Divergences of the call itself, not of its inputs or outputs.
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
    """Return the outputs or failures of a call on both sides."""
    has_failed = pair.both(attrgetter("failure")) != _NONE
    ends = pair.both(lambda action: action.failure or output_preview(action.outputs))
    return RowPart.ERROR if has_failed else RowPart.OUTPUT, ends


# --- What became of a recorded run's outcome in a replay or a fork of it ---


def verdict(found: Comparison, *, failed: bool, fails_now: bool) -> str:
    """Return a sentence on whether a run's failure is reproduced, or where the run diverges."""
    root = next((one for one in found.divergences if one.is_root), None)
    if not failed:
        return "the same as recorded" if root is None else f"diverged at {root.action} ({root.kind})"
    if not fails_now:
        way = "" if root is None else f"; the run diverges from {root.action} ({root.kind}) on"
        return f"the failure is no longer reproduced{way}"
    return (
        "the failure is reproduced"
        if root is None
        else f"diverged at {root.action} ({root.kind}), before the recorded end"
    )
