"""Queues prefetched attempts: a worker holds some 50 ms of work beyond its slots, to begin it without asking."""

import heapq
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

from titan.wire.protocol import MAX_PREFETCH, Assignment

PREFETCH_SECONDS: Final = 0.05  # nobody notices that a job waits so long at one worker while another has become free
PATIENCE_SECONDS: Final = 2 * PREFETCH_SECONDS  # what waits longer than that goes back to the server
NEWEST_WEIGHT: Final = 0.125  # of the newest run time in the mean: the last dozen count

_Rank: TypeAlias = tuple[int, datetime, str, str]


def boot_time_seconds() -> float:
    """Return seconds since boot, including the time that the machine slept: what waited meanwhile is late."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class _Waiting(NamedTuple):
    rank: _Rank
    since: float
    assignment: Assignment


@dataclass(slots=True)
class _Lane:
    """The slots under one label."""

    slots: int
    began_at: dict[str, float] = field(default_factory=dict)  #: lease → when its attempt took a slot
    waiting: list[_Waiting] = field(default_factory=list)  #: a heap: the one that begins next is first
    parked: frozenset[str] = frozenset()  #: attempts of any label whose slots are free while they wait
    mean_seconds: float | None = None  #: how long attempts take; None: none has ended yet

    def limit(self, now: float, seconds: float) -> int:
        """Return how many attempts are likely to begin within `seconds`, by the mean run time.

        A slot whose attempt has run for longer than that is not expected to become free.
        """
        if self.mean_seconds is None:
            return 0
        slow = (
            each for each, began_at in self.began_at.items() if now - began_at > seconds and each not in self.parked
        )
        quick_slots = self.slots - sum(1 for _ in slow)
        return min(int(max(quick_slots, 0) * seconds / max(self.mean_seconds, 1e-4)), MAX_PREFETCH)


class Backlog:
    """The slots of a worker, and the attempts that wait for one. Used from two threads."""

    def __init__(self, offers: Mapping[str, int], *, clock: Callable[[], float] = boot_time_seconds) -> None:
        """`offers` has label → slots; `clock` returns seconds."""
        self._clock = clock
        self._lanes = {label: _Lane(slots) for label, slots in offers.items()}
        #: The attempts that are parked.
        self.parked: frozenset[str] = frozenset()
        self._lane_of: dict[str, _Lane] = {}  #: by lease, of all that wait or run
        self._lock = threading.Lock()

    def add(self, assignment: Assignment) -> bool:
        """Queue a prefetched attempt: higher priorities begin first, then what has been ready longer.

        Returns False for one that begins at once: the server knew of a free slot, though an attempt that it has given
        up may still be ending there.
        """
        lane = self._lanes.get(assignment.label or "")
        if lane is None or assignment.ready_at is None:
            return False
        rank = (-assignment.priority, assignment.ready_at, assignment.job_id, assignment.lease_id)
        with self._lock:
            self._lane_of[assignment.lease_id] = lane
            if not assignment.is_prefetched:
                lane.began_at[assignment.lease_id] = self._clock()
                return False
            heapq.heappush(lane.waiting, _Waiting(rank, self._clock(), assignment))
        return True

    def next(self) -> Assignment | None:
        """Return an attempt that begins now and takes a free slot; None when there is none.

        One that has waited for too long does not begin: `withdraw_late` returns it. A process that was stopped may
        learn of a free slot before that is called.
        """
        now = self._clock()
        with self._lock:
            for lane in self._lanes.values():
                is_free = lane.waiting and len(lane.began_at.keys() - lane.parked) < lane.slots
                if is_free and now - lane.waiting[0].since <= PATIENCE_SECONDS:
                    assignment = heapq.heappop(lane.waiting).assignment
                    lane.began_at[assignment.lease_id] = now
                    return assignment
        return None

    def end(self, lease_id: str, *, has_run: bool = True) -> None:
        """Free the slot of an attempt that is over, if it has one."""
        with self._lock:
            lane = self._lane_of.pop(lease_id, None)
            if lane is None:
                return
            seconds = self._clock() - lane.began_at.pop(lease_id)
            if not has_run:
                return
            mean = seconds if lane.mean_seconds is None else lane.mean_seconds
            lane.mean_seconds = mean + NEWEST_WEIGHT * (seconds - mean)

    def park(self, lease_ids: Sequence[str]) -> bool:
        """Note that these attempts, and no others, are parked; return whether that is news."""
        before, self.parked = self.parked, frozenset(lease_ids)
        with self._lock:
            for lane in self._lanes.values():
                lane.parked = self.parked
        return before != self.parked

    def withdraw(self, lease_id: str) -> Assignment | None:
        """Remove and return an attempt that waits; None when it does not."""
        chosen = self._withdraw(lambda lane: [each for each in lane.waiting if each.assignment.lease_id == lease_id])
        return next(iter(chosen), None)

    def withdraw_all(self) -> Sequence[Assignment]:
        """Remove and return every attempt that waits."""
        return self._withdraw(lambda lane: lane.waiting)

    def withdraw_late(self) -> Sequence[Assignment]:
        """Remove and return the attempts that have waited for too long, or will: those before them take longer.

        After a process was stopped, all of them are late: another worker may run them by now.
        """
        now = self._clock()

        def late(lane: _Lane) -> list[_Waiting]:
            soon = lane.limit(now, PATIENCE_SECONDS)
            in_turn = enumerate(sorted(lane.waiting))
            return [each for place, each in in_turn if place >= soon or now - each.since > PATIENCE_SECONDS]

        return self._withdraw(late)

    def prefetch_limits(self) -> dict[str, int]:
        """Return label → how many leases the worker may hold beyond its slots."""
        with self._lock:
            return {label: lane.limit(self._clock(), PREFETCH_SECONDS) for label, lane in self._lanes.items()}

    def __bool__(self) -> bool:
        """Whether any attempt waits."""
        return any(lane.waiting for lane in self._lanes.values())

    def _withdraw(self, choose: Callable[[_Lane], list[_Waiting]]) -> list[Assignment]:
        withdrawn: list[Assignment] = []
        with self._lock:
            for lane in self._lanes.values():
                chosen = [each.assignment for each in choose(lane)] if lane.waiting else []
                gone = {assignment.lease_id for assignment in chosen}
                if gone:
                    lane.waiting = [each for each in lane.waiting if each.assignment.lease_id not in gone]
                    heapq.heapify(lane.waiting)
                withdrawn += chosen
            for assignment in withdrawn:
                del self._lane_of[assignment.lease_id]
        return withdrawn
