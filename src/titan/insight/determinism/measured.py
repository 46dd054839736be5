"""What repeated executions say of a run's determinism, and the score that follows from prediction and measurement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from typing import Final, Literal, TypeAlias

FEWEST_EXECUTIONS: Final = 2  # one agrees with itself
SURE: Final = 1.96  # standard errors: the interval holds the true share in 95 of 100 cases

Source: TypeAlias = Literal["predicted", "measured"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """How executions of a program agreed, their calls answered from the recording of a run."""

    replay_id: str
    at: datetime
    author: str
    command: str
    score: int
    executions: int
    changes: Sequence[str]  #: how the executed program differs from the recorded one, in words

    @property
    def is_of_recorded_program(self) -> bool:
        """Whether the executed program was that of the run, as far as that is known."""
        return not self.changes


def interval(score: int, executions: int) -> tuple[int, int]:
    """Return the Wilson 95 % interval of a share that so many executions show, each end from 0 to 100."""
    share, squared = score / 100, SURE**2
    scale = 1 + squared / executions
    middle = (share + squared / (2 * executions)) / scale
    half = SURE * sqrt(share * (1 - share) / executions + squared / (4 * executions**2)) / scale
    return round(100 * max(0.0, middle - half)), round(100 * min(1.0, middle + half))


def shown(predicted: int | None, measured: Measurement | None) -> tuple[int | None, Source]:
    """Return the lower one of two scores with its source; a measurement of another program does not count."""
    if measured is None or not measured.is_of_recorded_program:
        return predicted, "predicted"
    if predicted is not None and predicted < measured.score:
        return predicted, "predicted"
    return measured.score, "measured"
