"""Finding the workflow and the task that a path names."""

from typing import Final

from titan.model.errors import Conflict
from titan.model.evaluations import ENDED, Task, Workflow
from titan.ports.runs_store import CallReader
from titan.rules.names import shown
from titan.server.definitions import unknown
from titan.server.http.call import Call

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
    """Return when no agent run of a task is under way.

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
