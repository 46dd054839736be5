"""Routes of workflows, agents, tool endpoints and agent runs, and their views."""

import asyncio
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from titan.evaluate.agent_runs import calls_of_run, dispatch, is_submitted, ledger_after, new_run_id
from titan.evaluate.contract import read_exchange
from titan.evaluate.definitions import (
    AgentDefinition,
    EndpointDefinition,
    HttpAgent,
    Seed,
    WorkflowDefinition,
    agent_definition_of,
    definition_of,
    seed_of,
)
from titan.evaluate.external import AgentClient
from titan.evaluate.frozen import is_outdated, ran_with
from titan.evaluate.registry import Registry
from titan.model.errors import AgentUnpublished, NotDispatchable, NotSupported, RunInFlight
from titan.model.evaluations import (
    ENDED,
    AgentRun,
    AgentRunStatus,
    RegisteredAgent,
    Task,
    ToolEndpoint,
    Trigger,
    Verdict,
    Workflow,
    total_cost,
)
from titan.model.shaped import shaped
from titan.ports.runs_store import CallReader, CallTransaction
from titan.rules.access import Permission
from titan.rules.names import shown
from titan.server.evaluation import (
    MOST_TASKS,
    check_address,
    check_idle,
    check_slug,
    find_task,
    find_workflow,
    read_definition,
    unknown,
)
from titan.server.http.call import Call, Json
from titan.server.http.route import Routes
from titan.wire import evaluations as wire
from titan.wire.base import OkAnswer
from titan.world.definition import TaskSeed, World
from titan.world.lint import seed_warnings, world_warnings

route = Routes()

T = TypeVar("T")

_WORKFLOW: Final = "/api/projects/{project}/workflows/{workflow}"
_TASK: Final = _WORKFLOW + "/tasks/{task}"
CHECK_SECONDS: Final = 10.0
_OUTDATED: Final = "initial_state: the world has another one by now; re-seed the task to take it"


# --- workflows ---


@route("PUT " + _WORKFLOW, Permission.EVALUATE)
def put_workflow(call: Call, tx: CallTransaction, body: wire.WorkflowBody) -> wire.WorkflowView:
    """Create a workflow, or replace its definition; agent runs that exist keep the one they were dispatched with."""
    definition, name = read_definition("definition", body.definition, WorkflowDefinition), call.path("workflow")
    check_slug(name)
    registry = Registry(tx=tx, project_id=call.project_id)
    return workflow_view(registry.put_workflow(name, body.name or name, definition)[0])


@route("GET /api/projects/{project}/workflows", Permission.SEE_EVALUATED)
def list_workflows(call: Call, reader: CallReader) -> wire.WorkflowsAnswer:
    """List the workflows of a project."""
    return wire.WorkflowsAnswer(workflows=[workflow_view(one) for one in reader.workflows(call.project_id)])


@route("GET " + _WORKFLOW, Permission.SEE_EVALUATED)
def show_workflow(call: Call, reader: CallReader) -> wire.WorkflowView:
    """Show a workflow."""
    return workflow_view(find_workflow(reader, call))


@route("DELETE " + _WORKFLOW, Permission.EVALUATE)
def delete_workflow(call: Call, tx: CallTransaction) -> OkAnswer:
    """Delete a workflow with its tasks and what is known of their agent runs."""
    workflow = find_workflow(tx, call)
    for task in tx.tasks(workflow.project_id, workflow.id, limit=MOST_TASKS):
        check_idle(tx, task)
        tx.forget_task(task.project_id, task.workflow_id, task.id)
    tx.forget_workflow(workflow.project_id, workflow.id)
    return OkAnswer()


# --- agents ---


@route("PUT /api/projects/{project}/agents/{agent}", Permission.EVALUATE)
def put_agent(call: Call, tx: CallTransaction, body: wire.AgentBody) -> wire.RegisteredAgentView:
    """Register an agent; another definition of a registered one is its next version."""
    definition = read_definition("definition", body.definition, AgentDefinition)
    check_slug(call.path("agent"))
    if isinstance(definition, HttpAgent):
        check_address(call.caller, definition)
    registry = Registry(tx=tx, project_id=call.project_id)
    return agent_view(registry.put_agent(call.path("agent"), definition)[0])


