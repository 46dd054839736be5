"""Computes the totals of runs from all of their actions when these changed, on a thread of its own.

A run is computed again after a pause of ten times the CPU time of its last computation, times the number of runs that
grow at the same time: all of them together take a tenth of a core at most. Reporters wait for a computation that is due
within milliseconds, so the totals of a small run are right when its reporter gets the answer. Runs that took the least
time before are computed first and written in small portions, so that no small run waits for a large one.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from titan.model.actions import is_answer
from titan.model.errors import StoreError, StoreUnavailable
from titan.model.runs import Count, RunTotals, counted_alone
from titan.ports.runs_store import CallReader, CallStore, CallTransaction
from titan.rules.runs.totals import totals

RESTS: Final = 10  # times as long as it computed, for each run that waits or is computed with it
NEAR_SECONDS: Final = 0.005  # how long a reporter waits, at most, for a run to be due again
AT_ONCE: Final = 200  # runs of one transaction
PORTION_SECONDS: Final = 0.05  # of computing, after which the results are written
REMEMBERED: Final = 10_000  # runs whose last computation is known

logger = logging.getLogger(__name__)

RunKey = tuple[str, str]  # project id, run id


@dataclass(frozen=True, slots=True)
class Computed:
    """The totals of a run at a version."""

    totals: RunTotals
    counts: dict[int, Count]  #: of actions that count otherwise than they are stored to
    version: int


@dataclass(slots=True)
class _Answer:
    """A future, and the number of runs that it still waits for."""

    future: Future[None]
    runs: int = 0

    def note_written(self) -> None:
        """Count down, and set the future with the last run."""
        self.runs -= 1
        if not self.runs:
            self.future.set_result(None)


@dataclass(slots=True)
class _Asked:
    """A run that waits for its computation, and the answers that wait for it."""

    due_at: float  #: of `time.monotonic`
    waiting: list[_Answer] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Past:
    """The last computation of a run."""

    took: float  #: seconds of a core
    due_at: float  #: when it may be computed again, of `time.monotonic`


class RunTotalsKeeper:
    """The thread that computes totals."""

    def __init__(
        self,
        store: CallStore,
        *,
        now: Callable[[], float] = time.monotonic,
        used: Callable[[], float] = time.thread_time,
    ) -> None:
        """Start; `used` returns the CPU time of the calling thread in seconds."""
        self._store = store
        self._now = now
        self._used = used
        self._asked: dict[RunKey, _Asked] = {}
        self._past: dict[RunKey, _Past] = {}
        self._news = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._work, name="run-totals", daemon=True)
        self._thread.start()

    def ask(self, runs: Iterable[RunKey]) -> Future[None]:
        """Have the totals of runs computed.

        The future is set when those that are due, or nearly, are written or have failed.
        """
        answer = _Answer(Future())
        with self._news:
            if not self._is_closed:
                self._note(runs, answer)
            if not answer.runs:
                answer.future.set_result(None)
            self._news.notify()
        return answer.future

    def close(self) -> None:
        """End after writing what is due. The rest is computed after the next start. May be called twice."""
        with self._news:
            self._is_closed = True
            self._news.notify()
        self._thread.join()

    def _note(self, runs: Iterable[RunKey], answer: _Answer) -> None:
        now = self._now()
        for run in runs:
            past = self._past.get(run)
            due_at = now if past is None else past.due_at
            asked = self._asked.setdefault(run, _Asked(due_at))
            asked.due_at = min(asked.due_at, due_at)
            if due_at <= now + NEAR_SECONDS:
                answer.runs += 1
                asked.waiting.append(answer)

    # --- on the thread ---

    def _work(self) -> None:
        while True:
            with self._news:
                due = self._take()
                while not due:
                    if self._is_closed:
                        return
                    self._news.wait(self._until_next())
                    due = self._take()
            try:
                self._write(self._computed_of(due))
            except StoreError as error:
                logger.warning("totals of %d runs are computed later: %s", len(due), error)
            except Exception:
                logger.exception("totals of %d runs could not be computed", len(due))
            for asked in due.values():
                for answer in asked.waiting:
                    answer.note_written()

    def _take(self) -> dict[RunKey, _Asked]:
        """Return the next portion of the runs that are due: those that took the least time before."""
        now, seconds = self._now(), 0.0
        due = [run for run, asked in self._asked.items() if asked.due_at <= now]
        portion: dict[RunKey, _Asked] = {}
        for run in sorted(due, key=self._took):
            seconds += self._took(run)
            if portion and (seconds > PORTION_SECONDS or len(portion) >= AT_ONCE):
                break
            portion[run] = self._asked.pop(run)
        return portion

    def _took(self, run: RunKey) -> float:
        past = self._past.get(run)
        return 0.0 if past is None else past.took

    def _until_next(self) -> float | None:
        next_at = min((asked.due_at for asked in self._asked.values()), default=None)
        return None if next_at is None else max(0.0, next_at - self._now())

    def _computed_of(self, due: Collection[RunKey]) -> dict[RunKey, Computed]:
        if len(self._past) > REMEMBERED:
            now = self._now()
            self._past = {run: past for run, past in self._past.items() if past.due_at > now}
        crowd = len(due) + len(self._asked)
        found = {run: self._computed(run, crowd) for run in due}
        return {run: computed for run, computed in found.items() if computed is not None}

    def _computed(self, run: RunKey, crowd: int) -> Computed | None:
        """Return a run's totals; None when it was deleted or cannot be read, which must not stop the others."""
        began = self._used()
        try:
            return self._store.read(partial(compute, project_id=run[0], run_id=run[1]))
        except StoreUnavailable:
            raise
        except Exception:
            logger.exception("the totals of run %r of project %r could not be computed", run[1], run[0])
            return None
        finally:
            took = self._used() - began
            self._past[run] = _Past(took, self._now() + RESTS * took * crowd)

    def _write(self, computed: dict[RunKey, Computed]) -> None:
        if not computed:
            return

        def write(tx: CallTransaction) -> None:
            for (project_id, run_id), one in computed.items():
                tx.save_totals(project_id, run_id, one.totals, one.counts, version=one.version)

        self._store.transact(write, is_durable=False).result()  # after a power cut they are computed again


def compute(reader: CallReader, project_id: str, run_id: str) -> Computed | None:
    """Return a run's totals from all of its actions; None when it was deleted."""
    flat = reader.flat_run(project_id, run_id)
    if flat is None:
        return None
    answers = {action.response_id for action in flat.actions if action.response_id is not None}
    elsewhere = reader.answered_elsewhere(project_id, run_id, filter(is_answer, answers))
    found, special = totals(flat.actions, answered_elsewhere=elsewhere)
    numbers = {action.number: action.kind for action in flat.actions}
    counts = {
        number: special.get(number) or counted_alone(numbers[number])
        for number in special.keys() | flat.counts.keys()
        if special.get(number) != flat.counts.get(number)
    }
    return Computed(found, counts, flat.version)
