"""Where one job's time goes, by what is recorded of it anyway: the journal's times, the attempt's, and the client's.

All are of one machine's clock. Each part ends where the next begins, so that they add up to what the client waited.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from benchmarks.rows import Better, Row

#: The parts in order, each named by the moment it ends with.
PARTS: Final = (
    "the request, until the server decides",
    "the commit, until the client has its receipt",
    "from then until the worker starts the process",
    "the process",
    "its report, until the server decides",
    "the commit, until the client knows",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """When a client did what, in seconds since 1970."""

    sent: float  #: it began to submit
    accepted: float  #: it had the receipt
    seen: float  #: it knew that the job was final

    @property
    def milliseconds(self) -> float:
        """All of it."""
        return 1000 * (self.seen - self.sent)


def parts_of(waited: Waited, job: Mapping[str, Any]) -> list[float]:
    """Return the milliseconds of each of `PARTS`; `job` is what the server says of the job, which had one attempt.

    One part may be negative: the worker may start the process before the client has read its receipt.
    """
    (attempt,) = job["attempts"]
    started = _seconds(attempt["started_at"])
    moments = (
        waited.sent,
        _seconds(job["submitted_at"]),
        waited.accepted,
        started,
        started + attempt["duration_ns"] / 1e9,
        _seconds(attempt["ended_at"]),
        waited.seen,
    )
    return [1000 * (end - begin) for begin, end in pairwise(moments)]


def rows_of_parts(rounds: Sequence[Sequence[Sequence[float]]]) -> Iterator[Row]:
    """Yield a row for each part: `rounds[i][j]` are the parts of round i's job j, of which the median counts."""
    for number, part in enumerate(PARTS):
        yield Row(
            what=f"of it: {part}",
            unit="ms",
            better=Better.LOWER,
            titan=[statistics.median(parts[number] for parts in jobs) for jobs in rounds],
        )


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
