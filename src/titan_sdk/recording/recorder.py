"""One process's recording: a queue that the caller puts notes in, and a thread that makes entries of them.

The caller never waits: a note is put with one call of C, and what a note holds is turned into JSON behind it. The
thread starts with the first note and ends with the process; a forked child begins with nothing and starts its own.
"""

from __future__ import annotations

import os
import time
from _queue import Empty, SimpleQueue
from _thread import allocate_lock
from contextlib import suppress

from titan_sdk.recording.told import Told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from threading import Thread
    from typing import Protocol

    from titan_sdk.recording.delivery import Delivery

    class Note(Protocol):
        """What the caller's thread leaves for later."""

        def told(self) -> Iterable[Told]:
            """Yield the entries that come of it; called once each time that it was put, on another thread."""


__all__ = ["Recorder"]

GATHER_SECONDS = 0.1  # what feels live to a reader
NOTES_AT_ONCE = 1000  # told in 50 ms: so much of what is left at an exit may be in the making when its time is over
BATCH_ENTRIES = 256
BATCH_BYTES = 2**20
LONGEST_QUEUE = 20_000  # notes: half a second of nothing but calls; what they hold is the program's own
FORK_SECONDS = 0.1  # a server that is there answers in 10 ms
THREAD_END_SECONDS = 0.001  # Python 3.12 counts the system's threads: one that has been joined is one for a moment
EXIT_SECONDS = 2.0  # an exit that takes longer is felt


