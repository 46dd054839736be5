"""Agent runs: their settings, the request to the agent, the changes of their rows, and their tool calls."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from titan.evaluate.contract import DETAIL_CHARACTERS, MOST_SCHEMA_BYTES, RAW_CHARACTERS, Answered, Failed
from titan.evaluate.definitions import (
    AgentDefinition,
    AgentField,
    Seed,
    SubAgent,
    SubmittedAgent,
    WorkflowDefinition,
    agent_definition_of,
    definition_of,
    scorers_of,
    seed_of,
)
from titan.evaluate.frozen import pinned, ran_with
from titan.evaluate.worlds import LiveRun
from titan.ingest.values import dollars_of
from titan.judge import scorers
from titan.judge.scorers import Scorer, ScorerResult, overall
from titan.model.actions import ActionEntry, Payload, Source
from titan.model.evaluations import (
    AgentRun,
    AgentRunStatus,
    ErrorClass,
    RegisteredAgent,
    Task,
    Trigger,
    Verdict,
    Workflow,
)
from titan.ports.runs_store import CallReader, CallStore, CallTransaction, StoredEntry
from titan.ports.runtime import Blobs, Ids
from titan.wire.evaluations import ToolCallView
from titan.world.definition import Mode, World
from titan.world.ledger import CannotApply, Ledger, Operation
from titan_sdk.tape import decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The settings of an agent run at its start."""

    run: AgentRun
    task: Task
    world: World  #: without its initial state
    sub_agents: tuple[SubAgent, ...]
    field: AgentField
    agent: AgentDefinition | SubmittedAgent
    seed: Seed
    initial: Ledger
    scorers: tuple[Scorer, ...]


_VERDICTS: Final[Mapping[scorers.Verdict, Verdict]] = {
    scorers.Verdict.PASS: Verdict.PASS,
    scorers.Verdict.FAIL: Verdict.FAIL,
    scorers.Verdict.NOT_APPLICABLE: Verdict.NOT_APPLICABLE,
    scorers.Verdict.ERROR: Verdict.NOT_APPLICABLE,
}


def new_run_id(ids: Ids) -> str:
    """Return the id of a new agent run."""
    return f"eval-{ids.dag_id()}"


def dispatch(
    tx: CallTransaction,
    workflow: Workflow,
    task: Task,
    field_name: str,
    run_id: str,
    *,
    trigger: Trigger = Trigger.SEED,
    source_run_id: str | None = None,
    simulator: str | None = None,
) -> AgentRun | None:
    """Store and return a new agent run; None where the workflow has no such field or its agent is not registered."""
    definition = definition_of(workflow)
    field = next((one for one in definition.fields if one.name == field_name), None)
    agent = None if field is None else _agent_of(tx, workflow, field.agent, field.version)
    if field is None or agent is None:
        return None
    run = AgentRun(
        project_id=workflow.project_id,
        run_id=run_id,
        workflow_id=workflow.id,
        task_id=task.id,
        field=field_name,
        agent_id=agent.id,
        agent_version=agent.version,
        attempt=1 + tx.attempts(workflow.project_id, workflow.id, task.id, field_name),
        trigger=trigger,
        source_run_id=source_run_id,
        status=AgentRunStatus.PENDING,
        seed_digest=task.seed_digest,
        config=_config(
            definition,
            field.tool_modes,
            field=field,
            agent={"id": agent.id, "version": agent.version},
            simulator=simulator,
        ),
        queued_at=tx.now,
    )
    run = pinned(tx, workflow, task, run)
    tx.save_agent_run(run)
    return run


def _config(definition: WorkflowDefinition, modes: Mapping[str, Mode], **others: Any) -> str:
    """Return what else is configured of a run beside its world, seed and scorers."""
    return as_json(
        {
            "world": {"name": definition.world.name},
            "tool_modes": {tool.name: modes.get(tool.name, tool.mode) for tool in definition.world.tools},
            "sub_agents": definition.sub_agents,
            **others,
        }
    )


def _agent_of(
    reader: CallReader, workflow: Workflow, agent_id: str, version: int | None = None
) -> RegisteredAgent | None:
    return reader.registered_agent(workflow.project_id, agent_id, version, workflow_id=workflow.id)


def submitted_run(tx: CallTransaction, workflow: Workflow, task: Task, run_id: str, agent: SubmittedAgent) -> AgentRun:
    """Store and return the agent run of a program that is submitted into a world; it starts at once."""
    agent_id = agent_id_of(run_id)
    registered = _agent_of(tx, workflow, agent_id)
    run = AgentRun(
        project_id=workflow.project_id,
        run_id=run_id,
        workflow_id=workflow.id,
        task_id=task.id,
        field=agent_id,
        agent_id=agent_id,
        agent_version=0 if registered is None else registered.version,
        attempt=1 + tx.attempts(workflow.project_id, workflow.id, task.id, agent_id),
        trigger=Trigger.SEED,
        status=AgentRunStatus.RUNNING,
        seed_digest=task.seed_digest,
        config=_config(definition_of(workflow), {}, submitted=agent),
        queued_at=tx.now,
        started_at=tx.now,
    )
    run = pinned(tx, workflow, task, run)
    tx.save_agent_run(run)
    return run


