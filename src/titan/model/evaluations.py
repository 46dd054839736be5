"""Evaluations: workflows, tasks, registered agents, tool endpoints and agent runs."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

SUITE_FAULT: Final = "the suite: "  #: begins the detail of a scorer that no agent could pass


class AgentRunStatus(StrEnum):
    """The state of an agent run in an evaluation."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"  #: the agent gave a usable answer, even if nothing could be graded
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED: Final = frozenset({AgentRunStatus.COMPLETED, AgentRunStatus.FAILED, AgentRunStatus.CANCELLED})


class ErrorClass(StrEnum):
    """Why an agent run failed."""

    AUTH_FAILED = "auth_failed"
    AGENT_TIMEOUT = "agent_timeout"
    AGENT_5XX = "agent_5xx"
    AGENT_4XX = "agent_4xx"
    AGENT_BAD_RESPONSE = "agent_bad_response"
    AGENT_UNREACHABLE = "agent_unreachable"
    PROXY_MISCONFIGURED = "proxy_misconfigured"
    CONTRACT_ERROR = "contract_error"
    TRANSPORT_ERROR = "transport_error"
    INTERNAL_ERROR = "internal_error"


class Trigger(StrEnum):
    """Why an agent run was made."""

    SEED = "seed"  #: somebody had the task tried
    AUTO_REDISPATCH = "auto_redispatch"  #: the one before could not reach the agent
    RERUN = "rerun"


class Verdict(StrEnum):
    """The verdict on an agent run."""

    PASS = "PASS"
    FAIL = "FAIL"
    PENDING = "PENDING"
    NOT_APPLICABLE = "NOT APPLICABLE"  #: nothing could be graded


class Workflow(Struct, frozen=True, kw_only=True):
    """A world, the agents that are tried in it, and how."""

    project_id: str
    id: str  #: a slug
    name: str
    definition: str  #: a JSON object: `titan.evaluate.definitions.WorkflowDefinition`
    created_at: datetime
    updated_at: datetime


class Task(Struct, frozen=True, kw_only=True):
    """A task of a workflow, with its frozen seed."""

    project_id: str
    workflow_id: str
    id: str
    name: str
    seed: str  #: a JSON object: `titan.world.definition.TaskSeed` and the axes of conversations
    seed_digest: str  #: SHA-256 of the seed and its initial state
    scorers: str  #: a JSON array: `titan.judge.scorers.Scorer`
    created_at: datetime
    seeded_at: datetime
    state_digest: str | None = None  #: of the initial state in `definitions`; None: seeded before there were any


class RegisteredAgent(Struct, frozen=True, kw_only=True):
    """A version of an agent that can be tried. The agent is the one of this name that runs report."""

    project_id: str
    id: str  #: its name
    version: int  #: from 1, of this name in the project
    definition: str  #: a JSON object: `titan.evaluate.definitions.AgentDefinition`
    created_at: datetime
    workflow_id: str | None = None  #: whose suite registered it; None: for every workflow that has none of its own


class ToolEndpoint(Struct, frozen=True, kw_only=True):
    """A service that answers tools of worlds in the mode passthrough."""

    project_id: str
    id: str  #: its name
    definition: str  #: a JSON object: `titan.evaluate.definitions.EndpointDefinition`
    created_at: datetime
    updated_at: datetime


class AgentRun(Struct, frozen=True, kw_only=True):
    """One try of an agent at a task. Its calls and events are those of the Run of the same id."""

    project_id: str
    run_id: str
    workflow_id: str
    task_id: str
    field: str  #: the agent field of the workflow
    agent_id: str
    agent_version: int
    attempt: int  #: of this task and field, from 1
    trigger: Trigger
    source_run_id: str | None = None  #: that it repeats
    status: AgentRunStatus
    error_class: ErrorClass | None = None
    error: str | None = None  #: a JSON object: {"message", "detail", "code"}
    seed_digest: str
    config: str  #: a JSON object: what was configured when it was dispatched
    queued_at: datetime
    started_at: datetime | None = None
    agent_done_at: datetime | None = None
    ended_at: datetime | None = None
    response: str | None = None  #: the agent's raw answer, its beginning
    final_response: str | None = None
    messages: str | None = None  #: a JSON array, in rich mode
    metadata: str | None = None  #: a JSON object
    soft_warnings: str = "[]"  #: a JSON array of texts
    verdict: Verdict = Verdict.PENDING
    failure_mode: str | None = None  #: of FAIL
    scorers: str = "[]"  #: a JSON array of results
    sources: str = "{}"  #: a JSON object: source → number of tool calls
    violations: int = 0
    agent_cost: str | None = None  #: US dollars, a decimal
    simulator_cost: str | None = None
    #: Of what it ran with in `definitions`, as is `seed_digest`; None: it was made before there were any.
    world_digest: str | None = None
    state_digest: str | None = None
    scorers_digest: str | None = None


def total_cost(run: AgentRun) -> Decimal | None:
    """Return what agent and simulator cost together; None where neither is known."""
    known = [Decimal(cost) for cost in (run.agent_cost, run.simulator_cost) if cost is not None]
    return sum(known, Decimal(0)) if known else None
