"""Recorded clock, UUIDs and random numbers, for programs whose replays should get the same values.

    titan_sdk.now()              the time, with its zone
    titan_sdk.uuid4()            a new UUID
    titan_sdk.random.choice(…)   a `random.Random` for each run, whose seed is recorded with its first use

Each is recorded as an event of the run, and a replay returns the recorded value. Outside of a recorded run they work
like the standard library's.
"""

from __future__ import annotations

import os
import random as standard
from datetime import UTC, datetime
from uuid import UUID
from uuid import uuid4 as new_uuid

from titan_sdk.recording.actions import action
from titan_sdk.recording.runs import current_run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import tzinfo
    from typing import Any


@action("titan_sdk.now", kind="event")
def now(tz: tzinfo = UTC) -> datetime:
    """Return the time in a zone, by default UTC; in a replay the recorded one."""
    return datetime.now(tz)


@action("titan_sdk.uuid4", kind="event")
def uuid4() -> UUID:
    """Return a new random UUID; in a replay the recorded one."""
    return new_uuid()


@action("titan_sdk.random", kind="event")
def new_seed() -> int:
    """Return a random seed of 128 bits; in a replay the recorded one."""
    return standard.SystemRandom().getrandbits(128)


class _Recorded(standard.Random):
    """Random numbers from one generator per run, seeded on first use with a recorded seed."""

    _forgotten = 0

    def __init__(self) -> None:
        self.gauss_next = None  # not seeded: it delegates to the run's generator

    def _own(self) -> standard.Random:
        run = current_run()
        if run.generator is None or run.generator[0] != self._forgotten:
            run.generator = self._forgotten, standard.Random(new_seed())
        return run.generator[1]

    def forget_seeds(self) -> None:
        """Reseed each run's generator on next use: a forked process must not repeat its parent's numbers."""
        self._forgotten += 1

    def seed(self, a: Any = None, version: int = 2) -> None:
        """Seed it with `a`, or with a new recorded seed."""
        self._own().seed(new_seed() if a is None else a, version)

    def getstate(self) -> Any:
        """Return the state for `setstate`."""
        return self._own().getstate()

    def setstate(self, state: Any) -> None:
        """Restore a state of `getstate`."""
        self._own().setstate(state)

    def random(self) -> float:
        """Return the next number in [0.0, 1.0)."""
        return self._own().random()

    def getrandbits(self, k: int, /) -> int:
        """Return an int with `k` random bits."""
        return self._own().getrandbits(k)

    def gauss(self, mu: float = 0.0, sigma: float = 1.0) -> float:
        """Return a number of a Gaussian distribution; numbers are made in pairs."""
        return self._own().gauss(mu, sigma)


#: Random numbers of the current run, with all methods of `random.Random`.
random = _Recorded()
os.register_at_fork(after_in_child=random.forget_seeds)
