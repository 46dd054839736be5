"""Replays that the server computes itself, one at a time on a thread: self-checks and comparisons of runs."""

import asyncio
import logging
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import msgspec
from msgspec.structs import replace

from titan.insight.replay.comparison import compare, verdict
from titan.insight.replay.recorded_action import RecordedAction, recorded_action
from titan.insight.replay.self_check import SelfCheck, self_check
from titan.model.errors import TitanError
from titan.model.run_control import RunStatus
from titan.model.runs import Replay, ReplayLevel, ReplayState, Run
from titan.model.shaped import shaped
from titan.ports.runs_store import CallReader, CallStore, CallTransaction
from titan.ports.runtime import Blobs, Clock
from titan.replay.investigation import comparison_view, metrics_of
from titan.server.views.runs import exported_runs, is_intact
from titan.wire.replays import FindingView, ReplayMetrics, ReplayResult, SelfCheckView

MOST_WAITING: Final = 20  # replays; each may take seconds of a core
INTERRUPTED: Final = "The server stopped before this replay had ended. Start it again."

logger = logging.getLogger(__name__)


class _Stopped(Exception):
    """The replay was cancelled, its run was deleted, or the server stops."""


@dataclass(slots=True)
class _Progress:
    """Progress of a replay; written by its thread, read by requests."""

    done: int = 0
    total: int = 0
    error: str | None = None  #: why it fails
    is_stopped: bool = False
    ended: Future[None] = field(default_factory=Future)

    def step(self) -> None:
        if self.is_stopped:
            raise _Stopped
        self.done += 1


class Replays:
    """The replays that are queued or running in this process; the store has their rows."""

    def __init__(self, calls: CallStore, blobs: Blobs, *, clock: Clock) -> None:
        self._calls = calls
        self._blobs = blobs
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="replays")
        self._progress: dict[str, _Progress] = {}
        self._ended: OrderedDict[str, Replay] = (
            OrderedDict()
        )  #: the last ones, for requests that read their rows just before

    @property
    def has_room(self) -> bool:
        """Whether the queue has room."""
        return len(self._progress) < MOST_WAITING

    def begin(self, replay: Replay) -> None:
        """Queue a stored replay; its row is updated when it has ended."""
        self._progress[replay.id] = _Progress()
        self._thread.submit(self._compute, replay)

    def is_computed_here(self, replay_id: str) -> bool:
        """Return whether a replay is queued or running in this process."""
        return replay_id in self._progress

    def cancel(self, replay_id: str) -> None:
        """Cancel a replay, if it has not ended."""
        progress = self._progress.get(replay_id)
        if progress is not None:
            progress.is_stopped = True

    async def wait(self, replay_id: str, *, seconds: float) -> None:
        """Wait until a replay has ended, at most `seconds`."""
        progress = self._progress.get(replay_id)
        if progress is not None and seconds:
            await asyncio.wait([asyncio.wrap_future(progress.ended)], timeout=seconds)

    def current(self, replay: Replay) -> Replay:
        """Return the current state of a replay; one that no process runs any more has failed."""
        if replay.state is not ReplayState.RUNNING or replay.id in self._progress:
            return replay
        if replay.id in self._ended:
            return self._ended[replay.id]
        return replace(replay, state=ReplayState.FAILED, error=INTERRUPTED)

    def progress(self, replay_id: str) -> float | None:
        """Return the share of the actions that were read; None unless it is running."""
        progress = self._progress.get(replay_id)
        return progress.done / progress.total if progress is not None and progress.total else None

    def close(self) -> None:
        """Fail the running and the queued replays."""
        for progress in self._progress.values():
            progress.error, progress.is_stopped = INTERRUPTED, True
        self._thread.shutdown(wait=True, cancel_futures=True)
        for progress in self._progress.values():  # those that had not begun
            progress.ended.set_result(None)
        self._progress.clear()

    # --- on the thread of replays ---

    def _compute(self, replay: Replay) -> None:
        try:
            ended = replace(self._result(replay, self._progress[replay.id]), ended_at=self._clock.now())
            self._calls.transact(partial(_save, replay=ended)).result()
            self._ended[replay.id] = ended
            if len(self._ended) > MOST_WAITING:
                self._ended.popitem(last=False)
        except Exception:
            logger.exception("replay %s of run %s is not stored", replay.id, replay.run_id)
        finally:
            self._progress.pop(replay.id).ended.set_result(None)

    def _result(self, replay: Replay, progress: _Progress) -> Replay:
        try:
            metrics, result = self._found(replay, progress)
        except _Stopped:
            state = ReplayState.CANCELLED if progress.error is None else ReplayState.FAILED
            return replace(replay, state=state, error=progress.error)
        except TitanError as error:
            return replace(replay, state=ReplayState.FAILED, error=str(error))
        except Exception as error:
            logger.exception("replay %s of run %s failed", replay.id, replay.run_id)
            return replace(replay, state=ReplayState.FAILED, error=f"{type(error).__name__}: {error}")
        return replace(
            replay,
            state=ReplayState.COMPLETED,
            metrics=msgspec.json.encode(metrics).decode(),
            result=msgspec.json.encode(result).decode(),
        )

    def _found(self, replay: Replay, progress: _Progress) -> tuple[ReplayMetrics, ReplayResult]:
        run = self._run(replay, replay.run_id)
        other = None if replay.with_run is None else self._run(replay, replay.with_run)
        progress.total = sum(one.tally.calls for one in (run, other) if one is not None)
        actions = self._actions(run, progress)
        if replay.level is ReplayLevel.SELF_CHECK or other is None:
            found = self_check(run, actions, is_intact=is_intact(self._calls, self._blobs, run))
            return _check_metrics(found), ReplayResult(self_check=_check_view(found))
        comparison = compare(actions, self._actions(other, progress))
        fails = [one.status is RunStatus.FAILED for one in (run, other)]
        found_so = verdict(comparison, failed=fails[0], fails_now=fails[1])
        return metrics_of(comparison), ReplayResult(comparison=comparison_view(comparison, found_so))

    def _run(self, replay: Replay, run_id: str) -> Run:
        def find(reader: CallReader) -> Run | None:
            return reader.run(replay.project_id, run_id)

        run = self._calls.read(find)
        if run is None:
            raise _Stopped  # it was deleted meanwhile
        return run

    def _actions(self, run: Run, progress: _Progress) -> list[RecordedAction]:
        """Return the actions of a run in the order they started."""
        found: list[RecordedAction] = []
        for whole in exported_runs(self._calls, self._blobs, [run]):
            for action, bodies in whole.actions:
                found.append(recorded_action(action, bodies))
                if action.count.is_call:
                    progress.step()
        return found


def _save(tx: CallTransaction, *, replay: Replay) -> None:
    tx.save_replay(replay)


def _check_metrics(found: SelfCheck) -> ReplayMetrics:
    return shaped(ReplayMetrics, found, original_cost_usd=found.original_cost)


def _check_view(found: SelfCheck) -> SelfCheckView:
    return SelfCheckView(findings=tuple(shaped(FindingView, one) for one in found.findings))
