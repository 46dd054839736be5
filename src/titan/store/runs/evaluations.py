"""Workflows, tasks, registered agents, tool endpoints and agent runs: rows and back."""

from typing import Any, Final

from titan.model.evaluations import AgentRun, RegisteredAgent, Task, ToolEndpoint, Workflow
from titan.store.rows.columns import Columns, methods_read_rows
from titan.store.session import CallSession

WORKFLOWS: Final = Columns(Workflow)
TASKS: Final = Columns(Task)
AGENTS: Final = Columns(RegisteredAgent)
ENDPOINTS: Final = Columns(ToolEndpoint)
AGENT_RUNS: Final = Columns(AgentRun)
EVALUATION_FRAGMENTS: Final = (
    WORKFLOWS.fragments("workflow")
    | TASKS.fragments("task")
    | AGENTS.fragments("registered_agent")
    | ENDPOINTS.fragments("tool_endpoint")
    | AGENT_RUNS.fragments("agent_run")
)


@methods_read_rows
class SqlEvaluationReader:
    """Implements `titan.ports.evaluations.EvaluationReader`; its docstrings stand there."""

    _session: CallSession

    def workflow(self, project_id: str, workflow_id: str) -> Workflow | None:
        row = self._session.one("workflow", project_id=project_id, id=workflow_id)
        return None if row is None else WORKFLOWS.of(row)

    def workflows(self, project_id: str) -> list[Workflow]:
        return [WORKFLOWS.of(row) for row in self._session.all("workflows", project_id=project_id)]

    def task(self, project_id: str, workflow_id: str, task_id: str) -> Task | None:
        row = self._session.one("task", project_id=project_id, workflow_id=workflow_id, id=task_id)
        return None if row is None else TASKS.of(row)

    def tasks(self, project_id: str, workflow_id: str, *, after: str = "", limit: int) -> list[Task]:
        rows = self._session.all("tasks", project_id=project_id, workflow_id=workflow_id, after=after, limit=limit)
        return [TASKS.of(row) for row in rows]

    def registered_agent(self, project_id: str, agent_id: str, version: int | None = None) -> RegisteredAgent | None:
        row = self._session.one("registered_agent", project_id=project_id, id=agent_id, version=version)
        return None if row is None else AGENTS.of(row)

    def registered_agents(self, project_id: str) -> list[RegisteredAgent]:
        return [AGENTS.of(row) for row in self._session.all("registered_agents", project_id=project_id)]

    def tool_endpoint(self, project_id: str, endpoint_id: str) -> ToolEndpoint | None:
        row = self._session.one("tool_endpoint", project_id=project_id, id=endpoint_id)
        return None if row is None else ENDPOINTS.of(row)

    def tool_endpoints(self, project_id: str) -> list[ToolEndpoint]:
        return [ENDPOINTS.of(row) for row in self._session.all("tool_endpoints", project_id=project_id)]

    def agent_run(self, project_id: str, run_id: str) -> AgentRun | None:
        row = self._session.one("agent_run", project_id=project_id, run_id=run_id)
        return None if row is None else AGENT_RUNS.of(row)

    def agent_runs(
        self, project_id: str, workflow_id: str, *, task_id: str | None = None, before: str | None = None, limit: int
    ) -> list[AgentRun]:
        asked: dict[str, Any] = {"project_id": project_id, "workflow_id": workflow_id, "limit": limit}
        rows = self._session.all("agent_runs", **asked, task_id=task_id, before=before)
        return [AGENT_RUNS.of(row) for row in rows]

    def unfinished_agent_runs(self) -> list[AgentRun]:
        return [AGENT_RUNS.of(row) for row in self._session.all("unfinished_agent_runs")]


class SqlEvaluationTransaction(SqlEvaluationReader):
    """Implements `titan.ports.evaluations.EvaluationTransaction`; its docstrings stand there."""

    def save_workflow(self, workflow: Workflow) -> None:
        self._session.run("save_workflow", WORKFLOWS.row(workflow))

    def forget_workflow(self, project_id: str, workflow_id: str) -> None:
        self._session.run("forget_workflow", {"project_id": project_id, "id": workflow_id})

    def save_task(self, task: Task) -> None:
        self._session.run("save_task", TASKS.row(task))

    def forget_task(self, project_id: str, workflow_id: str, task_id: str) -> None:
        place = {"project_id": project_id, "workflow_id": workflow_id, "task_id": task_id}
        self._session.run("forget_agent_runs_of_task", place)
        self._session.run("forget_task", place)

    def save_registered_agent(self, agent: RegisteredAgent) -> None:
        self._session.run("save_registered_agent", AGENTS.row(agent))

    def save_tool_endpoint(self, endpoint: ToolEndpoint) -> None:
        self._session.run("save_tool_endpoint", ENDPOINTS.row(endpoint))

    def forget_tool_endpoint(self, project_id: str, endpoint_id: str) -> None:
        self._session.run("forget_tool_endpoint", {"project_id": project_id, "id": endpoint_id})

    def save_agent_run(self, run: AgentRun) -> None:
        self._session.run("save_agent_run", AGENT_RUNS.row(run))
