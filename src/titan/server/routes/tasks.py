"""Routes of tasks, and of suites: a workflow with its tasks, agents and endpoints."""

import asyncio
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from titan.evaluate.definitions import (
    AgentDefinition,
    EndpointDefinition,
    PythonAgent,
    Seed,
    TaskDefinition,
    WorkflowDefinition,
    definition_of,
)
from titan.evaluate.registry import Change, Changed, Registry
from titan.evaluate.suites import tasks_in
from titan.judge.scorers import Scorer
from titan.model.errors import Conflict, InvalidInput
from titan.model.runs import Run
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
)
from titan.server.http.call import Call
from titan.server.http.route import Routes
from titan.server.routes.evaluations import task_view, warnings_of_seed, warnings_of_world
from titan.wire import evaluations as wire
from titan.wire.base import OkAnswer

route = Routes()

_WORKFLOW = "/api/projects/{project}/workflows/{workflow}"
_TASK = _WORKFLOW + "/tasks/{task}"


@route("POST " + _WORKFLOW + "/tasks", Permission.EVALUATE)
async def import_tasks(call: Call, body: wire.TasksBody) -> wire.TasksChanged:
    """Create tasks, each with a frozen seed; all or none. Existing tasks are not changed without `reseed`."""
    found = [read_definition(f"tasks[{place}]", one, TaskDefinition) for place, one in enumerate(body.tasks)]
    return await _import(call, found, reseeds=body.reseed)


@route("POST " + _WORKFLOW + "/import-tasks", Permission.EVALUATE, body=bytes)
async def import_file(call: Call, query: wire.TasksImportQuery) -> wire.TasksChanged:
    """Create tasks from the uploaded file: CSV with a column for each seed field, JSON, JSON Lines or YAML."""
    raw = await call.raw_body()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput("the body", expected="UTF-8", found=str(error), next_step="Save it as UTF-8.") from error
    return await _import(call, tasks_in(text, Path(f"body.{query.format}")), reseeds=query.reseed)


async def _import(call: Call, found: list[TaskDefinition], *, reseeds: bool) -> wire.TasksChanged:
    if len(found) > MOST_TASKS:
        raise InvalidInput("tasks", expected=f"at most {MOST_TASKS:,}", found=f"{len(found):,}")
    _check_once(found)

    def act(tx: CallTransaction) -> wire.TasksChanged:
        workflow = find_workflow(tx, call)
        world = definition_of(workflow).world
        registry, changes, warnings = Registry(tx=tx, project_id=call.project_id), Counter[Change](), []
        for definition in found:
            task, change = registry.put_task(workflow, definition, reseeds=reseeds)
            changes[change] += 1
            if change is not Change.UNCHANGED:
                warnings += [f"{task.id}: {line}" for line in warnings_of_seed(world, definition.odyssey_seed)]
        return wire.TasksChanged(
            created=changes[Change.CREATED],
            reseeded=changes[Change.CHANGED],
            unchanged=changes[Change.UNCHANGED],
            warnings=warnings,
        )

    return await call.change_runs(act)


@route("GET " + _WORKFLOW + "/tasks", Permission.SEE_EVALUATED)
def list_tasks(call: Call, reader: CallReader, query: wire.TasksQuery) -> wire.TasksAnswer:
    """List the tasks of a workflow, by id."""
    workflow = find_workflow(reader, call)
    found = reader.tasks(workflow.project_id, workflow.id, after=query.after, limit=query.limit)
    return wire.TasksAnswer(tasks=[task_view(task, workflow) for task in found])


@route("GET " + _TASK, Permission.SEE_EVALUATED)
def show_task(call: Call, reader: CallReader) -> wire.TaskView:
    """Show a task with its seed."""
    return task_view(find_task(reader, call), find_workflow(reader, call))


@route("POST " + _TASK + "/re-seed", Permission.EVALUATE)
def reseed_task(call: Call, tx: CallTransaction, body: wire.ReseedBody) -> wire.TaskView:
    """Freeze a task's seed anew, with the axes that are given changed; earlier runs keep theirs."""
    before, workflow = find_task(tx, call), find_workflow(tx, call)
    seed: dict[str, Any] = msgspec.json.decode(before.seed)
    scorers = msgspec.json.decode(before.scorers) if body.scorers is None else body.scorers
    definition = TaskDefinition(
        id=before.id,
        name=before.name if body.name is None else body.name,
        odyssey_seed=read_definition("odyssey_seed", seed | body.odyssey_seed, Seed),
        scorers=read_definition("scorers", scorers, tuple[Scorer, ...]),
    )
    task, _ = Registry(tx=tx, project_id=call.project_id).put_task(workflow, definition, anew=True)
    return task_view(task, workflow)


