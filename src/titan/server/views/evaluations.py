"""Workflows, tasks, agents and agent runs as the HTTP API shows them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from titan.evaluate.agent_runs import definition_of, seed_of
from titan.evaluate.definitions import Seed
from titan.model.evaluations import (
    AgentRun,
    AgentRunStatus,
    RegisteredAgent,
    Task,
    ToolEndpoint,
    Verdict,
    Workflow,
    total_cost,
)
from titan.model.shaped import shaped
from titan.wire.evaluations import (
    AgentRunDetailView,
    AgentRunView,
    ConfigChange,
    EndpointView,
    RegisteredAgentView,
    TaskView,
    WorkflowView,
)
from titan.world.definition import TaskSeed, World
from titan.world.lint import seed_warnings, world_warnings


def workflow_view(workflow: Workflow) -> WorkflowView:
    """Return a workflow."""
    warnings = warnings_of_world(definition_of(workflow).world)
    return shaped(WorkflowView, workflow, definition=_decoded(workflow.definition), warnings=warnings)


def warnings_of_world(world: World) -> list[str]:
    """Return what is probably wrong with a world: place and words."""
    return [f"{one.place}: {one.message}" for one in world_warnings(world)]


def task_view(task: Task, world: World) -> TaskView:
    """Return a task."""
    return shaped(
        TaskView,
        task,
        odyssey_seed=_decoded(task.seed),
        scorers=_decoded(task.scorers),
        warnings=list(warnings_of_seed(world, seed_of(task))),
    )


def warnings_of_seed(world: World, seed: Seed) -> Iterable[str]:
    """Return what is probably wrong with a seed: place and words."""
    looked_at = TaskSeed(
        user_instruction=seed.user_instruction,
        behavior_instructions=seed.behavior_instructions,
        initial_state=seed.initial_state or world.initial_state,
        failure_rules=seed.failure_rules,
    )
    return (f"{one.place}: {one.message}" for one in seed_warnings(world, looked_at))


def agent_view(agent: RegisteredAgent) -> RegisteredAgentView:
    """Return the newest version of an agent, without what authenticates Titan to it."""
    return shaped(RegisteredAgentView, agent, definition=_without_secrets(agent.definition))


def endpoint_view(endpoint: ToolEndpoint) -> EndpointView:
    """Return a tool endpoint, without what authenticates Titan to it."""
    return shaped(EndpointView, endpoint, definition=_without_secrets(endpoint.definition))


def run_view(run: AgentRun) -> AgentRunView:
    """Return an agent run for a list."""
    return AgentRunView(**_facts(run))


def detail_view(run: AgentRun, world: World, source: AgentRun | None = None) -> AgentRunDetailView:
    """Return an agent run whole; `source` is the one that it repeats."""
    return AgentRunDetailView(
        **_facts(run),
        card_verdict=run.verdict.value,
        final_response=run.final_response,
        messages=None if run.messages is None else _decoded(run.messages),
        metadata=None if run.metadata is None else _decoded(run.metadata),
        soft_warnings=_decoded(run.soft_warnings),
        scorers=_decoded(run.scorers),
        response=run.response,
        config=_decoded(run.config),
        config_changes=[] if source is None else list(_differences(_decoded(source.config), _decoded(run.config))),
        has_no_calls=run.status is AgentRunStatus.COMPLETED and bool(world.tools) and not _decoded(run.sources),
    )


def _differences(before: Any, after: Any, path: str = "") -> Iterator[ConfigChange]:
    """Yield where two configurations differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            yield from _differences(before.get(name), after.get(name), f"{path}.{name}" if path else name)
    elif before != after:
        yield ConfigChange(path=path, before=before, after=after)


def _facts(run: AgentRun) -> dict[str, Any]:
    sources: dict[str, int] = _decoded(run.sources)
    done = run.agent_done_at
    is_ungraded = run.verdict is Verdict.NOT_APPLICABLE and run.status is not AgentRunStatus.COMPLETED
    carried: Sequence[str] = (
        "run_id", "workflow_id", "task_id", "field", "agent_id", "agent_version", "attempt", "source_run_id",
        "seed_digest", "queued_at", "started_at", "agent_done_at", "ended_at", "failure_mode", "violations",
    )  # fmt: skip
    return {
        **{name: getattr(run, name) for name in carried},
        "trigger": run.trigger.value,
        "status": run.status.value,
        "error_class": None if run.error_class is None else run.error_class.value,
        "error": None if run.error is None else _decoded(run.error),
        "latency_ms": None
        if done is None or run.started_at is None
        else (done - run.started_at).total_seconds() * 1000,
        "verdict": (Verdict.PENDING if is_ungraded else run.verdict).value,
        "failure_detail": _failure_detail(run),
        "tool_calls": sum(sources.values()),
        "sources": sources,
        "cost_usd": total_cost(run),
    }


def _failure_detail(run: AgentRun) -> str | None:
    if run.error is not None:
        message: str = _decoded(run.error)["message"]
        return message
    details = (one["detail"] for one in _decoded(run.scorers) if one["verdict"] == "FAIL" and one["required"])
    return next(details, None)


def _without_secrets(definition: str) -> dict[str, Any]:
    shown: dict[str, Any] = _decoded(definition)
    if "headers" in shown:
        shown["headers"] = dict.fromkeys(shown["headers"], "[not shown]")
    return shown


def _decoded(text: str) -> Any:
    return msgspec.json.decode(text)
