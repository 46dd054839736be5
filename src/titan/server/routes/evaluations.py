"""Workflows, their tasks, the agents that are tried on them, and agent runs."""

import asyncio
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from titan.evaluate.agent_runs import (
    agent_definition_of,
    calls_of_run,
    definition_of,
    dispatch,
    is_submitted,
    ledger_after,
    new_run_id,
    seed_of,
)
from titan.evaluate.contract import read_exchange
from titan.evaluate.definitions import (
    AgentDefinition,
    HttpAgent,
    WorkflowDefinition,
)
from titan.evaluate.external import AgentClient
from titan.evaluate.registry import Registry
from titan.model.errors import AgentUnpublished, NotDispatchable, NotSupported, RunInFlight
from titan.model.evaluations import (
    ENDED,
    AgentRun,
    RegisteredAgent,
    Task,
    Trigger,
    Workflow,
)
from titan.model.shaped import shaped
from titan.ports.runs_store import CallReader, CallTransaction
from titan.rules.access import Permission
from titan.rules.names import shown
from titan.server.definitions import check_address, check_slug, read_definition, unknown
from titan.server.evaluation_lookup import MOST_TASKS, check_idle, find_task, find_workflow
from titan.server.http.call import Call, Json
from titan.server.http.route import Routes
from titan.server.views.evaluations import (
    agent_view,
    detail_view,
    run_view,
    workflow_view,
)
from titan.wire.base import OkAnswer
from titan.wire.evaluations import (
    AgentBody,
    AgentRunDetailView,
    AgentRunQuery,
    AgentRunsAnswer,
    AgentRunsQuery,
    AgentRunView,
    ConnectionAnswer,
    DispatchBody,
    Dispatched,
    RegisteredAgentsAnswer,
    RegisteredAgentView,
    Rerun,
    ToolCallDetailView,
    ToolCallsAnswer,
    ToolCallView,
    WorkflowBody,
    WorkflowsAnswer,
    WorkflowView,
)

route = Routes()

T = TypeVar("T")

_WORKFLOW: Final = "/api/projects/{project}/workflows/{workflow}"
_TASK: Final = _WORKFLOW + "/tasks/{task}"
CHECK_SECONDS: Final = 10.0


# --- workflows ---


@route("PUT " + _WORKFLOW, Permission.EVALUATE)
async def put_workflow(call: Call, body: WorkflowBody) -> WorkflowView:
    """Create a workflow, or replace its definition; agent runs that are under way keep the one they began with."""
    definition = read_definition("definition", body.definition, WorkflowDefinition)

    def act(tx: CallTransaction) -> Workflow:
        registry = Registry(tx=tx, project_id=call.project_id)
        return registry.put_workflow(call.path("workflow"), body.name or call.path("workflow"), definition)[0]

    check_slug(call.path("workflow"))
    return workflow_view(await call.change_runs(act))


@route("GET /api/projects/{project}/workflows", Permission.SEE_EVALUATED)
def list_workflows(call: Call, reader: CallReader) -> WorkflowsAnswer:
    """List the workflows of a project."""
    return WorkflowsAnswer(workflows=[workflow_view(one) for one in reader.workflows(call.project_id)])


@route("GET " + _WORKFLOW, Permission.SEE_EVALUATED)
def show_workflow(call: Call, reader: CallReader) -> WorkflowView:
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
async def put_agent(call: Call, body: AgentBody) -> RegisteredAgentView:
    """Register an agent; another definition of a registered one is its next version."""
    definition = read_definition("definition", body.definition, AgentDefinition)
    check_slug(call.path("agent"))
    if isinstance(definition, HttpAgent):
        check_address(call.caller, definition)

    def act(tx: CallTransaction) -> RegisteredAgent:
        return Registry(tx=tx, project_id=call.project_id).put_agent(call.path("agent"), definition)[0]

    return agent_view(await call.change_runs(act))


@route("GET /api/projects/{project}/agents", Permission.SEE_EVALUATED)
def list_registered_agents(call: Call, reader: CallReader) -> RegisteredAgentsAnswer:
    """List the registered agents of a project."""
    return RegisteredAgentsAnswer(agents=[agent_view(one) for one in reader.registered_agents(call.project_id)])


@route("POST /api/projects/{project}/agents/{agent}/test-connection", Permission.EVALUATE)
async def check_connection(call: Call) -> ConnectionAnswer:
    """Ask an agent whether it is there, by a ping, and whether it reaches this server."""
    agent = await call.read_runs(lambda reader: reader.registered_agent(call.project_id, call.path("agent")))
    if agent is None:
        raise unknown("agent", call.path("agent"), "PUT /api/projects/{project}/agents/{agent} registers it.")
    definition = agent_definition_of(agent)
    if not isinstance(definition, HttpAgent):
        return ConnectionAnswer(ok=True, error_class=None, message="It runs here, as a job.", outbound=None)
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
            return ConnectionAnswer(
                ok=False, error_class=error_class, message=getattr(failed, "message", ""), outbound=None
            )
        proxy = f"{call.app.dispatcher.url}/api/world/runs/connectivity-check"
        outbound = await ask({"connectivity_check": True, "odyssey_proxy_url": proxy, "proxy_url": proxy})
    finally:
        await client.close()
    return ConnectionAnswer(ok=True, error_class=None, message="It answered.", outbound=_outbound(outbound.body))