@route("GET /api/projects/{project}/agents", Permission.SEE_EVALUATED)
def list_registered_agents(call: Call, reader: CallReader) -> wire.RegisteredAgentsAnswer:
    """List the registered agents of a project."""
    return wire.RegisteredAgentsAnswer(agents=[agent_view(one) for one in reader.registered_agents(call.project_id)])


@route("POST /api/projects/{project}/agents/{agent}/test-connection", Permission.EVALUATE)
async def check_connection(call: Call) -> wire.ConnectionAnswer:
    """Ping an agent, and check whether it reaches this server."""
    agent = await call.read_runs(lambda reader: reader.registered_agent(call.project_id, call.path("agent")))
    if agent is None:
        raise unknown("agent", call.path("agent"), "PUT /api/projects/{project}/agents/{agent} registers it.")
    definition = agent_definition_of(agent)
    if not isinstance(definition, HttpAgent):
        return wire.ConnectionAnswer(ok=True, error_class=None, message="It runs here, as a job.", outbound=None)
    client = AgentClient()
    ask = partial(
        client.ask,
        definition.url,
        headers=definition.headers,
        within_seconds=CHECK_SECONDS,
        allow_loopback=definition.allow_loopback,
    )
    try:
        ping = await ask({"ping": True})
        failed = read_exchange(ping)
        if ping.broken is not None or not 200 <= (ping.status or 0) < 300:
            error_class = getattr(failed, "error_class", None)
            return wire.ConnectionAnswer(
                ok=False, error_class=error_class, message=getattr(failed, "message", ""), outbound=None
            )
        proxy = f"{call.app.dispatcher.url}/api/world/runs/connectivity-check"
        outbound = await ask({"connectivity_check": True, "odyssey_proxy_url": proxy, "proxy_url": proxy})
    finally:
        await client.close()
    return wire.ConnectionAnswer(ok=True, error_class=None, message="It answered.", outbound=_outbound(outbound.body))


# --- agent runs ---


@route("POST " + _WORKFLOW + "/agent-runs", Permission.EVALUATE, status=202, mutates=True, adds=True)
async def dispatch_tasks(call: Call, body: wire.DispatchBody) -> Json[wire.Dispatched]:
    """Start agent runs of tasks."""

    def act(tx: CallTransaction) -> list[AgentRun]:
        workflow = find_workflow(tx, call)
        fields = [one.name for one in definition_of(workflow).fields]
        tasks = tx.tasks(workflow.project_id, workflow.id, limit=MOST_TASKS)
        if body.tasks is not None:
            wanted = dict.fromkeys(body.tasks)
            known = {task.id: task for task in tasks}
            missing = next((one for one in wanted if one not in known), None)
            if missing is not None:
                raise unknown("task", missing, "GET …/tasks lists them.")
            tasks = [known[one] for one in wanted]
        for name in body.fields or ():
            if name not in fields:
                raise unknown("agent field", name, f"The workflow has {', '.join(fields) or 'none'}.")
        found = []
        for task in tasks:
            _check_single(task)
            for name in body.fields or fields:
                found += [_dispatched(tx, call, workflow, task, name) for _ in range(body.repeat)]
        return found

    async def begin() -> wire.Dispatched:
        runs = await call.change_runs(act)
        for run in runs:
            call.app.dispatcher.begin(run)
        return wire.Dispatched(run_ids=[run.run_id for run in runs])

    return Json(await call.app.long_once.perform(call.mark(), begin))


@route("GET " + _WORKFLOW + "/agent-runs", Permission.SEE_EVALUATED)
def list_agent_runs(call: Call, reader: CallReader, query: wire.AgentRunsQuery) -> wire.AgentRunsAnswer:
    """List the agent runs of a workflow, the latest first."""
    workflow = find_workflow(reader, call)
    runs = reader.agent_runs(workflow.project_id, workflow.id, before=query.before, limit=query.limit)
    return wire.AgentRunsAnswer(agent_runs=[run_view(run) for run in runs])


@route("GET " + _TASK + "/agent-runs", Permission.SEE_EVALUATED)
def list_runs_of_task(call: Call, reader: CallReader, query: wire.AgentRunsQuery) -> wire.AgentRunsAnswer:
    """List the agent runs of a task, the latest first."""
    task = find_task(reader, call)
    runs = reader.agent_runs(task.project_id, task.workflow_id, task_id=task.id, before=query.before, limit=query.limit)
    return wire.AgentRunsAnswer(agent_runs=[run_view(run) for run in runs])


