"""One process's recording: a bounded queue, and a thread that delivers what is in it.

    note → queue → entries → one request → the server
                                         → the spool, while the server does not take it

The caller never waits: a note is put with one call of C, and becomes JSON in the background. The thread starts with the
first note and ends with the process; a forked child begins with an empty queue and starts its own.
"""

from __future__ import annotations

import json
import time
from _queue import Empty, SimpleQueue
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import NamedTuple

from titan_sdk.recording import redact
from titan_sdk.recording.delivery import Delivery, Verdict
from titan_sdk.recording.dropped_entries import ENTRIES_LOST, Losses
from titan_sdk.recording.entry import Entry, Lost, texts_of
from titan_sdk.recording.limits import (
    BATCH_BYTES,
    BATCH_ENTRIES,
    CLEANED_AT_ONCE,
    CROWD,
    EXIT_SECONDS,
    GATHER_SECONDS,
    LONGEST_PAUSE_SECONDS,
    OVERTIME_SECONDS,
    QUEUE_CALLS,
    SPOOL_SECONDS_EACH,
)
from titan_sdk.recording.validation import to_stderr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Protocol

    from titan_sdk.recording.delivery import Answer
    from titan_sdk.recording.spool import Spool

    class Note(Protocol):
        """What the caller's thread leaves to be encoded in the background."""

        def entry(self) -> Entry | None:
            """Return the entry that comes of it; called once each time that it was put, on another thread."""

        @property
        def lost(self) -> Lost:
            """What is counted where it cannot be recorded."""


__all__ = ["Destination", "Recorder"]

_NO_TIME = "there was no time to bring them to the server; the next program that records takes them along"
_LOOK_SECONDS = 0.02  # between two looks at the thread as the process ends


class Destination(NamedTuple):
    """Where entries go."""

    post: Callable[[bytes, float], Answer]
    spool: Spool | None


