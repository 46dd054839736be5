"""Record in the background: a bounded queue, and a thread that delivers what is in it.

    report → queue → entries → one request → the server
                                           → the spool, while the server does not answer

The caller never waits: putting a report into the queue is one call of C, and the thread turns it into JSON. The thread
starts with the first report and ends with the process; a forked child starts with an empty queue and its own thread.
"""

from __future__ import annotations

import json
import os
import time
from _queue import Empty, SimpleQueue
from collections import deque
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import NamedTuple

from titan_sdk.recording import redact
from titan_sdk.recording.delivery import BATCH_BYTES, BATCH_ENTRIES, LONGEST_PAUSE_SECONDS, Delivery, Verdict
from titan_sdk.recording.entries import Entry, Lost, texts_of
from titan_sdk.recording.validation import to_stderr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Protocol

    from titan_sdk.recording.delivery import Answer, Spool

    class Report(Protocol):
        """What the caller's thread leaves to be encoded in the background."""

        def entry(self) -> Entry | None:
            """Return the entry to send; called on another thread, once each time that the report was put."""

        @property
        def lost(self) -> Lost:
            """How it is counted where it cannot be recorded."""


QUEUE_CALLS = 20_000  # that may wait in memory; further calls are left out and counted
GATHER_SECONDS = 0.1  # what feels live to a reader
CROWD = 10_000  # waiting calls from which on the thread stops yielding to the callers' threads, or it falls behind
REDACTED_AT_ONCE = 32  # entries, in 1 ms: so long a caller's thread may wait for the interpreter's lock
EXIT_SECONDS = 2.0  # users notice an exit that takes longer
SPOOL_SECONDS_EACH = 60e-6  # to write a call of 1 KB to the spool; sending stops early enough to leave time for it
OVERTIME_SECONDS = 8.0  # beyond EXIT_SECONDS, on a busy machine or a slow disk, before calls are lost
LOSSES_SECONDS = 5.0  # a burst that loses calls for a second becomes one event
MOST_MESSAGES = 10  # lines on stderr about losses
ENTRIES_LOST = "titan.entries_lost"  #: the name of the event that reports losses
_NO_TIME = "there was no time to bring them to the server; the next program that records takes them along"
_POLL_SECONDS = 0.02  # between two checks whether the thread has ended at exit


class Destination(NamedTuple):
    """Where entries go."""

    post: Callable[[bytes, float], Answer]
    spool: Spool | None