def agent_id_of(run_id: str) -> str:
    """Return the agent's id in the run id of a submitted program."""
    return run_id.rpartition("-")[0]


def is_submitted(run: AgentRun) -> bool:
    """Return whether a run is of a program submitted into a world, which only its user can repeat."""
    return "submitted" in msgspec.json.decode(run.config)


def submitted_setting(run: AgentRun, workflow: Workflow, task: Task, agent: SubmittedAgent, initial: Ledger) -> Setting:
    """Return the settings of a submitted program's run, which begins with the ledger `initial`."""
    definition = definition_of(workflow)
    return Setting(
        run=run,
        task=task,
        world=definition.world,
        sub_agents=definition.sub_agents,
        field=AgentField(name=run.field, agent=run.agent_id),
        agent=agent,
        seed=seed_of(task),
        initial=initial,
        scorers=scorers_of(task),
    )


def request_of(setting: Setting, live: LiveRun, url: str) -> dict[str, Any]:
    """Return the body of the request to an agent."""
    proxy = f"{url}/api/world/runs/{live.run_id}"
    seed = setting.seed
    tools = [
        {"name": tool.name, "description": tool.description, "input_schema": tool.input_schema}
        for tool in setting.world.tools
    ]
    body: dict[str, Any] = {
        "task_id": setting.task.id,
        "run_id": live.run_id,
        "agent_id": setting.run.agent_id,
        "input": {
            "user_instruction": seed.user_instruction,
            "latest_user_prompt": seed.user_instruction,
            "policy": setting.world.policy,
            "input": seed.current_state,
        },
        "proxy_url": proxy,
        "odyssey_proxy_url": proxy,  # the name that agents for the hosted product know
        "run_token_jti": live.token_id,
        "sub_agents": [{"actor_id": one.actor_id} for one in setting.sub_agents],
    }
    if len(as_json(tools)) <= MOST_SCHEMA_BYTES:
        body["tools_schema"] = tools
    else:
        body["tools_schema_url"] = f"{proxy}/tools"
    return body


def setting_of(reader: CallReader, *, run: AgentRun) -> Setting | None:
    """Return the settings of an agent run as it was dispatched; None where a part is not known."""
    found = ran_with(reader, run)
    task = reader.task(run.project_id, run.workflow_id, run.task_id)
    agent = reader.registered_agent(run.project_id, run.agent_id, run.agent_version)
    world, seed, initial, scorers = found.world, found.seed, found.initial, found.scorers
    if task is None or agent is None or world is None or seed is None or initial is None or scorers is None:
        return None
    config = msgspec.json.decode(run.config)
    modes, field = config["tool_modes"], msgspec.convert(config["field"], AgentField)
    workflow = reader.workflow(run.project_id, run.workflow_id)
    fields = () if workflow is None else definition_of(workflow).fields
    cap = next((one.concurrency_cap for one in fields if one.name == run.field), field.concurrency_cap)
    return Setting(
        run=run,
        task=task,
        world=replace(world, tools=tuple(replace(tool, mode=Mode(modes[tool.name])) for tool in world.tools)),
        sub_agents=msgspec.convert(config.get("sub_agents", ()), tuple[SubAgent, ...]),
        field=replace(field, concurrency_cap=cap),  # a changed cap is for those that wait, too
        agent=agent_definition_of(agent),
        seed=seed,
        initial=initial,
        scorers=scorers,
    )


def tries_before(reader: CallReader, *, run: AgentRun) -> int:
    """Return the number of automatic redispatches before this run."""
    tries = 0
    found: AgentRun | None = run
    while found is not None and found.trigger is Trigger.AUTO_REDISPATCH and found.source_run_id is not None:
        tries += 1
        found = reader.agent_run(run.project_id, found.source_run_id)
    return tries


def cancelled(run: AgentRun, now: datetime) -> AgentRun:
    """Return the row of a cancelled run."""
    return replace(run, status=AgentRunStatus.CANCELLED, ended_at=now, verdict=Verdict.NOT_APPLICABLE)


def internal_error(message: str) -> Failed:
    """Return a failure of Titan itself."""
    return Failed(error_class=ErrorClass.INTERNAL_ERROR, message=message)


def completed(
    run: AgentRun, found: Answered, live: LiveRun, results: Sequence[ScorerResult], now: datetime
) -> AgentRun:
    """Return the row of a run whose agent gave a usable answer, with its grades."""
    verdict = overall(results)
    failed = next((one for one in results if one.required and one.verdict is scorers.Verdict.FAIL), None)
    ungraded = [f"{one.name}: {one.detail}" for one in results if one.verdict is scorers.Verdict.ERROR]
    return replace(
        _with_calls(run, live),
        status=AgentRunStatus.COMPLETED,
        agent_done_at=now,
        ended_at=now,
        final_response=found.final_response,
        messages=None if found.messages is None else as_json(found.messages),
        metadata=as_json(found.metadata),
        soft_warnings=as_json([*found.soft_warnings, *live.warnings, *ungraded]),
        verdict=_VERDICTS[verdict],
        failure_mode=failed.failure_mode if failed is not None else None,
        scorers=as_json(results),
        agent_cost=_cost_in(found.metadata) or _cost_of_model(live),
    )


