"""Interventions read back from the events that `ingest.agentsentinel.interventions` made of them."""

from decimal import Decimal

import msgspec

from titan.insight.bodies import Bodies
from titan.model.actions import ActionKind, Source
from titan.model.runs import Action, Intervention


class _Said(msgspec.Struct):
    outcome: str = ""
    action_name: str = ""
    reason: str | None = None
    estimated_cost_usd: Decimal | None = None
    risk_level: str | None = None


class _Details(msgspec.Struct):
    intervention: _Said = msgspec.field(default_factory=_Said)


def is_intervention(action: Action) -> bool:
    """Return whether an action is what a guard did about a call."""
    return action.kind is ActionKind.EVENT and action.sources == (Source.SENTINEL.value,)


def intervention_of(action: Action, bodies: Bodies) -> Intervention:
    """Return what the guard did; "" where redaction left nothing to be read."""
    try:
        said = msgspec.json.decode(bodies.details or "{}", type=_Details).intervention
    except msgspec.DecodeError:
        said = _Said()
    return Intervention(
        id=action.id,
        run_id=action.run_id,
        at=action.started_at,
        type=action.name,
        outcome=said.outcome,
        action_name=said.action_name,
        agent_id=action.actor or action.agent_id,
        reason=said.reason,
        estimated_cost=said.estimated_cost_usd,
        risk_level=said.risk_level,
        inputs=bodies.inputs,
        details=bodies.details,
    )