@route("DELETE " + _TASK, Permission.EVALUATE)
async def delete_task(call: Call) -> OkAnswer:
    """Delete a task with its agent runs and their recordings. Refused while one of its runs is pinned or unfinished."""
    recorded = await call.read_runs(partial(_recorded, call=call))
    for run in recorded:
        if run.has_stages:
            await call.app.maintenance.forget_stages(run)

    def act(tx: CallTransaction) -> set[str]:
        left: set[str] = set()
        for run in _recorded(tx, call=call):
            left |= tx.blobs_of_run(run.project_id, run.id)
            tx.forget_run(run.project_id, run.id)
        task = find_task(tx, call)
        tx.forget_task(task.project_id, task.workflow_id, task.id)
        return left

    await call.app.maintenance.discard(await call.change_runs(act))
    return OkAnswer()


def _recorded(reader: CallReader, *, call: Call) -> list[Run]:
    """Return the recorded runs of a task's agent runs.

    Raises:
        Conflict: one is under way, or pinned.
    """
    task = find_task(reader, call)
    check_idle(reader, task)
    tried = reader.agent_runs(task.project_id, task.workflow_id, task_id=task.id, limit=MOST_TASKS)
    found = [run for one in tried if (run := reader.run(one.project_id, one.run_id)) is not None]
    pinned = next((run for run in found if run.pinned_at is not None), None)
    if pinned is not None:
        raise Conflict(
            f"task {shown(task.id)}",
            expected="no pinned run",
            found=f"{pinned.id}, which is pinned",
            next_step="Unpin it with titan runs edit RUN --no-pin, then delete the task.",
        )
    return found


# --- suites ---


@route("POST /api/projects/{project}/apply", Permission.EVALUATE)
async def apply_suite(call: Call, body: wire.ApplyBody) -> wire.ApplyAnswer:
    """Register a workflow with its tasks, agents and endpoints, all or none; `plan` only returns the changes."""
    check_slug(body.workflow)
    definition: WorkflowDefinition = read_definition("definition", body.definition, WorkflowDefinition)
    agents: dict[str, AgentDefinition] = read_definition("agents", body.agents, dict[str, AgentDefinition])
    kinds = dict[str, EndpointDefinition]
    endpoints: dict[str, EndpointDefinition] = read_definition("endpoints", body.endpoints, kinds)
    tasks: list[TaskDefinition] = read_definition("tasks", body.tasks, list[TaskDefinition])
    for name in (*agents, *endpoints):
        check_slug(name)
    for one in (*agents.values(), *endpoints.values()):
        if not isinstance(one, PythonAgent):
            check_address(call.caller, one)
    _check_once(tasks)

    def act(tx: CallTransaction) -> list[Changed]:
        registry = Registry(tx=tx, project_id=call.project_id, is_plan=body.plan)
        name = body.name or body.workflow
        return registry.apply(body.workflow, definition, name=name, agents=agents, endpoints=endpoints, tasks=tasks)

    changes = await call.change_runs(act)
    counts = Counter(one.change for one in changes)
    world = definition.world
    about_tasks = [f"{one.id}: {line}" for one in tasks for line in warnings_of_seed(world, one.odyssey_seed)]
    return wire.ApplyAnswer(
        changes=[wire.AppliedView(kind=one.kind, id=one.id, change=one.change.value) for one in changes],
        created=counts[Change.CREATED],
        changed=counts[Change.CHANGED],
        unchanged=counts[Change.UNCHANGED],
        warnings=[*await asyncio.to_thread(warnings_of_world, world), *about_tasks],
    )


def _check_once(tasks: list[TaskDefinition]) -> None:
    twice = next((one for one, count in Counter(task.id for task in tasks).items() if count > 1), None)
    if twice is not None:
        raise InvalidInput("tasks", expected="each id once", found=f"{shown(twice)} twice")