@route("GET " + _TASK + "/agent-runs/{run}", Permission.SEE_EVALUATED)
async def show_agent_run(call: Call, query: wire.AgentRunQuery) -> wire.AgentRunDetailView:
    """Show an agent run; `wait_seconds` waits for its end."""
    run = await call.read_runs(partial(_find_run, call=call))
    if run.status not in ENDED and query.wait_seconds:
        await call.app.dispatcher.wait(run, seconds=query.wait_seconds)
        run = await call.read_runs(partial(_find_run, call=call))
    source_id = run.source_run_id
    source = (
        None if source_id is None else await call.read_runs(lambda reader: reader.agent_run(run.project_id, source_id))
    )
    return detail_view(run, source)


@route("GET " + _TASK + "/agent-runs/{run}/seed", Permission.SEE_EVALUATED)
def show_seed(call: Call, reader: CallReader) -> wire.SeedView:
    """Show the seed of an agent run with its initial state, whatever became of the task since."""
    run = _find_run(reader, call)
    found = ran_with(reader, run)
    if found.seed is None:
        raise unknown("seed of the agent run", run.run_id, "It ran before seeds were stored, and its task has another.")
    state = None if found.state is None else _decoded(found.state)
    return wire.SeedView(
        seed_digest=run.seed_digest, odyssey_seed={**msgspec.to_builtins(found.seed), "initial_state": state}
    )


@route("POST " + _TASK + "/agent-runs/{run}/re-run", Permission.EVALUATE, status=202, mutates=True, adds=True)
async def rerun(call: Call) -> Json[wire.Rerun]:
    """Run the same task and agent field again, with the current workflow and the frozen seed."""

    def act(tx: CallTransaction) -> AgentRun:
        source = _find_run(tx, call=call)
        if source.status not in ENDED:
            raise RunInFlight(
                f"agent run {shown(source.run_id)}",
                expected="one that has ended",
                found=f"run_in_flight: it is {source.status}",
                next_step="Wait for its end, or cancel it.",
            )
        if is_submitted(source):
            raise NotSupported(
                f"agent run {shown(source.run_id)}",
                expected="a run of a registered agent",
                found="one of a program that was submitted with --world",
                next_step="Submit it again.",
            )
        workflow, task = find_workflow(tx, call), find_task(tx, call)
        _check_single(task)
        return _dispatched(tx, call, workflow, task, source.field, trigger=Trigger.RERUN, source_run_id=source.run_id)

    async def begin() -> wire.Rerun:
        run = await call.change_runs(act)
        call.app.dispatcher.begin(run)
        return wire.Rerun(source_run_id=run.source_run_id or "", run_id=run.run_id)

    return Json(await call.app.long_once.perform(call.mark(), begin))


@route("POST " + _TASK + "/agent-runs/{run}/cancel", Permission.EVALUATE)
async def cancel_agent_run(call: Call) -> wire.AgentRunView:
    """Cancel an agent run; one that has ended is not changed."""
    run = await call.read_runs(partial(_find_run, call=call))
    return run_view(await call.app.dispatcher.cancel(run))


@route("GET " + _TASK + "/agent-runs/{run}/tool-calls", Permission.SEE_EVALUATED)
async def list_tool_calls(call: Call) -> wire.ToolCallsAnswer:
    """List the tool calls of an agent run in order."""
    return wire.ToolCallsAnswer(tool_calls=await _tool_calls(call))


@route("GET " + _TASK + "/agent-runs/{run}/tool-calls/{sequence}", Permission.SEE_EVALUATED)
async def show_tool_call(call: Call) -> wire.ToolCallDetailView:
    """Show a tool call with the ledger after it."""
    calls = await _tool_calls(call)
    asked = call.path("sequence")
    found = next((one for one in calls if str(one.sequence) == asked), None)
    if found is None:
        raise unknown("tool call", asked, f"The run has {len(calls)}, from 0.")
    initial = await call.read_runs(lambda reader: ran_with(reader, _find_run(reader, call)).initial)
    ledger = None if initial is None else ledger_after(initial, calls, found.sequence).snapshot()
    return shaped(wire.ToolCallDetailView, found, ledger=msgspec.to_builtins(ledger))


