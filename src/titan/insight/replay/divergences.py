"""What two aligned actions differ in, which difference came first, and which others follow from it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from operator import attrgetter
from typing import Final

from titan.insight.replay.alignment import AlignedPair
from titan.insight.replay.bodies import ALIKE, Body, BodyDifference, Remark, difference
from titan.insight.replay.recorded_action import RecordedAction
from titan.model.actions import Outcome

_REPLAYED: Final = frozenset({Outcome.REPLAYED, Outcome.IDEMPOTENT_REPLAY})
_ESCAPE: Final = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)")
#: What tells one value from another: shorter words occur everywhere.
_TOKEN: Final = re.compile(r"\w[\w.:+-]{2,}\w")


class DivergenceKind(StrEnum):
    """How an action of the replay differs from the original."""

    ACTION_NAME_MISMATCH = "action_name_mismatch"  #: a different action was called
    INPUT_MISMATCH = "input_mismatch"  #: the same action, with different inputs
    OUTPUT_MISMATCH = "output_mismatch"  #: the same inputs, different outputs: non-deterministic
    ERROR_MISMATCH = "error_mismatch"  #: the same inputs; it failed, or failed otherwise, in one run alone
    ORDER_CHANGED = "order_changed"  #: the same call, earlier or later
    MISSING_ACTION = "missing_action"  #: the replay did not call it
    EXTRA_ACTION = "extra_action"  #: the original did not call it


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A call of both runs, or of one alone, and what it differs in."""

    pair: AlignedPair
    kind: DivergenceKind | None  #: None: the calls match
    inputs: BodyDifference = ALIKE
    outputs: BodyDifference = ALIKE

    @property
    def path(self) -> str | None:
        """Where the bodies differ first: `$.prompt`."""
        if self.kind is DivergenceKind.INPUT_MISMATCH:
            return self.inputs.path
        return self.outputs.path if self.kind is DivergenceKind.OUTPUT_MISMATCH else None


def judged(pair: AlignedPair) -> Judged:
    """Return what a pair differs in."""
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
        if sorted(original.fingerprints) != sorted(other.fingerprints):  # another secret, of which nobody knows more
            inputs = replace(inputs, remarks=inputs.remarks | {Remark.REDACTED})
    return Judged(pair=pair, kind=kind, inputs=inputs, outputs=outputs)


def _ending(action: RecordedAction) -> Outcome | None:
    """Return how an action ended; one that was answered from a recording ended as the recorded one."""
    return Outcome.SUCCESS if action.outcome in _REPLAYED and action.failure is None else action.outcome


def consequences(diverged: Iterable[Judged]) -> Iterator[int | None]:
    """Yield for each divergence the place of the earliest one whose value its inputs have, None where they have none.

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
    """Return the words that one of two bodies has alone, each with whether it is the replay's.

    Where there is no other body, only words with a digit tell: the others would be all words of a text.
    """
    words, other_words = _words(original), _words(replay)
    own = {(False, word) for word in words - other_words} | {(True, word) for word in other_words - words}
    if original is None or replay is None:
        return {(is_replay, word) for is_replay, word in own if any(map(str.isdigit, word))}
    return own


def _words(body: Body | None) -> set[str]:
    return set() if body is None else set(_TOKEN.findall(_ESCAPE.sub(" ", body.text)))
