"""Keeps the totals of runs: computed from all of a run's actions when these changed, apart from the store's writer.

A run is computed again no sooner than ten times as long after its last computation as that took: a trace of 100,000
spans costs a tenth of a core at the most, and a small run is right before its reporter has its answer.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from titan.model.actions import is_answer
from titan.model.errors import StoreError, StoreUnavailable
from titan.model.runs import Count, RunTotals, counted_alone
from titan.ports_calls import CallReader, CallStore, CallTransaction
from titan.rules.totals import totals

RESTS: Final = 10  # times as long as it computed
AT_ONCE: Final = 200  # runs of one transaction
REMEMBERED: Final = 10_000  # runs of which it is known when they are due

logger = logging.getLogger(__name__)

RunKey = tuple[str, str]  # project id, run id


@dataclass(frozen=True, slots=True)
class Computed:
    """The totals of a run as of a version."""

    totals: RunTotals
    counts: dict[int, Count]  #: of actions that count otherwise than they are stored to
    version: int

    def write(self, tx: CallTransaction, project_id: str, run_id: str) -> None:
        """Keep them."""
        tx.save_totals(project_id, run_id, self.totals, self.counts, version=self.version)


@dataclass(slots=True)
class _Asked:
    """A run that waits, and who waits for it."""

    due_at: float  #: of `time.monotonic`
    waiting: list[Future[None]] = field(default_factory=list)


class RunTotalsKeeper:
    """A thread that computes."""

    def __init__(self, store: CallStore, *, now: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._now = now
        self._asked: dict[RunKey, _Asked] = {}
        self._due: dict[RunKey, float] = {}  #: when a run may be computed again
        self._news = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._work, name="run-totals", daemon=True)
        self._thread.start()

    def ask(self, runs: Iterable[RunKey]) -> Future[None]:
        """Have the totals of runs computed; the future ends when those that are due are written, or could not be."""
        done: Future[None] = Future()
        with self._news:
            now = self._now()
            if self._is_closed or not self._note(runs, now, done):
                done.set_result(None)
            self._news.notify()
        return done

    def close(self) -> None:
        """End, with what is due written. What is not is computed after the next start. May be called twice."""
        with self._news:
            self._is_closed = True
            self._news.notify()
        self._thread.join()

    def _note(self, runs: Iterable[RunKey], now: float, done: Future[None]) -> bool:
        """Note what is asked for; return whether some of it is due."""
        last: _Asked | None = None
        for run in runs:
            due_at = self._due.get(run, now)
            asked = self._asked.setdefault(run, _Asked(due_at))
            asked.due_at = min(asked.due_at, due_at)
            if due_at <= now:
                last = asked
        if last is not None:
            last.waiting.append(done)  # they are computed in order, all that are due at once
        return last is not None

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
                self._compute(due)
            except StoreError as error:
                logger.warning("totals of %d runs are computed later: %s", len(due), error)
            except Exception:
                logger.exception("totals of %d runs could not be computed", len(due))
            for asked in due.values():
                for future in asked.waiting:
                    future.set_result(None)

    def _take(self) -> dict[RunKey, _Asked]:
        now = self._now()
        due = {run: asked for run, asked in self._asked.items() if asked.due_at <= now}
        for run in due:
            del self._asked[run]
        return due

    def _until_next(self) -> float | None:
        next_at = min((asked.due_at for asked in self._asked.values()), default=None)
        return None if next_at is None else max(0.0, next_at - self._now())

    def _compute(self, runs: Iterable[RunKey]) -> None:
        computed: dict[RunKey, Computed] = {}
        for run in runs:
            found = self._computed(run)
            if found is not None:
                computed[run] = found
            if len(computed) >= AT_ONCE:
                self._write(computed)
                computed = {}
        if computed:
            self._write(computed)
        if len(self._due) > REMEMBERED:
            now = self._now()
            self._due = {run: due_at for run, due_at in self._due.items() if due_at > now}

    def _computed(self, run: RunKey) -> Computed | None:
        """Return a run's totals; None of one that is gone, or cannot be read: the others are not to suffer for it."""
        began = self._now()
        try:
            return self._store.read(partial(compute, project_id=run[0], run_id=run[1]))
        except StoreUnavailable:
            raise
        except Exception:
            logger.exception("the totals of run %r of project %r could not be computed", run[1], run[0])
            return None
        finally:
            took = self._now() - began
            self._due[run] = began + took + RESTS * took

    def _write(self, computed: dict[RunKey, Computed]) -> None:
        def write(tx: CallTransaction) -> None:
            for (project_id, run_id), one in computed.items():
                one.write(tx, project_id, run_id)

        self._store.transact(write).result()


def compute(reader: CallReader, project_id: str, run_id: str) -> Computed | None:
    """Return a run's totals from all of its actions; None of one that is gone."""
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
