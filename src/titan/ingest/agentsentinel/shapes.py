"""The bodies that agentsentinel-sdk 0.2 to 0.4 posts, as far as Titan reads them (spec/runs.md 2.4).

Fields that are not named here are not refused: what a later version adds is kept among an action's details.
"""

from decimal import Decimal
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from titan.model.actions import Impact, Outcome

MAX_ENTRIES: Final = 10_000  # the client sends 100 at once; its `batch_size` can be raised
MAX_ID: Final = 200

Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID)]
Name = Annotated[str, Meta(min_length=1, max_length=500)]
Count = Annotated[int, Meta(ge=0)]
Milliseconds = Annotated[float, Meta(ge=0)]
Nanoseconds = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Usd = Annotated[Decimal, Meta(description="US dollars, as a number or a string.")]


class BatchBody(Struct, kw_only=True):
    """POST /api/v1/ingest. Entries are read one by one: one that cannot be read does not hold up the others."""

    entries: Annotated[list[dict[str, Any]], Meta(max_length=MAX_ENTRIES)]
    run_id: Id | None = None
    agent_id: Name | None = None
    mission_id: str | None = None


class PayloadBody(Struct, kw_only=True):
    """What a call was given and what it gave."""

    inputs: Any = None
    outputs: Any = None


class EntryBody(Struct, kw_only=True):
    """One entry of the client's ledger: a call that has ended."""

    outcome: Outcome
    id: Id | None = None
    timestamp: Annotated[str | None, Meta(description="When the call ended, ISO 8601; UTC when it names no zone.")] = (
        None
    )
    action: Name | None = None
    name: Name | None = None
    cost_usd: Usd | None = None
    duration_ms: Milliseconds | None = None
    duration_ns: Nanoseconds | None = None
    tags: list[str] | None = None
    payload: PayloadBody | None = None
    inputs: Any = None
    outputs: Any = None
    compliance_metadata: dict[str, Any] | None = None
    agent_id: Name | None = None
    run_id: Id | None = None
    task_id: str | None = None
    mission_id: str | None = None
    inputs_redacted: bool = False
    impact: Impact | None = None


class InterventionBody(Struct, kw_only=True):
    """POST /api/v1/interventions/."""

    intervention_type: Name
    outcome: Name
    action_name: Name
    timestamp: str
    agent_id: Name | None = None
    run_id: Id | None = None
    reason: str | None = None
    estimated_cost: Usd | None = None
    risk_level: str | None = None
    original_inputs: Any = None


class ReplayResultsBody(Struct, kw_only=True):
    """POST /api/v1/replay/{run}/results."""

    status: Annotated[str, Meta(description="success, partial or failed.")]
    actions_replayed: Count = 0
    actions_total: Count = 0
    divergences_detected: Count = 0
    divergences: list[dict[str, Any]] = msgspec.field(default_factory=list)
    cost_savings: Usd = Decimal(0)


class ReserveBody(Struct, kw_only=True):
    """POST /api/v1/budgets/reserve."""

    action_name: Name
    estimated_cost_usd: Usd
    group_id: str | None = None
    run_id: Id | None = None


class ApprovalBody(Struct, kw_only=True):
    """POST /api/v1/approvals, as far as an answer needs it."""

    action_name: Name


class ResponseBody(Struct, kw_only=True):
    """POST /api/v1/approvals/{approval}/respond."""

    response: str


class RegisterBody(Struct, kw_only=True):
    """POST /api/v1/actions/register."""

    agent_id: Name
    actions: list[dict[str, Any]]
    sdk_version: str | None = None