def failed(run: AgentRun, why: Failed, live: LiveRun | None, now: datetime) -> AgentRun:
    """Return the row of a run without a usable answer."""
    return replace(
        run if live is None else _with_calls(run, live),
        status=AgentRunStatus.FAILED,
        error_class=why.error_class,
        error=as_json({"message": why.message, "detail": why.detail}),
        agent_done_at=now,
        ended_at=now,
        verdict=Verdict.NOT_APPLICABLE,
    )


def without_secrets(run: AgentRun, clean: Callable[[str], str]) -> dict[str, str]:
    """Return the fields of a row that hold what an agent answered, without secrets; cut afterwards, so never in one."""
    texts = {name: text for name in _ANSWERED if (text := getattr(run, name)) is not None}
    fields = {name: clean(text) for name, text in texts.items()}
    if run.error is not None:
        error = msgspec.json.decode(run.error)
        detail = clean(error["detail"])[:DETAIL_CHARACTERS]
        fields["error"] = as_json({"message": clean(error["message"]), "detail": detail})
    if run.response is not None:
        fields["response"] = fields["response"][:RAW_CHARACTERS]
    return fields


_ANSWERED: Final = ("final_response", "messages", "metadata", "soft_warnings", "scorers", "response")


def _cost_of_model(live: LiveRun) -> str | None:
    return None if live.model_cost is None else str(live.model_cost)


def _with_calls(run: AgentRun, live: LiveRun) -> AgentRun:
    cost = str(live.simulator_cost) if live.simulator_cost else None
    raw = live.raw_answer[: 4 * RAW_CHARACTERS].decode(errors="replace")
    return replace(
        run,
        sources=as_json(dict(live.sources)),
        violations=live.violations,
        simulator_cost=cost,
        response=raw or None,
    )


def _cost_in(metadata: Mapping[str, Any]) -> str | None:
    """Return the cost in US dollars that an agent reports."""
    cost = dollars_of(metadata.get("cost_usd"))
    return None if cost is None else str(cost)


def as_json(value: Any) -> str:
    """Return a value as stored JSON."""
    return msgspec.json.encode(value).decode()


_PAGE: Final = 1_000  # entries


def calls_of_run(calls: CallStore, blobs: Blobs, project_id: str, run_id: str) -> list[ToolCallView]:
    """Return the tool calls of an agent run, in order."""
    found: list[ToolCallView] = []

    def read(reader: CallReader) -> list[StoredEntry]:
        entries: list[StoredEntry] = []
        after = 0
        while page := reader.tape(project_id, run_id, after=after, limit=_PAGE):
            entries += page
            after = page[-1].number
        return entries

    for stored in calls.read(read):
        entry = stored.entry
        if isinstance(entry, ActionEntry) and entry.source is Source.WORLD and entry.details is not None:
            world = msgspec.json.decode(entry.details).get("world")
            if world is not None:
                found.append(_view(entry, world, blobs))
    return sorted(found, key=lambda view: view.sequence)


def ledger_after(initial: Ledger, calls: Sequence[ToolCallView], sequence: int) -> Ledger:
    """Return the ledger after the call with this sequence.

    Calls that are under way together change it in the order in which they are answered, not begun.
    """
    ledger = initial
    for call in sorted(calls, key=lambda call: call.commit):
        for stored in call.operations:
            if stored["drop_reason"] is None:
                plain = {name: value for name, value in stored.items() if name not in ("origin", "drop_reason")}
                operation: Operation = msgspec.convert(plain, Operation)
                try:
                    ledger = ledger.apply(operation, call=call.sequence)
                except CannotApply:
                    continue  # of a call that came meanwhile and is recorded later
        if call.sequence == sequence:
            break
    return ledger


def _view(entry: ActionEntry, world: dict[str, Any], blobs: Blobs) -> ToolCallView:
    duration = 0.0 if entry.ended_at is None else (entry.ended_at - entry.started_at).total_seconds() * 1000
    return ToolCallView(
        sequence=world["sequence"],
        commit=world["commit"],
        action_id=entry.id,
        tool=entry.name,
        actor=entry.actor,
        source=world["source"],
        detail=world["detail"],
        arguments=_value(entry.inputs, blobs),
        response=_value(entry.outputs, blobs),
        operations=world["operations"],
        violations=world["violations"],
        failure_rule_id=world["failure_rule_id"],
        started_at=entry.started_at,
        latency_ms=duration + world["delay_ms"],
    )


def _value(payload: Payload | None, blobs: Blobs) -> Any:
    if payload is None:
        return None
    text = payload.whole.encode()
    if payload.blob is not None:
        path = blobs.path(payload.blob)
        if path is None:
            return None  # gone
        text = path.read_bytes()
    return decode(text)