# --- helpers ---


def _find_run(reader: CallReader, call: Call) -> AgentRun:
    found = reader.agent_run(call.project_id, call.path("run"))
    if found is None or (found.workflow_id, found.task_id) != (call.path("workflow"), call.path("task")):
        raise unknown("agent run", call.path("run"), "GET …/agent-runs lists those of the task.")
    return found


def _check_single(task: Task) -> None:
    seed = seed_of(task)
    if seed.turn_mode != "single_shot" or seed.run_type != "ledger":
        what = "of several turns" if seed.turn_mode != "single_shot" else "a coding task"
        raise NotDispatchable(
            f"task {shown(task.id)}",
            expected="a task of one turn in a ledger",
            found=f"multi_turn_not_supported: it is {what}" if "turns" in what else f"it is {what}",
            next_step="It is stored; this version cannot dispatch it.",
        )


def _dispatched(
    tx: CallTransaction,
    call: Call,
    workflow: Workflow,
    task: Task,
    field: str,
    *,
    trigger: Trigger = Trigger.SEED,
    source_run_id: str | None = None,
) -> AgentRun:
    run_id = new_run_id(call.app.ids)
    simulator = None if call.app.model is None else call.app.model.name
    run = dispatch(tx, workflow, task, field, run_id, trigger=trigger, source_run_id=source_run_id, simulator=simulator)
    if run is None:
        named = next((one for one in definition_of(workflow).fields if one.name == field), None)
        if named is None:
            raise unknown("agent field", field, "The workflow has it no more; dispatch the task in another field.")
        version = "" if named.version is None else f", version {named.version}"
        raise AgentUnpublished(
            f"agent field {shown(field)}",
            expected=f"agent {shown(named.agent)}{version}, registered",
            found="agent_unpublished: it is not",
            next_step="Register it: PUT /api/projects/{project}/agents/{agent}, or titan apply SUITE.",
        )
    return run


async def _tool_calls(call: Call) -> list[wire.ToolCallView]:
    run = await call.read_runs(partial(_find_run, call=call))
    return await asyncio.to_thread(calls_of_run, call.app.calls, call.app.blobs, run.project_id, run.run_id)


