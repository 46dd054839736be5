"""agentsentinel-sdk: what its guard did about a call, and how a replay of its ended, become entries."""

import json
from datetime import datetime
from typing import Final

import msgspec

from titan.ingest.sentinel_fields import (
    REPLAY_TAG,
    Sender,
    clean,
    clean_or_none,
    digest_of,
    read_as,
    read_time,
    replay_session,
    says,
    shaped,
    unreadable,
)
from titan.ingest.sentinel_payloads import payload_of
from titan.ingest.sentinel_shapes import MAX_ID, InterventionBody, ReplayResultsBody
from titan.ingest.values import checked_cost, read_json, text_of
from titan.model.actions import ActionEntry, ActionKind, Entry, Outcome, RunEnd, RunEntry, Source
from titan.model.interventions import Intervention

#: The run of interventions that name none: version 0.2 sends such, and one that is refused holds up all behind it.
RUNLESS: Final = "agentsentinel:no-run"
_TAKEN: Final = frozenset(InterventionBody.__struct_fields__)


def read_intervention(body: bytes, sender: Sender) -> Intervention:
    """Return what a body of POST /api/v1/interventions/ says.

    Raises:
        InvalidInput: it is none.
    """
    what = "the intervention"
    fields = read_json(body, what=what)
    told = shaped(fields, InterventionBody, what=what)
    run_id = told.run_id or sender.run_id or RUNLESS
    rest = {key: value for key, value in fields.items() if key not in _TAKEN and says(value)}
    return Intervention(
        id=digest_of(run_id, told.action_name, told.timestamp, told.intervention_type),
        run_id=clean(run_id),
        at=read_time(told.timestamp, what=what),
        type=clean(told.intervention_type),
        outcome=clean(told.outcome),
        action_name=clean(told.action_name),
        agent_id=clean_or_none(told.agent_id or sender.agent_id),
        reason=clean_or_none(told.reason),
        estimated_cost=checked_cost(told.estimated_cost, what=what),
        risk_level=clean_or_none(told.risk_level),
        inputs=None if told.original_inputs is None else payload_of(told.original_inputs),
        details=text_of(rest) if rest else None,
    )


def intervention_entries(told: Intervention) -> list[Entry]:
    """Return an intervention as an event of its run, behind whose run it is; it is no call and costs nothing."""
    run = RunEntry(run_id=told.run_id, source=Source.SENTINEL, at=told.at, agent_id=told.agent_id)
    return [run, _event(told)]


def read_replay_results(body: bytes, run_id: str, *, now: datetime) -> RunEntry:
    """Return what a body of POST /api/v1/replay/{run}/results says: how the replay of that run ended.

    Raises:
        InvalidInput: it is no result, or no run has such an id.
    """
    what = "the replay's results"
    if len(run_id) > MAX_ID:
        raise unreadable(what, f"a run's id of at most {MAX_ID} characters", str(len(run_id)))
    told = read_as(body, ReplayResultsBody, what=what)
    return RunEntry(
        run_id=replay_session(run_id),
        source=Source.SENTINEL,
        at=now,
        name=f"Replay of {run_id}",
        end=RunEnd.FAILED if told.status == "failed" else RunEnd.COMPLETED,
        done=told.actions_replayed,
        total=told.actions_total,
        tags=(REPLAY_TAG,),
        details=text_of({"replay_of": run_id, "replay": msgspec.to_builtins(told)}),
    )


def _event(told: Intervention) -> ActionEntry:
    said = {
        "type": told.type,
        "outcome": told.outcome,
        "action_name": told.action_name,
        "reason": told.reason,
        "estimated_cost_usd": None if told.estimated_cost is None else str(told.estimated_cost),
        "risk_level": told.risk_level,
        **(json.loads(told.details) if told.details is not None else {}),
    }
    return ActionEntry(
        id=told.id,
        run_id=told.run_id,
        source=Source.SENTINEL,
        kind=ActionKind.EVENT,
        name=told.type,
        started_at=told.at,
        ended_at=told.at,
        outcome=Outcome.SUCCESS,
        actor=told.agent_id,
        inputs=told.inputs,
        details=json.dumps({"intervention": {key: value for key, value in said.items() if value is not None}}),
    )
