"""Programs that are submitted into a world: each is an agent run of a task, graded when its DAG has ended."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Final

import msgspec

from titan.evaluate.agent_runs import as_json, request_of, seed_of, submitted_run, submitted_setting
from titan.evaluate.definitions import SubmittedAgent
from titan.model.dags import NewDag
from titan.model.errors import InvalidInput, NotSupported
from titan.model.evaluations import AgentRun, AgentRunStatus, Task, Trigger, Workflow
from titan.model.jobs import JobKind
from titan.ports.runs_store import CallReader, CallTransaction
from titan.rules.names import shown
from titan.server.definitions import check_slug, unknown
from titan.server.http.call import Call
from titan.wire.work import Submitted, WorldBody

#: What the jobs of such a program have in their environment; the SDK reads the first two.
RUN_VARIABLE: Final = "_TITAN_WORLD"
TOKEN_VARIABLE: Final = "_TITAN_WORLD_TOKEN"  # its name, no token
TASK_VARIABLE: Final = "WORLD_TASK"  # what the agent is asked


def check_world(new: NewDag) -> None:
    """Return when a DAG may be submitted into a world.

    Raises:
        InvalidInput: it says of which run it is a stage.
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
    """Return the answer to a submission whose tools are simulated; `stored` submits the DAG and gives that answer.

    Raises:
        UnknownEvaluation: there is no such workflow or task.
        NotSupported: the task has several turns.
    """
    workflow, task = await call.read_runs(partial(_found, call=call, world=world))
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
    )
    live, token = dispatcher.open(submitted_setting(draft, workflow, task, agent))
    live.task_input = request_of(submitted_setting(draft, workflow, task, agent), live, call.app.runs_with.urls[0])
    try:
        answer = await stored(_in_world(new, run_id, agent_id, token, as_json(live.task_input["input"])))
        if msgspec.json.decode(answer, type=Submitted).agent_run_id != run_id:
            await dispatcher.drop(live)  # a repeat of a submission, which has its world
            return answer

        def act(tx: CallTransaction) -> AgentRun:
            return submitted_run(tx, workflow, task, run_id, agent)

        run = await call.change_runs(act)
    except BaseException:
        await dispatcher.drop(live)
        raise
    dispatcher.attend(submitted_setting(run, workflow, task, agent), live)
    return answer


def _found(reader: CallReader, *, call: Call, world: WorldBody) -> tuple[Workflow, Task]:
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
    return workflow, task


def _in_world(new: NewDag, run_id: str, agent_id: str, token: str, task_input: str) -> NewDag:
    """Return a DAG whose jobs know their world; a warm interpreter is too far to begin with that."""
    known = {RUN_VARIABLE: run_id, TOKEN_VARIABLE: token, TASK_VARIABLE: task_input}
    jobs = tuple(
        job if job.kind is not JobKind.WORK else replace(job, env={**job.env, **known}, cold=True) for job in new.jobs
    )
    return replace(new, jobs=jobs, agent_run_id=run_id, agent_id=agent_id, is_repeatable=False)
