"""Check evaluation definitions, find workflows and tasks by path, and submit programs into a world."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

import msgspec

from titan.evaluate.agent_runs import as_json, request_of, submitted_run, submitted_setting
from titan.evaluate.definitions import HttpAgent, HttpEndpoint, McpEndpoint, Slug, SubmittedAgent, seed_of
from titan.evaluate.external import AddressRefused, check_url
from titan.evaluate.frozen import initial_of_task, parts_of
from titan.model.dags import NewDag
from titan.model.errors import Conflict, Forbidden, InvalidInput, NotSupported, UnknownEvaluation
from titan.model.evaluations import ENDED, AgentRun, AgentRunStatus, Task, Trigger, Workflow
from titan.model.expectations import misfit_of
from titan.model.jobs import JobKind
from titan.model.projects import ORGANISATION
from titan.model.run_control import Origin
from titan.ports.runs_store import CallReader, CallTransaction
from titan.rules.names import shown
from titan.server import lookup
from titan.server.http.access import Caller
from titan.server.http.call import Call
from titan.wire.work import Submitted, WorldBody
from titan.world.ledger import Ledger


def read_definition(what: str, value: Any, shape: Any) -> Any:
    """Return plain JSON converted to `shape`.

    Raises:
        InvalidInput: it does not fit; the subject names the place.
    """
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        misfit = misfit_of(error, shape, value)
        raise InvalidInput(
            what + misfit.place_within,
            expected=misfit.expected or "a definition as the guide of worlds describes it",
            found=misfit.found,
            next_step="Correct it and send it again; nothing was stored.",
        ) from error


def check_slug(name: str) -> None:
    """Check that a name is a slug.

    Raises:
        InvalidInput: it is no slug.
    """
    read_definition(f"name {shown(name)}", name, Slug)


def check_address(caller: Caller, definition: HttpAgent | HttpEndpoint | McpEndpoint) -> None:
    """Check that an address may be registered. The IP address behind its host is checked at each request.

    Raises:
        InvalidInput: it is not an HTTP URL, or it is on this machine or a private network and that is not allowed.
        Forbidden: `allow_loopback` is set, and the caller is not of the server's own organisation.
    """
    if definition.allow_loopback and caller.organisation_id != ORGANISATION:
        raise Forbidden(
            caller.name,
            expected=f"organisation {ORGANISATION}, for `allow_loopback`: this machine and its networks are its own",
            found=f"organisation {shown(caller.organisation_id)}",
            next_step="Register a public address, without `allow_loopback`.",
        )
    try:
        check_url(definition.url, allow_loopback=definition.allow_loopback)
    except AddressRefused as refused:
        raise InvalidInput(
            "definition.url",
            expected="http:// or https:// and a public host, or `allow_loopback: true`",
            found=str(refused),
            next_step="Correct it and send it again; nothing was stored.",
        ) from refused


unknown: Final = partial(lookup.unknown, UnknownEvaluation)


MOST_TASKS: Final = 10_000  # of a workflow, and agent runs of a task


def find_workflow(reader: CallReader, call: Call) -> Workflow:
    """Return the workflow that the path names.

    Raises:
        UnknownEvaluation: there is none.
    """
    found = reader.workflow(call.project_id, call.path("workflow"))
    if found is None:
        raise unknown("workflow", call.path("workflow"), "GET /api/projects/{project}/workflows lists them.")
    return found


def find_task(reader: CallReader, call: Call) -> Task:
    """Return the task that the path names.

    Raises:
        UnknownEvaluation: there is none.
    """
    found = reader.task(call.project_id, call.path("workflow"), call.path("task"))
    if found is None:
        raise unknown("task", call.path("task"), "GET …/tasks lists them.")
    return found


def check_idle(reader: CallReader, task: Task) -> None:
    """Check that no agent run of a task is under way.

    Raises:
        Conflict: one is.
    """
    runs = reader.agent_runs(task.project_id, task.workflow_id, task_id=task.id, limit=MOST_TASKS)
    busy = next((run for run in runs if run.status not in ENDED), None)
    if busy is not None:
        raise Conflict(
            f"task {shown(task.id)}",
            expected="no agent run under way",
            found=f"{busy.run_id}, which is {busy.status}",
            next_step="Wait for its end, or cancel it.",
        )


#: Environment variables of the submitted jobs; the SDK reads the first two.
RUN_VARIABLE: Final = "_TITAN_WORLD"
TOKEN_VARIABLE: Final = "_TITAN_WORLD_TOKEN"  # the variable's name, not a token
TASK_VARIABLE: Final = "WORLD_TASK"  # the input of the task


def check_world(new: NewDag) -> None:
    """Check that a DAG may be submitted into a world.

    Raises:
        InvalidInput: it names a run.
    """
    if new.agent_run_id is not None:
        raise InvalidInput(
            "agent_run_id",
            expected="none beside `world`: a try at a task is a run of its own",
            found=shown(new.agent_run_id),
            next_step="Leave it out; the answer names the run.",
        )


async def submit_into_world(
    call: Call, world: WorldBody, new: NewDag, dag_id: str, stored: Callable[[NewDag], Awaitable[bytes]]
) -> bytes:
    """Submit a DAG into a simulated world and return the answer; `stored` submits the DAG.

    Raises:
        UnknownEvaluation: there is no such workflow or task.
        NotSupported: the task has several turns.
    """
    workflow, task, initial = await call.read_runs(partial(_tried, call=call, world=world))
    agent_id = world.agent or new.name
    check_slug(agent_id)
    run_id = f"{agent_id}-{call.app.ids.dag_id()}"
    agent, dispatcher = SubmittedAgent(dag_id=dag_id), call.app.dispatcher
    draft = AgentRun(
        project_id=workflow.project_id,
        run_id=run_id,
        workflow_id=workflow.id,
        task_id=task.id,
        field=agent_id,
        agent_id=agent_id,
        agent_version=0,
        attempt=1,
        trigger=Trigger.SEED,
        status=AgentRunStatus.RUNNING,
        seed_digest=task.seed_digest,
        config="{}",
        queued_at=call.app.clock.now(),
        world_digest=parts_of(workflow)[0].digest,
    )
    setting = submitted_setting(draft, workflow, task, agent, initial)
    live, token = dispatcher.open(setting)
    live.task_input = request_of(setting, live, call.app.server_info.urls[0])
    try:
        answer = await stored(_in_world(new, run_id, agent_id, token, as_json(live.task_input["input"])))
        if msgspec.json.decode(answer, type=Submitted).agent_run_id != run_id:
            await dispatcher.drop(live)  # a repeated submission: its world is open already
            return answer

        def act(tx: CallTransaction) -> AgentRun:
            return submitted_run(tx, workflow, task, run_id, agent)

        run = await call.change_runs(act)
    except BaseException:
        await dispatcher.drop(live)
        raise
    dispatcher.attend(replace(setting, run=run), live)
    return answer


def _tried(reader: CallReader, *, call: Call, world: WorldBody) -> tuple[Workflow, Task, Ledger]:
    """Return the workflow and the task that a program is submitted into, and the ledger with which it begins."""
    workflow = reader.workflow(call.project_id, world.workflow)
    if workflow is None:
        raise unknown("workflow", world.workflow, "titan eval SUITE makes one of a suite.")
    task = reader.task(call.project_id, world.workflow, world.task)
    if task is None:
        raise unknown("task", world.task, f"titan tasks list {world.workflow} lists them.")
    seed = seed_of(task)
    if seed.turn_mode != "single_shot" or seed.run_type != "ledger":
        raise NotSupported(
            f"task {shown(task.id)}",
            expected="a task of one turn in a ledger",
            found="another one",
            next_step="Choose another task.",
        )
    return workflow, task, initial_of_task(reader, workflow, task)


def _in_world(new: NewDag, run_id: str, agent_id: str, token: str, task_input: str) -> NewDag:
    """Return a DAG whose jobs have the world in their environment; they start cold, to see it from the beginning."""
    known = {RUN_VARIABLE: run_id, TOKEN_VARIABLE: token, TASK_VARIABLE: task_input}
    jobs = tuple(
        job if job.kind is not JobKind.WORK else replace(job, env={**job.env, **known}, cold=True) for job in new.jobs
    )
    origin = Origin.EVALUATION
    return replace(new, jobs=jobs, agent_run_id=run_id, agent_id=agent_id, is_repeatable=False, origin=origin)