class Recorder:
    """Accepts reports from any thread, and delivers them."""

    def __init__(
        self,
        destination: Callable[[], Destination],
        *,
        on_start: Callable[[], object] = lambda: None,
        say: Callable[[str], object] = to_stderr,
    ) -> None:
        """`destination` is called when there is something to send; `on_start` with the first report."""
        self._find_destination = destination
        self._on_start = on_start
        self._say = say
        self._losses = _Losses(say)
        self._delivery = Delivery(self._post, refuse=self._count_refused)
        self._found: Destination | None = None
        #: reports, and events to set once all reports before them are delivered or on disk
        self._queue: SimpleQueue[Report | Event] = SimpleQueue()
        self._wake = Event()
        self._thread: Thread | None = None
        self._starting = Lock()
        #: Held to encode and to write to disk, not during requests: `close` need not wait for an answer.
        self._lock = Lock()
        #: taken from the queue, and not encoded yet
        self._first: Report | Event | None = None
        #: encoded, and neither delivered nor on disk
        self._batch: list[Entry] = []
        self._batch_bytes = 0
        self._flushes: list[Event] = []
        #: the delivery of the spool, and when to look into its folder; None: it is empty
        self._spooling: Iterator[bool] | None = None
        self._look_at: float | None = 0.0
        self._close_by: float | None = None
        self._is_over = False

    def put(self, report: Report) -> None:
        """Queue a report whatever the length of the queue: the server needs it. Never waits, and never raises."""
        self.offer(report, limit=float("inf"))

    def offer(self, report: Report, *, limit: float = QUEUE_CALLS) -> bool:
        """Queue a report unless too many wait; return whether it was queued. Never waits, and never raises.

        A report that is not queued is counted as lost.
        """
        if self._close_by is not None or self._queue.qsize() >= limit:
            self._losses.overflow.append(report.lost)
            return False
        self._queue.put(report)
        if self._thread is None:
            self._start()
        return True

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until everything put before is delivered or on disk; return False when that took too long."""
        if self._close_by is not None or (self._thread is None and self._queue.empty()):
            return True
        is_done = Event()
        self._queue.put(is_done)
        self._wake.set()
        if self._thread is None:
            self._start()
        return is_done.wait(timeout_seconds)

    def close(self, timeout_seconds: float = EXIT_SECONDS) -> None:
        """Deliver the rest within the timeout, and write what is left to the spool. Later reports are not recorded."""
        if self._close_by is not None:
            return
        self._close_by = time.monotonic() + timeout_seconds
        thread = self._thread
        if thread is None and self._queue.empty():
            return
        self._queue.put(Event())  # wakes the thread
        self._wake.set()
        if thread is None:
            self._work()
        else:
            while thread.is_alive() and time.monotonic() < self._send_by():
                thread.join(_POLL_SECONDS)
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
                self._thread = thread  # only now: a signal may call `close` in between, which would join it
                self._on_start()
        except RuntimeError:
            return  # the process ends, or cannot start a thread: `close` delivers the rest
        finally:
            self._starting.release()

    def _work(self) -> None:
        """Deliver reports until the recorder closes; `close` does the rest."""
        while not self._is_over:
            try:
                self._wait()
                with self._lock:
                    self._fill_batch()
                self._deliver_batch()
                self._deliver_spooled()
            except BaseException as error:  # noqa: BLE001 (a bug of ours must not end the recording)
                with self._lock:
                    self._drop_batch(f"a fault in titan_sdk ({type(error).__name__}: {error})")
                self._spooling, self._look_at = None, time.monotonic() + LONGEST_PAUSE_SECONDS
            if not self._batch:
                self._finish_flushes()
            if self._close_by is not None and (not self._has_rest() or self._delivery.is_paused()):
                return

    def _send_by(self) -> float:
        """Return when to stop sending at exit, so that there is time to write the rest to the spool."""
        left = self._queue.qsize() + len(self._batch)
        return (self._close_by or 0.0) - left * SPOOL_SECONDS_EACH

    def _has_rest(self) -> bool:
        """Return whether there is something to send."""
        if self._batch or self._first is not None or not self._queue.empty() or self._losses.due_at is not None:
            return True
        return self._look_at is not None and self._look_at <= time.monotonic()

    def _wait(self) -> None:
        """Wait for a report or for the next retry; then 0.1 s for more reports."""
        if self._close_by is not None:
            return
        seconds = self._seconds_to_wait()
        if self._batch:  # it could not be written to disk: it is sent again before anything else
            self._wake.wait(seconds)
            return
        with suppress(Empty):
            self._first = self._queue.get(timeout=seconds)
            if self._queue.qsize() < BATCH_ENTRIES and not isinstance(self._first, Event):
                self._wake.wait(GATHER_SECONDS)

    def _seconds_to_wait(self) -> float | None:
        times = [self._delivery.retry_at] if self._batch else []
        if self._look_at is not None:
            times.append(max(self._look_at, self._delivery.retry_at))
        if self._losses.due_at is not None:
            times.append(self._losses.due_at)
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _fill_batch(self) -> None:
        """Encode the next reports: enough for one request, or up to a flush."""
        self._wake.clear()
        self._losses.count_overflow()
        if (due_at := self._losses.due_at) is not None and (self._close_by is not None or time.monotonic() >= due_at):
            self._batch += self._losses.entries()
        while len(self._batch) < BATCH_ENTRIES and self._batch_bytes < BATCH_BYTES:
            report = self._next_report()
            if report is None:
                return
            if isinstance(report, Event):
                self._batch += self._losses.entries()
                self._flushes.append(report)
                return
            if (entry := self._encoded(report)) is not None:
                self._batch.append(entry)
                self._batch_bytes += entry.size_bytes
            self._yield_to_callers()

    def _next_report(self) -> Report | Event | None:
        report, self._first = self._first, None
        if report is None:
            with suppress(Empty):
                return self._queue.get_nowait()
        return report

    def _encoded(self, report: Report) -> Entry | None:
        try:
            return report.entry()
        except BaseException as error:  # noqa: BLE001 (it runs the program's code, and may be on the program's thread)
            self._losses.add([report.lost], f"they could not be written as JSON ({type(error).__name__}: {error})")
            return None

    def _yield_to_callers(self) -> None:
        """Release the interpreter's lock, or a caller's thread that needs it waits 5 ms."""
        if self._close_by is None and self._queue.qsize() < CROWD:
            time.sleep(0)

    def _deliver_batch(self) -> None:
        """Send the batch, or write it to the spool. If neither is possible, it stays in memory."""
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
        """Send one request of the spool's entries, if it is time to."""
        spool = self._destination.spool
        if spool is None:
            self._look_at = None
        if spool is None or self._look_at is None or self._look_at > time.monotonic() or self._delivery.is_paused():
            return
        self._spooling = self._spooling or spool.deliver(self._delivery)
        if not next(self._spooling, False):  # the last one
            self._spooling = None
            pause = 0.0 if self._delivery.is_paused() else LONGEST_PAUSE_SECONDS
            self._look_at = time.monotonic() + pause if spool.paths() else None

    def _spool_batch(self) -> bool:
        """Write the batch to the spool, without secrets."""
        spool = self._destination.spool
        texts: list[str] = []
        while rest := self._batch[len(texts) :]:
            texts += texts_of(rest[:REDACTED_AT_ONCE], redact.built_in())
            self._yield_to_callers()
        if spool is None or not spool.add(texts):
            return False
        self._batch, self._batch_bytes = [], 0
        self._look_at = time.monotonic()
        return True

    def _spool_rest(self, until: float) -> None:
        """Write everything left to the spool, until that time; count what could not be written."""
        is_written = True
        while is_written and time.monotonic() < until:
            self._fill_batch()
            if self._batch:
                is_written = self._spool_batch()
            elif self._queue.empty():
                break
        self._drop_batch(self._no_room)
        while (report := self._next_report()) is not None:
            if not isinstance(report, Event):
                self._losses.add([report.lost], self._no_room)
        self._losses.count_overflow()
        self._finish_flushes()

    def _finish_flushes(self) -> None:
        while self._flushes:
            self._flushes.pop().set()

    def _drop_batch(self, why: str) -> None:
        """Count the batch as lost, except reports of earlier losses."""
        lost = [entry.lost for entry in self._batch if entry.name != ENTRIES_LOST]
        self._batch, self._batch_bytes = [], 0
        self._losses.add(lost, why)

    def _count_refused(self, text: str, reason: str) -> None:
        """Count an entry that the server refuses; a line of the spool that is no entry belongs to no run."""
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
        """Print one line about entries that wait for the server as the process ends, and one about lost entries."""
        spool = self._destination.spool
        if spool is not None and (waiting := spool.waiting()):
            entries = "1 recorded entry waits" if waiting == 1 else f"{waiting:,} recorded entries wait"
            self._say(f"titan_sdk: {entries} in {spool.folder}: {self._delivery.answer.reason or _NO_TIME}")
        self._losses.say_total()