class Recorder:
    """Takes notes from any thread, and delivers them."""

    def __init__(
        self,
        destination: Callable[[], Destination],
        *,
        on_start: Callable[[], object] = lambda: None,
        say: Callable[[str], object] = to_stderr,
    ) -> None:
        """`destination` is asked for when there is something to send; `on_start` is called with the first note."""
        self._find_destination = destination
        self._on_start = on_start
        self._say = say
        self._losses = Losses(say)
        self._delivery = Delivery(self._post, refuse=self._count_refused)
        self._found: Destination | None = None
        #: Notes, and events to set once all before them is delivered or on disk.
        self._queue: SimpleQueue[Note | Event] = SimpleQueue()
        self._hurry = Event()
        self._thread: Thread | None = None
        self._starting = Lock()
        #: Held to encode and to write to the disk, not while the server is asked: `close` need not wait for an answer.
        self._lock = Lock()
        #: out of the queue, and not encoded yet
        self._first: Note | Event | None = None
        #: encoded, and neither delivered nor on disk
        self._batch: list[Entry] = []
        self._batch_bytes = 0
        self._asked: list[Event] = []
        #: the delivery of what is in the spool, and when the folder is looked at; None: nothing is there
        self._spooling: Iterator[bool] | None = None
        self._look_at: float | None = 0.0
        self._close_by: float | None = None
        self._is_over = False

    def put(self, note: Note) -> None:
        """Have a note delivered, however many wait: what was delivered rests on it. Never waits, and never raises."""
        if self._close_by is not None:
            self._losses.overflow.append(note.lost)
            return
        self._queue.put(note)
        if self._thread is None:
            self._start()

    def offer(self, note: Note) -> bool:
        """Have a note delivered unless too many wait, and return whether it will be; if not, it is counted.

        Never waits, and never raises.
        """
        if self._queue.qsize() >= QUEUE_CALLS or self._close_by is not None:
            self._losses.overflow.append(note.lost)
            return False
        self._queue.put(note)
        if self._thread is None:
            self._start()
        return True

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until what was put before is delivered or on disk; return False when that took too long."""
        if self._close_by is not None or (self._thread is None and self._queue.empty()):
            return True
        is_done = Event()
        self._queue.put(is_done)
        self._hurry.set()
        if self._thread is None:
            self._start()
        return is_done.wait(timeout_seconds)

    def close(self, timeout_seconds: float = EXIT_SECONDS) -> None:
        """Deliver what is left within the time, and write the rest to the spool. What comes later is not recorded."""
        if self._close_by is not None:
            return
        self._close_by = time.monotonic() + timeout_seconds
        thread = self._thread
        if thread is None and self._queue.empty():
            return
        self._queue.put(Event())  # wakes the thread
        self._hurry.set()
        if thread is None:
            self._work()
        else:
            while thread.is_alive() and time.monotonic() < self._send_by():
                thread.join(_LOOK_SECONDS)
        until = self._close_by + OVERTIME_SECONDS
        if self._lock.acquire(timeout=max(0.0, until - time.monotonic())):
            self._is_over = True
            self._spool_rest(until)
            self._lock.release()
        self._say_what_is_left()

    def _start(self) -> None:
        if not self._starting.acquire(blocking=False):
            return  # another thread does it
        try:
            if self._thread is None:
                thread = Thread(target=self._work, name="titan-recording", daemon=True)
                thread.start()
                self._thread = thread  # only now: `close` may be called in between, by a signal, and would join it
                self._on_start()
        except RuntimeError:
            return  # the process ends, or has no room for a thread: `close` delivers what waits
        finally:
            self._starting.release()

    def _work(self) -> None:
        """Deliver what comes, until the recorder closes and `close` does the rest."""
        while not self._is_over:
            try:
                self._wait()
                with self._lock:
                    self._fill_batch()
                self._deliver_batch()
                self._deliver_spooled()
            except BaseException as error:  # noqa: BLE001 (a fault of ours must not end the recording)
                with self._lock:
                    self._drop_batch(f"a fault in titan_sdk ({type(error).__name__}: {error})")
                self._spooling, self._look_at = None, time.monotonic() + LONGEST_PAUSE_SECONDS
            if not self._batch:
                self._answer_flushes()
            if self._close_by is not None and (not self._has_rest() or self._delivery.is_paused()):
                return

    def _send_by(self) -> float:
        """Return when to send no more at an exit: what is left is to be in the spool in time."""
        left = self._queue.qsize() + len(self._batch)
        return (self._close_by or 0.0) - left * SPOOL_SECONDS_EACH

    def _has_rest(self) -> bool:
        """Whether there is something that the server could be asked to take."""
        if self._batch or self._first is not None or not self._queue.empty() or self._losses.due_at is not None:
            return True
        return self._look_at is not None and self._look_at <= time.monotonic()

    def _wait(self) -> None:
        """Wait for a note, or until there is something to try again; then for what comes within 0.1 s of it."""
        if self._close_by is not None:
            return
        seconds = self._seconds_to_wait()
        if self._batch:  # no disk takes it: it is sent again before anything else is
            self._hurry.wait(seconds)
            return
        with suppress(Empty):
            self._first = self._queue.get(timeout=seconds)
            if self._queue.qsize() < BATCH_ENTRIES and not isinstance(self._first, Event):
                self._hurry.wait(GATHER_SECONDS)

    def _seconds_to_wait(self) -> float | None:
        waits = [self._delivery.retry_at] if self._batch else []
        if self._look_at is not None:
            waits.append(max(self._look_at, self._delivery.retry_at))
        if self._losses.due_at is not None:
            waits.append(self._losses.due_at)
        return max(0.0, min(waits) - time.monotonic()) if waits else None

    def _fill_batch(self) -> None:
        """Encode the next notes, as many as are good for one request, or up to where a flush waits."""
        self._hurry.clear()
        self._losses.count_overflow()
        if (due_at := self._losses.due_at) is not None and (self._close_by is not None or time.monotonic() >= due_at):
            self._batch += self._losses.entries()
        while len(self._batch) < BATCH_ENTRIES and self._batch_bytes < BATCH_BYTES:
            note = self._next_note()
            if note is None:
                return
            if isinstance(note, Event):
                self._batch += self._losses.entries()
                self._asked.append(note)
                return
            if (entry := self._encoded(note)) is not None:
                self._batch.append(entry)
                self._batch_bytes += entry.size_bytes
            self._let_callers_go_on()

    def _next_note(self) -> Note | Event | None:
        note, self._first = self._first, None
        if note is None:
            with suppress(Empty):
                return self._queue.get_nowait()
        return note

    def _encoded(self, note: Note) -> Entry | None:
        try:
            return note.entry()
        except BaseException as error:  # noqa: BLE001 (it runs the program's code, and may be on the program's thread)
            self._losses.add([note.lost], f"they could not be written as JSON ({type(error).__name__}: {error})")
            return None

    def _let_callers_go_on(self) -> None:
        """Release the interpreter's lock, or a caller's thread that needs it meanwhile waits 5 ms."""
        if self._close_by is None and self._queue.qsize() < CROWD:
            time.sleep(0)

    def _deliver_batch(self) -> None:
        """Send the batch, or write it to the spool. Where neither can be, it stays in hand."""
        if self._close_by is not None:
            self._delivery.hurry(self._send_by())
        batch = self._batch
        if batch and not self._delivery.is_paused():
            left = self._delivery.send(texts_of(batch))
            with self._lock:
                if not self._is_over:  # else `close` has written the batch to the spool
                    self._batch = [batch[place] for place in left]
                    self._batch_bytes = sum(entry.size_bytes for entry in self._batch)
        if self._batch:
            with self._lock:
                self._spool_batch()

    def _deliver_spooled(self) -> None:
        """Send some of what is in the spool, if it is time to try."""
        spool = self._destination.spool
        if spool is None:
            self._look_at = None
        if spool is None or self._look_at is None or self._look_at > time.monotonic() or self._delivery.is_paused():
            return
        self._spooling = self._spooling or spool.deliver(self._delivery)
        if not next(self._spooling, False):  # that was all
            self._spooling = None
            pause = 0.0 if self._delivery.is_paused() else LONGEST_PAUSE_SECONDS
            self._look_at = time.monotonic() + pause if spool.paths() else None

    def _spool_batch(self) -> bool:
        """Write the batch to the spool, without secrets."""
        spool = self._destination.spool
        cleaned: list[str] = []
        while rest := self._batch[len(cleaned) :]:
            cleaned += texts_of(rest[:CLEANED_AT_ONCE], redact.built_in())
            self._let_callers_go_on()
        if spool is None or not spool.add(cleaned):
            return False
        self._batch, self._batch_bytes = [], 0
        self._look_at = time.monotonic()
        return True

    def _spool_rest(self, until: float) -> None:
        """Write all that is left to the spool, until that time; count what could not be written."""
        is_written = True
        while is_written and time.monotonic() < until:
            self._fill_batch()
            if self._batch:
                is_written = self._spool_batch()
            elif self._queue.empty():
                break
        self._drop_batch(self._no_room)
        while (note := self._next_note()) is not None:
            if not isinstance(note, Event):
                self._losses.add([note.lost], self._no_room)
        self._losses.count_overflow()
        self._answer_flushes()

    def _answer_flushes(self) -> None:
        while self._asked:
            self._asked.pop().set()

    def _drop_batch(self, why: str) -> None:
        """Count the batch as lost, but for reports of losses that were counted before."""
        lost = [entry.lost for entry in self._batch if entry.name != ENTRIES_LOST]
        self._batch, self._batch_bytes = [], 0
        self._losses.add(lost, why)

    def _count_refused(self, text: str, reason: str) -> None:
        """Count an entry that the server refuses; what else was written into the spool is one of no run."""
        try:
            fields = json.loads(text)
            name, run_id = fields.get("name") or fields.get("run_id"), fields.get("run_id")
            at_ns = int(fields.get("started_at_ns") or fields.get("at_ns"))
        except (ValueError, TypeError, AttributeError, RecursionError):
            name, run_id, at_ns = "a line that is no entry", None, time.time_ns()
        if name != ENTRIES_LOST:
            self._losses.add([Lost(run_id, at_ns)], f"{name!r} is refused: {reason}")

    @property
    def _destination(self) -> Destination:
        if self._found is None:
            self._found = self._find_destination()
        return self._found

    @property
    def _no_room(self) -> str:
        spool = self._destination.spool
        if spool is not None and not spool.problem:
            return "there was no time to write them down before the process ended"
        where = "there is no folder for them (TITAN_SPOOL)" if spool is None else f"{spool.folder}: {spool.problem}"
        return f"the server is away, and they cannot be kept: {where}"

    def _post(self, body: bytes, within_seconds: float) -> Answer:
        answer = self._destination.post(body, within_seconds)
        if answer.verdict is Verdict.DENIED:
            self._losses.say_once(f"recorded entries wait: {answer.reason}", about="denied")
        return answer

    def _say_what_is_left(self) -> None:
        """Say in one line what waits for the server as the process ends, and in another one what was lost in all."""
        spool = self._destination.spool
        if spool is not None and (waiting := spool.waiting()):
            entries = "1 recorded entry waits" if waiting == 1 else f"{waiting:,} recorded entries wait"
            why = self._delivery.answer.reason or _NO_TIME
            self._say(f"titan_sdk: {entries} in {spool.folder}: {why}")
        self._losses.say_total()
