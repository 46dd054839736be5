"""Queries and writes of workflows, tasks, registered agents, tool endpoints and agent runs."""

from titan.model.evaluations import AgentRun, RegisteredAgent, Task, ToolEndpoint, Workflow
from titan.store.columns import RowReader, methods_read_rows
from titan.store.runs.rows import AGENT_RUNS, ENDPOINTS, REGISTERED_AGENTS, TASKS, WORKFLOWS


@methods_read_rows
class SqlEvaluationReader(RowReader):
    """Implements `titan.ports.runs_store.EvaluationReader`; its docstrings stand there."""

    __slots__ = ()

    def workflow(self, project_id: str, workflow_id: str) -> Workflow | None:
        return self._first(WORKFLOWS, "workflow", project_id=project_id, id=workflow_id)

    def workflows(self, project_id: str) -> list[Workflow]:
        return self._find(WORKFLOWS, "workflows", project_id=project_id)

    def task(self, project_id: str, workflow_id: str, task_id: str) -> Task | None:
        return self._first(TASKS, "task", project_id=project_id, workflow_id=workflow_id, id=task_id)

    def tasks(self, project_id: str, workflow_id: str, *, after: str = "", limit: int) -> list[Task]:
        return self._find(TASKS, "tasks", project_id=project_id, workflow_id=workflow_id, after=after, limit=limit)

    def registered_agent(
        self, project_id: str, agent_id: str, version: int | None = None, *, workflow_id: str | None = None
    ) -> RegisteredAgent | None:
        wanted = {"id": agent_id, "version": version, "workflow_id": workflow_id}
        return self._first(REGISTERED_AGENTS, "registered_agent", project_id=project_id, **wanted)

    def registered_agents(self, project_id: str) -> list[RegisteredAgent]:
        return self._find(REGISTERED_AGENTS, "registered_agents", project_id=project_id)

    def tool_endpoint(self, project_id: str, endpoint_id: str) -> ToolEndpoint | None:
        return self._first(ENDPOINTS, "tool_endpoint", project_id=project_id, id=endpoint_id)

    def tool_endpoints(self, project_id: str) -> list[ToolEndpoint]:
        return self._find(ENDPOINTS, "tool_endpoints", project_id=project_id)

    def agent_run(self, project_id: str, run_id: str) -> AgentRun | None:
        return self._first(AGENT_RUNS, "agent_run", project_id=project_id, run_id=run_id)

    def agent_runs(
        self, project_id: str, workflow_id: str, *, task_id: str | None = None, before: str | None = None, limit: int
    ) -> list[AgentRun]:
        within = {"project_id": project_id, "workflow_id": workflow_id, "task_id": task_id}
        return self._find(AGENT_RUNS, "agent_runs", **within, before=before, limit=limit)

    def unfinished_agent_runs(self) -> list[AgentRun]:
        return self._find(AGENT_RUNS, "unfinished_agent_runs")


class SqlEvaluationTransaction(SqlEvaluationReader):
    """Implements `titan.ports.runs_store.EvaluationTransaction`; its docstrings stand there."""

    def save_workflow(self, workflow: Workflow) -> None:
        self._session.run("save_workflow", WORKFLOWS.row(workflow))

    def forget_workflow(self, project_id: str, workflow_id: str) -> None:
        place = {"project_id": project_id, "id": workflow_id}
        self._session.run("forget_agents_of_workflow", place)
        self._session.run("forget_workflow", place)

    def save_task(self, task: Task) -> None:
        self._session.run("save_task", TASKS.row(task))

    def forget_task(self, project_id: str, workflow_id: str, task_id: str) -> None:
        place = {"project_id": project_id, "workflow_id": workflow_id, "task_id": task_id}
        self._session.run("forget_agent_runs_of_task", place)
        self._session.run("forget_task", place)

    def save_registered_agent(self, agent: RegisteredAgent) -> None:
        self._session.run("save_registered_agent", REGISTERED_AGENTS.row(agent))

    def save_tool_endpoint(self, endpoint: ToolEndpoint) -> None:
        self._session.run("save_tool_endpoint", ENDPOINTS.row(endpoint))

    def forget_tool_endpoint(self, project_id: str, endpoint_id: str) -> None:
        self._session.run("forget_tool_endpoint", {"project_id": project_id, "id": endpoint_id})

    def save_agent_run(self, run: AgentRun) -> None:
        self._session.run("save_agent_run", AGENT_RUNS.row(run))
