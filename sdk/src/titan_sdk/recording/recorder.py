"""One process's recording: a queue that the caller puts notes in, and a thread that makes entries of them.

The caller never waits: a note is put with one call of C, and what a note holds is turned into JSON behind it. The
thread starts with the first note and ends with the process; a forked child begins with nothing and starts its own.
"""

from __future__ import annotations

import time
from _queue import Empty, SimpleQueue
from _thread import allocate_lock
from collections import deque
from contextlib import suppress

from titan_sdk.recording.delivery import ANSWER_SECONDS, BYTES_A_SECOND
from titan_sdk.recording.mistakes import say_once

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from threading import Thread
    from typing import Protocol, TypeVar

    from titan_sdk.recording.delivery import Delivery
    from titan_sdk.recording.told import Lost, Told

    T = TypeVar("T")

    class Note(Protocol):
        """What the caller's thread leaves for later."""

        def told(self) -> list[Told]:
            """Return the entries that come of it; called once each time that it was put, on another thread."""

        @property
        def lost(self) -> Lost:
            """What is counted where it cannot be told."""

        @property
        def is_vital(self) -> bool:
            """Whether it goes first where there is no time for all, as the end of a run does."""


__all__ = ["Recorder"]

GATHER_SECONDS = 0.1  # what feels live to a reader
NOTES_AT_ONCE = 1000  # told in 50 ms: so much of what is left at an exit may be in the making when its time is over
BATCH_ENTRIES = 256
BATCH_BYTES = 2**20
LONGEST_QUEUE = 20_000  # notes of any size: half a second of nothing but calls; what they hold is the program's own
MOST_SMALL = 100_000  # notes that may wait where they are small: an exit takes 3 s for them
WAITING_BYTES = 96 * 2**20  # of entries that small notes become, by the size of those that were told last
CROWD = (
    10_000  # notes that wait: from here on the thread does not step back for the callers' threads, or it falls behind
)
FORK_SECONDS = 0.1  # a server that is there answers in 10 ms
FORK_LOOK_SECONDS = 0.005
THREAD_END_SECONDS = 0.001  # Python 3.12 counts the system's threads: one that has been joined is one for a moment
EXIT_SECONDS = 2.0  # of an exit, for the server: one that takes longer is felt
KEEP_SECONDS = 18.0  # beyond, for the disk: a full queue of calls of 1 KB takes 1 s, where the machine is busy 5
KEEP_SECONDS_EACH = 60e-6  # of a note of 1 KB: to tell it, to look for secrets and to write it
AS_LONG_BYTES = 1200  # to look for secrets in so many takes as long as to tell a note
STUCK_SECONDS = 0.5  # no batch takes so long where the server is well: at an exit, what is left is kept meanwhile
LAST_SECONDS = 0.1  # of an exit: to write down what was lost
LEAVE_SECONDS = 0.3  # of an exit, before: for what matters most of what the thread did not come to
LOOK_SECONDS = 0.01
LOSSES_SECONDS = 5.0  # in which losses are gathered: a burst that loses calls for a second is one event
ENOUGH_TOLD = 100  # notes, to know from them how long one takes
_NO_TIME = "there was no time to keep them before the process ended"
_TOO_MANY = f"more than {LONGEST_QUEUE:,} waited at once (of small ones {MOST_SMALL:,}), or they came at the very end"


