"""Shapes of the answers to agentsentinel-sdk. `titan.ingest.agentsentinel` reads what it sends.

This server has no policies, approvals and budgets yet. Its answers say so: nothing is limited, no agent is stopped, and
no approval is given.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from titan.wire.base import OriginChoice, PageLimit, Request

#: What a program that asks for an approval shows its user.
NOBODY_DECIDES: Final = (
    "This Titan has no inbox for approvals yet, so nobody can decide: the action was not run."
    " Hold work for a person with a gate, see docs/guide/gates.md."
)


class PoliciesQuery(Struct, kw_only=True):
    """GET /api/v1/policies/sync."""

    agent_id: str | None = None
    run_id: str | None = None


class PolicyView(Struct, kw_only=True):
    """A policy that limits nothing: an empty list means "not configured" to the client, and it blocks what writes."""

    id: str = "titan-open"
    name: str = "Nothing is limited"
    scope: Literal["global"] = "global"
    enabled: bool = True
    version: int = 1


class PoliciesAnswer(Struct, kw_only=True):
    """GET /api/v1/policies/sync."""

    policies: tuple[PolicyView, ...] = (PolicyView(),)
    conflicts: tuple[str, ...] = ()


class PoliciesListAnswer(Struct, kw_only=True):
    """GET /api/v1/policies."""

    data: tuple[PolicyView, ...] = (PolicyView(),)
    total: int = 1


class KillSwitchQuery(Struct, kw_only=True):
    """GET /api/v1/kill-switch/check."""

    target_type: str
    target_id: str


class KillSwitchAnswer(Struct, kw_only=True):
    """GET /api/v1/kill-switch/check."""

    is_killed: bool = False


class RefusedView(Struct, kw_only=True):
    """An entry of a batch that was left out, for it cannot be read."""

    index: int
    id: str | None
    reason: str


class IngestAnswer(Struct, kw_only=True):
    """POST /api/v1/ingest. Sent again, a batch changes nothing."""

    status: Literal["accepted"] = "accepted"
    stored: Annotated[int, Meta(description="Entries that were new, with one for each run.")]
    repeated: Annotated[int, Meta(description="Entries that were known already.")]
    refused: list[RefusedView]


class InterventionAnswer(Struct, kw_only=True):
    """POST /api/v1/interventions/."""

    id: str


class InterventionView(Struct, kw_only=True):
    """What a guard did about a call."""

    id: str
    run_id: str
    agent_id: str | None
    timestamp: datetime
    intervention_type: Annotated[str, Meta(description='"hard_block", "budget_exceeded", "rate_limited" …')]
    outcome: Annotated[str, Meta(description='"blocked", "escalated", "warned", "modified" …')]
    action_name: str
    reason: str | None
    estimated_cost: Annotated[Decimal | None, Meta(description="US dollars that the call would have cost.")]
    risk_level: str | None


class InterventionsQuery(Request):
    """GET /api/v1/interventions."""

    page: Annotated[int, Meta(ge=1, le=200)] = 1
    page_size: PageLimit = 50
    intervention_type: str | None = None
    agent_id: str | None = None
    origin: OriginChoice = None
    run_id: str | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None


class InterventionsAnswer(Struct, kw_only=True):
    """What guards did about calls, the latest first."""

    data: list[InterventionView]
    page: int
    page_size: int
    total: int
    by_type: Annotated[dict[str, int], Meta(description="How many of each type the filters leave.")]


class ApprovalAnswer(Struct, kw_only=True):
    """An approval that was asked for. It is cancelled at once, which ends the client's waiting."""

    id: str
    status: Literal["cancelled"] = "cancelled"
    decided_at: str | None = None
    decided_by_email: str | None = None
    decision_notes: str = NOBODY_DECIDES
    info_request_message: str | None = None


class ApprovalsAnswer(Struct, kw_only=True):
    """GET /api/v1/approvals and /api/v1/approvals/pending: none, for each is cancelled as it is asked for."""

    data: tuple[ApprovalAnswer, ...] = ()
    total: int = 0


class ApprovalCheckQuery(Struct, kw_only=True):
    """POST /api/v1/approvals/check."""

    action_name: str
    cost_usd: float = 0.0
    agent_id: str | None = None
    run_id: str | None = None


class ApprovalCheckAnswer(Struct, kw_only=True):
    """POST /api/v1/approvals/check."""

    requires_approval: bool = False


class ReserveAnswer(Struct, kw_only=True):
    """POST /api/v1/budgets/reserve: there is no budget here that could refuse it, and nothing is held."""

    action_name: str
    estimated_cost_usd: float
    limit_usd: float | None = None


class ReplayResultsAnswer(Struct, kw_only=True):
    """POST /api/v1/replay/{run}/results."""

    run_id: Annotated[str, Meta(description="The run that holds the replayed calls.")]


class RegisterAnswer(Struct, kw_only=True):
    """POST /api/v1/actions/register: nothing is stored, an agent's actions are known from its calls."""

    registered: int = 0
    updated: int = 0
    total: int
