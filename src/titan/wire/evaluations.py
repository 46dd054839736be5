"""Shapes of evaluations: workflows, tasks, registered agents, agent runs, tool calls, the proxy of a world."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from titan.wire.base import Limit, Request, Wait

Status = Literal["pending", "running", "completed", "failed", "cancelled"]
JsonObject = dict[str, Any]


class WorkflowBody(Request):
    """PUT …/workflows/{workflow}."""

    definition: Annotated[JsonObject, Meta(description="World, agent fields and settings: see the guide of worlds.")]
    name: str = ""


class WorkflowView(Struct, kw_only=True):
    """A workflow: a world, and the agents that are tried in it."""

    id: str
    name: str
    definition: JsonObject
    created_at: datetime
    updated_at: datetime
    warnings: Annotated[list[str], Meta(description="What is probably not meant: place and words.")]


class WorkflowsAnswer(Struct, kw_only=True):
    """The workflows of a project."""

    workflows: list[WorkflowView]


class TasksBody(Request):
    """POST …/tasks: tasks to create; one whose id exists is left as it is unless `reseed` says otherwise."""

    tasks: Annotated[
        list[JsonObject], Meta(max_length=10_000, description="id, name, odyssey_seed and scorers of each.")
    ]
    reseed: Annotated[bool, Meta(description="Freeze the seeds of existing tasks anew where they differ.")] = False


class TasksImportQuery(Request):
    """POST …/import-tasks."""

    format: Literal["csv", "json", "jsonl", "yaml"] = "json"
    reseed: bool = False


class ReseedBody(Request):
    """POST …/tasks/{task}/re-seed: what changes."""

    odyssey_seed: Annotated[JsonObject, Meta(description="The axes that change; others stay.")] = {}
    name: str | None = None
    scorers: list[JsonObject] | None = None


class ApplyBody(Request):
    """POST /api/projects/{project}/apply: a suite."""

    workflow: str
    definition: JsonObject
    name: str = ""
    agents: dict[str, JsonObject] = {}
    endpoints: dict[str, JsonObject] = {}
    tasks: Annotated[list[JsonObject], Meta(max_length=10_000)] = []
    plan: Annotated[bool, Meta(description="Change nothing: say what would change.")] = False


class AppliedView(Struct, kw_only=True):
    """What became of a part of a suite, or would."""

    kind: str
    id: str
    change: Literal["created", "changed", "unchanged"]


class ApplyAnswer(Struct, kw_only=True):
    """What applying a suite did, or would do."""

    changes: list[AppliedView]
    created: int
    changed: int
    unchanged: int
    warnings: list[str]


class ConfigChange(Struct, kw_only=True):
    """A setting in which an agent run differs from the one that it repeats."""

    path: Annotated[str, Meta(description="A setting, or world, state, seed or scorers with their digests.")]
    before: Annotated[Any, Meta(description="null: there was none, or it is not known.")]
    after: Any


class TasksQuery(Request):
    """GET …/tasks."""

    after: str = ""
    limit: Limit = 1_000


class TaskView(Struct, kw_only=True):
    """A task with its frozen seed."""

    id: str
    name: str
    odyssey_seed: JsonObject
    seed_digest: str
    scorers: list[JsonObject]
    created_at: datetime
    seeded_at: datetime
    warnings: list[str]


class TasksAnswer(Struct, kw_only=True):
    """Tasks of a workflow, by id."""

    tasks: list[TaskView]


class TasksChanged(Struct, kw_only=True):
    """What an import of tasks did."""

    created: int
    reseeded: int
    unchanged: int
    warnings: list[str]


class AgentBody(Request):
    """PUT …/agents/{agent}: `kind` http with `url`, or python with `source`."""

    definition: JsonObject


class RegisteredAgentView(Struct, kw_only=True):
    """The newest version of an agent that can be tried; what authenticates Titan to it is not shown."""

    id: str
    version: int
    workflow_id: Annotated[str | None, Meta(description="Whose suite registered it; null: for every workflow.")]
    definition: JsonObject
    created_at: datetime


class RegisteredAgentsAnswer(Struct, kw_only=True):
    """The registered agents of a project and of its workflows."""

    agents: list[RegisteredAgentView]


class EndpointBody(Request):
    """PUT …/endpoints/{endpoint}: `kind` http or mcp, with `url`."""

    definition: JsonObject


class EndpointView(Struct, kw_only=True):
    """A service that answers tools in the mode passthrough; what authenticates Titan to it is not shown."""

    id: str
    definition: JsonObject
    created_at: datetime
    updated_at: datetime


class EndpointsAnswer(Struct, kw_only=True):
    """The tool endpoints of a project, by id."""

    endpoints: list[EndpointView]


class ConnectionAnswer(Struct, kw_only=True):
    """What became of asking an agent whether it is there."""

    ok: bool
    error_class: str | None
    message: str
    outbound: Annotated[JsonObject | None, Meta(description="What the agent says of reaching our proxy.")]


class DispatchBody(Request):
    """POST …/agent-runs: which tasks are tried by which agent fields; none named: all."""

    tasks: list[str] | None = None
    fields: list[str] | None = None
    repeat: Annotated[int, Meta(ge=1, le=100, description="How often each.")] = 1


class Dispatched(Struct, kw_only=True):
    """The agent runs that were made."""

    run_ids: list[str]


class Rerun(Struct, kw_only=True):
    """A re-run that was accepted."""

    source_run_id: str
    run_id: str
    status: Literal["accepted"] = "accepted"


class AgentRunsQuery(Request):
    """GET …/agent-runs."""

    before: Annotated[str | None, Meta(description="The last run of the page before.")] = None
    limit: Limit = 1_000


class AgentRunQuery(Request):
    """GET …/agent-runs/{run}."""

    wait_seconds: Wait = 0.0


class AgentRunView(Struct, kw_only=True):
    """A try of an agent at a task."""

    run_id: str
    workflow_id: str
    task_id: str
    field: str
    agent_id: str
    agent_version: int
    attempt: int
    trigger: Literal["seed", "auto_redispatch", "rerun"]
    source_run_id: str | None
    status: Status
    error_class: str | None
    error: JsonObject | None
    seed_digest: str
    queued_at: datetime
    started_at: datetime | None
    agent_done_at: datetime | None
    ended_at: datetime | None
    latency_ms: Annotated[float | None, Meta(description="From its start to the agent's answer.")]
    verdict: Annotated[str, Meta(description="PASS, FAIL, PENDING or NOT APPLICABLE, as a row of a list shows it.")]
    failure_mode: str | None
    failure_detail: Annotated[
        str | None,
        Meta(description="What the first scorer found that failed, else that could not grade, or the error's words."),
    ]
    tool_calls: int
    sources: Annotated[dict[str, int], Meta(description="Tool calls by who answered them.")]
    violations: int
    cost_usd: Annotated[Decimal | None, Meta(description="Of agent and simulator together.")]


class AgentRunDetailView(AgentRunView, kw_only=True):
    """An agent run with what it answered and how it was graded."""

    card_verdict: Annotated[str, Meta(description="The verdict as the card shows it.")]
    final_response: str | None
    messages: list[Any] | None
    metadata: JsonObject | None
    soft_warnings: list[str]
    scorers: list[JsonObject]
    response: Annotated[str | None, Meta(description="The agent's raw answer: its first 64 KB.")]
    config: JsonObject
    config_changes: Annotated[
        list[ConfigChange], Meta(description="How it was configured otherwise than the run that it repeats.")
    ]
    has_no_calls: Annotated[bool, Meta(description="It completed, its world has tools, and it called none.")]


class SeedView(Struct, kw_only=True):
    """The seed of an agent run."""

    seed_digest: str
    odyssey_seed: Annotated[
        JsonObject, Meta(description="With the initial_state that the run began with, the world's too; null: unknown.")
    ]


class AgentRunsAnswer(Struct, kw_only=True):
    """Agent runs, the latest first."""

    agent_runs: list[AgentRunView]


class ToolCallView(Struct, kw_only=True):
    """A call of a tool in a world."""

    sequence: int
    commit: Annotated[int, Meta(description="Its place among the calls as they were answered, from 0.")]
    action_id: str
    tool: str
    actor: str | None
    source: Literal["odyssey", "injected", "passthrough", "error", "transport_error"]
    detail: str | None
    arguments: Any
    response: Any
    operations: Annotated[
        list[JsonObject], Meta(description="Changes of the ledger; those with drop_reason were none.")
    ]
    violations: list[JsonObject]
    failure_rule_id: str | None
    started_at: datetime
    latency_ms: float


class ToolCallsAnswer(Struct, kw_only=True):
    """The tool calls of an agent run, in their order."""

    tool_calls: list[ToolCallView]


class ToolCallDetailView(ToolCallView, kw_only=True):
    """A tool call with the ledger as it was after it."""

    ledger: Annotated[
        JsonObject | None,
        Meta(description="entities, flags and removed entities; null: the initial state of that run is not known."),
    ]


class AnyObject(Struct):
    """A JSON object of whatever members."""


class ToolsAnswer(Struct, kw_only=True):
    """The tools of a world: name, description and schema of the arguments of each."""

    tools: list[JsonObject]


class ToolAnswer(Struct, kw_only=True):
    """What an agent receives as the answer of its call."""

    tool_name: str
    response: Any
    source: str
    sequence: int
    latency_ms: float


class BeginBody(Request):
    """POST …/begin: a program is about to call a tool of its world, as an action that it records."""

    id: Annotated[str, Meta(min_length=1, max_length=200, description="The action's.")]
    tool: str
    arguments: JsonObject = {}
    parent_id: Annotated[str, Meta(max_length=200)] | None = None
    actor: str | None = None


class BeginAnswer(Struct, kw_only=True):
    """Whether the program takes what the world answers, or calls its own function."""

    answer: Literal["take", "go_on"]
    response: Any = None
    source: str | None = None
    sequence: int | None = None


class EventAnswer(Struct, kw_only=True):
    """An event of an agent that was taken."""

    accepted: bool
    sequence: int
    event_type: str
