"""Interventions: a client's guard stopped, held or changed a call."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervention:
    """An intervention of a guard in a call, as its client reports it."""

    id: str  #: a digest of the report, so that a resent one is recognised
    run_id: str
    at: datetime
    type: str  #: the client's word: "hard_block", "budget_exceeded", "rate_limited", "budget_warning" …
    outcome: str  #: the client's word: "blocked", "escalated", "warned", "modified" …
    action_name: str
    agent_id: str | None = None
    reason: str | None = None
    estimated_cost: Decimal | None = None  #: US dollars that the call would have cost
    risk_level: str | None = None
