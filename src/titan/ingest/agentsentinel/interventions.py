"""agentsentinel-sdk: what its guard did about a call, and how a replay of its ended, become entries."""

import json
from datetime import datetime
from typing import Final

import msgspec

from titan.ingest.agentsentinel.fields import (
    REPLAY_TAG,
    Sender,
    clean,
    clean_or_none,
    digest_of,
    payload_of,
    read_as,
    read_time,
    replay_session,
    says,
    shaped,
    unreadable,
)
from titan.ingest.agentsentinel.shapes import MAX_ID, InterventionBody, ReplayResultsBody
from titan.ingest.values import checked_cost, read_json, text_of
from titan.model.actions import ActionEntry, ActionKind, Entry, Outcome, RunEnd, RunEntry, Source
from titan.model.runs import Intervention

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
    read = shaped(fields, InterventionBody, what=what)
    run_id = read.run_id or sender.run_id or RUNLESS
    rest = {key: value for key, value in fields.items() if key not in _TAKEN and says(value)}
    return Intervention(
        id=digest_of(run_id, read.action_name, read.timestamp, read.intervention_type),
        run_id=clean(run_id),
        at=read_time(read.timestamp, what=what),
        type=clean(read.intervention_type),
        outcome=clean(read.outcome),
        action_name=clean(read.action_name),
        agent_id=clean_or_none(read.agent_id or sender.agent_id),
        reason=clean_or_none(read.reason),
        estimated_cost=checked_cost(read.estimated_cost, what=what),
        risk_level=clean_or_none(read.risk_level),
        inputs=None if read.original_inputs is None else payload_of(read.original_inputs),
        details=text_of(rest) if rest else None,
    )


def intervention_entries(intervention: Intervention) -> list[Entry]:
    """Return an intervention as an event of its run, behind whose run it is; it is no call and costs nothing."""
    run = RunEntry(
        run_id=intervention.run_id, source=Source.SENTINEL, at=intervention.at, agent_id=intervention.agent_id
    )
    return [run, _event(intervention)]


def read_replay_results(body: bytes, run_id: str, *, now: datetime) -> RunEntry:
    """Return what a body of POST /api/v1/replay/{run}/results says: how the replay of that run ended.

    Raises:
        InvalidInput: it is no result, or no run has such an id.
    """
    what = "the replay's results"
    if len(run_id) > MAX_ID:
        raise unreadable(what, f"a run's id of at most {MAX_ID} characters", str(len(run_id)))
    results = read_as(body, ReplayResultsBody, what=what)
    return RunEntry(
        run_id=replay_session(run_id),
        source=Source.SENTINEL,
        at=now,
        name=f"Replay of {run_id}",
        end=RunEnd.FAILED if results.status == "failed" else RunEnd.COMPLETED,
        done=results.actions_replayed,
        total=results.actions_total,
        tags=(REPLAY_TAG,),
        details=text_of({"replay_of": run_id, "replay": msgspec.to_builtins(results)}),
    )


def _event(intervention: Intervention) -> ActionEntry:
    said = {
        "type": intervention.type,
        "outcome": intervention.outcome,
        "action_name": intervention.action_name,
        "reason": intervention.reason,
        "estimated_cost_usd": None if intervention.estimated_cost is None else str(intervention.estimated_cost),
        "risk_level": intervention.risk_level,
        **(json.loads(intervention.details) if intervention.details is not None else {}),
    }
    return ActionEntry(
        id=intervention.id,
        run_id=intervention.run_id,
        source=Source.SENTINEL,
        kind=ActionKind.EVENT,
        name=intervention.type,
        started_at=intervention.at,
        ended_at=intervention.at,
        outcome=Outcome.SUCCESS,
        actor=intervention.agent_id,
        inputs=intervention.inputs,
        details=json.dumps({"intervention": {key: value for key, value in said.items() if value is not None}}),
    )