def _outbound(body: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        return None
    outbound = found.get("outbound")
    return outbound if isinstance(outbound, dict) else None


_ENDPOINT = "/api/projects/{project}/endpoints/{endpoint}"


@route("PUT " + _ENDPOINT, Permission.EVALUATE)
def put_endpoint(call: Call, tx: CallTransaction, body: wire.EndpointBody) -> wire.EndpointView:
    """Register a tool endpoint, or replace its definition; calls from now on go there."""
    definition = read_definition("definition", body.definition, EndpointDefinition)
    check_slug(call.path("endpoint"))
    check_address(call.caller, definition)
    registry = Registry(tx=tx, project_id=call.project_id)
    return endpoint_view(registry.put_endpoint(call.path("endpoint"), definition)[0])


@route("GET /api/projects/{project}/endpoints", Permission.SEE_EVALUATED)
def list_endpoints(call: Call, reader: CallReader) -> wire.EndpointsAnswer:
    """List the tool endpoints of a project."""
    return wire.EndpointsAnswer(endpoints=[endpoint_view(one) for one in reader.tool_endpoints(call.project_id)])


@route("DELETE " + _ENDPOINT, Permission.EVALUATE)
def delete_endpoint(call: Call, tx: CallTransaction) -> OkAnswer:
    """Delete a tool endpoint; calls of tools that name it fail from now on."""
    if tx.tool_endpoint(call.project_id, call.path("endpoint")) is None:
        raise unknown("endpoint", call.path("endpoint"), "GET /api/projects/{project}/endpoints lists them.")
    tx.forget_tool_endpoint(call.project_id, call.path("endpoint"))
    return OkAnswer()


def workflow_view(workflow: Workflow) -> wire.WorkflowView:
    """Return a workflow."""
    warnings = warnings_of_world(definition_of(workflow).world)
    return shaped(wire.WorkflowView, workflow, definition=_decoded(workflow.definition), warnings=warnings)


def warnings_of_world(world: World) -> list[str]:
    """Return warnings about a world."""
    return [f"{one.place}: {one.message}" for one in world_warnings(world)]


def task_view(task: Task, workflow: Workflow) -> wire.TaskView:
    """Return a task."""
    world = definition_of(workflow).world
    outdated = [_OUTDATED] if is_outdated(task, workflow) else []
    return shaped(
        wire.TaskView,
        task,
        odyssey_seed=_decoded(task.seed),
        scorers=_decoded(task.scorers),
        warnings=[*outdated, *warnings_of_seed(world, seed_of(task))],
    )


def warnings_of_seed(world: World, seed: Seed) -> Iterable[str]:
    """Return warnings about a seed."""
    looked_at = TaskSeed(
        user_instruction=seed.user_instruction,
        behavior_instructions=seed.behavior_instructions,
        initial_state=seed.initial_state or world.initial_state,
        failure_rules=seed.failure_rules,
    )
    return (f"{one.place}: {one.message}" for one in seed_warnings(world, looked_at))


def agent_view(agent: RegisteredAgent) -> wire.RegisteredAgentView:
    """Return an agent's newest version, without its secrets."""
    return shaped(wire.RegisteredAgentView, agent, definition=_without_secrets(agent.definition))


def endpoint_view(endpoint: ToolEndpoint) -> wire.EndpointView:
    """Return a tool endpoint, without its secrets."""
    return shaped(wire.EndpointView, endpoint, definition=_without_secrets(endpoint.definition))


def run_view(run: AgentRun) -> wire.AgentRunView:
    """Return an agent run for a list."""
    return shaped(wire.AgentRunView, run, **_derived(run))


def detail_view(run: AgentRun, source: AgentRun | None = None) -> wire.AgentRunDetailView:
    """Return an agent run with its details; `source` is the run that it repeats."""
    config = _decoded(run.config)
    return shaped(
        wire.AgentRunDetailView,
        run,
        **_derived(run),
        card_verdict=run.verdict.value,
        messages=None if run.messages is None else _decoded(run.messages),
        metadata=None if run.metadata is None else _decoded(run.metadata),
        soft_warnings=_decoded(run.soft_warnings),
        scorers=_decoded(run.scorers),
        config=config,
        config_changes=[] if source is None else list(_differences(_configured(source), _configured(run))),
        has_no_calls=run.status is AgentRunStatus.COMPLETED
        and bool(config.get("tool_modes"))
        and not _decoded(run.sources),
    )


def _configured(run: AgentRun) -> dict[str, Any]:
    """Return what may differ between an agent run and its re-run; None for digests that were not stored."""
    config = {name: value for name, value in _decoded(run.config).items() if name not in _OWN_DIGESTS}
    digests = {"world": run.world_digest, "state": run.state_digest, "scorers": run.scorers_digest}
    return {**config, **digests, "seed": None if run.world_digest is None else run.seed_digest}


_OWN_DIGESTS: Final = ("world", "scorers_digest")  # of runs from before definitions were frozen


def _differences(before: Any, after: Any, path: str = "") -> Iterator[wire.ConfigChange]:
    """Yield the differences of two configurations."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            yield from _differences(before.get(name), after.get(name), f"{path}.{name}" if path else name)
    elif before != after:
        yield wire.ConfigChange(path=path, before=before, after=after)


def _derived(run: AgentRun) -> dict[str, Any]:
    """Return the fields of a view that are not fields of the run."""
    sources: dict[str, int] = _decoded(run.sources)
    done = run.agent_done_at
    is_ungraded = run.verdict is Verdict.NOT_APPLICABLE and run.status is not AgentRunStatus.COMPLETED
    return {
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
    required = [one for one in _decoded(run.scorers) if one["required"]]
    details = (one["detail"] for verdict in ("FAIL", "ERROR") for one in required if one["verdict"] == verdict)
    return next(details, None)


def _without_secrets(definition: str) -> dict[str, Any]:
    shown: dict[str, Any] = _decoded(definition)
    if "headers" in shown:
        shown["headers"] = dict.fromkeys(shown["headers"], "[not shown]")
    return shown


def _decoded(text: str) -> Any:
    return msgspec.json.decode(text)
