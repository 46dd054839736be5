"""The clock, new ids and random numbers of a program that wants its runs replayed as they went.

    titan_sdk.now()              the time, with its zone
    titan_sdk.uuid4()            a new UUID
    titan_sdk.random.choice(…)   a `random.Random`, whose seed is recorded with its first use

Each is recorded as an event of the run, and a replay gives what was recorded. Outside of a recorded run they are what
the standard library gives.
"""

from __future__ import annotations

import os
import random as standard
from datetime import UTC, datetime
from uuid import UUID
from uuid import uuid4 as new_uuid

from titan_sdk.recording.actions import action

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import tzinfo
    from typing import Any

__all__ = ["now", "random", "uuid4"]


@action("titan_sdk.now", kind="event")
def now(tz: tzinfo = UTC) -> datetime:
    """Return the time in a zone, by default UTC; in a replay the recorded one."""
    return datetime.now(tz)


@action("titan_sdk.uuid4", kind="event")
def uuid4() -> UUID:
    """Return a new random UUID; in a replay the recorded one."""
    return new_uuid()


@action("titan_sdk.random", kind="event")
def _seed() -> int:
    return standard.SystemRandom().getrandbits(128)


class _Recorded(standard.Random):
    """A generator of random numbers that is seeded with its first use, by a recorded seed."""

    _is_seeded = True  # while it is made

    def __init__(self) -> None:
        super().__init__(0)
        self._is_seeded = False

    def seed(self, a: Any = None, version: int = 2) -> None:
        """Seed it with `a`, or with a new recorded seed."""
        self._is_seeded = True
        super().seed(_seed() if a is None else a, version)

    def setstate(self, state: Any) -> None:
        """Go on from a state that `getstate` gave."""
        self._is_seeded = True
        super().setstate(state)

    def forget_seed(self) -> None:
        """Have the next use seed it: in a forked process, so that it does not repeat its parent's numbers."""
        self._is_seeded = False

    def random(self) -> float:
        """Return the next number in [0.0, 1.0)."""
        if not self._is_seeded:
            self.seed()
        return super().random()

    def getrandbits(self, k: int, /) -> int:
        """Return an int with `k` random bits."""
        if not self._is_seeded:
            self.seed()
        return super().getrandbits(k)


#: Random numbers of this process, with all methods of `random.Random`.
random = _Recorded()
os.register_at_fork(after_in_child=random.forget_seed)
