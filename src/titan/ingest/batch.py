"""What one request of a foreign client comes to."""

from collections.abc import Sequence
from dataclasses import dataclass

from titan.model.actions import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The entries of a request, and what of it could not be taken: OTLP's partial success.

    What is said of a run stands before its actions, so that they are the run's agent's from the beginning.
    """

    entries: Sequence[Entry]
    accepted: int  #: spans, log records or metrics, those too that are dropped by choice
    rejected: int = 0
    problem: str = ""  #: why some were rejected; "" when none was