# --- agent runs ---


@route("POST " + _WORKFLOW + "/agent-runs", Permission.EVALUATE, status=202, mutates=True, adds=True)
async def dispatch_tasks(call: Call, body: DispatchBody) -> Json[Dispatched]:
    """Have tasks tried by agents."""

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

    async def begin() -> Dispatched:
        runs = await call.change_runs(act)
        for run in runs:
            call.app.dispatcher.begin(run)
        return Dispatched(run_ids=[run.run_id for run in runs])

    return Json(await call.app.long_once.perform(call.mark(), begin))


@route("GET " + _WORKFLOW + "/agent-runs", Permission.SEE_EVALUATED)
def list_agent_runs(call: Call, reader: CallReader, query: AgentRunsQuery) -> AgentRunsAnswer:
    """List the agent runs of a workflow, the latest first."""
    workflow = find_workflow(reader, call)
    runs = reader.agent_runs(workflow.project_id, workflow.id, before=query.before, limit=query.limit)
    return AgentRunsAnswer(agent_runs=[run_view(run) for run in runs])


@route("GET " + _TASK + "/agent-runs", Permission.SEE_EVALUATED)
def list_runs_of_task(call: Call, reader: CallReader, query: AgentRunsQuery) -> AgentRunsAnswer:
    """List the agent runs of a task, the latest first."""
    task = find_task(reader, call)
    runs = reader.agent_runs(task.project_id, task.workflow_id, task_id=task.id, before=query.before, limit=query.limit)
    return AgentRunsAnswer(agent_runs=[run_view(run) for run in runs])


@route("GET " + _TASK + "/agent-runs/{run}", Permission.SEE_EVALUATED)
async def show_agent_run(call: Call, query: AgentRunQuery) -> AgentRunDetailView:
    """Show an agent run; `wait_seconds` waits for its end."""
    run = await call.read_runs(partial(_find_run, call=call))
    if run.status not in ENDED and query.wait_seconds:
        await call.app.dispatcher.wait(run, seconds=query.wait_seconds)
        run = await call.read_runs(partial(_find_run, call=call))
    world = definition_of(await call.read_runs(partial(find_workflow, call=call))).world
    source_id = run.source_run_id
    source = (
        None if source_id is None else await call.read_runs(lambda reader: reader.agent_run(run.project_id, source_id))
    )
    return detail_view(run, world, source)


@route("POST " + _TASK + "/agent-runs/{run}/re-run", Permission.EVALUATE, status=202, mutates=True, adds=True)
async def rerun(call: Call) -> Json[Rerun]:
    """Try the same task and agent field once more, with the workflow as it is now and the frozen seed."""

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

    async def begin() -> Rerun:
        run = await call.change_runs(act)
        call.app.dispatcher.begin(run)
        return Rerun(source_run_id=run.source_run_id or "", run_id=run.run_id)

    return Json(await call.app.long_once.perform(call.mark(), begin))


@route("POST " + _TASK + "/agent-runs/{run}/cancel", Permission.EVALUATE)
async def cancel_agent_run(call: Call) -> AgentRunView:
    """Cancel an agent run; one that has ended stays as it is."""
    run = await call.read_runs(partial(_find_run, call=call))
    return run_view(await call.app.dispatcher.cancel(run))


@route("GET " + _TASK + "/agent-runs/{run}/tool-calls", Permission.SEE_EVALUATED)
async def list_tool_calls(call: Call) -> ToolCallsAnswer:
    """List the tool calls of an agent run, in their order."""
    return ToolCallsAnswer(tool_calls=await _tool_calls(call))


@route("GET " + _TASK + "/agent-runs/{run}/tool-calls/{sequence}", Permission.SEE_EVALUATED)
async def show_tool_call(call: Call) -> ToolCallDetailView:
    """Show a tool call with the ledger as it was after it."""
    calls = await _tool_calls(call)
    asked = call.path("sequence")
    found = next((one for one in calls if str(one.sequence) == asked), None)
    if found is None:
        raise unknown("tool call", asked, f"The run has {len(calls)}, from 0.")
    task, workflow = await asyncio.gather(
        call.read_runs(partial(find_task, call=call)), call.read_runs(partial(find_workflow, call=call))
    )
    initial = seed_of(task).initial_state or definition_of(workflow).world.initial_state
    snapshot = ledger_after(initial, calls, found.sequence).snapshot()
    return shaped(ToolCallDetailView, found, ledger=msgspec.to_builtins(snapshot))


# --- parts ---


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


async def _tool_calls(call: Call) -> list[ToolCallView]:
    run = await call.read_runs(partial(_find_run, call=call))
    return await asyncio.to_thread(calls_of_run, call.app.calls, call.app.blobs, run.project_id, run.run_id)


def _outbound(body: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        return None
    outbound = found.get("outbound")
    return outbound if isinstance(outbound, dict) else None
