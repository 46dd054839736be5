"""Definitions of workflows, agents, tool endpoints and tasks, as users write them and as they are stored."""

from functools import lru_cache
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from titan.judge.scorers import Scorer
from titan.model.evaluations import RegisteredAgent, Task, Workflow
from titan.world.definition import FailureRule, Mode, World
from titan.world.ledger import InitialState

Slug: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]


class _Definition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class HttpAgent(_Definition, frozen=True, kw_only=True, tag="http", tag_field="kind"):
    """An agent at an HTTP address."""

    url: str
    headers: dict[str, str] = {}  #: sent with each request to authenticate Titan; never returned
    allow_loopback: bool = False  #: the address may be on this machine or in its network


class PythonAgent(_Definition, frozen=True, kw_only=True, tag="python", tag_field="kind"):
    """A file with `run(task_input, *, proxy_url, run_token)`, which runs as a Titan job."""

    source: Annotated[str, Meta(max_length=1_000_000)]
    function: str = "run"


AgentDefinition: TypeAlias = HttpAgent | PythonAgent


class SubmittedAgent(_Definition, frozen=True, kw_only=True):
    """A program that was submitted into a world as a DAG; it is not registered."""

    dag_id: str


class HttpEndpoint(_Definition, frozen=True, kw_only=True, tag="http", tag_field="kind"):
    """A service whose tools are called by POST with JSON arguments."""

    url: str  #: `{tool}` is replaced by the tool's name
    headers: dict[str, str] = {}  #: sent with each request to authenticate Titan; never returned
    allow_loopback: bool = False  #: the address may be on this machine or in its network
    active: bool = True  #: if false, every call fails
    timeout_s: Annotated[float, Meta(gt=0, le=300)] = 30.0


class McpEndpoint(_Definition, frozen=True, kw_only=True, tag="mcp", tag_field="kind"):
    """An MCP server, by streamable HTTP."""

    url: str
    headers: dict[str, str] = {}
    allow_loopback: bool = False
    active: bool = True
    timeout_s: Annotated[float, Meta(gt=0, le=300)] = 30.0


EndpointDefinition: TypeAlias = HttpEndpoint | McpEndpoint


class AgentField(_Definition, frozen=True, kw_only=True):
    """A named column of a workflow: an agent and how it is run."""

    name: Slug
    agent: Slug
    version: int | None = None  #: None: the newest
    tool_modes: dict[str, Mode] = {}  #: instead of the world's own
    concurrency_cap: Annotated[int, Meta(ge=1, le=100)] = 5
    run_timeout_s: Annotated[float, Meta(gt=0, le=1800)] = 300.0


class SubAgent(_Definition, frozen=True, kw_only=True):
    """A part of an agent that acts under its own name."""

    actor_id: str
    tools: tuple[str, ...] = ()


class WorkflowDefinition(_Definition, frozen=True, kw_only=True):
    """A world and the agents that are evaluated in it."""

    world: World
    fields: tuple[AgentField, ...] = ()
    sub_agents: tuple[SubAgent, ...] = ()
    auto_redispatch: bool = True  #: whether to retry when the agent cannot be reached


class Seed(_Definition, frozen=True, kw_only=True):
    """A task's definition (`odyssey_seed`). Multi-turn settings are stored; such tasks cannot be dispatched yet."""

    user_instruction: str
    behavior_instructions: str = ""
    initial_state: InitialState | None = None  #: None: the world's
    failure_rules: tuple[FailureRule, ...] = ()
    expected_outcome: str = ""
    expected_outcome_detail: str = ""
    current_state: dict[str, Any] = {}
    run_type: Literal["ledger", "coding"] = "ledger"
    turn_mode: Literal["single_shot", "model_as_user"] = "single_shot"
    max_turns: Annotated[int, Meta(ge=1, le=50)] = 10
    memory_mode: Literal["replay", "stateful"] = "replay"
    simulator_mode: Literal["persona", "scripted"] = "persona"
    user_simulator_persona: str = ""
    user_goal: str = ""
    scripted_user_turns: tuple[str, ...] = ()
    tracked_constraints: tuple[str, ...] = ()
    termination_keyword: str = ""


class TaskDefinition(_Definition, frozen=True, kw_only=True):
    """A task and its scorers."""

    id: Slug
    name: str = ""
    odyssey_seed: Seed
    scorers: tuple[Scorer, ...] = ()


KEPT_DEFINITIONS: Final = 4  # decoded: a thousand runs of a world of 3 MB share one, which takes ten times as much

_WORKFLOWS: Final = msgspec.json.Decoder(WorkflowDefinition)
_AGENTS: Final[msgspec.json.Decoder[AgentDefinition]] = msgspec.json.Decoder(AgentDefinition)
_SEEDS: Final = msgspec.json.Decoder(Seed)
_SCORERS: Final = msgspec.json.Decoder(tuple[Scorer, ...])


def definition_of(workflow: Workflow) -> WorkflowDefinition:
    """Return a workflow's definition."""
    return definition_within(workflow.definition)


@lru_cache(maxsize=KEPT_DEFINITIONS)
def definition_within(text: str) -> WorkflowDefinition:
    """Return a workflow's definition as it is stored."""
    return _WORKFLOWS.decode(text)


def agent_definition_of(agent: RegisteredAgent) -> AgentDefinition:
    """Return an agent's definition."""
    return _AGENTS.decode(agent.definition)


def seed_of(task: Task) -> Seed:
    """Return a task's seed."""
    return _SEEDS.decode(task.seed)


def scorers_of(task: Task) -> tuple[Scorer, ...]:
    """Return a task's scorers."""
    return _SCORERS.decode(task.scorers)
