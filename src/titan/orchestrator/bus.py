"""Wakes waiting requests: every commit rings the watches of the topics that it touched."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from titan.model.events import (
    AttemptParked,
    CancelRequested,
    GateOpened,
    JobBackedOff,
    JobCancelled,
    JobDelayed,
    JobFailed,
    JobReady,
    JobRequeued,
    JobSucceeded,
    WorkerLost,
)
from titan.ports.jobs_store import Commit
from titan.ports.runs_store import CallCommit


class Kind(StrEnum):
    """Kinds of topics."""

    JOB = "job"
    DAG = "dag"
    RUN = "run"
    KEY = "key"  #: a value or set of the shared store
    LOG = "log"  #: the output of a job
    JOURNAL = "journal"  #: every entry
    CALLS = "calls"  #: something was reported of a recorded run
    DUE = "due"  #: a delay, a pause before a retry or the time of an open gate began
    WORK_ELSEWHERE = "work elsewhere"  #: another server made a job ready
    SLOT = "slot"  #: an attempt ended or was parked, so a slot may be free
    STOP = "stop"  #: attempts are to stop, or a worker that may ask another server counts as gone


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing to watch; `id` is empty where there is only one of its kind."""

    kind: Kind
    id: str = ""


JOURNAL = Topic(Kind.JOURNAL)
CALLS = Topic(Kind.CALLS)
DUE = Topic(Kind.DUE)
WORK_ELSEWHERE = Topic(Kind.WORK_ELSEWHERE)
SLOT = Topic(Kind.SLOT)
STOP = Topic(Kind.STOP)
DELAYS = frozenset({JobDelayed.__name__, JobBackedOff.__name__, GateOpened.__name__})
FREES_SLOT = frozenset(
    kind.__name__ for kind in (AttemptParked, JobSucceeded, JobFailed, JobRequeued, JobBackedOff, JobCancelled)
)
FREES = frozenset(
    {JobReady.__name__, JobRequeued.__name__, JobSucceeded.__name__, JobFailed.__name__, AttemptParked.__name__}
)
STOPS = frozenset({CancelRequested.__name__, WorkerLost.__name__})


class BusClosed(Exception):
    """The server is ending: nothing that is awaited will be reported here any more."""


class Watch:
    """Waits for changes to some topics. Any number of changes since the last wait count as one."""

    def __init__(self, bus: "Bus") -> None:
        self._bus = bus
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Note a change."""
        self._rung.set()

    async def wait(self, timeout_seconds: float) -> bool:
        """Wait for a change; return False on timeout.

        Raises:
            BusClosed: the bus is closed, or closed meanwhile.
        """
        if self._bus.is_closed:
            raise BusClosed
        if timeout_seconds <= 0:
            return False
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._rung.wait()
        except TimeoutError:
            return False
        if self._bus.is_closed:
            raise BusClosed
        self._rung.clear()
        return True


class Bus:
    """Passes commits from the store's writer thread to the watches of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._watches: dict[Topic, set[Watch]] = {}
        #: Whether the server is ending: every wait raises.
        self.is_closed = False

    @contextmanager
    def watch(self, topics: Iterable[Topic]) -> Iterator[Watch]:
        """Open a watch. Read the watched facts only inside, so that no change is missed."""
        watch = Watch(self)
        wanted = set(topics)
        for topic in wanted:
            self._watches.setdefault(topic, set()).add(watch)
        try:
            yield watch
        finally:
            for topic in wanted:
                self._watches[topic].discard(watch)
                if not self._watches[topic]:
                    del self._watches[topic]

    async def wait_until(
        self, topics: Iterable[Topic], holds: Callable[[], Awaitable[bool]], timeout_seconds: float
    ) -> bool:
        """Wait until `holds` returns true, calling it again after each change to `topics`; return its last answer.

        Raises:
            BusClosed: it did not hold when the bus closed.
        """
        deadline = self._loop.time() + timeout_seconds
        with self.watch(topics) as watch:
            while not await holds():
                if not await watch.wait(deadline - self._loop.time()):
                    return await holds()
        return True

    def close(self) -> None:
        """End every wait now and from now on with BusClosed; called on the loop."""
        self.is_closed = True
        self._ring_all()

    def publish(self, commit: Commit) -> None:
        """Ring the topics that the commit touched; called on the store's writer thread."""
        if self._watches and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._deliver, commit)

    def publish_calls(self, _commit: CallCommit) -> None:
        """Ring the topic of recorded calls; called on their store's writer thread."""
        if CALLS in self._watches and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.ring, CALLS)

    def ring(self, topic: Topic) -> None:
        """Ring one topic; called on the loop."""
        for watch in self._watches.get(topic, ()):
            watch.ring()

    def _ring_all(self) -> None:
        for topic in self._watches:
            self.ring(topic)

    def _deliver(self, commit: Commit) -> None:
        if commit.is_everything:
            self._ring_all()
            return
        for topic in topics_of(commit) & self._watches.keys():
            self.ring(topic)


def topics_of(commit: Commit) -> set[Topic]:
    """Return every topic a commit touched."""
    topics = {Topic(Kind.KEY, key) for _project_id, key in commit.keys}
    if commit.entries:
        topics.add(JOURNAL)
    kinds = {entry.kind for entry in commit.entries}
    if kinds & DELAYS:
        topics.add(DUE)
    if commit.is_foreign and kinds & FREES:
        topics.add(WORK_ELSEWHERE)
    if kinds & FREES_SLOT:
        topics.add(SLOT)
    if kinds & STOPS:
        topics.add(STOP)
    for entry in commit.entries:
        subject = entry.subject
        named = ((Kind.JOB, subject.job_id), (Kind.DAG, subject.dag_id), (Kind.RUN, subject.run_id))
        topics.update(Topic(kind, id) for kind, id in named if id is not None)
    return topics
