"""Replays of runs: start, list, show, cancel. `titan.server.replays` computes them."""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, Final

import msgspec
from litestar import Response

from titan.ingest.sentinel_fields import REPLAY_TAG, replay_session
from titan.model.actions import RunEntry
from titan.model.errors import Conflict, InvalidInput, UnknownReplay
from titan.model.replays import Replay, ReplayLevel, ReplayState
from titan.model.run_status import RunStatus
from titan.model.runs import Run
from titan.ports_calls import CallReader, CallTransaction
from titan.rules.names import shown
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.routes.registry import change, find_recorded, look
from titan.wire.replays import (
    NewReplayBody,
    ReplayDetailView,
    ReplayMetrics,
    ReplayResult,
    ReplaysAnswer,
    ReplaysQuery,
    ReplayView,
    State,
)

_REPORTER: Final = "agentsentinel-sdk"
_STATES: Final[Mapping[str, State]] = {"success": "completed", "partial": "completed", "failed": "failed"}


async def start_replay(call: Call) -> Response[bytes]:
    """Start a replay: check whether the run can be replayed, or compare it with another recorded run."""
    body = await call.body(NewReplayBody)
    if (body.with_run is None) is (body.level == "compare"):
        raise InvalidInput(
            "replay",
            expected="with_run beside level=compare, and with no other level",
            found=f"level={body.level} {'without' if body.with_run is None else 'with'} with_run",
            next_step='For example {"level": "compare", "with_run": "RUN"}.',
        )
    if not call.house.replays.has_room:
        raise Conflict(
            "replay",
            expected="few replays that wait",
            found="as many as may wait",
            next_step="Wait until one has ended, or cancel one.",
        )
    replay_id = call.house.ids.secret()

    def act(tx: CallTransaction) -> Replay:
        run = find_recorded(tx, call)
        other = None if body.with_run is None else _other_run(tx, call, run, body.with_run)
        replay = Replay(
            id=replay_id,
            project_id=run.project_id,
            run_id=run.id,
            level=ReplayLevel(body.level),
            with_run=None if other is None else other.id,
            state=ReplayState.RUNNING,
            author=call.caller.name,
            created_at=tx.now,
        )
        tx.save_replay(replay)
        return replay

    replay = await change(call, act)
    call.house.replays.begin(replay)
    return json_answer(_view(call, replay), 202)


def _other_run(reader: CallReader, call: Call, run: Run, run_id: str) -> Run:
    """Return the run to compare with; both have ended.

    Raises:
        UnknownRun: nothing is known of it.
        Conflict: one of them goes on.
    """
    call.fix_path("run", run_id)
    other = find_recorded(reader, call)
    for one in (run, other):
        if one.status in (RunStatus.PENDING, RunStatus.RUNNING):
            raise Conflict(
                f"run {shown(one.id)}",
                expected="a run that has ended",
                found=f"run_incomplete: it is {one.status.value}",
                next_step="Wait for its end; a comparison with what is still to come would say that it is missing.",
            )
    return other


async def list_replays(call: Call) -> Response[bytes]:
    """List the replays of a run, the newest first; those too that agentsentinel-sdk reported."""
    query = call.query(ReplaysQuery)

    def find(reader: CallReader) -> ReplaysAnswer:
        run = find_recorded(reader, call)
        stored = reader.replays_of_run(run.project_id, run.id, limit=query.limit)
        found = [*(_view(call, replay) for replay in stored), *_reported(reader, call, run)]
        found.sort(key=lambda view: view.created_at, reverse=True)
        return ReplaysAnswer(data=found[: query.limit])

    return json_answer(await look(call, find))


async def show_replay(call: Call) -> Response[bytes]:
    """Show a replay with what it found."""
    return json_answer(_detail_view(call, await look(call, partial(_find, call=call))))


async def cancel_replay(call: Call) -> Response[bytes]:
    """Cancel a replay; one that has ended stays as it is."""
    replay = await look(call, partial(_find, call=call))
    call.house.replays.cancel(replay.id)
    return json_answer(_view(call, replay))


def _find(reader: CallReader, call: Call) -> Replay:
    """Return the replay that the path names.

    Raises:
        UnknownRun: nothing is known of the run.
        UnknownReplay: the run has no such replay.
    """
    run, replay_id = find_recorded(reader, call), call.path("replay")
    replay = reader.replay(run.project_id, replay_id)
    if replay is None or replay.run_id != run.id:
        raise UnknownReplay(
            f"replay {shown(replay_id)}",
            expected=f"a replay of run {shown(run.id)}",
            found="none such",
            next_step="List them with GET /api/v1/runs/{run}/replays.",
        )
    return replay


def _view(call: Call, stored: Replay) -> ReplayView:
    replay = call.house.replays.as_it_stands(stored)
    return ReplayView(
        id=replay.id,
        run_id=replay.run_id,
        level=replay.level.value,
        with_run=replay.with_run,
        state=replay.state.value,
        progress=call.house.replays.progress(replay.id),
        author=replay.author,
        created_at=replay.created_at,
        ended_at=replay.ended_at,
        error=replay.error,
        metrics=None if replay.metrics is None else msgspec.json.decode(replay.metrics, type=ReplayMetrics),
    )


def _detail_view(call: Call, replay: Replay) -> ReplayDetailView:
    result = None if replay.result is None else msgspec.json.decode(replay.result, type=ReplayResult)
    return ReplayDetailView(**msgspec.structs.asdict(_view(call, replay)), result=result)


def _reported(reader: CallReader, call: Call, run: Run) -> list[ReplayView]:
    """Return the replays whose results agentsentinel-sdk posted: they stand in a run of their own."""
    session = reader.run(run.project_id, call.house.recorder.known_as(replay_session(run.id)))
    if session is None or REPLAY_TAG not in session.tags:
        return []
    told = (stored.entry for stored in reader.told_of_run(run.project_id, session.id, limit=200))
    return [
        _reported_view(run, session, entry.at, result)
        for entry in told
        if isinstance(entry, RunEntry) and (result := json.loads(entry.details or "{}").get("replay")) is not None
    ]


def _reported_view(run: Run, session: Run, at: datetime, result: dict[str, Any]) -> ReplayView:
    return ReplayView(
        id=f"{session.id}@{at.isoformat()}",
        run_id=run.id,
        level="reported",
        with_run=session.id,
        state=_STATES.get(result.get("status", ""), "completed"),
        progress=None,
        author=_REPORTER,
        created_at=at,
        ended_at=at,
        error=None,
        metrics=ReplayMetrics(
            calls=result.get("actions_total", 0),
            divergences=result.get("divergences_detected"),
            savings_usd=_usd(result.get("cost_savings")),
        ),
    )


def _usd(value: object) -> Decimal | None:
    try:
        return None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None
