"""Replays that the server computes: one at a time, on a thread of their own, beside the requests."""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec
from msgspec.structs import replace

from titan.insight.replay.comparison import Comparison, compare
from titan.insight.replay.recorded_action import RecordedAction, recorded_action
from titan.insight.replay.self_check import SelfCheck, self_check
from titan.model.errors import TitanError
from titan.model.replays import Replay, ReplayLevel, ReplayState
from titan.model.runs import Run
from titan.ports import Blobs, Clock
from titan.ports_calls import CallReader, CallStore, CallTransaction
from titan.server.exported import exported
from titan.server.tape_check import is_intact
from titan.wire.replays import (
    ComparedRowView,
    ComparisonView,
    DivergenceView,
    FindingView,
    ReplayMetrics,
    ReplayResult,
    SelfCheckView,
)

MOST_WAITING: Final = 20  # replays: each may take seconds of one core
INTERRUPTED: Final = "The server stopped before this replay had ended. Start it again."

logger = logging.getLogger(__name__)


class _Cancelled(Exception):
    """Somebody does not want the replay any more."""


@dataclass(slots=True)
class _Progress:
    """How far a replay is; written by its thread, read by requests."""

    done: int = 0
    total: int = 0
    is_cancelled: bool = False

    def step(self) -> None:
        if self.is_cancelled:
            raise _Cancelled
        self.done += 1


class Replays:
    """The replays that wait or run in this process; their rows say the rest."""

    def __init__(self, calls: CallStore, blobs: Blobs, *, clock: Clock) -> None:
        self._calls = calls
        self._blobs = blobs
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="replays")
        self._progress: dict[str, _Progress] = {}

    @property
    def has_room(self) -> bool:
        """Whether one more may wait."""
        return len(self._progress) < MOST_WAITING

    def begin(self, replay: Replay) -> None:
        """Compute a replay, whose row is stored; its row is overwritten when it has ended."""
        self._progress[replay.id] = _Progress()
        self._thread.submit(self._compute, replay)

    def cancel(self, replay_id: str) -> None:
        """Have a replay end soon, if it has not."""
        progress = self._progress.get(replay_id)
        if progress is not None:
            progress.is_cancelled = True

    def as_it_stands(self, replay: Replay) -> Replay:
        """Return a replay; one that runs in no process any more has failed."""
        if replay.state is not ReplayState.RUNNING or replay.id in self._progress:
            return replay
        return replace(replay, state=ReplayState.FAILED, error=INTERRUPTED)

    def progress(self, replay_id: str) -> float | None:
        """Return the share of the actions that were read; None unless it runs and knows how many there are."""
        progress = self._progress.get(replay_id)
        return progress.done / progress.total if progress is not None and progress.total else None

    def close(self) -> None:
        """End what runs; its row says so when it is asked for."""
        for progress in self._progress.values():
            progress.is_cancelled = True
        self._thread.shutdown(wait=True, cancel_futures=True)

    # --- on the thread of replays ---

    def _compute(self, replay: Replay) -> None:
        try:
            ended = self._ended(replay, self._progress[replay.id])
            self._calls.transact(partial(_save, replay=replace(ended, ended_at=self._clock.now()))).result()
        except Exception:
            logger.exception("replay %s of run %s is not stored", replay.id, replay.run_id)
        finally:
            del self._progress[replay.id]

    def _ended(self, replay: Replay, progress: _Progress) -> Replay:
        try:
            metrics, result = self._found(replay, progress)
        except _Cancelled:
            return replace(replay, state=ReplayState.CANCELLED)
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
        return _metrics(comparison), ReplayResult(comparison=_comparison_view(comparison))

    def _run(self, replay: Replay, run_id: str) -> Run:
        def find(reader: CallReader) -> Run | None:
            return reader.run(replay.project_id, run_id)

        run = self._calls.read(find)
        if run is None:
            raise _Cancelled  # it was deleted meanwhile, and its replays with it
        return run

    def _actions(self, run: Run, progress: _Progress) -> list[RecordedAction]:
        """Return the actions of a run as they started."""
        found: list[RecordedAction] = []
        for whole in exported(self._calls, self._blobs, [run]):
            for action, bodies in whole.actions:
                found.append(recorded_action(action, bodies))
                if action.count.is_call:
                    progress.step()
        return found


def _save(tx: CallTransaction, *, replay: Replay) -> None:
    tx.save_replay(replay)


def _check_metrics(found: SelfCheck) -> ReplayMetrics:
    return ReplayMetrics(
        original_cost_usd=found.original_cost,
        calls=found.calls,
        replayable=found.replayable,
        is_available=found.is_available,
    )


def _check_view(found: SelfCheck) -> SelfCheckView:
    return SelfCheckView(
        findings=tuple(
            FindingView(reason=one.reason.value, blocks=one.blocks, count=one.count, action_ids=one.action_ids)
            for one in found.findings
        )
    )


def _metrics(found: Comparison) -> ReplayMetrics:
    return ReplayMetrics(
        original_cost_usd=found.original_cost,
        replay_cost_usd=found.replay_cost,
        savings_usd=found.savings,
        calls=found.compared,
        divergences=found.divergence_count,
        match_rate=found.match_rate,
        uncompared=found.uncompared,
    )


def _comparison_view(found: Comparison) -> ComparisonView:
    return ComparisonView(
        divergences=tuple(
            DivergenceView(
                kind=one.kind.value,
                action=one.action,
                replay_action=one.replay_action,
                original_id=one.original_id,
                replay_id=one.replay_id,
                path=one.path,
                is_root=one.is_root,
                consequence_of=one.consequence_of,
            )
            for one in found.divergences
        ),
        rows=tuple(
            ComparedRowView(
                action=row.action,
                part=row.part.value,
                original=row.original,
                replay=row.replay,
                status=row.status.value,
                original_id=row.original_id,
                replay_id=row.replay_id,
                remarks=tuple(remark.value for remark in row.remarks),
            )
            for row in found.rows
        ),
        has_more_rows=found.has_more_rows,
    )