class Recorder:
    """Takes notes from any thread, and tells the server of them."""

    def __init__(
        self,
        delivery: Callable[[], Delivery],
        *,
        on_start: Callable[[], object] = lambda: None,
        keep_seconds: float = KEEP_SECONDS,
    ) -> None:
        """`delivery` is asked for when there is something to tell; `on_start` is called with the first note.

        `keep_seconds` is how much longer than the server's time an exit may take to bring what is left to the disk.
        """
        self._make_delivery = delivery
        self._keep_seconds = keep_seconds
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
        #: Gathered, but not told; told, but not sent, what is too large for a batch apart; and what is being sent.
        self._untold: deque[Note] = deque()
        self._in_hand: deque[Told] = deque()
        self._large: deque[Told] = deque()
        self._sending: list[Told] = []
        #: on the monotonic clock: since when the server is waited for, also with what was kept
        self._asking_since: float | None = None
        #: of the wait that a fork has given up
        self._given_up: float | None = None
        self._overflow: deque[Lost] = deque()
        #: until when losses are gathered; None: there are none
        self._losses_at: float | None = None
        #: how many notes may wait, by the size of those that were told last, and how long it takes to keep one
        self._longest = LONGEST_QUEUE
        self._keep_seconds_each = KEEP_SECONDS_EACH
        self._asked = 0
        self._done = 0

    def put(self, note: Note) -> None:
        """Have a note told, however many wait: what was told rests on it. Never waits, and never raises."""
        if self._is_closing:
            self._overflow.append(note.lost)
            return
        self._queue.put(note)
        if self._thread is None:
            self._start()

    def offer(self, note: Note) -> bool:
        """Have a note told unless too many wait, and return whether it will be; if not, it is counted.

        Never waits, and never raises.
        """
        if self._queue.qsize() >= self._longest or self._is_closing:
            self._overflow.append(note.lost)
            return False
        self._queue.put(note)
        if self._thread is None:
            self._start()
        return True

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until what was put before is delivered or on disk; return False when that took too long."""
        deadline = time.monotonic() + timeout_seconds
        is_idle = self._thread is None and self._queue.empty()
        asked = self._hasten()
        while self._done < asked and not is_idle and not self._is_closing:
            if time.monotonic() >= deadline:
                return False
            if self._thread is None:  # after a fork, or a fault
                self._start()
            time.sleep(0.002)
        return True

    def close(self, timeout_seconds: float = EXIT_SECONDS) -> None:
        """Deliver what is left within the time, and keep the rest on disk. What comes later is not recorded.

        To keep it may take longer, for else it is lost: runs and failed calls go first, and what there is no time for
        even so is counted.
        """
        deadline = time.monotonic() + timeout_seconds
        thread, self._close_by, self._is_closing = self._thread, deadline - LAST_SECONDS, True
        if self._delivery is not None:
            self._delivery.is_in_haste = True
        if thread is not None:
            self._hasten()
            self._wait_for(thread)
        if self._delivery is None and self._queue.empty():
            return
        delivery = self._own_delivery()
        delivery.is_in_haste = True
        if thread is None or not thread.is_alive():
            self._leave(delivery, self._sending, may_send=True)
            delivery.finish(self._close_by)
        else:
            self._leave(delivery, [], may_send=False)
            self._wait_for_answer(thread, delivery)
        delivery.put_away()
        delivery.say_what_is_left()

    def step_aside(self) -> None:
        """End the thread, once it has told what waits, because the process forks; the next note starts another.

        A fork beside threads is a DeprecationWarning since Python 3.12. Waits for 0.1 s at most, and for a server that
        hangs only once.
        """
        thread = self._thread
        if thread is None or self._is_closing:
            return
        self._is_stepping_aside = True
        self._hasten()
        until = time.monotonic() + FORK_SECONDS
        while thread.is_alive() and not self._is_in_a_known_hang() and time.monotonic() < until:
            thread.join(FORK_LOOK_SECONDS)
        self._given_up = self._asking_since
        self._is_stepping_aside = False
        if not thread.is_alive():
            self._thread = None
            time.sleep(THREAD_END_SECONDS)

    def _is_in_a_known_hang(self) -> bool:
        """Whether the thread waits for a server that an earlier fork has waited for, or that did not answer last."""
        since, delivery = self._asking_since, self._delivery
        return since is not None and (since == self._given_up or (delivery is not None and delivery.is_silent))

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
        """Tell what comes until the recorder closes; after a fault, the next note starts another thread."""
        try:
            self._tell_on(self._own_delivery())
        except BaseException as error:  # noqa: BLE001 (whatever it is, nobody else would say it)
            say_once(f"titan_sdk: recording goes on after a fault of its own ({type(error).__name__}: {error})")
            with self._starting:  # or who started it would note it only now
                self._thread = None

    def _tell_on(self, delivery: Delivery) -> None:
        while True:
            asked = self._gather(self._wait_seconds(delivery))
            is_last = self._is_closing
            self._deliver(delivery, tells_losses=asked > 0)
            self._done = max(self._done, asked)
            if self._has_to_stop(delivery):
                return
            if is_last and self._queue.empty():
                if delivery.dropped:
                    self._deliver(delivery)
                delivery.finish(self._close_by)
                return
            if self._is_stepping_aside and self._queue.empty():
                return
            if delivery.wait_seconds == 0:
                self._asking_since = time.monotonic()
                delivery.go_on()
                self._asking_since = None

    def _has_to_stop(self, delivery: Delivery) -> bool:
        """Whether `close` does the rest: it picks what matters most, where there is no time for all."""
        return self._is_closing and (delivery.is_away or time.monotonic() >= self._leave_at())

    def _leave_at(self) -> float:
        """Return when to send no more at an exit: what is left is to be on the disk in time."""
        left = self._queue.qsize() + len(self._untold) + len(self._in_hand)
        return self._close_by - LEAVE_SECONDS - left * self._keep_seconds_each

    def _wait_seconds(self, delivery: Delivery) -> float | None:
        """In how many seconds there is something to do without a new note; None when there is not."""
        found = delivery.wait_seconds
        if self._losses_at is None:
            return found
        until_losses = max(0.0, self._losses_at - time.monotonic())
        return until_losses if found is None else min(found, until_losses)

    def _deliver(self, delivery: Delivery, *, tells_losses: bool = False) -> None:
        """Tell what was gathered, and bring it on its way; what was lost as well, if that is asked for or due."""
        self._count_overflow(delivery)
        if delivery.dropped and self._losses_at is None:
            self._losses_at = time.monotonic() + LOSSES_SECONDS
        is_due = self._losses_at is not None and time.monotonic() >= self._losses_at
        if tells_losses or is_due or self._is_closing:
            self._in_hand.extend(delivery.losses.taken())
            self._losses_at = None
        self._tell(delivery)
        while not self._has_to_stop(delivery) and (batch := self._cut_batch()):
            self._sending, self._asking_since = batch, time.monotonic()
            _bring(batch, delivery, delivery.give)
            self._asking_since, self._sending = None, []

    def _tell(self, delivery: Delivery) -> None:
        """Make entries of what was gathered; note how large they are and how long that took."""
        delivery.is_in_haste = is_in_haste = self._is_closing or self._queue.qsize() > CROWD
        now = time.monotonic if self._is_closing else time.thread_time  # beside the callers, it waits for them too
        began, number, size_bytes = now(), 0, 0
        while not self._has_to_stop(delivery) and (note := _first(self._untold)) is not None:
            for told in _told(note, delivery):
                (self._large if told.size_bytes > BATCH_BYTES else self._in_hand).append(told)
                size_bytes += told.size_bytes
            number += 1
            if not is_in_haste:  # or a caller's thread that needs the interpreter's lock meanwhile waits 5 ms
                time.sleep(0)
        if number:
            self._longest = min(MOST_SMALL, max(LONGEST_QUEUE, number * WAITING_BYTES // max(1, size_bytes)))
        if number >= ENOUGH_TOLD and is_in_haste:
            self._keep_seconds_each = (now() - began) / number * (1 + size_bytes / number / AS_LONG_BYTES)

    def _cut_batch(self) -> list[Told]:
        """Return the next entries, as many as are good for one request; none when there are no more.

        What is too large for a batch goes alone, after all others: the end of its run need not wait for it.
        """
        batch: list[Told] = []
        size_bytes = 0
        while len(batch) < BATCH_ENTRIES and (told := _first(self._in_hand)) is not None:
            if batch and size_bytes + told.size_bytes > BATCH_BYTES:
                self._in_hand.appendleft(told)
                break
            batch.append(told)
            size_bytes += told.size_bytes
        if not batch and (large := _first(self._large)) is not None:
            return [large]
        return batch

    def _gather(self, wait_seconds: float | None) -> int:
        """Take in what comes within 0.1 s of the first note; return what `_hasten` asked for among it.

        Nothing comes in when there is no note within the given time.
        """
        asked = 0
        try:
            item = self._queue.get(timeout=wait_seconds)
            if not isinstance(item, int) and not self._is_closing:
                self._hurry.acquire(timeout=GATHER_SECONDS)
            while True:
                if isinstance(item, int):
                    asked = item
                else:
                    self._untold.append(item)
                if len(self._untold) >= NOTES_AT_ONCE:
                    break
                item = self._queue.get_nowait()
        except Empty:
            pass
        return asked

    def _wait_for(self, thread: Thread) -> None:
        """Wait until the thread has delivered all, has to stop, or is kept waiting by the server."""
        while thread.is_alive() and time.monotonic() < self._leave_at() + LAST_SECONDS:
            since = self._asking_since
            if since is not None and time.monotonic() - since > STUCK_SECONDS:
                return  # what is behind it is kept meanwhile
            thread.join(LOOK_SECONDS)

    def _wait_for_answer(self, thread: Thread, delivery: Delivery) -> None:
        """Let the thread hear what the server says of what it carries; keep it where that takes too long.

        What was kept meanwhile, as the end of the run, goes out where the server answers in time.
        """
        size_bytes = sum(told.size_bytes for told in self._sending)
        is_large = size_bytes > BATCH_BYTES
        until = self._close_by + min(max(0, size_bytes - BATCH_BYTES) / BYTES_A_SECOND, ANSWER_SECONDS)
        self._hasten()  # or it would wait for what comes next
        while thread.is_alive() and time.monotonic() < until:
            thread.join(LOOK_SECONDS)
        if sending := list(self._sending):
            _bring(sending, delivery, delivery.keep)  # it may come to the server twice, and counts once
        elif not thread.is_alive() and not delivery.is_away:
            delivery.finish(max(self._close_by, time.monotonic() + LEAVE_SECONDS if is_large else 0.0))

    def _leave(self, delivery: Delivery, sending: Sequence[Told], *, may_send: bool) -> None:
        """Deliver what the thread did not, while there is time, and count the rest."""
        from titan_sdk.recording.leaving import Leftovers

        def deliver(batch: list[Told]) -> None:
            seconds = self._close_by - len(left) * self._keep_seconds_each - time.monotonic()
            if may_send and seconds > 0:
                delivery.give(
                    batch, within_seconds=max(0.01, seconds / 2)
                )  # half of it, so that one hang takes not all
            else:
                delivery.keep(batch)

        self._count_overflow(delivery)
        left = Leftovers([*_all(self._untold), *self._drained()], [*sending, *_all(self._in_hand), *_all(self._large)])
        # something even where others took all the time
        until = max(self._close_by + self._keep_seconds, time.monotonic() + LAST_SECONDS)
        lost = left.deliver(
            lambda note: _told(note, delivery), lambda batch: _bring(batch, delivery, deliver), until=until
        )
        if lost:
            delivery.drop(lost, _NO_TIME)
        if delivery.dropped:
            _bring(delivery.losses.taken(), delivery, deliver)

    def _own_delivery(self) -> Delivery:
        if self._delivery is None:
            self._delivery = self._make_delivery()
        return self._delivery

    def _count_overflow(self, delivery: Delivery) -> None:
        if lost := list(_all(self._overflow)):
            delivery.drop(lost, _TOO_MANY)

    def _drained(self) -> Iterator[Note]:
        with suppress(Empty):
            while True:
                note = self._queue.get_nowait()
                if not isinstance(note, int):
                    yield note


def _told(note: Note, delivery: Delivery) -> list[Told]:
    try:
        return note.told()
    except BaseException as error:  # noqa: BLE001 (it runs the program's code, and may be on the program's thread)
        delivery.drop([note.lost], f"they could not be written as JSON ({type(error).__name__}: {error})")
        return []


def _bring(batch: list[Told], delivery: Delivery, deliver: Callable[[list[Told]], object]) -> None:
    try:
        deliver(batch)
    except BaseException as error:  # noqa: BLE001 (a fault of ours must not end the recording, nor be the program's)
        lost = [told.lost for told in batch]
        delivery.drop(lost, f"a fault in titan_sdk ({type(error).__name__}: {error})")


def _first(waiting: deque[T]) -> T | None:
    """Take the first; None when there is none, or another thread has just taken it."""
    try:
        return waiting.popleft()
    except IndexError:
        return None


def _all(waiting: deque[T]) -> Iterator[T]:
    while (one := _first(waiting)) is not None:
        yield one