class Recorder:
    """Takes notes from any thread, and tells the server of them."""

    def __init__(self, delivery: Callable[[], Delivery], *, on_start: Callable[[], object] = lambda: None) -> None:
        """`delivery` is asked for when there is something to tell; `on_start` is called with the first note."""
        self._make_delivery = delivery
        self._on_start = on_start
        self._delivery: Delivery | None = None
        self._queue: SimpleQueue[Note | int] = SimpleQueue()
        self._hurry = allocate_lock()
        self._hurry.acquire()
        self._starting = allocate_lock()
        self._thread: Thread | None = None
        self._is_closing = False
        self._is_stepping_aside = False
        self._has_started = False
        self._close_by = 0.0
        self._in_hand: list[Told] = []
        self._overflow = 0
        self._asked = 0
        self._done = 0

    def put(self, note: Note) -> None:
        """Have a note told. Never waits, and never raises."""
        if self._queue.qsize() >= LONGEST_QUEUE or self._is_closing:
            self._overflow += 1
            return
        self._queue.put(note)
        if self._thread is None:
            self._start()

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until what was put before is delivered or on disk; return False when that took too long."""
        deadline = time.monotonic() + timeout_seconds
        asked = self._hasten()
        while self._done < asked and self._thread is not None and self._thread.is_alive():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.002)
        return True

    def close(self, timeout_seconds: float = EXIT_SECONDS) -> None:
        """Deliver what is left within the time, and keep the rest on disk. What comes later is not recorded."""
        deadline = time.monotonic() + timeout_seconds
        thread, self._close_by, self._is_closing = self._thread, deadline, True
        if thread is not None:
            self._hasten()
            thread.join(max(0.0, deadline - time.monotonic()))
            if (
                thread.is_alive() or not self._queue.empty()
            ):  # a request hangs: what it carries is sent twice, and counts once
                delivery = self._own_delivery()
                for batch in _batches([*self._in_hand, *_told(self._drained(), delivery)]):
                    delivery.keep(batch)
        elif not self._queue.empty() or self._delivery is not None:  # there was a fork, or no thread could be started
            delivery = self._own_delivery()
            for batch in _batches(list(_told(self._drained(), delivery))):
                delivery.give(batch, within_seconds=max(0.01, deadline - time.monotonic()))
            delivery.finish(deadline)
        if self._delivery is not None:
            self._count_overflow(self._delivery)
            self._delivery.put_away()

    def step_aside(self) -> None:
        """End the thread, once it has told what waits, because the process forks; the next note starts another.

        A fork beside threads is a DeprecationWarning since Python 3.12. Waits for 0.1 s at most.
        """
        thread = self._thread
        if thread is None or self._is_closing:
            return
        self._is_stepping_aside = True
        self._hasten()
        thread.join(FORK_SECONDS)
        self._is_stepping_aside = False
        if not thread.is_alive():
            self._thread = None
            time.sleep(THREAD_END_SECONDS)

    def _start(self) -> None:
        if not self._starting.acquire(blocking=False):
            return  # another thread does it
        try:
            if self._thread is None:
                from threading import Thread  # 1.5 ms, and most programs record nothing

                thread = Thread(target=self._work, name="titan-recording", daemon=True)
                thread.start()
                self._thread = thread  # only now: `close` may be called in between, by a signal, and would join it
                if not self._has_started:
                    self._has_started = True
                    self._on_start()
        except RuntimeError:
            return  # the process ends, or has no room for a thread: `close` tells what waits
        finally:
            self._starting.release()

    def _hasten(self) -> int:
        """Have the thread gather no longer; return the number that `_done` has once all before was delivered."""
        self._asked += 1
        asked = self._asked
        self._queue.put(asked)
        with suppress(RuntimeError):  # it is in a hurry already
            self._hurry.release()
        return asked

    def _work(self) -> None:
        """Tell what comes until the recorder closes."""
        delivery = self._own_delivery()
        while True:
            notes, asked = self._gathered(delivery.wait_seconds)
            is_last = self._is_closing
            self._count_overflow(delivery)
            self._deliver(notes, delivery)
            self._done = max(self._done, asked)
            if is_last and self._queue.empty():
                if delivery.dropped:
                    self._deliver((), delivery)
                delivery.finish(self._close_by)
                return
            if self._is_stepping_aside and self._queue.empty():
                return
            if delivery.wait_seconds == 0:
                delivery.go_on()

    def _deliver(self, notes: Iterable[Note], delivery: Delivery) -> None:
        self._in_hand = list(_told(notes, delivery, pause=lambda: time.sleep(0)))
        try:
            for batch in _batches(self._in_hand):
                delivery.give(batch)
        except Exception as error:  # noqa: BLE001 (a fault of ours must not end the recording, nor be the program's)
            delivery.drop(len(self._in_hand), f"a fault in titan_sdk ({type(error).__name__}: {error})")
        self._in_hand = []

    def _gathered(self, wait_seconds: float | None) -> tuple[list[Note], int]:
        """Return what comes within 0.1 s of the first note, and what `_hasten` asked for among it.

        Nothing when none comes in the given time.
        """
        notes: list[Note] = []
        asked = 0
        try:
            item = self._queue.get(timeout=wait_seconds)
            if not isinstance(item, int) and not self._is_closing:
                self._hurry.acquire(timeout=GATHER_SECONDS)
            while True:
                if isinstance(item, int):
                    asked = item
                else:
                    notes.append(item)
                if len(notes) >= NOTES_AT_ONCE:
                    break
                item = self._queue.get_nowait()
        except Empty:
            pass
        return notes, asked

    def _own_delivery(self) -> Delivery:
        if self._delivery is None:
            self._delivery = self._make_delivery()
        return self._delivery

    def _count_overflow(self, delivery: Delivery) -> None:
        count, self._overflow = self._overflow, 0
        if count:
            delivery.drop(count, f"more than {LONGEST_QUEUE} waited at once, or they came at the very end")

    def _drained(self) -> list[Note]:
        notes: list[Note] = []
        while True:
            try:
                note = self._queue.get_nowait()
            except Empty:
                return notes
            if not isinstance(note, int):
                notes.append(note)


def _told(notes: Iterable[Note], delivery: Delivery, *, pause: Callable[[], object] = lambda: None) -> Iterator[Told]:
    """Yield what the notes tell, and first how much was lost before. `pause` lets the caller's threads go on."""
    lost, delivery.dropped = delivery.dropped, 0
    for note in notes:
        try:
            for told in note.told():
                if lost:
                    yield _of_the_lost(lost, told.run_id)
                    lost = 0
                yield told
        except Exception as error:  # noqa: BLE001 (recording one note must not end the recording of the others)
            delivery.drop(1, f"they could not be written as JSON ({type(error).__name__}: {error})")
        pause()  # or who needs the interpreter's lock meanwhile waits 5 ms for it
    if lost:
        yield _of_the_lost(lost, delivery.run_id)


def _of_the_lost(count: int, run_id: str | None) -> Told:
    now = time.time_ns()
    fields: dict[str, object] = {"type": "action", "id": os.urandom(16).hex(), "kind": "event"}
    fields |= {"name": "titan.entries_lost", "started_at_ns": now, "ended_at_ns": now, "outcome": "error"}
    if run_id is not None:
        fields["run_id"] = run_id
    return Told(fields, {"details": f'{{"attributes":{{"count":{count}}}}}'})


def _batches(entries: Sequence[Told]) -> Iterator[list[Told]]:
    """Yield the entries in lists that are good for one request each."""
    batch: list[Told] = []
    size_bytes = 0
    for told in entries:
        if batch and (len(batch) >= BATCH_ENTRIES or size_bytes + told.size_bytes > BATCH_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(told)
        size_bytes += told.size_bytes
    if batch:
        yield batch
