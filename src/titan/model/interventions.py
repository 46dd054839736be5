"""Interventions: a client's guard stopped, held or changed a call."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from titan.model.actions import Payload


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervention:
    """What a guard did about one call, as the client that runs it reports it."""

    id: str  #: made from what the client says, so that the same one reported twice is recognised
    run_id: str
    at: datetime
    type: str  #: the client's word: "hard_block", "budget_exceeded", "rate_limited", "budget_warning" …
    outcome: str  #: the client's word: "blocked", "escalated", "warned", "modified" …
    action_name: str
    agent_id: str | None = None
    reason: str | None = None
    estimated_cost: Decimal | None = None  #: US dollars that the call would have cost
    risk_level: str | None = None
    inputs: Payload | None = None  #: of the call, as it was meant
    details: str | None = None  #: a JSON object of everything else that was said