class _Losses:
    """Counts the lost entries of one process. Not thread-safe, except `overflow`."""

    def __init__(self, say: Callable[[str], object]) -> None:
        #: entries for which the queue had no room, not counted yet
        self.overflow: deque[Lost] = deque()
        #: when to report the losses, on the monotonic clock; None: there are none
        self.due_at: float | None = None
        self._say = say
        self._said: set[str] = set()
        self._total = self._said_total = 0
        #: by run: how many entries are not reported yet, and when the latest of them began
        self._unreported: dict[str | None, tuple[int, int]] = {}

    def add(self, lost: Iterable[Lost], why: str) -> None:
        """Count lost entries, and print each reason once."""
        before = self._total
        for run_id, at_ns in lost:
            count, latest_ns = self._unreported.get(run_id, (0, 0))
            self._unreported[run_id] = count + 1, max(at_ns, latest_ns)
            self._total += 1
        if self._total == before:
            return
        if self.due_at is None:
            self.due_at = time.monotonic() + LOSSES_SECONDS
        if self.say_once(f"recorded entries are lost ({self._total:,} so far): {why}", about=why):
            self._said_total = self._total

    def count_overflow(self) -> None:
        """Count the entries for which the queue had no room."""
        lost = [self.overflow.popleft() for _ in range(len(self.overflow))]
        self.add(lost, f"more than {QUEUE_CALLS:,} waited at once, or they came at the very end")

    def entries(self) -> Iterator[Entry]:
        """Yield one event for each run that lost entries, and reset the counts."""
        unreported, self._unreported, self.due_at = self._unreported, {}, None
        for run_id, (count, latest_ns) in unreported.items():
            # Dated like the lost entries: an event later than the run's end would reopen the run.
            fields: dict[str, object] = {"type": "action", "id": os.urandom(16).hex(), "kind": "event"}
            fields |= {"name": ENTRIES_LOST, "started_at_ns": latest_ns, "ended_at_ns": latest_ns, "outcome": "error"}
            if run_id is not None:
                fields["run_id"] = run_id
            text = f"{count:,} {'entry of this run was' if count == 1 else 'entries of this run were'} not recorded"
            yield Entry(fields, {"outputs": json.dumps(text), "details": f'{{"attributes":{{"count":{count}}}}}'})

    def say_once(self, text: str, *, about: str) -> bool:
        """Print a line on stderr unless one was printed about the same; return whether it was printed."""
        if about in self._said or len(self._said) >= MOST_MESSAGES:
            return False
        self._said.add(about)
        self._say(f"titan_sdk: {text}")
        return True

    def say_total(self) -> None:
        """Print how many entries were lost in total, if that is more than was printed."""
        if self._total > self._said_total:
            self._say(f"titan_sdk: recorded entries are lost: {self._total:,} in all")
